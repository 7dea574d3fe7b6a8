import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'mocha';
import { firstReservedXid } from '../../../southbound/openflow/connection.js';
import {
  ConnectionClosedError,
  OpenFlowError,
  RequestLimitError,
} from '../../../southbound/openflow/connection-types.js';
import { encodeBundleAdd, encodeMessage, type Message } from '../../../southbound/openflow/message-codec.js';
import { bundleControl } from '../../../southbound/openflow/messages/bundle.js';
import { flowMod } from '../../../southbound/openflow/messages/flow-mod.js';
import { flowRequest } from '../../../southbound/openflow/messages/flow-stats.js';
import { hello } from '../../../southbound/openflow/messages/hello.js';
import { anyMessage } from './arbitrary-message.js';
import { FakeSwitch, features } from './fake-switch.js';

function refusal(type: number, code: number, data: Uint8Array): Message {
  return { kind: 'error', type, code, experimenter: null, data };
}

describe('the OpenFlow handshake', () => {
  it('offers 1.3 to 1.5, agrees on the highest in common and asks for the features', async () => {
    for (const [offered, agreed] of [
      [[4, 5, 6], 6],
      [[1, 4, 5], 5],
      [[4], 4],
    ] as const) {
      const fake = new FakeSwitch();
      fake.send(hello(offered), 0, Math.max(...offered));
      await fake.turn();
      const [greeting, asked] = fake.received;
      assert.deepEqual(greeting, { version: 6, xid: 0, message: hello([4, 5, 6]) });
      assert.equal(asked?.version, agreed);
      fake.send(features, asked.xid, agreed);
      assert.deepEqual(await fake.connection.ready, features);
      assert.equal(fake.connection.version, agreed);
      assert.deepEqual(fake.states, ['negotiating -> identifying', 'identifying -> open']);
      fake.connection.close();
    }
  });

  it('takes a hello without a bitmap, and later messages of the same segment', async () => {
    const fake = new FakeSwitch();
    const greeting = encodeMessage({ kind: 'hello', elements: [] }, 9, 4);
    const echo = encodeMessage({ kind: 'echoRequest', data: Uint8Array.of(1) }, 5, 4);
    fake.push(Buffer.concat([greeting, echo]));
    await fake.turn();
    assert.equal(fake.connection.version, 4);
    assert.deepEqual(fake.last('echoReply'), {
      version: 4,
      xid: 5,
      message: { kind: 'echoReply', data: Uint8Array.of(1) },
    });
    fake.connection.close();
  });

  it('says so and ends when no version is in common', async () => {
    const fake = new FakeSwitch();
    fake.send(hello([1, 2, 3]), 0, 3);
    await assert.rejects(fake.connection.ready, ConnectionClosedError);
    await fake.turn();
    assert.equal(fake.closed[0]?.kind, 'version');
    const { message } = fake.last('error');
    assert.deepEqual(message.kind === 'error' && [message.type, message.code], [0, 0]);
    assert.ok(fake.stream.destroyed);
  });

  it('ends when the first message is no hello, or comes too late', async () => {
    const hasty = new FakeSwitch();
    hasty.send({ kind: 'barrierRequest' }, 1);
    await hasty.turn();
    assert.deepEqual(
      hasty.closed.map(reason => reason.kind),
      ['version'],
    );
    const slow = new FakeSwitch({ limits: { handshakeTimeoutMs: 100 } });
    slow.send(hello([6]), 0);
    await slow.turn();
    slow.timers.advance(99);
    assert.equal(slow.closed.length, 0);
    slow.timers.advance(1);
    assert.equal(slow.closed[0]?.kind, 'handshakeTimeout');
  });

  it('ends when the switch later speaks another version', async () => {
    const fake = await FakeSwitch.open({}, 5);
    fake.send({ kind: 'barrierReply' }, 1, 6);
    await fake.turn();
    assert.equal(fake.closed[0]?.kind, 'version');
  });
});

