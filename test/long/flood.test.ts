/**
 * One workload floods Weft with DHCP, DNS, ARP and packets whose TTL is used up, some 2,000 a second: meters let through what they may,
 * and others do not notice. Prints how long it takes to add a port to that very hypervisor, with the flood and without.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type Percentiles, percentiles } from '../../bench/percentiles.js';
import { INTEGRATION_BRIDGE } from '../../lab/hypervisor.js';
import { ping, Probe } from '../../lab/probe.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { Workload } from '../../lab/workload.js';
import { laneGroups } from '../../src/compiler/pipeline/punt-classes.js';
import { dhcpv4, dnsQuery } from '../fixtures/addressing-messages.js';
import { udhcpc } from '../fixtures/dhcp-clients.js';
import { arp, ethernet, etherType, ipv4, protocol, udp } from '../fixtures/frames.js';
import { metric } from '../fixtures/metrics.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, WeftLab } from '../fixtures/weft-lab.js';

const additions = 30;
const domain = 'web.example.org';
const broadcast = 'ff:ff:ff:ff:ff:ff';
/** Of one kind in one go; there are four kinds, and the sender is started anew after them. */
const framesOfKind = 1_000;
/** Of the last one are the complaints of the kernel that never asked what it is told. */
const classes = ['dhcpv4', 'dns', 'ttl_exceeded', 'unreachable'] as const;

