/**
 * RFC 7047 section 5.1: how OVSDB writes values in JSON, both ways, for a declared column type.
 *
 * In memory: an optional value is `null` when absent, a set is a sorted array, a map is a `Map` in key order
 * (never a plain object: keys come from hosts, and `__proto__` is a legal key), a UUID is its text.
 */
import type { JsonValue } from './json-stream.js';

export type AtomKind = 'string' | 'integer' | 'real' | 'boolean' | 'uuid';

/** Refers to a row that the same transaction inserts under this name. */
export interface NamedUuid {
  readonly named: string;
}

/** How a column holds its values. `optional` is a set of at most one, `set` may hold more. */
export type ColumnType =
  | { readonly kind: 'scalar'; readonly key: AtomKind }
  | { readonly kind: 'optional'; readonly key: AtomKind }
  | { readonly kind: 'set'; readonly key: AtomKind }
  | { readonly kind: 'map'; readonly key: AtomKind; readonly value: AtomKind };

export type AtomOf<K extends AtomKind> = K extends 'boolean' ? boolean : K extends 'integer' | 'real' ? number : string;
export type AtomInputOf<K extends AtomKind> = K extends 'uuid' ? string | NamedUuid : AtomOf<K>;

/** What a column of this type is when read. */
export type ValueOf<C extends ColumnType> = C extends { kind: 'map'; key: infer K; value: infer V }
  ? ReadonlyMap<AtomOf<K & AtomKind>, AtomOf<V & AtomKind>>
  : C extends { kind: 'set'; key: infer K }
    ? readonly AtomOf<K & AtomKind>[]
    : C extends { kind: 'optional'; key: infer K }
      ? AtomOf<K & AtomKind> | null
      : C extends { key: infer K }
        ? AtomOf<K & AtomKind>
        : never;

/** What may be written to a column of this type: the same, and named UUIDs beside UUIDs. */
export type InputOf<C extends ColumnType> = C extends { kind: 'map'; key: infer K; value: infer V }
  ? ReadonlyMap<AtomInputOf<K & AtomKind>, AtomInputOf<V & AtomKind>>
  : C extends { kind: 'set'; key: infer K }
    ? readonly AtomInputOf<K & AtomKind>[]
    : C extends { kind: 'optional'; key: infer K }
      ? AtomInputOf<K & AtomKind> | null
      : C extends { key: infer K }
        ? AtomInputOf<K & AtomKind>
        : never;

/** The type-erased forms, for code that handles every column alike. */
export type Atom = string | number | boolean;
export type AnyValue = Atom | null | readonly Atom[] | ReadonlyMap<Atom, Atom>;
type AtomInput = Atom | NamedUuid;
export type AnyInput = AtomInput | null | readonly AtomInput[] | ReadonlyMap<AtomInput, AtomInput>;

/** The peer wrote a value that its column's type does not allow. */
export class NotationError extends Error {
  override readonly name = 'NotationError';
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Is this the text of a UUID as OVSDB writes it? */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}

/** Reads one atom. @throws NotationError */
export function decodeAtom(kind: AtomKind, json: JsonValue): Atom {
  switch (kind) {
    case 'string':
      if (typeof json === 'string') return json;
      break;
    case 'boolean':
      if (typeof json === 'boolean') return json;
      break;
    case 'integer':
      if (typeof json === 'number' && Number.isInteger(json)) return json;
      break;
    case 'real':
      if (typeof json === 'number') return json;
      break;
    case 'uuid':
      if (Array.isArray(json) && json.length === 2 && json[0] === 'uuid') {
        const text: JsonValue | undefined = json[1];
        if (typeof text === 'string' && isUuid(text)) return text;
      }
      break;
  }
  throw new NotationError(`expected ${kind === 'uuid' ? 'a' : 'an atom of type'} ${kind}`);
}

function compareAtoms(a: Atom, b: Atom): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function sortedMap(entries: Iterable<readonly [Atom, Atom]>): ReadonlyMap<Atom, Atom> {
  return new Map([...entries].sort(([a], [b]) => compareAtoms(a, b)));
}

