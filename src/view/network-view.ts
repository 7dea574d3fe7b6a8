/**
 * The network in memory at one revision: every noun's rows, and the rows that placement derives from them. It only
 * changes through `apply`, which takes whole revisions, brings the derived rows along in the same step, and tells
 * what changed. Compiler, REST reads and slow path all read this one object.
 */
import { structurallyEqual } from '../base/structural-equality.js';
import type { Kind, RowOf } from '../model/index.js';
import { GatewayPairs } from './gateway-pairs.js';
import { FloatingPlaces } from './floating-places.js';
import { EgressQueues } from './egress-queues.js';
import { Gateways } from './gateways.js';
import { PhysicalAttachments } from './physical-attachments.js';
import { Balancing } from './balancing.js';
import { Placement } from './placement.js';
import {
  all,
  fleetAfter,
  fleetId,
  fleetOf,
  hypervisorKeyOf,
  indexes,
  type DerivedKind,
  type IndexName,
  type IndexValue,
  type ViewKind,
  type ViewRow,
} from './rows.js';
import { ProjectRows } from './project-rows.js';
import { compareIds } from './row-order.js';
import { SecurityMembership } from './security-membership.js';
import { Table, type TableChange } from './table.js';
import { Translation } from './translation.js';

/** A row as it is after some revision, or null when it is gone. */
export type RowAfter<K extends ViewKind = ViewKind> = {
  readonly [X in K]: { readonly kind: X; readonly id: string; readonly after: ViewRow<X> | null };
}[K];

/** What became of one row in a batch of revisions. Never null on both sides, never equal on both. */
export type RowChange<K extends ViewKind = ViewKind> = {
  readonly [X in K]: { readonly kind: X } & TableChange<ViewRow<X>>;
}[K];

/** What a batch touched, derived rows included: ordered by kind as declared in rows.ts, then by id. */
export interface Touched {
  /** The revision that the view holds now. */
  readonly revision: number;
  readonly changes: readonly RowChange[];
}

/** Every row of the network at one revision. */
export interface Snapshot {
  readonly revision: number;
  readonly rows: { readonly [K in Kind]: readonly RowOf<K>[] };
}

/** The lookups of the view, for readers that do not need to be told of changes. */
export interface NetworkReader {
  get<K extends ViewKind>(kind: K, id: string): ViewRow<K> | null;
  by<K extends ViewKind, I extends IndexName<K>>(kind: K, index: I, value: IndexValue): readonly ViewRow<K>[];
}

const viewKinds = Object.keys(indexes) as ViewKind[];
const derivedKinds: ReadonlySet<ViewKind> = new Set<DerivedKind>([
  'fleet',
  'hypervisor-keys',
  'residencies',
  'mesh-members',
  'switch-presences',
  'bound-ports',
  'local-places',
  'physical-attachments',
  'gateway-places',
  'gateway-pairs',
  'floating-places',
  'egress-queues',
  'port-groups',
  'group-traits',
  'remote-addresses',
  'balanced-switches',
]);
/** The kinds of the model, in the order in which the view goes through them. */
export const nounKinds = viewKinds.filter((kind): kind is Kind => !derivedKinds.has(kind));

type AnyRow = ViewRow<ViewKind>;
type Pending = ReadonlyMap<ViewKind, ReadonlyMap<string, AnyRow | null>>;

export class NetworkView implements NetworkReader {
  #revision = 0;
  readonly #tables = new Map<ViewKind, Table<AnyRow>>();
  /** By project, for readers that are tenants; rules read nothing of projects. */
  readonly #projects = new Map<ViewKind, ProjectRows<RowOf<Kind>>>(nounKinds.map(kind => [kind, new ProjectRows()]));
  readonly #gateways: Gateways;
  readonly #pairs: GatewayPairs;
  readonly #floating: FloatingPlaces;
  readonly #placement: Placement;
  readonly #membership: SecurityMembership;
  readonly #attachments: PhysicalAttachments;
  readonly #balancing: Balancing;
  readonly #translation: Translation;
  readonly #queues: EgressQueues;

  constructor() {
    for (const kind of viewKinds) {
      this.#tables.set(kind, new Table<AnyRow>(indexes[kind] as ConstructorParameters<typeof Table<AnyRow>>[0]));
    }
    this.#gateways = new Gateways(this);
    this.#pairs = new GatewayPairs(this);
    this.#floating = new FloatingPlaces(this);
    this.#placement = new Placement(this);
    this.#membership = new SecurityMembership(this);
    this.#attachments = new PhysicalAttachments(this);
    this.#balancing = new Balancing(this);
    this.#translation = new Translation(this);
    this.#queues = new EgressQueues(this);
  }

  /** The revision that the rows reflect; 0 before the first `apply`. */
  get revision(): number {
    return this.#revision;
  }

  get<K extends ViewKind>(kind: K, id: string): ViewRow<K> | null {
    return this.#table(kind).get(id);
  }

  by<K extends ViewKind, I extends IndexName<K>>(kind: K, index: I, value: IndexValue): readonly ViewRow<K>[] {
    return this.#table(kind).by(index, value);
  }

  /** How many rows of a kind there are. */
  count(kind: ViewKind): number {
    return this.#table(kind).size;
  }

