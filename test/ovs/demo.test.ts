/** `npm run demo -- --check`, as a newcomer runs it: it proves itself, and its status is the verdict. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { listNamespaces } from '../../lab/namespaces.js';
import { run } from '../../lab/processes.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';

describe('demo', function () {
  this.timeout(240_000);

  before(function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'busybox', 'dig', 'curl'] });
  });

  it('proves every step and leaves nothing behind', async () => {
    // Other tests run beside this one, with hypervisors of their own.
    const ofDemos = (): readonly string[] => listNamespaces().filter(name => name.startsWith('weft-check-'));
    const before = ofDemos();
    const program = fileURLToPath(new URL('../../lab/demo.js', import.meta.url));
    const { status, stdout, stderr } = await run([process.execPath, program, '--check'], {
      timeoutMs: 200_000,
      allowFailure: true,
    });
    assert.equal(status, 0, stdout + stderr);
    assert.deepEqual(ofDemos(), before);
  });
});
