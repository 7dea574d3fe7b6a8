/**
 * The program's own controller over rows in memory: what a store has committed is given to it as the feed reads it, and every
 * part from there to the switches is the real one. Counts what a revision costs.
 */
import { silentLogger } from '../../src/base/log.js';
import { Controller, type ControllerStore } from '../../src/controller.js';
import type { CompilerStats } from '../../src/compiler/compiler.js';
import type { Kind } from '../../src/model/index.js';
import type { ChangeLogRow, Changes } from '../../src/store/change-log.js';
import { Lease, type LeaseRows } from '../../src/store/lease.js';
import type { RowAfter, Snapshot } from '../../src/view/network-view.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { FakeSession } from '../delivery/fake-session.js';
import { LightSwitch } from './light-switch.js';
import { connected } from './work-network.js';

/** What one revision cost; the same whatever else there is. */
export interface RevisionWork {
  readonly unitsRun: number;
  readonly fragmentsChanged: number;
  /** Connected hypervisors that were sent something. */
  readonly hypervisors: number;
  readonly bundles: number;
  readonly flowMods: number;
  readonly groupMods: number;
  readonly bytes: number;
}

const leaseRows: LeaseRows = {
  acquire: () => Promise.resolve(1),
  raise: (_, seen) => Promise.resolve(seen + 1),
  release: () => Promise.resolve(),
};

/** Revisions that were committed, without a database. */
class CommittedRows {
  readonly #clock: ManualClock;
  readonly #snapshot: Snapshot;
  #latest: Changes;
  #commit: () => void = () => {};

  constructor(clock: ManualClock, snapshot: Snapshot) {
    this.#clock = clock;
    this.#snapshot = snapshot;
    this.#latest = { revision: snapshot.revision, changes: [] };
  }

  get revision(): number {
    return this.#latest.revision;
  }

  commit(rows: readonly RowAfter<Kind>[]): void {
    const revision = this.revision + 1;
    const changes = rows.map((row, seq) => ({ ...row, revision, seq, check: revision }) as unknown as ChangeLogRow);
    this.#latest = { revision, changes };
    this.#commit();
  }

  get asStore(): ControllerStore {
    return {
      databaseId: '6f2a1b04-7c1d-4f0e-9a51-0123456789ab',
      snapshot: () => Promise.resolve({ ...this.#snapshot, check: 1 }),
      changesSince: revision =>
        Promise.resolve(revision < this.revision ? this.#latest : { revision: this.revision, changes: [] }),
      recordInventories: () => Promise.resolve(this.revision),
      recordHealth: () => Promise.resolve(),
      recordHolders: () => Promise.resolve(),
      recordBfd: () => Promise.resolve(),
      onCommit: listener => {
        // As if another process had committed it: the feed reads the log.
        this.#commit = () => listener(null);
        return () => {};
      },
      registerHypervisor: () => Promise.reject(new Error('hypervisors do not join here')),
      lease: (settings, events) => new Lease(leaseRows, this.#clock, silentLogger, settings, events),
    };
  }
}

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

export class MeasuredController {
  readonly #clock = new ManualClock();
  readonly #rows: CommittedRows;
  readonly #controller: Controller;

  constructor(snapshot: Snapshot) {
    this.#rows = new CommittedRows(this.#clock, snapshot);
    this.#controller = new Controller({
      store: this.#rows.asStore,
      clock: this.#clock,
      log: silentLogger,
      build: 'work',
      holder: 'work',
      ovsdbListen: [],
      openflowListen: [],
      puntListen: [],
      tls: null,
      advertise: null,
    });
  }

  /** Compiles everything, and brings the hypervisors that are connected up to it. */
  async start(): Promise<void> {
    await this.#controller.follow(() => {});
    await this.#controller.letIn(() => {});
    for (const hypervisorId of connected) {
      const session = new FakeSession(hypervisorId);
      session.hypervisor = { ...session.hypervisor, id: hypervisorId };
      this.#controller.hosts.add(session.asSession);
    }
    await this.connectAll();
  }

  /** Connects the switches again whose hypervisors were away; false: there was none. */
  async connectAll(): Promise<boolean> {
    const { fleet } = this.#controller;
    const away = connected.filter(hypervisorId => fleet.status(hypervisorId)?.connected === false);
    for (const hypervisorId of away) {
      const connection = { database: () => ({ kind: 'ready' }) as const, openVswitchVersion: null };
      fleet.connect(hypervisorId, { target: new LightSwitch(), ...connection });
    }
    while (fleet.convergence.appliedRevision < this.#rows.revision) await nextTurn();
    return away.length > 0;
  }

  /** Commits these rows as one revision, and says what it cost until every connected switch had it. */
  async commit(rows: readonly RowAfter<Kind>[]): Promise<RevisionWork> {
    const before = this.#counters();
    this.#rows.commit(rows);
    await this.#settled();
    const after = this.#counters();
    const { unitsRun, fragmentsChanged } = this.#controller.compiler.stats.latest;
    const sum = (name: 'bundles' | 'flowMods' | 'groupMods' | 'bytes'): number =>
      connected.reduce((total, host) => {
        const [now = 0, then = 0] = [after.get(host)?.[name], before.get(host)?.[name]];
        // One that was removed takes its counts with it, and begins anew.
        return total + (now < then ? now : now - then);
      }, 0);
    return {
      unitsRun,
      fragmentsChanged,
      hypervisors: connected.filter(host => (after.get(host)?.rounds ?? 0) > (before.get(host)?.rounds ?? 0)).length,
      bundles: sum('bundles'),
      flowMods: sum('flowMods'),
      groupMods: sum('groupMods'),
      bytes: sum('bytes'),
    };
  }

  /** Units that exist, that were run, and fragments. */
  get size(): CompilerStats {
    return this.#controller.compiler.stats;
  }

  stop(): void {
    this.#controller.fleet.close();
    this.#controller.hosts.stop();
  }

  #counters() {
    const { fleet } = this.#controller;
    return new Map(connected.map(host => [host, { ...fleet.status(host)?.counters }]));
  }

  /** Every connected switch has everything. Asks once, so that it costs nothing that would be counted. */
  async #settled(): Promise<void> {
    const { revision } = this.#rows;
    let isApplied = false;
    void this.#controller.fleet.convergence.waitFor(revision, 60_000).then(() => (isApplied = true));
    for (let turns = 0; !isApplied; turns += 1) {
      if (turns > 5_000) throw new Error(`revision ${revision} is not applied`);
      // What is held back for a hypervisor that is away goes after a while.
      if (turns % 50 === 49) this.#clock.advance(500);
      await nextTurn();
    }
    for (let turns = 0; turns < 3; turns += 1) await nextTurn();
  }
}