/** The elements of `["set", [...]]`, or the one atom that stands for a set of one. */
function setElements(json: JsonValue): readonly JsonValue[] {
  if (Array.isArray(json) && json[0] === 'set') {
    const elements: JsonValue | undefined = json[1];
    if (json.length === 2 && Array.isArray(elements)) return elements as readonly JsonValue[];
    throw new NotationError('malformed set');
  }
  return [json];
}

function mapPairs(json: JsonValue): readonly (readonly [JsonValue, JsonValue])[] {
  if (!Array.isArray(json) || json.length !== 2 || json[0] !== 'map' || !Array.isArray(json[1])) {
    throw new NotationError('malformed map');
  }
  return (json[1] as readonly JsonValue[]).map(pair => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new NotationError('malformed pair of a map');
    return [pair[0] as JsonValue, pair[1] as JsonValue] as const;
  });
}

/** Reads a whole column. @throws NotationError */
export function decodeValue(type: ColumnType, json: JsonValue): AnyValue {
  switch (type.kind) {
    case 'scalar':
      return decodeAtom(type.key, json);
    case 'optional': {
      const elements = setElements(json);
      const first = elements[0];
      if (elements.length > 1) throw new NotationError('more than one value where at most one is allowed');
      return first === undefined ? null : decodeAtom(type.key, first);
    }
    case 'set':
      return [...new Set(setElements(json).map(element => decodeAtom(type.key, element)))].sort(compareAtoms);
    case 'map':
      return sortedMap(
        mapPairs(json).map(([key, value]) => [decodeAtom(type.key, key), decodeAtom(type.value, value)] as const),
      );
  }
}

function encodeAtom(kind: AtomKind, atom: AtomInput): JsonValue {
  if (typeof atom === 'object') return ['named-uuid', atom.named];
  return kind === 'uuid' ? ['uuid', String(atom)] : atom;
}

/** Writes a whole column; the inverse of `decodeValue`. */
export function encodeValue(type: ColumnType, input: AnyInput): JsonValue {
  switch (type.kind) {
    case 'scalar':
      return encodeAtom(type.key, input as AtomInput);
    case 'optional':
      return ['set', input === null ? [] : [encodeAtom(type.key, input as AtomInput)]];
    case 'set':
      return ['set', (input as readonly AtomInput[]).map(atom => encodeAtom(type.key, atom))];
    case 'map':
      return [
        'map',
        [...(input as ReadonlyMap<AtomInput, AtomInput>)].map(([key, value]) => [
          encodeAtom(type.key, key),
          encodeAtom(type.value, value),
        ]),
      ];
  }
}

/** What ovsdb-server puts into a column that was not given: it leaves such columns out of a new row's notification. */
export function defaultValue(type: ColumnType): AnyValue {
  switch (type.kind) {
    case 'optional':
      return null;
    case 'set':
      return [];
    case 'map':
      return new Map();
    case 'scalar':
      switch (type.key) {
        case 'string':
          return '';
        case 'boolean':
          return false;
        case 'uuid':
          return '00000000-0000-0000-0000-000000000000';
        case 'integer':
        case 'real':
          return 0;
      }
  }
}

/** Are two values of one column the same? */
export function equalValues(a: AnyValue, b: AnyValue): boolean {
  if (a instanceof Map && b instanceof Map) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a) if (!b.has(key) || b.get(key) !== value) return false;
    return true;
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((atom, i) => atom === b[i]);
  return a === b;
}

/**
 * Applies what a `modify` of an update2 says to a column (ovsdb-server.7 section 4.1.14). A value of at most one
 * element is replaced; of a set the elements named change sides; of a map a pair named is removed where it is
 * the same, replaced where the value differs, and added where it is absent.
 */
export function applyDifference(type: ColumnType, current: AnyValue, difference: AnyValue): AnyValue {
  if (type.kind === 'set') {
    const result = new Set(current as readonly Atom[]);
    for (const atom of difference as readonly Atom[]) if (!result.delete(atom)) result.add(atom);
    return [...result].sort(compareAtoms);
  }
  if (type.kind === 'map') {
    const result = new Map(current as ReadonlyMap<Atom, Atom>);
    for (const [key, value] of difference as ReadonlyMap<Atom, Atom>) {
      if (result.get(key) === value) result.delete(key);
      else result.set(key, value);
    }
    return sortedMap(result);
  }
  return difference;
}
