/**
 * Forms of values in bodies of the OpenStack API, which is more lenient than REST: "True", "1" and 1 are booleans, digits are numbers. What is
 * read has one form from here on.
 */
import { formatIp, parseIp } from '../../src/base/address.js';
import { WeftError } from '../../src/base/errors.js';
import { isObject, looksLikeUuid, quoted, type ValueType } from '../../src/model/value-types.js';
import { cidr as modelCidr, ip as modelIp, mac as modelMac } from '../../src/model/value-types.js';
import { invalidInput } from './faults.js';

export interface Form<V = unknown> {
  /** Reads the value of the attribute. @throws NeutronFault 400 */
  read(value: unknown, name: string): V;
}

export type Values = Readonly<Record<string, unknown>>;

/** A value that its form has read, as text; `otherwise` where there is none. */
export function textIn(values: Values, name: string, otherwise = ''): string {
  const value = values[name] ?? otherwise;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return `${value}`;
  throw new Error(`${name} is no text`);
}

/** @throws NeutronFault */
export function refuseValue(name: string, reason: string): never {
  throw invalidInput(`Invalid input for ${name}. Reason: ${reason}.`);
}

const form = <V>(read: (value: unknown, name: string) => V): Form<V> => ({ read });

// Neither can be stored: NUL has no place in a text of Postgres, half a surrogate pair no UTF-8.
// oxlint-disable-next-line no-control-regex
const UNSTORABLE = /\u0000|\p{Surrogate}/u;

export function text(max = 255): Form<string> {
  return form((value, name) => {
    if (typeof value !== 'string') return refuseValue(name, `${quoted(value)} is not a valid string`);
    if (value.length > max) return refuseValue(name, `'${value.slice(0, 40)}...' exceeds maximum length of ${max}`);
    if (UNSTORABLE.test(value)) return refuseValue(name, 'it has a character that cannot be stored');
    return value;
  });
}

const truths: ReadonlyMap<unknown, boolean> = new Map<unknown, boolean>([
  [true, true],
  [false, false],
  [1, true],
  [0, false],
  ['true', true],
  ['false', false],
  ['1', true],
  ['0', false],
]);

/** What a text or a value says of truth; null: nothing. */
export function truthOf(value: unknown): boolean | null {
  return truths.get(typeof value === 'string' ? value.toLowerCase() : value) ?? null;
}

export const boolean: Form<boolean> = form(
  (value, name) => truthOf(value) ?? refuseValue(name, `${quoted(value)} cannot be converted to boolean`),
);

export function integer(min: number, max: number): Form<number> {
  return form((value, name) => {
    const number = typeof value === 'string' && /^-?\d{1,12}$/.test(value) ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isInteger(number))
      return refuseValue(name, `${quoted(value)} is not an integer`);
    if (number < min || number > max) return refuseValue(name, `${number} is not between ${min} and ${max}`);
    return number;
  });
}

export const uuid: Form<string> = form((value, name) =>
  typeof value === 'string' && looksLikeUuid(value)
    ? value.toLowerCase()
    : refuseValue(name, `${quoted(value)} is not a valid UUID`),
);

/** A form that the model has. */
function ofModel<V>(type: ValueType<V>): Form<V> {
  return form((value, name) => {
    try {
      return type.parse(value, '');
    } catch (error) {
      if (error instanceof WeftError) return refuseValue(name, error.detail.replace(/\.$/, ''));
      throw error;
    }
  });
}

export const ip = ofModel(modelIp());
export const mac = ofModel(modelMac());
/** A network without host bits. */
export const cidr = ofModel(modelCidr('network'));
/** An address with the length of its network. */
export const addressOrNetwork = ofModel(modelCidr('interface'));

/** The same; an address alone is its own network. */
export const addressOrPrefix: Form<string> = form((value, name) => {
  const address = typeof value === 'string' ? parseIp(value) : null;
  if (address === null) return addressOrNetwork.read(value, name);
  return `${formatIp(address.family, address.value)}/${address.family === 4 ? 32 : 128}`;
});

export function nullable<V>(of: Form<V>): Form<V | null> {
  return form((value, name) => (value === null ? null : of.read(value, name)));
}

export function list<V>(of: Form<V>, max: number): Form<readonly V[]> {
  return form((value, name) => {
    // A null is an empty list: clients send it to clear one.
    if (value === null) return [];
    if (!Array.isArray(value)) return refuseValue(name, `${quoted(value)} is not a list`);
    if (value.length > max) return refuseValue(name, `there are ${value.length} elements; at most ${max} are allowed`);
    return value.map((each: unknown) => of.read(each, name));
  });
}

/** A list without the same element twice. */
export function distinct<V>(of: Form<V>, max: number): Form<readonly V[]> {
  const whole = list(of, max);
  return form((value, name) => {
    const read = whole.read(value, name);
    const seen = new Set(read.map(each => JSON.stringify(each)));
    return seen.size === read.length ? read : refuseValue(name, 'it has duplicate items');
  });
}

export function oneOf<const W extends string>(...words: readonly W[]): Form<W> {
  return form(
    (value, name) =>
      words.find(word => word === value) ?? refuseValue(name, `${quoted(value)} is not in ${JSON.stringify(words)}`),
  );
}

type ReadBy<M> = { readonly [K in keyof M]: M[K] extends Form<infer V> ? V | undefined : never };

/** An object with members that may be left out, except those `required`. */
export function members<const M extends Readonly<Record<string, Form>>>(
  of: M,
  required: readonly (string & keyof M)[] = [],
): Form<ReadBy<M>> {
  return form((value, name) => {
    if (!isObject(value)) return refuseValue(name, `${quoted(value)} is not a dictionary`);
    const unknown = Object.keys(value).find(each => !Object.hasOwn(of, each));
    if (unknown !== undefined) return refuseValue(name, `${quoted(unknown)} is not a known key`);
    const missing = required.find(each => value[each] === undefined);
    if (missing !== undefined) return refuseValue(name, `the required key ${quoted(missing)} is missing`);
    const entries = Object.entries(of)
      .filter(([member]) => value[member] !== undefined)
      .map(([member, each]) => [member, each.read(value[member], name)]);
    // Each member was read by its own form.
    return Object.fromEntries(entries) as ReadBy<M>;
  });
}

const MAX_DICTIONARY = 4_096;

/** Any object, such as what others keep with a binding. */
export const dictionary: Form<Values> = form((value, name) => {
  if (value === null) return {};
  if (!isObject(value)) return refuseValue(name, `${quoted(value)} is not a dictionary`);
  const whole = JSON.stringify(value);
  if (whole.length > MAX_DICTIONARY) return refuseValue(name, `it is longer than ${MAX_DICTIONARY} characters`);
  if (/\\u0000|\\ud[89a-f]/i.test(whole)) return refuseValue(name, 'it has a character that cannot be stored');
  return value;
});
