/**
 * Records. `struct()` compiles its constant list of fields, once at load, to straight-line code: runs of
 * scalars become plain DataView accesses under one bounds check, which makes a declared message as fast as one
 * written by hand. Field names are the only text that goes into the code, and they are checked to be identifiers.
 */
import type { Codec, Constant, Infer, Valueless } from './codec.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';
import { WireError } from './wire-error.js';

export type Fields = Readonly<Record<string, Codec<unknown>>>;

export type StructValue<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Valueless ? never : K]: Infer<F[K]>;
};

interface Field {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly index: number;
}

/**
 * `run`: consecutive fields of fixed size, which share one bounds check. A run ends after the total length, because
 * what follows is read inside the bounds that it gives. `call`: a field whose codec is called.
 */
type Step =
  | { readonly kind: 'run'; readonly fields: Field[]; bytes: number; endsInTotalLength: boolean }
  | { readonly kind: 'call'; readonly field: Field };

const identifier = /^[a-z][A-Za-z0-9]*$/;
const rangeTests = {
  Uint8: (value: string) => `(${value} & 0xff) !== ${value}`,
  Uint16: (value: string) => `(${value} & 0xffff) !== ${value}`,
  Uint32: (value: string) => `(${value} >>> 0) !== ${value}`,
  BigUint64: (value: string) => `${value} < 0n || ${value} > 0xffffffffffffffffn`,
} as const;

function isConstant(codec: Codec<unknown>): codec is Constant<unknown> {
  return 'constant' in codec;
}

function roleOf(codec: Codec<unknown>): Valueless['role'] | undefined {
  return (codec as Partial<Valueless>).role;
}

function planSteps(fields: readonly Field[]): readonly Step[] {
  const steps: Step[] = [];
  for (const field of fields) {
    const { codec } = field;
    if (isConstant(codec)) continue;
    const role = roleOf(codec);
    if (!codec.scalar && !role) {
      steps.push({ kind: 'call', field });
      continue;
    }
    let run = steps.at(-1);
    if (run?.kind !== 'run' || run.endsInTotalLength) {
      run = { kind: 'run', fields: [], bytes: 0, endsInTotalLength: false };
      steps.push(run);
    }
    run.fields.push(field);
    run.bytes += codec.minimumBytes;
    run.endsInTotalLength = role?.kind === 'totalLength';
  }
  return steps;
}

/** Names of the fields whose length stands in an earlier field. */
function measuredFields(fields: readonly Field[]): ReadonlySet<string> {
  const measured = new Set<string>();
  for (const { codec } of fields) {
    const role = roleOf(codec);
    if (role?.kind === 'lengthOf') measured.add(role.field);
  }
  return measured;
}

function encodeScalar({ name, codec, index }: Field, place: number): readonly string[] {
  const role = roleOf(codec);
  if (codec.scalar) {
    const { accessor, toWire } = codec.scalar;
    return [
      `value = ${toWire ? `c[${index}].scalar.toWire(record.${name})` : `record.${name}`};`,
      `if (${rangeTests[accessor]('value')}) outOfRange('${name}', record.${name}, at);`,
      `view.set${accessor}(at + ${place}, value);`,
    ];
  }
  if (role?.kind === 'lengthOf') return [`const lengthAt$${role.field} = at + ${place};`];
  if (role?.kind === 'totalLength') return [`const totalAt = at + ${place};`];
  return [`writer.bytes.fill(0, at + ${place}, at + ${place + codec.minimumBytes});`];
}

function encoderSource(steps: readonly Step[], measured: ReadonlySet<string>): string {
  const lines: string[] = ['let at, view, value, from; const start = writer.offset;'];
  for (const step of steps) {
    if (step.kind === 'call') {
      const { index, name } = step.field;
      const call = `c[${index}].encode(writer, record.${name});`;
      if (measured.has(name)) {
        lines.push(`from = writer.offset; ${call} writer.patchU16(lengthAt$${name}, writer.offset - from);`);
      } else {
        lines.push(call);
      }
      continue;
    }
    lines.push(`at = writer.reserve(${step.bytes}); view = writer.view;`);
    let place = 0;
    for (const field of step.fields) {
      lines.push(...encodeScalar(field, place));
      place += field.codec.minimumBytes;
    }
  }
  if (steps.some(step => step.kind === 'run' && step.endsInTotalLength)) {
    lines.push('writer.patchU16(totalAt, writer.offset - start);');
  }
  return lines.join('\n');
}

function decodeScalar({ name, codec, index }: Field, place: number): readonly string[] {
  const role = roleOf(codec);
  if (codec.scalar) {
    const read = `view.get${codec.scalar.accessor}(at + ${place})`;
    return [`const $${name} = ${codec.scalar.fromWire ? `c[${index}].scalar.fromWire(${read})` : read};`];
  }
  if (role?.kind === 'lengthOf') return [`const length$${role.field} = view.getUint16(at + ${place});`];
  if (role?.kind === 'totalLength') return [`const total = view.getUint16(at + ${place});`];
  return [];
}

function decoderSource(steps: readonly Step[], fields: readonly Field[], measured: ReadonlySet<string>): string {
  const lines: string[] = ['let at; const view = reader.view; const start = reader.offset;'];
  let left = fields.reduce((sum, field) => sum + field.codec.minimumBytes, 0);
  for (const step of steps) {
    if (step.kind === 'call') {
      const { index, name, codec } = step.field;
      const source = measured.has(name) ? `reader.within(length$${name}, ${codec.minimumBytes})` : 'reader';
      lines.push(`const $${name} = c[${index}].decode(${source});`);
      left -= codec.minimumBytes;
      continue;
    }
    lines.push(`at = reader.take(${step.bytes});`);
    let place = 0;
    for (const field of step.fields) {
      lines.push(...decodeScalar(field, place));
      place += field.codec.minimumBytes;
    }
    left -= step.bytes;
    if (step.endsInTotalLength) lines.push(`reader = reader.within(total - (reader.offset - start), ${left});`);
  }
  const properties = fields
    .filter(field => !roleOf(field.codec))
    .map(({ name, codec, index }) => `${name}: ${isConstant(codec) ? `c[${index}].constant` : `$${name}`}`);
  lines.push(`return { ${properties.join(', ')} };`);
  return lines.join('\n');
}

function outOfRange(name: string, value: unknown, at: number): never {
  throw new WireError('out_of_range', `${name}: ${String(value)} does not fit its field`, at);
}

/** A record whose fields stand on the wire in the order of their declaration. */
export function struct<const F extends Fields>(declaration: F): Codec<StructValue<F>> {
  const fields = Object.entries(declaration).map(([name, codec], index) => ({ name, codec, index }));
  for (const { name } of fields) if (!identifier.test(name)) throw new TypeError(`field name ${name}`);
  const codecs = fields.map(field => field.codec);
  const steps = planSteps(fields);
  const measured = measuredFields(fields);
  const compile = (parameters: string, body: string): unknown =>
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- see the head of this file
    new Function('c', 'outOfRange', `'use strict'; return function (${parameters}) {\n${body}\n};`)(codecs, outOfRange);
  const encode = compile('writer, record', encoderSource(steps, measured));
  const decode = compile('reader', decoderSource(steps, fields, measured));
  return {
    shape: { kind: 'struct', fields: declaration },
    minimumBytes: codecs.reduce((sum, codec) => sum + codec.minimumBytes, 0),
    encode: encode as (writer: Writer, record: StructValue<F>) => void,
    decode: decode as (reader: Reader) => StructValue<F>,
  };
}
