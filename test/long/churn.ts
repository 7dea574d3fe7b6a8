/**
 * A day's churn compressed: clients write at random through REST, interfaces come, go and move, and Weft and Open vSwitch are
 * killed among it. At the end of each phase everything is held still and compared with a compile from scratch.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../seeded-random.js';
import { holds } from './acknowledged.js';
import { ChurnClient, type ChurnCounts } from './churn-client.js';
import type { ChurnSite, Footprint } from './churn-site.js';

export interface ChurnOptions {
  readonly seed: number;
  readonly operations: number;
  /** Write at the same time. */
  readonly clients: number;
  readonly phases: number;
  /** Weft is killed in each phase before this one, so that its memory can be compared over the rest. */
  readonly steadyFrom: number;
}

export interface ChurnReport {
  readonly counts: ChurnCounts;
  readonly plugged: number;
  readonly restarts: Readonly<Record<'weft' | 'ovs-vswitchd' | 'ovsdb-server', number>>;
  /** At the end of each phase from `steadyFrom` on. */
  readonly footprints: readonly Footprint[];
  /** On each hypervisor, at the end. */
  readonly flows: readonly number[];
}

/** One of so many operations is about an interface. */
const operationsAPlug = 8;
const mostPlugged = 60;

export class Churn {
  readonly #random: SeededRandom;
  readonly #clients: ChurnClient[] = [];
  readonly #counts: ChurnCounts = {
    operations: 0,
    acknowledged: 0,
    refused: 0,
    unanswered: 0,
    late: 0,
    byVerb: new Map(),
  };
  readonly #restarts = { weft: 0, 'ovs-vswitchd': 0, 'ovsdb-server': 0 };
  /** Port id -> number of the hypervisor where it is plugged in. */
  readonly #plugged = new Map<string, number>();
  #plugs = 0;
  #sharedSwitchId = '';

  constructor(
    private readonly site: ChurnSite,
    private readonly options: ChurnOptions,
  ) {
    this.#random = new SeededRandom(options.seed);
  }

  async run(): Promise<ChurnReport> {
    await this.#prepare();
    const { phases, operations, steadyFrom } = this.options;
    const footprints: Footprint[] = [];
    let flows: readonly number[] = [];
    for (let phase = 0; phase < phases; phase += 1) {
      const until = Math.round((operations * (phase + 1)) / phases);
      await Promise.all([
        ...this.#clients.map(client => this.#write(client, until)),
        this.#moveInterfaces(until),
        this.#breakThings(until, phase < steadyFrom),
      ]);
      flows = await this.site.equalsFromScratch();
      await this.#nothingLost();
      if (phase >= steadyFrom) footprints.push(await this.site.footprint());
    }
    return { counts: this.#counts, plugged: this.#plugs, restarts: this.#restarts, footprints, flows };
  }

  async #prepare(): Promise<void> {
    const { client } = this.site.weft;
    const shared = await client.create('logical-switches', { id: randomUUID(), name: 'shared' });
    this.#sharedSwitchId = shared.id;
    for (const cidr of ['10.0.0.0/20', 'fd00::/64']) {
      await client.create('subnets', { logical_switch_id: shared.id, cidr });
    }
    const hypervisorIds = (await client.list('hypervisors')).map(({ id }) => id);
    for (let number = 0; number < this.options.clients; number += 1) {
      const random = new SeededRandom(this.options.seed * 1_000 + number);
      this.#clients.push(new ChurnClient(number, client, random, shared.id, hypervisorIds, this.#counts));
    }
  }

  async #write(client: ChurnClient, until: number): Promise<void> {
    while (this.#counts.operations < until) {
      const before = this.#counts.operations;
      await client.operate();
      if (before === this.#counts.operations) await sleep(1); // nothing to be done this time
    }
  }

  /** Ports that are known to be there. */
  #ports(): readonly string[] {
    return this.#clients.flatMap(({ known }) => known.of('logical-switch-ports').map(({ id }) => id));
  }

  async #moveInterfaces(until: number): Promise<void> {
    const { hypervisors } = this.site.lab;
    const at = (number: number) => hypervisors[number] ?? assert.fail(`no hypervisor ${number}`);
    while (this.#counts.operations < until) {
      const due = Math.floor(this.#counts.operations / operationsAPlug);
      if (this.#plugs >= due) {
        await sleep(5);
        continue;
      }
      this.#plugs += 1;
      const ports = this.#ports();
      const plugged = [...this.#plugged];
      if (plugged.length > 0 && (plugged.length >= mostPlugged || this.#random.chance(0.4))) {
        const [portId, number] = this.#random.pick(plugged);
        const isMoving = this.#random.chance(0.5);
        const target = this.#random.below(hypervisors.length);
        if (isMoving && target !== number) {
          await this.#survive(() => this.site.plug(at(target), portId));
          this.#plugged.set(portId, target);
        } else this.#plugged.delete(portId);
        if (!isMoving || target !== number) await this.#survive(() => this.site.unplug(at(number), portId));
        if (isMoving && target === number) this.#plugged.set(portId, number);
      } else if (ports.length > 0) {
        const portId = this.#random.pick(ports);
        if (this.#plugged.has(portId)) continue;
        const target = this.#random.below(hypervisors.length);
        await this.#survive(() => this.site.plug(at(target), portId));
        this.#plugged.set(portId, target);
      }
    }
  }

  /** Commands on a host whose daemons are being killed are given again until they work. */
  async #survive(command: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await command();
        return;
      } catch (error) {
        if (attempt === 5) throw error;
        await sleep(500);
      }
    }
  }

  /** In a third of the phase each: Weft, an ovs-vswitchd, an ovsdb-server. */
  async #breakThings(until: number, mayKillWeft: boolean): Promise<void> {
    const from = this.#counts.operations;
    const reached = async (share: number): Promise<boolean> => {
      while (this.#counts.operations < from + (until - from) * share) await sleep(10);
      return this.#counts.operations < until;
    };
    const { hypervisors } = this.site.lab;
    if ((await reached(0.25)) && mayKillWeft) {
      this.#restarts.weft += 1;
      await this.site.restartWeft();
    }
    if (await reached(0.5)) {
      this.#restarts['ovs-vswitchd'] += 1;
      await this.site.restartSwitch(this.#random.pick(hypervisors));
    }
    if (await reached(0.75)) {
      this.#restarts['ovsdb-server'] += 1;
      await this.site.restartDatabase(this.#random.pick(hypervisors));
    }
  }

  #historyOf(id: string): string {
    return this.#clients.map(({ known }) => known.historyOf(id)).join('');
  }

  /** Everything that was acknowledged is there as it was written, and nothing else is. */
  async #nothingLost(): Promise<void> {
    const { client } = this.site.weft;
    const known = this.#clients.flatMap(each => [...each.known.objects]);
    const kinds = ['logical-switches', 'subnets', 'logical-switch-ports', 'logical-routers', 'logical-router-ports'];
    for (const kind of [...kinds, 'static-routes']) {
      const expected = new Map(known.filter(object => object.kind === kind).map(object => [object.id, object]));
      const found = await client.list(kind);
      for (const object of found) {
        const isShared = object.id === this.#sharedSwitchId || object['logical_switch_id'] === this.#sharedSwitchId;
        const known = expected.get(object.id);
        expected.delete(object.id);
        if (known === undefined)
          assert.ok(isShared && kind !== 'logical-switch-ports', `${kind} ${object.id} is nobody's`);
        else
          assert.ok(
            holds(object, known.members),
            `${JSON.stringify(object)} is not ${JSON.stringify(known.members)}:\n${this.#historyOf(object.id)}`,
          );
      }
      assert.deepEqual([...expected.keys()], [], `acknowledged ${kind} are lost`);
    }
  }
}

export function churnText({ counts, plugged, restarts, footprints, flows }: ChurnReport): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  const verbs = [...counts.byVerb].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([verb, count]) => `${count} ${verb}`);
  const rows = footprints.map(
    ({ heapBytes, residentBytes, descriptors }) =>
      `    heap ${megabytes(heapBytes)} MB, resident ${megabytes(residentBytes)} MB, ${descriptors} file descriptors`,
  );
  return [
    `    ${counts.operations} operations: ${counts.acknowledged} acknowledged, ${counts.refused} refused, ${counts.unanswered} without answer (${counts.late} done later)`,
    `    ${verbs.join(', ')}`,
    `    ${plugged} times an interface was plugged in, out or elsewhere; restarts: ${JSON.stringify(restarts)}`,
    `    flows on each host at the end, equal from scratch: ${flows.join(', ')}`,
    ...rows,
  ].join('\n');
}
