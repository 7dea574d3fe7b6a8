/** The store: everything that outlives the process. */
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Kind, RowOf } from '../model/index.js';
import { arbitrate } from './arbitration.js';
import { claimsOn } from './bindings.js';
import { ChangeLog, type ChangeLogRow, type Changes, type ChangesOptions, type RevisionRecord } from './change-log.js';
import { type DataSourceSettings, type Durability, type OpenDataSource, openDataSource } from './data-source.js';
import {
  type HypervisorReport,
  Inventory,
  type InventoryReport,
  type Registration,
  type ReportedInterface,
} from './inventory.js';
import { type DatabaseWork, type Purpose, purposes } from './database-work.js';
import type { TimeLimit } from './sessions.js';
import { JoinTokens } from './join-tokens.js';
import { type BfdFinding, recordBfd } from './nouns/bfd-session.js';
import { type HealthFinding, recordHealth } from './nouns/load-balancer.js';
import { type HolderFinding, recordHolders } from './nouns/virtual-address.js';
import { DatabaseLeaseRows, Lease, type LeaseEvents, type LeaseSettings } from './lease.js';
import { type CommitListener, Notifier } from './notifier.js';
import { type DefaultQuotas, Quotas, type Usage } from './quotas.js';
import { type ListOptions, type Page, READ_LIMIT, Reading, type Snapshot } from './reading.js';
import { Transactions, type WriteOptions, type WriteResult } from './transaction.js';
import { TokenUses } from './token-uses.js';
import type { WriteContext, WriteOperations } from './write-operations.js';

export interface StoreSettings extends DataSourceSettings {
  /** MTU of the underlay where a hypervisor does not say its own, in bytes. */
  readonly underlayMtu: number;
  /** With `none` an interface may claim a port by its name. */
  readonly auth: 'none' | 'token';
  /** Most objects of a project by kind, `*` for those not named; default: no limit. Counts where callers are authenticated. */
  readonly quotas?: DefaultQuotas;
  /** Whether a host that nobody knows may join at once, or waits for approval; default `open`. */
  readonly enrolment?: 'open' | 'approve';
  /** Milliseconds within which a write is answered, whatever the database does; default 5,000. */
  readonly writeWithinMs?: number;
}

/** Counting all objects anew, at the start. */
const RECOUNT_LIMIT: TimeLimit = { withinMs: 120_000 };

/** What a write transaction can do. */
export type Transaction = WriteOperations;

export class Store {
  /** What survives of a commit: `full`, or `process-crash` in the embedded database. */
  readonly durability: Durability;
  /** What the operator of the database should know, in words. */
  readonly warnings: readonly string[];
  /** Names this database; a copy of it has the same. */
  readonly databaseId: string;
  /** Tokens that approve hosts before they come. */
  readonly joinTokens: JoinTokens;
  readonly #open: OpenDataSource;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #acceptNames: boolean;
  readonly #quotas: Quotas | null;
  readonly #transactions: Transactions;
  readonly #inventory: Inventory;
  readonly #reading: Reading;
  readonly #changeLog: ChangeLog;
  readonly #notifier: Notifier;

