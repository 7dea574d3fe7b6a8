/**
 * The database in memory, with the semantics that the controller relies on: revisions with random checks, a change log that can be
 * trimmed, snapshots, claims judged by the program's own arbitration, leases. Several processes use one; each has its own handle,
 * whose answers take time and fail while the database is out.
 */
import type { Kind, Hypervisor, LogicalSwitchPort, PortBinding, RowOf } from '../../src/model/index.js';
import { kinds } from '../../src/model/kinds.js';
import { looksLikeUuid } from '../../src/model/value-types.js';
import type { ControllerStore } from '../../src/controller.js';
import { silentLogger } from '../../src/base/log.js';
import { structurallyEqual } from '../../src/base/structural-equality.js';
import { arbitrate, type InterfaceClaim } from '../../src/store/arbitration.js';
import type { ChangeLogRow, Changes } from '../../src/store/change-log.js';
import type { CommittedRevision } from '../../src/store/committed-revision.js';
import {
  isDifference,
  type HypervisorReport,
  type InventoryReport,
  type Registration,
} from '../../src/store/inventory.js';
import { Lease, type LeaseEvents, type LeaseRows, type LeaseSettings } from '../../src/store/lease.js';
import type { Snapshot } from '../../src/store/reading.js';
import type { SeededRandom } from '../seeded-random.js';
import { SimulatedLeases, type LeaseBackup } from './simulated-leases.js';
import type { ProcessClock, VirtualTime } from './virtual-time.js';
import { ZoneChoice } from './zone-choice.js';

type AnyRow = RowOf<Kind>;
export type Tables = { readonly [K in Kind]: Map<string, RowOf<K>> };

/** What a row becomes. */
export interface Write {
  readonly kind: Kind;
  readonly id: string;
  readonly after: AnyRow | null;
}

/** Everything that a backup holds. */
interface Content {
  readonly revision: number;
  readonly check: number;
  readonly floor: number;
  readonly tables: { readonly [K in Kind]: ReadonlyMap<string, RowOf<K>> };
  readonly log: readonly ChangeLogRow[];
  readonly checks: ReadonlyMap<number, number>;
  readonly claims: ReadonlyMap<string, InterfaceClaim>;
  readonly leases: LeaseBackup;
}

export class DatabaseOut extends Error {
  override readonly name = 'DatabaseOut';
}

export class SimulatedDatabase {
  readonly databaseId = '6f2a1b04-7c1d-4f0e-9a51-0123456789ab';
  tables: Tables = emptyTables();
  revision = 0;
  /** It does not answer. */
  isOut = false;
  /** Told after each commit, and after the database was restored. */
  onCommit: (changes: readonly ChangeLogRow[] | 'restored') => void = () => {};
  #check = 0;
  #floor = 0;
  #log: ChangeLogRow[] = [];
  /** By revision. */
  #checks = new Map<number, number>();
  #claims = new Map<string, InterfaceClaim>();
  readonly #leases: SimulatedLeases;
  #claimOrder = 0;
  readonly #zones = new ZoneChoice();
  #number = 0;
  readonly #time: VirtualTime;
  readonly #random: SeededRandom;
  readonly #listeners = new Set<(committed: CommittedRevision) => void>();
  /** Whose commit is under way; null: somebody's who asks the API. */
  #committer: ProcessClock | null = null;

  constructor(time: VirtualTime, random: SeededRandom) {
    this.#time = time;
    this.#leases = new SimulatedLeases(time);
    this.#random = random;
  }

