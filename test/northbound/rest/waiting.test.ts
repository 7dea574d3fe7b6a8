import assert from 'node:assert/strict';
import type { Caller } from '../../../northbound/rest/access.js';
import { Sight } from '../../../northbound/rest/sight.js';
import { awaitApplied, progressMembers } from '../../../northbound/rest/waiting.js';
import { systemClock } from '../../../src/base/clock.js';
import type { FragmentFailure, HostProgress, RevisionProgress } from '../../../src/delivery/convergence.js';
import { NetworkView } from '../../../src/view/network-view.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { assertProblem, describeRest, type Json, type RestFixture, startRest } from './rest-fixture.js';

/** A hypervisor that acknowledges when the test says so. */
class TestHost implements HostProgress {
  isConnected = true;
  isBehind = true;
  appliedRevision = 0;
  readonly hypervisorId: string;
  readonly refused: FragmentFailure[] = [];
  constructor(readonly name: string) {
    this.hypervisorId = `id-of-${name}`;
  }
  isPending(revision: number): boolean {
    return this.appliedRevision < revision && this.refused.length === 0;
  }
  get hasFailures(): boolean {
    return this.refused.length > 0;
  }
  failures(): readonly FragmentFailure[] {
    return this.refused;
  }
  disconnect({ fleet }: RestFixture): void {
    this.isConnected = false;
    fleet.convergence.changed(this);
  }
  acknowledge(revision: number, { fleet }: RestFixture): void {
    this.appliedRevision = revision;
    fleet.convergence.changed(this);
  }
}

const pendingOf = (body: Json): unknown => body['pending'];

describeRest('?wait=applied', rest => {
  let host: TestHost;
  const withHost = (name: string): TestHost => {
    host = new TestHost(name);
    rest().fleet.convergence.track(host);
    return host;
  };
  afterEach(() => rest().fleet.convergence.untrack(host.hypervisorId));

  it('holds the reply until the hypervisor has acknowledged, and not longer', async () => {
    withHost('slow');
    let answered = false;
    const reply = rest()
      .request('POST', '/v1/logical-switches?wait=applied&timeout_ms=60000', { name: 's' })
      .finally(() => (answered = true));
    const before = await rest().store.currentRevision();
    await new Promise(resolve => setTimeout(resolve, 100));
    assert.equal(answered, false);
    const revision = Math.max(before, await rest().store.currentRevision());
    const told = await rest().request('GET', `/v1/revisions/${revision}`);
    assert.deepEqual((told.body['hypervisors'] as Json)['pending'], [{ name: 'slow', reason: 'not_acknowledged' }]);
    host.acknowledge(revision, rest());
    const { status, body } = await reply;
    assert.deepEqual([status, body['revision']], [201, revision]);
    const after = await rest().request('GET', `/v1/revisions/${revision}`);
    assert.deepEqual(after.body['hypervisors'], { applied: 1, pending: [], failed: [] });
  });

  it('answers 202 with who is late at the timeout; the write stands', async () => {
    withHost('late');
    const { request } = rest();
    const made = await request('POST', '/v1/logical-switches?wait=applied&timeout_ms=20', { name: 's' });
    assert.equal(made.status, 202, made.text);
    assert.deepEqual(pendingOf(made.body), [{ name: 'late', reason: 'not_acknowledged' }]);
    const object = made.body['object'] as Json;
    assert.equal(object['name'], 's');
    const path = `/v1/logical-switches/${String(object['id'])}`;
    assert.equal((await request('GET', path)).status, 200);
    for (const [method, body] of [
      ['PUT', { name: 't' }],
      ['PATCH', { name: 'u' }],
    ] as const) {
      const changed = await request(method, `${path}?wait=applied&timeout_ms=0`, body);
      assert.deepEqual([changed.status, (changed.body['object'] as Json)['name']], [202, body.name]);
    }
    const done = await request('POST', '/v1/transactions?wait=applied&timeout_ms=0', {
      operations: [{ op: 'merge', kind: 'logical-switches', id: object['id'], value: { name: 'v' } }],
    });
    assert.equal(done.status, 202);
    const gone = await request('DELETE', `${path}?wait=applied&timeout_ms=0`);
    assert.deepEqual([gone.status, gone.body['object']], [202, null]);
    assert.equal(Number(gone.headers['weft-revision']), gone.body['revision']);
  });

  it('does not wait for one that is not connected, and names it in the revision', async () => {
    withHost('away').disconnect(rest());
    const { request } = rest();
    const made = await request('POST', '/v1/logical-switches?wait=applied', { name: 's' });
    assert.equal(made.status, 201, made.text);
    const { body } = await request('GET', `/v1/revisions/${String(made.body['revision'])}`);
    assert.deepEqual((body['hypervisors'] as Json)['pending'], [{ name: 'away', reason: 'disconnected' }]);
    const path = `/v1/logical-switches/${String(made.body['id'])}?wait=applied`;
    const gone = await request('DELETE', path);
    assert.deepEqual([gone.status, gone.text], [204, '']);
  });

  it('tells at once what a switch refused, in its words', async () => {
    withHost('strict').refused.push({
      hypervisorId: host.hypervisorId,
      name: host.name,
      key: 'switching.forwarding/x',
      owner: { kind: 'logical-switches', id: 'x' },
      error: 'OFPBMC_BAD_FIELD',
      isOptional: false,
      attempts: 1,
      since: 1,
      latest: Number.MAX_SAFE_INTEGER,
    });
    const made = await rest().request('POST', '/v1/logical-switches?wait=applied', { name: 's' });
    assert.equal(made.status, 202);
    assert.deepEqual(made.body['failed'], [
      { name: 'strict', error: 'OFPBMC_BAD_FIELD', kind: 'logical-switches', id: 'x' },
    ]);
  });
});

