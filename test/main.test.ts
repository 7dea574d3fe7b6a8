/** The controller as a process: what it says at the start, and that it ends when it is told to. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'main.js');

interface Run {
  readonly status: number | null;
  readonly log: string;
}

/** Runs it until it has logged `until` (then asks it to stop) or has ended. */
async function run(
  options: Readonly<Record<string, string>>,
  until?: { readonly line: RegExp; readonly check: (log: string) => Promise<void> },
): Promise<Run> {
  const env = { PATH: process.env['PATH'], ...options };
  const child = spawn(process.execPath, [program], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'close');
  let log = '';
  const seen = new Promise<void>(resolve => {
    child.stderr.on('data', chunk => {
      log += String(chunk);
      if (until?.line.test(log) === true) resolve();
    });
  });
  if (until !== undefined) {
    try {
      await Promise.race([seen, ended]);
      await until.check(log);
    } finally {
      child.kill('SIGTERM');
    }
  }
  await ended;
  return { status: child.exitCode, log };
}

describe('The controller', () => {
  let directory: string;
  let options: Record<string, string>;
  // One data directory for all: the second start finds the database that the first has made, which took it seconds.
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'weft-main-'));
    options = {
      WEFT_DATA_DIR: directory,
      WEFT_HTTP_LISTEN: '127.0.0.1:0',
      WEFT_OVSDB_LISTEN: 'tcp:127.0.0.1:0',
      WEFT_OPENFLOW_LISTEN: 'tcp:127.0.0.1:0',
      WEFT_PUNT_LISTEN: 'tcp:127.0.0.1:0',
    };
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('starts without a warning, answers who has the token, and stops when asked', async () => {
    const { status, log } = await run(
      { ...options, WEFT_AUTH: 'token' },
      {
        line: /is ready"/,
        check: async text => {
          const [, address = ''] = /"address":"([^"]+)"/.exec(text) ?? [];
          const tokenFile = join(directory, 'admin-token');
          const token = (await readFile(tokenFile, 'utf8')).trim();
          assert.equal((await stat(tokenFile)).mode & 0o777, 0o600);
          assert.ok(!text.includes(token), 'the token is in no log');
          const headers = { authorization: `Bearer ${token}` };
          const ready = (await (await fetch(`${address}/readyz`, { headers })).json()) as Record<string, unknown>;
          assert.deepEqual(
            [ready['ready'], ready['problems'], ready['durability'], ready['role']],
            [true, [], 'process-crash', 'active'],
          );
          assert.equal((await fetch(`${address}/v1/subnets`)).status, 401);
          assert.equal((await fetch(`${address}/v1/subnets`, { headers })).status, 200);
        },
      },
    );
    assert.equal(status, 0, log);
    const lines = log.trimEnd().split('\n');
    // Every line is structured, and none is a warning.
    for (const line of lines) assert.match(line, /^\{"level":30,/);
  }).timeout(180_000);

  it('ends with status 1 and says why when its embedded database fails, and comes back with all that was acknowledged', async function () {
    this.timeout(180_000);
    const preload = join(dirname(program), '..', '..', 'test', 'fixtures', 'kill-database-worker.cjs');
    const child = spawn(process.execPath, ['--require', preload, program], {
      env: { PATH: process.env['PATH'], ...options },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const ended = once(child, 'close');
    let log = '';
    const address = await new Promise<string>(resolve => {
      child.stderr.on('data', chunk => {
        log += String(chunk);
        const [, found] = /"address":"([^"]+)".*is ready"/.exec(log) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ name: 'kept' });
    assert.equal((await fetch(`${address}/v1/logical-switches`, { method: 'POST', headers, body })).status, 201);
    child.kill('SIGUSR2');
    await ended;
    assert.equal(child.exitCode, 1);
    assert.match(log, /the embedded database has failed/);
    await run(options, {
      line: /is ready"/,
      check: async text => {
        const [, again = ''] = /"address":"([^"]+)"/.exec(text) ?? [];
        const { items } = (await (await fetch(`${again}/v1/logical-switches`)).json()) as { items: { name: string }[] };
        assert.deepEqual([...new Set(items.map(({ name }) => name))], ['kept']);
      },
    });
  });

  it('lists every fault of its configuration at once, and does not start', async () => {
    const faulty = { ...options, WEFT_HTTP_LISTEN: '0.0.0.0:8080', WEFT_UNDERLAY_MTU: 'x', WEFT_LOG_LEVEL: 'loud' };
    const { status, log } = await run(faulty);
    assert.equal(status, 2);
    for (const name of ['WEFT_AUTH', 'WEFT_UNDERLAY_MTU', 'WEFT_LOG_LEVEL']) assert.match(log, new RegExp(name));
  }).timeout(20_000);

  it('says what it cannot do, and ends with a status', async () => {
    const nowhere = 'postgres://nobody:secret-word@127.0.0.1:1/none';
    const { status, log } = await run({ ...options, WEFT_DATABASE_URL: nowhere });
    assert.equal(status, 1);
    assert.match(log, /Weft cannot start/);
    assert.doesNotMatch(log, /secret-word/, 'a password is in no log');
  }).timeout(30_000);
});
