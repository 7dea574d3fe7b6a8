/**
 * Records. `struct()` compiles its constant list of fields, once at load, to straight-line code: runs of
 * scalars become plain DataView accesses under one bounds check, which makes a declared message as fast as one
 * written by hand. Field names are the only text that goes into the code, and they are checked to be identifiers.
 */
import type { Codec, Infer, Padding } from './codec.js';
import type { Reader } from './reader.js';
import type { Writer } from './writer.js';
import { WireError } from './wire-error.js';

export type Fields = Readonly<Record<string, Codec<unknown>>>;

export type StructValue<F extends Fields> = {
  readonly [K in keyof F as F[K] extends Padding ? never : K]: Infer<F[K]>;
};

interface Field {
  readonly name: string;
  readonly codec: Codec<unknown>;
  readonly index: number;
  readonly isPadding: boolean;
}

/** Consecutive fields that are of fixed place and share one bounds check, or one codec that is called. */
type Step =
  | { readonly kind: 'run'; readonly fields: Field[]; bytes: number }
  | { readonly kind: 'call'; readonly field: Field };

const identifier = /^[a-z][A-Za-z0-9]*$/;
const rangeTests = {
  Uint8: (value: string) => `(${value} & 0xff) !== ${value}`,
  Uint16: (value: string) => `(${value} & 0xffff) !== ${value}`,
  Uint32: (value: string) => `(${value} >>> 0) !== ${value}`,
  BigUint64: (value: string) => `${value} < 0n || ${value} > 0xffffffffffffffffn`,
} as const;

function isPadding(codec: Codec<unknown>): codec is Padding {
  return 'isPadding' in codec;
}

function planSteps(fields: Fields): readonly Step[] {
  const steps: Step[] = [];
  Object.entries(fields).forEach(([name, codec], index) => {
    if (!identifier.test(name)) throw new TypeError(`field name ${name}`);
    const field = { name, codec, index, isPadding: isPadding(codec) };
    if (!codec.scalar && !field.isPadding) {
      steps.push({ kind: 'call', field });
      return;
    }
    let run = steps.at(-1);
    if (run?.kind !== 'run') {
      run = { kind: 'run', fields: [], bytes: 0 };
      steps.push(run);
    }
    run.fields.push(field);
    run.bytes += codec.minimumBytes;
  });
  return steps;
}

function encoderSource(steps: readonly Step[]): string {
  const lines: string[] = ['let at, view, value;'];
  for (const step of steps) {
    if (step.kind === 'call') {
      lines.push(`c[${step.field.index}].encode(writer, record.${step.field.name});`);
      continue;
    }
    lines.push(`at = writer.reserve(${step.bytes}); view = writer.view;`);
    let place = 0;
    for (const { name, codec, index } of step.fields) {
      if (codec.scalar) {
        const { accessor, toWire } = codec.scalar;
        lines.push(`value = ${toWire ? `c[${index}].scalar.toWire(record.${name})` : `record.${name}`};`);
        lines.push(`if (${rangeTests[accessor]('value')}) outOfRange('${name}', record.${name}, at);`);
        lines.push(`view.set${accessor}(at + ${place}, value);`);
      } else {
        lines.push(`writer.bytes.fill(0, at + ${place}, at + ${place + codec.minimumBytes});`);
      }
      place += codec.minimumBytes;
    }
  }
  return lines.join('\n');
}

function decoderSource(steps: readonly Step[]): string {
  const lines: string[] = ['let at; const view = reader.view;'];
  const names: string[] = [];
  for (const step of steps) {
    if (step.kind === 'call') {
      names.push(step.field.name);
      lines.push(`const $${step.field.name} = c[${step.field.index}].decode(reader);`);
      continue;
    }
    lines.push(`at = reader.take(${step.bytes});`);
    let place = 0;
    for (const { name, codec, index } of step.fields) {
      if (codec.scalar) {
        const read = `view.get${codec.scalar.accessor}(at + ${place})`;
        names.push(name);
        lines.push(`const $${name} = ${codec.scalar.fromWire ? `c[${index}].scalar.fromWire(${read})` : read};`);
      }
      place += codec.minimumBytes;
    }
  }
  lines.push(`return { ${names.map(name => `${name}: $${name}`).join(', ')} };`);
  return lines.join('\n');
}

function outOfRange(name: string, value: unknown, at: number): never {
  throw new WireError('out_of_range', `${name}: ${String(value)} does not fit its field`, at);
}

/** A record whose fields stand on the wire in the order of their declaration. */
export function struct<const F extends Fields>(fields: F): Codec<StructValue<F>> {
  const steps = planSteps(fields);
  const codecs = Object.values(fields);
  const compile = (parameters: string, body: string): unknown =>
    // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- see the head of this file
    new Function('c', 'outOfRange', `'use strict'; return function (${parameters}) {\n${body}\n};`)(codecs, outOfRange);
  return {
    minimumBytes: codecs.reduce((sum, codec) => sum + codec.minimumBytes, 0),
    encode: compile('writer, record', encoderSource(steps)) as (writer: Writer, record: StructValue<F>) => void,
    decode: compile('reader', decoderSource(steps)) as (reader: Reader) => StructValue<F>,
  };
}
