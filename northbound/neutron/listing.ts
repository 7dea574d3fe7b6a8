/** Lists of the OpenStack API: filters (repeated ones are alternatives), fields, orders, pages with links, tags. */
import type { CommonRow } from '../../src/model/index.js';
import { isObject } from '../../src/model/value-types.js';
import { badRequest, invalidInput, NeutronFault } from './faults.js';
import { truthOf } from './forms.js';
import { type NeutronResource, represent } from './resource.js';
import type { Scene } from './scene.js';

/** Every value of each parameter, in the order in which they came. */
export type Query = ReadonlyMap<string, readonly string[]>;

export function queryOf(url: string): Query {
  const parameters = new Map<string, string[]>();
  const at = url.indexOf('?');
  for (const [name, value] of new URLSearchParams(at < 0 ? '' : url.slice(at + 1))) {
    parameters.set(name, [...(parameters.get(name) ?? []), value]);
  }
  return parameters;
}

const controls = new Set(['fields', 'sort_key', 'sort_dir', 'limit', 'marker', 'page_reverse']);
const tagFilters: Readonly<Record<string, (tags: ReadonlySet<string>, asked: readonly string[]) => boolean>> = {
  tags: (tags, asked) => asked.every(tag => tags.has(tag)),
  'tags-any': (tags, asked) => asked.some(tag => tags.has(tag)),
  'not-tags': (tags, asked) => !asked.every(tag => tags.has(tag)),
  'not-tags-any': (tags, asked) => !asked.some(tag => tags.has(tag)),
};

export interface Listed {
  readonly items: readonly Record<string, unknown>[];
  readonly links: readonly { readonly rel: string; readonly href: string }[] | null;
}

/** One condition of a list. */
type Condition = (row: CommonRow) => boolean;

export function fieldsOf(query: Query): ReadonlySet<string> {
  return new Set((query.get('fields') ?? []).flatMap(each => each.split(',')).filter(each => each !== ''));
}

/** `self` is the address of the list, without a query, as the client called it. */
export function listOf(resource: NeutronResource, scene: Scene, query: Query, self: string): Listed {
  const conditions = conditionsOf(resource, scene, query);
  const found = resource.rows(scene, query).filter(row => conditions.every(matches => matches(row)));
  const { rows, links } = pageOf(resource, query, ordered(resource, scene, query, found), self);
  const fields = fieldsOf(query);
  return { items: rows.map(row => represent(resource, scene, row, fields)), links };
}

function conditionsOf(resource: NeutronResource, scene: Scene, query: Query): Condition[] {
  const unknown: string[] = [];
  const conditions: Condition[] = [];
  for (const [name, values] of query) {
    if (controls.has(name)) continue;
    const own = resource.filters?.[name];
    const attribute = resource.attributes[name];
    const byTags = resource.hasTags === true ? tagFilters[name] : undefined;
    if (own !== undefined) conditions.push(row => own(scene, row, values));
    else if (byTags !== undefined) {
      const asked = values.flatMap(value => value.split(','));
      conditions.push(row => byTags(new Set(tagsOf(scene, row)), asked));
    } else if (attribute?.isFilter === true && (scene.identity.isAdmin || !attribute.adminSees))
      conditions.push(row => values.some(value => isValue(attribute.read(scene, row), value)));
    else unknown.push(name);
  }
  if (unknown.length > 0)
    throw badRequest(`${JSON.stringify(unknown).replaceAll('"', "'")} is invalid attribute for filtering`);
  return conditions;
}

export function tagsOf(scene: Scene, row: CommonRow): readonly string[] {
  const tags = scene.said(row.id)['tags'];
  return Array.isArray(tags) ? (tags as string[]) : [];
}

/** Whether the value of an attribute is what a filter says; an empty one is asked for by an empty filter. */
function isValue(value: unknown, asked: string): boolean {
  if (typeof value === 'boolean') return truthOf(asked) === value;
  if (value === null || value === undefined) return asked === '' || asked === 'None';
  if (typeof value === 'string' || typeof value === 'number') return String(value) === asked;
  if (Array.isArray(value)) return asked === '' ? value.length === 0 : value.some(each => isValue(each, asked));
  return isObject(value) && JSON.stringify(value) === asked;
}