describe('requests of an OpenFlow connection', () => {
  it('get their replies by xid, in whatever order these come', async () => {
    const fake = await FakeSwitch.open();
    const { connection } = fake;
    const barriers = [connection.barrier(), connection.barrier()];
    const role = connection.request({ kind: 'roleRequest', role: 'master', generationId: 7n });
    await fake.turn();
    const [first, second, third] = fake.received.map(({ xid }) => xid);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    fake.send({ kind: 'roleReply', role: 'master', generationId: 7n }, third);
    fake.send({ kind: 'barrierReply' }, second);
    fake.send({ kind: 'barrierReply' }, first);
    await Promise.all(barriers);
    assert.deepEqual(await role, { kind: 'roleReply', role: 'master', generationId: 7n });
    assert.equal(connection.waitingRequests, 0);
    connection.close();
  });

  it('reject with the error that the switch gives, and nobody else hears of it', async () => {
    const fake = await FakeSwitch.open();
    const role = fake.connection.request({ kind: 'roleRequest', role: 'master', generationId: 7n });
    await fake.turn();
    const { xid, message } = fake.last('roleRequest');
    fake.send(refusal(11, 0, encodeMessage(message, xid, 6)), xid);
    await assert.rejects(role, error => error instanceof OpenFlowError && error.code === 'OFPRRFC_STALE');
    assert.deepEqual(fake.errors, []);
    fake.connection.close();
  });

  it('leave errors of other messages to onError, which names the cookie, also inside a bundle-add', async () => {
    const fake = await FakeSwitch.open();
    const change = flowMod({ command: 'add', tableId: 3, cookie: 0x5e00_0001_0000_0042n });
    fake.send(refusal(4, 9, encodeMessage(change, 77, 6)), 77);
    const xid = firstReservedXid + 5;
    fake.send(refusal(1, 5, encodeBundleAdd(1, ['atomic'], change, xid, 6).subarray(0, 64)), xid);
    await fake.turn();
    const said = fake.errors.map(({ code, request }) => [code, request?.xid, request?.type, request?.cookie]);
    assert.deepEqual(said, [
      ['OFPBMC_BAD_PREREQ', 77, 14, change.cookie],
      ['OFPBRC_EPERM', xid, 14, change.cookie],
    ]);
    fake.connection.close();
  });

  it('collect the parts of a multipart reply, interleaved with others', async () => {
    const fake = await FakeSwitch.open();
    const table = { kind: 'table' } as const;
    const one = fake.connection.multipart(table);
    const parts: number[] = [];
    const other = fake.connection.multipartStream(table, part => parts.push(part.tables.length));
    await fake.turn();
    const [first, second] = fake.received.map(({ xid }) => xid);
    assert.ok(first !== undefined && second !== undefined);
    const entry = { tableId: 1, activeCount: 2, lookupCount: 3n, matchedCount: 4n };
    const part = (more: boolean, count: number): Message => {
      return { kind: 'multipartReply', more, body: { kind: 'table', tables: Array(count).fill(entry) } };
    };
    fake.send(part(true, 1), first);
    fake.send(part(true, 2), second);
    fake.send(part(false, 3), first);
    fake.send(part(false, 0), second);
    assert.deepEqual(
      (await one).map(({ tables }) => tables.length),
      [1, 3],
    );
    await other;
    assert.deepEqual(parts, [2, 0]);
    fake.connection.close();
  });

  it('have bounds: on how many wait, and on what one collects', async () => {
    const fake = await FakeSwitch.open({ limits: { maximumRequests: 1, maximumMultipartBytes: 60 } });
    const { connection } = fake;
    const long = connection.multipart({ kind: 'table' });
    await assert.rejects(connection.barrier(), RequestLimitError);
    await fake.turn();
    const { xid } = fake.last('multipartRequest');
    const entry = { tableId: 1, activeCount: 2, lookupCount: 3n, matchedCount: 4n };
    for (const more of [true, true, false]) {
      fake.send({ kind: 'multipartReply', more, body: { kind: 'table', tables: [entry] } }, xid);
    }
    await assert.rejects(long, RequestLimitError);
    await fake.turn();
    assert.equal(connection.waitingRequests, 0);
    assert.deepEqual([fake.unasked.length, connection.state.kind], [0, 'open']);
    connection.close();
  });

  it('wait while we read no further, and nobody takes that for the silence of the switch', async () => {
    const fake = await FakeSwitch.open({ limits: { partTimeoutMs: 1_000, echoIntervalMs: 100, echoTimeoutMs: 300 } });
    const dump = fake.connection.multipart({ kind: 'table' });
    await fake.turn();
    const { xid } = fake.last('multipartRequest');
    const goOn = fake.connection.holdReading();
    fake.send({ kind: 'multipartReply', more: false, body: { kind: 'table', tables: [] } }, xid);
    for (let step = 0; step < 100; step += 1) {
      fake.timers.advance(50);
      await fake.turn();
    }
    assert.deepEqual(fake.closed, []);
    goOn();
    assert.equal((await dump).length, 1);
    fake.connection.close();
  });

  it('never use the xids that belong to bytes encoded beforehand, nor one that still waits', async () => {
    const fake = await FakeSwitch.open();
    const { connection } = fake;
    const waiting = connection.barrier();
    await fake.turn();
    const { xid } = fake.last('barrierRequest');
    Object.assign(connection, { nextXid: firstReservedXid - 2 });
    assert.equal(connection.allocateXid(), firstReservedXid - 1);
    const wrapped = Array.from({ length: 4 }, () => connection.allocateXid());
    assert.ok(!wrapped.includes(xid) && wrapped.every(each => each > 0 && each < firstReservedXid));
    connection.close();
    await assert.rejects(waiting, ConnectionClosedError);
  });

  it('are rejected when the connection ends, and so is every later one', async () => {
    const fake = await FakeSwitch.open();
    const { connection } = fake;
    const barrier = connection.barrier();
    fake.stream.push(null);
    await assert.rejects(barrier, error => error instanceof ConnectionClosedError && error.reason.kind === 'peer');
    await assert.rejects(connection.barrier(), ConnectionClosedError);
    await assert.rejects(connection.multipart(flowRequest()), ConnectionClosedError);
    await assert.rejects(connection.drained(), ConnectionClosedError);
    assert.throws(() => connection.send({ kind: 'barrierRequest' }), ConnectionClosedError);
    assert.equal(fake.closed.length, 1);
  });
});

