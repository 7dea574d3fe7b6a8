/**
 * Hosts and bridges at real listeners over TLS, with every fault that one can have: each is refused on the OVSDB and on the OpenFlow
 * side, says why, and is logged once however often it comes; beside them a good host is served.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectPlain } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { PATIENCE_MS } from '../../../lab/processes.js';
import { pino } from 'pino';
import { SouthboundListener } from '../../../southbound/hypervisor/listener.js';
import type { HypervisorReport } from '../../../southbound/hypervisor/identity.js';
import type { Target } from '../../../southbound/ovsdb/transport.js';
import { insert } from '../../../southbound/ovsdb/transact.js';
import { systemClock } from '../../../src/base/clock.js';
import {
  issueCertificate,
  type KeyAndCertificate,
  makeAuthority,
  makeRevocationList,
  readRevocationList,
} from '../../../src/trust/authority.js';
import { FakeOvsdbDatabase } from '../../fakes/fake-ovsdb-database.js';
import { FakeOvsdbServer } from '../../fakes/fake-ovsdb-server.js';
import { fakeSwitch } from '../../fakes/fake-switch.js';

const days = (count: number): Date => new Date(Date.now() + count * 86_400_000);
const attempts = 3;

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !holds(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`timeout: ${what}`);
  }
}

/** The datapath id that the registry gives to a host. */
const datapathIdOf = (systemId: string): string => Buffer.from(systemId).toString('hex').padStart(16, '0').slice(-16);