function ordered(
  resource: NeutronResource,
  scene: Scene,
  query: Query,
  rows: readonly CommonRow[],
): readonly CommonRow[] {
  const keys = query.get('sort_key') ?? [];
  const directions = query.get('sort_dir') ?? [];
  if (directions.length > keys.length) throw invalidInput('The number of sort_keys and sort_dirs must be same');
  const orders = keys.map((key, place) => {
    const attribute = resource.attributes[key];
    if (attribute === undefined || (attribute.adminSees && !scene.identity.isAdmin))
      throw invalidInput(`${key} is invalid attribute for sort_keys`);
    const direction = directions[place] ?? 'asc';
    if (direction !== 'asc' && direction !== 'desc') throw invalidInput("sort_dirs must be one of ['asc', 'desc']");
    return { read: attribute.read, sign: direction === 'asc' ? 1 : -1 };
  });
  const isReverse = truthOf(query.get('page_reverse')?.[0] ?? 'false') === true;
  if (orders.length === 0) return isReverse ? rows.toReversed() : rows;
  const keyed = rows.map(row => ({ row, values: orders.map(({ read }) => sortable(read(scene, row))) }));
  // Rows come in the order of their ids, and the sort is stable: the order is complete.
  keyed.sort((left, right) => {
    for (const [place, { sign }] of orders.entries()) {
      const [a, b] = [left.values[place] ?? '', right.values[place] ?? ''];
      if (a !== b) return (a < b ? -1 : 1) * sign;
    }
    return 0;
  });
  const sorted = keyed.map(({ row }) => row);
  return isReverse ? sorted.toReversed() : sorted;
}

function sortable(value: unknown): string | number {
  if (typeof value === 'number' || typeof value === 'string') return value;
  return typeof value === 'boolean' ? Number(value) : JSON.stringify(value ?? '');
}

function pageOf(
  { title }: NeutronResource,
  query: Query,
  rows: readonly CommonRow[],
  self: string,
): { rows: readonly CommonRow[]; links: Listed['links'] } {
  const limit = limitOf(query);
  const marker = query.get('marker')?.[0];
  const isReverse = truthOf(query.get('page_reverse')?.[0] ?? 'false') === true;
  let first = 0;
  if (marker !== undefined) {
    const place = rows.findIndex(({ id }) => id === marker);
    if (place < 0) throw new NeutronFault(404, `${title}NotFound`, `Marker ${marker.slice(0, 64)} could not be found.`);
    first = place + 1;
  }
  const page = rows.slice(first, limit === 0 ? undefined : first + limit);
  // What was read backwards is shown in the order asked for.
  const shown = isReverse ? page.toReversed() : page;
  if (limit === 0) return { rows: shown, links: null };
  const hasMore = first + page.length < rows.length;
  const [start, end] = [shown[0], shown.at(-1)];
  const links: { rel: string; href: string }[] = [];
  const hasNext = isReverse ? marker !== undefined : hasMore;
  const hasPrevious = isReverse ? hasMore : marker !== undefined;
  if (hasNext && end !== undefined) links.push({ rel: 'next', href: linkTo(self, query, end.id, false) });
  if (hasPrevious && start !== undefined) links.push({ rel: 'previous', href: linkTo(self, query, start.id, true) });
  return { rows: shown, links };
}

function limitOf(query: Query): number {
  const text = query.get('limit')?.[0];
  if (text === undefined) return 0;
  if (!/^-?\d{1,9}$/.test(text) || Number(text) < 0)
    throw badRequest(`Limit must be an integer 0 or greater and not '${text.slice(0, 20)}'`);
  return Number(text);
}

/** The same list from another place on. */
function linkTo(self: string, query: Query, marker: string, isReverse: boolean): string {
  const parameters = new URLSearchParams();
  for (const [name, values] of query) {
    if (name !== 'marker' && name !== 'page_reverse') for (const value of values) parameters.append(name, value);
  }
  parameters.append('marker', marker);
  if (isReverse) parameters.append('page_reverse', 'True');
  return `${self}?${parameters.toString()}`;
}
