/** Layer 2 over real Open vSwitch: what reaches whom on the same host and across hosts, and what does not. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import type { Workload } from '../../lab/workload.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

const FAMILIES = [4, 6] as const;

/** A flow that the switch added by itself and forgets without traffic: cookies of learned flows begin with 0x5d. */
const LEARNED_MAC = /cookie=0x5d.*hard_timeout=/;

type Station = Pick<Workload, 'name' | 'exec' | 'address'>;

async function assertReaches(from: Station, to: Station): Promise<void> {
  for (const family of FAMILIES) {
    const { sent, received, text } = await ping(from, to.address(family));
    assert.equal(received, sent, `${from.name} to ${to.name} over IPv${family}:\n${text}`);
  }
}

async function assertDoesNotReach(from: Station, to: Station): Promise<void> {
  for (const family of FAMILIES) {
    const { received, text } = await ping(from, to.address(family), { count: 2 });
    assert.equal(received, 0, `${from.name} to ${to.name} over IPv${family}:\n${text}`);
  }
}

/** Addresses that answered a ping to a group, each as often as it did for the first packet. The sender's own is among them. */
async function answersToGroup(from: Workload, group: string): Promise<readonly string[]> {
  const options = group.includes(':') ? ['-I', from.record.device] : ['-b', '-I', from.record.device];
  const { stdout } = await from.exec(['ping', '-n', '-i', '0.3', '-w', '1', ...options, group], { allowFailure: true });
  return [...stdout.matchAll(/bytes from ([0-9a-f.:]+?)(?:%\w+)?: icmp_seq=1 /g)].map(match => match[1] ?? '').sort();
}

async function answerBroadcasts(workloads: readonly Workload[]): Promise<void> {
  for (const workload of workloads) {
    await workload.exec(['sh', '-c', 'echo 0 > /proc/sys/net/ipv4/icmp_echo_ignore_broadcasts']);
  }
}

