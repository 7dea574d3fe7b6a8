/** Translation of addresses with real packets: workloads on two hypervisors, a gateway on another, and a host outside. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inNamespace, setKernelOptions } from '../../lab/namespaces.js';
import type { OutsideHost, PhysicalNetwork } from '../../lab/physical-network.js';
import { ping, traceroute } from '../../lab/probe.js';
import { commandEnvironment, eventually } from '../../lab/processes.js';
import type { RestObject } from '../../lab/weft-client.js';
import type { Workload } from '../../lab/workload.js';
import { requires } from '../fixtures/requires.js';
import { create, planRouter, planSwitch, type Value } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { serve, Stream } from './streams.js';

const program = fileURLToPath(new URL('address-program.js', import.meta.url));
const applied = { appliedWithinMs: APPLIED_WITHIN_MS } as const;
const outsideCidrs = ['198.18.3.0/24', 'fd00:f3::/64'] as const;
const insideCidrs = ['10.77.0.0/24', 'fd00:77::/64'] as const;
const at = (host: number, family: 4 | 6 = 4): string =>
  family === 4 ? `198.18.3.${host}` : `fd00:f3::${host.toString(16)}`;
const families = [4, 6] as const;

type Station = Workload | OutsideHost;

async function answering(station: Station, ...ports: readonly number[]): Promise<() => Promise<void>> {
  const args = [process.execPath, program, 'serve', station.name, ...ports.map(String)];
  const [file = '', ...rest] = inNamespace(station.namespace, args);
  const child = spawn(file, rest, { env: commandEnvironment(station.mark), stdio: ['pipe', 'pipe', 'inherit'] });
  await once(createInterface(child.stdout), 'line');
  return async () => {
    const gone = once(child, 'close');
    child.stdin.end();
    await gone;
  };
}

/** Who answers, and from where that has been asked. */
async function ask(from: Station, address: string, port: number, transport: 'tcp' | 'udp' = 'tcp'): Promise<string> {
  const { stdout } = await from.exec([process.execPath, program, 'ask', transport, address, String(port)]);
  return stdout.trim();
}

/** The same over TCP, so many times, one after the other. */
async function askOften(from: Station, address: string, port: number, times: number): Promise<readonly string[]> {
  const script = `for i in $(seq ${times}); do exec 3<>/dev/tcp/${address}/${port} && cat <&3 && echo; done`;
  const { stdout } = await from.exec(['bash', '--norc', '-c', script]);
  return stdout.trim().split('\n');
}

