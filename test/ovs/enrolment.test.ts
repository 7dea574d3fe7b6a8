/**
 * New hosts from end to end: a real Weft that lets nobody in unasked, with certificates made by `weft pki`, and real Open vSwitch.
 * One waits until it is approved, one brings a join token, and every other is refused on the listener, logged once.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Lab } from '../../lab/lab.js';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { removeLeftovers } from '../../lab/state.js';
import { freeControllerPorts, freePort, WeftProcess } from '../../lab/weft-process.js';
import type { Workload } from '../../lab/workload.js';
import { issueCertificate } from '../../src/trust/authority.js';
import { type CertificateFiles, PkiDirectory } from '../../src/trust/pki-directory.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { planSwitch } from '../fixtures/topology.js';

const day = 86_400_000;
const adminToken = 'the-admin-token-of-the-enrolment-test';

describe('enrolment from end to end', function () {
  this.timeout(120_000);
  let lab: Lab;
  let weft: WeftProcess;
  let pki: PkiDirectory;
  let stranger: PkiDirectory;
  let ovsdbPort = 0;

  before(async function () {
    this.timeout(180_000);
    requires(this, { root: true, tools: LAB_TOOLS });
    await removeLeftovers();
    const controller = await freeControllerPorts();
    ovsdbPort = controller.ovsdb;
    lab = await Lab.create({
      hypervisors: 3,
      name: `enrol-${process.pid}`,
      controller,
      transport: 'ssl',
      ephemeral: true,
    });
    const directory = lab.state.createDirectory('pki');
    [pki, stranger] = [
      new PkiDirectory(join(directory, 'ours'), () => new Date()),
      new PkiDirectory(join(directory, 'others'), () => new Date()),
    ];
    await pki.init(['127.0.0.1'], 30);
    await stranger.init(['127.0.0.1'], 30);
    const { controller: own, hostsAuthority, controllersAuthority, revoked } = pki.files;
    weft = new WeftProcess({
      directory: lab.state.createDirectory('weft'),
      httpPort: await freePort(),
      controller,
      environment: { ...lab.state.mark, WEFT_ENROLMENT: 'approve' },
      tls: { ...own, authority: hostsAuthority, controllersAuthority, revoked },
      token: adminToken,
    });
    await weft.start();
  });

  afterEach(function () {
    if (this.currentTest?.state === 'failed') process.stderr.write(`\nThe end of Weft's log:\n${weft.logTail(30)}\n`);
  });

  after(async () => {
    await weft?.stop();
    await lab?.remove();
  });

  const vsctl = (hypervisor: string, ...args: readonly string[]) =>
    lab.hypervisor(hypervisor).openVswitch.ovsctl(...args);
  const row = async (name: string) => (await weft.client.list('hypervisors', { name }))[0];

  /** Lets the host show this certificate from its next connection on. */
  async function show(hypervisor: string, { key, certificate }: CertificateFiles): Promise<void> {
    await vsctl(hypervisor, 'del-manager');
    await vsctl(hypervisor, 'set-ssl', key, certificate, pki.files.controllersAuthority);
  }

  /** Dials Weft, again every second if it is refused. */
  async function dial(hypervisor: string): Promise<void> {
    await lab.hypervisor(hypervisor).join();
    await vsctl(hypervisor, 'set', 'Manager', '.', 'max_backoff=1000');
  }

  it('a host waits, is approved, and is programmed; another is let in by its join token', async () => {
    await show('hv1', await pki.host('hv1', 30));
    await dial('hv1');
    await eventually('it waits', async () => (await row('hv1'))?.['state'] === 'pending');
    assert.doesNotMatch(await vsctl('hv1', 'list-br'), /br-int/);
    const { id } = (await row('hv1')) ?? assert.fail();
    await weft.client.patch('hypervisors', String(id), { approved: true });
    await weft.client.hypervisorsReady(['hv1']);

    const request = { name: 'for hv2', system_id: 'hv2' };
    const { body } = await weft.client.request('POST', '/v1/join-tokens', request);
    const { token } = body as { token: string };
    await show('hv2', await pki.host('hv2', 30));
    await vsctl('hv2', 'set', 'Open_vSwitch', '.', `external_ids:weft-join-token=${token}`);
    await dial('hv2');
    await weft.client.hypervisorsReady(['hv1', 'hv2']);
    await eventually(
      'the token is taken out',
      async () => !(await vsctl('hv2', 'get', 'Open_vSwitch', '.', 'external_ids')).includes('weft-join-'),
    );

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
    assert.equal((await ping(a, b.address(4))).received, 3);
  });

  /** A certificate of our authority for the host, which ended yesterday. */
  async function expiredFor(name: string): Promise<CertificateFiles> {
    const { hostsAuthority } = pki.files;
    const signer = {
      certificate: readFileSync(hostsAuthority, 'utf8'),
      key: readFileSync(hostsAuthority.replace(/pem$/, 'key'), 'utf8'),
    };
    const made = await issueCertificate(signer, {
      commonName: name,
      names: { dns: [name], ips: [] },
      usages: ['client'],
      notBefore: new Date(Date.now() - 2 * day),
      notAfter: new Date(Date.now() - day),
    });
    const files = {
      key: hostsAuthority.replace(/pem$/, 'x.key'),
      certificate: hostsAuthority.replace(/pem$/, 'x.pem'),
    };
    writeFileSync(files.key, made.key, { mode: 0o600 });
    writeFileSync(files.certificate, made.certificate);
    return files;
  }

  /** How often this was logged as the reason of a refusal. */
  const timesLogged = (code: string): number =>
    readFileSync(weft.logFile, 'utf8')
      .split('\n')
      .filter(line => line.includes('a peer is refused') && line.includes(`"code":"${code}"`)).length;

  /** Waits until somebody was refused so often for this, and it was logged. */
  async function refused(code: string, name: string, times: number): Promise<void> {
    await eventually(
      `refused: ${code}`,
      async () => {
        const { body } = await weft.client.request('GET', '/v1/southbound');
        const { refused: peers } = body as { refused: { code: string; certificate_names: string[]; count: number }[] };
        return peers.some(each => each.code === code && each.certificate_names[0] === name && each.count >= times);
      },
      40_000,
      100,
    );
    // Lines are written in groups, a moment after what they tell of.
    await eventually(`it is logged: ${code}`, async () => timesLogged(code) > 0);
  }

  it('refused, and logged once: wrong system-id, wrong authority, expired, revoked, no certificate', async () => {
    // One attempt is all: the host stays connected, and is let in when it has its own name.
    await show('hv3', await pki.host('hv7', 30));
    await dial('hv3');
    await refused('wrong_name', 'hv7', 1);
    await show('hv3', await stranger.host('hv3', 30));
    await dial('hv3');
    await refused('unknown_authority', 'hv3', 2);
    await show('hv3', await expiredFor('hv3'));
    await dial('hv3');
    await refused('expired', 'hv3', 2);
    const revoked = await pki.host('hv3', 30);
    await pki.revoke('hv3');
    await eventually('the list is taken', async () => weft.logTail(500).includes('new certificates are in use'));
    await show('hv3', revoked);
    await dial('hv3');
    await refused('revoked', 'hv3', 2);
    await vsctl('hv3', 'del-manager');
    // Open vSwitch itself does not dial without a certificate.
    for (let turn = 0; turn < 2; turn += 1) {
      const ca = readFileSync(pki.files.controllersAuthority, 'utf8');
      const socket = connect({ host: '127.0.0.1', port: ovsdbPort, ca });
      socket.on('error', () => {});
      await once(socket, 'close');
    }
    // Nobody of them has a row, and its bridge was not touched.
    assert.equal(await row('hv3'), undefined);
    assert.doesNotMatch(await vsctl('hv3', 'list-br'), /br-int/);
    await weft.client.hypervisorsReady(['hv1', 'hv2']);
    // Only with its end the whole log is written.
    await weft.stop();
    const codes = ['wrong_name', 'unknown_authority', 'expired', 'revoked', 'no_certificate'];
    assert.deepEqual(
      codes.map(code => [code, timesLogged(code)]),
      codes.map(code => [code, 1]),
    );
  });
});
