/** How results are printed: tables for people, JSON for scripts. */
import { type Kind, resourceOf } from '../../src/model/index.js';
import type { JsonObject } from '../client/client.js';
import { cellOf, formatTable } from './table.js';

export type Output = 'table' | 'json';

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

export function printJson(value: unknown): void {
  print(JSON.stringify(value, null, 2));
}

export function printObjects(columns: readonly string[], objects: readonly JsonObject[], output: Output): void {
  if (output === 'json') return printJson(objects);
  const [sample] = objects;
  // Where objects tell how they fare, a list shows it.
  const shown = [...columns, ...['state', 'status'].filter(member => sample?.[member] !== undefined)];
  print(
    formatTable(
      shown,
      objects.map(object => shown.map(member => summaryOf(member, object[member]))),
    ),
  );
}

function summaryOf(member: string, value: unknown): string {
  if (member !== 'status') return cellOf(value);
  const { state, bound_to: boundTo } = (value ?? {}) as { state?: string; bound_to?: string | null };
  return boundTo ? `${state} on ${boundTo}` : (state ?? '-');
}

/** One object, a line for each member; `kind` null prints what is not an object of a collection. */
export function printObject(kind: Kind | null, object: JsonObject, output: Output): void {
  if (output === 'json') return printJson(object);
  const known = kind === null ? [] : ['id', 'name', ...resourceOf(kind).columns];
  const members = [...new Set([...known, ...Object.keys(object)])].filter(member => object[member] !== undefined);
  const width = Math.max(...members.map(member => member.length));
  for (const member of members) print(`${member.padEnd(width)}  ${cellOf(object[member])}`);
}