describe('hosts that are not who they should be', function () {
  this.timeout(60_000);
  let authority: KeyAndCertificate;
  let stranger: KeyAndCertificate;
  let listener: SouthboundListener;
  let lines: string[];

  const issue = (name: string, by = authority, from = days(-2), until = days(2)) =>
    issueCertificate(by, {
      commonName: name,
      names: { dns: [], ips: [] },
      usages: ['client', 'server'],
      notBefore: from,
      notAfter: until,
    });

  before(async () => {
    [authority, stranger] = [
      await makeAuthority('ours', days(-9), days(9)),
      await makeAuthority('other', days(-9), days(9)),
    ];
  });
  beforeEach(() => (lines = []));
  afterEach(() => listener.stop());

  async function start(revoked: readonly string[] = []): Promise<void> {
    const server = await issue('weft');
    const at = new Date();
    const crl = await makeRevocationList(
      authority,
      revoked.map(serialNumber => ({ serialNumber, at })),
      at,
    );
    const tls = { key: server.key, cert: server.certificate, ca: authority.certificate, crl };
    const secure: Target = { kind: 'ssl', host: '127.0.0.1', port: 0 };
    listener = new SouthboundListener({
      ovsdb: [secure],
      openflow: [secure, { ...secure, kind: 'tcp' }],
      punt: [],
      tls,
      registry: {
        identify: async ({ systemId }: HypervisorReport) =>
          ({
            kind: 'accepted',
            id: systemId,
            number: 1,
            datapathId: datapathIdOf(systemId),
            isLeaving: false,
          }) as const,
      },
      clock: systemClock,
      log: pino({ base: null }, { write: line => void lines.push(line) }),
      onSession: () => {},
      probeIntervalMs: 60_000,
    });
    await listener.start();
    listener.setTls(tls, readRevocationList(crl).revokedIds);
  }

  function portOf(use: 'ovsdb' | 'flows', kind: 'ssl' | 'tcp' = 'ssl'): number {
    const target = listener.endpoints(use).find(each => each.kind === kind);
    return target === undefined || target.kind === 'unix' ? assert.fail() : target.port;
  }

  async function dial(use: 'ovsdb' | 'flows', pair: KeyAndCertificate | null): Promise<Duplex> {
    const own = pair === null ? {} : { key: pair.key, cert: pair.certificate };
    const options = { host: '127.0.0.1', port: portOf(use), ca: authority.certificate, ...own };
    const socket = connect({ ...options, checkServerIdentity: () => undefined });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    return socket;
  }

  /** A host that says to be this one, with this certificate. */
  async function host(systemId: string, pair: KeyAndCertificate | null, number = 11): Promise<Duplex> {
    const database = new FakeOvsdbDatabase();
    const external_ids = new Map([
      ['system-id', systemId],
      ['weft-encap-ip', `192.0.2.${number}`],
    ]);
    database.apply(insert('Open_vSwitch', { external_ids }));
    const stream = await dial('ovsdb', pair);
    new FakeOvsdbServer({ database }).attach(stream);
    return stream;
  }

  /** A bridge with the datapath id of this host. */
  function bridge(systemId: string, stream: Duplex): Duplex {
    stream.on('error', () => {});
    fakeSwitch({ datapathId: () => BigInt(`0x${datapathIdOf(systemId)}`) }).attach(stream);
    return stream;
  }

  const sessionOf = (systemId: string) => listener.sessions.get(systemId);
  const refusals = () =>
    listener.refusals.recent.map(({ listener: use, code, names, count }) => [use, code, names.join(), count]);
  const told = () => lines.filter(line => line.includes('a peer is refused')).length;

  it('no certificate, another authority, another name, expired, revoked: refused on both sides, and logged once', async () => {
    const revoked = await issue('hv5');
    await start([revoked.serialNumber]);
    const good = await host('hv1', await issue('hv1'));
    await until('the good host', () => sessionOf('hv1')?.ovsdb !== null && sessionOf('hv1') !== undefined);
    const cases: readonly [code: string, pair: KeyAndCertificate | null, name: string][] = [
      ['no_certificate', null, ''],
      ['unknown_authority', await issue('hv2', stranger), 'hv2'],
      ['wrong_name', await issue('hv3'), 'hv3'],
      ['expired', await issue('hv4', authority, days(-2), days(-1)), 'hv4'],
      ['revoked', revoked, 'hv5'],
    ];
    const countOf = (use: string, code: string): number =>
      listener.refusals.recent.find(each => each.listener === use && each.code === code)?.count ?? 0;
    for (const [code, pair, name] of cases) {
      for (let turn = 1; turn <= attempts; turn += 1) {
        // The one with a good certificate says to be hv9 in its database, and hv1 by its datapath id.
        const asHost = await host(code === 'wrong_name' ? 'hv9' : name, pair);
        await until(`OVSDB ${code}`, () => countOf('ovsdb', code) === turn);
        asHost.destroy();
        const asBridge = bridge('hv1', await dial('flows', pair));
        await until(`OpenFlow ${code}`, () => countOf('flows', code) === turn);
        await until('it is cut off', () => asBridge.destroyed);
      }
    }
    const expected = cases.flatMap(([code, , name]) => ['ovsdb', 'flows'].map(use => [use, code, name, attempts]));
    assert.deepEqual(new Set(refusals().map(String)), new Set(expected.map(String)));
    assert.equal(told(), 2 * cases.length);
    assert.deepEqual([...listener.sessions.keys()], ['hv1']);
    // Nobody of them has taken the place of the host's own bridge.
    assert.equal(sessionOf('hv1')?.openflow, null);
    assert.ok(sessionOf('hv1')?.ovsdb !== null);
    good.destroy();
  });

  it('a bridge is paired under the certificate of its host, and no other way', async () => {
    await start();
    const [first, second] = [await issue('hv1'), await issue('hv2')];
    // One that dials before its database is kept until it is known whose it is; then it is judged.
    const early = bridge('hv1', await dial('flows', second));
    await host('hv1', first);
    await until('it is refused', () => early.destroyed);
    const plain = bridge('hv1', connectPlain(portOf('flows', 'tcp'), '127.0.0.1'));
    await until('the plain one is refused', () => plain.destroyed);
    assert.deepEqual(refusals(), [
      ['flows', 'wrong_name', 'hv2', 1],
      ['flows', 'not_encrypted', '', 1],
    ]);
    assert.equal(sessionOf('hv1')?.openflow, null);
    const own = bridge('hv1', await dial('flows', first));
    await until('its own is paired', () => sessionOf('hv1')?.openflow !== null);
    assert.deepEqual(sessionOf('hv1')?.openflow?.peer.certificate.names, ['hv1']);
    assert.equal(own.destroyed, false);
  });

  it('a revocation by one authority is not about the same serial number of another', async () => {
    await start();
    const [ours, theirs] = [await issue('hv1'), await issue('hv1', stranger)];
    const open = await host('hv1', ours);
    await until('the host', () => sessionOf('hv1')?.ovsdb !== null && sessionOf('hv1') !== undefined);
    const ofOther = await makeRevocationList(
      stranger,
      [{ serialNumber: ours.serialNumber, at: new Date() }],
      new Date(),
    );
    const server = await issue('weft');
    const own = await makeRevocationList(authority, [], new Date());
    const ca = authority.certificate + stranger.certificate;
    const tls = { key: server.key, cert: server.certificate, ca, crl: own + ofOther };
    const ids = [own, ofOther].flatMap(list => [...readRevocationList(list).revokedIds]);
    assert.equal(ids.length, 1);
    listener.setTls(tls, new Set(ids));
    await sleep(50);
    assert.equal(open.destroyed, false);
    const again = await host('hv1', theirs);
    await sleep(20);
    again.destroy();
    // It is this one's when its own authority says so.
    const late = await makeRevocationList(authority, [{ serialNumber: ours.serialNumber, at: new Date() }], new Date());
    listener.setTls({ ...tls, crl: late + ofOther }, new Set([...readRevocationList(late).revokedIds, ...ids]));
    await until('it is cut off', () => open.destroyed);
  });

  it('an address of tunnels belongs to the host that is connected with it', async () => {
    await start();
    const first = await host('hv1', await issue('hv1'), 11);
    await until('the first', () => sessionOf('hv1')?.ovsdb !== null && sessionOf('hv1') !== undefined);
    await host('hv2', await issue('hv2'), 11);
    await until('the second is refused', () => listener.unadmitted.length === 1);
    await until('with the reason', () => listener.unadmitted[0]?.reason !== 'has not said who it is');
    assert.equal(listener.unadmitted[0]?.reason, '192.0.2.11 is the end of tunnels of hv1, which is connected');
    assert.equal(sessionOf('hv2'), undefined);
    // The first is gone, and may have left it to the other.
    first.destroy();
    await until('the second', () => sessionOf('hv2') !== undefined);
    assert.equal(sessionOf('hv2')?.report.encapIp, '192.0.2.11');
  });
});
