import assert from 'node:assert/strict';
import { pino } from 'pino';
import { TokenAuthenticator } from '../../../northbound/rest/token-authenticator.js';
import { systemClock } from '../../../src/base/clock.js';
import type { NetworkView } from '../../../src/view/network-view.js';
import { assertProblem, describeRest, type RestFixture, startRest } from './rest-fixture.js';

const megabyte = 1024 * 1024;
const revisionOf = ({ headers }: { headers: Readonly<Record<string, unknown>> }): number =>
  Number(headers['weft-revision']);

describeRest('requests of any kind', rest => {
  it('carry the revision in every reply, refusals included', async () => {
    const { request } = rest();
    const made = await request('POST', '/v1/logical-switches', { name: 's' });
    const revision = revisionOf(made);
    const replies = [
      await request('GET', '/v1/subnets'),
      await request('GET', '/v1/subnets/00000000-0000-4000-8000-000000000000'),
      await request('POST', '/v1/subnets', {}),
      await request('POST', '/v1/subnets', 'x'),
      await request('GET', '/v1/nothing'),
      await request('GET', `/v1/revisions/${revision}`),
      await request('GET', '/healthz'),
      await request('GET', '/metrics'),
    ];
    for (const reply of replies) assert.ok(revisionOf(reply) >= revision, `${reply.status} ${reply.text}`);
  });

  it('have one content type, compared before the body is read', async () => {
    const { app, request } = rest();
    for (const type of ['text/plain', 'application/jsonx', 'application/json; charset=latin1', 'multipart/form-data'])
      assertProblem(await request('POST', '/v1/subnets', '{', { 'content-type': type }), 415, 'unsupported_media_type');
    const none = await app.inject({ method: 'POST', url: '/v1/subnets' });
    assert.equal(none.statusCode, 415);
    const { body } = await request('POST', '/v1/logical-switches', { name: 's' });
    const path = `/v1/logical-switches/${String(body['id'])}`;
    const patch = { 'content-type': 'application/merge-patch+json' };
    assert.equal((await request('PATCH', path, { name: 't' }, patch)).status, 200);
    assertProblem(await request('PUT', path, { name: 't' }, patch), 415, 'unsupported_media_type');
    // Some clients name a content type though they send no body.
    assert.equal((await request('DELETE', path, undefined, { 'content-type': 'application/json' })).status, 204);
  });

  it('may have 1 MB, transactions 16 MB, and no more', async () => {
    const { request } = rest();
    const ofSize = (bytes: number): string => {
      const head = '{"name":"';
      return `${head}${'x'.repeat(bytes - head.length - 2)}"}`;
    };
    assertProblem(await request('POST', '/v1/logical-switches', ofSize(megabyte)), 400, 'out_of_range', '/name');
    assertProblem(await request('POST', '/v1/logical-switches', ofSize(megabyte + 1)), 413, 'body_too_large');
    assertProblem(await request('POST', '/v1/transactions', ofSize(16 * megabyte)), 400, 'unknown_member', '/name');
    assertProblem(await request('POST', '/v1/transactions', ofSize(16 * megabyte + 1)), 413, 'body_too_large');
  });

  it('for what does not exist are told so, and which methods a path has', async () => {
    const { request } = rest();
    for (const path of [
      '/',
      '/v1',
      '/v1/',
      '/v1/port-bindings',
      '/v2/subnets',
      '/v1/subnets/',
      '/V1/subnets',
      '/v1/%2e',
    ])
      assertProblem(await request('GET', path), 404, 'not_found');
    const wrong = await request('DELETE', '/v1/subnets');
    assertProblem(wrong, 405, 'method_not_allowed');
    assert.equal(wrong.headers['allow'], 'GET, HEAD, POST');
    const item = await request('POST', '/v1/subnets/00000000-0000-4000-8000-000000000000', {});
    assertProblem(item, 405, 'method_not_allowed');
    assert.equal(item.headers['allow'], 'DELETE, GET, HEAD, PATCH, PUT');
    assertProblem(await request('GET', '/v1/transactions'), 405, 'method_not_allowed');
    assertProblem(await request('GET', '/v1/subnets/%zz'), 400, 'malformed_body');
  });

  it('with a wait or a condition that means nothing are refused before anything is written', async () => {
    const { request, store } = rest();
    const before = await store.currentRevision();
    const queries = ['wait=', 'wait=done', 'timeout_ms=5', 'wait=applied&timeout_ms=x', 'wait=applied&timeout_ms='];
    for (const query of [...queries, 'wait=applied&timeout_ms=-1', 'wait=applied&timeout_ms=600001', 'wait=a&wait=b']) {
      const answer = await request('POST', `/v1/logical-switches?${query}`, { name: 's' });
      assertProblem(answer, 400, 'invalid_query');
    }
    const path = '/v1/logical-switches/00000000-0000-4000-8000-000000000000';
    for (const header of ['5', 'W/"5"', '"x"', '"1", "2"'])
      assertProblem(await request('PUT', path, { name: 's' }, { 'if-match': header }), 400, 'invalid_query');
    assert.equal(await store.currentRevision(), before);
  });

  it('tell liveness, readiness and what stands behind it', async () => {
    const { request } = rest();
    assert.deepEqual((await request('GET', '/healthz')).body, { alive: true, version: '0.0.0-test' });
    const ready = await request('GET', '/readyz');
    assert.deepEqual([ready.status, ready.body['ready'], ready.body['role']], [200, true, 'active']);
    assert.equal(ready.body['durability'], 'process-crash');
  });

  it('tell metrics that Prometheus can read', async () => {
    const { headers, text } = await rest().request('GET', '/metrics');
    assert.match(String(headers['content-type']), /^text\/plain; version=0\.0\.4/);
    const line = /^(#.*|[a-zA-Z_:][\w:]*(\{[^}]*\})? [-+.\w]+)$/;
    for (const each of text.split('\n').filter(Boolean)) assert.match(each, line);
    for (const name of ['weft_revision', 'weft_applied_revision', 'weft_active 1', 'weft_compiler_units_run_total'])
      assert.ok(text.includes(`\n${name}`), name);
    for (const counted of [
      'weft_view_rows_total{kind="subnets",operation="create"} 3',
      'weft_hypervisor_ovsdb_transactions_total{hypervisor="hv1"} 2',
      'weft_hypervisor_ovsdb_operations_total{hypervisor="hv1"} 7',
    ])
      assert.ok(text.includes(`\n${counted}\n`), counted);
  });

  it('for drops of a hypervisor that is not connected, or not there, are refused', async () => {
    const { request, create } = rest();
    const { id } = await create('hypervisors', { name: 'dialled', ovsdb_target: 'tcp:192.0.2.7:6640' });
    assertProblem(await request('GET', `/v1/hypervisors/${id}/drops`), 409, 'not_connected');
    assertProblem(await request('GET', `/v1/hypervisors/${id.slice(0, 8)}/drops`), 404, 'not_found');
  });
});

describeRest('hypervisors', rest => {
  it('that Weft is to dial are made, drained, deleted and allowed again', async () => {
    const { request, create } = rest();
    const made = await create('hypervisors', { name: 'hv', ovsdb_target: 'tcp:192.0.2.8:6640', gateway: true });
    const path = `/v1/hypervisors/${made.id}`;
    assert.deepEqual(
      [made['state'], made['connected'], made['allowed'], made['gateway'], made['system_id'], made['encap_type']],
      ['disconnected', false, true, true, null, 'geneve'],
    );
    assert.match(String(made['datapath_id']), /^[0-9a-f]{16}$/);
    assert.equal((await request('PATCH', `${path}?wait=applied`, { drain: true })).body['drain'], true);
    const gone = await request('DELETE', `${path}?wait=applied&timeout_ms=200`);
    assert.equal(gone.status, 204, 'one that is not connected is not waited for');
    const removed = await request('GET', path);
    assert.deepEqual([removed.body['allowed'], removed.body['state']], [false, 'removed']);
    const back = await request('PUT', `${path}?wait=applied`, { ...removed.body, allowed: true });
    assert.deepEqual([back.status, back.body['allowed'], back.body['state']], [200, true, 'disconnected'], back.text);
    assertProblem(await request('DELETE', '/v1/hypervisors/nobody'), 404, 'not_found');
  });
});

describe('REST: a server with a token', () => {
  const lines: string[] = [];
  let rest: RestFixture;
  before(async function () {
    this.timeout(60_000);
    const log = pino({ level: 'trace' }, { write: line => lines.push(line) });
    const firstToken = 'a-token-of-32-characters-length!';
    const authenticator = (view: NetworkView) =>
      new TokenAuthenticator({ view, clock: systemClock, firstToken, onUse: () => undefined, foreign: null });
    rest = await startRest({ authenticator, log });
  });
  after(() => rest.close());

  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

  it('refuses whoever does not have it, whatever is asked', async () => {
    const headers = [
      {},
      bearer(''),
      bearer('wrong'),
      bearer('a-token-of-32-characters-length'),
      { authorization: 'x' },
    ];
    const basic = {
      authorization: `Basic ${Buffer.from('admin:a-token-of-32-characters-length!').toString('base64')}`,
    };
    for (const each of [...headers, basic]) {
      for (const path of ['/v1/subnets', '/v1/nothing', '/v1/watch', '/metrics', '/v1/revisions/1', '/healthzz'])
        assertProblem(await rest.request('GET', path, undefined, each), 401, 'unauthenticated');
      assertProblem(await rest.request('POST', '/v1/subnets', '{', each), 401, 'unauthenticated');
      const odd = { ...each, 'content-type': 'text/plain' };
      assertProblem(await rest.request('POST', '/v1/subnets', 'x', odd), 401, 'unauthenticated');
    }
  });

  it('lets in whoever has it, and says who wrote', async () => {
    const token = bearer('a-token-of-32-characters-length!');
    const made = await rest.request('POST', '/v1/logical-switches?wait=applied', { name: 's' }, token);
    assert.equal(made.status, 201, made.text);
    const revision = await rest.request('GET', `/v1/revisions/${revisionOf(made)}`, undefined, token);
    assert.equal(revision.body['by'], 'admin');
    assert.deepEqual(revision.body['hypervisors'], { applied: 0, pending: [], failed: [] });
    const scheme = { authorization: 'bearer a-token-of-32-characters-length!' };
    assert.equal((await rest.request('GET', '/v1/subnets', undefined, scheme)).status, 200);
  });

  it('leaves open what tells that it lives and how to ask it', async () => {
    for (const path of ['/healthz', '/healthz?x=1', '/readyz', '/openapi.json', '/docs/json'])
      assert.equal((await rest.request('GET', path)).status, 200, path);
  });

  it('logs one line for each write, and never a token', async () => {
    lines.length = 0;
    const token = bearer('a-token-of-32-characters-length!');
    await rest.request('GET', '/v1/subnets', undefined, token);
    await rest.request('POST', '/v1/logical-switches', { name: 'logged' }, token);
    await rest.request('POST', '/v1/logical-switches', { name: 'refused' }, bearer('another-token'));
    const writes = lines
      .map(line => JSON.parse(line) as Record<string, unknown>)
      .filter(({ method }) => method === 'POST');
    assert.deepEqual(
      writes.map(({ status }) => status),
      [201, 401],
    );
    assert.doesNotMatch(lines.join(''), /a-token-of|another-token/);
  });
});
