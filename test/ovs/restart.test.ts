/** The controller is killed again and again under traffic and writes: packets do not notice, and no acknowledged write is lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Hypervisor } from '../../lab/hypervisor.js';
import { ping, Probe } from '../../lab/probe.js';
import { WeftReplyError } from '../../lab/weft-client.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';
import { WeftLab } from '../fixtures/weft-lab.js';

const WRITES_PER_SECOND = 10;

/** Writes ports at a steady rate until stopped, whether or not there is anybody to write to. */
class Writer {
  readonly acknowledged: string[] = [];
  private readonly inFlight = new Set<Promise<void>>();
  private readonly timer: NodeJS.Timeout;

  constructor(weftLab: WeftLab, switchId: string) {
    this.timer = setInterval(() => {
      const id = randomUUID();
      const writing = weftLab.client
        .create('logical-switch-ports', { id, name: `written-${id}`, logical_switch_id: switchId })
        .then(
          () => void this.acknowledged.push(id),
          (error: unknown) => {
            // Nobody there, cut off, or not ready yet: not acknowledged. A refusal of the content would be a fault.
            if (error instanceof WeftReplyError && error.status < 500) throw error;
          },
        )
        .finally(() => this.inFlight.delete(writing));
      this.inFlight.add(writing);
    }, 1000 / WRITES_PER_SECOND);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await Promise.all(this.inFlight);
  }
}

/** Seconds since each flow and group was put in, as the switch says; the smallest. */
async function youngest(hypervisor: Hypervisor): Promise<number> {
  const groups = await hypervisor.openVswitch.ofctl('dump-group-stats', 'br-int');
  const text = [...(await hypervisor.flows()), groups].join('\n');
  const durations = [...text.matchAll(/duration=([0-9.]+)s/g)].map(match => Number(match[1]));
  assert.ok(durations.length > 0);
  return Math.min(...durations);
}

/** `npm run test:long` has it do this twenty times. */
const KILLS = Number(process.env['WEFT_KILLS'] ?? 3);

/** Production's database, and the embedded one: that has its files locked and recovered at each start. */
const CASES = [
  { title: 'restart of the controller', kills: KILLS },
  { title: 'restart of the controller with its embedded database', kills: Math.ceil(KILLS / 3), database: 'embedded' },
] as const;

for (const { title, kills, ...options } of CASES) {
  describe(title, function () {
    this.timeout(400_000);
    let weftLab: WeftLab | null = null;

    before(async function () {
      requires(this, { root: true, tools: LAB_TOOLS });
      weftLab = await WeftLab.create({ hypervisors: 2, ...options });
    });

    after(() => weftLab?.remove());

    it(`${kills} times by kill -9 under traffic and writes loses no packet and no acknowledged write`, async () => {
      assert.ok(weftLab !== null);
      // Where it is tried again, with what the first try has left.
      await weftLab.reset();
      const { weft, client } = weftLab;
      const near = planSwitch({ name: 'near', ports: { a: {}, b: {} } });
      const far = planSwitch({ name: 'far', ports: { c: {} } });
      await weftLab.build([...near.operations, ...far.operations, ...planRouter('r', [near, far]).operations]);
      const [a, b, c] = await weftLab.plug({ a: 'hv1', b: 'hv2', c: 'hv2' });
      assert.ok(a !== undefined && b !== undefined && c !== undefined);
      for (const to of [b, c]) assert.equal((await ping(a, to.address(4))).received, 3);
      const probes = [
        await Probe.start({ from: a, to: b }),
        await Probe.start({ from: a, to: c, packetsPerSecond: 100 }),
      ];
      const writer = new Writer(weftLab, near.id);
      for (let kill = 0; kill < kills; kill += 1) {
        // At another moment of the writes each time: some are inside a bundle.
        await sleep(600 + ((kill * 37) % 200));
        await weft.stop('SIGKILL');
        await weft.start();
      }
      await client.hypervisorsReady(['hv1', 'hv2']);
      await writer.stop();
      for (const probe of probes) {
        const { sent, lost, duplicates, longestGapMs } = await probe.stop();
        process.stdout.write(
          `    ${lost} of ${sent} packets lost over ${kills} kills, longest gap ${longestGapMs} ms\n`,
        );
        assert.equal(lost, 0, `lost ${lost} of ${sent}, longest gap ${longestGapMs} ms`);
        assert.equal(duplicates, 0);
      }
      const present = new Set((await client.list('logical-switch-ports')).map(({ id }) => id));
      assert.ok(writer.acknowledged.length > kills, `${writer.acknowledged.length} writes were acknowledged`);
      assert.deepEqual(
        writer.acknowledged.filter(id => !present.has(id)),
        [],
      );
      await client.converged();
    });

    it('with nothing changed touches no flow and no group', async () => {
      assert.ok(weftLab !== null);
      const { weft, client, lab } = weftLab;
      // A second try finds it stopped.
      if (!weft.isRunning) await weft.start();
      const logs = lab.hypervisors.map(({ openVswitch }) => {
        const file = join(openVswitch.directory, 'ovs-vswitchd.log');
        return { file, sizeBytes: statSync(file).size };
      });
      await sleep(1000);
      await weft.stop('SIGKILL');
      // What the killed one had sent is counted in the log when its connection ends.
      await sleep(500);
      for (const log of logs) log.sizeBytes = statSync(log.file).size;
      const restartedAt = performance.now();
      await weft.start();
      await client.hypervisorsReady(['hv1', 'hv2']);
      await client.converged();
      await sleep(2000);
      for (const hypervisor of lab.hypervisors) {
        const elapsedS = (performance.now() - restartedAt) / 1000;
        const youngestS = await youngest(hypervisor);
        assert.ok(
          youngestS > elapsedS,
          `${hypervisor.name} holds something ${youngestS} s old, ${elapsedS} s after the restart`,
        );
      }
      await weft.stop();
      await sleep(500);
      for (const { file, sizeBytes } of logs) {
        const said = readFileSync(file).subarray(sizeBytes).toString();
        assert.doesNotMatch(said, /flow_mods/);
      }
    });
  });
}
