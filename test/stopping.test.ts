/** Weft as a process: it ends when it is told to, whatever it is connected to. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { sharedPostgres } from './fixtures/postgres.js';

const program = fileURLToPath(new URL('../src/main.js', import.meta.url));
const anywhere = '127.0.0.1:0';

describe('a Weft that is told to end', function () {
  this.timeout(60_000);
  const directories: string[] = [];
  const processes: ChildProcess[] = [];
  after(() => {
    for (const each of processes) each.kill('SIGKILL');
    for (const each of directories) rmSync(each, { recursive: true, force: true });
  });

  async function start(environment: Readonly<Record<string, string>>): Promise<{ weft: ChildProcess; url: string }> {
    const directory = mkdtempSync(path.join(tmpdir(), 'weft-stopping-'));
    directories.push(directory);
    const listeners = {
      WEFT_HTTP_LISTEN: anywhere,
      WEFT_OVSDB_LISTEN: `tcp:${anywhere}`,
      WEFT_OPENFLOW_LISTEN: `tcp:${anywhere}`,
      WEFT_PUNT_LISTEN: `tcp:${anywhere}`,
    };
    const env = { ...process.env, ...listeners, WEFT_DATA_DIR: directory, ...environment };
    const weft = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    processes.push(weft);
    for await (const line of createInterface({ input: weft.stderr })) {
      const { address } = JSON.parse(line) as { address?: string };
      if (address === undefined) continue;
      weft.stderr.resume();
      return { weft, url: address };
    }
    return assert.fail('it does not start');
  }

  async function end(weft: ChildProcess, withinMs: number): Promise<void> {
    const startMs = performance.now();
    const exited = once(weft, 'exit', { signal: AbortSignal.timeout(withinMs + 5_000) });
    weft.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < withinMs, `it took ${Math.round(tookMs)} ms`);
  }

  it('does so at once, though somebody watches', async function () {
    const postgres = await sharedPostgres();
    if (postgres === null) return this.skip();
    const { weft, url } = await start({ WEFT_DATABASE_URL: await postgres.createDatabase() });
    const watch = await fetch(`${url}/v1/watch`);
    assert.equal(watch.status, 200);
    const read = watch.text();
    await end(weft, 4_000);
    await read;
  });

  it('does so when its database hangs', async function () {
    const postgres = await sharedPostgres();
    if (postgres === null) return this.skip();
    const { weft } = await start({ WEFT_DATABASE_URL: await postgres.createDatabase() });
    const thaw = postgres.freeze();
    try {
      await end(weft, 10_000);
    } finally {
      thaw();
    }
  });
});
