/** Layer 3 over real Open vSwitch: distributed routers, static routes, several routers in a row. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { Workload } from '../../lab/workload.js';
import { echoRequestOf } from '../../lab/workload-trace.js';
import { parseIp, parseMac } from '../../src/base/address.js';
import { neighbourAdvertisement } from '../../src/slow-path/packets/neighbour.js';
import { arp, ethernet, etherType } from '../fixtures/frames.js';
import { create, type PlannedSwitch, planRouter, planSwitch, type Value } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

async function assertPings(from: Workload, address: string): Promise<void> {
  const { sent, received, text } = await ping(from, address);
  assert.equal(received, sent, `${from.name} to ${address}:\n${text}`);
}

async function assertReaches(from: Workload, to: Workload): Promise<void> {
  await assertPings(from, to.address(4));
  await assertPings(from, to.address(6));
}

const withoutLength = (address: string): string => address.split('/')[0] ?? '';

describe('routing', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  it('routes between switches on the same host and across hosts, and answers ping on all its addresses', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {}, d: {} } });
    await weftLab().build([...web.operations, ...db.operations, ...planRouter('r', [web, db]).operations]);
    const workloads = await weftLab().plug({ a: 'hv1', b: 'hv2', c: 'hv1', d: 'hv3' });
    for (const from of workloads) {
      for (const to of workloads) if (from !== to) await assertReaches(from, to);
      for (const gateway of [...web.gateways, ...db.gateways]) await assertPings(from, withoutLength(gateway));
    }
  });

  it('counts down the time to live and stops at a disabled router', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {} } });
    const db = planSwitch({ name: 'db', ports: { b: {} } });
    const router = planRouter('r', [web, db]);
    await weftLab().build([...web.operations, ...db.operations, ...router.operations]);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    const { stdout } = await a.exec(['ping', '-n', '-c', '1', '-W', '1', b.address(4)]);
    assert.match(stdout, /ttl=63/);
    const expired = await a.exec(['ping', '-n', '-c', '1', '-t', '1', '-W', '1', b.address(4)], { allowFailure: true });
    assert.match(expired.stdout, / 0 received/);
    await weftLab().client.patch('logical-routers', router.id, { enabled: false }, { appliedWithinMs: 5000 });
    assert.equal((await ping(a, b.address(4), { count: 2 })).received, 0);
    await weftLab().client.patch('logical-routers', router.id, { enabled: true }, { appliedWithinMs: 5000 });
    await assertReaches(a, b);
  });

  it('routes through several routers in a row: peers, and a switch between', async () => {
    const ends = [
      planSwitch({ name: 'left', ports: { a: {} } }),
      planSwitch({ name: 'right', ports: { b: {} } }),
    ] as const;
    const transit = planSwitch({ name: 'transit', cidrs: ['10.250.0.0/24', 'fd00:250::/64'] });
    const [left, right] = [planRouter('r1', [ends[0]]), planRouter('r3', [ends[1]])];
    const middle = planRouter('r2', []);
    const [peerA, peerB] = [randomUUID(), randomUUID()];
    const port = (name: string, router: string, rest: Record<string, unknown>, id: string = randomUUID()) =>
      create('logical-router-ports', { name, logical_router_id: router, ...rest }, id);
    const route = (router: string, destination: string, nextHop: string) =>
      create('static-routes', { logical_router_id: router, destination, next_hop: nextHop });
    await weftLab().build([
      ...ends.flatMap(end => end.operations),
      ...transit.operations,
      ...[left, middle, right].flatMap(router => router.operations),
      port('r1-r2', left.id, { networks: ['10.251.0.1/30', 'fd00:251::1/126'] }, peerA),
      port('r2-r1', middle.id, { networks: ['10.251.0.2/30', 'fd00:251::2/126'], peer_id: peerA }, peerB),
      { op: 'merge', kind: 'logical-router-ports', id: peerA, value: { peer_id: peerB } },
      port('r2-transit', middle.id, { networks: ['10.250.0.1/24', 'fd00:250::1/64'], logical_switch_id: transit.id }),
      port('r3-transit', right.id, { networks: ['10.250.0.3/24', 'fd00:250::3/64'], logical_switch_id: transit.id }),
      ...routesBothWays(ends[0], ends[1]),
    ]);
    function routesBothWays(from: PlannedSwitch, to: PlannedSwitch) {
      return [0, 1].flatMap(index => {
        const [near, far] = [from.cidrs[index] ?? '', to.cidrs[index] ?? ''];
        const [peer1, peer2] = index === 0 ? ['10.251.0.1', '10.251.0.2'] : ['fd00:251::1', 'fd00:251::2'];
        const [transit2, transit3] = index === 0 ? ['10.250.0.1', '10.250.0.3'] : ['fd00:250::1', 'fd00:250::3'];
        return [
          route(left.id, far, peer2),
          route(middle.id, far, transit3),
          route(middle.id, near, peer1),
          route(right.id, near, transit2),
        ];
      });
    }
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    await assertReaches(a, b);
    await assertReaches(b, a);
    const { stdout } = await a.exec(['ping', '-n', '-c', '1', '-W', '1', b.address(4)]);
    assert.match(stdout, /ttl=61/, 'three routers');
  });

  it('spreads flows over the next hops of equal routes, and drops what a discard route names', async () => {
    const near = planSwitch({ name: 'near', ports: { a: {} } });
    const transit = planSwitch({ name: 'transit', cidrs: ['10.250.0.0/24'] });
    const far = planSwitch({ name: 'far', ports: { b: {} }, cidrs: ['10.240.0.0/24'] });
    const router = planRouter('r', [near]);
    const hops = ['10.250.0.11', '10.250.0.12'];
    const hopRouters = hops.map((_, index) => planRouter(`hop${index}`, []));
    const ports = (hop: number, id: string) => [
      create('logical-router-ports', {
        name: `hop${hop}-transit`,
        logical_router_id: id,
        logical_switch_id: transit.id,
        networks: [`${hops[hop]}/24`],
      }),
      create('logical-router-ports', {
        name: `hop${hop}-far`,
        logical_router_id: id,
        logical_switch_id: far.id,
        networks: [`10.240.0.${hop === 0 ? 1 : 254}/24`],
      }),
      create('static-routes', { logical_router_id: id, destination: near.cidrs[0], next_hop: '10.250.0.1' }),
    ];
    const objects = await weftLab().build([
      ...[near, transit, far, router, ...hopRouters].flatMap(plan => plan.operations),
      create('logical-router-ports', {
        name: 'r-transit',
        logical_router_id: router.id,
        logical_switch_id: transit.id,
        networks: ['10.250.0.1/24'],
      }),
      ...hopRouters.flatMap((hop, index) => ports(index, hop.id)),
      ...hops.map(next_hop =>
        create('static-routes', { logical_router_id: router.id, destination: '10.240.0.0/24', next_hop }),
      ),
    ]);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    await assertPings(a, b.address(4));
    // Many flows, told apart by their ports: each next hop shall carry some.
    const script = `for i in $(seq 1 60); do echo x > /dev/udp/${b.address(4)}/$((30000 + i)); done`;
    await a.exec(['bash', '--norc', '-c', script], { allowFailure: true });
    const { openVswitch } = weftLab().lab.hypervisor('hv1');
    const statistics = await openVswitch.ofctl('dump-group-stats', 'br-int');
    const spread = [...statistics.matchAll(/bucket\d+:packet_count=(\d+)/g)].map(match => Number(match[1]));
    assert.ok(spread.filter(count => count > 0).length >= 2, statistics);

    await weftLab().build([
      create('static-routes', { logical_router_id: router.id, destination: `${b.address(4)}/32`, discard: true }),
    ]);
    assert.equal((await ping(a, b.address(4), { count: 2 })).received, 0);
    assert.ok(objects.size > 0);
  });

  it('asks policy routes before its routes, and believes static neighbours before anybody', async () => {
    const near = planSwitch({ name: 'near', ports: { a: {}, c: {} } });
    const transit = planSwitch({ name: 'transit', cidrs: ['10.250.0.0/24', 'fd00:250::/64'] });
    const far = planSwitch({ name: 'far', ports: { b: {} } });
    const [router, beyond] = [planRouter('r', [near]), planRouter('beyond', [far])];
    const leg = (name: string, id: string, host: number) =>
      create('logical-router-ports', {
        name,
        logical_router_id: id,
        logical_switch_id: transit.id,
        networks: [`10.250.0.${host}/24`, `fd00:250::${host}/64`],
      });
    const back = near.cidrs.map((destination, index) =>
      create('static-routes', {
        logical_router_id: beyond.id,
        destination,
        next_hop: ['10.250.0.1', 'fd00:250::1'][index],
      }),
    );
    const objects = await weftLab().build([
      ...[near, transit, far, router, beyond].flatMap(plan => plan.operations),
      leg('r-transit', router.id, 1),
      leg('beyond-transit', beyond.id, 11),
      ...back,
    ]);
    const [a, c, b] = await weftLab().plug({ a: 'hv1', c: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const assertLost = async (from: Workload, family: 4 | 6): Promise<void> =>
      assert.equal((await ping(from, b.address(family), { count: 2 })).received, 0, `${from.name}, IPv${family}`);
    const { client } = weftLab();
    const applied = { appliedWithinMs: 5_000 } as const;
    const policy = (value: Value) =>
      client.create('policy-routes', { logical_router_id: router.id, ...value }, applied);

    // It has no route there. Whoever is to take it, nobody has that address.
    for (const family of [4, 6] as const) await assertLost(a, family);
    const four = await policy({
      priority: 100,
      source: `${a.address(4)}/32`,
      action: 'reroute',
      next_hops: ['10.250.0.12'],
    });
    await assertLost(a, 4);
    const legs = { from: objects.get('r-transit')?.id, to: objects.get('beyond-transit')?.['mac'] };
    const neighbour = { logical_router_port_id: legs.from, ip: '10.250.0.12', mac: legs.to };
    await client.create('static-neighbours', neighbour, applied);
    await assertPings(a, b.address(4));
    await assertLost(c, 4);
    // Several next hops, in the other family; and what a port says of its address counts for less.
    const next_hops = ['fd00:250::11', 'fd00:250::12'];
    const six = await policy({ priority: 100, source: near.cidrs[1], action: 'reroute', next_hops });
    await client.create('static-neighbours', { ...neighbour, ip: 'fd00:250::12' }, applied);
    for (const from of [a, c]) await assertPings(from, b.address(6));
    const wrong = await client.create(
      'static-neighbours',
      { ...neighbour, ip: 'fd00:250::11', mac: '02:00:00:00:66:66' },
      applied,
    );
    await client.patch('policy-routes', six.id, { next_hops: ['fd00:250::11'] }, applied);
    await assertLost(c, 6);
    await client.delete('static-neighbours', wrong.id, applied);
    await assertPings(c, b.address(6));

    // The highest priority decides: by protocol, and by the mark that the kernel of the host has given.
    const icmp = await policy({ priority: 200, protocol: 'icmp', source: `${a.address(4)}/32`, action: 'drop' });
    await assertLost(a, 4);
    await client.patch('policy-routes', icmp.id, { action: 'allow' }, applied);
    await assertLost(a, 4);
    await client.patch('policy-routes', icmp.id, { protocol: 'tcp', port_min: 80, port_max: 88 }, applied);
    await policy({ priority: 300, mark: { value: 16, mask: 255 }, action: 'drop' });
    await assertPings(a, b.address(4));
    const request = await echoRequestOf(weftLab().lab, a, b.address(4));
    const tracedWith = async (mark: string) =>
      (await weftLab().lab.hypervisor('hv1').trace(`pkt_mark=${mark},${request}`)).datapathActions;
    assert.equal(await tracedWith('0x110'), 'drop');
    assert.notEqual(await tracedWith('0x111'), 'drop');
    await client.delete('policy-routes', four.id, applied);
    await assertLost(a, 4);
  });

  it('sends an address that moves to the port that has announced it last', async () => {
    const near = planSwitch({ name: 'near', ports: { a: {} } });
    const plan = planSwitch({ name: 'far' });
    const virtual = plan.cidrs.map(cidr => cidr.replace(/0?\/\d+$/, '200'));
    const allowed = virtual.map(address => ({ cidr: `${address}/${address.includes(':') ? 128 : 32}` }));
    const parents = ['m1', 'm2'].map(name =>
      create('logical-switch-ports', { name, logical_switch_id: plan.id, allowed_addresses: allowed }),
    );
    const neighbour = create('logical-switch-ports', { name: 'd', logical_switch_id: plan.id });
    const moving = virtual.map(ip =>
      create('virtual-addresses', {
        name: ip,
        logical_switch_id: plan.id,
        ip,
        logical_switch_port_ids: parents.map(({ id }) => id),
      }),
    );
    await weftLab().build([
      ...near.operations,
      ...plan.operations,
      ...planRouter('r', [near, plan]).operations,
      ...parents,
      neighbour,
      ...moving,
    ]);
    const [a, m1, m2, d] = await weftLab().plug({ a: 'hv3', m1: 'hv1', m2: 'hv2', d: 'hv1' });
    assert.ok(a !== undefined && m1 !== undefined && m2 !== undefined && d !== undefined);
    const reaches = async (from: Workload, to: string) => (await ping(from, to, { count: 2 })).received > 0;
    for (const address of virtual) assert.ok(!(await reaches(a, address)), `${address} is nobody's`);
    const gratuitous = ({ record: { mac } }: Workload, address: string): string =>
      ethernet(
        { src: mac, dst: 'ff:ff:ff:ff:ff:ff' },
        etherType.arp,
        arp({ operation: 1, sha: mac, spa: address, tpa: address }),
      );
    const move = async (from: Workload | null, to: Workload): Promise<void> => {
      for (const { cidr } of allowed) {
        if (from !== null) await from.exec(['ip', 'address', 'del', cidr, 'dev', from.record.device]);
        await to.exec(['ip', 'address', 'add', cidr, 'dev', to.record.device, 'nodad']);
      }
      const [four = '', six = ''] = virtual;
      const advertisement = neighbourAdvertisement(parseMac(to.record.mac) ?? 0n, parseIp(six)?.value ?? 0n);
      await sendFrames(to, [gratuitous(to, four), Buffer.from(advertisement).toString('hex')]);
    };
    for (const [from, to] of [
      [null, m1],
      [m1, m2],
      [m2, m1],
    ] as const) {
      await move(from, to);
      const { portId } = await weftLab().client.workloadPort(to.name);
      await eventually(`${to.name} holds both`, async () =>
        (await weftLab().client.list('virtual-addresses')).every(each => each['holder_id'] === portId),
      );
      await weftLab().client.converged();
      for (const asking of [a, d]) for (const address of virtual) await assertPings(asking, address);
      // Whose address it is not may say what it likes.
      await sendFrames(d, [gratuitous(d, virtual[0] ?? '')]);
      await assertPings(a, virtual[0] ?? '');
    }
  });
});
