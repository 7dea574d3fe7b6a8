/** Mirrors on real Open vSwitch: the copies are what was sent, what is mirrored goes its way, and nothing is left of a mirror that is gone. */
import assert from 'node:assert/strict';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { Workload } from '../../lab/workload.js';
import { ethernet, etherType, ipv4, protocol, udp } from '../fixtures/frames.js';
import { create, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

const APPLIED = { appliedWithinMs: 10_000 } as const;
/** Where remote copies go: an address of the underlay that nobody has; what is sent there is captured on the way. */
const OUTSIDE = '192.0.2.13';

const datagram = (from: Workload, to: Workload, port: number): string =>
  ethernet(
    { src: from.record.mac, dst: to.record.mac },
    etherType.ipv4,
    ipv4({ src: from.address(4), dst: to.address(4) }, protocol.udp, udp(port, 4001, '5a'.repeat(32))),
  );

describe('mirrors', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  async function three(where: Readonly<Record<string, string>>): Promise<readonly [Workload, Workload, Workload]> {
    const plan = planSwitch({ name: 's', ports: { a: {}, b: {} } });
    const other = planSwitch({ name: 'watch', ports: { collector: {} } });
    await weftLab().build([...plan.operations, ...other.operations]);
    const [a, b, collector] = await weftLab().plug(where);
    assert.ok(a !== undefined && b !== undefined && collector !== undefined);
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      assert.equal((await ping(from, to.address(4))).received, 3);
    }
    return [a, b, collector];
  }

  async function mirror(value: Readonly<Record<string, unknown>>): Promise<string> {
    const { results } = await weftLab().client.transaction([create('mirrors', value)], APPLIED);
    return results[0]?.id ?? '';
  }

  /** Sends a frame each way between a and b; returns those that were captured of the two, at b and at the collector. */
  async function seen(a: Workload, b: Workload, collector: Workload) {
    const [sent, got] = [datagram(a, b, 4100), datagram(b, a, 4200)];
    const captures = await Promise.all([b, collector].map(each => weftLab().lab.captureAt(each, 'udp dst port 4001')));
    await sendFrames(a, [sent]);
    await sendFrames(b, [got]);
    const [atB, copies] = await Promise.all(
      captures.map(async capture =>
        (await capture.stopFrames()).map(frame => (frame === sent ? 'sent' : frame === got ? 'got' : 'other')),
      ),
    );
    return { atB, copies };
  }

  async function state(): Promise<readonly string[]> {
    const { hypervisors } = weftLab().lab;
    const all = await Promise.all(
      hypervisors.map(async hypervisor => [
        ...(await hypervisor.flows('--no-stats')).filter(
          flow => !flow.includes('cookie=0x5f') && !flow.includes('cookie=0x5d'),
        ),
        ...(await hypervisor.groups()),
        ...(await hypervisor.openVswitch.ovsctl('--columns=name,type,options,external_ids,ofport', 'list', 'Interface'))
          .split('\n\n')
          .sort(),
        ...(await hypervisor.openVswitch.ovsctl('--columns=name,external_ids', 'list', 'Port')).split('\n\n').sort(),
      ]),
    );
    return all.flat().sort();
  }

  for (const [title, where] of [
    ['on the same host', { a: 'hv1', b: 'hv2', collector: 'hv1' }],
    ['on the host of the other side', { a: 'hv1', b: 'hv2', collector: 'hv2' }],
    ['on a third host', { a: 'hv1', b: 'hv2', collector: 'hv3' }],
    ['on another host than both', { a: 'hv1', b: 'hv1', collector: 'hv3' }],
  ] as const) {
    it(`copy what a port sends and gets to a collector ${title}`, async () => {
      const [a, b, collector] = await three(where);
      const before = await state();
      for (const [direction, expected] of [
        ['out', ['sent']],
        ['in', ['got']],
        ['both', ['sent', 'got']],
      ] as const) {
        const id = await mirror({
          logical_switch_port_id: a.record.portId,
          direction,
          kind: 'local',
          collector_port_id: collector.record.portId,
        });
        // What is mirrored arrives as it did.
        assert.deepEqual(await seen(a, b, collector), { atB: ['sent', 'got'], copies: expected }, direction);
        await weftLab().client.delete('mirrors', id, APPLIED);
      }
      assert.deepEqual((await seen(a, b, collector)).copies, []);
      assert.deepEqual(await state(), before);
    });
  }

  it('copy broadcasts once, and work for several collectors at a time', async () => {
    const [a, b, collector] = await three({ a: 'hv1', b: 'hv1', collector: 'hv1' });
    for (const direction of ['out', 'in']) {
      await mirror({
        logical_switch_port_id: b.record.portId,
        direction,
        kind: 'local',
        collector_port_id: collector.record.portId,
      });
    }
    const frame = ethernet(
      { src: a.record.mac, dst: 'ff:ff:ff:ff:ff:ff' },
      etherType.ipv4,
      ipv4({ src: a.address(4), dst: '255.255.255.255' }, protocol.udp, udp(4000, 4001)),
    );
    const capture = await weftLab().lab.captureAt(collector, 'udp dst port 4001');
    await sendFrames(a, [frame]);
    assert.deepEqual(await capture.stopFrames(), [frame]);
  });

  for (const kind of ['gre', 'erspan'] as const) {
    it(`send copies by ${kind} to an address outside, and leave nothing behind`, async () => {
      const [a, b] = await three({ a: 'hv1', b: 'hv2', collector: 'hv3' });
      const before = await state();
      const id = await mirror({ logical_switch_port_id: a.record.portId, kind, remote_ip: OUTSIDE, key: 77 });
      const { openVswitch } = weftLab().lab.hypervisor('hv1');
      await eventually('the tunnel port is there', async () =>
        (await openVswitch.ovsctl('--if-exists', 'get', 'Interface', `weft-${kind}`, 'ofport'))
          .trim()
          .startsWith('3200'),
      );
      const frames = [datagram(a, b, 4100), datagram(b, a, 4200)];
      const capture = await weftLab().lab.capture('ip proto 47');
      await sendFrames(a, frames.slice(0, 1));
      await sendFrames(b, frames.slice(1));
      // Beside them are copies of what the kernels of the workloads say to that.
      const copies = (await capture.stopFrames()).filter(copy => frames.some(frame => copy.endsWith(frame)));
      assert.deepEqual(
        copies.map(copy => frames.findIndex(frame => copy.endsWith(frame))),
        [0, 1],
        copies.join('\n'),
      );
      // 0x2000: a key; 0x6558: Ethernet. ERSPAN type II: 0x88be, and the session in the low ten bits of its second word.
      const greHeader = (copies[0] ?? '').slice(68, 68 + (kind === 'gre' ? 16 : 32));
      if (kind === 'gre') assert.equal(greHeader, `20006558${(77).toString(16).padStart(8, '0')}`);
      else assert.match(greHeader, /^100088be[0-9a-f]{8}1[0-9a-f]{3}[0-9a-f]04d/);
      await weftLab().client.delete('mirrors', id, APPLIED);
      await eventually(
        'the tunnel port is gone',
        async () => !(await openVswitch.ovsctl('list-ports', 'br-int')).includes(`weft-${kind}`),
      );
      assert.deepEqual(await state(), before);
    });
  }
});
