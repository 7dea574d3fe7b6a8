import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { requires } from '../fixtures/requires.js';
import { type RestFixture, startRest } from '../northbound/rest/rest-fixture.js';

const page = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'docs', 'api.md');

describe('docs/api.md', () => {
  let rest: RestFixture;
  before(async function () {
    this.timeout(60_000);
    rest = await startRest();
  });
  after(() => rest.close());

  it('has commands that run as they are', async function () {
    requires(this, { tools: ['bash', 'curl'] });
    const blocks = [...readFileSync(page, 'utf8').matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
    assert.ok(blocks.length >= 6);
    const env = { PATH: process.env['PATH'], WEFT_URL: await rest.listen() };
    await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', blocks.join('\n')], { env });
  }).timeout(60_000);
});
