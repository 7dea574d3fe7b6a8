/**
 * Cuts a byte stream into JSON objects.
 *
 * OVSDB peers put nothing between two messages, so a message ends where its outermost bracket closes.
 * The scan is over bytes: every byte of a multi-byte UTF-8 character is >= 0x80, so a character that is
 * cut in two by the network can neither open nor close anything, and only whole messages are decoded.
 *
 * Integers: `JSON.parse` rounds beyond 2^53. The columns that can carry such numbers (all `statistics`,
 * `CT_Timeout_Policy.timeouts`) are not declared in `schema.ts` and hence never subscribed to; a number
 * beyond 2^53 in another column is recognised by `Number.isSafeInteger` where it matters.
 */

/** Anything that JSON can say. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** A JSON object. Members come from the peer: look them up with `Object.hasOwn`. */
export interface JsonObject {
  readonly [member: string]: JsonValue;
}

/** True for an object that is neither null nor an array. */
export function isJsonObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export interface JsonStreamLimits {
  /** Deepest nesting of brackets in one message. */
  readonly depth: number;
  /** Longest message in bytes; also the most that is ever held for an unfinished one. */
  readonly messageBytes: number;
}

export const defaultJsonStreamLimits: JsonStreamLimits = { depth: 64, messageBytes: 64 * 1024 * 1024 };

/** The peer sent something that is not a stream of JSON objects within the limits; the connection is of no more use. */
export class JsonStreamError extends Error {
  override readonly name = 'JsonStreamError';
}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

function isWhitespace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

export class JsonStream {
  #limits: JsonStreamLimits;
  /** Slices of the message that is not complete yet. */
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #failed: JsonStreamError | null = null;

  constructor(limits: JsonStreamLimits = defaultJsonStreamLimits) {
    this.#limits = limits;
  }

  /** From now on; a peer that has told who it is may be granted longer messages. */
  setLimits(limits: JsonStreamLimits): void {
    this.#limits = limits;
  }

  /** Bytes held for a message that is not complete yet. */
  get pendingBytes(): number {
    return this.#partBytes;
  }

  /**
   * Feeds bytes and yields each message that they complete, one after the other (lazily, so that a chunk
   * of many messages is never held decoded). Iterate to the end before feeding more.
   * @throws JsonStreamError at a stray byte, a limit, or text that is not JSON; every later call throws it again.
   */
  *push(chunk: Uint8Array): Generator<JsonObject, void, undefined> {
    if (this.#failed) throw this.#failed;
    let start = 0;
    let position = 0;
    while (position < chunk.length) {
      if (this.#depth === 0) {
        const byte = chunk[position] ?? 0;
        if (isWhitespace(byte)) {
          position++;
          continue;
        }
        if (byte !== openBrace) this.#fail(`a message begins with byte 0x${byte.toString(16)}, not with "{"`);
        start = position;
        this.#depth = 1;
        position++;
      }
      position = this.#scan(chunk, position);
      this.#hold(chunk.subarray(start, position));
      if (this.#depth === 0) yield this.#takeMessage();
      start = position;
    }
  }

  /** Scans to the end of the message or of the chunk, and returns the position behind what it took. */
  #scan(chunk: Uint8Array, from: number): number {
    let depth = this.#depth;
    let inString = this.#inString;
    let escaped = this.#escaped;
    let position = from;
    while (position < chunk.length && depth > 0) {
      const byte = chunk[position++];
      if (inString) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inString = false;
      } else if (byte === quote) inString = true;
      else if (byte === openBrace || byte === openBracket) {
        if (++depth > this.#limits.depth) this.#fail(`nested deeper than ${this.#limits.depth}`);
      } else if (byte === closeBrace || byte === closeBracket) depth--;
    }
    this.#depth = depth;
    this.#inString = inString;
    this.#escaped = escaped;
    return position;
  }

  #hold(part: Uint8Array): void {
    this.#partBytes += part.length;
    if (this.#partBytes > this.#limits.messageBytes) {
      this.#fail(`a message is longer than ${this.#limits.messageBytes} bytes`);
    }
    // Many tiny chunks would cost more in bookkeeping than in bytes, so small parts are glued as they come.
    const last = this.#parts.at(-1);
    if (last && last.length + part.length <= 4096) this.#parts[this.#parts.length - 1] = Buffer.concat([last, part]);
    else this.#parts.push(part);
  }

  #takeMessage(): JsonObject {
    const parts = this.#parts;
    const only = parts[0];
    const bytes = parts.length === 1 && only ? only : Buffer.concat(parts, this.#partBytes);
    this.#parts = [];
    this.#partBytes = 0;
    let value: JsonValue;
    try {
      value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')) as JsonValue;
    } catch (cause) {
      this.#fail('a message is not JSON', cause);
    }
    // The first byte was "{", so nothing else can come out of the parser.
    return value as JsonObject;
  }

  #fail(reason: string, cause?: unknown): never {
    this.#parts = [];
    this.#partBytes = 0;
    this.#failed = new JsonStreamError(reason, { cause });
    throw this.#failed;
  }
}
