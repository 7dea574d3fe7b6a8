import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { systemClock } from '../../../src/base/clock.js';
import { type ServerEvent, WeftClient } from '../../../northbound/client/client.js';
import { assertProblem, describeRest, type Json } from './rest-fixture.js';

interface Change {
  readonly event: string;
  readonly kind: string;
  readonly id: string;
  readonly revision: number;
  readonly object: Json | null;
}

describeRest('watch', rest => {
  let url: string;
  before(async () => {
    url = await rest().listen();
  });

  /** Reads so many events of a stream, then ends it. */
  async function read(query: string, count: number): Promise<Change[]> {
    const changes: Change[] = [];
    const events = new WeftClient({ url, token: null }).events(`/v1/watch?${query}`);
    for await (const { event, data } of events as AsyncIterable<ServerEvent>) {
      changes.push({ event, ...(data as Omit<Change, 'event'>) });
      if (changes.length === count) break;
    }
    return changes;
  }

  it('after a list misses nothing: what is created, changed and deleted, as GET shows it', async () => {
    const { request, create } = rest();
    const since = String((await request('GET', '/v1/logical-switches?limit=1')).headers['weft-revision']);
    const made = await create('logical-switches', { name: 'watched', subnets: [{ cidr: '10.0.0.0/24' }] });
    const path = `/v1/logical-switches/${made.id}`;
    const patched = await request('PATCH', path, { name: 'renamed' });
    await request('DELETE', `${path}?cascade=true`);
    const changes = await read(`since=${since}&kinds=logical-switches`, 3);
    assert.deepEqual(
      changes.map(({ event, id }) => [event, id]),
      [
        ['created', made.id],
        ['updated', made.id],
        ['deleted', made.id],
      ],
    );
    assert.deepEqual(Object.keys(changes[1]?.object ?? {}), Object.keys(patched.body));
    assert.equal(changes[1]?.object?.['name'], 'renamed');
    assert.equal(changes[2]?.object, null);
    const subnets = await read(`since=${since}&kinds=subnets,static-routes`, 2);
    assert.deepEqual(
      subnets.map(({ event, kind }) => [event, kind]),
      [
        ['created', 'subnets'],
        ['deleted', 'subnets'],
      ],
    );
  });

  it('follows what is written while it is open, and resumes where it was', async () => {
    const { request } = rest();
    const following = read('kinds=logical-routers', 1);
    await new Promise(resolve => setTimeout(resolve, 100));
    const id = randomUUID();
    await request('POST', '/v1/logical-routers', { id, name: 'r' });
    const [change] = await following;
    assert.deepEqual([change?.event, change?.id], ['created', id]);
    await request('PATCH', `/v1/logical-routers/${id}`, { enabled: false });
    const response = await fetch(`${url}/v1/watch?since=0&kinds=logical-routers`, {
      headers: { 'last-event-id': String(change?.revision) },
    });
    assert.equal(response.headers.get('content-type'), 'text/event-stream');
    const reader = response.body?.getReader();
    const chunk = await reader?.read();
    await reader?.cancel();
    const text = new TextDecoder().decode(chunk?.value as Uint8Array);
    assert.match(text, /^event: updated\nid: \d+\ndata: /);
    assert.doesNotMatch(text, /event: created/);
  });

  it('refuses kinds and revisions that are none', async () => {
    const { request } = rest();
    for (const query of ['since=x', 'since=-1', 'kinds=port-bindings', 'kinds=subnets,nothing', 'since=1&since=2'])
      assertProblem(await request('GET', `/v1/watch?${query}`), 400, 'invalid_query');
  });

  it('answers 410 where the log no longer reaches back', async () => {
    const { request, create, store } = rest();
    for (let count = 0; count < 3; count += 1) await create('logical-routers', { name: 'r' });
    await store.trimChangeLog(1);
    assertProblem(await request('GET', '/v1/watch?since=1'), 410, 'log_trimmed');
    const current = String(await store.currentRevision());
    const response = await fetch(`${url}/v1/watch?since=${current}`);
    assert.equal(response.status, 200);
    await response.body?.cancel();
  });

  it('says at once that it watches, and ends when the reader goes', async () => {
    const aborter = new AbortController();
    const response = await fetch(`${url}/v1/watch`, { signal: aborter.signal });
    assert.equal(response.status, 200);
    aborter.abort();
    await new Promise<void>(resolve => systemClock.after(50, resolve));
    const made = await rest().request('POST', '/v1/logical-routers', { name: 'r' });
    assert.equal(made.status, 201);
  }).timeout(10_000);
});
