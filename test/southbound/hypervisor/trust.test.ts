/** Who gets past the TLS listeners, by certificate: every fault that one can have, on the OVSDB and on the OpenFlow side. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { SouthboundListener } from '../../../southbound/hypervisor/listener.js';
import { systemClock } from '../../../src/base/clock.js';
import {
  issueCertificate,
  type KeyAndCertificate,
  makeAuthority,
  makeRevocationList,
  readRevocationList,
} from '../../../src/trust/authority.js';

const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);
const nobody = { dns: [], ips: [] };

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 8_000; !holds(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`timeout: ${String(holds)}`);
  }
}

describe('southbound listeners judge certificates', () => {
  let authority: KeyAndCertificate;
  let stranger: KeyAndCertificate;
  let server: KeyAndCertificate;
  let listener: SouthboundListener;
  let lines: string[];
  let port: number;

  const issue = (
    name: string,
    by = authority,
    from = days(-2),
    until = days(2),
    usage: 'client' | 'server' = 'client',
  ) => issueCertificate(by, { commonName: name, names: nobody, usages: [usage], notBefore: from, notAfter: until });
  const identity = (crl?: string) => ({
    key: server.key,
    cert: server.certificate,
    ca: authority.certificate,
    ...(crl === undefined ? {} : { crl }),
  });

  before(async () => {
    [authority, stranger] = [
      await makeAuthority('ours', days(-9), days(9)),
      await makeAuthority('other', days(-9), days(9)),
    ];
    server = await issue('weft', authority, days(-2), days(2), 'server');
  });

  beforeEach(async () => {
    lines = [];
    const target = { kind: 'ssl', host: '127.0.0.1', port: 0 } as const;
    listener = new SouthboundListener({
      ovsdb: [target],
      openflow: [target],
      punt: [],
      tls: identity(await makeRevocationList(authority, [], new Date())),
      registry: { identify: async () => ({ kind: 'refused', reason: 'nobody is let in here' }) },
      clock: systemClock,
      log: pino({ base: null }, { write: line => void lines.push(line) }),
      onSession: () => {},
    });
    await listener.start();
    port = portOf('ovsdb');
  });
  afterEach(() => listener.stop());

  function portOf(use: 'ovsdb' | 'flows'): number {
    const [target] = listener.endpoints(use);
    return target?.kind === 'ssl' ? target.port : assert.fail();
  }

  const refused = () => listener.refusals.recent.map(({ code, names, count }) => [code, ...names, count]);
  const openConnections = () => listener.load.reduce((sum, { connections }) => sum + connections, 0);

  async function dial(pair: KeyAndCertificate | null, session?: Buffer): Promise<TLSSocket> {
    const own = pair === null ? {} : { key: pair.key, cert: pair.certificate };
    const resumed = session === undefined ? {} : { session };
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca: authority.certificate,
      checkServerIdentity: () => undefined,
      ...own,
      ...resumed,
    });
    socket.on('error', () => {});
    socket.resume();
    await once(socket, 'secureConnect');
    return socket;
  }

  /** Whether the listener talks to who dials it (it speaks first, on both ports). */
  async function isHeard(pair: KeyAndCertificate | null): Promise<boolean> {
    const socket = await dial(pair);
    const heard = await Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)]);
    socket.destroy();
    return heard;
  }

  it('hears a host of ours, and refuses every other with the reason, logged once', async () => {
    const good = await issue('hv1');
    const cases: readonly [string, KeyAndCertificate | null, string][] = [
      ['no_certificate', null, ''],
      ['unknown_authority', await issue('hv2', stranger), 'hv2'],
      ['expired', await issue('hv3', authority, days(-2), days(-1)), 'hv3'],
      ['not_yet_valid', await issue('hv4', authority, days(1), days(2)), 'hv4'],
      ['unknown_authority', await issue('hv5', authority, days(-1), days(2), 'server'), 'hv5'],
    ];
    for (const use of ['ovsdb', 'flows'] as const) {
      port = portOf(use);
      assert.equal(await isHeard(good), true);
      for (const [, pair] of cases) for (let turn = 0; turn < 3; turn += 1) assert.equal(await isHeard(pair), false);
    }
    const expected = cases.map(([code, , name]) => (name === '' ? [code, 3] : [code, name, 3]));
    assert.deepEqual(refused(), [...expected, ...expected]);
    assert.equal(lines.filter(line => line.includes('a peer is refused')).length, 2 * cases.length);
  });

  it('refuses a revoked certificate, ends the connection that it has, and leaves others alone', async () => {
    const [revoked, other] = [await issue('hv1'), await issue('hv2')];
    assert.equal(await isHeard(revoked), true);
    const [open, kept] = [await dial(revoked), await dial(other)];
    const closed = once(open, 'close');
    await once(kept, 'data');
    const crl = await makeRevocationList(
      authority,
      [{ serialNumber: revoked.serialNumber, at: new Date() }],
      new Date(),
    );
    listener.setTls(identity(crl), readRevocationList(crl).serialNumbers);
    await closed;
    assert.equal(await isHeard(revoked), false);
    assert.equal(await isHeard(other), true);
    assert.equal(kept.destroyed, false);
    kept.destroy();
    assert.deepEqual(refused(), [['revoked', 'hv1', 1]]);
  });

  it('takes up no older TLS session: its certificate may have been revoked since', async () => {
    const pair = await issue('hv1');
    let session: Buffer | undefined;
    const first = await dial(pair);
    first.on('session', data => (session = data));
    await once(first, 'data');
    await sleep(20);
    first.destroy();
    const again = await dial(pair, session);
    assert.equal(again.isSessionReused(), false);
    again.destroy();
  });

  it('tells who does not speak TLS, or hangs up', async () => {
    const talk = async (text: string | null): Promise<void> => {
      const socket = connectPlain(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      if (text === null) socket.destroy();
      else socket.write(text);
      if (text !== null) await once(socket, 'close');
    };
    await talk('{"id":1,"method":"echo","params":[]}');
    await talk('GET / HTTP/1.0\r\n\r\n');
    await talk(null);
    await until(() => listener.refusals.recent.length === 3 && openConnections() === 0);
    const reasons = listener.refusals.recent.map(({ reason, address }) => `${address} ${reason}`);
    assert.deepEqual(reasons.toSorted(), [
      '127.0.0.1 it does not speak TLS',
      '127.0.0.1 it hung up during the TLS handshake',
      '127.0.0.1 it speaks HTTP, not TLS',
    ]);
  });

  it('holds only so many handshakes', async () => {
    listener.stop();
    const target = { kind: 'ssl', host: '127.0.0.1', port: 0 } as const;
    listener = new SouthboundListener({
      ovsdb: [target],
      openflow: [],
      punt: [],
      tls: identity(),
      registry: { identify: async () => ({ kind: 'refused', reason: 'nobody is let in here' }) },
      clock: systemClock,
      log: pino({ level: 'silent' }),
      onSession: () => {},
      limits: { connections: 100, handshakes: 3, unidentified: 10, message: { depth: 64, messageBytes: 1 << 20 } },
    });
    await listener.start();
    port = portOf('ovsdb');
    const silent = Array.from({ length: 8 }, () =>
      connectPlain(port, '127.0.0.1')
        .on('error', () => {})
        .resume(),
    );
    await until(() => listener.refusals.recent[0]?.count === 5);
    assert.equal(listener.refusals.recent[0]?.code, 'crowded');
    await until(() => openConnections() === 3);
    for (const socket of silent) socket.destroy();
    await until(() => openConnections() === 0);
    assert.equal(await isHeard(await issue('hv1')), true);
  });
});