describe('REST: what a tenant is told of refusals', () => {
  const caller: Caller = { name: 't', subject: 't', role: 'member', projectId: 'web', scopes: [], expiresAtMs: null };
  const failure = (kind: FragmentFailure['owner']['kind'], id: string): FragmentFailure => ({
    hypervisorId: 'hv1',
    name: 'hv1',
    key: 'x',
    owner: { kind, id },
    error: 'OFPBMC_BAD_FIELD',
    isOptional: false,
    attempts: 1,
    since: 1,
    latest: 9,
  });
  const own = failure('logical-switches', 'own');
  const foreign = [failure('logical-switches', 'theirs'), failure('logical-switches', 'gone')];
  const ofTheHost = failure('hypervisors', 'hv1');
  const elsewhere = { ...failure('hypervisors', 'hv2'), hypervisorId: 'hv2', name: 'hv2' };
  const progress = (failed: RevisionProgress['failed']): RevisionProgress => ({
    revision: 5,
    isDelivered: true,
    isApplied: failed.length === 0,
    applied: 1,
    pending: [],
    disconnected: [],
    failed,
  });
  const view = new NetworkView();
  const kind = 'logical-switches';
  const { rows } = new NetworkBuilder()
    .hypervisor('hv1')
    .hypervisor('hv2')
    .logicalSwitch('own')
    .logicalSwitch('theirs')
    .port('own port', 'own', '02:00:00:00:00:01', [], ['hv1', 1])
    .port('their port', 'theirs', '02:00:00:00:00:02', [], ['hv2', 1])
    .snapshot();
  const projectOf = (id: string): string => (id.startsWith('own') ? 'web' : 'db');
  view.apply(1, [
    ...rows.hypervisors.map(row => ({ kind: 'hypervisors', id: row.id, after: row }) as const),
    ...rows[kind].map(
      row => ({ kind, id: row.id, after: { ...row, projectId: projectOf(row.id), sharedWith: [] } }) as const,
    ),
    ...rows['logical-switch-ports'].map(
      row => ({ kind: 'logical-switch-ports', id: row.id, after: { ...row, projectId: projectOf(row.id) } }) as const,
    ),
    ...rows['port-bindings'].map(row => ({ kind: 'port-bindings', id: row.id, after: row }) as const),
  ]);
  const sights = {
    tenant: new Sight(view, caller),
    admin: new Sight(view, { ...caller, role: 'admin', projectId: null }),
  };

  it('is that of its own objects, in number and for what counts as applied', async () => {
    const all = progress([own, ...foreign]);
    assert.equal(progressMembers(all, true, sights.tenant).failed, 1);
    assert.equal((progressMembers(all, true, sights.admin).failed as readonly unknown[]).length, 3);
    const { pending, failed: ofNobody } = progressMembers(
      progress([ofTheHost, ofTheHost, elsewhere]),
      true,
      sights.tenant,
    );
    assert.deepEqual([pending, ofNobody], [1, 0]);
    for (const [failed, byTenant, byAdmin] of [
      [[], true, true],
      [foreign, true, false],
      [[own], false, false],
      // What is of no object is in the way of those who have ports there, and counts as nobody's refusal.
      [[ofTheHost], false, false],
      [[elsewhere], true, false],
    ] as const) {
      const context = {
        convergence: { waitFor: async () => progress(failed), pending: () => progress(failed) },
        clock: systemClock,
        state: { reachWritten: async () => undefined },
        isActive: () => true,
      };
      const isApplied = async (sight: Sight) => (await awaitApplied(context, 5, { timeoutMs: 0 }, sight)).isApplied;
      assert.deepEqual([await isApplied(sights.tenant), await isApplied(sights.admin)], [byTenant, byAdmin]);
    }
  });
});

describeRest('revisions', rest => {
  it('that are not there are told so', async () => {
    const next = (await rest().store.currentRevision()) + 1_000;
    for (const revision of [String(next), 'x', '-1', '1.5', '9'.repeat(40)])
      assertProblem(await rest().request('GET', `/v1/revisions/${revision}`), 404, 'revision_unknown');
  });
});

describe('REST: a Weft that stands by', () => {
  let rest: RestFixture;
  let isActive = false;
  before(async function () {
    this.timeout(60_000);
    rest = await startRest({ isActive: () => isActive });
  });
  after(() => rest.close());

  it('takes writes and never says that they are applied', async () => {
    const made = await rest.request('POST', '/v1/logical-switches?wait=applied&timeout_ms=60', { name: 's' });
    assert.equal(made.status, 202, made.text);
    assert.deepEqual(pendingOf(made.body), [{ name: '*', reason: 'standby' }]);
    const { body } = await rest.request('GET', `/v1/revisions/${String(made.body['revision'])}`);
    assert.deepEqual((body['hypervisors'] as Json)['pending'], [{ name: '*', reason: 'standby' }]);
    assert.equal((await rest.request('GET', '/readyz')).body['role'], 'standby');
  });

  it('waits for the lease as long as it was given', async () => {
    const reply = rest.request('POST', '/v1/logical-switches?wait=applied&timeout_ms=60000', { name: 's' });
    await new Promise(resolve => setTimeout(resolve, 80));
    isActive = true;
    assert.equal((await reply).status, 201);
  });
});
