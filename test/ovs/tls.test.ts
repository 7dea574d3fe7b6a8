/** Everything over TLS, with real Open vSwitch: OVSDB, OpenFlow and REST; a host speaks only under its certificate's name. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Lab } from '../../lab/lab.js';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { removeLeftovers } from '../../lab/state.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import type { Workload } from '../../lab/workload.js';
import { issueCertificate, makeRevocationList } from '../../src/trust/authority.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { planSwitch } from '../fixtures/topology.js';
import { CertificateAuthority } from '../southbound/ovsdb/certificates.js';

const run = promisify(execFile);

describe('TLS from end to end', function () {
  this.timeout(120_000);
  let lab: Lab;
  let weft: WeftProcess;
  let authority: CertificateAuthority;
  let stranger: CertificateAuthority;

  /** Gives a hypervisor the certificate of this name. */
  async function certify(hypervisor: string, name: string, by: CertificateAuthority = authority): Promise<void> {
    await by.issue(name);
    const { openVswitch } = lab.hypervisor(hypervisor);
    await openVswitch.ovsctl('set-ssl', by.file(`${name}.key`), by.file(`${name}.crt`), authority.file('ca.crt'));
  }

  const day = 86_400_000;
  const signer = () => ({
    key: readFileSync(authority.file('ca.key'), 'utf8'),
    certificate: readFileSync(authority.file('ca.crt'), 'utf8'),
  });

  /** Gives a hypervisor a certificate of our authority with its name; one that has expired if asked. Gives its serial number. */
  async function certifyUntil(hypervisor: string, endsInMs: number): Promise<string> {
    const nowMs = Date.now();
    const made = await issueCertificate(signer(), {
      commonName: hypervisor,
      names: { dns: [hypervisor], ips: [] },
      usages: ['client'],
      notBefore: new Date(nowMs - 2 * day),
      notAfter: new Date(nowMs + endsInMs),
    });
    const [key, certificate] = [authority.file(`${hypervisor}-made.key`), authority.file(`${hypervisor}-made.crt`)];
    writeFileSync(key, made.key, { mode: 0o600 });
    writeFileSync(certificate, made.certificate);
    await lab.hypervisor(hypervisor).openVswitch.ovsctl('set-ssl', key, certificate, authority.file('ca.crt'));
    return made.serialNumber;
  }

  async function writeRevocations(...serialNumbers: readonly string[]): Promise<void> {
    const revocations = serialNumbers.map(serialNumber => ({ serialNumber, at: new Date() }));
    writeFileSync(authority.file('crl.pem'), await makeRevocationList(signer(), revocations, new Date()));
  }

  interface Refused {
    readonly code: string;
    readonly certificate_names: readonly string[];
    readonly listener: string;
    readonly count: number;
  }
  async function refusals(name: string): Promise<readonly Refused[]> {
    const { body } = await weft.client.request('GET', '/v1/southbound');
    return (body as unknown as { refused: readonly Refused[] }).refused.filter(each =>
      each.certificate_names.includes(name),
    );
  }

  /** Waits until a host has tried again and again with this result, and asserts that it was logged once. */
  async function refusedOnce(name: string, code: string): Promise<void> {
    // Open vSwitch waits up to eight seconds before it dials again.
    const isTold = async (): Promise<boolean> =>
      (await refusals(name)).some(each => each.listener === 'ovsdb' && each.code === code && each.count >= 2);
    await eventually(`${name} is refused: ${code}`, isTold, 40_000, 100);
    const told = (): readonly string[] =>
      readFileSync(weft.logFile, 'utf8')
        .split('\n')
        .filter(line => line.includes('a peer is refused') && line.includes(`"certificate":"${name}"`))
        .filter(line => line.includes('"listener":"ovsdb"') && line.includes(`"code":"${code}"`));
    // Lines are written in groups, a moment after what they tell of.
    await eventually('it is logged', async () => told().length > 0);
    assert.equal(told().length, 1, told().join('\n'));
  }

  async function warnings(): Promise<string> {
    return JSON.stringify((await weft.client.request('GET', '/readyz')).body);
  }

  before(async function () {
    this.timeout(120_000);
    requires(this, { root: true, tools: [...LAB_TOOLS, 'openssl'] });
    await removeLeftovers();
    [authority, stranger] = [await CertificateAuthority.make(), await CertificateAuthority.make()];
    await authority.issue('weft', '127.0.0.1');
    await writeRevocations();
    const controller = await freeControllerPorts();
    const name = `tls-${process.pid}`;
    lab = await Lab.create({ hypervisors: 4, name, controller, transport: 'ssl', ephemeral: true });
    const [key, certificate] = [authority.file('weft.key'), authority.file('weft.crt')];
    weft = new WeftProcess({
      directory: lab.state.createDirectory('weft'),
      httpPort: await freePort(),
      controller,
      environment: lab.state.mark,
      tls: { key, certificate, authority: authority.file('ca.crt'), revoked: authority.file('crl.pem') },
    });
    await weft.start();
  });

  afterEach(function () {
    if (this.currentTest?.state === 'failed') process.stderr.write(`\nThe end of Weft's log:\n${weft.logTail(30)}\n`);
  });

  after(async () => {
    await weft?.stop();
    await lab?.remove();
    for (const each of [authority, stranger]) await each?.remove();
  });

  it('hosts join, and their flows are delivered', async () => {
    for (const name of ['hv1', 'hv2']) {
      await certify(name, name);
      await lab.hypervisor(name).join();
    }
    await weft.client.hypervisorsReady(['hv1', 'hv2']);
    const targets = await lab.hypervisor('hv1').openVswitch.ovsctl('get-controller', 'br-int');
    assert.match(targets, /^(ssl:198\.51\.100\.1:\d+\s*){2}$/);
    const net = planSwitch({ name: 'net', ports: { a: {}, b: {} } });
    await weft.client.transaction(net.operations, { appliedWithinMs: 10_000 });
    const plug = async (name: string, hypervisor: string): Promise<Workload> => {
      const port = await weft.client.workloadPort(name);
      const workload = await lab.addWorkload(hypervisor, port);
      await weft.client.portUp(port.portId, hypervisor);
      return workload;
    };
    const [a, b] = [await plug('a', 'hv1'), await plug('b', 'hv2')];
    await weft.client.converged();
    for (const family of [4, 6] as const) assert.equal((await ping(a, b.address(family))).received, 3);
  });

  it('refuses a host with the certificate of another, and names both', async () => {
    await certify('hv3', 'hv1');
    await lab.hypervisor('hv3').join();
    await eventually('it is refused', async () =>
      (await warnings()).includes('is not admitted: its certificate is for hv1, not for hv3'),
    );
    assert.equal((await weft.client.list('hypervisors', { name: 'hv3' })).length, 0);
    // A certificate belongs to a connection: the right one counts from the next.
    await lab.hypervisor('hv3').openVswitch.ovsctl('del-manager');
    await certify('hv3', 'hv3');
    await lab.hypervisor('hv3').join();
    await weft.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
    assert.doesNotMatch(await warnings(), /not admitted/);
  });

  it('talks to nobody whose certificate is of another authority or has expired, or who speaks plain TCP', async () => {
    await certify('hv4', 'hv4', stranger);
    await lab.hypervisor('hv4').join();
    await refusedOnce('hv4', 'unknown_authority');
    await certifyUntil('hv4', -day);
    await refusedOnce('hv4', 'expired');
    const plain = (await lab.hypervisor('hv4').openVswitch.ovsctl('get-manager')).trim().replace('ssl:', 'tcp:');
    await lab.hypervisor('hv4').openVswitch.ovsctl('set-manager', plain);
    await sleep(2_000);
    assert.equal((await weft.client.list('hypervisors', { name: 'hv4' })).length, 0);
    assert.equal((await lab.hypervisor('hv4').openVswitch.ovsctl('list-br')).includes('br-int'), false);
    await weft.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
  });

  it('cuts off a host whose certificate is revoked, without a restart and without touching others', async () => {
    const serialNumber = await certifyUntil('hv3', day);
    // The new certificate counts from the next connection.
    const { openVswitch } = lab.hypervisor('hv3');
    const target = (await openVswitch.ovsctl('get-manager')).trim();
    await openVswitch.ovsctl('del-manager');
    await openVswitch.ovsctl('set-manager', target);
    await weft.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
    // Its OpenFlow connections are still those of the certificate before.
    const former = new X509Certificate(readFileSync(authority.file('hv3.crt'))).serialNumber;
    await writeRevocations(serialNumber, former);
    await refusedOnce('hv3', 'revoked');
    await eventually('it is not connected', async () => {
      const [row] = await weft.client.list('hypervisors', { name: 'hv3' });
      return (row as unknown as { state?: string } | undefined)?.state === 'disconnected';
    });
    await weft.client.hypervisorsReady(['hv1', 'hv2']);
  });

  it('serves REST and the command line client over https', async () => {
    assert.match(weft.client.url, /^https:/);
    await assert.rejects(fetch(`${weft.client.url}/readyz`), 'an authority that nobody told of is not trusted');
    const program = fileURLToPath(new URL('../../northbound/cli/weft.js', import.meta.url));
    const { stdout } = await run(process.execPath, [program, 'list', 'hypervisors', '-o', 'json'], {
      env: { ...process.env, WEFT_URL: weft.client.url, NODE_EXTRA_CA_CERTS: authority.file('ca.crt') },
    });
    assert.match(stdout, /"hv1"/);
  });
});
