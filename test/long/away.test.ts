/**
 * Weft is killed and away for a minute, under traffic of every kind, while the gateway is lost and comes back, and leases have to be
 * renewed: what runs goes on; and when Weft is back it writes nothing. Prints a table.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { OutsideHost, PhysicalNetwork } from '../../lab/physical-network.js';
import { ping, Probe, type ProbeResult } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { differences, readSwitchState, type SwitchState } from '../../lab/switch-state.js';
import type { Workload } from '../../lab/workload.js';
import { type LivingClient, startClient } from '../fixtures/dhcp-clients.js';
import { changesSent } from '../fixtures/metrics.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import { WeftLab } from '../fixtures/weft-lab.js';
import { serve, Stream } from '../ovs/streams.js';

const awayMs = 60_000;
/** Renewed while Weft is away, and over well after it is back. udhcpc renews after half of it, whatever it is told. */
const leases = {
  large: { 'lease-time': 600, T1: 80 },
  small: { 'lease-time': 180 },
} as const;
/** So long clients have their leases when Weft goes. */
const leasedForMs = 55_000;
/** The gateway fails over and back, each in less than a second and some more where nobody announces it. */
const mostLostAtGateway = 4_000;
const port = 7_000;
const virtual = '10.96.0.1';
const floating = '198.18.9.77';
const outsideCidrs = ['198.18.9.0/24', 'fd00:f9::/64'] as const;