  /** Every row of a kind, sorted by id: good until the next change. */
  rows<K extends ViewKind>(kind: K): readonly ViewRow<K>[] {
    return this.#table(kind).sorted();
  }

  /** The rows of a kind that the project owns, and with `shared` those that others share with it: sorted, good until the next change. */
  rowsOfProject<K extends Kind>(
    kind: K,
    projectId: string,
    { shared }: { readonly shared: boolean },
  ): readonly RowOf<K>[] {
    const rows = this.#projects.get(kind);
    if (rows === undefined) throw new Error(`the view has no noun ${kind}`);
    return (shared ? rows.open(projectId) : rows.own(projectId)) as readonly RowOf<Kind>[] as readonly RowOf<K>[];
  }

  /**
   * Takes the rows as they are after `revision`, oldest change first where a row occurs more than once. Rows that
   * end as they began are not reported. What the rows were before is what the view held, whatever the log says.
   */
  apply(revision: number, rows: Iterable<RowAfter<Kind>>): Touched {
    const changes = this.#applyRows(latest(rows));
    const gateways = this.#gateways.apply(changes as readonly RowChange<Kind>[]);
    const floating = this.#floating.apply(changes as readonly RowChange<Kind>[]);
    const placed = this.#placement.apply(changes as readonly RowChange<Kind>[], [...gateways, ...floating]);
    const secured = this.#membership.apply(changes as readonly RowChange<Kind>[], placed);
    const attached = this.#attachments.apply(changes as readonly RowChange<Kind>[], placed);
    const balanced = this.#balancing.apply(changes as readonly RowChange<Kind>[], placed);
    const pairs = this.#pairs.apply(changes as readonly RowChange<Kind>[], gateways, placed);
    const translated = this.#translation.apply(changes as readonly RowChange<Kind>[], gateways, floating);
    const queues = this.#queues.apply(changes as readonly RowChange<Kind>[], placed);
    const derived = this.#applyRows(
      latest([
        ...this.#fleet(changes),
        ...gateways,
        ...floating,
        ...placed,
        ...secured,
        ...attached,
        ...balanced,
        ...pairs,
        ...translated,
        ...queues,
      ]),
    );
    this.#revision = revision;
    return { revision, changes: [...changes, ...derived] };
  }

  /** Makes the view what the snapshot says, by applying the difference. */
  replace(snapshot: Snapshot): Touched {
    return this.apply(snapshot.revision, this.#difference(snapshot));
  }

  /** Everything held, as if it had just appeared: what a compiler that starts later is given. */
  everything(): Touched {
    const changes = viewKinds.flatMap(kind =>
      this.rows(kind).map(row => ({ kind, id: row.id, before: null, after: row }) as RowChange),
    );
    return { revision: this.#revision, changes };
  }

  #table<K extends ViewKind>(kind: K): Table<ViewRow<K>> {
    const table = this.#tables.get(kind);
    if (table === undefined) throw new Error(`the view has no kind ${kind}`);
    return table as unknown as Table<ViewRow<K>>;
  }

  /** The row of the fleet and the keys of hypervisors, where they may be others. */
  #fleet(changes: readonly RowChange[]): readonly RowAfter[] {
    const changed = changes.filter(change => change.kind === 'hypervisors');
    const held = this.get('fleet', fleetId);
    if (held !== null && changed.length === 0) return [];
    const after = (held && fleetAfter(held, changed)) ?? fleetOf(this.by('hypervisors', 'all', all));
    return [
      { kind: 'fleet', id: fleetId, after },
      ...changed.map(
        ({ id, after }) =>
          ({ kind: 'hypervisor-keys', id, after: after === null ? null : hypervisorKeyOf(after) }) as const,
      ),
    ];
  }

  #applyRows(pending: Pending): readonly RowChange[] {
    const changes: RowChange[] = [];
    for (const kind of viewKinds) {
      const rows = pending.get(kind);
      if (rows === undefined) continue;
      const table = this.#table(kind);
      const ofKind: TableChange<AnyRow>[] = [];
      for (const id of [...rows.keys()].sort(compareIds)) {
        const before = table.get(id);
        const after = rows.get(id) ?? null;
        if (!structurallyEqual(before, after)) ofKind.push({ id, before, after });
      }
      table.apply(ofKind);
      this.#projects.get(kind)?.apply(ofKind as unknown as readonly TableChange<RowOf<Kind>>[]);
      for (const change of ofKind) changes.push({ kind, ...change } as RowChange);
    }
    return changes;
  }

  *#difference(snapshot: Snapshot): Iterable<RowAfter<Kind>> {
    for (const kind of nounKinds) {
      const rows: readonly RowOf<Kind>[] = snapshot.rows[kind];
      const present = new Set(rows.map(row => row.id));
      for (const id of this.#table(kind).ids()) if (!present.has(id)) yield { kind, id, after: null };
      for (const row of rows) yield { kind, id: row.id, after: row } as RowAfter<Kind>;
    }
  }
}

function latest(rows: Iterable<RowAfter>): Pending {
  const pending = new Map<ViewKind, Map<string, AnyRow | null>>();
  for (const { kind, id, after } of rows) {
    let ofKind = pending.get(kind);
    if (ofKind === undefined) pending.set(kind, (ofKind = new Map()));
    ofKind.set(id, after);
  }
  return pending;
}
