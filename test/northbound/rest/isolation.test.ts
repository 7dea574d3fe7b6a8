/**
 * Nobody sees or touches what is not his: generated from the table of routes and the declarations of the nouns, so that a route
 * or a noun that nobody thought of fails here.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { fastify } from 'fastify';
import { requireRules } from '../../../northbound/rest/access.js';
import { resourceOf } from '../../../src/model/index.js';
import type { OfferedKind } from '../../../src/model/kinds.js';
import { referencesOf } from '../../../src/store/references.js';
import { as, type Ask, callersByName } from './callers.js';
import { collections, sampleValues, type Samples, tenantCollections, tenantValue } from './every-noun.js';
import { assertProblem, type Json, type RestFixture, startRest } from './rest-fixture.js';

type Rule = RestFixture['app']['rules'][number];

type Sample = Json & { readonly id: string };
const forProjects = (values: Samples, projectId: string): Map<OfferedKind, Sample> =>
  new Map(
    tenantCollections.map(
      kind => [kind, { ...own(kind, values[kind]), id: String(values[kind]['id']), project_id: projectId }] as const,
    ),
  );
const own = (kind: OfferedKind, value: Json): Json => tenantValue(kind, value, collectorOf(value));
const collectorOf = ({ id }: Json): string => String(id).replace(/^.{8}/, '0c011ec7');
const collectorPort = (values: ReadonlyMap<OfferedKind, Sample>): readonly Json[] => {
  const [port, mirror] = [values.get('logical-switch-ports'), values.get('mirrors')];
  assert.ok(port !== undefined && mirror !== undefined);
  const value = { ...port, id: collectorOf(mirror), name: 'collector', ips: [], allowed_addresses: [] };
  return [{ op: 'create', kind: 'logical-switch-ports', value }];
};

describe('REST: isolation of projects', function () {
  this.timeout(120_000);
  let rest: RestFixture;
  let [admin, alice, bob]: Ask[] = [];
  let theirs: Map<OfferedKind, Sample>;
  let theirRevision = 0;
  let hypervisorId = '';

  before(async () => {
    rest = await startRest({ authenticator: callersByName });
    [admin, alice, bob] = ['admin', 'alice', 'bob'].map(name => as(rest, name));
    const samples = sampleValues();
    const made = await ask(admin)('POST', '/v1/hypervisors', { ...samples.hypervisors, name: 'secret-host' });
    hypervisorId = String(made.body['id']);
    theirs = forProjects(samples, 'bob');
    const operations = [...theirs].flatMap(([kind, value]) => [
      ...(kind === 'mirrors' ? collectorPort(theirs) : []),
      { op: 'create', kind, value },
    ]);
    const written = await ask(bob)('POST', '/v1/transactions', { operations });
    assert.equal(written.status, 200, written.text);
    theirRevision = Number(written.body['revision']);
    const quota = await ask(admin)('POST', '/v1/quotas', { project_id: 'bob', limits: { subnets: 77 } });
    theirs.set('quotas', { ...quota.body, id: String(quota.body['id']) });
  });
  after(() => rest.close());

  const ask = (who: Ask | undefined): Ask => {
    assert.ok(who !== undefined);
    return who;
  };
  const rules = (): readonly Rule[] => rest.app.rules.filter(({ method }) => method !== 'HEAD');
  const kindOf = (url: string): OfferedKind | undefined => collections.find(kind => kind === url.split('/')[2]);
  const snapshot = async () => {
    const lists = await Promise.all(collections.map(kind => ask(admin)('GET', `/v1/${kind}`)));
    return { revision: await rest.store.currentRevision(), lists: lists.map(({ body }) => body) };
  };

  it('every route says who may use it, and one that does not is refused', () => {
    assert.ok(rules().length > 40);
    const app = fastify();
    requireRules(app);
    assert.throws(() => app.get('/v1/forgotten', async () => 'everything'), /does not say who may use it/);
  });

  /** What a route answers to a caller of another project; a route without a case fails. */
  async function tryForeign({ method, url, who }: Rule): Promise<void> {
    const kind = kindOf(url);
    const path = url.replace(':id', (kind === undefined ? undefined : theirs.get(kind)?.id) ?? hypervisorId);
    const place = `${method} ${url}`;
    if (who === 'anyone') {
      assert.ok((await rest.request(method, path.replace('*', 'index.html'))).status < 400, place);
    } else if (who !== 'project') {
      assertProblem(await ask(alice)(method, path, method === 'GET' ? undefined : {}), 403, 'forbidden');
    } else if (kind !== undefined && url.includes('/:id')) {
      await tryItem(method, path, kind);
    } else if (kind !== undefined && method === 'GET') {
      assert.deepEqual((await ask(alice)('GET', path)).body, { items: [] }, place);
      assert.deepEqual((await ask(alice)('GET', `${path}?project_id=bob`)).body, { items: [] }, place);
    } else if (kind !== undefined && method === 'POST') {
      const taken = await ask(alice)('POST', path, { ...theirs.get(kind), project_id: 'alice' });
      assert.ok(['id_in_use', 'reference_not_found'].includes(String(taken.body['code'])), taken.text);
      assertProblem(await ask(alice)('POST', path, { ...theirs.get(kind), id: randomUUID() }), 403, 'forbidden');
    } else await trySpecial(place, path);
  }

  async function tryItem(method: string, path: string, kind: OfferedKind): Promise<void> {
    const value = theirs.get(kind) ?? {};
    switch (method) {
      case 'GET':
      case 'DELETE':
        return void assertProblem(await ask(alice)(method, path), 404, 'not_found');
      case 'PATCH':
        return void assertProblem(await ask(alice)(method, path, { name: 'mine' }), 404, 'not_found');
      default:
        // That an id is taken is told, and nothing else.
        assert.equal(method, 'PUT');
        assertProblem(await ask(alice)(method, path, { ...value, project_id: 'alice' }), 409, 'id_in_use');
    }
  }

  /** To a tenant, what only admins write is forbidden, and all else of others is not there. */
  async function assertNoWrite(path: string, kind: OfferedKind, operation: Json): Promise<void> {
    const answer = await ask(alice)('POST', path, { operations: [operation] });
    if (resourceOf(kind).audience.write === 'admin') assertProblem(answer, 403, 'forbidden');
    else assertProblem(answer, 404, 'not_found');
  }

  async function trySpecial(place: string, path: string): Promise<void> {
    switch (place) {
      case 'POST /v1/transactions': {
        for (const [kind, { id }] of theirs) {
          for (const operation of [
            { op: 'merge', kind, id, value: { name: 'mine' } },
            { op: 'delete', kind, id },
          ])
            await assertNoWrite(path, kind, operation);
        }
        const operations = [{ op: 'merge', kind: 'hypervisors', id: hypervisorId, value: { drain: true } }];
        return void assertProblem(await ask(alice)('POST', path, { operations }), 403, 'forbidden');
      }
      case 'GET /v1/revisions/:n': {
        const asked = await ask(alice)('GET', path.replace(':n', String(theirRevision)));
        return void assertProblem(asked, 404, 'revision_unknown');
      }
      case 'GET /v1/usage':
        return assert.deepEqual((await ask(alice)('GET', `${path}?project_id=bob`)).body, { items: [] });
      case 'GET /v1/watch':
        // What a watch shows is tried by the random sequence.
        return void assertProblem(await ask(alice)('GET', `${path}?kinds=hypervisors`), 403, 'forbidden');
      default:
        assert.fail(`${place} has no case here`);
    }
  }

  it('a caller of another project gets 404 or 403 on every route, and nothing changes', async () => {
    const before = await snapshot();
    for (const rule of rules()) await tryForeign(rule);
    assert.deepEqual(await snapshot(), before);
  });

  it('nobody is let in without saying who he is, but where anyone may ask', async () => {
    for (const { method, url, who } of rules()) {
      if (who === 'anyone') continue;
      const answer = await rest.request(method, url.replace(/:\w+/, hypervisorId), method === 'GET' ? undefined : {});
      assertProblem(answer, 401, 'unauthenticated');
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="weft"');
    }
  });

  it('a reader writes nothing, on no route', async () => {
    const before = await snapshot();
    for (const name of ['bob/reader', 'auditor']) {
      for (const { method, url, verb } of rules()) {
        if (verb !== 'write') continue;
        const path = url.replace(':id', theirs.get(kindOf(url) ?? 'subnets')?.id ?? hypervisorId);
        assertProblem(await as(rest, name)(method, path, {}), 403, 'forbidden');
      }
    }
    assert.deepEqual(await snapshot(), before);
  });

  it('a reference to what belongs to others is answered like one to nothing', async () => {
    const mine = sampleValues();
    for (const [kind] of theirs) {
      for (const { wire, kind: target } of referencesOf(kind)) {
        const id = theirs.get(target as OfferedKind)?.id ?? hypervisorId;
        const absent = randomUUID();
        const [foreign, nothing] = await Promise.all(
          [id, absent].map(each =>
            ask(alice)('POST', `/v1/${kind}`, { ...mine[kind], id: randomUUID(), project_id: 'alice', [wire]: each }),
          ),
        );
        assert.ok(foreign !== undefined && nothing !== undefined);
        const told = ({ body }: { readonly body: Json }, of: string) =>
          JSON.stringify({ ...body, request_id: '' }).replaceAll(of, 'ID');
        assert.equal(told(foreign, id), told(nothing, absent), `${kind}.${wire}`);
      }
    }
  });

  it('tells a tenant nothing of hypervisors, and keeps what an operator has set', async () => {
    const port = theirs.get('logical-switch-ports');
    const path = `/v1/logical-switch-ports/${port?.id ?? ''}`;
    assert.equal((await ask(admin)('PATCH', path, { hypervisor: 'secret-host' })).status, 200);
    const shown = await ask(bob)('GET', path);
    assert.doesNotMatch(shown.text, /secret-host|"hypervisor"/);
    const { bound_to: boundTo, applied_revision: applied } = shown.body['status'] as Json;
    assert.deepEqual([boundTo, applied], [null, null]);
    assertProblem(await ask(bob)('PATCH', path, { hypervisor: null }), 403, 'forbidden', '/hypervisor');
    assertProblem(await ask(bob)('GET', '/v1/logical-switch-ports?hypervisor=secret-host'), 400, 'invalid_query');
    const replaced = await ask(bob)('PUT', path, { ...shown.body, name: 'renamed' });
    assert.equal(replaced.status, 200, replaced.text);
    assert.equal((await ask(admin)('GET', path)).body['hypervisor'], 'secret-host');
    const waited = await ask(bob)('PATCH', `${path}?wait=applied&timeout_ms=0`, { name: 'again' });
    assert.doesNotMatch(waited.text, /secret-host/);
    const own = await ask(bob)('GET', `/v1/revisions/${String(replaced.headers['weft-revision'])}`);
    assert.deepEqual(own.body['hypervisors'], { applied: 0, pending: 0, disconnected: 0, failed: 0 });
  });

  it('scopes narrow what a token does, in transactions and cascades too', async () => {
    const limited = as(rest, 'bob/logical-switches,subnets:read');
    const { id = '' } = theirs.get('logical-switches') ?? {};
    assert.equal((await limited('GET', '/v1/subnets')).status, 200);
    assert.equal((await limited('PATCH', `/v1/logical-switches/${id}`, { name: 'mine' })).status, 200);
    for (const [method, path, body] of [
      ['GET', '/v1/logical-routers', undefined],
      ['PATCH', `/v1/subnets/${theirs.get('subnets')?.id ?? ''}`, { name: 'x' }],
      ['DELETE', `/v1/logical-switches/${id}?cascade=true`, undefined],
      ['POST', '/v1/logical-switches', { name: 'with', subnets: [{ cidr: '10.0.0.0/24' }] }],
      ['GET', '/v1/watch?kinds=logical-routers', undefined],
      ['POST', '/v1/transactions', { operations: [{ op: 'create', kind: 'logical-routers', value: { name: 'r' } }] }],
    ] as const)
      assertProblem(await limited(method, path, body), 403, 'forbidden');
    const scraper = as(rest, 'scraper');
    assert.equal((await scraper('GET', '/metrics')).status, 200);
    assertProblem(await scraper('GET', '/v1/hypervisors'), 403, 'forbidden');
    assertProblem(await scraper('GET', `/v1/revisions/${theirRevision}`), 404, 'revision_unknown');
    assert.equal((await as(rest, 'auditor')('GET', `/v1/revisions/${theirRevision}`)).status, 200);
    assertProblem(await ask(alice)('GET', '/metrics'), 403, 'forbidden');
  });

  it('readiness names hosts and troubles to operators only', async () => {
    const members = async (headers: Record<string, string>) =>
      Object.keys((await rest.request('GET', '/readyz', undefined, headers)).body).toSorted();
    const anyone = ['durability', 'ready', 'revision', 'role'];
    assert.deepEqual(await members({}), anyone);
    assert.deepEqual(await members({ authorization: 'Bearer alice' }), anyone);
    assert.deepEqual(await members({ authorization: 'Bearer admin' }), [...anyone, 'problems', 'warnings'].toSorted());
  });
});