describe('the keepalive of an OpenFlow connection', () => {
  const limits = { echoIntervalMs: 100, echoTimeoutMs: 300 };

  it('asks only after silence, and is content with any byte', async () => {
    const fake = await FakeSwitch.open({ limits });
    fake.timers.advance(60);
    fake.send({ kind: 'barrierReply' }, 1);
    await fake.turn();
    fake.timers.advance(60);
    await fake.turn();
    assert.equal(fake.received.length, 0);
    fake.timers.advance(40);
    await fake.turn();
    const { xid } = fake.last('echoRequest');
    fake.timers.advance(250);
    fake.send({ kind: 'echoReply', data: new Uint8Array() }, xid);
    await fake.turn();
    fake.timers.advance(60);
    assert.equal(fake.connection.state.kind, 'open');
    assert.deepEqual(fake.unasked.length, 1);
    fake.connection.close();
  });

  it('ends the connection when nothing comes', async () => {
    const fake = await FakeSwitch.open({ limits });
    fake.timers.advance(399);
    assert.equal(fake.closed.length, 0);
    fake.timers.advance(1);
    assert.equal(fake.closed[0]?.kind, 'echoTimeout');
    assert.ok(fake.stream.destroyed);
    assert.equal(fake.timers.pending, 0);
  });
});

