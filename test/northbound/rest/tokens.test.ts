/** Tokens, quotas, sharing and the audit, over a server that knows its callers by real tokens. */
import assert from 'node:assert/strict';
import { WeftClient } from '../../../northbound/client/client.js';
import { RateLimit } from '../../../northbound/rest/rate-limit.js';
import { TokenAuthenticator } from '../../../northbound/rest/token-authenticator.js';
import { systemClock } from '../../../src/base/clock.js';
import { ManualClock } from '../../fakes/manual-clock.js';
import { bearers } from './bearers.js';
import { assertProblem, type Json, type RestFixture, startRest } from './rest-fixture.js';

const firstToken = 'the-token-of-the-file-that-is-long';

describe('REST: a server that knows its callers', function () {
  this.timeout(60_000);
  let rest: RestFixture;
  let skewMs = 0;
  const used: string[] = [];
  const clock = { wallTime: () => new Date(systemClock.wallTime().getTime() + skewMs) };
  before(async () => {
    rest = await startRest({
      authenticator: view =>
        new TokenAuthenticator({ view, clock, firstToken, onUse: id => used.push(id), foreign: null }),
      rateLimit: new RateLimit(systemClock, 100_000),
      trustedProxies: ['127.0.0.1'],
      store: { auth: 'token', quotas: new Map([['logical-switches', 3]]) },
    });
  });
  after(() => rest.close());

  const { as, admin, make, token, member } = bearers(() => rest, firstToken);

  it('shows the secret of a token once, and keeps its hash only', async () => {
    const { id, secret } = await token({ role: 'reader', project_id: 'once' });
    assert.match(secret, /^weft_[A-Za-z0-9_-]{43}$/);
    const replies = [await admin('GET', `/v1/tokens/${id}`), await admin('GET', '/v1/tokens')];
    const patched = await admin('PATCH', `/v1/tokens/${id}`, { name: 'renamed' });
    assert.equal(patched.status, 200);
    for (const { text } of [...replies, patched]) {
      assert.ok(!text.includes(secret));
      assert.doesNotMatch(text, /"(secret|digest)"/);
    }
    const { rows } = await rest.store.list('tokens', { limit: 100 });
    assert.ok(!JSON.stringify(rows).includes(secret));
    const changes = await rest.store.changesSince(0, 1_000);
    assert.ok(typeof changes !== 'string' && !JSON.stringify(changes.changes).includes(secret));
  });

  it('lets a token in until it is revoked or has expired', async () => {
    const { id, secret } = await token({ role: 'reader', project_id: 'brief' });
    assert.equal((await as(secret)('GET', '/v1/subnets')).status, 200);
    assert.ok(used.includes(id));
    const revoked = await admin('DELETE', `/v1/tokens/${id}`);
    await rest.context.state.reach(Number(revoked.headers['weft-revision']));
    const refused = await as(secret)('GET', '/v1/subnets');
    assertProblem(refused, 401, 'unauthenticated');
    assert.equal(refused.headers['www-authenticate'], 'Bearer realm="weft", error="invalid_token"');

    const expires_at = new Date(Date.now() + 60_000).toISOString();
    const brief = await token({ role: 'reader', project_id: 'brief', expires_at });
    assert.equal((await as(brief.secret)('GET', '/v1/subnets')).status, 200);
    skewMs = 60_000;
    assertProblem(await as(brief.secret)('GET', '/v1/subnets'), 401, 'unauthenticated');
    skewMs = 0;
  });

  it('says who wrote, as whom and from where, to operators; a tenant hears of its own', async () => {
    const { id, secret } = await token({ name: 'deployer', role: 'member', project_id: 'audited' });
    const proxied = as(secret, { 'x-forwarded-for': '203.0.113.9' });
    const written = await proxied('POST', '/v1/logical-switches', { name: 's' });
    const path = `/v1/revisions/${String(written.headers['weft-revision'])}`;
    const { by, from } = (await admin('GET', path)).body;
    assert.equal(by, 'deployer');
    assert.deepEqual(from, { subject: id, project_id: 'audited', remote_address: '203.0.113.9', source: 'rest' });
    const own = (await proxied('GET', path)).body;
    assert.deepEqual([own['by'], own['from'], own['changes']], ['deployer', undefined, 1]);
    const byAdmin = await admin('PATCH', `/v1/logical-switches/${String(written.body['id'])}`, { name: 'by admin' });
    const told = await proxied('GET', `/v1/revisions/${String(byAdmin.headers['weft-revision'])}`);
    assert.deepEqual([told.status, told.body['by']], [200, null]);
    assertProblem(await (await member('other'))('GET', path), 404, 'revision_unknown');
  });

  it('holds a project to its quota, however many write at once', async () => {
    const crowd = await member('crowd');
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => crowd('POST', '/v1/logical-switches', { name: `s${n}` })),
    );
    const codes = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    assert.deepEqual(codes, [201, 201, 201, 409, 409, 409, 409, 409]);
    const refused = answers.find(({ status }) => status === 409);
    assert.ok(refused !== undefined);
    assert.match(String(assertProblem(refused, 409, 'quota_exceeded')['detail']), /quota of logical-switches/);
    const usage = (await crowd('GET', '/v1/usage')).body['items'] as Json[];
    assert.deepEqual(
      usage.find(({ kind }) => kind === 'logical-switches'),
      { project_id: 'crowd', kind: 'logical-switches', used: 3, limit: 3 },
    );

    const operations = [1, 2].map(n => ({ op: 'create', kind: 'logical-switches', value: { name: `t${n}` } }));
    const quota = await make('/v1/quotas', { project_id: 'crowd', limits: { 'logical-switches': 4 } });
    assertProblem(await crowd('POST', '/v1/transactions', { operations }), 409, 'quota_exceeded');
    assert.equal((await crowd('POST', '/v1/transactions', { operations: operations.slice(0, 1) })).status, 200);
    // Lowered below what is there, it lets the project shrink, and not grow again.
    assert.equal((await admin('PATCH', `/v1/quotas/${quota.id}`, { limits: { 'logical-switches': 1 } })).status, 200);
    const [first, second] = (await crowd('GET', '/v1/logical-switches')).body['items'] as Json[];
    assert.equal((await crowd('DELETE', `/v1/logical-switches/${String(first?.['id'])}`)).status, 204);
    assertProblem(await crowd('POST', '/v1/logical-switches', { name: 'more' }), 409, 'quota_exceeded');
    assert.equal((await crowd('PATCH', `/v1/logical-switches/${String(second?.['id'])}`, { name: 'x' })).status, 200);
    assertProblem(await admin('POST', '/v1/quotas', { project_id: 'crowd' }), 409, 'quota_exists');
    assertProblem(await crowd('PATCH', `/v1/quotas/${quota.id}`, { limits: {} }), 403, 'forbidden');
    const elsewhere = await member('elsewhere');
    assertProblem(await elsewhere('GET', `/v1/quotas/${quota.id}`), 404, 'not_found');
    assert.equal((await elsewhere('POST', '/v1/logical-switches', { name: 's' })).status, 201);
  });

  it('shares a logical switch: others see and use it, and no more', async () => {
    const [owner, guest, stranger] = [await member('owner'), await member('guest'), await member('stranger')];
    const subnets = [{ cidr: '10.1.0.0/24' }];
    const shared = await make('/v1/logical-switches', { name: 'lan', subnets, shared_with: ['guest'] }, owner);
    const path = `/v1/logical-switches/${shared.id}`;
    const seen = await guest('GET', path);
    assert.deepEqual([seen.status, (seen.body['subnets'] as Json[]).length], [200, 1]);
    assert.equal(((await guest('GET', '/v1/subnets')).body['items'] as Json[]).length, 1);
    assertProblem(await stranger('GET', path), 404, 'not_found');

    const port = { logical_switch_id: shared.id, name: 'p' };
    const mine = await make('/v1/logical-switch-ports', { ...port, ips: ['10.1.0.50'] }, owner);
    const theirs = await make('/v1/logical-switch-ports', port, guest);
    assertProblem(await stranger('POST', '/v1/logical-switch-ports', port), 400, 'reference_not_found');
    for (const [id, by] of [
      [mine.id, guest],
      [theirs.id, owner],
    ] as const)
      assertProblem(await by('GET', `/v1/logical-switch-ports/${id}`), 404, 'not_found');
    const taken = await guest('POST', '/v1/logical-switch-ports', { ...port, ips: ['10.1.0.50'] });
    assertProblem(taken, 409, 'address_in_use');
    assert.ok(!taken.text.includes(mine.id));

    for (const open of [
      { port_security: false },
      { unknown_macs: true },
      { allowed_addresses: [{ cidr: '0.0.0.0/0' }] },
    ])
      assertProblem(await guest('POST', '/v1/logical-switch-ports', { ...port, ...open }), 403, 'forbidden');
    const [subnet] = shared['subnets'] as Json[];
    for (const [method, of, body] of [
      ['PATCH', path, { name: 'mine' }],
      ['PATCH', path, { shared_with: ['guest', 'stranger'] }],
      ['DELETE', path, undefined],
      ['PATCH', `/v1/subnets/${String(subnet?.['id'])}`, { dhcp: false }],
    ] as const)
      assertProblem(await guest(method, of, body), 403, 'forbidden');
    const more = { logical_switch_id: shared.id, cidr: '10.2.0.0/24' };
    assertProblem(await guest('POST', '/v1/subnets', more), 400, 'reference_not_found');

    // The owner does not remove what others have, and learns no more than that they have it.
    for (const answer of [
      await owner('DELETE', path),
      await owner('DELETE', `${path}?cascade=true`),
      await owner('PATCH', path, { shared_with: [] }),
    ]) {
      assertProblem(answer, 409, 'in_use');
      assert.ok(!answer.text.includes(theirs.id), answer.text);
    }
    assert.equal((await owner('PATCH', path, { shared_with: ['*'] })).status, 200);
    assert.equal((await stranger('GET', path)).status, 200);
    assert.equal((await guest('DELETE', `/v1/logical-switch-ports/${theirs.id}`)).status, 204);
    assert.equal((await owner('PATCH', path, { shared_with: [] })).status, 200);
    assertProblem(await guest('GET', path), 404, 'not_found');
    assert.equal((await owner('DELETE', `${path}?cascade=true`)).status, 204);
  });

  it('tells those with whom a switch is shared of no other, in GET, lists and watch', async () => {
    const owner = await member('sharer');
    const { secret } = await token({ role: 'member', project_id: 'sharee' });
    const guest = as(secret);
    const shared_with = ['sharee', 'other-sharee', '*'];
    const made = await owner('POST', '/v1/logical-switches', { name: 'lan', shared_with });
    assert.equal(made.status, 201, made.text);
    const path = `/v1/logical-switches/${String(made.body['id'])}`;
    for (const by of [owner, admin]) assert.deepEqual((await by('GET', path)).body['shared_with'], shared_with);
    const seen = await guest('GET', path);
    assert.deepEqual(seen.body['shared_with'], ['sharee', '*']);
    const list = await guest('GET', '/v1/logical-switches');
    assert.ok(list.text.includes(String(made.body['id'])));
    assert.doesNotMatch(seen.text + list.text, /other-sharee/);

    const since = Number(made.headers['weft-revision']) - 1;
    const watching = new WeftClient({ url: await rest.listen(), token: secret });
    for await (const event of watching.events(`/v1/watch?since=${since}&kinds=logical-switches`)) {
      const { id, object } = event.data as Json;
      assert.deepEqual([id, (object as Json)['shared_with']], [made.body['id'], ['sharee', '*']]);
      break;
    }
  });

  it('lets an object keep what an admin made it refer to, and no other object of the transaction', async () => {
    const web = await member('web');
    const foreign = await make('/v1/logical-switches', { name: 'operators' });
    const port = { logical_switch_id: foreign.id, name: 'p' };
    const placed = await make('/v1/logical-switch-ports', { ...port, project_id: 'web' });
    const own = await make('/v1/logical-switches', { name: 'own' }, web);
    const group = await make('/v1/security-groups', { name: 'mine' }, web);
    const theirs = await make('/v1/security-groups', { name: 'theirs', project_id: 'db' });
    const rule = await make('/v1/security-group-rules', {
      security_group_id: group.id,
      direction: 'ingress',
      remote_group_id: theirs.id,
      project_id: 'web',
    });
    const merge = (kind: string, id: string) => ({ op: 'merge', kind, id, value: { labels: { seen: 'yes' } } });
    const create = (value: Json) => ({ op: 'create', kind: 'logical-switch-ports', value });
    const joined = { logical_switch_id: own.id, name: 'q', security_groups: [theirs.id] };
    for (const [first, second] of [
      [merge('logical-switch-ports', placed.id), create(port)],
      [merge('security-group-rules', rule.id), create(joined)],
    ] as const) {
      const together = await web('POST', '/v1/transactions', { operations: [first, second] });
      assert.equal(assertProblem(together, 400, 'reference_not_found').operation, 1);
      assertProblem(await web('POST', '/v1/logical-switch-ports', second.value), 400, 'reference_not_found');
      const alone = await web('POST', '/v1/transactions', { operations: [first] });
      assert.equal(alone.status, 200, alone.text);
    }
    // Nor does it see what its object refers to.
    const operations = [merge('logical-switch-ports', placed.id), merge('logical-switches', foreign.id)];
    assertProblem(await web('POST', '/v1/transactions', { operations }), 404, 'not_found');
  });

  it('deletes with an object what operators say of it, and tells nobody of that', async () => {
    const tenant = await member('limited');
    const lan = await make('/v1/logical-switches', { name: 'lan' }, tenant);
    const port = await make('/v1/logical-switch-ports', { logical_switch_id: lan.id, name: 'p' }, tenant);
    const other = await make('/v1/logical-switch-ports', { logical_switch_id: lan.id, name: 'q' }, tenant);
    const limit = { kind: 'bandwidth_limit', max_kbps: 1_000 };
    const about = async (id: string): Promise<readonly string[]> => {
      const rule = await make('/v1/qos-rules', { ...limit, name: 'r', logical_switch_port_id: id });
      const target = { kind: 'gre', remote_ip: '192.0.2.9', key: 1 };
      const mirror = await make('/v1/mirrors', { ...target, name: 'm', logical_switch_port_id: id });
      return [`/v1/qos-rules/${rule.id}`, `/v1/mirrors/${mirror.id}`];
    };
    const [ofPort, ofOther] = [await about(port.id), await about(other.id)];
    const ofSwitch = await make('/v1/qos-rules', { ...limit, name: 'r', logical_switch_id: lan.id });

    // What is not the tenant's own goes with its object, and by no other way.
    for (const path of ofPort) assert.ok([403, 404].includes((await tenant('DELETE', path)).status));
    const deleted = await tenant('DELETE', `/v1/logical-switch-ports/${port.id}`);
    assert.deepEqual([deleted.status, deleted.text], [204, '']);
    for (const path of ofPort) assertProblem(await admin('GET', path), 404, 'not_found');
    for (const path of ofOther) assert.equal((await admin('GET', path)).status, 200);
    const revision = await tenant('GET', `/v1/revisions/${String(deleted.headers['weft-revision'])}`);
    assert.equal(revision.body['changes'], 1);
    assert.equal((await tenant('DELETE', `/v1/logical-switches/${lan.id}?cascade=true`)).status, 204);
    for (const path of [...ofOther, `/v1/qos-rules/${ofSwitch.id}`])
      assertProblem(await admin('GET', path), 404, 'not_found');
  });

  it('turns away a token that asks too much, and says when to come again', () => {
    const manual = new ManualClock();
    const limit = new RateLimit(manual, 10);
    const asked = Array.from({ length: 25 }, () => limit.take('busy'));
    assert.deepEqual([asked.filter(each => each === 0).length, asked.at(-1), limit.take('other')], [20, 1, 0]);
    manual.advance(500);
    assert.deepEqual(
      Array.from({ length: 6 }, () => limit.take('busy')),
      [0, 0, 0, 0, 0, 1],
    );
  });

  it('keeps account of so many, and of whoever asked last', () => {
    const limit = new RateLimit(new ManualClock(), 10);
    for (let asked = 0; asked < 20; asked += 1) limit.take('busy');
    for (let other = 0; other < 9_999; other += 1) limit.take(`other ${other}`);
    assert.equal(limit.take('busy'), 1);
    for (let other = 0; other < 10_000; other += 1) limit.take(`another ${other}`);
    // Ten thousand have asked since: it has been forgotten.
    assert.equal(limit.take('busy'), 0);
  });

  it('serves a token that always asks too much at its rate', () => {
    const manual = new ManualClock();
    const limit = new RateLimit(manual, 10);
    let served = 0;
    for (let asked = 0; asked < 200; asked += 1) {
      if (limit.take('busy') === 0) served += 1;
      manual.advance(50);
    }
    // The burst, and ten a second of the ten that passed until the last.
    assert.equal(served, 20 + 99);
  });
});
