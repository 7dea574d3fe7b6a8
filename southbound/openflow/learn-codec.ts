/**
 * The learn action on the wire: a fixed head and a list of specs, each a 16-bit header that says what follows.
 * Source: nicira-ext, NXAST_LEARN and NXAST_LEARN2.
 */
import type { Codec } from '../wire/codec.js';
import { flagsOf, padding, u16, u32, u64, u8 } from '../wire/codec.js';
import type { Reader } from '../wire/reader.js';
import { struct } from '../wire/struct.js';
import { WireError } from '../wire/wire-error.js';
import type { Writer } from '../wire/writer.js';
import type { LearnSpec } from './action.js';
import type { ActionBody } from './action-form.js';
import { readSubfield } from './action-form.js';
import { niciraField } from './match-codec.js';
import type { Subfield } from './oxm.js';

const WIDTH_MASK = 0x07ff;
const IMMEDIATE = 0x2000;
const DESTINATION_MASK = 0x1800;
const destinations = { match: 0x0000, load: 0x0800, output: 0x1000 } as const;
const RESERVED_BITS = 0xc000;

/** A constant travels in whole 16-bit words, right-aligned. */
function immediateBytes(bits: number): number {
  return Math.ceil(bits / 16) * 2;
}

function writeSubfield(writer: Writer, { field, offset }: Subfield): void {
  niciraField.encode(writer, field);
  writer.u16(offset);
}

function readSubfieldOf(reader: Reader, bits: number): Subfield {
  const at = reader.offset;
  const field = niciraField.decode(reader);
  return readSubfield(field, reader.u16(), bits, at);
}

function writeSpec(writer: Writer, spec: LearnSpec): void {
  const { source } = spec;
  const { bits } = spec.kind === 'output' ? spec.source : spec.destination;
  if (typeof source === 'bigint') {
    if (source >> BigInt(bits) !== 0n) throw new WireError('out_of_range', `${source} in ${bits} bits`, writer.offset);
    writer.u16(IMMEDIATE | destinations[spec.kind] | bits);
    writer.unsigned(source, immediateBytes(bits));
  } else {
    if (source.bits !== bits) throw new WireError('out_of_range', 'learn between unequal widths', writer.offset);
    writer.u16(destinations[spec.kind] | bits);
    writeSubfield(writer, source);
  }
  if (spec.kind !== 'output') writeSubfield(writer, spec.destination);
}

function readSpec(reader: Reader, header: number): LearnSpec {
  const at = reader.offset;
  const bits = header & WIDTH_MASK;
  const isImmediate = (header & IMMEDIATE) !== 0;
  if (bits === 0 || (header & RESERVED_BITS) !== 0) throw new WireError('bad_value', `learn spec ${header}`, at);
  const place = header & DESTINATION_MASK;
  if (place === destinations.output) {
    if (isImmediate) throw new WireError('bad_value', 'learned output to a constant', at);
    return { kind: 'output', source: readSubfieldOf(reader, bits) };
  }
  if (place !== destinations.match && place !== destinations.load) {
    throw new WireError('bad_value', `learn spec ${header}`, at);
  }
  const source = isImmediate ? reader.unsigned(immediateBytes(bits)) : readSubfieldOf(reader, bits);
  if (typeof source === 'bigint' && source >> BigInt(bits) !== 0n) {
    throw new WireError('bad_value', `${source} in ${bits} bits`, at);
  }
  return { kind: place === destinations.match ? 'match' : 'load', destination: readSubfieldOf(reader, bits), source };
}

/** Specs up to a zero header or the end of what contains them. */
const specList: Codec<readonly LearnSpec[]> = {
  minimumBytes: 0,
  encode: (writer, specs) => {
    for (const spec of specs) writeSpec(writer, spec);
  },
  decode: reader => {
    const specs: LearnSpec[] = [];
    while (reader.remaining >= 2) {
      const header = reader.u16();
      if (header === 0) break;
      specs.push(readSpec(reader, header));
    }
    return specs;
  },
};

const flags = flagsOf(u16, { sendFlowRemoved: 1, deleteLearned: 2, writeResult: 4 });

const head = struct({
  idleTimeout: u16,
  hardTimeout: u16,
  priority: u16,
  cookie: u64,
  flags,
  table: u8,
  gap: padding(1),
  finIdleTimeout: u16,
  finHardTimeout: u16,
});
const resultHead = struct({ limit: u32, resultOffset: u16, gap: padding(2) });

function writeHead(writer: Writer, value: ActionBody<'learn'>): void {
  const { sendFlowRemoved, deleteLearned, resultDestination, ...rest } = value;
  head.encode(writer, {
    ...rest,
    flags: [
      ...(sendFlowRemoved ? (['sendFlowRemoved'] as const) : []),
      ...(deleteLearned ? (['deleteLearned'] as const) : []),
      ...(resultDestination === null ? [] : (['writeResult'] as const)),
    ],
  });
}

interface Result {
  readonly limit: number;
  readonly resultDestination: Subfield | null;
}

function learnBody(
  readResult: (reader: Reader, writesResult: boolean) => Result,
  writeResult: (writer: Writer, value: Result) => void,
): Codec<ActionBody<'learn'>> {
  return {
    minimumBytes: head.minimumBytes,
    encode: (writer, value) => {
      writeHead(writer, value);
      writeResult(writer, value);
      specList.encode(writer, value.specs);
    },
    decode: reader => {
      const { flags: set, ...rest } = head.decode(reader);
      const result = readResult(reader, set.includes('writeResult'));
      const sendFlowRemoved = set.includes('sendFlowRemoved');
      const deleteLearned = set.includes('deleteLearned');
      return { ...rest, sendFlowRemoved, deleteLearned, ...result, specs: specList.decode(reader) };
    },
  };
}

const noResult: Result = { limit: 0, resultDestination: null };

export const learnCodec = learnBody(
  () => noResult,
  () => undefined,
);

/** Nicira's second form, with a limit and a bit that tells whether the flow was learned. */
export const learn2Codec = learnBody(
  (reader, writesResult) => {
    const { limit, resultOffset } = resultHead.decode(reader);
    const at = reader.offset;
    const field = writesResult ? niciraField.decode(reader) : null;
    return { limit, resultDestination: field === null ? null : readSubfield(field, resultOffset, 1, at) };
  },
  (writer, { limit, resultDestination }) => {
    resultHead.encode(writer, { limit, resultOffset: resultDestination?.offset ?? 0 });
    if (resultDestination !== null) niciraField.encode(writer, resultDestination.field);
  },
);
