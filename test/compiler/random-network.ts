/**
 * Networks that change at random, for the oracles of view and compiler: every verb (create, replace, merge, delete,
 * delete with what depends on it, delete and create anew under the same id, undo, several in one revision) over every
 * field of every noun.
 *
 * The rows are well formed, and deliberately worse than what the store lets in: references may dangle, addresses may
 * lie outside their subnet or be taken twice, fields change that the store holds fixed. A rule has an answer to all of
 * that, and only so is every read that it makes seen to matter.
 */
import type { Kind, RowOf } from '../../src/model/index.js';
import { kinds } from '../../src/model/kinds.js';
import type { CommonRow } from '../../src/model/resource.js';
import type { RowAfter, Snapshot } from '../../src/view/network-view.js';
import { SeededRandom } from '../seeded-random.js';
import { consistent, type Context, fields, idOf, linkNetworks, population } from './random-fields.js';

type AnyRow = RowOf<Kind>;
type MutableTables = { readonly [K in Kind]: Map<string, RowOf<K>> };
type FieldMaker = readonly [name: string, make: (context: Context, row: AnyRow) => unknown];

/** Deletions stop here, so that every network compared has at least a hundred ports. */
export const fewestPorts = 100;

/** Which rows refer to a row, and by which member: what a cascading deletion takes along. */
const dependents: { readonly [K in Kind]?: readonly (readonly [Kind, string])[] } = {
  hypervisors: [['port-bindings', 'hypervisorId']],
  'logical-switches': [
    ['subnets', 'logicalSwitchId'],
    ['logical-switch-ports', 'logicalSwitchId'],
    ['virtual-addresses', 'logicalSwitchId'],
    ['logical-router-ports', 'logicalSwitchId'],
    ['qos-rules', 'logicalSwitchId'],
    ['dns-records', 'logicalSwitchId'],
  ],
  'logical-routers': [
    ['logical-router-ports', 'logicalRouterId'],
    ['static-routes', 'logicalRouterId'],
    ['nat-rules', 'logicalRouterId'],
    ['policy-routes', 'logicalRouterId'],
  ],
  'logical-router-ports': [
    ['static-neighbours', 'logicalRouterPortId'],
    ['bfd-sessions', 'logicalRouterPortId'],
  ],
  subnets: [['dhcp-options', 'subnetId']],
  'security-groups': [
    ['security-group-rules', 'securityGroupId'],
    ['security-group-rules', 'remoteGroupId'],
  ],
  'address-sets': [['security-group-rules', 'remoteAddressSetId']],
  'logical-switch-ports': [
    ['port-bindings', 'logicalSwitchPortId'],
    ['qos-rules', 'logicalSwitchPortId'],
    ['mirrors', 'logicalSwitchPortId'],
    ['mirrors', 'collectorPortId'],
    ['dhcp-options', 'logicalSwitchPortId'],
    ['nat-rules', 'logicalSwitchPortId'],
  ],
};

/** How often each kind is operated on. */
const weights: readonly Kind[] = [
  ...kinds,
  ...kinds,
  'logical-switch-ports',
  'logical-switch-ports',
  'port-bindings',
  'port-bindings',
  'logical-router-ports',
  'logical-router-ports',
  // Few reads concern them, and more kinds are added than they can stand.
  'static-routes',
  'static-routes',
  'logical-router-ports',
  'policy-routes',
];

export class RandomNetwork {
  readonly #random: SeededRandom;
  readonly #tables: MutableTables;
  #nextNumber = 1;
  #revision: number;
  /** What the latest batch overwrote, oldest first. */
  #undo: RowAfter<Kind>[] = [];

