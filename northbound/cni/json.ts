/** Reading JSON of others: members by name in any spelling, and words for what is wrong with them. */
import { CniError } from './cni-error.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws CniError undecodable */
export function parseObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CniError('undecodable', `${what} is not JSON`, (error as Error).message, { cause: error });
  }
  if (!isObject(value)) throw new CniError('undecodable', `${what} is not an object`);
  return value;
}

const plainName = (name: string): string => name.replaceAll('_', '').toLowerCase();

/**
 * A member by its name in any spelling: runtimes write `hostPort` (podman), `HostPort` (containerd, which serializes a Go type without tags)
 * and `host_port` (Mesos, Cloud Foundry).
 */
export function member(object: JsonObject, name: string): unknown {
  if (object[name] !== undefined) return object[name];
  const wanted = plainName(name);
  const found = Object.keys(object).find(key => plainName(key) === wanted);
  return found === undefined ? undefined : object[found];
}

/** An object, or nothing where there is none. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A list, or an empty one where there is none (null, as Go writes an empty list, is none). */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** Text that is not empty, or null. */
export function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((each): each is string => typeof each === 'string' && each !== '');
}

/** A number, also where it was written as text. Null where it is neither. */
export function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  return typeof value === 'string' && /^\d{1,18}$/.test(value) ? Number(value) : null;
}
