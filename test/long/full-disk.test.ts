/** The disk under the embedded database is full: writes are refused, all else goes on, and nothing that was acknowledged is lost. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, run } from '../../lab/processes.js';
import { type RestObject, WeftReplyError } from '../../lab/weft-client.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import { requires } from '../fixtures/requires.js';

const diskMegabytes = 256;

describe('full disk under the embedded database', function () {
  this.timeout(300_000);
  let directory = '';
  let weft: WeftProcess | null = null;

  before(async function () {
    requires(this, { root: true });
    directory = mkdtempSync(join(tmpdir(), 'weft-disk-'));
    await run(['mount', '-t', 'tmpfs', '-o', `size=${diskMegabytes}m`, 'tmpfs', directory]);
    const home = join(directory, 'home');
    mkdirSync(home);
    weft = new WeftProcess({ directory: home, httpPort: await freePort(), controller: await freeControllerPorts() });
    await weft.start();
  });

  after(async () => {
    await weft?.stop('SIGKILL');
    if (directory === '') return;
    await run(['umount', directory]);
    rmSync(directory, { recursive: true });
  });

  it('refuses writes, answers reads, and takes writes again when there is room', async () => {
    assert.ok(weft !== null);
    const { client, pid } = weft;
    const acknowledged: string[] = [];
    const write = async (): Promise<void> => {
      const id = randomUUID();
      // Long, so that what is left of the disk is soon used up.
      const labels = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`l${n}`, randomUUID()]));
      await client.create<RestObject>('logical-switches', { id, name: `s-${id}`, labels });
      acknowledged.push(id);
    };
    for (let count = 0; count < 20; count += 1) await write();

    const filler = join(directory, 'filler');
    const { bavail, bsize } = statfsSync(directory);
    writeFileSync(filler, Buffer.alloc(Math.max(0, bavail * bsize - 4096)));
    const refusals: unknown[] = [];
    for (let count = 0; count < 5_000 && refusals.length < 5; count += 1) {
      await write().catch((error: unknown) => refusals.push(error));
    }
    assert.equal(refusals.length, 5, 'the disk is full');
    for (const error of refusals) {
      assert.ok(error instanceof WeftReplyError, `no answer: ${String(error)}`);
      assert.ok([503, 507].includes(error.status), `${error.status} ${JSON.stringify(error.body)}`);
    }
    const ids = async (): Promise<ReadonlySet<string>> =>
      new Set((await client.list('logical-switches')).map(({ id }) => id));
    const lost = async (): Promise<readonly string[]> => {
      const present = await ids();
      return acknowledged.filter(id => !present.has(id));
    };
    assert.deepEqual(await lost(), []);

    rmSync(filler);
    await eventually(
      'it takes writes again',
      () =>
        write().then(
          () => true,
          () => false,
        ),
      30_000,
      200,
    );
    assert.equal(weft.pid, pid);
    assert.deepEqual(await lost(), []);
    await weft.stop('SIGKILL');
    await weft.start();
    assert.deepEqual(await lost(), []);
    await write();
  });
});
