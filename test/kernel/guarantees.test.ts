/**
 * Guaranteed bandwidth where a host can keep it: with the kernel's datapath, and the card of its underlay in a bridge of Open vSwitch. The
 * classes of traffic control say which packets were in which queue, and how much each of them got.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { encapAddress } from '../../lab/addresses.js';
import type { GuestHypervisor } from '../../lab/kernel/guest-hypervisor.js';
import type { GuestWorkload } from '../../lab/kernel/guest-workload.js';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import type { RestObject } from '../../lab/weft-client.js';
import { APPLIED_WITHIN_MS, usesKernelLab } from '../fixtures/kernel-lab.js';
import { create, planSwitch } from '../fixtures/topology.js';

const CARD = 'eth0';
const BRIDGE = 'br-phy';
// Little enough that an emulated processor sends more from either of two ports, also one that others keep waiting.
const LINK_KBPS = 100;
const MIN_KBPS = 75;
const FLOOD = '-q -i 0.03 -s 1300'.split(' ');
const FLOOD_MS = 15_000;
const STRETCHES = 4;
const PINGS = 10;

interface ShownRule extends RestObject {
  readonly status: { readonly enforced: boolean; readonly reason: string | null };
  readonly guarantees: readonly {
    readonly hypervisor: string;
    readonly enforced: boolean;
    readonly reason: string | null;
  }[];
}

/** What traffic control says of a class. */
interface TrafficClass {
  readonly rate: string;
  readonly ceiling: string;
  readonly bytes: number;
  readonly packets: number;
}

/** What a guest's switch and its kernel say of queues, for whoever reads a failure. */
async function account({ guest }: GuestHypervisor): Promise<string> {
  const script = [
    `tc -s qdisc show dev ${CARD}; tc -s class show dev ${CARD}`,
    'ovs-vsctl show; ovs-vsctl list QoS; ovs-vsctl list Queue',
    `ovs-vsctl --columns=name,ofport,link_speed,external_ids,error list Interface`,
    'ovs-dpctl dump-flows | grep skb_priority',
    'lsmod | grep htb; tail -n 30 /var/log/openvswitch/ovs-vswitchd.log',
  ].join('\n');
  const { stdout, stderr } = await guest.shell(`exec 2>&1\n${script}`, { allowFailure: true });
  return `${stdout}${stderr}\nThe end of its console:\n${guest.consoleTail()}`;
}

