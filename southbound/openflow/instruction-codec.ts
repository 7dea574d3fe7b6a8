/** Instructions on the wire: type, length, body, always a multiple of 8 bytes. Source: OpenFlow 1.5.1 section 7.2.5. */
import type { Codec } from '../wire/codec.js';
import { mapped, padding, u32, u64, u8 } from '../wire/codec.js';
import { struct } from '../wire/struct.js';
import { WireError } from '../wire/wire-error.js';
import { actionsCodec } from './action-codec.js';
import { emptyBody } from './action-form.js';
import type { Instruction, InstructionKind, InstructionOf } from './instructions.js';
import { canonicalInstructions, writeMetadata } from './instructions.js';
import { Version } from './version.js';

type KnownKind = Exclude<InstructionKind, 'unknown'>;
type Body<K extends KnownKind> = Omit<InstructionOf<K>, 'kind'>;

const HEADER_BYTES = 4;
const ALIGNMENT = 8;
const ALL_METADATA = 0xffff_ffff_ffff_ffffn;

const actionList = struct({ gap: padding(4), actions: actionsCodec });

const metadata: Codec<Body<'writeMetadata'>> = mapped(
  struct({ gap: padding(4), value: u64, mask: u64 }),
  ({ value, mask }) => writeMetadata(value, mask),
  ({ value, mask = ALL_METADATA }) => ({ value, mask }),
);

const declarations: { readonly [K in KnownKind]: { readonly type: number; readonly body: Codec<Body<K>> } } = {
  gotoTable: { type: 1, body: struct({ table: u8 }) },
  writeMetadata: { type: 2, body: metadata },
  writeActions: { type: 3, body: actionList },
  applyActions: { type: 4, body: actionList },
  clearActions: { type: 5, body: emptyBody },
  meter: { type: 6, body: struct({ meterId: u32 }) },
};

const byType: ReadonlyMap<number, readonly [KnownKind, Codec<object>]> = new Map(
  Object.entries(declarations).map(([kind, { type, body }]) => [type, [kind as KnownKind, body as Codec<object>]]),
);

const instructionCodec: Codec<Instruction> = {
  minimumBytes: ALIGNMENT,
  encode: (writer, instruction) => {
    const start = writer.reserve(HEADER_BYTES);
    if (instruction.kind === 'unknown') {
      writer.patchU16(start, instruction.type);
      writer.raw(instruction.bytes);
    } else {
      const { type, body } = declarations[instruction.kind];
      writer.patchU16(start, type);
      (body as Codec<object>).encode(writer, instruction);
    }
    writer.align(ALIGNMENT, start);
    const bytes = writer.offset - start;
    if (bytes > 0xffff) throw new WireError('out_of_range', `${instruction.kind} of ${bytes} bytes`, start);
    writer.patchU16(start + 2, bytes);
  },
  decode: reader => {
    const start = reader.offset;
    const type = reader.u16();
    const length = reader.u16();
    if (length % ALIGNMENT !== 0) throw new WireError('bad_length', `instruction of ${length} bytes`, start);
    const content = reader.within(length - HEADER_BYTES, HEADER_BYTES);
    const found = byType.get(type);
    if (found === undefined) return { kind: 'unknown', type, bytes: content.rest() };
    const [kind, body] = found;
    return { kind, ...body.decode(content) } as Instruction;
  },
};

/** Before OpenFlow 1.5 a flow meters by an instruction: a meter action must be the first one. */
function liftMeter(instructions: readonly Instruction[]): readonly Instruction[] {
  return instructions.flatMap((instruction): readonly Instruction[] => {
    if (instruction.kind !== 'applyActions') return [instruction];
    const [first, ...rest] = instruction.actions;
    if (first?.kind !== 'meter') return [instruction];
    return [first, { kind: 'applyActions', actions: rest }];
  });
}

/**
 * Instructions up to the end of what contains them, written in the order in which Open vSwitch writes them.
 * Throws WireError when the version cannot say what an instruction or an action means.
 */
export const instructionsCodec: Codec<readonly Instruction[]> = {
  minimumBytes: 0,
  encode: (writer, given) => {
    const hasMeterAction = writer.version >= Version.openflow15;
    if (hasMeterAction && given.some(({ kind }) => kind === 'meter')) {
      throw new WireError('out_of_range', 'metering is an action in OpenFlow 1.5', writer.offset);
    }
    for (const instruction of canonicalInstructions(hasMeterAction ? given : liftMeter(given))) {
      instructionCodec.encode(writer, instruction);
    }
  },
  decode: reader => {
    const instructions: Instruction[] = [];
    while (reader.remaining > 0) instructions.push(instructionCodec.decode(reader));
    return instructions;
  },
};
