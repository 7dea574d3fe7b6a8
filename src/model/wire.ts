/**
 * Rows to JSON and requests to input: every body that comes in, from whichever edge, is read here, so each kind of mistake has
 * one code and one pointer.
 */
import { isDeepStrictEqual } from 'node:util';
import { pointerTo } from '../base/errors.js';
import type { Field } from './fields.js';
import { type InputOf, type Kind, resourceOf, type RowOf } from './index.js';
import { snakeCase } from './letter-case.js';
import type { Resource } from './resource.js';
import { isObject, quoted, refuse } from './value-types.js';

export type WireObject = Readonly<Record<string, unknown>>;
type AnyRow = Readonly<Record<string, unknown>>;

/** The JSON object of a row as REST shows it: no internal fields, no computed members. */
export function toWire<K extends Kind>(kind: K, row: RowOf<K>): Record<string, unknown> {
  return convert(resourceOf(kind), row as AnyRow, false);
}

/** All fields of a row in snake_case, internal ones too: the form of the change log and of the tables. */
export function toRecord<K extends Kind>(kind: K, row: RowOf<K>): Record<string, unknown> {
  return convert(resourceOf(kind), row as AnyRow, true);
}

function convert(noun: Resource, row: AnyRow, withInternal: boolean): Record<string, unknown> {
  const wire: Record<string, unknown> = {};
  for (const name of noun.fieldNames) {
    const field = fieldOf(noun, name);
    if (withInternal || field.access !== 'internal') wire[snakeCase(name)] = field.type.toWire(row[name]);
  }
  return wire;
}

/** The reverse of `toRecord`. The record may be older than some fields of the noun: those have what was true of it. */
export function fromRecord<K extends Kind>(kind: K, record: WireObject): RowOf<K> {
  const noun = resourceOf(kind);
  // Every field of the noun is set by its own type, which is what RowOf says.
  return Object.fromEntries(
    noun.fieldNames.map(name => {
      const field = fieldOf(noun, name);
      const wire = record[snakeCase(name)];
      return [name, wire === undefined ? valueBefore(field) : field.type.fromWire(wire)];
    }),
  ) as unknown as RowOf<K>;
}

/** What a row had before its noun had the field: a field that is added is nullable, or has a default, or says it. */
function valueBefore({ formerly, defaultValue }: Field): unknown {
  return formerly ?? defaultValue ?? null;
}

/** The declaration of a field that is known to exist. */
export function fieldOf(noun: Resource, name: string): Field {
  const field = noun.fields[name];
  if (field === undefined) throw new Error(`${noun.kind} has no field ${name}`);
  return field;
}

/** What a request asks for, apart from the members that the noun offers as shorthands for other rows. */
export interface ParsedRequest<K extends Kind> {
  readonly input: InputOf<K>;
  /** The shorthands given, by wire name, not yet looked into. */
  readonly shorthands: WireObject;
}

/**
 * Reads the body of a creation (`current` null) or of a replacement. Defaults stand for what is left out; read-only members are
 * accepted when they repeat what the object has, and computed ones, which change by themselves, are passed over.
 */
export function parseRequest<K extends Kind>(kind: K, body: unknown, current: RowOf<K> | null): ParsedRequest<K> {
  const noun = resourceOf(kind);
  if (!isObject(body)) return refuse('invalid_value', '', `${quoted(body)} is not an object.`);
  const shown = current === null ? null : toWire(kind, current);
  const byWireName = new Map(noun.fieldNames.map(name => [snakeCase(name), name]));
  const shorthands: Record<string, unknown> = {};
  for (const [member, value] of Object.entries(body)) {
    const name = byWireName.get(member);
    const field = name === undefined ? undefined : noun.fields[name];
    if (Object.hasOwn(noun.shorthands, member)) shorthands[member] = value;
    else if (Object.hasOwn(noun.computed, member)) {
      if (shown === null) refuse('read_only', pointerTo('', member), `${member} is computed by Weft.`);
    } else if (field === undefined || field.access === 'internal')
      refuse('unknown_member', pointerTo('', member), `${noun.singular} has no member ${quoted(member)}.`);
    else if (field.access === 'read-only' && member !== 'id') refuseIfChanged(member, value, shown);
  }
  const entries = noun.fieldNames
    .filter(name => isGivenByCaller(fieldOf(noun, name)))
    .map(name => [name, parseField(fieldOf(noun, name), snakeCase(name), body, shown)]);
  return { input: Object.fromEntries(entries) as InputOf<K>, shorthands };
}

/** Whether requests may set the field, at least at creation. */
export function isGivenByCaller(field: Field): boolean {
  return field.access === 'writable' || field.access === 'immutable';
}

function refuseIfChanged(member: string, value: unknown, shown: WireObject | null): void {
  if (shown !== null && isDeepStrictEqual(value, shown[member])) return;
  refuse('read_only', pointerTo('', member), `${member} is set by Weft alone.`);
}

function parseField(field: Field, member: string, body: WireObject, shown: WireObject | null): unknown {
  const pointer = pointerTo('', member);
  const value = Object.hasOwn(body, member) ? body[member] : undefined;
  if (value === undefined) {
    if (field.presence === 'required') refuse('missing_member', pointer, `The member ${member} is missing.`);
    return field.defaultValue;
  }
  const parsed = field.type.parse(value, pointer);
  if (field.access === 'immutable' && shown !== null && !isDeepStrictEqual(parsed, shown[member]))
    refuse('immutable', pointer, `${member} is ${quoted(shown[member])} and cannot be changed.`);
  return parsed;
}

/**
 * Reads the id in a body, if there is one.
 */
export function parseId(body: unknown): string | null {
  if (!isObject(body) || body['id'] === undefined) return null;
  return resourceOf('logical-switches').fields.id.type.parse(body['id'], '/id');
}

/**
 * RFC 7396: members of the patch replace those of the object, objects are merged, null removes. The result is a whole body, in
 * which a removed member has its default again.
 */
export function mergePatch(target: WireObject, patch: unknown): WireObject {
  if (!isObject(patch)) return refuse('invalid_value', '', `${quoted(patch)} is not an object.`);
  const merged = new Map(Object.entries(target));
  for (const [member, value] of Object.entries(patch)) {
    const before = merged.get(member);
    if (value === null) merged.delete(member);
    else if (isObject(value)) merged.set(member, mergePatch(isObject(before) ? before : {}, value));
    else merged.set(member, value);
  }
  // fromEntries defines members, so that one called __proto__ stays data and is refused by name later.
  return Object.fromEntries(merged);
}

/** The body to which a merge patch is applied: what the caller may set, as it is now. */
export function patchTarget<K extends Kind>(kind: K, row: RowOf<K>): WireObject {
  const noun = resourceOf(kind);
  const shown = toWire(kind, row);
  return Object.fromEntries(
    noun.fieldNames
      .filter(name => isGivenByCaller(fieldOf(noun, name)))
      .map(name => [snakeCase(name), shown[snakeCase(name)]]),
  );
}
