import { Type } from './json-schema.js';
import { pointerTo } from '../base/errors.js';
import { optional } from './fields.js';
import { isKind, isOffered } from './kinds.js';
import { resource } from './resource.js';
import { integer, isObject, quoted, refuse, type ValueType } from './value-types.js';

/** How many objects of a kind a project may have. */
export type Limits = Readonly<Record<string, number>>;

/** The largest limit; as good as none. */
export const MAX_QUOTA = 1_000_000_000;

const limit = integer(0, MAX_QUOTA);

/** Limits by collection. */
function limits(): ValueType<Limits> {
  const schema = Type.Record(Type.String(), limit.schema);
  return {
    schema,
    inputSchema: schema,
    column: 'jsonb',
    nullable: false,
    parse: (value, pointer) => {
      if (!isObject(value)) return refuse('invalid_value', pointer, `${quoted(value)} is not an object.`);
      const entries = Object.entries(value).map(([kind, each]): [string, number] => {
        const at = pointerTo(pointer, kind);
        if (!isKind(kind) || !isOffered(kind)) refuse('unknown_kind', at, `${quoted(kind)} is no collection.`);
        return [kind, limit.parse(each, at)];
      });
      return inOrder(entries);
    },
    toWire: value => value,
    // The database has an order of its own.
    fromWire: wire => inOrder(Object.entries(wire as Limits)),
  };
}

function inOrder(entries: [string, number][]): Limits {
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

export const quotas = resource({
  kind: 'quotas',
  singular: 'quota',
  description: 'How many objects a project may have, where that is not the default. One for each project.',
  named: false,
  exposed: true,
  audience: { read: 'project', write: 'admin' },
  fields: {
    limits: optional(limits(), 'Most objects by collection; collections left out have the default (WEFT_QUOTAS).', {
      default: {},
    }),
  },
  columns: ['limits'],
});
