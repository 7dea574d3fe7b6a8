/**
 * Cuts a stream of bytes into OpenFlow messages. It holds at most one message that is not yet complete, so its memory
 * is bounded by 64 kB whatever the peer sends.
 */
import { WireError } from '../wire/wire-error.js';
import { headerBytes, maximumMessageBytes } from './message-codec.js';

const initialBytes = 2048;
/** Version, type and length: as much as is needed to know where a message ends. */
const lengthKnownBytes = 4;

export class Framer {
  private held = new Uint8Array(initialBytes);
  private heldBytes = 0;

  /** Bytes of a message that has begun and is not complete. */
  get pendingBytes(): number {
    return this.heldBytes;
  }

  /**
   * Takes the next bytes and hands out every message that they complete, in order. The bytes given to `onMessage` are
   * valid until it returns; it returns false to stop. Throws WireError for a length below that of the header: the
   * stream cannot be understood from there on.
   */
  push(chunk: Uint8Array, onMessage: (bytes: Uint8Array) => boolean): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.heldBytes === 0 && chunk.length - at >= lengthKnownBytes) {
        const length = messageLength(chunk, at);
        if (chunk.length - at >= length) {
          at += length;
          if (!onMessage(chunk.subarray(at - length, at))) return;
          continue;
        }
      }
      at += this.hold(chunk, at);
      if (this.heldBytes < lengthKnownBytes) return;
      const length = messageLength(this.held, 0);
      if (this.heldBytes < length) continue;
      this.heldBytes = 0;
      if (!onMessage(this.held.subarray(0, length))) return;
    }
  }

  /** Copies what belongs to the message that has begun; returns how many bytes that were. */
  private hold(chunk: Uint8Array, at: number): number {
    const wanted = this.heldBytes < lengthKnownBytes ? lengthKnownBytes : messageLength(this.held, 0);
    const count = Math.min(wanted - this.heldBytes, chunk.length - at);
    if (wanted > this.held.length) {
      const grown = new Uint8Array(Math.min(maximumMessageBytes, Math.max(wanted, this.held.length * 4)));
      grown.set(this.held.subarray(0, this.heldBytes));
      this.held = grown;
    }
    this.held.set(chunk.subarray(at, at + count), this.heldBytes);
    this.heldBytes += count;
    return count;
  }
}

function messageLength(bytes: Uint8Array, at: number): number {
  const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
  if (length < headerBytes) throw new WireError('bad_length', `message length ${length}`, at + 2);
  return length;
}