  /** The base network of this seed, or a continuation of `base` that takes its own course. */
  constructor(seed: number, base?: Snapshot) {
    this.#random = new SeededRandom(seed);
    this.#tables = Object.fromEntries(kinds.map(kind => [kind, new Map()])) as unknown as MutableTables;
    this.#revision = base?.revision ?? 1;
    for (const kind of kinds) {
      if (base === undefined) {
        for (let place = 0; place < population[kind].base; place += 1) this.#create(kind, idOf(kind, place));
      } else {
        for (const row of base.rows[kind]) this.#set(kind, row.id, row);
      }
    }
    for (const kind of kinds) {
      for (const row of this.#tables[kind].values()) this.#nextNumber = Math.max(this.#nextNumber, row.number + 1);
    }
  }

  get revision(): number {
    return this.#revision;
  }

  snapshot(): Snapshot {
    const rows = Object.fromEntries(kinds.map(kind => [kind, [...this.#tables[kind].values()]]));
    return { revision: this.#revision, rows: rows as unknown as Snapshot['rows'] };
  }

  /** One revision: a random operation, sometimes several, applied here. Returns the rows that it wrote. */
  operate(): readonly RowAfter<Kind>[] {
    this.#revision += 1;
    if (this.#undo.length > 0 && this.#random.chance(0.06)) return this.#revert();
    this.#undo = [];
    const written: RowAfter<Kind>[] = [];
    const times = this.#random.chance(0.15) ? 2 + this.#random.below(4) : 1;
    while (written.length < times) written.push(...this.#operateOnce());
    return written;
  }

  #operateOnce(): readonly RowAfter<Kind>[] {
    const kind = this.#random.pick(weights);
    const id = idOf(kind, this.#random.below(population[kind].pool));
    const held = this.#tables[kind].get(id);
    if (held === undefined) return [this.#write(kind, id, this.#fresh(kind, id))];
    const verb = this.#random.below(100);
    if (verb < 60) return [this.#write(kind, id, this.#merged(kind, held))];
    if (verb < 70) return [this.#write(kind, id, { ...this.#fresh(kind, id), number: held.number } as AnyRow)];
    if (verb < 76) return [this.#write(kind, id, null), this.#write(kind, id, this.#fresh(kind, id))];
    if (verb < 82 && kind === 'logical-router-ports') return this.#join(id);
    return verb < 92 ? this.#delete(kind, id) : this.#deleteCascading(kind, id);
  }

  #revert(): readonly RowAfter<Kind>[] {
    const undo = this.#undo.reverse();
    this.#undo = [];
    for (const { kind, id, after } of undo) this.#set(kind, id, after);
    return undo;
  }

  #delete(kind: Kind, id: string): readonly RowAfter<Kind>[] {
    if (kind === 'logical-switch-ports' && this.#tables[kind].size <= fewestPorts) return [];
    return [this.#write(kind, id, null)];
  }

  #deleteCascading(kind: Kind, id: string): readonly RowAfter<Kind>[] {
    const written: RowAfter<Kind>[] = [];
    for (const [dependent, member] of dependents[kind] ?? []) {
      for (const row of this.#tables[dependent].values()) {
        if ((row as unknown as Record<string, unknown>)[member] !== id) continue;
        written.push(...this.#deleteCascading(dependent, row.id));
      }
    }
    return [...written, ...this.#delete(kind, id)];
  }

  /** Makes two router ports peers of each other, as the store does, with addresses of one network. */
  #join(id: string): readonly RowAfter<Kind>[] {
    const other = this.#random.pick([...this.#tables['logical-router-ports'].keys()]);
    const [ours, theirs] = linkNetworks(this.#context());
    const joined = (one: string, peerId: string, networks: readonly string[]): readonly RowAfter<Kind>[] => {
      const row = this.#tables['logical-router-ports'].get(one);
      if (row === undefined) return [];
      const after = { ...row, logicalSwitchId: null, switchPortKey: null, peerId, networks };
      return [this.#write('logical-router-ports', one, after)];
    };
    return [...joined(id, other, ours), ...joined(other, id, theirs)];
  }

  #create(kind: Kind, id: string): void {
    this.#set(kind, id, this.#fresh(kind, id));
  }

  #fresh(kind: Kind, id: string): AnyRow {
    const number = this.#nextNumber;
    this.#nextNumber += 1;
    const row: Record<string, unknown> = { ...this.#descriptive(), id, number, createdAt: '2026-01-01T00:00:00.000Z' };
    for (const [field, make] of fieldMakers(kind)) row[field] = make(this.#context(), row as unknown as AnyRow);
    return consistent(kind, row) as unknown as AnyRow;
  }

  #merged(kind: Kind, held: AnyRow): AnyRow {
    const makers = fieldMakers(kind);
    // One choice more than there are fields: to change only what describes the object.
    const chosen = makers[this.#random.below(makers.length + 1)];
    if (chosen === undefined) return { ...held, ...this.#descriptive() };
    const [field, make] = chosen;
    const changed = { ...held, updatedAt: this.#now(), revision: this.#revision, [field]: make(this.#context(), held) };
    return consistent(kind, changed) as unknown as AnyRow;
  }

  #context(): Context {
    return { random: this.#random, tables: this.#tables };
  }

  #descriptive(): Omit<CommonRow, 'id' | 'number' | 'createdAt'> {
    const name = `name ${this.#random.below(100)}`;
    const labels = this.#random.chance(0.5) ? {} : { tier: `${this.#random.below(5)}` };
    return { name, labels, projectId: `p${this.#random.below(3)}`, updatedAt: this.#now(), revision: this.#revision };
  }

  #now(): string {
    return new Date(Date.UTC(2026, 0, 1) + this.#revision * 1000).toISOString();
  }

  #write(kind: Kind, id: string, after: AnyRow | null): RowAfter<Kind> {
    this.#undo.push({ kind, id, after: this.#tables[kind].get(id) ?? null } as RowAfter<Kind>);
    this.#set(kind, id, after);
    return { kind, id, after } as RowAfter<Kind>;
  }

  #set(kind: Kind, id: string, row: AnyRow | null): void {
    const table = this.#tables[kind] as unknown as Map<string, AnyRow>;
    if (row === null) table.delete(id);
    else table.set(id, row);
  }
}

const fieldMakers = (kind: Kind): readonly FieldMaker[] => Object.entries(fields[kind]) as unknown as FieldMaker[];
