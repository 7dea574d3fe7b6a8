import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { revocableId } from '../../src/base/revocable.js';
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

  /** Makes a certificate, and says by what it is revoked. */
  async function issuedTo(name: string, by = pki): Promise<string | null> {
    const { raw, serialNumber } = new X509Certificate(readFileSync((await by.host(name, 30)).certificate));
    return revocableId(raw, serialNumber);
  }
  const revoked = () => readRevocationList(readFileSync(pki.files.revoked, 'utf8')).revokedIds;

  it('revokes every certificate that a host has had', async () => {
    const made = [await issuedTo('hv1'), await issuedTo('hv1')];
    await issuedTo('hv2');
    assert.equal(await pki.revoke('hv1'), 2);
    assert.equal(await pki.revoke('hv1'), 0);
    assert.deepEqual(revoked(), new Set(made));
    await assert.rejects(pki.revoke('hv3'), PkiError);
  });

  it('loses nothing of what several do at once, in one process or in many', async () => {
    const again = () => new PkiDirectory(join(directory, 'pki'), () => new Date());
    const gone = ['gone1', 'gone2', 'gone3'];
    const lost = await Promise.all(gone.map(name => issuedTo(name)));
    const names = Array.from({ length: 12 }, (_, n) => `hv${n}`);
    await Promise.all([
      ...names.map(name => again().host(name, 30)),
      ...gone.map(name => again().revoke(name)),
      again().controller([], 30),
    ]);
    const listed = pki.list().map(({ name, revokedAt }) => `${name} ${revokedAt === null ? 'good' : 'revoked'}`);
    const expected = [...names.map(name => `${name} good`), ...gone.map(name => `${name} revoked`)];
    assert.deepEqual(listed.filter(text => !text.startsWith('weft')).toSorted(), expected.toSorted());
    assert.deepEqual(revoked(), new Set(lost));
    // The next list is made from what was written down.
    await again().revoke('hv0');
    assert.equal(revoked().size, 4);
  });

  it('begins once, whoever else begins at the same time', async () => {
    const path = join(directory, 'together');
    const begun = await Promise.allSettled(
      ['a.example', 'b.example', 'c.example'].map(name => new PkiDirectory(path, () => new Date()).init([name], 30)),
    );
    assert.deepEqual(begun.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected', 'rejected']);
    const made = new PkiDirectory(path, () => new Date());
    const signed = new X509Certificate(readFileSync((await made.host('hv1', 30)).certificate));
    assert.ok(signed.verify(new X509Certificate(readFileSync(made.files.hostsAuthority)).publicKey));
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