describe('kernel datapath: guaranteed bandwidth', function () {
  this.timeout(400_000);
  // Before the network is removed, and the queues with it.
  afterEach(async function () {
    this.timeout(120_000);
    const { lab } = weftLab();
    if (this.currentTest?.state === 'failed')
      for (const hypervisor of lab.hypervisors)
        process.stderr.write(`\n${hypervisor.name}:\n${await account(hypervisor)}\n`);
    for (const hypervisor of lab.hypervisors)
      await hypervisor.ovsctl('remove', 'Interface', CARD, 'external_ids', 'weft-egress-iface', 'weft-egress-kbps');
  });
  const weftLab = usesKernelLab();
  const indexOf = ({ name }: GuestHypervisor): number => Number(name.slice(2));

  /** The underlay's card becomes a port of a bridge, which has its address from then on; or the other way round. */
  async function moveAddress(hypervisor: GuestHypervisor, from: string, to: string): Promise<void> {
    const address = `${encapAddress(indexOf(hypervisor))}/24`;
    await hypervisor.guest.ipBatch(null, [`addr del ${address} dev ${from}`, `link set ${to} up`]);
    await hypervisor.guest.ipBatch(null, [`addr add ${address} dev ${to}`]);
  }

  before(async () => {
    for (const hypervisor of weftLab().lab.hypervisors) {
      await hypervisor.ovsctl('add-br', BRIDGE, '--', 'add-port', BRIDGE, CARD);
      await moveAddress(hypervisor, CARD, BRIDGE);
    }
  });
  after(async () => {
    for (const hypervisor of weftLab().lab.hypervisors) {
      await hypervisor.ovsctl('--if-exists', 'remove', 'Open_vSwitch', '.', 'external_ids', 'weft-bridge-mappings');
      await moveAddress(hypervisor, BRIDGE, CARD);
      await hypervisor.ovsctl('del-br', BRIDGE);
    }
  });

  async function classes(hypervisor: GuestHypervisor): Promise<ReadonlyMap<string, TrafficClass>> {
    const { stdout } = await hypervisor.guest.run(['tc', '-s', 'class', 'show', 'dev', CARD]);
    const pattern = /class htb 1:(\w+) .*rate (\w+) ceil (\w+) .*\n Sent (\d+) bytes (\d+) pkt/g;
    return new Map(
      [...stdout.matchAll(pattern)].map(([, id = '', rate = '', ceiling = '', bytes, packets]) => [
        id,
        { rate, ceiling, bytes: Number(bytes), packets: Number(packets) },
      ]),
    );
  }

  /** The class of a workload's queue: traffic control counts from one, and in hexadecimal. */
  async function classOf({ hypervisor, interfaceName }: GuestWorkload): Promise<string> {
    const ofport = Number(await hypervisor.ovsctl('get', 'Interface', interfaceName, 'ofport'));
    return (ofport + 1).toString(16);
  }

  async function guaranteed(workload: GuestWorkload): Promise<string> {
    const rule = create('qos-rules', {
      logical_switch_port_id: workload.port.portId,
      kind: 'minimum_bandwidth',
      min_kbps: MIN_KBPS,
    });
    await weftLab().client.transaction([rule], { appliedWithinMs: APPLIED_WITHIN_MS });
    return rule.id ?? '';
  }

  const shown = (id: string): Promise<ShownRule> => weftLab().client.get<ShownRule>('qos-rules', id);
  const enforced = (id: string): Promise<ShownRule> =>
    eventually(
      'the guarantee is enforced',
      async () => {
        const rule = await shown(id);
        return rule.status.enforced ? rule : undefined;
      },
      APPLIED_WITHIN_MS,
      250,
    );

  /** How many packets are in a class while a workload sends `PINGS`: those, and what its kernel says to groups beside them. */
  async function sent(to: string, hypervisor: GuestHypervisor, id: string, from: GuestWorkload): Promise<number> {
    await eventually('it answers', async () => (await ping(from, to)).received > 0, APPLIED_WITHIN_MS, 250);
    const before = (await classes(hypervisor)).get(id);
    assert.ok(before !== undefined);
    const { text } = await ping(from, to, { count: PINGS });
    const packets = ((await classes(hypervisor)).get(id)?.packets ?? 0) - before.packets;
    process.stdout.write(
      `    while ${from.name} sent ${PINGS}, ${packets} were in the class ${id}; ${text.trim().split('\n').at(-2)}\n`,
    );
    return packets;
  }

  /**
   * The part of the link that a class gets while workloads flood it, each with more than it carries: the largest of some stretches, for a
   * processor that does not run does not send either, and classes save up for one packet.
   */
  async function shares(
    hypervisor: GuestHypervisor,
    id: string,
    from: readonly GuestWorkload[],
    to: string,
  ): Promise<number> {
    const pids = await Promise.all(from.map(each => each.start(['ping', ...FLOOD, to], `/tmp/flood-${each.name}`)));
    let largest = 0;
    for (let stretch = 0; stretch < STRETCHES && largest < MIN_KBPS / LINK_KBPS; stretch += 1) {
      const before = await classes(hypervisor);
      await sleep(FLOOD_MS);
      const after = await classes(hypervisor);
      const bytes = (of: string): number => (after.get(of)?.bytes ?? 0) - (before.get(of)?.bytes ?? 0);
      const [kept, rest] = [bytes(id), bytes('1')];
      assert.ok(rest > 0);
      largest = Math.max(largest, kept / (kept + rest));
      process.stdout.write(`    under floods of both: ${kept} bytes of the port left, ${rest} of all others\n`);
    }
    await hypervisor.guest.shell(`kill -INT ${pids.join(' ')}`);
    return largest;
  }

  it('is a class of the card, in which the packets of the port leave through tunnels, and no others', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {}, c: {} } });
    await weftLab().build(operations);
    const [a, b, c] = await weftLab().plug(['a', 'hv1'], ['b', 'hv1'], ['c', 'hv2']);
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const id = await guaranteed(a);
    const { hypervisor } = a;
    const [unmarked] = (await shown(id)).guarantees;
    assert.match(unmarked?.reason ?? '', /names no interface by which its tunnels leave/);
    const mark = ['external_ids:weft-egress-iface=tunnels', `external_ids:weft-egress-kbps=${LINK_KBPS}`];
    await hypervisor.ovsctl('set', 'Interface', CARD, ...mark);
    assert.deepEqual((await enforced(id)).guarantees, [{ hypervisor: 'hv1', enforced: true, reason: null }]);
    const own = await classOf(a);
    const { rate, ceiling } = await eventually(
      'the class is there',
      async () => (await classes(hypervisor)).get(own),
      APPLIED_WITHIN_MS,
      250,
    );
    assert.deepEqual([rate, ceiling], [`${MIN_KBPS}Kbit`, `${LINK_KBPS}Kbit`]);
    assert.ok((await sent(c.address(4), hypervisor, own, a)) >= PINGS);
    assert.equal(await sent(c.address(4), hypervisor, own, b), 0);

    const flooded = await shares(hypervisor, own, [a, b], c.address(4));
    assert.ok(flooded > (MIN_KBPS / LINK_KBPS) * 0.9, `the port had ${flooded} of the link`);

    await weftLab().client.delete('qos-rules', id, { appliedWithinMs: APPLIED_WITHIN_MS });
    await eventually(
      'nothing of it is left',
      async () =>
        (await classes(hypervisor)).size === 0 && (await hypervisor.ovsctl('--bare', 'list', 'QoS')).trim() === '',
      APPLIED_WITHIN_MS,
      250,
    );
  });

  it('holds for what leaves to a physical network, too', async () => {
    for (const hypervisor of weftLab().lab.hypervisors)
      await hypervisor.ovsctl('set', 'Open_vSwitch', '.', `external_ids:weft-bridge-mappings=physnet1:${BRIDGE}`);
    const value = { provider: { physical_network: 'physnet1', vlan: 100 } };
    await weftLab().build(planSwitch({ name: 's', value, ports: { a: {}, b: {}, far: {} } }).operations);
    const [a, b, far] = await weftLab().plug(['a', 'hv1'], ['b', 'hv1'], ['far', 'hv2']);
    assert.ok(a !== undefined && b !== undefined && far !== undefined);
    const tagged = await weftLab().lab.capture('vlan 100 and icmp');
    const { hypervisor } = a;
    await hypervisor.ovsctl('set', 'Interface', CARD, 'external_ids:weft-egress-iface=physical');
    const id = await guaranteed(a);
    await enforced(id);
    const own = await classOf(a);
    await eventually('the class is there', async () => (await classes(hypervisor)).has(own), APPLIED_WITHIN_MS, 250);
    assert.ok((await sent(far.address(4), hypervisor, own, a)) >= PINGS);
    assert.equal(await sent(far.address(4), hypervisor, own, b), 0);
    assert.ok((await tagged.stop()).length > 2 * PINGS, 'they went by the physical network');
    await hypervisor.ovsctl('remove', 'Interface', CARD, 'external_ids', 'weft-egress-iface');
    await eventually(
      'the card is as it was',
      async () => (await classes(hypervisor)).size === 0,
      APPLIED_WITHIN_MS,
      250,
    );
  });
});