  constructor(open: OpenDataSource, databaseId: string, settings: StoreSettings, log: Logger, clock: Clock) {
    const { sessions, listenerConfig, durability, warnings, writers } = open;
    this.durability = durability;
    this.warnings = warnings;
    this.databaseId = databaseId;
    this.#open = open;
    this.#clock = clock;
    this.#log = log;
    this.#acceptNames = settings.auth === 'none';
    this.#notifier = new Notifier(sessions, listenerConfig, clock, log);
    const { underlayMtu } = settings;
    const acceptNames = this.#acceptNames;
    const { writeWithinMs } = settings;
    this.#quotas = settings.auth === 'none' ? null : new Quotas(settings.quotas ?? new Map());
    const limits = {
      underlayMtu,
      acceptNames,
      quotas: this.#quotas,
      writers,
      ...(writeWithinMs === undefined ? {} : { writeWithinMs }),
    };
    this.#transactions = new Transactions(sessions, clock, limits, committed => this.#notifier.committed(committed));
    this.#inventory = new Inventory(this.#transactions, underlayMtu, settings.enrolment ?? 'open');
    this.joinTokens = new JoinTokens(sessions, this.#transactions, () => clock.wallTime());
    this.#reading = new Reading(sessions);
    this.#changeLog = new ChangeLog(sessions);
  }

  /** What was asked of the database since the start, by purpose. */
  *databaseWork(): Generator<DatabaseWork & { readonly purpose: Purpose }> {
    for (const purpose of purposes) yield { purpose, ...this.#open.sessions.work.of(purpose) };
  }

  /** Starts what runs beside the callers. */
  async start(): Promise<void> {
    const quotas = this.#quotas;
    if (quotas !== null) await this.#open.sessions.run('tokens', RECOUNT_LIMIT, session => quotas.recount(session));
    await this.#notifier.listen();
  }

  /** What the project has, and may have, of every kind that is counted; none where nobody is authenticated. */
  async usage(projectId: string): Promise<readonly Usage[]> {
    const quotas = this.#quotas;
    if (quotas === null) return [];
    return this.#open.sessions.run('tokens', READ_LIMIT, session => quotas.usage(session, projectId));
  }

  /** When tokens were used. */
  tokenUses(): TokenUses {
    return new TokenUses(this.#open.sessions, this.#clock, this.#log);
  }

  /**
   * One transaction, one revision. `work` may run more than once, when it collides with another writer: it must have no effect but
   * through the transaction. A write that changes nothing makes no revision. Rows that it returns have their revision set.
   */
  write<T>(
    context: WriteContext,
    work: (transaction: Transaction) => Promise<T>,
    options?: WriteOptions,
  ): Promise<WriteResult<T>> {
    return this.#transactions.write(context, ({ operations }) => work(operations), options);
  }

  get<K extends Kind>(kind: K, id: string): Promise<{ revision: number; row: RowOf<K> | null }> {
    return this.#reading.get(kind, id);
  }

  list<K extends Kind>(kind: K, options: ListOptions): Promise<Page<K>> {
    return this.#reading.list(kind, options);
  }

  /** Every row of every kind, at one revision. */
  snapshot(): Promise<Snapshot> {
    return this.#reading.snapshot();
  }

  currentRevision(): Promise<number> {
    return this.#changeLog.currentRevision();
  }

  /** Whole revisions after `since`, at most `limitRevisions`, fewer if they are large; a word: start from a snapshot. */
  changesSince(
    since: number,
    limitRevisions: number,
    options?: ChangesOptions,
  ): Promise<Changes | 'trimmed' | 'rewound'> {
    return this.#changeLog.changesSince(since, limitRevisions, options);
  }

  revision(revision: number): Promise<RevisionRecord | null> {
    return this.#changeLog.revision(revision);
  }

  changesOf(revision: number): Promise<readonly ChangeLogRow[]> {
    return this.#changeLog.changesOf(revision);
  }

  /** Those of these objects that changed after the revision, as they were then; null: not there yet. */
  rowsAt(revision: number, ids: readonly string[]): Promise<ReadonlyMap<string, RowOf<Kind> | null>> {
    return this.#changeLog.rowsAt(revision, [...new Set(ids)]);
  }

  /** Drops all but the newest revisions from the log; returns the oldest revision to read on from. */
  trimChangeLog(keepRevisions: number): Promise<number> {
    return this.#changeLog.trim(keepRevisions);
  }

  /**
   * Called after commits, of other controllers too; a nudge that may be lost or doubled. Told what was committed, if it was this
   * process that did. Returns how to end it.
   */
  onCommit(listener: CommitListener): () => void {
    return this.#notifier.subscribe(listener);
  }

  registerHypervisor(report: HypervisorReport): Promise<Registration> {
    return this.#inventory.register(report);
  }

  /** The whole current list of claiming interfaces of one hypervisor. */
  recordInventory(hypervisorId: string, interfaces: readonly ReportedInterface[]): Promise<number> {
    return this.#inventory.record(new Map([[hypervisorId, interfaces]]));
  }

  /** The same for several hypervisors in one transaction. */
  recordInventories(reports: ReadonlyMap<string, InventoryReport>): Promise<number> {
    return this.#inventory.record(reports);
  }

  /** What checks of backends have found, in one transaction. */
  async recordHealth(findings: readonly HealthFinding[]): Promise<void> {
    await this.#transactions.write({ actor: 'weft', source: 'health' }, ({ unit }) => recordHealth(unit, findings));
  }

  /** Which neighbours of routers are alive, in one transaction. */
  async recordBfd(findings: readonly BfdFinding[]): Promise<void> {
    await this.#transactions.write({ actor: 'weft', source: 'bfd' }, ({ unit }) => recordBfd(unit, findings));
  }

  /** Which ports have announced virtual addresses, in one transaction. */
  async recordHolders(findings: readonly HolderFinding[]): Promise<void> {
    await this.#transactions.write({ actor: 'weft', source: 'announcement' }, ({ unit }) =>
      recordHolders(unit, findings),
    );
  }

  /** Why a port is not bound, or who else claims it; null where there is nothing to say. */
  async bindingReason(port: RowOf<'logical-switch-ports'>): Promise<string | null> {
    if (port.parentId !== null) return `it is a sub-port, and where its parent ${port.parentId} is`;
    return this.#open.sessions.run('read', READ_LIMIT, async session => {
      const [claims, { rows }] = await Promise.all([
        claimsOn(session, [port.id, port.name]),
        session.query('SELECT count(*)::integer AS n FROM logical_switch_ports WHERE name = $1', [port.name]),
      ]);
      return arbitrate(port, claims, Number(rows[0]?.['n']), this.#acceptNames).reason;
    });
  }

  lease(settings: LeaseSettings, events: LeaseEvents): Lease {
    return new Lease(new DatabaseLeaseRows(this.#open.sessions), this.#clock, this.#log, settings, events);
  }

  async close(): Promise<void> {
    await this.#notifier.close();
    await this.#open.close();
  }
}

/** Opens the store: takes the lock of the data directory if embedded, migrates, and starts to listen. */
export async function openStore(settings: StoreSettings, log: Logger, clock: Clock): Promise<Store> {
  const onFailure = (error: Error): never => {
    log.fatal({ err: error }, 'the embedded database has failed');
    // It does not come back within this process; a restart, in which everything is level-triggered, repairs it.
    throw error;
  };
  const open = await openDataSource(settings, log, clock, onFailure);
  const { rows } = await open.sessions.run('read', READ_LIMIT, session =>
    session.query('SELECT database_id FROM store_head WHERE id = $1', [1]),
  );
  const databaseId = rows[0]?.['database_id'];
  if (typeof databaseId !== 'string') throw new Error('the head of the store is missing');
  const store = new Store(open, databaseId, settings, log, clock);
  await store.start();
  return store;
}
