/**
 * A member joins a group that is large and used by many: every port of the work is in one group whose only rule lets in what comes from
 * the group itself. What is counted is one more port that is there already, and gets the group; and the same port without it again.
 */
import { randomUUID } from 'node:crypto';
import type { Operation } from '../lab/weft-client.js';
import { settled, WAIT } from './controller.js';
import { countSent, type SentCounters } from './counters.js';
import { type Floor, type Ratio, ratioTo } from './floor.js';
import { type Percentiles, percentiles, rounded } from './percentiles.js';
import { type CpuReading, ProcessMeter } from './process-meter.js';
import { reaches } from './proof.js';
import type { Stand } from './stand.js';
import type { PlannedPort, Work } from './work.js';

export interface GroupJoinResult {
  /** Addresses of the group, and ports that ask for it, before anybody joined. */
  readonly members: number;
  readonly repetitions: number;
  readonly join_latency_ms: Percentiles;
  readonly leave_latency_ms: Percentiles;
  /** To all hypervisors together. */
  readonly sent_per_join: SentCounters;
  readonly sent_per_leave: SentCounters;
  readonly cpu_whole_loop: CpuReading;
  readonly control_plane_cpu_ms_per_cycle: number;
  readonly ratio_to_floor: Ratio;
}

const PORTS_AT_ONCE = 100;

class LargeGroup {
  readonly #id = randomUUID();

  constructor(
    private readonly stand: Stand,
    private readonly work: Work,
  ) {}

  async make(): Promise<void> {
    const rule = { security_group_id: this.#id, direction: 'ingress', remote_group_id: this.#id };
    await this.#transact([
      {
        op: 'create',
        kind: 'security-groups',
        id: this.#id,
        value: { name: 'everybody', isolates: ['ingress'] },
      },
      { op: 'create', kind: 'security-group-rules', id: randomUUID(), value: rule },
    ]);
    await this.#give(true);
  }

  async remove(): Promise<void> {
    await this.#give(false);
    const { http } = this.stand.controller;
    await http.send('DELETE', `/v1/security-groups/${this.#id}${WAIT}`);
  }

  /** Milliseconds until every hypervisor has acknowledged. */
  async set(port: PlannedPort, isMember: boolean): Promise<number> {
    const path = `/v1/logical-switch-ports/${port.id}${WAIT}`;
    return (await this.stand.controller.http.send('PATCH', path, this.#groupsOf(port, isMember))).elapsedMs;
  }

  #groupsOf(port: PlannedPort, isMember: boolean) {
    return { security_groups: [...this.work.groupsOf(port), ...(isMember ? [this.#id] : [])] };
  }

  async #give(isMember: boolean): Promise<void> {
    const { ports } = this.work;
    for (let from = 0; from < ports.length; from += PORTS_AT_ONCE) {
      const merges = ports.slice(from, from + PORTS_AT_ONCE).map(
        (port): Operation => ({
          op: 'merge',
          kind: 'logical-switch-ports',
          id: port.id,
          value: this.#groupsOf(port, isMember),
        }),
      );
      await this.#transact(merges);
    }
  }

  async #transact(operations: readonly Operation[]): Promise<void> {
    await this.stand.controller.http.send('POST', `/v1/transactions${WAIT}`, { operations });
  }
}

/**
 * A stand that holds the network of `work`, all bound; the interfaces of `ports`, which join one after the other, are plugged.
 * @throws Error when a port that has joined does not reach another member on its hypervisor
 */
export async function measureGroupJoin(
  stand: Stand,
  work: Work,
  ports: readonly PlannedPort[],
  floor: Floor,
): Promise<GroupJoinResult> {
  const { http } = stand.controller;
  for (const port of ports)
    await http.send('POST', `/v1/logical-switch-ports${WAIT}`, { id: port.id, ...work.portValue(port) });
  const group = new LargeGroup(stand, work);
  await group.make();
  await settled(stand);
  await prove(stand, work, ports[0], group);
  await settled(stand);
  const meter = new ProcessMeter(stand.processes);
  const move = async (isMember: boolean) => {
    const sent = await countSent(stand);
    const samples: number[] = [];
    for (const port of ports) samples.push(await group.set(port, isMember));
    return { latency: percentiles(samples), sent: await sent(ports.length) };
  };
  const joined = await move(true);
  const left = await move(false);
  const cpu = meter.read();
  await group.remove();
  for (const port of ports) await http.send('DELETE', `/v1/logical-switch-ports/${port.id}${WAIT}`);
  return {
    members: work.ports.length,
    repetitions: ports.length,
    join_latency_ms: joined.latency,
    leave_latency_ms: left.latency,
    sent_per_join: joined.sent,
    sent_per_leave: left.sent,
    cpu_whole_loop: cpu,
    control_plane_cpu_ms_per_cycle: rounded((cpu.control_plane_s * 1000) / ports.length),
    ratio_to_floor: ratioTo(joined.latency, floor.sum_ms),
  };
}

/** At the switch: whoever joins reaches a member, and did not before, unless another group lets it. */
async function prove(stand: Stand, work: Work, port: PlannedPort | undefined, group: LargeGroup): Promise<void> {
  const member = port && work.portsOn(port.host).find(({ switchIndex }) => switchIndex === port.switchIndex);
  if (port === undefined || member === undefined) return;
  if (work.size.rulesPerSwitch === undefined && (await reaches(stand, work, port, member)))
    throw new Error(`${port.name} reaches ${member.name} without being in its group`);
  await group.set(port, true);
  const isReached = await reaches(stand, work, port, member);
  await group.set(port, false);
  if (!isReached) throw new Error(`${port.name} has joined the group of ${member.name}, and does not reach it`);
}
