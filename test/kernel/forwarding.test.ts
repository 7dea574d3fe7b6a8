/** The pipeline in the kernel's datapath: what reaches whom, in which form, and what does not. */
import assert from 'node:assert/strict';
import { INTEGRATION_BRIDGE } from '../../lab/hypervisor.js';
import type { GuestWorkload } from '../../lab/kernel/guest-workload.js';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { kernelFeatures } from '../fixtures/kernel-features.js';
import { APPLIED_WITHIN_MS, usesKernelLab } from '../fixtures/kernel-lab.js';
import type { Operation } from '../../lab/weft-client.js';
import { create, type PlannedSwitch, planRouter, planSwitch } from '../fixtures/topology.js';

const FAMILIES = [4, 6] as const;

async function assertPings(from: GuestWorkload, address: string): Promise<void> {
  const { sent, received, text } = await ping(from, address);
  assert.equal(received, sent, `${from.name} to ${address}:\n${text}`);
}

async function assertReach(...workloads: readonly GuestWorkload[]): Promise<void> {
  for (const from of workloads) {
    for (const to of workloads) {
      if (from !== to) for (const family of FAMILIES) await assertPings(from, to.address(family));
    }
  }
}

const withoutLength = (address: string): string => address.split('/')[0] ?? '';

describe('kernel datapath: forwarding', function () {
  this.timeout(180_000);
  const weftLab = usesKernelLab();

  it('is what a host gets that joins by the one command', async () => {
    for (const hypervisor of weftLab().lab.hypervisors) {
      const datapaths = await hypervisor.appctl('dpif/show');
      assert.match(datapaths, /^system@ovs-system:/m);
      assert.doesNotMatch(datapaths, /netdev@/);
      assert.match(datapaths, /geneve/);
      const type = (await weftLab().client.find('hypervisors', hypervisor.name))['datapath_type'];
      process.stdout.write(
        `    ${hypervisor.name} (Weft says ${String(type)}): ${datapaths.replaceAll(/\s+/g, ' ')}\n`,
      );
      const { stdout } = await hypervisor.guest.run(['ovs-dpctl', 'show']);
      assert.match(stdout, /^system@ovs-system/);
      const features = await hypervisor.appctl('dpif/show-dp-features', INTEGRATION_BRIDGE);
      for (const { title, shown } of kernelFeatures) assert.ok(features.includes(`${title}: ${shown}\n`), features);
    }
  });

  it('switches on one host and between hosts over Geneve, IPv4 and IPv6, without ARP or ND for a known port', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {}, c: {} } });
    await weftLab().build(operations);
    const [a, b, c] = await weftLab().plug(['a', 'hv1'], ['b', 'hv1'], ['c', 'hv2']);
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const tunnelled = await weftLab().lab.capture('udp port 6081');
    await assertReach(a, b, c);
    const packets = await tunnelled.stop();
    assert.ok(packets.some(packet => packet.includes('Geneve')));
    assert.deepEqual(
      packets.filter(packet => /who-has|neighbor solicitation/.test(packet)),
      [],
    );
    const flows = await weftLab().hypervisor('hv1').datapathFlows();
    assert.ok(
      flows.some(flow => flow.includes('set(tunnel(')),
      flows.join('\n'),
    );
  });

  it('switches over VXLAN for a host that wants it', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    await weftLab().build(operations);
    const [a, b] = await weftLab().plug(['a', 'hv1'], ['b', 'hv2']);
    assert.ok(a !== undefined && b !== undefined);
    const { client, lab } = weftLab();
    const hypervisor = weftLab().hypervisor('hv2');
    await hypervisor.ovsctl('set', 'Open_vSwitch', '.', 'external_ids:weft-encap-type=vxlan');
    try {
      await client.hypervisorEncapsulates('hv2', 'vxlan', APPLIED_WITHIN_MS);
      await weftLab().settled();
      const capture = await lab.capture('udp port 4789');
      await assertReach(a, b);
      const packets = await capture.stop();
      assert.ok(
        packets.some(packet => packet.includes('VXLAN')),
        packets.join('\n'),
      );
    } finally {
      await hypervisor.ovsctl('remove', 'Open_vSwitch', '.', 'external_ids', 'weft-encap-type');
      await client.hypervisorEncapsulates('hv2', 'geneve', APPLIED_WITHIN_MS);
    }
  });

  it('routes between switches, on one host and between hosts, and answers ping on the router', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {}, d: {} } });
    await weftLab().build([...web.operations, ...db.operations, ...planRouter('r', [web, db]).operations]);
    const workloads = await weftLab().plug(['a', 'hv1'], ['b', 'hv2'], ['c', 'hv1'], ['d', 'hv2']);
    await assertReach(...workloads);
    const [a, , , d] = workloads;
    assert.ok(a !== undefined && d !== undefined);
    for (const gateway of [...web.gateways, ...db.gateways]) await assertPings(a, withoutLength(gateway));
    const { stdout } = await a.exec(['ping', '-n', '-c', '1', '-W', '2', d.address(4)]);
    assert.match(stdout, /ttl=63/);
  });

  it('routes through five routers in a row', async () => {
    const left = planSwitch({ name: 'left', ports: { a: {} } });
    const right = planSwitch({ name: 'right', ports: { b: {} } });
    await weftLab().build([...left.operations, ...right.operations, ...chainOfRouters(left, right, 5)]);
    const [a, b] = await weftLab().plug(['a', 'hv1'], ['b', 'hv2']);
    assert.ok(a !== undefined && b !== undefined);
    await assertReach(a, b);
    const { stdout } = await a.exec(['ping', '-n', '-c', '1', '-W', '2', b.address(4)]);
    assert.match(stdout, /ttl=59/);
  });

  it('floods a broadcast to every port of the switch, here and there, and to no other', async () => {
    const s = planSwitch({ name: 's', ports: { a: {}, b: {}, c: {}, d: {} } });
    const other = planSwitch({ name: 'other', ports: { e: {} } });
    await weftLab().build([...s.operations, ...other.operations]);
    const [a, ...rest] = await weftLab().plug(['a', 'hv1'], ['b', 'hv1'], ['c', 'hv2'], ['d', 'hv2'], ['e', 'hv2']);
    assert.ok(a !== undefined);
    const received = async (): Promise<readonly number[]> => Promise.all(rest.map(workload => workload.echoRequests()));
    for (const workload of rest) {
      await workload.exec(['/bin/sh', '-c', 'echo 0 >/proc/sys/net/ipv4/icmp_echo_ignore_broadcasts']);
    }
    const before = await received();
    const broadcast = a.address(4).replace(/\.\d+$/, '.255');
    await a.exec(['ping', '-b', '-n', '-c', '3', '-i', '0.2', '-W', '1', broadcast], { allowFailure: true });
    const now = await received();
    assert.deepEqual(
      now.map((count, index) => count - (before[index] ?? 0)),
      [3, 3, 3, 0],
    );
  });

  it('carries a packet of full size and refuses one byte more, switched and routed, both families', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    const objects = await weftLab().build([
      ...web.operations,
      ...db.operations,
      ...planRouter('r', [web, db]).operations,
    ]);
    const mtu = Number(objects.get('web')?.['effective_mtu']);
    assert.equal(mtu, 1450);
    const [a, b, c] = await weftLab().plug(['a', 'hv1'], ['b', 'hv2'], ['c', 'hv2']);
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const fragments = await weftLab().lab.capture('ip[6:2] & 0x3fff != 0');
    // A workload that sends more than it was told: what refuses the packet is then the network.
    await a.exec(['ip', 'link', 'set', a.device, 'mtu', '1500']);
    await a.hypervisor.guest.run(['ip', 'link', 'set', a.interfaceName, 'mtu', '1500']);
    for (const to of [b, c]) {
      for (const family of FAMILIES) {
        const full = await ping(a, to.address(family), { packetBytes: mtu });
        assert.equal(full.received, full.sent, full.text);
        const more = await ping(a, to.address(family), { packetBytes: mtu + 1, count: 2 });
        process.stdout.write(
          `    IPv${family} ${to.name}: ${mtu} bytes ${full.received}/${full.sent}, ${mtu + 1} bytes ${more.received}/${more.sent}\n`,
        );
        assert.equal(more.received, 0, more.text);
      }
    }
    assert.deepEqual(await fragments.stop(), []);
  });

  it('drops what a port may not send, and counts it', async () => {
    const { operations, cidrs } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    const objects = await weftLab().build(operations);
    const [a, b] = await weftLab().plug(['a', 'hv1'], ['b', 'hv2']);
    assert.ok(a !== undefined && b !== undefined);
    await assertReach(a, b);
    const foreign = (cidrs[0] ?? '').replace(/\.0\/24$/, '.77');
    await a.exec(['ip', 'address', 'add', `${foreign}/32`, 'dev', a.device]);
    await a.exec(['ping', '-c', '5', '-i', '0.1', '-W', '1', '-I', foreign, b.address(4)], { allowFailure: true });
    const drop = await eventually(
      'hv1 shows the drops',
      async () =>
        (await weftLab().drops('hv1')).find(
          ({ port_id, reason, packets }) =>
            port_id === objects.get('a')?.id && reason === 'port_security_ipv4' && packets === 5,
        ),
      30_000,
      500,
    );
    process.stdout.write(`    ${JSON.stringify(drop)}\n`);
  });
});

