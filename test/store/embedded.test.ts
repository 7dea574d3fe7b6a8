import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lockDataDirectory } from '../../src/store/data-directory-lock.js';
import { spawnWriter } from '../fixtures/writer-process.js';
import { context, openTestStore } from '../fixtures/stores.js';

describe('The embedded database', function () {
  this.timeout(60_000);
  let dataDirectory = '';
  before(() => {
    // A long path: that of a Unix socket is limited to 107 bytes.
    dataDirectory = join(mkdtempSync(join(tmpdir(), 'weft-data-')), 'a'.repeat(60), 'b'.repeat(60));
  });
  after(() => rmSync(join(dataDirectory, '..', '..'), { recursive: true, force: true }));

  it('keeps every acknowledged write when the process is killed, and no half of one', async () => {
    const child = spawnWriter({ WRITER_DATA_DIRECTORY: dataDirectory });
    const acknowledged: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(line);
      if (acknowledged.length !== 40) continue;
      await assert.rejects(lockDataDirectory(dataDirectory), { code: 'data_directory_in_use' });
      child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const store = await openTestStore({ dataDirectory });
    assert.equal(store.durability, 'process-crash');
    const { rows } = await store.list('logical-switch-ports', { limit: 1000 });
    const ids = new Set(rows.map(row => row.id));
    for (const id of acknowledged) assert.ok(ids.has(id), 'an acknowledged write is lost');
    assert.equal(rows.length % 2, 0);
    assert.equal(await store.currentRevision(), 1 + rows.length / 2);
    await assert.rejects(openTestStore({ dataDirectory }), { code: 'data_directory_in_use' });
    await store.write(context, tx => tx.create('logical-routers', { name: 'r' }));
    await store.close();
  });

  it('is locked for one process at a time, and free again after', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'weft-lock-'));
    const lock = await lockDataDirectory(directory);
    await assert.rejects(lockDataDirectory(directory), { code: 'data_directory_in_use' });
    await lock.release();
    await (await lockDataDirectory(directory)).release();
    rmSync(directory, { recursive: true });
  });
});
