/**
 * A fleet of fake switches under random changes and faults, from one seed. Every flow of a fragment carries the
 * fragment's version, so that a mixture of two versions on a switch shows.
 */
import { nextTurn } from '../../src/base/next-turn.js';
import assert from 'node:assert/strict';
import type { MeshChange, ResidencyChange } from '../../src/compiler/compiler.js';
import type { Flow, Fragment, Group, Scope } from '../../src/compiler/fragment.js';
import { decodeCookie } from '../../src/compiler/identifiers.js';
import { contentOf, flowImage, groupMessage, messageImage, meterMod } from '../../src/delivery/encoding.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import { sentinelTable } from '../../src/delivery/sentinel.js';
import { group, output, setField, type Action } from '../../southbound/openflow/actions.js';
import type { Message } from '../../southbound/openflow/message-codec.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { fakeSwitch, type FakeSwitch } from '../fakes/fake-switch.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { refusals, type SwitchTables } from '../fakes/switch-tables.js';
import { SeededRandom } from '../seeded-random.js';
import { flow, fragment, FragmentSource, makeFleet, openSwitch } from './support.js';

const hosts = ['h1', 'h2', 'h3'] as const;
const datapaths = ['d1', 'd2', 'd3'] as const;
const meshNames = ['m1', 'm2'] as const;
const fragmentNumbers = 24;
/**
 * Ports that no real flow names. A flow with one of the first two is refused when added: with the first no switch would have accepted
 * its like before, with the second it does so although it has. With the third it is refused when carried out.
 */
const refusedForItsShape = 0xffff_00ad;
const refusedAtAdd = 0xbad1;
const refusedAtCommit = 0xbad2;

type Host = (typeof hosts)[number];