describe('a flood of questions', function () {
  this.timeout(400_000);
  let weftLab: WeftLab;

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'busybox', 'dig'] });
    weftLab = await WeftLab.create({ hypervisors: 2 });
  });
  after(() => weftLab?.remove());

  const count = (name: string, label: string): Promise<number> => metric(weftLab.client.url, name, label);

  /** Packets of each kind that came to Weft. */
  async function punted(): Promise<Readonly<Record<(typeof classes)[number] | 'all', number>>> {
    const [dhcp = 0, dns = 0, ttl = 0, unreachable = 0] = await Promise.all(
      classes.map(each => count('weft_punts_total', `class="${each}"`)),
    );
    return { dhcpv4: dhcp, dns, ttl_exceeded: ttl, unreachable, all: await count('weft_punts_total', '') };
  }

  /** Interfaces that wait for their ports: adding a port is one write then, which binds it and is in force when it is answered. */
  async function interfaces(): Promise<readonly string[]> {
    const ids = Array.from({ length: additions }, () => randomUUID());
    const { openVswitch } = weftLab.lab.hypervisor('hv1');
    for (const [index, id] of ids.entries()) {
      const add = ['add-port', INTEGRATION_BRIDGE, `waits${index}`, '--', 'set', 'Interface', `waits${index}`];
      await openVswitch.ovsctl(...add, 'type=internal', `external_ids:iface-id=${id}`);
    }
    return ids;
  }

  /** Adds a port for each, one after the other, and takes them away again. Milliseconds until each was in force. */
  async function addPorts(ids: readonly string[], switchId: string): Promise<readonly number[]> {
    const { client } = weftLab;
    const tookMs: number[] = [];
    for (const id of ids) {
      const beganAt = performance.now();
      const value = { id, name: `added-${id}`, logical_switch_id: switchId };
      await client.create('logical-switch-ports', value, { appliedWithinMs: APPLIED_WITHIN_MS });
      tookMs.push(performance.now() - beganAt);
      await client.portUp(id, 'hv1');
    }
    for (const id of ids) await client.delete('logical-switch-ports', id, { appliedWithinMs: APPLIED_WITHIN_MS });
    return tookMs;
  }

  async function gatewayMac(workload: Workload, gateway: string): Promise<string> {
    await ping(workload, gateway);
    const { stdout } = await workload.exec(['ip', 'neigh', 'show', gateway]);
    return /lladdr (\S+)/.exec(stdout)?.[1] ?? assert.fail(stdout);
  }

  it('of one workload is metered, and takes nobody the turn', async () => {
    const web = planSwitch({ name: 'web', value: { dns_domain: domain }, ports: { noisy: {}, calm: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    await weftLab.build([...web.operations, ...db.operations, ...planRouter('r', [web, db]).operations]);
    const [noisy, calm, c] = await weftLab.plug({ noisy: 'hv1', calm: 'hv1', c: 'hv2' });
    assert.ok(noisy !== undefined && calm !== undefined && c !== undefined);
    const gateway = web.gateways[0]?.split('/')[0] ?? '';
    const router = await gatewayMac(noisy, gateway);
    const { mac } = noisy.record;
    const own = noisy.address(4);
    const inIp = (src: string, dst: string, payload: string): string => ipv4({ src, dst }, protocol.udp, payload);
    const usedUp = inIp(own, c.address(4), udp(1_000, 2_000)).replace(/^(.{16})40/, '$101');
    const question = { operation: 1, sha: mac, spa: own, tpa: gateway } as const;
    const frames = [
      ethernet(
        { src: mac, dst: broadcast },
        etherType.ipv4,
        inIp('0.0.0.0', '255.255.255.255', dhcpv4({ type: 1, mac })),
      ),
      ethernet({ src: mac, dst: router }, etherType.ipv4, inIp(own, gateway, dnsQuery(`calm.${domain}`, 1))),
      ethernet({ src: mac, dst: broadcast }, etherType.arp, arp(question)),
      ethernet({ src: mac, dst: router }, etherType.ipv4, usedUp),
    ];
    const ids = await interfaces();
    // The first is slower than all others: tables and programs are cold.
    await addPorts(ids.slice(0, 3), web.id);
    const alone = percentiles(await addPorts(ids, web.id));

    const before = await punted();
    const beganAt = performance.now();
    const flooding = { goesOn: true, sent: 0 };
    const flood = (async (): Promise<void> => {
      const some = Array.from({ length: framesOfKind }, () => frames).flat();
      while (flooding.goesOn) {
        await sendFrames(noisy, some, { isPaced: true });
        flooding.sent += some.length;
      }
    })();
    const probe = await Probe.start({ from: calm, to: c, packetsPerSecond: 100 });
    const beside = percentiles(await addPorts(ids, web.id));
    const given = (await udhcpc(calm))?.values.get('ip');
    const named = await calm.exec(['dig', `@${gateway}`, '+short', '+time=2', '+tries=3', `noisy.${domain}`]);
    const told = await calm.exec(['ping', '-n', '-c', '2', '-W', '2', '-t', '1', c.address(4)], { allowFailure: true });
    const { lost, sent } = await probe.stop();
    flooding.goesOn = false;
    await flood;
    const after = await punted();
    const tookS = (performance.now() - beganAt) / 1_000;

    print('alone', alone);
    print('beside the flood', beside);
    const came = classes.map(each => `${each} ${after[each] - before[each]}`).join(', ');
    process.stdout.write(
      `    flood: ${flooding.sent} packets in ${tookS.toFixed(1)} s, came to Weft: ${came}; ` +
        `a neighbour's stream lost ${lost} of ${sent}\n`,
    );

    // A lane for what is asked of Weft itself and one for errors; what was let through at once before; and what calm has asked.
    const { askers, senders } = laneGroups;
    const most = (askers.perSecond + senders.perSecond) * (tookS + 2) + askers.burst + senders.burst;
    assert.ok(after.all - before.all < most, `${after.all - before.all} packets came to Weft, and ${most} may`);
    // ARP is a matter of the switch.
    const others = after.all - before.all - classes.reduce((sum, each) => sum + after[each] - before[each], 0);
    assert.equal(others, 0);
    assert.ok(flooding.sent > 2 * (after.all - before.all), 'it was a flood');
    assert.equal(beside.n, additions);
    assert.equal(given, calm.address(4));
    assert.equal(named.stdout.trim(), own);
    assert.match(told.stdout, /exceeded/i);
    assert.ok(lost * 100 <= sent, `a neighbour's stream lost ${lost} of ${sent}`);
  });
});

function print(when: string, { n, p50, p99 }: Percentiles): void {
  const [half, nearlyAll] = [p50, p99].map(ms => ms.toFixed(1));
  process.stdout.write(
    `    a port added to the same hypervisor, ${when}: p50 ${half} ms, p99 ${nearlyAll} ms (${n} times)\n`,
  );
}