  newNumber(): number {
    return (this.#number += 1);
  }

  newId(): string {
    const hex = (digits: number): string =>
      this.#random
        .below(16 ** digits)
        .toString(16)
        .padStart(digits, '0');
    return `${hex(8)}-${hex(4)}-7${hex(3)}-8${hex(3)}-${hex(6)}${hex(6)}`;
  }

  /** Who may program switches, or was the last that might; null: nobody yet. */
  get holder(): string | null {
    return this.#leases.holderOf('fleet');
  }

  /** Null while it has no row. */
  hypervisorId(systemId: string): string | null {
    for (const row of this.tables.hypervisors.values()) if (row.systemId === systemId) return row.id;
    return null;
  }

  now(): string {
    return this.#time.wallTime().toISOString();
  }

  /** One transaction: these rows, and the bindings that follow. Nothing that differs: no revision. */
  commit(writes: readonly Write[], claimedTexts: ReadonlySet<string> = new Set()): number {
    const before = new Map<string, { kind: Kind; row: AnyRow | null }>();
    const put = ({ kind, id, after }: Write): void => {
      const table = this.tables[kind] as Map<string, AnyRow>;
      const key = `${kind}/${id}`;
      if (!before.has(key)) before.set(key, { kind, row: table.get(id) ?? null });
      if (after === null) table.delete(id);
      else table.set(id, { ...after, revision: this.revision + 1 } as AnyRow);
    };
    for (const write of writes) put(write);
    for (const write of this.#bindings(writes, claimedTexts)) put(write);
    const changed = [...before].filter(([key, { kind, row }]) => {
      const table = this.tables[kind] as Map<string, AnyRow>;
      const isChanged = !isSame(row, table.get(idOf(key)) ?? null);
      if (!isChanged && row !== null) table.set(row.id, row);
      return isChanged;
    });
    if (changed.length === 0) return this.revision;
    const previousCheck = this.#check;
    this.revision += 1;
    this.#check = 1 + this.#random.below(0xffffff);
    const rows = changed.map(([key, { kind, row }], seq) => {
      const after = this.tables[kind].get(idOf(key)) ?? null;
      const operation = row === null ? 'create' : after === null ? 'delete' : 'update';
      const common = { revision: this.revision, seq, at: this.now(), by: 'test', check: this.#check };
      return { ...common, kind, id: idOf(key), operation, before: row, after } as unknown as ChangeLogRow;
    });
    this.#log.push(...rows);
    this.#checks.set(this.revision, this.#check);
    this.onCommit(rows);
    const committed = { revision: this.revision, check: this.#check, previousCheck, changes: rows };
    for (const listener of this.#listeners) listener(committed);
    return this.revision;
  }

  /** The random check of a revision. */
  checkOf(revision: number): number | null {
    return this.#checks.get(revision) ?? null;
  }

  /** The log keeps only so many revisions. */
  trim(keepRevisions: number): void {
    this.#floor = Math.max(this.#floor, this.revision - keepRevisions);
    this.#log = this.#log.filter(row => row.revision > this.#floor);
  }

  /** Loses a revision from the log, as no database should: readers must notice. */
  loseFromLog(revision: number): void {
    this.#log = this.#log.filter(row => row.revision !== revision);
  }

  backUp(): Content {
    return {
      revision: this.revision,
      check: this.#check,
      floor: this.#floor,
      tables: Object.fromEntries(
        kinds.map(kind => [kind, new Map<string, AnyRow>(this.tables[kind])]),
      ) as unknown as Tables,
      log: [...this.#log],
      checks: new Map(this.#checks),
      claims: new Map(this.#claims),
      leases: this.#leases.backUp(),
    };
  }

  restore(content: Content): void {
    this.revision = content.revision;
    this.#check = content.check;
    this.#floor = content.floor;
    this.tables = Object.fromEntries(
      kinds.map(kind => [kind, new Map<string, AnyRow>(content.tables[kind])]),
    ) as unknown as Tables;
    this.#log = [...content.log];
    this.#checks = new Map(content.checks);
    this.#claims = new Map(content.claims);
    this.#leases.restore(content.leases);
    this.onCommit('restored');
  }

  /** What a process has of it. */
  handle(process: ProcessClock): ControllerStore {
    const ask = <T>(answer: () => T): Promise<T> => this.#answer(process, answer);
    const nothing = (): Promise<void> => ask(() => undefined); // It has no load balancers, virtual addresses and BFD sessions.
    return {
      databaseId: this.databaseId,
      snapshot: () => ask(() => this.snapshot()),
      changesSince: (since, limit, { check }) => ask(() => this.#changesSince(since, limit, check)),
      registerHypervisor: report => ask(() => this.#by(process, () => this.#register(report))),
      recordInventories: reports => ask(() => this.#by(process, () => this.#record(reports))),
      ...{ recordHealth: nothing, recordHolders: nothing, recordBfd: nothing },
      onCommit: listener => {
        const told = (committed: CommittedRevision): void => {
          // Its own commits are told as they are, those of others only that there is something.
          const isOwn = (this.#random.chance(0.5) ? (this.#committer ?? process) : this.#committer) === process;
          process.after(this.#random.below(30) / 10, () => listener(isOwn ? committed : null));
        };
        this.#listeners.add(told);
        return () => this.#listeners.delete(told);
      },
      lease: (settings, events) => this.#lease(process, settings, events, ask),
    };
  }

  #lease(
    process: ProcessClock,
    settings: LeaseSettings,
    events: LeaseEvents,
    ask: <T>(answer: () => T) => Promise<T>,
  ): Lease {
    const rows: LeaseRows = {
      acquire: ({ name, holder, ttlMs }) => ask(() => this.#leases.acquire(name, holder, ttlMs)),
      raise: ({ name, holder }, seen) => ask(() => this.#leases.raise(name, holder, seen)),
      release: ({ name, holder }) => ask(() => this.#leases.release(name, holder)),
    };
    return new Lease(rows, process, silentLogger, settings, events);
  }

  #by<T>(process: ProcessClock, act: () => T): T {
    this.#committer = process;
    const result = act();
    this.#committer = null;
    return result;
  }

  /** Asked now, done a little later, heard of a little later still. Out: an error, after a while. */
  #answer<T>(process: ProcessClock, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!process.isAlive) return;
      this.#time.after(0.3 + this.#random.below(20) / 10, () => {
        if (this.isOut) return void process.after(this.#random.below(500), () => reject(new DatabaseOut()));
        if (!process.isAlive) return;
        const result = answer();
        process.after(0.1 + this.#random.below(10) / 10, () => resolve(result));
      });
    });
  }

  snapshot(): Snapshot {
    const rows = Object.fromEntries(kinds.map(kind => [kind, [...this.tables[kind].values()]]));
    return { revision: this.revision, check: this.#check, rows } as unknown as Snapshot;
  }

  #changesSince(since: number, limitRevisions: number, check: number): Changes | 'trimmed' | 'rewound' {
    if (since > this.revision) return 'rewound';
    if (since < this.#floor) return 'trimmed';
    const held = since <= this.#floor ? undefined : this.#checks.get(since);
    if (check !== 0 && held !== check) return held === undefined ? 'trimmed' : 'rewound';
    const last = Math.min(this.revision, since + limitRevisions);
    return { revision: last, changes: this.#log.filter(row => row.revision > since && row.revision <= last) };
  }

  /** As the store's inventory registers. */
  #register(report: HypervisorReport): Registration {
    const rows = [...this.tables.hypervisors.values()];
    const current = rows.find(row => row.systemId === report.systemId) ?? null;
    if (current !== null && !current.allowed) return { kind: 'leaving', hypervisor: current };
    const base = current ?? this.#newHypervisor(report.systemId);
    const known: Hypervisor = {
      ...base,
      systemId: report.systemId,
      encapIp: report.encapIp,
      encapTypes: report.encapTypes,
      underlayMtu: report.underlayMtu ?? 1500,
      bridge: report.bridge,
      datapathType: report.datapathType,
    };
    if (current === null || !isSame(known, current)) {
      this.commit([{ kind: 'hypervisors', id: known.id, after: { ...known, updatedAt: this.now() } }]);
    }
    return { kind: 'accepted', hypervisor: this.tables.hypervisors.get(known.id) ?? known };
  }

  #newHypervisor(name: string): Hypervisor {
    const number = this.newNumber();
    const hex = (): string => this.#random.below(0x1_0000_0000).toString(16).padStart(8, '0');
    return {
      ...this.common(name, number),
      systemId: null,
      encapIp: null,
      encapTypes: ['geneve'],
      underlayMtu: 1500,
      datapathId: hex() + hex(),
      hypervisorKey: number,
      drain: false,
      gateway: false,
      adopt: false,
      allowed: true,
      approved: true,
      ovsdbTarget: null,
      bridge: 'br-int',
      datapathType: 'system',
    } as unknown as Hypervisor;
  }

  /** What every row has. */
  common(name: string, number: number) {
    const at = this.now();
    return { id: this.newId(), name, projectId: '', labels: {}, createdAt: at, updatedAt: at, revision: 0, number };
  }

  #record(reports: ReadonlyMap<string, InventoryReport>): number {
    const texts = new Set<string>();
    for (const [hypervisorId, report] of reports) {
      const hypervisor = this.tables.hypervisors.get(hypervisorId);
      if (hypervisor === undefined) continue;
      const reported = isDifference(report) ? report.changed : report;
      const looked =
        isDifference(report) && hypervisor.allowed
          ? new Set([...report.gone, ...reported.map(each => each.uuid)])
          : null;
      const usable = new Map((hypervisor.allowed ? reported : []).map(each => [each.uuid, each]));
      for (const [key, claim] of this.#claims) {
        if (claim.hypervisorId !== hypervisorId || looked?.has(claim.interfaceUuid) === false) continue;
        if (usable.get(claim.interfaceUuid)?.ifaceId === claim.ifaceId) continue;
        this.#claims.delete(key);
        texts.add(claim.ifaceId);
      }
      for (const { uuid, name, ifaceId, ofport } of usable.values()) {
        const key = `${hypervisorId}/${uuid}`;
        const held = this.#claims.get(key);
        if (held?.interfaceName === name && held.ofport === ofport) continue;
        const order = held?.order ?? (this.#claimOrder += 1);
        this.#claims.set(key, {
          hypervisorId,
          hypervisorName: hypervisor.name,
          interfaceUuid: uuid,
          interfaceName: name,
          ifaceId,
          ofport,
          order,
        });
        texts.add(ifaceId);
      }
    }
    return this.commit([], texts);
  }

  #bindings(writes: readonly Write[], claimedTexts: ReadonlySet<string>): Write[] {
    const portIds = new Set([...claimedTexts].filter(looksLikeUuid));
    for (const { kind, id } of writes) if (kind === 'logical-switch-ports') portIds.add(id);
    const made: PortBinding[] = [];
    return [...portIds].flatMap(portId => {
      const judged = this.#judge(portId, made);
      for (const { after } of judged) if (after !== null) made.push(after as PortBinding);
      return judged;
    });
  }

  /** @param made by the same transaction: their zones are taken too */
  #judge(portId: string, made: readonly PortBinding[]): Write[] {
    const port = this.tables['logical-switch-ports'].get(portId) as LogicalSwitchPort | undefined;
    const bindings = [...this.tables['port-bindings'].values()];
    const held = bindings.find(row => row.logicalSwitchPortId === portId) ?? null;
    const claims = [...this.#claims.values()].filter(claim => claim.ifaceId === portId);
    const { winner, reason } = port === undefined ? { winner: null, reason: null } : arbitrate(port, claims, 1, true);
    if (winner === null) return held === null ? [] : [{ kind: 'port-bindings', id: held.id, after: null }];
    const { hypervisorId, interfaceName, interfaceUuid, ofport } = winner;
    const ctZone =
      held?.hypervisorId === hypervisorId ? held.ctZone : this.#zones.choose(hypervisorId, [...bindings, ...made]);
    const place = { hypervisorId, interfaceName, interfaceUuid, ofport, ctZone, reason, projectId: '' };
    const base = held ?? { ...this.common('', this.newNumber()), logicalSwitchPortId: portId };
    const isSamePlace =
      held !== null && Object.entries(place).every(([name, value]) => held[name as keyof PortBinding] === value);
    if (isSamePlace) return [];
    return [
      {
        kind: 'port-bindings',
        id: base.id,
        after: { ...base, ...place, updatedAt: this.now() } as unknown as PortBinding,
      },
    ];
  }
}

export type Backup = Content;

function emptyTables(): Tables {
  return Object.fromEntries(kinds.map(kind => [kind, new Map()])) as unknown as Tables;
}

const idOf = (key: string): string => key.slice(key.indexOf('/') + 1);

/** Equal but for what every write changes. */
function isSame(left: AnyRow | null, right: AnyRow | null): boolean {
  if (left === null || right === null) return left === right;
  return structurallyEqual({ ...left, revision: 0, updatedAt: '' }, { ...right, revision: 0, updatedAt: '' });
}
