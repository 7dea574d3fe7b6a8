/** The walk of the README, run as a reader would: every command of it, in one shell, against a Weft of its own. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../../lab/processes.js';
import { LabState } from '../../lab/state.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import { sharedPostgres } from '../fixtures/postgres.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const labName = `readme${process.pid}`;

/** The shell blocks after the marker, in order. */
function walkthrough(markdown: string): readonly string[] {
  const [, walk = ''] = markdown.split('<!-- walkthrough -->');
  return [...walk.matchAll(/^```sh\n(.*?)^```/gms)].map(match => match[1] ?? '');
}

/** What npx runs once it has found it, which takes it a second of a processor each time: for all calls but the first. */
const FOUND = 'npx() { [ "$1" = weft ]; shift; node dist/northbound/cli/weft.js "$@"; }';

describe('the README', function () {
  this.timeout(400_000);
  const directory = mkdtempSync(join(tmpdir(), 'weft-readme-'));
  let weft: WeftProcess;
  let environment: Record<string, string>;

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'curl'] });
    const [httpPort, controller] = [await freePort(), await freeControllerPorts()];
    // The walk of a newcomer begins with the embedded database; that one starts is what the demo shows.
    const databaseUrl = await (await sharedPostgres())?.createDatabase();
    weft = new WeftProcess({ directory, httpPort, controller, ...(databaseUrl === undefined ? {} : { databaseUrl }) });
    await weft.start();
    environment = {
      WEFT_URL: `http://127.0.0.1:${httpPort}`,
      WEFT_LAB: labName,
      WEFT_LAB_OVSDB_PORT: String(controller.ovsdb),
      WEFT_LAB_OPENFLOW_PORT: String(controller.openflow),
      WEFT_LAB_PUNT_PORT: String(controller.punt),
    };
  });

  after(async () => {
    await new LabState(labName).remove();
    await weft?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it('takes a reader from nothing to packets and back, each command succeeding', async () => {
    const blocks = walkthrough(readFileSync(join(root, 'README.md'), 'utf8'));
    assert.ok(blocks.length >= 5, 'the walk has its commands');
    const [first = '', ...others] = blocks;
    assert.match(first, /^npx weft [^\n]*\n$/, 'the first block is one call');
    const script = ['set -euo pipefail', `cd ${root}`, first, FOUND, ...others].join('\n');
    const { stdout } = await run(['bash', '--norc', '-c', script], { environment, timeoutMs: 300_000 });
    assert.equal([...stdout.matchAll(/, 0% packet loss/g)].length, 2, stdout);
    assert.match(stdout, /up on hv1/);
  });
});
