/**
 * A router that is outside by one of two gateways, a workload behind it, and a host outside: what failovers are measured on.
 *
 *   workload on hv1 ── router ──(tunnel)──► gateway hv2, or else hv3 ── physical network ── host outside
 */
import assert from 'node:assert/strict';
import { ping, Probe, type ProbeEnd, type ProbeResult } from '../../lab/probe.js';
import type { OutsideHost } from '../../lab/physical-network.js';
import { eventually } from '../../lab/processes.js';
import type { RestObject } from '../../lab/weft-client.js';
import type { Workload } from '../../lab/workload.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import type { WeftLab } from '../fixtures/weft-lab.js';

const places = ['hv2', 'hv3'] as const;
const families = [4, 6] as const;

/** Where the router is to be outside. Both gateways have a bridge for the physical network. */
export interface Ground {
  readonly provider: { readonly physical_network: string; readonly vlan?: number };
  readonly outside: OutsideHost;
  /** Of the host outside, without its own part. */
  readonly cidrs: readonly string[];
  /** What the workload is outside, an address of each family; left out: itself, by routes. */
  readonly floating?: Readonly<Record<4 | 6, string>>;
}

/** What a router says of its gateway. */
export interface GatewayReply extends RestObject {
  readonly gateway_status: {
    readonly hypervisor: string | null;
    readonly candidates: readonly {
      readonly hypervisor: string;
      readonly active: boolean;
      readonly reason: string;
      readonly used_by: number;
      readonly lost_by: readonly { readonly hypervisor: string; readonly reason: string }[];
    }[];
  };
}

/** What was lost on the way out and on the way in. */
export interface Losses {
  readonly out: ProbeResult;
  readonly in: ProbeResult;
}

export class GatewaySite {
  private constructor(
    readonly weftLab: WeftLab,
    readonly outside: OutsideHost,
    readonly workload: Workload,
    private readonly routerId: string,
    /** The workload as whoever is outside knows it. */
    private readonly reached: ProbeEnd,
    private readonly routes: readonly (readonly string[])[],
    private readonly gatewayIds: readonly string[],
  ) {}

  /** Makes it in a lab of three; returns when packets go both ways. */
  static async create(weftLab: WeftLab, { provider, outside, cidrs, floating }: Ground): Promise<GatewaySite> {
    const { client } = weftLab;
    const gateways = await Promise.all(places.map(name => client.find('hypervisors', name)));
    for (const { id } of gateways) await client.patch('hypervisors', id, { gateway: true });
    const outer = planSwitch({ name: 'out', cidrs, value: { provider } });
    const inner = planSwitch({ name: 'in', ports: { inner: {} } });
    const gateway = { logical_switch_id: outer.id, hypervisors: places };
    const router = planRouter('edge', [outer, inner], { gateway });
    await weftLab.build([...outer.operations, ...inner.operations, ...router.operations]);
    const [workload] = await weftLab.plug({ inner: 'hv1' });
    if (workload === undefined) throw new Error('no workload');
    const nextHops = outer.gateways.map(address => address.slice(0, address.indexOf('/')));
    const routes = floating === undefined ? inner.cidrs.map((cidr, i) => [cidr, 'via', nextHops[i] ?? '']) : [];
    for (const route of routes) await outside.exec(['ip', 'route', 'add', ...route]);
    if (floating !== undefined)
      await weftLab.build(
        families.map(family =>
          create('nat-rules', {
            logical_router_id: router.id,
            kind: 'floating_ip',
            external_ip: floating[family],
            logical_ip: workload.address(family),
          }),
        ),
      );
    const { namespace, mark } = workload;
    const address = (family: 4 | 6): string => floating?.[family] ?? workload.address(family);
    const ids = gateways.map(({ id }) => id);
    const site = new GatewaySite(weftLab, outside, workload, router.id, { namespace, mark, address }, routes, ids);
    await site.settled();
    return site;
  }

  async status(): Promise<GatewayReply['gateway_status']> {
    return (await this.weftLab.client.get<GatewayReply>('logical-routers', this.routerId)).gateway_status;
  }

  /** Waits until everybody uses the preferred gateway, and nobody has lost one. */
  async settled(preferred: string = places[0]): Promise<void> {
    await eventually(
      `all use ${preferred}`,
      async () => {
        const { hypervisor, candidates } = await this.status();
        const uses = candidates.find(each => each.hypervisor === preferred)?.used_by;
        return hypervisor === preferred && uses === 3 && candidates.every(each => each.lost_by.length === 0);
      },
      40_000,
    );
    for (const [from, to] of [
      [this.workload, this.outside],
      [this.outside, this.reached],
    ] as const) {
      for (const family of families) {
        await eventually(
          `${from.name} reaches ${to.address(family)}`,
          async () => (await ping(from, to.address(family), { count: 2 })).received === 2,
        );
      }
    }
  }

  /** Whether the workload reaches an address of the host outside to which nothing leads but a policy, by a neighbour that says nothing. */
  async reachesByPolicy(address: string, nextHop: string): Promise<void> {
    const { client } = this.weftLab;
    const ports = await client.list<RestObject>('logical-router-ports', { name: 'edge-out' });
    const applied = { appliedWithinMs: 20_000 } as const;
    const received = async () => (await ping(this.workload, address, { count: 2 })).received;
    await this.outside.exec(['ip', 'address', 'add', `${address}/32`, 'dev', 'lo']);
    await client.create(
      'static-neighbours',
      { logical_router_port_id: ports[0]?.id, ip: nextHop, mac: this.outside.record.mac },
      applied,
    );
    assert.equal(await received(), 0);
    const rerouting = { priority: 1, destination: `${address}/32`, action: 'reroute', next_hops: [nextHop] };
    await client.create('policy-routes', { logical_router_id: this.routerId, ...rerouting }, applied);
    assert.equal(await received(), 2);
    await this.outside.exec(['ip', 'address', 'del', `${address}/32`, 'dev', 'lo']);
  }

  async drain(name: string, drain: boolean): Promise<void> {
    const { client } = this.weftLab;
    const { id } = await client.find('hypervisors', name);
    await client.patch('hypervisors', id, { drain }, { appliedWithinMs: 20_000 });
  }

  /** Packets both ways, 1,000 in a second, while the fault happens. */
  async under(fault: () => Promise<void>, afterwardsMs: number): Promise<Losses> {
    const { workload, outside, reached } = this;
    const out = await Probe.start({ from: workload, to: outside });
    const back = await Probe.start({ from: outside, to: reached });
    await pause(1_000);
    await fault();
    await pause(afterwardsMs);
    return { out: await out.stop(), in: await back.stop() };
  }

  /** Takes back what the networks of the lab do not take along. */
  async remove(): Promise<void> {
    const { weftLab, outside, routes, gatewayIds } = this;
    for (const route of routes) await outside.exec(['ip', 'route', 'del', ...route]);
    for (const id of gatewayIds) await weftLab.client.patch('hypervisors', id, { gateway: false, drain: false });
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** One line of the table. */
export function lossLine(title: string, { out, in: back }: Losses): string {
  const way = ({ lost, sent, longestGapMs, duplicates }: ProbeResult): string =>
    `${lost} of ${sent} lost, longest gap ${Math.round(longestGapMs)} ms, ${duplicates} twice`;
  return `    ${title}: out ${way(out)}; in ${way(back)}\n`;
}
