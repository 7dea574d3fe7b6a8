/** Who gets past the TLS listeners, by certificate: every fault that one can have, on the OVSDB and on the OpenFlow side. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { PATIENCE_MS } from '../../../lab/processes.js';
import { pino } from 'pino';
import { defaultSouthboundLimits, SouthboundListener } from '../../../southbound/hypervisor/listener.js';
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
  for (const deadline = Date.now() + PATIENCE_MS; !holds(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`timeout: ${String(holds)}`);
  }
}

/** What our own authority does not make: a certificate with this serial number and these alternative names. */
function issueByOpenssl(by: KeyAndCertificate, serial: string, alternatives: readonly string[]): KeyAndCertificate {
  const directory = mkdtempSync(join(tmpdir(), 'weft-ca-'));
  const at = (name: string): string => join(directory, name);
  try {
    writeFileSync(at('ca.crt'), by.certificate);
    writeFileSync(at('ca.key'), by.key);
    const names = [
      '[req]',
      'distinguished_name=dn',
      '[dn]',
      '[v3]',
      'subjectAltName=@names',
      '[names]',
      ...alternatives,
    ];
    writeFileSync(at('config'), names.join('\n'));
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('key')];
    const issuer = ['-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-set_serial', serial, '-days', '2'];
    const config = ['-config', at('config'), '-extensions', 'v3', '-subj', '/CN=hv1', '-out', at('crt')];
    execFileSync('openssl', ['req', '-x509', ...key, ...issuer, ...config], { stdio: 'pipe' });
    return { key: readFileSync(at('key'), 'utf8'), certificate: readFileSync(at('crt'), 'utf8') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A way to a port that lets the first flight of TLS pass, and what follows when it is told to. */
function holdingSecondFlight(port: number): { stream: Duplex; held: Promise<void>; release: () => void } {
  const socket = connectPlain(port, '127.0.0.1').on('error', () => {});
  let release = (): void => {};
  let isHeld = (): void => {};
  const released = new Promise<void>(resolve => (release = resolve));
  const held = new Promise<void>(resolve => (isHeld = resolve));
  let writes = 0;
  const stream = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      writes += 1;
      if (writes === 1) return void socket.write(chunk, done);
      isHeld();
      void released.then(() => socket.write(chunk, done));
    },
  });
  socket.on('data', data => stream.push(data)).on('close', () => stream.destroy());
  return { stream, held, release };
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
      // Nobody here answers: whoever is cut off is so for another reason.
      probeIntervalMs: 60_000,
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
    listener.setTls(identity(crl), readRevocationList(crl).revokedIds);
    await closed;
    assert.equal(await isHeard(revoked), false);
    assert.equal(await isHeard(other), true);
    assert.equal(kept.destroyed, false);
    kept.destroy();
    assert.deepEqual(refused(), [['revoked', 'hv1', 1]]);
  });

  it('ends the connection of a revoked certificate whose serial number begins with a zero', async () => {
    const revoked = issueByOpenssl(authority, '0x0A', ['DNS.1=hv1']);
    const open = await dial(revoked);
    await once(open, 'data');
    const crl = await makeRevocationList(authority, [{ serialNumber: '0A', at: new Date() }], new Date());
    listener.setTls(identity(crl), readRevocationList(crl).revokedIds);
    await until(() => open.destroyed);
  });

  it('refuses a revoked certificate whose handshake began before it was', async () => {
    const pair = await issue('hv1');
    for (const use of ['ovsdb', 'flows'] as const) {
      listener.setTls(identity(await makeRevocationList(authority, [], new Date())), new Set());
      const { stream, held, release } = holdingSecondFlight(portOf(use));
      const own = { key: pair.key, cert: pair.certificate, ca: authority.certificate };
      const socket = connect({ socket: stream, checkServerIdentity: () => undefined, ...own });
      socket.on('error', () => {}).resume();
      const closed = once(socket, 'close');
      await held;
      const revocations = [{ serialNumber: pair.serialNumber, at: new Date() }];
      const crl = await makeRevocationList(authority, revocations, new Date());
      listener.setTls(identity(crl), readRevocationList(crl).revokedIds);
      release();
      await until(() => listener.refusals.recent.some(refusal => refusal.listener === use));
      await closed;
    }
    assert.deepEqual(refused(), [
      ['revoked', 'hv1', 1],
      ['revoked', 'hv1', 1],
    ]);
  });

  it('hears hosts of two authorities, each with its list', async () => {
    const lists = [await makeRevocationList(authority, [], new Date())];
    const [kept, revoked] = [await issue('hv2', stranger), await issue('hv3', stranger)];
    lists.push(
      await makeRevocationList(stranger, [{ serialNumber: revoked.serialNumber, at: new Date() }], new Date()),
    );
    const ca = authority.certificate + stranger.certificate;
    listener.setTls({ ...identity(lists.join('')), ca }, new Set());
    for (const pair of [await issue('hv1'), kept]) assert.equal(await isHeard(pair), true);
    assert.equal(await isHeard(revoked), false);
    assert.deepEqual(refused(), [['revoked', 'hv3', 1]]);
  });

  it('takes no name out of the inside of another', async () => {
    const pair = issueByOpenssl(stranger, '1', ['URI.1=http://x/, DNS:hv2, y', 'DNS.1=hv3', 'DNS.2=a, DNS:hv4']);
    assert.equal(await isHeard(pair), false);
    assert.deepEqual(refused(), [['unknown_authority', 'hv1', 'hv3', 1]]);
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

  it('holds only so many connections of one host, and says so once', async () => {
    const [greedy, other] = [await issue('hv1'), await issue('hv2')];
    const { ofHost } = defaultSouthboundLimits;
    for (const use of ['ovsdb', 'flows'] as const) {
      port = portOf(use);
      const held = [];
      for (let count = 0; count < ofHost; count += 1) held.push(await dial(greedy));
      for (let count = 0; count < 3; count += 1) assert.equal(await isHeard(greedy), false);
      assert.equal(await isHeard(other), true);
      for (const socket of held) socket.destroy();
      await until(() => openConnections() === 0);
      assert.equal(await isHeard(greedy), true);
    }
    assert.deepEqual(refused(), [
      ['crowded', 'hv1', 3],
      ['crowded', 'hv1', 3],
    ]);
    assert.equal(lines.filter(line => line.includes('a peer is refused')).length, 2);
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
      limits: { ...defaultSouthboundLimits, connections: 100, handshakes: 3, unidentified: 10 },
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
