/** Lists: filters by name, reference, project and label, and pages that survive changes between them (the cursor is an id). */
import { WeftError } from '../../src/base/errors.js';
import { isOpenTo } from '../../src/model/audience.js';
import { type Kind, resourceOf, type RowOf } from '../../src/model/index.js';
import { snakeCase } from '../../src/model/letter-case.js';
import type { NetworkView } from '../../src/view/network-view.js';
import { byId, mergeSorted, placeOf } from '../../src/view/row-order.js';
import type { NetworkState } from './network-state.js';
import type { Sight } from './sight.js';

const defaultLimit = 1_000;
const largestLimit = 10_000;

export type Query = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Listing {
  /** Value by field name of the row. */
  readonly equals: ReadonlyMap<string, string>;
  readonly labels: readonly { readonly key: string; readonly value: string }[];
  readonly limit: number;
  readonly after: string | null;
}

/** Wire names of the filters of a kind and the fields that they compare; a tenant does not filter by what it does not see. */
export function filtersOf(kind: Kind, forTenant = false): ReadonlyMap<string, string> {
  const resource = resourceOf(kind);
  const visible = resource.indexes.filter(name => {
    const field = resource.fields[name];
    return field?.access !== 'internal' && !(forTenant && field?.operatorOnly === true);
  });
  return new Map(visible.map(name => [snakeCase(name), name]));
}

/** Parameters that every list understands besides its filters. */
export const commonListParameters = ['label', 'limit', 'after', 'min_revision'] as const;

/** @throws WeftError invalid_query naming the parameter */
export function listingOf(kind: Kind, query: Query, sight: Sight): Listing {
  const filters = filtersOf(kind, sight.isTenant);
  const equals = new Map<string, string>();
  for (const [name, value] of Object.entries(query)) {
    if ((commonListParameters as readonly string[]).includes(name)) continue;
    const field = filters.get(name);
    if (field === undefined || typeof value !== 'string') {
      const known = [...filters.keys(), ...commonListParameters].join(', ');
      throw new WeftError('invalid_query', { detail: `"${name}" is not a filter of ${kind} (once each): ${known}.` });
    }
    // Ids are kept in lower case.
    equals.set(field, resourceOf(kind).fields[field]?.reference ? value.toLowerCase() : value);
  }
  return {
    equals,
    labels: labelsOf(query['label']),
    limit: limitOf(query['limit']),
    after: typeof query['after'] === 'string' && query['after'] !== '' ? query['after'] : null,
  };
}

function labelsOf(parameter: string | readonly string[] | undefined): Listing['labels'] {
  const texts = parameter === undefined ? [] : typeof parameter === 'string' ? [parameter] : parameter;
  return texts.map(text => {
    const at = text.indexOf('=');
    if (at < 1)
      throw new WeftError('invalid_query', { detail: `label is "${text.slice(0, 80)}"; it must be key=value.` });
    return { key: text.slice(0, at), value: text.slice(at + 1) };
  });
}

function limitOf(parameter: string | readonly string[] | undefined): number {
  if (parameter === undefined) return defaultLimit;
  const limit = Number(parameter);
  if (!Number.isInteger(limit) || limit < 1 || limit > largestLimit) {
    throw new WeftError('invalid_query', { detail: `limit must be a whole number from 1 to ${largestLimit}.` });
  }
  return limit;
}

/** One page, ordered by id; `next` is the cursor of the following page. */
export function page(
  state: Pick<NetworkState, 'view'>,
  kind: Kind,
  listing: Listing,
  sight: Sight,
): { rows: readonly RowOf<Kind>[]; next: string | null } {
  const rows: RowOf<Kind>[] = [];
  const all = candidates(state.view, kind, listing, sight);
  for (let place = listing.after === null ? 0 : placeOf(all, listing.after); place < all.length; place += 1) {
    const row = all[place] as RowOf<Kind>;
    if (row.id === listing.after || !sight.sees(kind, row) || !matches(row, listing)) continue;
    if (rows.length === listing.limit) return { rows, next: rows.at(-1)?.id ?? null };
    rows.push(row);
  }
  return { rows, next: null };
}

/**
 * A short sorted list that holds all matches. A tenant's has what it may see and nothing else, so that what others have costs it
 * nothing, and the time of a reply does not tell it how much that is.
 */
function candidates(view: NetworkView, kind: Kind, listing: Listing, sight: Sight): readonly RowOf<Kind>[] {
  const { projectId } = sight;
  if (projectId !== null) return ofTenant(view, kind, projectId);
  const resource = resourceOf(kind);
  for (const [field, value] of listing.equals) {
    if (resource.fields[field]?.reference) return view.by(kind, field as never, value) as readonly RowOf<Kind>[];
  }
  return view.rows(kind) as readonly RowOf<Kind>[];
}

function ofTenant(view: NetworkView, kind: Kind, projectId: string): readonly RowOf<Kind>[] {
  const { seenThrough } = resourceOf(kind);
  const open = view.rowsOfProject(kind, projectId, { shared: true });
  if (seenThrough === null) return open;
  const parents = view.rowsOfProject(seenThrough.kind, projectId, { shared: true });
  const through = parents.flatMap(({ id }) =>
    (view.by(kind, seenThrough.field as never, id) as readonly RowOf<Kind>[]).filter(row => !isOpenTo(row, projectId)),
  );
  return mergeSorted(open, through.sort(byId));
}

function matches(row: RowOf<Kind>, listing: Listing): boolean {
  const members = row as unknown as Readonly<Record<string, unknown>>;
  for (const [field, value] of listing.equals) if (textOf(members[field]) !== value) return false;
  return listing.labels.every(({ key, value }) => row.labels[key] === value);
}

/** How a value of an indexed field is written in a query. Lists are never indexed by value. */
function textOf(value: unknown): string | null {
  return typeof value === 'string'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? `${value}`
      : null;
}
