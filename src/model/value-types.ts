/**
 * Types of values that a field can have. Each knows its JSON schema, its column, how to read it strictly from JSON (with the
 * pointer of the member at fault) and how to write it. Parsing also brings text into its one canonical form, so that from here
 * on equal means identical.
 */
import { formatCidr, formatIp, formatMac, isMulticastMac, parseCidr, parseIp, parseMac } from '../base/address.js';
import { type ErrorCode, pointerTo, WeftError } from '../base/errors.js';
import { type JsonSchema, Type } from './json-schema.js';
import { snakeCase } from './letter-case.js';

export type ColumnType = 'uuid' | 'text' | 'integer' | 'bigint' | 'boolean' | 'jsonb' | 'timestamptz';

/** `Value` is what rows hold; `Input` is what a request may ask for, which the store completes to a `Value`. */
export interface ValueType<Value, Input = Value> {
  readonly schema: JsonSchema;
  /** Where requests may say more, or less, than replies do. */
  readonly inputSchema: JsonSchema;
  readonly column: ColumnType;
  readonly nullable: boolean;
  /** Reads one JSON value; throws a WeftError that points at `pointer` or below. */
  parse(value: unknown, pointer: string): Input;
  /** The JSON form, in snake_case. */
  toWire(value: Value): unknown;
  /** The reverse of `toWire`, for JSON that Weft wrote itself. */
  fromWire(wire: unknown): Value;
}

/** `related`: every object that the detail names or counts, or else a tenant would read there of those of others. */
export function refuse(code: ErrorCode, pointer: string, detail: string, related: WeftError['related'] = []): never {
  throw new WeftError(code, { pointer, detail, related });
}

/** How a value is quoted in the detail of an error. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** A type whose JSON form is the value itself. */
function plain<V>(schema: JsonSchema, column: ColumnType, parse: (value: unknown, pointer: string) => V): ValueType<V> {
  return {
    schema,
    inputSchema: schema,
    column,
    nullable: false,
    parse,
    toWire: value => value,
    // Weft wrote it after `parse` accepted it, so its type is known.
    fromWire: wire => wire as V,
  };
}

