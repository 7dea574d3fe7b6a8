import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { OvsdbClient, type LockState } from '../../../southbound/ovsdb/client.js';
import { Replica, type RowChange } from '../../../southbound/ovsdb/replica.js';
import {
  adding,
  assertLock,
  byUuid,
  insert,
  mutate,
  select,
  TransactionError,
  update,
  wait,
} from '../../../southbound/ovsdb/transact.js';
import { dial, Redialler } from '../../../southbound/ovsdb/transport.js';
import { DatabaseServer } from '../../ovs/database-server.js';
import { freePort } from '../../ovs/free-port.js';
import { CertificateAuthority } from './certificates.js';

const ids = (...pairs: (readonly [string, string])[]) => new Map(pairs);

describe('OVSDB client, against a real ovsdb-server', function () {
  let server: DatabaseServer;
  const clients: OvsdbClient[] = [];

  before(async () => {
    server = await DatabaseServer.start();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close('end of test');
  });
  after(() => server.stop());

  async function open(): Promise<OvsdbClient> {
    const client = await OvsdbClient.open(await dial({ kind: 'unix', path: server.socket }, null, 1000));
    clients.push(client);
    return client;
  }

  function watched(): { readonly replica: Replica; readonly changes: RowChange[] } {
    const replica = new Replica();
    const changes: RowChange[] = [];
    replica.onChange(more => changes.push(...more));
    return { replica, changes };
  }

  it('holds its own change before the transaction resolves', async () => {
    const client = await open();
    const { replica } = watched();
    await replica.follow(client);
    await client.transact([update('Open_vSwitch', [], { external_ids: ids(['a', '1']) })]);
    assert.deepEqual(replica.only('Open_vSwitch')?.external_ids, ids(['a', '1']));
  });

  it('tells a reconnect only as what really changed meanwhile', async () => {
    const { replica, changes } = watched();
    await replica.follow(await open());
    await server.vsctl('add-br', 'br1', '--', 'add-br', 'br2');
    while (replica.rows('Bridge').size < 2) await sleep(5);
    const client = clients[0];
    client?.close('test');
    assert.equal(replica.isCurrent, false);
    assert.equal(replica.rows('Bridge').size, 2, 'what was known stays known');
    await server.vsctl('del-br', 'br2');
    await server.vsctl('set', 'bridge', 'br1', 'fail_mode=secure');
    changes.length = 0;
    await replica.follow(await open());
    const told = changes.map(
      ({ table, before, after }) => `${table} ${before ? 'was' : 'new'} ${after ? 'is' : 'gone'}`,
    );
    const expected = ['Bridge was gone', 'Bridge was is', 'Interface was gone', 'Open_vSwitch was is', 'Port was gone'];
    assert.deepEqual(new Set(told), new Set(expected));
    assert.equal(told.length, expected.length);
    changes.length = 0;
    clients[1]?.close('test');
    await replica.follow(await open());
    assert.deepEqual(changes, []);
    await server.vsctl('del-br', 'br1');
  });

  it('follows a server that is killed and started again', async () => {
    const { replica, changes } = watched();
    const client = await open();
    await replica.follow(client);
    const closed = new Promise(resolve => client.onClose(resolve));
    changes.length = 0;
    await server.restart();
    await closed;
    await replica.follow(await open());
    assert.deepEqual(changes, []);
  });

  it('agrees with a fresh replica after many random changes', async () => {
    const client = await open();
    const { replica } = watched();
    await replica.follow(client);
    for (let i = 0; i < 60; i++) {
      const name = `p${i % 7}`;
      const exists = [...replica.rows('Port').values()].some(port => port.name === name);
      if (i % 10 === 0) await server.vsctl('--may-exist', 'add-br', 'br1');
      if (exists && i % 3 === 0) await server.vsctl('del-port', name);
      else
        await server.vsctl(
          '--may-exist',
          'add-port',
          'br1',
          name,
          '--',
          'set',
          'interface',
          name,
          `external_ids:n=${i}`,
        );
    }
    const { replica: fresh } = watched();
    await fresh.follow(await open());
    await client.transact([]);
    for (const table of ['Bridge', 'Port', 'Interface', 'Open_vSwitch'] as const) {
      assert.deepEqual(replica.rows(table), fresh.rows(table), table);
    }
    await server.vsctl('del-br', 'br1');
  });

  it('names the operation that failed, and does none of them', async () => {
    const client = await open();
    const operations = [
      update('Open_vSwitch', [], { external_ids: ids(['never', 'seen']) }),
      insert('Bridge', { name: 'x', fail_mode: 'no such mode' }),
      insert('Bridge', { name: 'y' }),
    ];
    const error = await client.transact(operations).catch((cause: unknown) => cause);
    assert.ok(error instanceof TransactionError);
    assert.equal(error.code, 'constraint violation');
    assert.equal(error.operation, operations[1]);
    assert.equal(error.index, 1);
    assert.equal(error.isConflict, false);
    const [result] = await client.transact([select('Open_vSwitch', [], ['external_ids'])]);
    assert.doesNotMatch(JSON.stringify(result?.rows), /never/);
  });

  it('reports an error of the commit as one of no operation', async () => {
    const client = await open();
    const dangling = '0190c0de-0000-7000-8000-00000000c0de';
    const refused = client.transact([mutate('Open_vSwitch', [], [adding('Open_vSwitch', 'bridges', [dangling])])]);
    const error = await refused.catch((cause: unknown) => cause);
    assert.ok(error instanceof TransactionError);
    assert.equal(error.code, 'referential integrity violation');
    assert.equal(error.operation, null);
  });

  it('compares and sets: of two writers that read the same, one wins and one sees a conflict', async () => {
    const [first, second] = [await open(), await open()];
    const { replica } = watched();
    await replica.follow(first);
    const root = replica.only('Open_vSwitch');
    assert.ok(root);
    const where = [byUuid(root._uuid)];
    const claim = (name: string) => [
      wait('Open_vSwitch', where, '==', ['external_ids'], [{ external_ids: root.external_ids }]),
      update('Open_vSwitch', where, { external_ids: ids(['winner', name]) }),
    ];
    const outcomes = await Promise.allSettled([first.transact(claim('a')), second.transact(claim('b'))]);
    const lost = outcomes.filter(outcome => outcome.status === 'rejected');
    assert.equal(lost.length, 1);
    assert.ok(lost.every(({ reason }) => reason instanceof TransactionError && reason.isConflict));
  });

  it('owns a lock until it is stolen or given up, and asserts it in transactions', async () => {
    const [first, second] = [await open(), await open()];
    const told: string[] = [];
    const listener = (who: string) => (state: LockState) => told.push(`${who} ${state}`);
    assert.equal(await first.lock('l', listener('first')), 'owned');
    assert.equal(await second.lock('l', listener('second')), 'waiting');
    await first.transact([assertLock('l')]);
    await assert.rejects(second.transact([assertLock('l')]), /not owner/);
    await first.unlock('l');
    await second.probe(1000);
    assert.deepEqual(told, ['second owned']);
    assert.equal(await first.steal('l', listener('first')), 'owned');
    await second.probe(1000);
    assert.deepEqual(told, ['second owned', 'second lost']);
  });

  it('falls back to the monitors of older servers, with the same rows', async () => {
    const client = await open();
    const { replica } = watched();
    await replica.follow(client);
    for (const missing of [['monitor_cond_since'], ['monitor_cond_since', 'monitor_cond']]) {
      const old = await open();
      const call = old.call.bind(old);
      old.call = (method, params, accept) => call(missing.includes(method) ? `no_${method}` : method, params, accept);
      const { replica: other, changes } = watched();
      await other.follow(old);
      await server.vsctl('add-br', 'br1');
      await server.vsctl('set', 'bridge', 'br1', 'protocols=OpenFlow15,OpenFlow13', 'external_ids:x=y');
      await server.vsctl(
        'set',
        'bridge',
        'br1',
        'protocols=OpenFlow15',
        '--',
        'remove',
        'bridge',
        'br1',
        'external_ids',
        'x',
      );
      await Promise.all([old.transact([]), client.transact([])]);
      assert.deepEqual(new Map(other.rows('Bridge')), new Map(replica.rows('Bridge')));
      await server.vsctl('del-br', 'br1');
      await old.transact([]);
      assert.equal(other.rows('Port').size, 0);
      assert.ok(changes.length > 0);
    }
  });

  it('refuses a host that has more rows than it may', async () => {
    const client = await open();
    await server.vsctl('add-br', 'br1', '--', 'add-br', 'br2');
    await assert.rejects(new Replica(['Bridge'], { maximumRows: 1 }).follow(client), /more than 1 rows/);
    assert.notEqual(client.closeReason, null);
    await server.vsctl('del-br', 'br1', '--', 'del-br', 'br2');
  });

  it('takes part when ovsdb-server dials it as its manager, and is dialled again', async () => {
    const streams: Duplex[] = [];
    const listener = createServer(socket => streams.push(socket));
    await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve));
    const address = listener.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await server.vsctl('set-manager', `tcp:127.0.0.1:${port}`, '--', 'set', 'manager', '.', 'max_backoff=1000');
    for (let round = 1; round <= 2; round++) {
      while (streams.length < round) await sleep(10);
      const stream = streams[round - 1];
      assert.ok(stream);
      const client = await OvsdbClient.open(stream);
      const { replica } = watched();
      await replica.follow(client);
      assert.equal(replica.rows('Manager').size, 1);
      client.close('test');
    }
    await server.vsctl('del-manager');
    listener.close();
  });

  it('dials again when the connection has ended, until it is stopped', async () => {
    const dialled: OvsdbClient[] = [];
    const target = { kind: 'unix', path: server.socket } as const;
    const redial = new Redialler(
      target,
      () => null,
      async stream => {
        const client = await OvsdbClient.open(stream);
        dialled.push(client);
        await new Promise(resolve => client.onClose(resolve));
      },
      () => {},
      { leastBackoffMs: 10, mostBackoffMs: 20 },
    );
    redial.start();
    while (dialled.length < 1) await sleep(5);
    dialled[0]?.close('test');
    while (dialled.length < 2) await sleep(5);
    redial.stop();
    dialled[1]?.close('test');
    await sleep(60);
    assert.equal(dialled.length, 2);
  });
});