describe('Weft away for a minute', function () {
  this.timeout(400_000);
  let weftLab: WeftLab;
  let network: PhysicalNetwork;
  let outside: OutsideHost;
  const ending: (() => Promise<unknown>)[] = [];

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'busybox', 'dhclient', 'dig'] });
    weftLab = await WeftLab.create({ hypervisors: 3 });
    const { lab, client } = weftLab;
    network = await lab.addPhysicalNetwork('physnet1', 'br-ex');
    outside = await network.addHost('beyond', { addresses: ['198.18.9.200/24', 'fd00:f9::200/64'] });
    for (const name of ['hv2', 'hv3']) {
      await lab.hypervisor(name).mapBridges({ physnet1: 'br-ex' });
      await client.patch('hypervisors', (await client.find('hypervisors', name)).id, { gateway: true });
    }
  });
  after(async () => {
    for (const end of ending) await end();
    await weftLab?.remove();
  });

  /** Two switches, a router with SNAT and a floating IP, a load balancer and a security group. The preferred gateway has no workload. */
  async function build(): Promise<Readonly<Record<'a' | 'b' | 'c' | 'guarded' | 'large' | 'small', Workload>>> {
    const guard = randomUUID();
    const outer = planSwitch({
      name: 'outer',
      cidrs: outsideCidrs,
      value: { provider: { physical_network: 'physnet1' } },
    });
    const near = planSwitch({
      name: 'near',
      cidrs: ['10.77.0.0/24', 'fd00:77::/64'],
      ports: {
        a: {},
        b: { ips: ['10.77.0.12', 'fd00:77::12'] },
        guarded: { security_groups: [guard] },
        large: {},
        small: {},
      },
      value: { dns_domain: 'near.example.org' },
    });
    const far = planSwitch({
      name: 'far',
      cidrs: ['10.78.0.0/24', 'fd00:78::/64'],
      ports: { c: { ips: ['10.78.0.13', 'fd00:78::13'] } },
    });
    const gateway = { logical_switch_id: outer.id, hypervisors: ['hv2', 'hv3'] };
    const router = planRouter('edge', [outer, near, far], { gateway });
    const translate = (kind: string, externalIp: string, logicalIp: string) =>
      create('nat-rules', {
        logical_router_id: router.id,
        kind,
        external_ip: externalIp,
        logical_ip: logicalIp,
      });
    const rule = (value: Record<string, unknown>) =>
      create('security-group-rules', { security_group_id: guard, ...value });
    const built = await weftLab.build([
      create('security-groups', { name: 'guard' }, guard),
      rule({ direction: 'ingress', protocol: 'tcp', port_min: port, port_max: port }),
      rule({ direction: 'egress' }),
      ...[outer, near, far].flatMap(({ operations }) => operations),
      ...router.operations,
      translate('snat', '198.18.9.1', '10.77.0.0/24'),
      translate('floating_ip', floating, '10.77.0.12'),
      create('load-balancers', {
        name: 'balancer',
        vip: virtual,
        port,
        backends: [{ ip: '10.78.0.13', port }],
        logical_router_ids: [router.id],
      }),
    ]);
    await weftLab.build(
      Object.entries(leases).flatMap(([name, options]) =>
        Object.entries(options).map(([option, seconds]) =>
          create('dhcp-options', {
            logical_switch_port_id: built.get(name)?.id,
            protocol: 'dhcpv4',
            option,
            value: String(seconds),
          }),
        ),
      ),
    );
    const [a, b, c, guarded, large, small] = await weftLab.plug({
      a: 'hv1',
      b: 'hv3',
      c: 'hv3',
      guarded: 'hv3',
      large: 'hv1',
      small: 'hv1',
    });
    assert.ok(a && b && c && guarded && large && small);
    await outside.exec(['ip', 'route', 'add', 'fd00:77::/64', 'via', 'fd00:f9::1']);
    for (const server of [b, c, guarded]) ending.push(await serve(server, port));
    for (const [from, address] of [
      [a, outside.address(4)],
      [outside, a.address(6)],
      [outside, floating],
    ] as const) {
      await eventually(
        `${from.name} reaches ${address}`,
        async () => (await ping(from, address, { count: 2 })).received === 2,
      );
    }
    return { a, b, c, guarded, large, small };
  }

  /** The cables of the preferred gateway, to the other hypervisors and to the physical network. */
  async function cables(state: 'in' | 'out'): Promise<void> {
    const hypervisor = weftLab.lab.hypervisor('hv2');
    await Promise.all([hypervisor.cable('underlay', state), hypervisor.cable(network.device, state)]);
  }

  /** What switches have learned by themselves is theirs. */
  const isOurs = (line: string): boolean => !/cookie=0x5d/.test(line);

  async function states(): Promise<readonly SwitchState[]> {
    return Promise.all(
      weftLab.lab.hypervisors.map(async hypervisor => {
        const state = await readSwitchState(hypervisor);
        return { ...state, flows: state.flows.filter(isOurs) };
      }),
    );
  }

  async function leased(clients: readonly LivingClient[], event: RegExp, withinMs: number): Promise<void> {
    for (const client of clients) {
      await eventually(
        `${client.name} has ${event.source}`,
        async () => (await client.events()).some(each => event.test(each)),
        withinMs,
        200,
      );
    }
  }

  it('every stream goes on, leases are kept and the gateway fails over; back again, nothing is written', async () => {
    const { weft } = weftLab;
    const { a, b, c, guarded, large, small } = await build();
    const streams = new Map([
      ['TCP through security groups', await Stream.watch(a, 'tcp', guarded.address(4), port)],
      ['TCP to a load balancer', await Stream.watch(a, 'tcp', virtual, port)],
      ['TCP from outside to a floating IP', await Stream.watch(outside, 'tcp', floating, port)],
    ]);
    for (const stream of streams.values()) ending.push(() => stream.stop());
    const clients = [await startClient('dhclient', large), await startClient('udhcpc', small)];
    for (const client of clients) ending.push(() => client.stop());
    await leased(clients, /^bound/i, 30_000);
    await sleep(leasedForMs);
    const before = await states();
    const probes = new Map([
      ['switched', await Probe.start({ from: a, to: b, packetsPerSecond: 500 })],
      ['routed', await Probe.start({ from: a, to: c, packetsPerSecond: 500 })],
      ['out, SNAT', await Probe.start({ from: a, to: outside })],
      ['in, IPv6', await Probe.start({ from: outside, to: a, family: 6 })],
    ]);

    await weft.stop('SIGKILL');
    const awayAtMs = performance.now();
    const until = (partOfIt: number) => sleep(Math.max(0, awayAtMs + partOfIt * awayMs - performance.now()));
    await until(1 / 3);
    await cables('out');
    const { stdout: named } = await large.exec(
      ['dig', '@10.77.0.1', '+short', '+time=1', '+tries=1', 'a.near.example.org'],
      { allowFailure: true },
    );
    await until(2 / 3);
    await cables('in');
    await until(1);
    const ticks = new Map<string, number>();
    for (const [name, stream] of streams) ticks.set(name, await stream.during(2_000));
    const awayEvents = await Promise.all(clients.map(client => client.events()));
    await weft.start();
    const awayS = (performance.now() - awayAtMs) / 1_000;
    await weftLab.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
    await weftLab.client.converged();
    await sleep(3_000);
    const written = await changesSent(weftLab.client.url);
    const after = await states();

    const results = new Map<string, ProbeResult>();
    for (const [name, probe] of probes) results.set(name, await probe.stop());
    const renewal = await leased(clients, /^(renew|rebind)/i, 90_000).catch((error: unknown) => error);
    const events = await Promise.all(clients.map(client => client.events()));
    print([
      ['what runs', `while Weft was away for ${awayS.toFixed(0)} s`],
      ...[...results].map(([name, { lost, sent, longestGapMs }]) => [
        `UDP, ${name}`,
        `${lost} of ${sent} lost, longest gap ${Math.round(longestGapMs)} ms`,
      ]),
      ...[...ticks].map(([name, count]) => [name, count > 0 ? 'goes on' : 'stands still']),
      ...clients.map(({ name }, index) => [
        `${name}, which renews its lease meanwhile`,
        `${awayEvents[index]?.join(', ') ?? ''}; back again: ${events[index]?.slice(awayEvents[index]?.length).join(', ') ?? ''}`,
      ]),
      ['DNS', /^10\.77/m.test(named) ? 'answered' : 'not answered'],
      ['flow_mods and group_mods, back again', String(written)],
    ]);

    for (const name of ['switched', 'routed']) assert.equal(results.get(name)?.lost, 0, name);
    for (const name of ['out, SNAT', 'in, IPv6'])
      assert.ok((results.get(name)?.lost ?? Number.NaN) < mostLostAtGateway, name);
    for (const [name, count] of ticks) assert.ok(count > 0, `${name} goes on`);
    assert.equal(renewal, undefined, String(renewal));
    for (const [index, workload] of [large, small].entries()) {
      const since = events[index]?.slice(events[index].findIndex(event => /^bound/i.test(event))) ?? [];
      const own = workload.address(4);
      assert.deepEqual(
        since.filter(event => !event.endsWith(` ${own}`)),
        [],
        `${workload.name} keeps ${own}`,
      );
      const { stdout } = await workload.exec(['ip', '-4', '-o', 'addr', 'show', 'scope', 'global']);
      assert.match(stdout, new RegExp(`inet ${own}/`));
    }
    assert.equal(written, 0);
    const changed = before.flatMap((state, index) => differences(state, after[index] ?? assert.fail()));
    assert.deepEqual(changed, []);
  });
});

function print(rows: readonly (readonly string[])[]): void {
  const width = Math.max(...rows.map(([first = '']) => first.length));
  const lines = rows.map(([first = '', second = '']) => `| ${first.padEnd(width)} | ${second} |`);
  lines.splice(1, 0, `| ${'-'.repeat(width)} | --- |`);
  process.stdout.write(`\n${lines.join('\n')}\n\n`);
}
