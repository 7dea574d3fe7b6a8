import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { HostProgress } from '../../../src/delivery/convergence.js';
import { describeRest } from '../rest/rest-fixture.js';

const program = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'northbound', 'cli', 'weft.js');

interface Result {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

async function collect(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

function start(url: string, args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [program, ...args], {
    env: { PATH: process.env['PATH'], WEFT_URL: url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(url: string, ...args: string[]): Promise<Result> {
  const child = start(url, args);
  const ended = once(child, 'close');
  const [out, err] = await Promise.all([collect(child.stdout), collect(child.stderr)]);
  await ended;
  return { status: child.exitCode, out, err };
}

describeRest('the command line client', rest => {
  let url: string;
  before(async () => {
    url = await rest().listen();
  });
  const weft = (...args: string[]): Promise<Result> => run(url, ...args);
  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const { status, out, err } = await weft('-o', 'json', ...args);
    assert.equal(status, 0, err);
    return JSON.parse(out) as Record<string, unknown>;
  };

  it('says whether a packet would pass, and what rules have decided', async () => {
    const tag = randomUUID().slice(0, 8);
    await json('create', 'logical-switch', `v-${tag}`);
    await json('create', 'sn', '--logical-switch', `v-${tag}`, '--cidr', '10.9.0.0/24');
    for (const [name, ip] of [
      [`from-${tag}`, '10.9.0.5'],
      [`to-${tag}`, '10.9.0.6'],
    ] as const)
      await json('create', 'lsp', name, '--logical-switch', `v-${tag}`, '--ips', ip);
    for (const command of ['verdict', 'explain']) {
      const { status, out, err } = await weft(command, `from-${tag}`, `to-${tag}`, '--protocol', 'tcp', '--port', '80');
      assert.equal(status, 4, err);
      assert.match(out, /^drop: source_not_bound\n  tcp from 10\.9\.0\.5 port 49152 to 10\.9\.0\.6 port 80\n/);
    }
    const wrong = await weft('verdict', `from-${tag}`, '10.9.0.6', '--protocol', 'icmp', '--port', '80');
    assert.equal(wrong.status, 1);
    assert.match(wrong.err, /icmp has no ports/);
    await json('create', 'sg', `group-${tag}`);
    await json('create', 'sgr', '--security-group', `group-${tag}`, '--direction', 'ingress');
    const { out } = await weft('counters', 'sg', `group-${tag}`);
    assert.match(out, /^0 packets, 0 bytes\n\nSECURITY_GROUP_RULE_ID +DIRECTION +ACTION/);
    const log = await weft('log', `group-${tag}`);
    assert.match(log.out, /^AT +VERDICT +DIRECTION +PROTOCOL/, log.err);
  }).timeout(120_000);

  it('creates, lists, shows, changes and deletes, by name and in every spelling of the noun', async () => {
    const tag = randomUUID().slice(0, 8);
    const net = await json('create', 'logical-switch', `net-${tag}`, '--labels', 'tier=web', '--mtu', '1400');
    assert.deepEqual([net['mtu'], net['labels']], [1400, { tier: 'web' }]);
    const subnet = await json('create', 'sn', '--logical-switch', `net-${tag}`, '--cidr', '10.0.0.0/24', '--wait');
    assert.equal(subnet['logical_switch_id'], net['id']);
    const made = await weft('create', 'lsp', `port-${tag}`, '--logical-switch', `net-${tag}`, '--ips', '10.0.0.7');
    assert.equal(made.status, 0, made.err);
    assert.match(made.out, /^logical_switch_id +[0-9a-f-]{36}$/m);

    const listed = await weft('list', 'logical-switch-ports', '--logical-switch', `net-${tag}`);
    const [head = '', row = '', ...more] = listed.out.trimEnd().split('\n');
    assert.match(head, /^ID +NAME +LOGICAL_SWITCH_ID +MAC +IPS +ENABLED +HYPERVISOR +STATUS$/);
    assert.match(row, new RegExp(`port-${tag} .* 10\\.0\\.0\\.7 .* unbound$`));
    assert.deepEqual(more, []);

    const changed = await json('set', 'logical-switch-port', `port-${tag}`, '--enabled', 'false');
    assert.equal(changed['enabled'], false);
    const shown = await json('show', 'lsp', String(changed['id']));
    assert.deepEqual([shown['name'], shown['enabled']], [`port-${tag}`, false]);
    const labelled = await weft('list', 'ls', '--label', 'tier=web', '--name', `net-${tag}`, '-o', 'json');
    assert.equal((JSON.parse(labelled.out) as unknown[]).length, 1);

    const used = await weft('delete', 'ls', `net-${tag}`);
    assert.equal(used.status, 1);
    assert.match(used.err, /^weft: .*\(in_use\)$/m);
    assert.match(used.err, /logical-switch-ports [0-9a-f-]{36} port-/);
    const gone = await weft('delete', 'ls', `net-${tag}`, '--cascade');
    assert.deepEqual([gone.status, gone.out, gone.err], [0, '', '']);
    const absent = await weft('show', 'ls', `net-${tag}`);
    assert.deepEqual([absent.status, absent.err], [1, `weft: no logical-switch is named "net-${tag}"\n`]);
  }).timeout(120_000);

  it('says on stderr what was refused, where, and what to do; exit status 1', async () => {
    const refused = await weft('create', 'logical-switch', 'n', '--mtu', '100');
    assert.deepEqual([refused.status, refused.out], [1, '']);
    assert.match(refused.err, /^weft: 100 is not between 576 and 65521\. \(out_of_range at \/mtu\)\n {6}\S/);
    const unknown = await weft('create', 'cloud', 'n');
    assert.equal(unknown.status, 1);
    assert.match(unknown.err, /unknown command 'cloud'/);
    const broken = await weft('create', 'logical-switch', 'n', '--labels', '{"a":');
    assert.equal(broken.status, 1);
    assert.match(broken.err, /^weft: --labels: /);
  }).timeout(120_000);

  it('ends with 2 when the controller cannot be reached', async () => {
    const { status, out, err } = await run('http://127.0.0.1:1', 'list', 'subnets');
    assert.deepEqual([status, out], [2, '']);
    assert.match(err, /^weft: the controller cannot be reached: /);
  }).timeout(120_000);

  it('ends with 3 when a write is not applied in time, which it says', async () => {
    const host: HostProgress = {
      hypervisorId: 'h',
      name: 'hv-late',
      isConnected: true,
      isBehind: true,
      appliedRevision: 0,
      isPending: () => true,
      hasFailures: false,
      failures: () => [],
    };
    rest().fleet.convergence.track(host);
    try {
      const made = await weft('create', 'lr', 'late-router', '--wait', '50', '-o', 'json');
      assert.equal(made.status, 3, made.err);
      const { pending, revision } = JSON.parse(made.out) as { pending: unknown; revision: number };
      assert.deepEqual(pending, [{ name: 'hv-late', reason: 'not_acknowledged' }]);
      const waited = await weft('wait', String(revision), '--timeout', '100');
      assert.equal(waited.status, 3, waited.err);
      assert.match(waited.out, /hv-late/);
    } finally {
      rest().fleet.convergence.untrack('h');
    }
    const settled = await weft('wait');
    assert.equal(settled.status, 0, settled.err);
  }).timeout(120_000);

  it('watches', async () => {
    const since = String(await rest().store.currentRevision());
    const child = start(url, ['watch', 'logical-routers', '--since', since]);
    let out = '';
    const seen = new Promise<void>(resolve => {
      child.stdout?.on('data', chunk => {
        out += String(chunk);
        if (out.includes('\n')) resolve();
      });
    });
    const { id } = await rest().create('logical-routers', { name: 'seen' });
    await seen;
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.match(out, new RegExp(`^\\d+  created  logical-routers  ${id}  seen$`, 'm'));
  }).timeout(120_000);

  it('explains itself', async () => {
    const help = await weft('--help');
    assert.equal(help.status, 0);
    for (const word of ['create', 'list', 'show', 'set', 'delete', 'wait', 'watch', 'drops', 'lab'])
      assert.match(help.out, new RegExp(`^ {2}${word}\\b`, 'm'));
    const verb = await weft('create', 'logical-router-port', '--help');
    for (const flag of ['--logical-router-id', '--networks', '--peer-id', '--wait'])
      assert.ok(verb.out.includes(flag), flag);
  }).timeout(120_000);

  it('makes tokens, prints their secret once, lists and revokes them', async function () {
    this.timeout(120_000);
    const name = `token-${randomUUID().slice(0, 8)}`;
    const scopes = ['--scope', 'subnets', 'metrics:read'];
    const made = await weft('token', 'create', name, '--role', 'reader', '--expires', '30d', ...scopes);
    assert.equal(made.status, 0, made.err);
    assert.match(made.out, /\nweft_[A-Za-z0-9_-]{43}\n$/);
    const [listed] = (JSON.parse((await weft('-o', 'json', 'token', 'list')).out) as Record<string, unknown>[]).filter(
      each => each['name'] === name,
    );
    assert.deepEqual([listed?.['role'], listed?.['scopes']], ['reader', ['subnets', 'metrics:read']]);
    const days = (Date.parse(String(listed?.['expires_at'])) - Date.now()) / 86_400_000;
    assert.ok(days > 29 && days <= 30, `${days}`);
    assert.equal((await weft('token', 'revoke', name)).status, 0);
    const { body } = await rest().request('GET', `/v1/tokens?name=${name}`);
    assert.deepEqual(body, { items: [] });
  });
});
