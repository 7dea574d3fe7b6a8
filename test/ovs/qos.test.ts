/** QoS rules on real Open vSwitch: what gets through is measured, marks are seen where they arrive, and refusals are accounts of the port. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { Workload } from '../../lab/workload.js';
import { ethernet, etherType, ipv4, ipv6, protocol, udp } from '../fixtures/frames.js';
import { create, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

const APPLIED = { appliedWithinMs: 10_000 } as const;
/** Frames of one burst, of 1000 bytes each. */
const FRAMES = 600;
const FRAME_BYTES = 1000;
const HEADER_BYTES = 14 + 20 + 8;

const datagram = (from: Workload, to: Workload, port: number, bytes = FRAME_BYTES - HEADER_BYTES): string =>
  ethernet(
    { src: from.record.mac, dst: to.record.mac },
    etherType.ipv4,
    ipv4({ src: from.address(4), dst: to.address(4) }, protocol.udp, udp(4000, port, '00'.repeat(bytes))),
  );

describe('QoS rules', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  async function pair(): Promise<readonly [Workload, Workload]> {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    await weftLab().build(operations);
    const [a, b] = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    return [a, b];
  }

  async function add(value: Readonly<Record<string, unknown>>): Promise<string> {
    const { results } = await weftLab().client.transaction([create('qos-rules', value)], APPLIED);
    return results[0]?.id ?? '';
  }

  /** How many of a burst arrive. A busy machine loses some in the queues of its switches. */
  async function arrivals(from: Workload, to: Workload): Promise<number> {
    const capture = await weftLab().lab.captureAt(to, 'udp dst port 4001');
    await sendFrames(
      from,
      Array.from({ length: FRAMES }, () => datagram(from, to, 4001)),
      { isPaced: true },
    );
    await sleep(300);
    return (await capture.stopFrames()).length;
  }

  async function droppedByMeters(hypervisor: string, portId: string): Promise<number> {
    const { client } = weftLab();
    const { id } = await client.find('hypervisors', hypervisor);
    const { body } = await client.request('GET', `/v1/hypervisors/${id}/drops`);
    const { items } = body as { readonly items: readonly { reason: string; port_id: string; packets: number }[] };
    return items.find(({ reason, port_id }) => reason === 'rate_limit' && port_id === portId)?.packets ?? 0;
  }

  it('limit what a workload sends, and what it gets, at the port where it is, and count what is too much', async () => {
    const [a, b] = await pair();
    const some = FRAMES / 2;
    assert.ok((await arrivals(a, b)) > some, 'without a rule');
    const [rateKbps, burstKbps] = [200, 1_000];
    const framesOf = (kbit: number): number => (kbit * 1000) / (FRAME_BYTES * 8);
    for (const [direction, port, hypervisor] of [
      ['egress', a, 'hv1'],
      ['ingress', b, 'hv2'],
    ] as const) {
      const id = await add({
        logical_switch_port_id: port.record.portId,
        kind: 'bandwidth_limit',
        direction,
        max_kbps: rateKbps,
        max_burst_kbps: burstKbps,
      });
      const dropped = (): Promise<number> => droppedByMeters(hypervisor, port.record.portId);
      const before = await dropped();
      const startMs = performance.now();
      const arrived = await arrivals(a, b);
      const most = framesOf(burstKbps + (rateKbps * (performance.now() - startMs)) / 1000);
      process.stdout.write(
        `    ${direction}: ${arrived} of ${FRAMES} frames arrived, ${most.toFixed(0)} fit the burst and the rate\n`,
      );
      assert.ok(arrived >= framesOf(burstKbps) * 0.3 && arrived <= most * 1.2 + 5, `${arrived} of ${most}`);
      await eventually(
        'what is missing is counted',
        async () => {
          const counted = (await dropped()) - before;
          return counted > (FRAMES - arrived) / 2 && counted <= FRAMES - arrived;
        },
        5_000,
        200,
      );
      const counted = await dropped();
      assert.ok((await arrivals(b, a)) > some, 'the other way is free');
      assert.equal(await dropped(), counted);
      await weftLab().client.delete('qos-rules', id, APPLIED);
      assert.ok((await arrivals(a, b)) > some, 'and so is this one without the rule');
    }
  });

  it('keep to a rate over some seconds', async () => {
    const [a, b] = await pair();
    await add({
      logical_switch_port_id: a.record.portId,
      kind: 'bandwidth_limit',
      max_kbps: 4_000,
      max_burst_kbps: 400,
    });
    const seconds = 3;
    const server = b.exec(['iperf3', '-s', '-1', '-p', '5300']);
    await sleep(500);
    const client = [
      'iperf3',
      '-J',
      '-u',
      '-b',
      '20M',
      '-l',
      '1200',
      '-t',
      `${seconds}`,
      '-p',
      '5300',
      '-c',
      b.address(4),
    ];
    const { stdout } = await a.exec(client);
    await server;
    const { end } = JSON.parse(stdout) as { end: { sum: { bytes: number; lost_percent: number; seconds: number } } };
    const kbps = ((end.sum.bytes * 8) / end.sum.seconds / 1000) * (1 - end.sum.lost_percent / 100);
    process.stdout.write(`    20 Mbit/s offered, 4 Mbit/s allowed: ${(kbps / 1000).toFixed(2)} Mbit/s arrived\n`);
    assert.ok(kbps > 4_000 * 0.5 && kbps < 4_000 * 1.5, `${kbps} kbit/s`);
  });

  it('limit packets, whatever their size', async () => {
    const [a, b] = await pair();
    const common = { kind: 'packet_rate_limit', max_kpps: 1, max_burst_kpps: 1 };
    await add({ logical_switch_port_id: b.record.portId, direction: 'ingress', ...common });
    const capture = await weftLab().lab.captureAt(b, 'udp dst port 4001');
    const frames = Array.from({ length: 5000 }, () => datagram(a, b, 4001, 1));
    const startMs = performance.now();
    await sendFrames(a, frames);
    await sleep(300);
    const seconds = (performance.now() - startMs) / 1000;
    const arrived = (await capture.stopFrames()).length;
    process.stdout.write(
      `    ${arrived} of ${frames.length} packets within ${seconds.toFixed(1)} s at 1000 a second, burst 1000\n`,
    );
    assert.ok(arrived >= 500 && arrived <= 1000 + 1500 * seconds, `${arrived} within ${seconds} s`);
  });

  it('of a switch hold for its ports that have none of their own; copies for others are not touched by a limit', async () => {
    const plan = planSwitch({ name: 's', ports: { a: {}, b: {}, c: {} } });
    // So little that a busy machine, too, sends far more.
    const limit = { kind: 'bandwidth_limit', direction: 'ingress', max_kbps: 200, max_burst_kbps: 200 };
    await weftLab().build([...plan.operations, create('qos-rules', { logical_switch_id: plan.id, ...limit })]);
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv1', c: 'hv1' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    // Its own rule is as good as none.
    await add({ logical_switch_port_id: c.record.portId, ...limit, max_kbps: 1_000_000, max_burst_kbps: 1_000_000 });
    const captures = await Promise.all([b, c].map(to => weftLab().lab.captureAt(to, 'udp dst port 4001')));
    const broadcast = ethernet(
      { src: a.record.mac, dst: 'ff:ff:ff:ff:ff:ff' },
      etherType.ipv4,
      ipv4({ src: a.address(4), dst: '255.255.255.255' }, protocol.udp, udp(4000, 4001, '00'.repeat(1000))),
    );
    await sendFrames(
      a,
      Array.from({ length: 1000 }, () => broadcast),
    );
    await sleep(300);
    const [atB = 0, atC = 0] = await Promise.all(captures.map(async capture => (await capture.stopFrames()).length));
    assert.ok(atB > 0 && atB < 0.5 * atC, `${atB} at the limited port, ${atC} at the other`);
  });

  it('mark IP packets where they enter, of both families, and nothing else', async () => {
    const [a, b] = await pair();
    await add({ logical_switch_port_id: a.record.portId, kind: 'dscp_marking', dscp_mark: 46 });
    const ends = { src: a.record.mac, dst: b.record.mac };
    const other = ethernet(ends, 0x88b5, '5a'.repeat(16));
    const six = ethernet(
      ends,
      etherType.ipv6,
      ipv6({ src: a.address(6), dst: b.address(6) }, protocol.udp, udp(4000, 4001)),
    );
    const capture = await weftLab().lab.captureAt(
      b,
      `ether src ${a.record.mac} and (udp port 4001 or ether proto 0x88b5)`,
    );
    await sendFrames(a, [datagram(a, b, 4001), six, other]);
    const arrived = await capture.stopFrames();
    const tos = (46 << 2).toString(16);
    assert.deepEqual(
      arrived.map(frame => frame.slice(24, 32)),
      [`080045${tos}`, `86dd6${tos}0`, other.slice(24, 32)],
    );
    assert.equal(arrived[1]?.slice(32), six.slice(32), 'the rest of the packet is as it was');
  });

  // Where it can be kept is test/kernel/guarantees.test.ts.
  it('say where bandwidth cannot be guaranteed, and why', async () => {
    const [a] = await pair();
    const value = { logical_switch_port_id: a.record.portId, kind: 'minimum_bandwidth', min_kbps: 1_000 };
    const id = await add(value);
    const { body } = await weftLab().client.request('GET', `/v1/qos-rules/${id}`);
    const { status, guarantees } = body as Readonly<Record<string, unknown>>;
    assert.deepEqual(status, { enforced: false, reason: 'no hypervisor with ports of it can keep it' });
    const reason = 'its data path is in user space, which puts nothing into queues';
    assert.deepEqual(guarantees, [{ hypervisor: 'hv1', enforced: false, reason }]);
  });
});
