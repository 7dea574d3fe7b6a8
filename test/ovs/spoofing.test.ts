/**
 * Forged packets, really sent from a workload: each dies at the port where it entered, and the account of that port says which check
 * killed it. What an honest workload sends passes, the strange-looking included.
 */
import assert from 'node:assert/strict';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { Workload } from '../../lab/workload.js';
import type { DropReason } from '../../src/compiler/pipeline/drop-reasons.js';
import { forgeries, honest, type Self, virtual } from './forgeries.js';
import { planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

/** So often each forged frame is sent. */
const TIMES = 3;

interface Drop {
  readonly reason: DropReason;
  readonly port_id: string | null;
  readonly packets: number;
}

describe('spoofing', function () {
  this.timeout(120_000);
  const weftLab = usesSharedWeftLab();

  async function drops(): Promise<ReadonlyMap<string, number>> {
    const { client, lab } = weftLab();
    const { id } = await client.find('hypervisors', 'hv1');
    // What the data path has counted by itself is told now and not within half a second.
    await lab.hypervisor('hv1').openVswitch.appctl('revalidator/purge');
    const { body } = await client.request('GET', `/v1/hypervisors/${id}/drops`);
    const { items } = body as { readonly items: readonly Drop[] };
    return new Map(items.map(({ reason, port_id, packets }) => [`${reason} of ${port_id}`, packets]));
  }

  /** What the accounts have more than before. */
  async function moreThan(before: ReadonlyMap<string, number>): Promise<Readonly<Record<string, number>>> {
    const more = [...(await drops())].map(([key, count]) => [key, count - (before.get(key) ?? 0)] as const);
    return Object.fromEntries(more.filter(([, count]) => count > 0));
  }

  async function threeWorkloads(): Promise<readonly [Workload, Workload, Workload]> {
    const allowed = [
      { mac: virtual.mac, cidr: `${virtual.ip}/32` },
      { mac: virtual.mac, cidr: `${virtual.ip6}/128` },
    ];
    const { operations } = planSwitch({
      name: 's',
      cidrs: ['10.77.0.0/24', 'fd00:77::/64'],
      ports: { a: { allowed_addresses: allowed }, b: {}, c: {} },
    });
    // Nobody answers DHCP and solicitations in place of the ports: what is asked reaches them.
    const unanswered = operations.map(each =>
      each.kind === 'subnets' ? { ...each, value: { ...each.value, dhcp: false } } : each,
    );
    await weftLab().build(unanswered);
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv1', c: 'hv2' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    return [a, b, c];
  }

  it('dies at its source port, whatever is forged, and the account of the port says why', async () => {
    const [a, b, c] = await threeWorkloads();
    const { portId } = a.record;
    const captures = await Promise.all(
      [b, c].map(workload => weftLab().lab.captureAt(workload, `not ether src ${workload.record.mac}`)),
    );
    const kinds = [...forgeries(await selfOf(a), await selfOf(b)), ...forgeries(await selfOf(a), await selfOf(c))];
    const failed: string[] = [];
    for (const [reason, what, frame] of kinds) {
      const before = await drops();
      await sendFrames(
        a,
        Array.from({ length: TIMES }, () => frame),
      );
      const expected = { [`${reason} of ${portId}`]: TIMES };
      let found: Readonly<Record<string, number>> = {};
      try {
        await eventually('counted', async () => Object.keys((found = await moreThan(before))).length > 0, 2_000);
        assert.deepEqual(found, expected);
      } catch (error) {
        failed.push(`${what}: ${JSON.stringify(found)}, not ${reason}: ${(error as Error).name}`);
      }
    }
    assert.deepEqual(failed, []);
    const sent = new Set(kinds.map(([, , frame]) => frame));
    for (const capture of captures) {
      const arrived = (await capture.stopFrames()).filter(frame => sent.has(frame));
      assert.deepEqual(arrived, []);
    }
    process.stdout.write(
      `    ${kinds.length} forged packets, each sent ${TIMES} times: none arrived, all accounted for\n`,
    );
  });

  it('spares what an honest workload sends, parts of packets and virtual routers included', async () => {
    const [a, b, c] = await threeWorkloads();
    for (const to of [b, c]) {
      const capture = await weftLab().lab.captureAt(to, `not ether src ${to.record.mac}`);
      const kinds = honest(await selfOf(a), await selfOf(to));
      const before = await drops();
      await sendFrames(
        a,
        kinds.map(([, frame]) => frame),
      );
      const arrived = new Set(await capture.stopFrames());
      const missing = kinds.filter(([, frame]) => !arrived.has(frame)).map(([what]) => what);
      assert.deepEqual([missing, await moreThan(before)], [[], {}], `to ${to.name}`);
    }
  });
});

async function selfOf(workload: Workload): Promise<Self> {
  const { stdout } = await workload.exec(['ip', '-6', '-o', 'address', 'show', 'scope', 'link']);
  const linkLocal = /inet6 ([0-9a-f:]+)\//.exec(stdout)?.[1];
  assert.ok(linkLocal !== undefined);
  return { mac: workload.record.mac, ip: workload.address(4), ip6: workload.address(6), linkLocal };
}
