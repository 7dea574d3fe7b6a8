/** Replies of many parts that break off, make no sense or have no end: whoever asked is told, and nothing is left of them. */
import assert from 'node:assert/strict';
import { ConnectionClosedError } from '../../../southbound/openflow/connection-types.js';
import { encodeMessage } from '../../../southbound/openflow/message-codec.js';
import { flowRequest, flowsIn } from '../../../southbound/openflow/messages/flow-stats.js';
import { FakeSwitch } from './fake-switch.js';

describe('multipart requests of an OpenFlow connection', () => {
  it('are rejected with the connection when any part of a reply makes no sense, the last one too', async () => {
    for (const more of [true, false]) {
      const fake = await FakeSwitch.open();
      const { connection } = fake;
      const dump = connection.multipartBytes(flowRequest(), bytes => assert.equal([...flowsIn(bytes)].length, 0));
      const rejected = assert.rejects(dump, ConnectionClosedError);
      await fake.turn();
      const { xid } = fake.last('multipartRequest');
      const whole = encodeMessage({ kind: 'multipartReply', more, body: { kind: 'flow', flows: [] } }, xid, 6);
      const part = Buffer.concat([whole, Uint8Array.of(0, 5)]);
      part.writeUInt16BE(part.length, 2);
      fake.push(part);
      await fake.turn();
      assert.deepEqual([fake.closed[0]?.kind, connection.waitingRequests, fake.timers.pending], ['malformed', 0, 0]);
      await rejected;
    }
  });

  it('end the connection of a switch that lives but does not go on with its reply, or only with empty parts', async () => {
    const entry = { tableId: 1, activeCount: 2, lookupCount: 3n, matchedCount: 4n };
    for (const asks of ['decoded', 'bytes']) {
      const fake = await FakeSwitch.open({ limits: { partTimeoutMs: 1_000, echoIntervalMs: 100_000 } });
      const { connection } = fake;
      const dump =
        asks === 'bytes'
          ? connection.multipartBytes({ kind: 'table' }, () => undefined)
          : connection.multipart({ kind: 'table' });
      const rejected = assert.rejects(dump, ConnectionClosedError);
      await fake.turn();
      const { xid } = fake.last('multipartRequest');
      for (const tables of [[entry], []]) {
        fake.timers.advance(900);
        assert.equal(fake.closed.length, 0, 'a part came meanwhile');
        fake.send({ kind: 'multipartReply', more: true, body: { kind: 'table', tables } }, xid);
        await fake.turn();
      }
      fake.timers.advance(200);
      assert.equal(fake.closed[0]?.kind, 'replyTimeout');
      await rejected;
      assert.equal(fake.timers.pending, 0);
    }
  });

  it('end the connection of a switch that goes on with its reply for ever', async () => {
    const limits = { partTimeoutMs: 1_000, replyTimeoutMs: 5_000, echoIntervalMs: 100_000 };
    const fake = await FakeSwitch.open({ limits });
    const rejected = assert.rejects(
      fake.connection.multipartStream({ kind: 'table' }, () => undefined),
      ConnectionClosedError,
    );
    await fake.turn();
    const { xid } = fake.last('multipartRequest');
    const entry = { tableId: 1, activeCount: 2, lookupCount: 3n, matchedCount: 4n };
    let parts = 0;
    for (; parts < 100 && fake.closed.length === 0; parts += 1) {
      fake.timers.advance(500);
      fake.send({ kind: 'multipartReply', more: true, body: { kind: 'table', tables: [entry] } }, xid);
      await fake.turn();
    }
    assert.deepEqual([parts, fake.closed[0]?.kind, fake.timers.pending], [10, 'replyTimeout', 0]);
    await rejected;
  });
});