// C0, DEL, C1, and what Unicode uses to break lines or to reverse the reading direction: none belongs into a name.
// Half a surrogate pair has no UTF-8 and so cannot be stored.
const FORBIDDEN_CHARACTER = /[\p{Surrogate}\p{Control}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Text without control characters; lengths are in UTF-16 units. */
export function text(limits: { min?: number; max: number }): ValueType<string> {
  const min = limits.min ?? 0;
  return plain(Type.String({ minLength: min, maxLength: limits.max }), 'text', (value, pointer) => {
    if (typeof value !== 'string') return refuse('invalid_value', pointer, `${quoted(value)} is not text.`);
    if (value.length < min || value.length > limits.max)
      return refuse(
        'out_of_range',
        pointer,
        `The text has ${value.length} characters; ${min} to ${limits.max} are allowed.`,
      );
    if (FORBIDDEN_CHARACTER.test(value))
      return refuse('invalid_value', pointer, 'The text contains a control character or half a surrogate pair.');
    return value;
  });
}

/** Text of one form, which `what` describes. */
export function plainText(form: RegExp, what: string): ValueType<string> {
  return plain(Type.String({ pattern: form.source }), 'text', (value, pointer) =>
    typeof value === 'string' && form.test(value)
      ? value
      : refuse('invalid_value', pointer, `${quoted(value)} is not ${what}.`),
  );
}

/** One of a few words. */
export function oneOf<const W extends string>(...words: readonly W[]): ValueType<W> {
  return plain(Type.Enum([...words]), 'text', (value, pointer) => {
    const found = words.find(word => word === value);
    return found ?? refuse('invalid_value', pointer, `${quoted(value)} is none of ${words.join(', ')}.`);
  });
}

export function boolean(): ValueType<boolean> {
  return plain(Type.Boolean(), 'boolean', (value, pointer) =>
    typeof value === 'boolean'
      ? value
      : refuse('invalid_value', pointer, `${quoted(value)} is neither true nor false.`),
  );
}

export function integer(minimum: number, maximum: number): ValueType<number> {
  const column = maximum > 0x7fffffff ? 'bigint' : 'integer';
  return plain(Type.Integer({ minimum, maximum }), column, (value, pointer) => {
    if (typeof value !== 'number' || !Number.isInteger(value))
      return refuse('invalid_value', pointer, `${quoted(value)} is not an integer.`);
    if (value < minimum || value > maximum)
      return refuse('out_of_range', pointer, `${value} is not between ${minimum} and ${maximum}.`);
    return value;
  });
}

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether the text has the form of a UUID (RFC 9562), whatever its version. */
export function looksLikeUuid(value: string): boolean {
  return UUID_TEXT.test(value);
}

/** A UUID of any version, canonically lower case. */
export function uuid(): ValueType<string> {
  return plain(Type.String({ format: 'uuid' }), 'uuid', (value, pointer) =>
    typeof value === 'string' && looksLikeUuid(value)
      ? value.toLowerCase()
      : refuse('invalid_value', pointer, `${quoted(value)} is not a UUID.`),
  );
}

const POINT_IN_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** A point in time as text of ISO 8601 in UTC with milliseconds. */
export function timestamp(): ValueType<string> {
  return plain(Type.String({ format: 'date-time' }), 'timestamptz', (value, pointer) =>
    typeof value === 'string' && POINT_IN_TIME.test(value) && !Number.isNaN(Date.parse(value))
      ? new Date(value).toISOString()
      : refuse('invalid_value', pointer, `${quoted(value)} is not a point in time.`),
  );
}

/** The MAC address of one station: neither a group address nor all zeros. */
export function mac(): ValueType<string> {
  const pattern = '^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$';
  return plain(Type.String({ pattern, examples: ['0a:58:0a:01:00:05'] }), 'text', (value, pointer) => {
    const parsed = typeof value === 'string' ? parseMac(value) : null;
    if (parsed === null)
      return refuse('invalid_value', pointer, `${quoted(value)} is not a MAC address such as 0a:58:0a:01:00:05.`);
    if (parsed === 0n || isMulticastMac(parsed))
      return refuse('invalid_value', pointer, `${formatMac(parsed)} cannot be the address of one station.`);
    return formatMac(parsed);
  });
}

export function ip(): ValueType<string> {
  const schema = Type.String({
    anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }],
    examples: ['192.0.2.1', '2001:db8::1'],
  });
  return plain(schema, 'text', (value, pointer) => {
    const parsed = typeof value === 'string' ? parseIp(value) : null;
    if (parsed === null) return refuse('invalid_value', pointer, `${quoted(value)} is not an IP address.`);
    return formatIp(parsed.family, parsed.value);
  });
}

/** `address/length`. A network must have no host bits; an interface address may. */
export function cidr(form: 'network' | 'interface'): ValueType<string> {
  const examples = form === 'network' ? ['192.0.2.0/24', '2001:db8::/64'] : ['192.0.2.1/24', '2001:db8::1/64'];
  return plain(Type.String({ maxLength: 49, examples }), 'text', (value, pointer) => {
    const parsed = typeof value === 'string' ? parseCidr(value) : null;
    if (parsed === null)
      return refuse('invalid_value', pointer, `${quoted(value)} is not an address with a prefix length.`);
    if (form === 'network' && parsed.address !== parsed.network) {
      const network = formatCidr({ ...parsed, address: parsed.network });
      return refuse(
        'invalid_value',
        pointer,
        `${quoted(value)} has bits beyond its prefix length; the network is ${network}.`,
      );
    }
    return formatCidr(parsed);
  });
}

export function nullable<V, I>(type: ValueType<V, I>): ValueType<V | null, I | null> {
  return {
    schema: Type.Union([type.schema, Type.Null()]),
    inputSchema: Type.Union([type.inputSchema, Type.Null()]),
    column: type.column,
    nullable: true,
    parse: (value, pointer) => (value === null ? null : type.parse(value, pointer)),
    toWire: value => (value === null ? null : type.toWire(value)),
    fromWire: wire => (wire === null ? null : type.fromWire(wire)),
  };
}

