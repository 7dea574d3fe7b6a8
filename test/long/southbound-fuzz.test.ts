/** A minute of hostile peers beside real hosts, one of them admitted: memory is flat, and ports come up meanwhile. */
import assert from 'node:assert/strict';
import { admitEnemy, forget, fuzzBesideRealHost } from '../fixtures/fuzzed-lab.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { WeftLab } from '../fixtures/weft-lab.js';

/** Of a heap that V8 lets grow by half before it looks, and of what connections that do not read leave in the kernel's hands. */
const allowedGrowthMb = 64;

describe('a minute of hostile peers', function () {
  this.timeout(300_000);
  let weftLab: WeftLab | null = null;
  before(async function () {
    this.timeout(120_000);
    requires(this, { root: true, tools: LAB_TOOLS });
    weftLab = await WeftLab.create({ hypervisors: 2 });
  });
  after(() => weftLab?.remove());

  it('leaves memory flat', async () => {
    assert.ok(weftLab !== null);
    const seed = Number(process.env['WEFT_FUZZ_SEED'] ?? 1);
    // What is needed once is there after the first seconds.
    const enemy = await admitEnemy(weftLab, seed);
    await fuzzBesideRealHost(weftLab, seed + 1, 5_000, [enemy]);
    await weftLab.client.deleteNetworks();
    for (const { name } of weftLab.lab.workloads) await weftLab.lab.removeWorkload(name);
    const [packets, bytesBefore] = [enemy.packets, enemy.bytes];
    const report = await fuzzBesideRealHost(weftLab, seed, 60_000, [enemy]);
    const sent = [enemy.packets - packets, (enemy.bytes - bytesBefore) / 1e6].map(Math.round);
    process.stdout.write(`    a host that is an enemy has sent ${sent[0]} packets, ${sent[1]} MB, meanwhile\n`);
    assert.ok(enemy.packets > packets);
    await forget(weftLab, enemy);
    const { connections, bytes, portsAdded, slowestPortMs, memoryMb } = report;
    const total = [...connections.values()].reduce((sum, count) => sum + count, 0);
    const rounded = memoryMb.map(Math.round);
    process.stdout.write(
      `    seed ${seed}: ${total} connections, ${Math.round(bytes / 1e6)} MB, ${portsAdded} ports added and up, the slowest in ${slowestPortMs} ms, resident MB: ${rounded.join(' ')}\n`,
    );
    const [first = 0] = memoryMb;
    const half = Math.floor(memoryMb.length / 2);
    const most = (list: readonly number[]): number => Math.max(...list);
    assert.ok(
      most(memoryMb.slice(half)) - most(memoryMb.slice(0, half)) < allowedGrowthMb / 2,
      'it does not go on growing',
    );
    assert.ok((memoryMb.at(-1) ?? 0) - first < allowedGrowthMb, 'what it took is given back');
    await weftLab.reset();
  });
});
