/** Error: the switch refuses a message. What type and code mean is in error-names.ts. */
import { restBytes, u16, u32, type Codec } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import type { MessageDeclaration } from './message.js';

/** The type of errors that an experimenter defines; such an error's own type stands in `code`. */
export const experimenterErrorType = 0xffff;

export interface ErrorMessage {
  readonly kind: 'error';
  readonly type: number;
  readonly code: number;
  /** Whose error it is when the type is `experimenterErrorType`, else null. */
  readonly experimenter: number | null;
  /** The first bytes, at least 64 if it had so many, of the message that was refused; text for a failed hello. */
  readonly data: Uint8Array;
}

const standard = struct({ type: u16, code: u16, data: restBytes });
const experimenters = struct({ type: u16, code: u16, experimenter: u32, data: restBytes });

const body: Codec<ErrorMessage> = {
  minimumBytes: standard.minimumBytes,
  encode: (writer, value) => {
    const { experimenter } = value;
    if (experimenter === null) standard.encode(writer, value);
    else experimenters.encode(writer, { ...value, experimenter });
  },
  decode: reader => {
    const isExperimenters = reader.remaining >= 8 && reader.view.getUint16(reader.offset) === experimenterErrorType;
    if (isExperimenters) return { kind: 'error', ...experimenters.decode(reader) };
    return { kind: 'error', experimenter: null, ...standard.decode(reader) };
  },
};

export const ErrorMessage: MessageDeclaration<ErrorMessage> = { kind: 'error', tag: { type: 1 }, body };
