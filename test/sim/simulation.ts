/**
 * One run from one seed: hosts, controllers and the database in virtual time, operations and faults at random, and the invariants
 * looked at all the way. docs/simulation.md says what is simulated and what is not.
 */
import { silentLogger } from '../../src/base/log.js';
import { Controller } from '../../src/controller.js';
import type { ChangeLogRow } from '../../src/store/change-log.js';
import { SeededRandom } from '../seeded-random.js';
import { Connectivity } from './connectivity.js';
import { EventHash } from './event-hash.js';
import { faultKinds, faults, type FaultKind, type Faulty } from './faults.js';
import { checkClaim, checkUnmixed, checkZones, forgetEdits, Violation } from './invariants.js';
import type { SimulationOptions, SimulationReport } from './simulation-report.js';
import { RandomOperations } from './random-operations.js';
import { Reference } from './reference.js';
import { checkRest, type Resting, unrest } from './rest.js';
import { SimulatedHost } from './simulated-host.js';
import { ports, SimulatedNetwork } from './simulated-network.js';
import { SimulatedDatabase, type Backup } from './simulated-store.js';
import { ProcessClock, VirtualTime } from './virtual-time.js';

interface Running {
  readonly address: string;
  readonly process: ProcessClock;
  readonly controller: Controller;
}

const hostCount = 3;
const addresses = ['192.0.2.1', '192.0.2.2'] as const;
/** Between operations, in milliseconds: in a crowd everything meets everything, at leisure each change is delivered by itself. */
const paces = [
  [0, 1, 2, 5, 10, 30, 100],
  [0, 2, 10, 50, 200, 600],
] as const;
/** What switches refuse is what most has to be told right, and most rarely comes about by itself. */
const refusedShare = 0.08;
/** Longer than everything that may have to run out: half-open connections, back-offs, the lease. */
const restWithinMs = 120_000;
/** Longer than a switch goes without an audit: one and a half intervals, after a new connection. */
const auditWithinMs = 95_000;

export class Simulation implements Faulty {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly database: SimulatedDatabase;
  readonly hosts: readonly SimulatedHost[];
  backup: Backup;
  readonly #seed: number;
  readonly #options: SimulationOptions;
  readonly #reference = new Reference();
  readonly #running = new Map<string, Running>();
  readonly #operations: RandomOperations;
  readonly #connectivity: Connectivity;
  readonly #hash = new EventHash();
  readonly #counts = { operations: new Map<string, number>(), faults: new Map<FaultKind, number>(), claims: 0 };
  /** Ends when the database is restored: what was claimed of the revisions before says nothing any more. */
  #life = 0;
  #lastInCharge: Controller | null = null;
  #uuids = 0;
  #twins = 0;
  #messagesUntilKill: number | null = null;
  #failure: Error | null = null;