export class RandomFleet {
  readonly #random: SeededRandom;
  readonly #clock = new ManualClock();
  readonly #source = new FragmentSource();
  readonly #switches: ReadonlyMap<Host, FakeSwitch>;
  readonly #residency = new Map<Host, Set<string>>(hosts.map(host => [host, new Set()]));
  readonly #meshes = new Map<Host, Set<string>>(hosts.map(host => [host, new Set()]));
  /** Switches whose content somebody else has changed since the last audit: what they hold proves nothing. */
  readonly #touched = new Set<Host>();
  /** What the fleet says is installed, put together from what it says has changed. */
  readonly #installed = new Map<string, Set<string>>();
  readonly #messagesUntilCut = new Map<Host, number>();
  #fleet: Fleet;
  #term = 1n;
  #version = 0;
  /** Comparisons made by the checks: a test that checked nothing proves nothing. */
  checks = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#switches = new Map(hosts.map(host => [host, this.#makeSwitch(host)]));
    this.#fleet = this.#makeFleet();
  }

  async run(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      await this.#step();
      this.#check();
    }
    await this.#comeToRest();
  }

  close(): void {
    this.#fleet.close();
  }

  #makeSwitch(host: Host): FakeSwitch {
    const names = (message: Message, port: number): boolean =>
      message.kind === 'flowMod' &&
      message.instructions.some(
        one =>
          one.kind === 'applyActions' && one.actions.some(action => action.kind === 'output' && action.port === port),
      );
    return fakeSwitch({
      refuse: ({ message }) =>
        names(message, refusedAtAdd) || names(message, refusedForItsShape) ? refusals.badTable : null,
      refuseAtCommit: ({ message }) => (names(message, refusedAtCommit) ? refusals.badTable : null),
      onMessage: () => this.#countDown(host),
      onChange: tables => assertUnmixed(host, tables),
    });
  }

  #countDown(host: Host): void {
    const left = this.#messagesUntilCut.get(host);
    if (left === undefined) return;
    if (left > 0) this.#messagesUntilCut.set(host, left - 1);
    else {
      this.#messagesUntilCut.delete(host);
      this.#switches.get(host)?.cut();
    }
  }

  #makeFleet(): Fleet {
    this.#installed.clear();
    const fleet = makeFleet({
      watchedTables: [10, 253],
      clock: this.#clock,
      fenced: (_, current) => this.#raise(current),
      portsInstalled: (host, ports, changed) => this.#takeInstalled(host, ports, changed),
    });
    fleet.setTerm(this.#term);
    for (const host of hosts) fleet.addHypervisor(host, host);
    return fleet;
  }

  #takeInstalled(host: string, ports: ReadonlySet<string>, changed: readonly string[]): void {
    const held = this.#installed.get(host) ?? new Set();
    this.#installed.set(host, held);
    for (const port of changed) {
      if (ports.has(port)) held.add(port);
      else held.delete(port);
    }
    assert.deepEqual([...held].toSorted(), [...ports].toSorted(), 'what came and went adds up to what is there');
  }

  #raise(current: bigint | null): void {
    if (current !== null && current >= this.#term) this.#term = current + 1n;
    this.#fleet.setTerm(this.#term);
  }

  async #connect(host: Host): Promise<void> {
    const fake = this.#switches.get(host);
    if (fake === undefined || this.#fleet.status(host)?.connected === true) return;
    // A switch that holds still, or that is cut at once, does not finish the handshake.
    fake.release();
    try {
      const target = await openSwitch(fake.connect());
      this.#fleet.connect(host, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: null });
    } catch {
      assert.ok(!this.#messagesUntilCut.has(host), 'only a cut keeps a switch from connecting');
    }
  }

  async #step(): Promise<void> {
    const host = this.#random.pick(hosts);
    const fake = this.#switches.get(host);
    const dice = this.#random.below(100);
    if (dice < 45) this.#change();
    else if (dice < 65) await this.#connect(host);
    else if (dice < 72) this.#messagesUntilCut.set(host, this.#random.below(30));
    else if (dice < 75) fake?.wipe();
    else if (dice < 79) this.#vandalise(host);
    else if (dice < 84) fake?.hold();
    else if (dice < 90) fake?.release();
    else if (dice < 92) this.#restart();
    else this.#clock.advance(this.#random.pick([10, 500, 2_500]));
    for (let turns = this.#random.below(12); turns > 0; turns -= 1) {
      await nextTurn();
      this.#check();
    }
  }

  /** The controller dies, and another compiles the same. */
  #restart(): void {
    this.#fleet.close();
    this.#term += 1n;
    this.#fleet = this.#makeFleet();
    const residency = hosts.flatMap(hypervisorId =>
      [...(this.#residency.get(hypervisorId) ?? [])].map(datapathId => ({ hypervisorId, datapathId, resident: true })),
    );
    const meshes = hosts.flatMap(hypervisorId =>
      [...(this.#meshes.get(hypervisorId) ?? [])].map(meshId => ({ hypervisorId, meshId, member: true })),
    );
    this.#fleet.apply(this.#source.afresh(residency, meshes));
  }

  #vandalise(host: Host): void {
    this.#touched.add(host);
    this.#switches.get(host)?.vandalise(tables => {
      const lost = [...tables.flows.keys()][this.#random.below(tables.flows.size + 1)];
      if (lost !== undefined) tables.removeFlow(lost);
    });
  }

  #change(): void {
    const set = new Map<string, Fragment>();
    const gone = new Set<string>();
    for (let count = 1 + this.#random.below(4); count > 0; count -= 1) {
      const number = 1 + this.#random.below(fragmentNumbers);
      const key = `test.rule/${number}`;
      if (this.#source.current.has(key) && this.#random.chance(0.25)) gone.add(key);
      else if (!gone.has(key)) set.set(key, this.#fragment(number));
    }
    for (const key of gone) set.delete(key);
    const residency: ResidencyChange[] = [];
    if (this.#random.chance(0.3)) {
      const hypervisorId = this.#random.pick(hosts);
      const datapathId = this.#random.pick(datapaths);
      const held = this.#residency.get(hypervisorId);
      const resident = held?.has(datapathId) !== true;
      residency.push({ hypervisorId, datapathId, resident });
      if (resident) held?.add(datapathId);
      else held?.delete(datapathId);
    }
    this.#fleet.apply(this.#source.change([...set.values()], [...gone], residency, this.#meshChanges()));
  }

  #meshChanges(): readonly MeshChange[] {
    const moving = this.#random.chance(0.3) ? hosts.filter(() => this.#random.chance(0.5)) : [];
    return moving.map(hypervisorId => {
      const meshId = this.#random.pick(meshNames);
      const held = this.#meshes.get(hypervisorId);
      const member = held?.has(meshId) !== true;
      if (member) held?.add(meshId);
      else held?.delete(meshId);
      return { hypervisorId, meshId, member };
    });
  }

  #scope(): Scope {
    const dice = this.#random.below(4);
    if (dice === 0) return { kind: 'everywhere' };
    if (dice === 1) return { kind: 'datapath', datapathId: this.#random.pick(datapaths) };
    return { kind: dice === 2 ? 'hypervisor' : 'peers', hypervisorId: this.#random.pick(hosts) };
  }

  #fragment(number: number, isGood = false): Fragment {
    this.#version += 1;
    const marks: Action[] = [setField(oxm.reg0, BigInt(this.#version))];
    if (!isGood && this.#random.chance(0.08)) {
      marks.push(output(this.#random.pick([refusedForItsShape, refusedAtAdd, refusedAtCommit])));
    }
    const groups: Group[] = this.#random.chance(0.4)
      ? Array.from({ length: 1 + this.#random.below(2) }, (_, slot) => ({
          id: number * 8 + slot,
          type: 'all',
          buckets: [{ bucketId: 1, actions: [output(this.#random.below(50) + 1)] }],
        }))
      : [];
    const flows: Flow[] = Array.from({ length: 1 + this.#random.below(4) }, (_, index) =>
      flow(10, number * 10 + index, [...marks, ...this.#uses(groups)]),
    );
    const made = fragment(number, {
      scope: this.#scope(),
      flows,
      ...(groups.length > 0 ? { groups } : {}),
      ...(this.#random.chance(0.15)
        ? { meters: [{ id: number, unit: 'kbps', rate: 1 + this.#random.below(3) }] as const }
        : {}),
      ...(this.#random.chance(0.3) ? { after: [this.#random.pick(hosts)] } : {}),
    });
    // Two fragments a port.
    return { ...made, owner: { kind: 'logical-switch-ports', id: `port-${number >> 1}` } };
  }

  #uses(groups: readonly Group[]): Action[] {
    return groups.filter(() => this.#random.chance(0.7)).map(one => group(one.id));
  }

  /** What a hypervisor that says it has everything holds, and what convergence says. */
  #check(): void {
    const { revision } = this.#source;
    for (const host of hosts) {
      const status = this.#fleet.status(host);
      // Until the sentinel is read, the status tells what was acknowledged last.
      const isSure = status?.state === 'idle' || status?.state === 'delivering' || status?.state === 'comparing';
      if (!isSure || this.#touched.has(host) || this.#switches.get(host)?.isConnected !== true) continue;
      const failed = this.#fleet.convergence.failures().some(failure => failure.hypervisorId === host);
      const progress = this.#fleet.convergence.pending(revision);
      const isPending = progress.pending.some(one => one.hypervisorId === host);
      if (isPending) assert.equal(progress.isApplied, false);
      if (status.appliedRevision < revision || failed) continue;
      this.#compare(host, `${host} says that it has applied ${revision}`);
    }
  }

  #compare(host: Host, message: string): void {
    this.checks += 1;
    assert.deepEqual(
      this.#switches.get(host)?.tables.contentText(one => one.tableId === sentinelTable),
      this.#expected(host),
      message,
    );
    assert.deepEqual([...(this.#installed.get(host) ?? [])].toSorted(), this.#portsOn(host), `ports: ${message}`);
  }

  #portsOn(host: Host): string[] {
    const own = [...this.#source.current.values()].filter(
      ({ scope }) => scope.kind === 'hypervisor' && scope.hypervisorId === host,
    );
    return [...new Set(own.map(one => one.owner.id))].toSorted();
  }

  #arePeers(host: Host, other: string): boolean {
    const meshes = [...(this.#meshes.get(host) ?? [])];
    const others = hosts.filter(each => each !== host && each === other);
    return others.some(each => meshes.some(meshId => this.#meshes.get(each)?.has(meshId) === true));
  }

  #expected(host: Host): string[] {
    const hex = (text: string): string => Buffer.from(text, 'latin1').toString('hex');
    const lines: string[] = [];
    for (const one of this.#source.current.values()) {
      const { scope } = one;
      const isHere =
        scope.kind === 'everywhere' ||
        (scope.kind === 'hypervisor' && scope.hypervisorId === host) ||
        (scope.kind === 'peers' && this.#arePeers(host, scope.hypervisorId)) ||
        (scope.kind === 'datapath' && this.#residency.get(host)?.has(scope.datapathId) === true);
      if (!isHere) continue;
      for (const each of one.flows) {
        const { identity, value } = flowImage(contentOf(each, one.cookie));
        lines.push(`flow ${hex(identity)} ${hex(value)}`);
      }
      for (const each of one.groups ?? []) lines.push(`group ${hex(messageImage(groupMessage(each)))}`);
      for (const each of one.meters ?? []) lines.push(`meter ${hex(messageImage(meterMod(each, 'add')))}`);
    }
    return lines.toSorted();
  }

  /** No more faults, and nothing bad: everything must be right in a few seconds, and known to be. */
  async #comeToRest(): Promise<void> {
    this.#messagesUntilCut.clear();
    const good = [...this.#source.current.keys()].map(key => this.#fragment(Number(key.split('/')[1]), true));
    this.#fleet.apply(this.#source.change(good));
    for (const host of hosts) {
      this.#switches.get(host)?.release();
    }
    await this.#quiet();
    for (const host of hosts) this.#fleet.audit(host);
    await this.#quiet();
    const progress = this.#fleet.convergence.pending(this.#source.revision);
    assert.deepEqual([progress.pending, progress.disconnected, progress.failed], [[], [], []]);
    for (const host of hosts) this.#compare(host, `${host} at rest`);
    const sent = hosts.map(host => this.#switches.get(host)?.changes);
    this.#restart();
    await this.#quiet();
    assert.deepEqual(
      hosts.map(host => this.#switches.get(host)?.changes),
      sent,
      'a restart with nothing to do sends nothing',
    );
  }

  /** Lets time pass until nothing moves any more: six seconds at most, which is more than any wait. */
  async #quiet(): Promise<void> {
    for (let round = 0, still = 0; round < 60 && still < 5; round += 1) {
      for (const host of hosts) await this.#connect(host);
      for (let turn = 0; turn < 10; turn += 1) await nextTurn();
      this.#clock.advance(100);
      this.#check();
      still = this.#isStill() ? still + 1 : 0;
    }
  }

  #isStill(): boolean {
    const isIdle = hosts.every(host => this.#fleet.status(host)?.state === 'idle');
    return isIdle && this.#fleet.convergence.isApplied(this.#source.revision);
  }
}

/** Every flow of one fragment on a switch is of one version. */
function assertUnmixed(host: string, tables: SwitchTables): void {
  const versions = new Map<number, bigint>();
  for (const { cookie, stats } of tables.flows.values()) {
    const { instructions } = stats;
    const owner = decodeCookie(cookie);
    const [instruction] = instructions;
    const [action] = instruction?.kind === 'applyActions' ? instruction.actions : [];
    if (owner.kind !== 'fragment' || action?.kind !== 'setField') continue;
    const other = versions.get(owner.objectNumber);
    assert.ok(
      other === undefined || other === action.value,
      `${host} holds versions ${other} and ${action.value} of fragment ${owner.objectNumber}`,
    );
    versions.set(owner.objectNumber, action.value);
  }
}
