import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  NotAppliedError,
  ProblemError,
  queryText,
  UnreachableError,
  WeftClient,
} from '../../../northbound/client/client.js';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: string;
}

type Answer = (seen: Seen, response: ServerResponse, request: IncomingMessage) => void;

const problem = {
  code: 'in_use',
  detail: 'It is used.',
  help: 'Delete those.',
  related: [{ kind: 'subnets', id: 'x' }],
};

describe('The client library', () => {
  const servers: Server[] = [];
  const seen: Seen[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
    seen.length = 0;
  });

  async function clientOf(answer: Answer, silenceMs = 5_000): Promise<WeftClient> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const one = { method, url, authorization: headers.authorization, body: Buffer.concat(chunks).toString() };
        seen.push(one);
        answer(one, response, request);
      });
    });
    servers.push(server);
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return new WeftClient({ url: `http://127.0.0.1:${port}/`, token: 'secret', silenceMs });
  }

  const json = (
    response: ServerResponse,
    status: number,
    body: unknown,
    headers: Record<string, string> = {},
  ): void => {
    const type = status >= 400 ? 'application/problem+json' : 'application/json; charset=utf-8';
    response.writeHead(status, { 'content-type': type, 'weft-revision': '7', ...headers }).end(JSON.stringify(body));
  };

  it('asks as the routes say, with token and body, and reads what is answered', async () => {
    const client = await clientOf((_, response) => json(response, 201, { id: 'a' }));
    const made = await client.create('logical-switches', { name: 'net' }, { appliedWithinMs: 50 });
    assert.equal(made.id, 'a');
    await client.request('GET /v1/logical-switches/{id}', { path: { id: 'a/b' }, query: { min_revision: '3' } });
    const { revision } = await client.request('GET /healthz');
    assert.equal(revision, 7);
    assert.deepEqual(seen, [
      {
        method: 'POST',
        url: '/v1/logical-switches?wait=applied&timeout_ms=50',
        authorization: 'Bearer secret',
        body: '{"name":"net"}',
      },
      { method: 'GET', url: '/v1/logical-switches/a%2Fb?min_revision=3', authorization: 'Bearer secret', body: '' },
      { method: 'GET', url: '/healthz', authorization: 'Bearer secret', body: '' },
    ]);
  });

  it('reads every page of a list, and repeats labels', async () => {
    const client = await clientOf(({ url }, response) =>
      json(response, 200, url.includes('after=') ? { items: [{ id: '2' }] } : { items: [{ id: '1' }], next: '1' }),
    );
    const found = await client.list('subnets', { label: ['a=1', 'b=2'] });
    assert.deepEqual(
      found.map(({ id }) => id),
      ['1', '2'],
    );
    assert.deepEqual(
      seen.map(({ url }) => url),
      ['/v1/subnets?label=a%3D1&label=b%3D2', '/v1/subnets?label=a%3D1&label=b%3D2&after=1'],
    );
    assert.equal(queryText({ a: undefined }), '');
  });

  it('throws refusals in the words of the controller, and knows what is gone', async () => {
    const client = await clientOf(({ url }, response) => {
      if (url.endsWith('gone')) json(response, 404, { code: 'not_found', detail: 'None.', help: '' });
      else if (url.endsWith('proxy')) response.writeHead(502, { 'content-type': 'text/html' }).end('<html>');
      else json(response, 409, problem, { 'retry-after': '2' });
    });
    await assert.rejects(client.delete('subnets', 'used'), (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      const { status, code, detail, help, related, retryAfterS } = error;
      assert.deepEqual({ code, detail, help, related }, problem);
      assert.deepEqual([status, retryAfterS], [409, 2]);
      return true;
    });
    assert.equal(await client.delete('subnets', 'gone'), false);
    await assert.rejects(client.get('subnets', 'proxy'), { name: 'ProblemError', status: 502, code: 'unknown' });
  });

  it('tells a write that is not in force in time from one that failed', async () => {
    const progress = { revision: 4, applied: 1, pending: [{ name: 'hv2', reason: 'not_acknowledged' }], failed: [] };
    const client = await clientOf((_, response) => json(response, 202, progress));
    await assert.rejects(client.patch('subnets', 'a', { name: 'b' }, { appliedWithinMs: 1 }), (error: unknown) => {
      assert.ok(error instanceof NotAppliedError);
      assert.deepEqual(error.progress, progress);
      return true;
    });
    // Programs that ask by themselves are given it.
    assert.equal((await client.send('PATCH', '/v1/subnets/a?wait=applied', {})).status, 202);
  });

  it('waits for a revision until nobody who is there is behind', async () => {
    let asked = 0;
    const client = await clientOf((_, response) => {
      asked += 1;
      const late = { name: 'hv1', reason: asked < 3 ? 'not_acknowledged' : 'disconnected' };
      json(response, 200, { revision: 9, hypervisors: { applied: 1, pending: [late], failed: [] } });
    });
    assert.equal((await client.applied(9, 0)).isApplied, false);
    const { isApplied, report } = await client.applied(9, 5_000);
    assert.deepEqual([isApplied, report.revision, asked], [true, 9, 3]);
  });

  it('says when nobody answers, and repeats what can be repeated on a connection that was closed', async () => {
    const silent = await clientOf(() => undefined, 50);
    await assert.rejects(silent.get('subnets', 'a'), UnreachableError);
    await assert.rejects(
      new WeftClient({ url: 'http://127.0.0.1:1', token: null }).get('subnets', 'a'),
      UnreachableError,
    );
    await assert.rejects(new WeftClient({ url: 'weft', token: null }).get('subnets', 'a'), UnreachableError);
    let dropped = false;
    const client = await clientOf(({ method }, response, request) => {
      const isSecond = method === 'GET' && seen.length > 3 && !dropped;
      if (isSecond) {
        dropped = true;
        request.socket.destroy();
      } else json(response, 200, { id: 'a' });
    });
    seen.length = 0;
    for (let round = 0; round < 4; round += 1) assert.equal((await client.get('subnets', 'a')).id, 'a');
    assert.equal(dropped, true);
  });

  it('reads events, however they are cut, and leaves out what keeps the connection open', async () => {
    const client = await clientOf((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': hello\n\nid: 3\nevent: created\nda');
      setTimeout(() => response.end('ta: {"id":"a"}\n\nevent: deleted\ndata: 1\n\n'), 10);
    });
    const events = [];
    for await (const event of client.watch({ kinds: ['subnets'], since: 2 })) events.push(event);
    assert.deepEqual(events, [
      { event: 'created', id: '3', data: { id: 'a' } },
      { event: 'deleted', id: null, data: 1 },
    ]);
    assert.equal(seen[0]?.url, '/v1/watch?kinds=subnets&since=2');
  });
});
