/** Live move of a workload between hypervisors under a stream of numbered packets. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ping, Probe } from '../../lab/probe.js';
import { planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

describe('live move', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  it('loses no packet to the moving workload, wherever the sender is, and reaches it after', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, b: {}, mover: {} } });
    await weftLab().build(operations);
    const [a, b, mover] = await weftLab().plug({ a: 'hv1', b: 'hv3', mover: 'hv1' });
    assert.ok(a !== undefined && b !== undefined && mover !== undefined);
    const { lab, client } = weftLab();
    for (const from of [a, b]) assert.equal((await ping(from, mover.address(4))).received, 3);
    const probes = [await Probe.start({ from: a, to: mover }), await Probe.start({ from: b, to: mover })];
    await sleep(300);
    for (const target of ['hv2', 'hv3', 'hv1']) {
      await lab.moveWorkload('mover', target);
      await client.portUp(mover.record.portId, target);
      await sleep(300);
    }
    for (const probe of probes) {
      const { sent, lost, longestGapMs } = await probe.stop();
      assert.ok(sent > 900, `sent ${sent}`);
      assert.equal(lost, 0, `lost ${lost} of ${sent}, longest gap ${longestGapMs} ms`);
    }
    await client.converged();
    for (const from of [a, b]) assert.equal((await ping(from, mover.address(6))).received, 3);
  });

  it('follows a workload that was stopped here and started there', async () => {
    const { operations } = planSwitch({ name: 's', ports: { a: {}, mover: {} } });
    await weftLab().build(operations);
    const [a, mover] = await weftLab().plug({ a: 'hv1', mover: 'hv1' });
    assert.ok(a !== undefined && mover !== undefined);
    const { lab, client } = weftLab();
    await lab.moveWorkload('mover', 'hv2', 'cold');
    await client.portUp(mover.record.portId, 'hv2');
    await client.converged();
    for (const family of [4, 6] as const) assert.equal((await ping(a, mover.address(family))).received, 3);
  });
});