describe('translation of addresses', function () {
  this.timeout(180_000);
  before(function () {
    requires(this, { root: true, tools: ['traceroute'] });
  });
  const weftLab = usesSharedWeftLab();
  const ending: (() => Promise<void>)[] = [];
  let network: PhysicalNetwork | null = null;
  let outside: OutsideHost;
  let exempted: OutsideHost;

  const setGateways = async (gateway: boolean): Promise<void> => {
    const { client, lab } = weftLab();
    for (const name of ['hv2', 'hv3']) {
      await lab.hypervisor(name).mapBridges(gateway ? { physnet1: 'br-ex' } : {});
      const { id } = await client.find('hypervisors', name);
      await client.patch('hypervisors', id, { gateway, drain: false });
    }
  };
  before(async () => {
    network = await weftLab().lab.addPhysicalNetwork('physnet1', 'br-ex');
    const host = (name: string, number: number): Promise<OutsideHost> =>
      (network ?? assert.fail()).addHost(name, { addresses: [`${at(number)}/24`, `${at(number, 6)}/64`] });
    outside = await host('outside-nat', 200);
    exempted = await host('outside-exempted', 201);
    await setGateways(true);
  });
  after(async () => {
    await setGateways(false);
    await network?.remove();
  });
  afterEach(async () => {
    for (const end of ending.splice(0)) await end();
  });

  const outer = () =>
    planSwitch({ name: 'outer', cidrs: outsideCidrs, value: { provider: { physical_network: 'physnet1' } } });

  /** A router that is outside with these addresses, and a switch behind it, of a tenant who has the same addresses as others. */
  function tenant(name: string, logicalSwitch: ReturnType<typeof outer>, host: number, ports: readonly string[]) {
    const inner = planSwitch({
      name: `inner-${name}`,
      cidrs: insideCidrs,
      ports: Object.fromEntries(
        ports.map((port, index) => [port, { ips: [`10.77.0.${11 + index}`, `fd00:77::${11 + index}`] }]),
      ),
    });
    const gateway = { logical_switch_id: logicalSwitch.id, hypervisors: ['hv2', 'hv3'] };
    const router = planRouter(`r-${name}`, [inner], { gateway });
    const legs = create('logical-router-ports', {
      name: `r-${name}-outer`,
      logical_router_id: router.id,
      logical_switch_id: logicalSwitch.id,
      networks: [`${at(host)}/24`, `${at(host, 6)}/64`],
    });
    const masquerade = families.map(family =>
      translate(router.id, 'snat', at(host, family), insideCidrs[family === 4 ? 0 : 1], {
        exempted_destinations: [family === 4 ? `${at(201)}/32` : `${at(201, 6)}/128`],
      }),
    );
    return { router: router.id, operations: [...inner.operations, ...router.operations, legs, ...masquerade] };
  }

  function translate(router: string, kind: string, external: string, logical: string, more: Value = {}) {
    const value = { logical_router_id: router, kind, external_ip: external, logical_ip: logical, ...more };
    return create('nat-rules', value, randomUUID());
  }

  const serves = async (station: Station, ...ports: readonly number[]): Promise<void> => {
    ending.push(await answering(station, ...ports));
  };

  /** The first packet to a neighbour outside that was never heard is lost. */
  async function reaches(from: Station, address: string): Promise<void> {
    await eventually(
      `${from.name} reaches ${address}`,
      async () => (await ping(from, address, { count: 2 })).received > 0,
    );
  }

  /** No gateway has connections (of TCP: echoes end by themselves) of which this is said. */
  async function forgotten(words: string): Promise<void> {
    for (const name of ['hv2', 'hv3']) {
      const dump = await weftLab().lab.hypervisor(name).openVswitch.appctl('dpctl/dump-conntrack');
      const found = dump.split('\n').filter(line => line.startsWith('tcp') && line.includes(words));
      assert.deepEqual(found, [], `${name} knows connections still`);
    }
  }

  it('gives what tenants with the same addresses begin the address of their router, but where they are exempted', async () => {
    const logicalSwitch = outer();
    const [one, two] = [tenant('one', logicalSwitch, 1, ['a', 'b']), tenant('two', logicalSwitch, 2, ['c'])];
    await weftLab().build([...logicalSwitch.operations, ...one.operations, ...two.operations]);
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv2', c: 'hv1' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    assert.equal(a.address(4), c.address(4));
    await Promise.all([serves(outside, 80), serves(exempted, 80)]);
    for (const family of families) {
      for (const workload of [a, b, c]) await reaches(workload, at(200, family));
      const answers: readonly string[] = await Promise.all(
        [a, b, c].flatMap(workload =>
          (['tcp', 'udp'] as const).map(transport => ask(workload, at(200, family), 80, transport)),
        ),
      );
      const expected = [1, 1, 1, 1, 2, 2].map(host => `outside-nat ${at(host, family)}`);
      assert.deepEqual(answers, expected);
      // It must know the way back by itself.
      await exempted.exec(['ip', 'route', 'add', insideCidrs[family === 4 ? 0 : 1], 'via', at(1, family)]);
      await reaches(a, at(201, family));
      assert.equal(await ask(a, at(201, family), 80), `outside-exempted ${a.address(family)}`);
    }
    // The router itself answers still, from either side; nothing else does at its address.
    await reaches(outside, at(1));
    await reaches(a, at(1));
    assert.equal(await ask(outside, at(1), 80), 'none');
    // What another rule with the same address takes along when it goes is taken up again by whoever still has one.
    const another = translate(one.router, 'snat', at(1), '10.78.0.0/24');
    await weftLab().build([another]);
    const [near, far] = [await Stream.exchange(a, at(200), 7_000), await Stream.exchange(outside, at(1), 7_000)];
    for (const stream of [near, far]) ending.push(() => stream.stop());
    assert.ok(await near.flows(), 'the port is the same outside');
    await weftLab().client.transaction([{ op: 'delete', kind: 'nat-rules', id: another.id ?? '' }], applied);
    await near.during(400);
    assert.ok((await near.flows()) && (await far.flows()), 'who has another network goes on');
  });

  it('gives a workload an address outside, from inside too, and keeps its connections when the gateway is drained', async () => {
    const logicalSwitch = outer();
    const one = tenant('one', logicalSwitch, 1, ['a', 'b']);
    const floating = families.map(family =>
      translate(one.router, 'floating_ip', at(77, family), family === 4 ? '10.77.0.12' : 'fd00:77::12'),
    );
    const byItself = create('nat-rules', {
      logical_router_id: one.router,
      kind: 'floating_ip',
      logical_ip: '10.77.0.11',
    });
    await weftLab().build([...logicalSwitch.operations, ...one.operations, ...floating, byItself]);
    const { client } = weftLab();
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv3' });
    assert.ok(a !== undefined && b !== undefined);
    await Promise.all([serves(outside, 80), serves(b, 80), serves(a, 80)]);
    const rules = await client.list<RestObject & { external_ip: string; logical_ip: string; status: Value }>(
      'nat-rules',
    );
    const allocated = rules.find(each => each.logical_ip === '10.77.0.11')?.external_ip ?? '';
    assert.ok(
      rules.every(({ status }) => status['active'] === true),
      JSON.stringify(rules),
    );
    for (const family of families) {
      await reaches(outside, at(77, family));
      assert.equal(await ask(outside, at(77, family), 80), `b ${at(200, family)}`);
      assert.equal(await ask(b, at(200, family), 80, 'udp'), `outside-nat ${at(77, family)}`);
      // From inside by the gateway, as somebody outside would; and a workload at its own.
      assert.equal(await ask(a, at(77, family), 80), `b ${family === 4 ? allocated : at(1, 6)}`);
      assert.equal(await ask(b, at(77, family), 80), `b ${at(77, family)}`);
      await reaches(a, at(77, family));
    }
    assert.equal(await ask(outside, allocated, 80), `a ${at(200)}`);
    ending.push(await serve(b, 7_000));
    const stream = await Stream.watch(outside, 'tcp', at(77), 7_000);
    ending.push(() => stream.stop());
    const { id } = await client.find('hypervisors', 'hv2');
    await client.patch('hypervisors', id, { drain: true }, applied);
    assert.ok(await stream.flows(), 'the stream goes on by the other gateway');
    assert.equal(await ask(outside, at(77), 80), `b ${at(200)}`);
    await client.patch('hypervisors', id, { drain: false }, applied);
    // What is no rule any more has no connections either.
    await client.transaction(
      floating.map(({ kind, id: rule }) => ({ op: 'delete', kind, id: rule ?? '' })),
      applied,
    );
    assert.ok(await stream.ceases(), 'the stream ends with the rule');
    assert.equal(await ask(outside, at(77), 80), 'none');
    await forgotten(`reply=(src=${b.address(4)},`);
  });

  it('answers for a floating IP where its workload is, if that has the physical network, and by the gateway else', async () => {
    const logicalSwitch = outer();
    const one = tenant('one', logicalSwitch, 1, ['a', 'b']);
    await weftLab().build([...logicalSwitch.operations, ...one.operations]);
    const { client, lab } = weftLab();
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv3' });
    assert.ok(a !== undefined && b !== undefined);
    const port = await client.workloadPort('b');
    const more = { logical_switch_port_id: port.portId };
    const floating = families.map(family =>
      translate(one.router, 'floating_ip', at(77, family), b.address(family), more),
    );
    await weftLab().build(floating);
    await Promise.all([serves(outside, 80), serves(b, 80)]);
    for (const family of families) {
      await reaches(outside, at(77, family));
      await reaches(b, at(200, family));
      const tunnels = await lab.capture('udp port 6081');
      assert.equal(await ask(outside, at(77, family), 80), `b ${at(200, family)}`);
      assert.equal(await ask(b, at(200, family), 80, 'udp'), `outside-nat ${at(77, family)}`);
      const sent = (await tunnels.stop()).filter(packet => !packet.includes('BFD'));
      assert.deepEqual(sent, [], 'it goes by no gateway');
      await reaches(a, at(77, family));
      assert.equal(await ask(a, at(77, family), 80), `b ${at(1, family)}`);
      assert.equal(await ask(b, at(77, family), 80), `b ${at(77, family)}`);
    }
    // Nobody inside has to speak for the physical network to learn where it is now.
    await lab.removeWorkload('b');
    const moved = await lab.addWorkload('hv1', port);
    await client.portUp(port.portId, 'hv1');
    await serves(moved, 80);
    for (const family of families) {
      await reaches(outside, at(77, family));
      assert.equal(await ask(outside, at(77, family), 80), `b ${at(200, family)}`);
    }
  });

  it('leads to load balancers, from inside too, until the backend is gone', async () => {
    const logicalSwitch = outer();
    const one = tenant('one', logicalSwitch, 1, ['a', 'b', 'c']);
    const virtual = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;
    const balance = (family: 4 | 6, port: number, hosts: readonly number[]) => {
      const backends = hosts.map(host => ({ ip: family === 4 ? `10.77.0.${host}` : `fd00:77::${host}`, port }));
      const value = { name: `b-${family}-${port}`, vip: virtual[family], port, backends };
      return create('load-balancers', { ...value, logical_router_ids: [one.router] }, randomUUID());
    };
    const streaming = balance(4, 7_000, [12]);
    const ports = { protocol: 'tcp', external_port: 8_080, logical_port: 80 };
    await weftLab().build([
      ...logicalSwitch.operations,
      ...one.operations,
      ...families.flatMap(family => [
        balance(family, 80, [12, 13]),
        translate(one.router, 'floating_ip', at(77, family), virtual[family]),
      ]),
      streaming,
      translate(one.router, 'dnat', at(1), virtual[4], { port_map: ports }),
    ]);
    const { client } = weftLab();
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv3', c: 'hv1' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    await Promise.all([serves(b, 80), serves(c, 80)]);
    const expected = (family: 4 | 6, host: number) => ['b', 'c'].map(name => `${name} ${at(host, family)}`);
    for (const family of families) {
      await reaches(outside, at(1, family));
      const answers = await askOften(outside, at(77, family), 80, 20);
      assert.deepEqual([...new Set(answers)].toSorted(), expected(family, 200));
      assert.ok(expected(family, 1).includes(await ask(a, at(77, family), 80)));
    }
    assert.ok(expected(4, 200).includes(await ask(outside, at(1), 8_080)));
    assert.equal(await ask(outside, at(77), 81), 'none');
    ending.push(await serve(b, 7_000));
    const stream = await Stream.watch(outside, 'tcp', at(77), 7_000);
    ending.push(() => stream.stop());
    await client.patch('load-balancers', streaming.id ?? '', { backends: [] }, applied);
    assert.ok(await stream.ceases(), 'the stream ends with the backend');
    assert.equal(await ask(outside, at(77), 7_000), 'none');
    await forgotten(`dport=7000),reply=(src=${b.address(4)},`);
  });

  it('maps ports of the router to workloads, from inside too, until the rule is gone', async () => {
    const logicalSwitch = outer();
    const one = tenant('one', logicalSwitch, 1, ['a', 'b']);
    const ports = { protocol: 'tcp', external_port: 8_080, external_port_max: 8_081, logical_port: 80 };
    const mapped = translate(one.router, 'dnat', at(1), '10.77.0.12', { port_map: ports });
    await weftLab().build([...logicalSwitch.operations, ...one.operations, mapped]);
    const { client } = weftLab();
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv3' });
    assert.ok(a !== undefined && b !== undefined);
    await Promise.all([serves(b, 80), reaches(outside, at(1))]);
    assert.equal(await ask(outside, at(1), 8_080), `b ${at(200)}`);
    assert.equal(await ask(outside, at(1), 8_081), 'none');
    assert.equal(await ask(outside, at(1), 8_080, 'udp'), 'none');
    assert.equal(await ask(a, at(1), 8_080), `b ${at(1)}`);
    ending.push(await serve(b, 81));
    const streams = await Promise.all([outside, a].map(from => Stream.watch(from, 'tcp', at(1), 8_081)));
    for (const stream of streams) ending.push(() => stream.stop());
    await client.transaction([{ op: 'delete', kind: 'nat-rules', id: mapped.id ?? '' }], applied);
    for (const stream of streams) assert.ok(await stream.ceases(), 'the stream ends with the rule');
    assert.equal(await ask(outside, at(1), 8_080), 'none');
    await forgotten(`reply=(src=${b.address(4)},`);
  });

  it('shows the errors of others to whom they concern: traceroute and path MTU discovery, from inside and from outside', async () => {
    const logicalSwitch = outer();
    const one = tenant('one', logicalSwitch, 1, ['a', 'b']);
    const route = (destination: string, family: 4 | 6) =>
      create('static-routes', { logical_router_id: one.router, destination, next_hop: at(200, family) });
    await weftLab().build([
      ...logicalSwitch.operations,
      ...one.operations,
      route('0.0.0.0/0', 4),
      route('::/0', 6),
      ...families.map(family =>
        translate(one.router, 'floating_ip', at(77, family), family === 4 ? '10.77.0.12' : 'fd00:77::12'),
      ),
    ]);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv3' });
    assert.ok(a !== undefined && b !== undefined);
    // The one host outside leads to an address that the other has, by a link that carries less.
    const options = { 'ipv4/ip_forward': 1, 'ipv6/conf/all/forwarding': 1, 'ipv4/icmp_ratelimit': 0 } as const;
    await setKernelOptions(outside.namespace, {
      ...options,
      'ipv6/icmp/ratelimit': 0,
      'ipv4/conf/all/send_redirects': 0,
    });
    await setKernelOptions(outside.namespace, { 'ipv4/conf/eth0/send_redirects': 0 });
    const workloads: readonly Workload[] = [a, b];
    const far = { 4: { address: '198.51.100.9', mtu: 1_000 }, 6: { address: 'fd00:bb::9', mtu: 1_280 } } as const;
    for (const family of families) {
      const { address, mtu } = far[family];
      await exempted.exec(['ip', 'addr', 'add', address, 'dev', 'lo']);
      await outside.exec(['ip', 'route', 'add', address, 'via', at(201, family), 'mtu', 'lock', String(mtu)]);
      for (const workload of workloads) {
        await reaches(workload, address);
        const inner = family === 4 ? '10.77.0.1' : 'fd00:77::1';
        assert.deepEqual(await traceroute(workload, address), [inner, at(200, family), address]);
        const large = await ping(workload, address, { packetBytes: 1_400 });
        assert.match(large.text, new RegExp(`mtu ?= ?${mtu}`), large.text);
      }
      await reaches(outside, at(77, family));
      // What the router says of a translated packet comes from where that was sent to.
      assert.deepEqual(await traceroute(outside, at(77, family)), [at(77, family), at(77, family)]);
      const large = await ping(outside, at(77, family), { packetBytes: 1_500 });
      assert.match(large.text, /mtu ?= ?1450/, large.text);
    }
  });
});