describe('switching', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  it('reaches workloads on the same host and on others, over IPv4 and IPv6', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {}, c: {} } });
    await weftLab().build(operations);
    const workloads = await weftLab().plug({ a: 'hv1', b: 'hv1', c: 'hv2' });
    for (const from of workloads) for (const to of workloads) if (from !== to) await assertReaches(from, to);
  });

  it('answers ARP and neighbour solicitations by flows: none passes between hosts, and none goes to the controller', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    await weftLab().build(operations);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    const punted = async (): Promise<readonly string[]> => {
      const flows = await Promise.all(weftLab().lab.hypervisors.map(hypervisor => hypervisor.flows()));
      return flows.flat().flatMap(flow => (/controller/i.test(flow) ? (/n_packets=\d+/.exec(flow)?.[0] ?? []) : []));
    };
    const before = await punted();
    const capture = await weftLab().lab.capture('udp port 6081');
    await assertReaches(a, b);
    const packets = await capture.stop();
    assert.ok(
      packets.some(packet => packet.includes('ICMP')),
      'the capture sees the pings',
    );
    assert.deepEqual(
      packets.filter(packet => /ARP|neighbor solicitation/.test(packet)),
      [],
    );
    assert.deepEqual(await punted(), before);
  });

  it('keeps switches apart, with the same addresses on both', async () => {
    const cidrs = ['10.99.0.0/24', 'fd00:99::/64'];
    const left = planSwitch({ name: 'left', cidrs, ports: { a: {}, b: {} } });
    const right = planSwitch({ name: 'right', cidrs, ports: { c: {} } });
    await weftLab().build([...left.operations, ...right.operations]);
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv2', c: 'hv1' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    await assertReaches(a, b);
    assert.equal(c.address(4), a.address(4), 'both switches give out the same addresses');
    assert.equal((await ping(c, b.address(4), { count: 2 })).received, 0);
  });

  it('delivers broadcast and multicast once to every port of the switch, and to no other', async () => {
    const plan = planSwitch({ name: 's', ports: { a: {}, b: {}, c: {}, d: {} } });
    const other = planSwitch({ name: 'other', ports: { x: {} } });
    await weftLab().build([...plan.operations, ...other.operations]);
    const workloads = await weftLab().plug({ a: 'hv1', b: 'hv1', c: 'hv2', d: 'hv3', x: 'hv2' });
    await answerBroadcasts(workloads);
    const [a, ...rest] = workloads;
    assert.ok(a !== undefined);
    const others = rest.filter(workload => workload.name !== 'x');
    const broadcast = (plan.cidrs[0] ?? '').replace(/\.0\/24$/, '.255');
    // The sender answers a group itself, from its own address, in each case but that of broadcast.
    const expected4 = others.map(workload => workload.address(4)).sort();
    for (const group of [broadcast, '224.0.0.1']) {
      const answered: readonly string[] = (await answersToGroup(a, group)).filter(address => address !== a.address(4));
      assert.deepEqual(answered, expected4, group);
    }
    const answered6 = await answersToGroup(a, 'ff02::1');
    const linkLocals = await Promise.all(others.map(linkLocalOf));
    assert.deepEqual(
      answered6.filter(address => linkLocals.includes(address)),
      linkLocals.sort(),
    );
  });

  it('gives unknown unicast to ports with unknown MACs, and learns what is behind them in the data path', async () => {
    const { operations, cidrs } = planSwitch({
      name: 's',
      ports: { a: {}, b: {}, bridge: { unknown_macs: true, port_security: false } },
    });
    await weftLab().build(operations);
    const [a, b, bridge] = await weftLab().plug({ a: 'hv1', b: 'hv2', bridge: 'hv2' });
    assert.ok(a !== undefined && b !== undefined && bridge !== undefined);
    const behind = (cidrs[0] ?? '').replace(/\.0\/24$/, '.200');
    await bridge.exec(['ip', 'link', 'set', bridge.record.device, 'address', '02:aa:00:00:00:99']);
    await bridge.exec(['ip', 'address', 'add', `${behind}/24`, 'dev', bridge.record.device]);
    for (const from of [a, b]) {
      const { sent, received, text } = await ping(from, behind);
      assert.ok(received >= sent - 1, `${from.name} to an address behind the bridge:\n${text}`);
    }
    const again = await ping(a, behind);
    assert.equal(again.received, again.sent, again.text);
    for (const name of ['hv1', 'hv2']) {
      const learned = (await weftLab().lab.hypervisor(name).flows()).filter(flow => LEARNED_MAC.test(flow));
      assert.equal(learned.length, 1, `${name} has learned the MAC, and no other`);
    }
    await assertReaches(a, b);
  });

  it('lets a secured port speak only from its own MAC and addresses, and counts what it drops by port and reason', async () => {
    const { operations, cidrs } = planSwitch({ name: 's', ports: { a: {}, b: {}, open: { port_security: false } } });
    const objects = await weftLab().build(operations);
    const [a, b, open] = await weftLab().plug({ a: 'hv1', b: 'hv2', open: 'hv1' });
    assert.ok(a !== undefined && b !== undefined && open !== undefined);
    await assertReaches(a, b);
    const foreign = (cidrs[0] ?? '').replace(/\.0\/24$/, '.77');
    for (const [workload, passes] of [
      [a, false],
      [open, true],
    ] as const) {
      await workload.exec(['ip', 'address', 'add', `${foreign}/32`, 'dev', workload.record.device]);
      const before = await echoRequestsAt(b);
      await workload.exec(['ping', '-c', '3', '-i', '0.05', '-W', '1', '-I', foreign, b.address(4)], {
        allowFailure: true,
      });
      assert.equal((await echoRequestsAt(b)) - before, passes ? 3 : 0, `${workload.name} from a foreign address`);
      await workload.exec(['ip', 'address', 'del', `${foreign}/32`, 'dev', workload.record.device]);
    }
    const drops = await dropsOf('hv1');
    const ofPort = drops.filter(drop => JSON.stringify(drop).includes(objects.get('a')?.id ?? ''));
    assert.ok(
      ofPort.some(drop => /port_security/.test(JSON.stringify(drop))),
      JSON.stringify(drops),
    );

    await a.exec(['ip', 'link', 'set', a.record.device, 'address', '02:aa:00:00:00:01']);
    await assertDoesNotReach(a, b);
  });

  it('lets further addresses of a port pass when they are allowed', async () => {
    const { operations, cidrs } = planSwitch({ name: 's', ports: { b: {} } });
    const virtual = (cidrs[0] ?? '').replace(/\.0\/24$/, '.88');
    const switchId = operations[0]?.id;
    await weftLab().build([
      ...operations,
      {
        op: 'create',
        kind: 'logical-switch-ports',
        value: { name: 'a', logical_switch_id: switchId, allowed_addresses: [{ cidr: `${virtual}/32` }] },
      },
    ]);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    await a.exec(['ip', 'address', 'add', `${virtual}/32`, 'dev', a.record.device]);
    const before = await echoRequestsAt(b);
    await a.exec(['ping', '-c', '3', '-i', '0.05', '-W', '1', '-I', virtual, b.address(4)], { allowFailure: true });
    assert.equal((await echoRequestsAt(b)) - before, 3);
  });

  it('stops and starts a port by its administrative state', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    const objects = await weftLab().build(operations);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    await assertReaches(a, b);
    const id = objects.get('a')?.id ?? '';
    await weftLab().client.patch('logical-switch-ports', id, { enabled: false }, { appliedWithinMs: 5000 });
    await assertDoesNotReach(a, b);
    await weftLab().client.patch('logical-switch-ports', id, { enabled: true }, { appliedWithinMs: 5000 });
    await assertReaches(a, b);
  });

  it('works with duplicate address detection as the kernel does it, and tells a duplicate', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    await weftLab().build(operations);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' }, { duplicateAddressDetection: true });
    assert.ok(a !== undefined && b !== undefined);
    await sleep(2500);
    await assertReaches(a, b);
    await a.exec(['ip', 'address', 'add', `${b.address(6)}/64`, 'dev', a.record.device]);
    await eventually(
      'the kernel of a finds the duplicate',
      async () => (await a.exec(['ip', '-6', 'address', 'show'])).stdout.includes('dadfailed'),
      5000,
    );
  });

  it('carries packets of workloads inside a workload, told apart by their VLAN tags, and follows them when it moves', async () => {
    const [vmId, group] = [randomUUID(), randomUUID()];
    const under = (vlan: number) => ({ parent: { port_id: vmId, vlan } });
    const left = planSwitch({ name: 'left', ports: { peer: {} } });
    const onLeft = { logical_switch_id: left.id };
    const right = planSwitch({ name: 'right', ports: { guarded: { ...under(102), security_groups: [group] } } });
    const router = planRouter('router', [left, right]);
    const built = await weftLab().build([
      create('security-groups', { name: 'closed' }, group),
      ...left.operations,
      create('logical-switch-ports', { name: 'vm', ...onLeft }, vmId),
      create('logical-switch-ports', { name: 'inner', ...onLeft, ...under(101) }),
      ...right.operations,
      ...router.operations,
    ]);
    const { client, lab } = weftLab();
    const [vm, peer] = await weftLab().plug({ vm: 'hv1', peer: 'hv2' });
    assert.ok(vm !== undefined && peer !== undefined);
    const idOf = (name: string): string => built.get(name)?.id ?? assert.fail(name);
    const inForce = (hypervisor: string) =>
      Promise.all(['inner', 'guarded'].map(name => client.portUp(idOf(name), hypervisor)));
    await inForce('hv1');
    const nest = await lab.addNest(vm);
    try {
      const inner = await nest.add(await client.workloadPort('inner'), 101);
      const guarded = await nest.add(await client.workloadPort('guarded'), 102);
      for (const [from, to] of [
        [inner, peer],
        [peer, inner],
        [vm, inner],
        [inner, vm],
        [vm, peer],
      ] as const)
        await assertReaches(from, to);
      // Its group lets nothing in or out, until it does: connections in a conntrack zone of its own.
      await assertDoesNotReach(inner, guarded);
      const pings = (['ingress', 'egress'] as const).map(direction =>
        create('security-group-rules', { security_group_id: group, direction, protocol: 'icmp' }),
      );
      await weftLab().build(pings);
      for (const [from, to] of [
        [inner, guarded],
        [guarded, peer],
        [vm, guarded],
      ] as const)
        await assertReaches(from, to);
      const stranger = await nest.add({ ...inner.port, name: 'stranger' }, 103);
      await assertDoesNotReach(stranger, peer);
      const drops = (await dropsOf('hv1')) as readonly { readonly reason: string; readonly port_id: string | null }[];
      assert.ok(
        drops.some(({ reason, port_id: port }) => reason === 'no_sub_port' && port === vmId),
        JSON.stringify(drops),
      );

      await lab.moveWorkload('vm', 'hv3');
      await nest.follow();
      await inForce('hv3');
      await client.converged();
      for (const [from, to] of [
        [inner, peer],
        [peer, inner],
        [inner, guarded],
      ] as const)
        await assertReaches(from, to);
      // What marks the interface is about the port that it claims.
      await client.patch('logical-switch-ports', idOf('inner'), { parent: null }, { appliedWithinMs: 5000 });
      await lab.hypervisor('hv3').installed(vm.record.interfaceName);
      await assertDoesNotReach(peer, inner);
    } finally {
      await nest.remove();
    }
  });

  async function dropsOf(name: string): Promise<readonly unknown[]> {
    const { client } = weftLab();
    const hypervisor = await client.find('hypervisors', name);
    return eventually(
      `${name} shows drops`,
      async () => {
        const { body } = await client.request('GET', `/v1/hypervisors/${hypervisor.id}/drops`);
        const items = Array.isArray(body) ? body : (body as { items: unknown[] }).items;
        return items.length > 0 && items;
      },
      10_000,
      200,
    );
  }
});

async function linkLocalOf(workload: Workload): Promise<string> {
  const { stdout } = await workload.exec(['ip', '-6', '-o', 'address', 'show', 'scope', 'link']);
  return /inet6 ([0-9a-f:]+)\//.exec(stdout)?.[1] ?? '';
}

/** ICMP echo requests that have reached a workload's kernel. */
async function echoRequestsAt(workload: Workload): Promise<number> {
  const { stdout } = await workload.exec(['cat', '/proc/net/snmp']);
  const [names, values] = stdout.split('\n').filter(line => line.startsWith('Icmp:'));
  const index = (names ?? '').split(' ').indexOf('InEchos');
  return Number((values ?? '').split(' ')[index]);
}