describe('OVSDB over TLS, against a real ovsdb-server', function () {
  let authority: CertificateAuthority;
  let server: DatabaseServer;

  before(async () => {
    authority = await CertificateAuthority.make();
    await authority.issue('hv1');
    const file = (name: string) => authority.file(name);
    const args = [
      `--private-key=${file('hv1.key')}`,
      `--certificate=${file('hv1.crt')}`,
      `--ca-cert=${file('ca.crt')}`,
    ];
    server = await DatabaseServer.start({ args });
  });
  after(async () => {
    await server.stop();
    await authority.remove();
  });

  it('dials and is dialled, each side knowing the other by its certificate', async () => {
    const identity = await authority.issue('weft');
    const port = await freePort();
    await server.vsctl('set-manager', `pssl:${port}:127.0.0.1`);
    const target = { kind: 'ssl', host: '127.0.0.1', port } as const;
    const listens = () => dial({ ...target, kind: 'tcp' }, null, 1000).then(socket => socket.destroy() !== null);
    while (!(await listens().catch(() => false))) await sleep(10);
    const client = await OvsdbClient.open(await dial(target, identity, 2000));
    assert.equal(await client.probe(1000), true);
    client.close('test');
    const other = await CertificateAuthority.make();
    await assert.rejects(dial(target, await other.issue('stranger'), 2000), /certificate/);
    await other.remove();

    const accepted = new Promise<Duplex>(resolve => {
      const listener = createTlsServer({ ...identity, requestCert: true, rejectUnauthorized: true }, socket => {
        listener.close();
        resolve(socket);
      });
      listener.listen(0, '127.0.0.1', () => {
        const address = listener.address();
        void server.vsctl('set-manager', `ssl:127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`);
      });
    });
    const passive = await OvsdbClient.open(await accepted);
    assert.equal(await passive.probe(1000), true);
    passive.close('test');
    await server.vsctl('del-manager');
  });
});