/** Routers 1 to `length` between two switches; between routers N and N + 1 is link N, on which they are .2 and .1. */
function chainOfRouters(left: PlannedSwitch, right: PlannedSwitch, length: number): readonly Operation[] {
  const links = Array.from({ length: length - 1 }, (_, index) =>
    planSwitch({ name: `link${index + 1}`, cidrs: [`10.240.${index + 1}.0/24`, `fd00:240:${index + 1}::/64`] }),
  );
  const routers = Array.from({ length }, (_, index) => {
    const { id, operations } = planRouter(`r${index + 1}`, [links[index - 1] ?? left]);
    const next = links[index];
    const networks =
      next === undefined ? right.gateways : onLink(index + 1, 2).map(({ address, bits }) => `${address}/${bits}`);
    const logical_switch_id = (next ?? right).id;
    const port = create('logical-router-ports', {
      name: `r${index + 1}-right`,
      logical_router_id: id,
      logical_switch_id,
      networks,
    });
    const route = (destination: string, nextHop: string | undefined): Operation =>
      create('static-routes', { logical_router_id: id, destination, next_hop: nextHop });
    const onwards = onLink(index + 1, 1).map(({ address }, family) => route(right.cidrs[family] ?? '', address));
    const back = onLink(index, 2).map(({ address }, family) => route(left.cidrs[family] ?? '', address));
    return [...operations, port, ...(next === undefined ? [] : onwards), ...(index === 0 ? [] : back)];
  });
  return [...links.flatMap(link => link.operations), ...routers.flat()];
}

/** Addresses of a host on a link, IPv4 and IPv6. */
function onLink(link: number, host: number): readonly { readonly address: string; readonly bits: number }[] {
  return [
    { address: `10.240.${link}.${host}`, bits: 24 },
    { address: `fd00:240:${link}::${host}`, bits: 64 },
  ];
}
