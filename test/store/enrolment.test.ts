import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Store } from '../../src/store/store.js';
import { anyDatabase, context, openTestStore } from '../fixtures/stores.js';

describe('enrolment', function () {
  this.timeout(60_000);
  let store: Store;
  before(async () => (store = await openTestStore({ ...(await anyDatabase()), enrolment: 'approve' })));
  after(() => store.close());

  const report = (systemId: string, joinToken: string | null) => ({
    systemId,
    joinToken,
    encapIp: '192.0.2.11',
    encapTypes: ['vxlan'] as const,
    underlayMtu: 9000,
    bridge: 'br-theirs',
    datapathType: 'netdev' as const,
  });
  const join = (systemId: string, joinToken: string | null = null) =>
    store.registerHypervisor(report(systemId, joinToken));
  const rowOf = async (systemId: string) => {
    const { rows } = await store.list('hypervisors', { filters: { systemId }, limit: 9 });
    return rows[0] ?? assert.fail(`there is no row of ${systemId}`);
  };
  const token = async (more: { uses?: number; systemId?: string; lifetimeMs?: number } = {}) =>
    (await store.joinTokens.create({ name: 't', uses: 1, systemId: null, lifetimeMs: 60_000, ...more }, context)).token;

  it('a host that nobody knows waits, with its name and nothing else of what it says', async () => {
    const first = await join('hv1');
    assert.match(first.kind === 'refused' ? first.reason : '', /^hv1 waits for approval: weft hypervisor approve hv1/);
    const row = await rowOf('hv1');
    assert.deepEqual([row.approved, row.encapIp, row.encapTypes, row.bridge], [false, null, [], 'br-int']);
    const { revision } = row;
    await join('hv1');
    assert.equal((await rowOf('hv1')).revision, revision, 'trying again writes nothing');
    await store.write(context, tx => tx.merge('hypervisors', row.id, { approved: true }));
    assert.equal((await join('hv1')).kind, 'accepted');
    assert.deepEqual([(await rowOf('hv1')).encapIp, (await rowOf('hv1')).bridge], ['192.0.2.11', 'br-theirs']);
    await assert.rejects(
      store.write(context, tx => tx.merge('hypervisors', row.id, { approved: false })),
      /delete it to refuse it/,
    );
  });

  it('one that is deleted while it waits is refused, and nothing is cleaned up on it', async () => {
    await join('hv2');
    const { id } = await rowOf('hv2');
    await store.write(context, tx => tx.delete('hypervisors', id, {}));
    const verdict = await join('hv2', await token());
    assert.match(verdict.kind === 'refused' ? verdict.reason : '', /deleted before it was approved/);
  });

  it('a join token is good for as many hosts as it says, for the host that it names, and for its time', async () => {
    const twice = await token({ uses: 2 });
    assert.deepEqual(
      (await Promise.all(['a1', 'a2', 'a3'].map(name => join(name, twice)))).map(({ kind }) => kind).toSorted(),
      ['accepted', 'accepted', 'refused'],
    );
    const named = await token({ systemId: 'b1' });
    assert.equal((await join('b2', named)).kind, 'refused');
    assert.equal((await join('b1', named)).kind, 'accepted');
    assert.equal((await join('b1', 'no longer of use')).kind, 'accepted', 'a member needs none');
    const late = await join('c1', await token({ lifetimeMs: -1 }));
    assert.match(late.kind === 'refused' ? late.reason : '', /its join token is not good for it, or not any more/);
    assert.equal((await join('c1', await token())).kind, 'accepted', 'one that waits may come with a token later');
  });

  it('of a token only a hash is kept, and it can be taken back', async () => {
    const request = { name: 'x', uses: 1, systemId: null, lifetimeMs: 60_000 };
    const { token: value, row } = await store.joinTokens.create(request, context);
    assert.match(value, /^weft-join-[\w-]{43}$/);
    assert.ok(!JSON.stringify(await store.joinTokens.list()).includes(value.slice(10)));
    assert.ok((await store.joinTokens.delete(row.id, context)) !== null);
    assert.equal(await store.joinTokens.delete(randomUUID(), context), null);
    assert.equal((await join('d1', value)).kind, 'refused');
  });

  it('the making, the use and the end of a token are in the change log, with who and from where', async () => {
    const by = { ...context, actor: 'alice', subject: 'token-of-alice', remoteAddress: '203.0.113.9', source: 'rest' };
    const before = await store.currentRevision();
    const request = { name: 'rack 7', uses: 2, systemId: null, lifetimeMs: 60_000 };
    const { token: value, row, revision } = await store.joinTokens.create(request, by);
    const used = await store.registerHypervisor({ ...report('e1', value), address: '192.0.2.77' });
    assert.equal(used.kind, 'accepted');
    const taken = await store.joinTokens.delete(row.id, by);
    const log = await store.changesSince(before, 100);
    assert.ok(typeof log !== 'string');
    assert.ok(!JSON.stringify(log.changes).includes(value.slice(10)));
    const told = log.changes.flatMap(({ kind, id, operation, revision: at }) =>
      kind === 'join-tokens' && id === row.id ? [[operation, at]] : [],
    );
    const [, [, usedAt] = []] = told;
    assert.deepEqual(told, [
      ['create', revision],
      ['update', usedAt],
      ['delete', taken],
    ]);
    const author = async (at: unknown) => {
      const { by: actor, subject, remoteAddress } = (await store.revision(Number(at))) ?? assert.fail();
      return [actor, subject, remoteAddress];
    };
    for (const at of [revision, taken]) assert.deepEqual(await author(at), ['alice', 'token-of-alice', '203.0.113.9']);
    // In one revision with the host that it let in.
    assert.deepEqual(await author(usedAt), ['weft', '', '192.0.2.77']);
    const ofHost = log.changes.filter(({ kind, revision: at }) => kind === 'hypervisors' && at === usedAt);
    assert.equal(ofHost.length, 1);
  });

  it('strangers make only so many rows', async () => {
    for (let each = 0; each < 130; each += 1) await join(`crowd${each}`);
    const last = await join('one-more');
    assert.match(last.kind === 'refused' ? last.reason : '', /128 hosts wait for approval already/);
    const { id } = await rowOf('crowd7');
    await store.write(context, tx => tx.delete('hypervisors', id, {}));
    const next = await join('next');
    assert.match(next.kind === 'refused' ? next.reason : '', /^next waits for approval/, 'its place is free again');
    assert.equal((await join('one-more', await token())).kind, 'accepted');
  });
});
