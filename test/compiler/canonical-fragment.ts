/** A fragment as text that two fragments share exactly when they are the same to a switch and to Weft. */
import type { Fragment } from '../../src/compiler/fragment.js';

/** Members in order of name, numbers of any size, match fields by name. */
function canonical(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'undefined';
  if ('codePoints' in value && 'name' in value) return `field ${String(value.name)}`;
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${name}:${canonical(member)}`).join(',')}}`;
}

export function canonicalFragment(fragment: Fragment): string {
  return canonical(fragment);
}

/** All fragments, in the order of their keys: what "byte for byte the same" compares. */
export function canonicalFragments(fragments: Iterable<Fragment>): string {
  return [...fragments]
    .sort((left, right) => (left.key < right.key ? -1 : 1))
    .map(canonicalFragment)
    .join('\n');
}
