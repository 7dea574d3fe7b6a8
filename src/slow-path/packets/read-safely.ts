/** The edge between what workloads write and what Weft believes: a codec may throw a WireError, and its caller gets null. */
import { WireError } from '../../../southbound/wire/wire-error.js';

/** What `read` gives, or null where the bytes are not as they have to be. */
export function readSafely<T>(read: () => T): T | null {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof WireError)) throw cause;
    return null;
  }
}
