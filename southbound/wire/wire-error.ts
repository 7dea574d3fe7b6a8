/** What can be wrong with bytes that came from, or with a value that should go on, the wire. */
export type WireErrorCode =
  /** fewer bytes than the format needs */
  | 'truncated'
  /** a length field is smaller than its minimum or reaches past the end of what contains it */
  | 'bad_length'
  /** the bytes are of the right length and mean nothing that the format allows */
  | 'bad_value'
  /** a value to encode does not fit its field */
  | 'out_of_range';

/** The only error that decoding throws; whoever owns the connection turns it into a close reason. */
export class WireError extends Error {
  readonly code: WireErrorCode;
  /** Offset in bytes from the start of the buffer that was being read or written. */
  readonly offset: number;

  constructor(code: WireErrorCode, detail: string, offset: number) {
    super(`${detail} (at byte ${offset})`);
    this.name = 'WireError';
    this.code = code;
    this.offset = offset;
  }
}
