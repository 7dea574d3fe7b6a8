/** The kernel's datapath under changes and faults, with a stream of packets through it: what each of them costs. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GuestHypervisor } from '../../lab/kernel/guest-hypervisor.js';
import { PingProbe, type PingProbeResult } from '../../lab/kernel/ping-probe.js';
import { differences, readSwitchState } from '../../lab/switch-state.js';
import { usesKernelLab } from '../fixtures/kernel-lab.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';

/** Asked for; the emulated processor may manage less, and the result says how many. */
const PACKETS_PER_SECOND = 1_000;

/** A host that only answers asks its router anew after 5 s of use and 3 s of silence: probes that last longer see it. */
const NEIGHBOUR_CYCLE_MS = 9_000;

function print(what: string, result: PingProbeResult): void {
  const { lost, sent, longestLossRun, longestGapMs, packetsPerSecond } = result;
  process.stdout.write(
    `    ${what}: ${lost} of ${sent} packets lost (${packetsPerSecond}/s), most in a row ${longestLossRun}, longest gap ${longestGapMs} ms\n`,
  );
}

/** A flow that the switch added by itself, to learn or to count: its cookie begins with 0x5d. */
const LEARNED = /cookie=0x5d/;

/** Seconds since the youngest flow was put in, as the switch says. */
async function youngestFlowS(hypervisor: GuestHypervisor): Promise<number> {
  const flows = (await hypervisor.flows()).filter(flow => !LEARNED.test(flow));
  const durations = [...flows.join('\n').matchAll(/duration=([0-9.]+)s/g)].map(match => Number(match[1]));
  assert.ok(durations.length > 0);
  return Math.min(...durations);
}

describe('kernel datapath: changes and faults', function () {
  this.timeout(240_000);
  const weftLab = usesKernelLab();

  it('follows a workload that moves live to the other host and back', async () => {
    await weftLab().build(planSwitch({ name: 's', ports: { a: {}, mover: {} } }).operations);
    const [a, first] = await weftLab().plug(['a', 'hv1'], ['mover', 'hv1']);
    assert.ok(a !== undefined && first !== undefined);
    const probe = await PingProbe.start(a, first.address(4), PACKETS_PER_SECOND);
    const second = await weftLab().moveLive(first, 'hv2');
    await sleep(500);
    const third = await weftLab().moveLive(second, 'hv1');
    const result = await probe.stop();
    print('two live moves, there and back again', result);
    const arrived = await Promise.all([first, second, third].map(each => each.echoRequests()));
    const lost = result.transmitted - arrived.reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `    on the way to it: ${lost} of ${result.transmitted} lost; ${arrived.join(' + ')} arrived\n`,
    );
    for (const { name } of weftLab().lab.hypervisors) {
      const drops = (await weftLab().drops(name)).map(({ reason, packets }) => `${packets} ${reason}`);
      process.stdout.write(`    ${name} dropped: ${drops.join(', ')}\n`);
    }
    // Where it was it may not speak any more, so a move costs answers for as long as the caches of an emulated processor lag
    // behind the tables; on the way to it, only what followed another host's cache.
    assert.ok(arrived.every(count => count > 0) && lost < result.transmitted / 100);
  });

  it('loses no packet and changes no flow when Weft is killed and started again', async () => {
    const near = planSwitch({ name: 'near', ports: { a: {}, b: {} } });
    const far = planSwitch({ name: 'far', ports: { c: {} } });
    await weftLab().build([...near.operations, ...far.operations, ...planRouter('r', [near, far]).operations]);
    const [a, b, c] = await weftLab().plug(['a', 'hv1'], ['b', 'hv2'], ['c', 'hv2']);
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const { weft, lab } = weftLab();
    const before = await Promise.all(lab.hypervisors.map(readSwitchState));
    const probes = [
      await PingProbe.start(a, b.address(4), PACKETS_PER_SECOND),
      await PingProbe.start(b, c.address(6), PACKETS_PER_SECOND / 10),
    ];
    await sleep(1000);
    const restartedAt = performance.now();
    await weft.stop('SIGKILL');
    const said = await Promise.all(lab.hypervisors.map(async hypervisor => (await hypervisor.log()).length));
    await weft.start();
    await weftLab().settled();
    await sleep(NEIGHBOUR_CYCLE_MS);
    for (const hypervisor of lab.hypervisors) {
      const elapsedS = (performance.now() - restartedAt) / 1000;
      const youngestS = await youngestFlowS(hypervisor);
      assert.ok(
        youngestS > elapsedS,
        `${hypervisor.name} holds a flow ${youngestS} s old, ${elapsedS} s after the restart`,
      );
    }
    const results = await Promise.all(probes.map(probe => probe.stop()));
    for (const [index, hypervisor] of lab.hypervisors.entries()) {
      const [state] = before.slice(index);
      assert.ok(state !== undefined);
      const changed = differences(state, await readSwitchState(hypervisor)).filter(line => !LEARNED.test(line));
      assert.deepEqual(changed, []);
    }
    await weft.stop();
    for (const [index, hypervisor] of lab.hypervisors.entries()) {
      assert.doesNotMatch((await hypervisor.log()).slice(said[index]), /flow_mods/);
    }
    await weft.start();
    await weftLab().settled();
    for (const result of results) print('kill -9 of Weft and its restart', result);
    for (const result of results) assert.equal(result.lost, 0);
  });

  it('goes on with the flows that it knows while ovs-vswitchd is away', async () => {
    await weftLab().build(planSwitch({ name: 's', ports: { a: {}, b: {} } }).operations);
    const [a, b] = await weftLab().plug(['a', 'hv1'], ['b', 'hv2']);
    assert.ok(a !== undefined && b !== undefined);
    const hypervisor = weftLab().hypervisor('hv1');
    const away = await PingProbe.start(a, b.address(4), PACKETS_PER_SECOND);
    await sleep(500);
    await hypervisor.killSwitch();
    await sleep(4_000);
    const result = await away.stop();
    print('ovs-vswitchd of the sender away for 4 s', result);
    const back = await PingProbe.start(a, b.address(4), PACKETS_PER_SECOND);
    await hypervisor.startSwitch();
    await weftLab().settled();
    const recovery = await back.stop();
    print('its start, until Weft has filled it again', recovery);
    assert.equal(result.lost, 0);
    assert.ok(recovery.lost < recovery.sent, 'traffic is back');
    // What came back is in force for new connections too.
    const after = await PingProbe.start(b, a.address(6), 10);
    assert.equal((await after.stop()).lost, 0);
  });
});
