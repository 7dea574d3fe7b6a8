/** Hosts that we dial are held to what holds for those that dial us. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer, type Server } from 'node:tls';
import { PATIENCE_MS } from '../../../lab/processes.js';
import { pino } from 'pino';
import { SouthboundListener } from '../../../southbound/hypervisor/listener.js';
import { parseTarget, type Target, type TlsIdentity } from '../../../southbound/ovsdb/transport.js';
import { systemClock } from '../../../src/base/clock.js';
import { issueCertificate, makeAuthority } from '../../../src/trust/authority.js';

const day = 86_400_000;

async function until(holds: () => boolean): Promise<void> {
  for (const deadline = Date.now() + PATIENCE_MS; !holds(); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`timeout: ${String(holds)}`);
  }
}

/** An identity of an authority of its own. */
async function stranger(): Promise<TlsIdentity> {
  const [notBefore, notAfter] = [new Date(Date.now() - day), new Date(Date.now() + day)];
  const authority = await makeAuthority('some authority', notBefore, notAfter);
  const names = { dns: [], ips: [] };
  const issue = { commonName: 'hv1', names, usages: ['client', 'server'] as const, notBefore, notAfter };
  const { key, certificate } = await issueCertificate(authority, issue);
  return { key, cert: certificate, ca: authority.certificate };
}

describe('hosts that are dialled', function () {
  this.timeout(30_000);
  let listener: SouthboundListener;
  let host: Server | null = null;
  const lines: string[] = [];

  const start = (allowPlain: boolean, tls: TlsIdentity | null): void => {
    listener = new SouthboundListener({
      ovsdb: [],
      openflow: [],
      punt: [],
      tls,
      registry: { identify: async () => ({ kind: 'refused', reason: 'nobody is let in here' }) },
      clock: systemClock,
      log: pino({ base: null }, { write: line => void lines.push(line) }),
      onSession: () => {},
      allowPlain,
    });
  };
  const targetOf = (text: string): Target => parseTarget(text) ?? assert.fail(text);
  afterEach(() => {
    listener.stop();
    host?.close();
  });

  it('are on other machines dialled in plain only if that is allowed, and then with a warning', () => {
    const targets = ['tcp:192.0.2.200:6640', 'tcp:127.0.0.1:1', 'unix:/nowhere'].map(targetOf);
    start(false, null);
    listener.setDialled(targets);
    assert.deepEqual(listener.dialWarnings, [
      'tcp:192.0.2.200:6640 is not dialled: WEFT_ALLOW_PLAIN_SOUTHBOUND is not 1',
    ]);
    listener.stop();
    start(true, null);
    listener.setDialled(targets);
    assert.deepEqual(listener.dialWarnings, ['tcp:192.0.2.200:6640 is neither encrypted nor authenticated']);
    listener.setDialled([]);
    assert.deepEqual(listener.dialWarnings, []);
  });

  it('are refused, counted and logged once where their certificate is not good', async () => {
    const theirs = await stranger();
    host = createServer({ key: theirs.key, cert: theirs.cert }).on('tlsClientError', () => {});
    const server = host;
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    start(false, await stranger());
    listener.setDialled([targetOf(`ssl:127.0.0.1:${address.port}`)]);
    await until(() => (listener.refusals.recent[0]?.count ?? 0) >= 2);
    const [refusal] = listener.refusals.recent;
    assert.deepEqual([refusal?.listener, refusal?.address, refusal?.code], ['ovsdb', '127.0.0.1', 'unknown_authority']);
    assert.equal(lines.filter(line => line.includes('a peer is refused')).length, 1);
    assert.equal(lines.filter(line => line.includes('host not reached') && line.includes('ssl:')).length, 0);
  });
});
