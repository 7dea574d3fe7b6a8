import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { RpcClosedError, RpcConnection, RpcError } from '../../../southbound/ovsdb/rpc.js';
import { FakeTimers } from './fake-timers.js';

/** The other end of a connection: what was written to it, and a way to answer. */
class Peer extends Duplex {
  readonly received: string[] = [];
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.received.push(chunk.toString());
    done();
  }
  say(message: unknown): void {
    this.push(JSON.stringify(message));
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve));

function connection() {
  const peer = new Peer();
  const timers = new FakeTimers();
  const rpc = new RpcConnection(peer, { timers, probeIntervalMs: 1000, requestTimeoutMs: 5000 });
  return { peer, timers, rpc };
}

describe('OVSDB JSON-RPC', () => {
  it('sends a request of exactly id, method and params', async () => {
    const { peer, rpc } = connection();
    const answer = rpc.request('list_dbs', [], result => result);
    assert.deepEqual(peer.received, ['{"id":1,"method":"list_dbs","params":[]}']);
    peer.say({ id: 1, result: ['Open_vSwitch'], error: null });
    assert.deepEqual(await answer, ['Open_vSwitch']);
  });

  it('answers echo, refuses other requests, and answers no notification', async () => {
    const { peer, rpc } = connection();
    peer.say({ id: 'echo', method: 'echo', params: ['x', 1] });
    peer.say({ id: 7, method: 'steal_all', params: [] });
    peer.say({ id: null, method: 'update', params: [] });
    await turn();
    assert.deepEqual(peer.received, [
      '{"id":"echo","result":["x",1],"error":null}',
      '{"id":7,"result":null,"error":"unknown method"}',
    ]);
    assert.equal(rpc.closeReason, null);
  });

  it('takes an error that is a string, an object, or has no result beside it', async () => {
    const { peer, rpc } = connection();
    const errors: unknown[] = ['unknown method', { error: 'not allowed', details: 'read only' }, 42];
    const answers = errors.map(() => rpc.request('x', [], result => result).catch((error: unknown) => error));
    errors.forEach((error, i) => peer.say({ id: i + 1, error }));
    const told = (await Promise.all(answers)) as RpcError[];
    assert.ok(told.every(error => error instanceof RpcError));
    assert.deepEqual(
      told.map(error => [error.code, error.details]),
      [
        ['unknown method', ''],
        ['not allowed', 'read only'],
        ['unknown error', '42'],
      ],
    );
  });

  it('accepts a reply before it looks at the notification behind it', async () => {
    const { peer, rpc } = connection();
    const order: string[] = [];
    rpc.onNotification('update', () => order.push('update'));
    const answer = rpc.request('monitor', [], () => order.push('reply'));
    peer.push('{"id":1,"result":{},"error":null}{"id":null,"method":"update","params":[]}');
    await answer;
    assert.deepEqual(order, ['reply', 'update']);
  });

  it('ends on a reply to nothing, and everything under way fails with the reason', async () => {
    const { peer, rpc } = connection();
    const answer = rpc.request('x', [], result => result);
    peer.say({ id: 99, result: null, error: null });
    await assert.rejects(answer, RpcClosedError);
    assert.match(rpc.closeReason ?? '', /a reply to nothing/);
    await assert.rejects(
      rpc.request('y', [], result => result),
      /a reply to nothing/,
    );
  });

  it('asks a silent peer, and gives it up when it stays silent', async () => {
    const { peer, timers, rpc } = connection();
    await timers.advance(1000);
    assert.deepEqual(peer.received, ['{"id":1,"method":"echo","params":[]}']);
    peer.say({ id: 1, result: [], error: null });
    await turn();
    await timers.advance(1500);
    assert.equal(peer.received.length, 2);
    assert.equal(rpc.closeReason, null);
    await timers.advance(1000);
    assert.match(rpc.closeReason ?? '', /silent/);
  });

  it('does not take its own pause for the silence of the peer', async () => {
    const { peer, timers, rpc } = connection();
    timers.stall(60_000);
    await timers.advance(0);
    assert.equal(rpc.closeReason, null, 'what came meanwhile must be read first');
    assert.equal(peer.received.length, 1);
    await timers.advance(1000);
    assert.match(rpc.closeReason ?? '', /silent/);
  });

  it('lets bytes of an unfinished message count as a sign of life', async () => {
    const { peer, timers, rpc } = connection();
    peer.push('{"id":null,"method":"update","params":["');
    for (let i = 0; i < 10; i++) {
      await turn();
      await timers.advance(900);
      peer.push('x');
    }
    assert.equal(rpc.closeReason, null);
  });

  it('ends a request that is never answered although the peer lives', async () => {
    const { peer, timers, rpc } = connection();
    const refused = assert.rejects(
      rpc.request('transact', [], result => result),
      /no answer to transact within 5000 ms/,
    );
    for (let i = 0; i < 6; i++) {
      await timers.advance(900);
      peer.say({ id: null, method: 'update', params: [] });
      await turn();
    }
    await refused;
  });

  it('ends a connection whose peer does not read', async () => {
    const peer = new Peer();
    peer._write = () => {}; // never done
    const rpc = new RpcConnection(peer, { timers: new FakeTimers(), unsentBytes: 1000 });
    const answers = Array.from({ length: 20 }, () => rpc.request('x', ['y'.repeat(100)], result => result));
    const outcomes = await Promise.allSettled(answers);
    assert.ok(outcomes.every(outcome => outcome.status === 'rejected'));
    assert.match(rpc.closeReason ?? '', /leaves more than 1000 bytes unread/);
  });

  it('ends on any other JSON, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.dictionary(fc.constantFrom('id', 'method', 'params', 'result', 'error', 'x'), fc.jsonValue())),
        async messages => {
          const { peer, rpc } = connection();
          const answer = rpc.request('x', [], result => result).catch(() => {});
          for (const message of messages) peer.say(message);
          await turn();
          rpc.close('end of test');
          await answer;
          assert.notEqual(rpc.closeReason, null);
        },
      ),
      { numRuns: 200 },
    );
  });
});