describe('the outgoing side of an OpenFlow connection', () => {
  it('puts the writes of one tick together and tells back-pressure', async () => {
    const fake = await FakeSwitch.open();
    const { connection } = fake;
    fake.isReading = false;
    const bytes = encodeMessage({ kind: 'echoRequest', data: new Uint8Array(30_000) }, firstReservedXid, 6);
    assert.ok(connection.writable);
    connection.write(bytes);
    connection.write(bytes);
    assert.equal(connection.queuedBytes, 2 * bytes.length);
    assert.ok(!connection.writable);
    let isDrained = false;
    const drained = connection.drained().then(() => {
      isDrained = true;
    });
    await fake.turn();
    assert.ok(!isDrained);
    fake.startReading();
    await drained;
    assert.ok(connection.writable);
    assert.equal(fake.received.length, 2);
    connection.close();
  });

  it('closes when the switch asks without reading the answers', async () => {
    const fake = await FakeSwitch.open({ limits: { maximumQueuedBytes: 100_000 } });
    fake.isReading = false;
    const echo = encodeMessage({ kind: 'echoRequest', data: new Uint8Array(20_000) }, 1, 6);
    for (let sent = 0; sent < 20; sent += 1) fake.push(echo);
    await fake.turn();
    assert.equal(fake.closed[0]?.kind, 'overflow');
  });

  it('gives up a switch that does not read although somebody waits', async () => {
    const fake = await FakeSwitch.open({ limits: { drainTimeoutMs: 1_000 } });
    fake.isReading = false;
    fake.connection.write(encodeMessage({ kind: 'echoRequest', data: new Uint8Array(60_000) }, firstReservedXid, 6));
    const drained = fake.connection.drained();
    fake.timers.advance(999);
    assert.equal(fake.closed.length, 0);
    fake.timers.advance(1);
    await assert.rejects(drained, ConnectionClosedError);
    assert.equal(fake.closed[0]?.kind, 'overflow');
  });

  it('still sends what was written before it was closed', async () => {
    const fake = await FakeSwitch.open();
    fake.connection.send(bundleControl('open_request', 4));
    fake.connection.close('enough');
    await fake.turn();
    assert.equal(fake.last('bundleControl').message.kind, 'bundleControl');
    assert.deepEqual(fake.closed, [{ kind: 'closed', detail: 'enough' }]);
    assert.ok(fake.stream.destroyed);
    assert.equal(fake.timers.pending, 0);
  });
});

describe('hostile bytes on an OpenFlow connection', () => {
  it('close it with a reason and throw nothing, whatever they are and however they are cut', async () => {
    const message = anyMessage(6).map(value => encodeMessage(value, 3, 6));
    const change = fc.record({ at: fc.nat(200), value: fc.nat(255) });
    const mutated = fc.tuple(message, fc.array(change, { maxLength: 3 })).map(([bytes, changes]) => {
      for (const { at, value } of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
    const chunks = fc.array(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), { minLength: 1, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(chunks, fc.boolean(), async (sent, isOpen) => {
        const fake = isOpen ? await FakeSwitch.open() : new FakeSwitch();
        for (const chunk of sent) if (chunk.length > 0) fake.push(chunk);
        await fake.turn();
        assert.ok(fake.closed.length <= 1);
        if (fake.connection.state.kind === 'closed') assert.ok(fake.closed[0]?.detail);
        fake.connection.close();
        await fake.turn();
        assert.equal(fake.closed.length, 1);
        assert.equal(fake.timers.pending, 0);
      }),
      { numRuns: 400 },
    );
  });

  it('are malformed when a length is below that of a header', async () => {
    const fake = await FakeSwitch.open();
    fake.push(Uint8Array.of(6, 21, 0, 7, 0, 0, 0, 1));
    await fake.turn();
    assert.equal(fake.closed[0]?.kind, 'malformed');
    assert.ok(fake.stream.destroyed);
  });
});
