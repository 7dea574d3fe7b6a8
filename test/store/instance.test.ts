import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { looksLikeUuid } from '../../src/model/value-types.js';
import { claimInstance } from '../../src/store/instance.js';

describe('The name of a Weft', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-instance-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is the same after a restart in the same data directory', async () => {
    const data = join(directory, 'made', 'at', 'the', 'start');
    const first = await claimInstance(data);
    assert.ok(looksLikeUuid(first.holder));
    await first.release();
    const second = await claimInstance(data);
    assert.equal(second.holder, first.holder);
    await second.release();
    const { mode } = await stat(join(data, 'instance', 'id'));
    assert.equal(mode & 0o777, 0o600);
  });

  it('is another one for a second Weft in the same directory', async () => {
    const first = await claimInstance(directory);
    const second = await claimInstance(directory);
    assert.notEqual(second.holder, first.holder);
    await second.release();
    const third = await claimInstance(directory);
    assert.notEqual(third.holder, first.holder, 'the first is still there');
    await third.release();
    await first.release();
    assert.equal((await readFile(join(directory, 'instance', 'id'), 'utf8')).trim(), first.holder);
  });

  it('is made anew where the file is damaged', async () => {
    const first = await claimInstance(directory);
    await first.release();
    await writeFile(join(directory, 'instance', 'id'), '\0\0\0');
    const second = await claimInstance(directory);
    assert.ok(looksLikeUuid(second.holder) && second.holder !== first.holder);
    await second.release();
  });
});
