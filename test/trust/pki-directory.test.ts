import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { readRevocationList } from '../../src/trust/authority.js';
import { PkiDirectory, PkiError } from '../../src/trust/pki-directory.js';
import { requires } from '../fixtures/requires.js';

const run = promisify(execFile);

describe('certificates of a deployment', () => {
  let directory: string;
  let pki: PkiDirectory;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'weft-pki-'));
    pki = new PkiDirectory(join(directory, 'pki'), () => new Date());
    await pki.init(['weft.example.net', '192.0.2.1', '2001:db8::1'], 825);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('has keys that nobody else reads, and names that the controller is reached by', async () => {
    const { key, certificate } = await pki.host('hv1', 30);
    for (const file of [key, pki.files.controller.key]) assert.equal(statSync(file).mode & 0o777, 0o600);
    const controller = new X509Certificate(readFileSync(pki.files.controller.certificate));
    assert.ok(
      controller.checkHost('weft.example.net') && controller.checkIP('192.0.2.1') && controller.checkIP('2001:db8::1'),
    );
    const host = new X509Certificate(readFileSync(certificate));
    assert.deepEqual([host.subject, host.subjectAltName], ['CN=hv1', 'DNS:hv1']);
    assert.ok(host.checkPrivateKey((await import('node:crypto')).createPrivateKey(readFileSync(key))));
  });

  it('has an authority for hosts and another for controllers: no host passes for a controller', async () => {
    const { certificate } = await pki.host('hv1', 30);
    const authority = (path: string): X509Certificate => new X509Certificate(readFileSync(path));
    const hosts = authority(pki.files.hostsAuthority);
    const controllers = authority(pki.files.controllersAuthority);
    const host = authority(certificate);
    assert.ok(host.verify(hosts.publicKey) && !host.verify(controllers.publicKey));
    assert.ok(authority(pki.files.controller.certificate).verify(controllers.publicKey));
  });

  it('revokes every certificate that a host has had', async () => {
    await pki.host('hv1', 30);
    await pki.host('hv1', 30);
    await pki.host('hv2', 30);
    assert.equal(await pki.revoke('hv1'), 2);
    assert.equal(await pki.revoke('hv1'), 0);
    const expected = pki
      .list()
      .flatMap(({ name, serialNumber }) => (name === 'hv1' ? [serialNumber.toUpperCase()] : []));
    const { serialNumbers } = readRevocationList(readFileSync(pki.files.revoked, 'utf8'));
    assert.deepEqual([...serialNumbers], expected);
    await assert.rejects(pki.revoke('hv3'), PkiError);
  });

  it('refuses names that are none, and to begin anew over what is there', async () => {
    for (const name of ['', '../x', 'a b', 'x'.repeat(65), '-x'])
      await assert.rejects(pki.host(name, 1), PkiError, name);
    await assert.rejects(pki.init(['x'], 1), /has authorities already/);
    await assert.rejects(new PkiDirectory(join(directory, 'none'), () => new Date()).host('hv1', 1), /weft pki init/);
  });

  it('is understood by OpenSSL', async function () {
    requires(this, { tools: ['openssl'] });
    const { certificate } = await pki.host('hv1', 30);
    const { hostsAuthority, revoked } = pki.files;
    const verify = () =>
      run('openssl', ['verify', '-crl_check', '-CRLfile', revoked, '-CAfile', hostsAuthority, certificate]);
    assert.match((await verify()).stdout, /OK/);
    await pki.revoke('hv1');
    await assert.rejects(verify(), /certificate revoked/);
  });
});