  constructor(seed: number, options: SimulationOptions = {}) {
    this.#seed = seed;
    this.#options = options;
    this.random = new SeededRandom(seed);
    this.network = new SimulatedNetwork(this.time, new SeededRandom(seed + 1_000_003));
    this.database = new SimulatedDatabase(this.time, new SeededRandom(seed + 2_000_003));
    this.database.onCommit = changes => {
      if (changes === 'restored') this.#restored();
      else this.#committed(() => this.#reference.apply(changes), changes);
    };
    this.#operations = new RandomOperations(this.database, this.random);
    this.hosts = Array.from({ length: hostCount }, (_, index) =>
      this.#makeHost(`hv${index + 1}`, `192.0.2.${11 + index}`),
    );
    this.#connectivity = new Connectivity(
      this.hosts,
      this.database,
      new SeededRandom(seed + 3_000_017),
      () => this.time.nowMs(),
      host =>
        this.#inCharge()?.controller.fleet.status(this.database.hypervisorId(host.name) ?? '')?.connected ?? false,
      what => this.#fail(new Violation(what)),
    );
    this.backup = this.database.backUp();
  }

  /** @throws Violation, or whatever else went wrong */
  run(): Promise<SimulationReport> {
    return this.time.govern(() => this.#run());
  }

  transact(times: number): void {
    for (let time = 0; time < times; time += 1) for (const name of this.#operations.transact()) this.#count(name);
  }

  anyPort(): string | null {
    const ids = [...this.database.tables['logical-switch-ports'].keys()];
    return ids.length === 0 ? null : this.random.pick(ids);
  }

  killController(afterMessages: number): void {
    if (afterMessages === 0) this.#killInCharge();
    else this.#messagesUntilKill = afterMessages;
  }

  takeOver(): void {
    const active = this.#inCharge();
    const [first, second] = addresses;
    const other = active?.address === second ? first : second;
    if (!this.#running.has(other)) this.#start(other);
    this.time.after(300 + this.random.below(2_500), () => {
      if (active !== null) this.#kill(active);
    });
    // It comes back, and stands by.
    this.time.after(6_000 + this.random.below(3_000), () => this.#start(active?.address ?? first));
  }

  twin(name: string, forMs: number): void {
    this.#twins += 1;
    const host = this.hosts.find(each => each.name === name);
    if (host !== undefined) {
      host.isContested = true;
      host.twins += 1;
      // What is said a moment after the twin is gone is said of the host.
      this.time.after(forMs + 1_000, () => (host.twins -= 1));
    }
    const twin = this.#makeHost(name, `203.0.113.${this.#twins}`, () => {});
    twin.hypervisor.start();
    this.time.after(forMs, () => twin.hypervisor.stop());
  }

  async #run(): Promise<SimulationReport> {
    const { operations = 200, faults: faultCount = 12 } = this.#options;
    this.#start(addresses[0]);
    for (const host of this.hosts) host.hypervisor.start();
    await this.#pass(3_000);
    this.backup = this.database.backUp();
    const due = new Map(Array.from({ length: faultCount }, () => [this.random.below(operations), true]));
    const pauses = this.random.pick(paces);
    let done = 0;
    let missing = faultCount - due.size;
    while (this.#operationsDone < operations || done < faultCount) {
      this.#operate();
      if (due.delete(this.#operationsDone) || missing > 0 || this.#operationsDone >= operations) {
        if (this.#fault()) done += 1;
        missing = Math.max(0, missing - 1);
      }
      if (this.random.chance(0.03)) this.backup = this.database.backUp();
      await this.#pass(this.random.pick(pauses));
    }
    await this.#comeToRest();
    const { claims, faults: byKind, operations: byName } = this.#counts;
    return {
      seed: this.#seed,
      operations: byName,
      faults: byKind,
      claims,
      revisions: this.database.revision,
      ...this.#connectivity.counts,
      zonesReused: this.hosts.reduce((sum, { zones }) => sum + zones.reuses, 0),
      virtualMs: this.time.nowMs(),
      hash: this.#hash.digest(),
    };
  }

  get #operationsDone(): number {
    return [...this.#counts.operations.values()].reduce((sum, count) => sum + count, 0);
  }

  #count(name: string): void {
    this.#tell(name);
    this.#counts.operations.set(name, (this.#counts.operations.get(name) ?? 0) + 1);
  }

  /** What happens is part of the hash, and of the trace. */
  #tell(what: string): void {
    const line = `${this.time.nowMs().toFixed(3)} ${what}`;
    this.#hash.add(line);
    this.#options.trace?.(line);
  }

  #operate(): void {
    const dice = this.random.below(100);
    if (dice < 60) return this.transact(1);
    const host = this.random.pick(this.hosts);
    if (dice < 82) {
      const portId = this.#unpluggedPort();
      if (portId !== null && host.plug(`tap${(this.#uuids += 1)}`, portId)) this.#count('bind');
      return;
    }
    const names = [...host.plugged.keys()].filter(name => name.startsWith('tap'));
    if (names.length === 0) return;
    const name = this.random.pick(names);
    const portId = host.plugged.get(name) ?? '';
    if (dice < 92) {
      const target = this.random.pick(this.hosts);
      if (target === host || !target.plug(`tap${(this.#uuids += 1)}`, portId)) return;
      this.time.after(this.random.below(400), () => host.unplug(name));
      return this.#count('move');
    }
    host.unplug(name);
    this.#count('unbind');
  }

  #unpluggedPort(): string | null {
    const plugged = new Set(this.hosts.flatMap(host => [...host.plugged.values()]));
    const free = [...this.database.tables['logical-switch-ports'].keys()].filter(id => !plugged.has(id));
    return free.length === 0 ? null : this.random.pick(free);
  }

  #fault(): boolean {
    const kind = this.random.chance(refusedShare) ? 'refused flows' : this.random.pick(faultKinds);
    this.#tell(`fault: ${kind}`);
    if (!faults[kind](this)) return false;
    this.#counts.faults.set(kind, (this.#counts.faults.get(kind) ?? 0) + 1);
    return true;
  }

  #makeHost(
    name: string,
    address: string,
    onChange = (host: SimulatedHost) => this.#switchChanged(host),
  ): SimulatedHost {
    return new SimulatedHost({
      name,
      address,
      managers: addresses.map(host => `tcp:${host}:${ports.ovsdb}`),
      time: this.time,
      network: this.network,
      newUuid: () => this.database.newId(),
      reactionMs: () => this.random.below(20) / 10,
      onChange,
      onMessage: () => this.#countDown(),
      onZoneFlush: (host, zone) => this.#tell(`${host.name} empties zone ${zone}`),
    });
  }

  #start(address: string): void {
    if (this.#running.has(address)) return;
    this.#tell(`controller ${address} starts`);
    const process = new ProcessClock(this.time);
    const listenAt = (port: number) => [{ kind: 'tcp', host: address, port }] as const;
    const controller = new Controller({
      store: this.database.handle(process),
      clock: process,
      log: silentLogger,
      build: 'simulated',
      holder: address,
      ovsdbListen: listenAt(ports.ovsdb),
      openflowListen: listenAt(ports.openflow),
      puntListen: listenAt(ports.punt),
      tls: null,
      advertise: null,
      listen: this.network.listenOn(process),
    });
    this.#options.spoil?.(controller);
    this.#running.set(address, { address, process, controller });
    const start = async (): Promise<void> => {
      await controller.follow(() => {});
      await controller.letIn(() => {});
    };
    start().catch((error: unknown) => this.#fail(error));
  }

  #kill(running: Running): void {
    if (!running.process.isAlive) return;
    this.#tell(`controller ${running.address} is killed`);
    this.#running.delete(running.address);
    this.network.kill(running.process);
  }

  #killInCharge(): void {
    const active = this.#inCharge() ?? [...this.#running.values()][0];
    if (active === undefined) return;
    this.#kill(active);
    this.time.after(this.random.below(1_500), () => this.#start(active.address));
  }

  #countDown(): void {
    if (this.#messagesUntilKill === null) return;
    this.#messagesUntilKill -= 1;
    if (this.#messagesUntilKill > 0) return;
    this.#messagesUntilKill = null;
    this.#killInCharge();
  }

  /** After the database was restored two may believe it for a while; one of them is right. */
  #inCharge(): Running | null {
    const believing = [...this.#running.values()].filter(({ controller }) => controller.lease.term !== null);
    return believing.find(({ address }) => address === this.database.holder) ?? believing[0] ?? null;
  }

  #switchChanged(host: SimulatedHost): void {
    this.#noteWhoIsInCharge();
    this.#tell(`${host.name} changes ${host.tables.touched.cookies.size}`);
    this.#hold(() => checkZones(host, this.database));
    const hypervisorId = this.database.hypervisorId(host.name);
    if (hypervisorId !== null) {
      if (host.isEdited) forgetEdits(this.#reference, host, hypervisorId, host.edited);
      this.#hold(() => checkUnmixed(this.#reference, host, hypervisorId));
    }
    if (!host.isSteady) this.#connectivity.disturbed(host);
    this.#connectivity.check();
  }

  /** Another one looks at all switches anew, and makes them right at once. */
  #noteWhoIsInCharge(): void {
    const controller = this.#inCharge()?.controller ?? null;
    if (controller === null || controller === this.#lastInCharge) return;
    this.#lastInCharge = controller;
    this.#connectivity.handedOver();
  }

  #committed(apply: () => void, changes: readonly ChangeLogRow[]): void {
    apply();
    this.#connectivity.committed(changes);
    const [{ revision }, life, active, { step }] = [this.database, this.#life, this.#inCharge(), this.#reference];
    if (active === null) return;
    const { controller } = active;
    void controller.fleet.convergence.waitFor(revision, 20_000).then(progress => {
      if (!progress.isApplied || life !== this.#life || !active.process.isAlive) return;
      // One that does not know yet that the database was restored takes the number for that of a revision before.
      if (!this.#isInThisLife(controller)) return;
      this.#counts.claims += 1;
      this.#hold(() => checkClaim(this.#reference, this.hosts, this.database, controller, step));
    });
  }

  #restored(): void {
    this.#life += 1;
    this.#connectivity.restored();
    this.#reference.restored(this.database.snapshot());
  }

  #hold(invariant: () => void): void {
    try {
      invariant();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#tell(String(error));
    this.#failure ??= error instanceof Error ? error : new Error(String(error));
  }

  async #pass(durationMs: number): Promise<void> {
    await this.time.pass(durationMs);
    this.#lookWhatIsApplied();
    if (this.#failure !== null) throw this.#failure;
  }

  #lookWhatIsApplied(): void {
    const active = this.#inCharge()?.controller;
    const { revision } = this.database;
    if (active?.view.revision !== revision || !this.#isInThisLife(active)) return;
    const failing = new Set(active.fleet.convergence.failures().map(({ name }) => name));
    const applied = this.hosts.filter(host => {
      const { connected, state, appliedRevision } =
        active.fleet.status(this.database.hypervisorId(host.name) ?? '') ?? {};
      if (connected !== true || state !== 'idle' || appliedRevision !== revision) return false;
      if (host.twins === 0) host.isContested = false;
      if (host.refuses === null && !failing.has(host.name)) host.refused.clear();
      return host.isSteady;
    });
    this.#connectivity.applied(applied);
  }

  /** What its view holds is of this database, and not of what it was before it was restored, whatever the number. */
  #isInThisLife({ view, checks }: Controller): boolean {
    return checks.checkOf(view.revision) === this.database.checkOf(view.revision);
  }

  /** No more faults: in bounded time everything is right, and known to be. */
  async #comeToRest(): Promise<void> {
    this.#messagesUntilKill = null;
    await this.#pass(15_000);
    if (this.hosts.some(host => host.isEdited)) await this.#pass(auditWithinMs);
    for (const host of this.hosts) host.edited.clear();
    let reason = '';
    for (const startMs = this.time.nowMs(); this.time.nowMs() < startMs + restWithinMs; await this.#pass(1_000)) {
      reason = unrest(this.#resting) ?? '';
      if (reason === '') break;
    }
    if (reason !== '') throw new Violation(`it does not come to rest: ${reason}`);
    await this.#pass(1_500);
    checkRest(this.#resting);
  }

  get #resting(): Resting {
    const { hosts, database } = this;
    return { hosts, database, controller: this.#inCharge()?.controller ?? null };
  }
}
