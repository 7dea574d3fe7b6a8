/** Ids that follow from a name (RFC 9562, version 5): what there is once for each project, or follows from something else, has one. */
import { createHash } from 'node:crypto';

/** Names of this API. */
const NAMESPACE = Buffer.from('8c1f0d5e6a7b4c1e9f3d2b0a57c64e10', 'hex');

export function namedId(...name: readonly string[]): string {
  const digest = createHash('sha1').update(NAMESPACE).update(JSON.stringify(name)).digest().subarray(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
