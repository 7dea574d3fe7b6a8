/** The chaos proxy: invisible until it is told something, and then exactly that. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { ChaosProxy, type ChaosProxyOptions } from '../../lab/chaos-proxy.js';
import { eventually } from '../../lab/processes.js';
import { type Direction, frameConnection, type WireProtocol } from '../../lab/wire-framing.js';
import { output } from '../../southbound/openflow/actions.js';

import { bundleControl } from '../../southbound/openflow/messages/bundle.js';
import { encodeMessage } from '../../southbound/openflow/message-codec.js';
import { bundleId, bundleOpen, encodeFlowAdd, flowVersion } from '../../src/delivery/encoding.js';
import { sharedPostgres } from '../fixtures/postgres.js';

/** Every value of a byte, in an order that tells places apart. */
const pattern = (length: number): Buffer =>
  Buffer.from(Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff));

describe('chaos proxy', () => {
  let server: Server;
  let proxy: ChaosProxy;
  const clients: Socket[] = [];

  const portOf = (listening: Server): number => {
    const address = listening.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  };

  async function startProxy(options: Partial<ChaosProxyOptions> = {}): Promise<void> {
    proxy = await ChaosProxy.start({ target: { port: portOf(server) }, ...options });
  }

  /** A connection through the proxy: both of its ends. */
  async function pair(): Promise<readonly [Socket, Socket]> {
    const arrival = once(server, 'connection') as Promise<[Socket]>;
    const client = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true });
    clients.push(client);
    const [far] = await arrival;
    clients.push(far);
    // Who waits for an error hears of it all the same.
    for (const socket of [client, far]) socket.on('error', () => {});
    return [client, far];
  }

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(async () => {
    await proxy.stop();
    for (const socket of clients) socket.destroy();
    clients.length = 0;
    server.close();
  });

  it('passes bytes and ends unchanged, in both directions', async () => {
    await startProxy();
    const [client, far] = await pair();
    const sent = pattern(300_000);
    client.end(sent);
    const received: Buffer[] = [];
    far.on('data', chunk => received.push(chunk));
    await once(far, 'end');
    assert.ok(Buffer.concat(received).equals(sent));
    // Half closed: the other direction lives on.
    far.end(sent.subarray(1));
    assert.ok((await buffer(client)).equals(sent.subarray(1)));
  });

  it('delays, slices and joins without changing a byte', async () => {
    await startProxy();
    for (const [length, shape] of [
      [3_000, { sliceBytes: 1 }],
      [200_000, { joinBytes: 64 * 1024 }],
      [20_000, { latencyMs: 5, jitterMs: 5, sliceBytes: 777 }],
      [20_000, { bytesPerSecond: 1_000_000 }],
    ] as const) {
      proxy.shape(shape);
      const [client, far] = await pair();
      const sent = pattern(length);
      for (let at = 0; at < length; at += 1_000) client.write(sent.subarray(at, at + 1_000));
      client.end();
      assert.ok((await buffer(far)).equals(sent), JSON.stringify(shape));
    }
  });

  it('holds back for the latency', async () => {
    await startProxy();
    proxy.shape({ latencyMs: 60 }, ['toServer']);
    const [client, far] = await pair();
    const startMs = performance.now();
    client.write('x');
    await once(far, 'data');
    assert.ok(performance.now() - startMs >= 59);
  });

  it('flips one bit of every so many bytes', async () => {
    await startProxy();
    proxy.shape({ flipEveryBytes: 100 }, ['toServer']);
    const [client, far] = await pair();
    const sent = pattern(10_000);
    client.end(sent);
    const received = await buffer(far);
    const flipped = [...received]
      .map((byte, index) => byte ^ (sent[index] ?? 0))
      .filter(difference => difference !== 0);
    assert.equal(flipped.length, 100);
    assert.ok(flipped.every(difference => Number.isInteger(Math.log2(difference))));
  });

  it('loses nothing in a stall, and everything in a black hole', async () => {
    await startProxy();
    const [client, far] = await pair();
    const received: Buffer[] = [];
    far.on('data', chunk => received.push(chunk));
    const text = (): string => Buffer.concat(received).toString();
    proxy.stall();
    client.write('held');
    await sleep(50);
    assert.equal(text(), '');
    await proxy.heal();
    await eventually('it arrives', () => text() === 'held');
    proxy.blackHole();
    client.end('lost');
    await sleep(50);
    assert.deepEqual([text(), far.readableEnded], ['held', false]);
    // There is no way back for a connection that lacks bytes.
    const failed = once(far, 'error') as Promise<[NodeJS.ErrnoException]>;
    await proxy.heal();
    assert.equal((await failed)[0].code, 'ECONNRESET');
  });

  it('passes a reset on, resets itself, refuses and accepts again, and follows its target', async () => {
    await startProxy();
    const [client, far] = await pair();
    const farFailed = once(far, 'error') as Promise<[NodeJS.ErrnoException]>;
    client.resetAndDestroy();
    assert.equal((await farFailed)[0].code, 'ECONNRESET');
    const [second] = await pair();
    const failed = once(second, 'error') as Promise<[NodeJS.ErrnoException]>;
    proxy.resetAll();
    assert.equal((await failed)[0].code, 'ECONNRESET');

    await proxy.refuse();
    const refused = connect({ port: proxy.port, host: '127.0.0.1' });
    const [error] = (await once(refused, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNREFUSED');
    await proxy.heal();
    const other = createServer(socket => socket.end('other'));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    proxy.target = { port: portOf(other) };
    const third = connect({ port: proxy.port, host: '127.0.0.1' });
    assert.equal((await buffer(third)).toString(), 'other');
    other.close();
  });

  const ofOpenFlow = [
    bundleOpen,
    encodeFlowAdd({ table: 1, priority: 5, match: [], actions: [output(1)] }, 7n, 9),
    encodeMessage({ kind: 'barrierRequest' }, 3, flowVersion),
    encodeMessage(bundleControl('commit_request', bundleId, ['atomic', 'ordered']), 4, flowVersion),
  ];

  for (const place of ['before', 'inside', 'after'] as const) {
    it(`cuts ${place} a message`, async () => {
      await startProxy({ protocol: 'openflow' });
      const [client, far] = await pair();
      const [open = new Uint8Array(), add = new Uint8Array(), barrier = new Uint8Array()] = ofOpenFlow;
      const fired = proxy.cut({
        direction: 'toServer',
        matches: ({ name, detail }) => name === 'bundle_add' && detail === 'flow_mod',
        place,
        how: 'end',
      });
      client.write(Buffer.concat([open, add, barrier]));
      const expected = { before: 0, inside: Math.floor(add.length / 2), after: add.length }[place];
      assert.equal((await buffer(far)).length, open.length + expected);
      assert.ok((await fired).bytes.equals(add));
    });
  }

  it('names the messages of OpenFlow and JSON-RPC however they are cut into pieces', () => {
    const names = (protocol: WireProtocol, direction: Direction, bytes: Buffer, size: number): string[] => {
      const framing = frameConnection(protocol)[direction];
      const messages = [];
      for (let at = 0; at < bytes.length; at += size) messages.push(...framing.push(bytes.subarray(at, at + size)));
      assert.ok(Buffer.concat(messages.map(message => message.bytes)).equals(bytes));
      return messages.map(({ name, detail }) => `${name} ${detail}`.trim());
    };
    const json = Buffer.from('{"method":"trans}\\"{act","id":1,"params":[{"a":"\\\\"}]}{"id":1,"result":[{}]}');
    for (const size of [1, 3, 7, 1_000]) {
      assert.deepEqual(names('openflow', 'toServer', Buffer.concat(ofOpenFlow), size), [
        'bundle_control open_request',
        'bundle_add flow_mod',
        'barrier_request',
        'bundle_control commit_request',
      ]);
      assert.deepEqual(names('jsonrpc', 'toClient', json, size), ['trans}"{act', 'reply']);
    }
    // What is no OpenFlow passes all the same.
    assert.deepEqual(names('openflow', 'toServer', Buffer.from([1, 2, 0, 3, 5]), 100), ['bytes']);
  });

  it('cuts Postgres before a COMMIT, and after it before the reply', async function () {
    const cluster = await sharedPostgres();
    if (cluster === null) return this.skip();
    const url = new URL(await cluster.createDatabase());
    await startProxy({ protocol: 'postgres', target: { port: Number(url.port) } });
    const through = new URL(url);
    through.port = String(proxy.port);
    const direct = new pg.Client({ connectionString: url.href });
    await direct.connect();
    await direct.query('CREATE TABLE t (n int)');
    const insert = async (n: number): Promise<void> => {
      const client = new pg.Client({ connectionString: through.href });
      client.on('error', () => {}); // reported by the query too
      await client.connect();
      await client.query('BEGIN');
      await client.query('INSERT INTO t VALUES ($1)', [n]);
      await client.query('COMMIT');
      await client.end();
    };
    await insert(1);
    const isCommit = (name: string) => (message: { name: string; detail: string }) =>
      message.name === name && message.detail === 'COMMIT';
    void proxy.cut({ direction: 'toServer', matches: isCommit('Query'), place: 'before', how: 'reset' });
    await assert.rejects(insert(2));
    void proxy.cut({ direction: 'toClient', matches: isCommit('CommandComplete'), place: 'before', how: 'reset' });
    await assert.rejects(insert(3));
    await insert(4);
    const { rows } = await direct.query<{ n: number }>('SELECT n FROM t ORDER BY n');
    await direct.end();
    assert.deepEqual(
      rows.map(({ n }) => n),
      [1, 3, 4],
    );
  });
});
