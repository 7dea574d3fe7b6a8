/**
 * Whether a packet fits the match of a flow, told from the bytes of its message: most flows of a table do not fit, and need no decoding to
 * know it. Fields as OpenFlow 1.5.1 section 7.2.3.2 has them: class (16 bits), number (7), whether there is a mask (1), length (8).
 */
import { fieldByCodePoint, type OxmField } from '../../southbound/openflow/oxm.js';

const headBytes = 4;
const noMask = 0xfe;
const experimenterClass = 0xffff;

/** Fields by class and number; null where their values are not as long as the field is, or they are not known. */
const fields = new Map<number, OxmField | null>();

function fieldOf(oxmClass: number, numberAndMask: number): OxmField | null {
  const key = (oxmClass << 8) | (numberAndMask & noMask);
  let field = fields.get(key);
  if (field === undefined) {
    const found = oxmClass === experimenterClass ? undefined : fieldByCodePoint(oxmClass, numberAndMask >> 1, null);
    field = found === undefined || found.variable ? null : found;
    fields.set(key, field);
  }
  return field;
}

/** Values of a packet as bytes, a byte a character, as matches have them. */
export class PacketBytes {
  readonly #get: (field: OxmField) => bigint;
  readonly #texts = new Map<OxmField, string>();

  constructor(get: (field: OxmField) => bigint) {
    this.#get = get;
  }

  /** Whether it fits the fields from `at` to `end`; null: that takes decoding. */
  fits(messages: string, at: number, end: number): boolean | null {
    for (let place = at; place < end; place += headBytes + messages.charCodeAt(place + 3)) {
      const numberAndMask = messages.charCodeAt(place + 2);
      const field = fieldOf((messages.charCodeAt(place) << 8) | messages.charCodeAt(place + 1), numberAndMask);
      if (field === null) return null;
      const value = this.#valueOf(field);
      const start = place + headBytes;
      const isMasked = (numberAndMask & 1) === 1;
      if (isMasked ? !agrees(messages, start, value) : !messages.startsWith(value, start)) return false;
    }
    return true;
  }

  #valueOf(field: OxmField): string {
    let text = this.#texts.get(field);
    if (text === undefined) {
      const hex = this.#get(field)
        .toString(16)
        .padStart(2 * field.bytes, '0');
      this.#texts.set(field, (text = Buffer.from(hex, 'hex').toString('latin1')));
    }
    return text;
  }
}

/** Whether the value is the one at `start` in the bits of the mask after it. */
function agrees(messages: string, start: number, value: string): boolean {
  const { length } = value;
  for (let index = 0; index < length; index += 1) {
    const difference = value.charCodeAt(index) ^ messages.charCodeAt(start + index);
    if ((difference & messages.charCodeAt(start + length + index)) !== 0) return false;
  }
  return true;
}