/** A list of limited length. With `distinct` the same element twice is refused. */
export function list<V, I>(
  element: ValueType<V, I>,
  limits: { min?: number; max: number; distinct?: boolean },
): ValueType<readonly V[], readonly I[]> {
  const { min = 0, max, distinct = false } = limits;
  const options = { minItems: min, maxItems: max, ...(distinct ? { uniqueItems: true } : {}) };
  return {
    schema: Type.Array(element.schema, options),
    inputSchema: Type.Array(element.inputSchema, options),
    column: 'jsonb',
    nullable: false,
    parse: (value, pointer) => {
      if (!Array.isArray(value)) return refuse('invalid_value', pointer, `${quoted(value)} is not a list.`);
      if (value.length < min || value.length > max)
        return refuse('out_of_range', pointer, `The list has ${value.length} elements; ${min} to ${max} are allowed.`);
      const parsed = value.map((each: unknown, index) => element.parse(each, pointerTo(pointer, index)));
      if (distinct) refuseDuplicates(parsed, pointer);
      return parsed;
    },
    toWire: value => value.map(each => element.toWire(each)),
    fromWire: wire => (wire as readonly unknown[]).map(each => element.fromWire(each)),
  };
}

function refuseDuplicates(elements: readonly unknown[], pointer: string): void {
  const seen = new Set<string>();
  for (const [index, element] of elements.entries()) {
    const key = JSON.stringify(element);
    if (seen.has(key)) refuse('duplicate_value', pointerTo(pointer, index), `${quoted(element)} is in the list twice.`);
    seen.add(key);
  }
}

/** Whether the JSON value is an object; a list is not. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Members = Readonly<Record<string, ValueType<unknown>>>;
type MemberValues<M extends Members> = {
  readonly [K in keyof M]: M[K] extends ValueType<infer V> ? V : never;
};

/** An object with exactly these members; a nullable one may be left out and is then null. */
export function object<M extends Members>(members: M): ValueType<MemberValues<M>> {
  const entries = Object.entries(members).map(([name, type]) => ({ name, wire: snakeCase(name), type }));
  const wireNames = new Set(entries.map(entry => entry.wire));
  const schema = Type.Object(
    Object.fromEntries(
      entries.map(({ wire, type }) => [wire, type.nullable ? Type.Optional(type.schema) : type.schema]),
    ),
    { additionalProperties: false },
  );
  return plainObject(schema, (value, pointer) => {
    if (!isObject(value)) return refuse('invalid_value', pointer, `${quoted(value)} is not an object.`);
    const unknown = Object.keys(value).find(key => !wireNames.has(key));
    if (unknown !== undefined)
      refuse('unknown_member', pointerTo(pointer, unknown), `There is no member ${quoted(unknown)}.`);
    return Object.fromEntries(
      entries.map(({ name, wire, type }) => {
        const at = pointerTo(pointer, wire);
        if (value[wire] === undefined && !type.nullable) refuse('missing_member', at, `The member ${wire} is missing.`);
        return [name, type.parse(value[wire] ?? null, at)];
      }),
    );
  });

  function plainObject(
    objectSchema: JsonSchema,
    parse: (value: unknown, pointer: string) => Record<string, unknown>,
  ): ValueType<MemberValues<M>> {
    return {
      schema: objectSchema,
      inputSchema: objectSchema,
      column: 'jsonb',
      nullable: false,
      // The members are exactly those of M, each parsed by its own type.
      parse: (value, pointer) => parse(value, pointer) as MemberValues<M>,
      toWire: value =>
        Object.fromEntries(
          entries.map(({ name, wire, type }) => [wire, type.toWire((value as Record<string, unknown>)[name])]),
        ),
      fromWire: stored =>
        Object.fromEntries(
          entries.map(({ name, wire, type }) => [
            name,
            type.fromWire((stored as Record<string, unknown>)[wire] ?? null),
          ]),
        ) as MemberValues<M>,
    };
  }
}
