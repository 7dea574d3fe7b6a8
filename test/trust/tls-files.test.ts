import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { revocableId } from '../../src/base/revocable.js';
import {
  issueCertificate,
  type KeyAndCertificate,
  makeAuthority,
  makeRevocationList,
} from '../../src/trust/authority.js';
import { TlsFiles, type TlsPaths } from '../../src/trust/tls-files.js';
import { ManualClock } from '../fakes/manual-clock.js';

const day = 86_400_000;

describe('certificate files', () => {
  let directory: string;
  let authority: KeyAndCertificate;
  let paths: TlsPaths;
  let clock: ManualClock;
  let lines: string[];
  let files: TlsFiles;
  let taken: string[];

  const put = (name: string, text: string): void => writeFileSync(join(directory, name), text);
  const issue = (untilMs = 9 * day) =>
    issueCertificate(authority, {
      commonName: 'weft',
      names: { dns: ['weft'], ips: [] },
      usages: ['server'],
      notBefore: new Date(-day),
      notAfter: new Date(untilMs),
    });

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'weft-tls-'));
    const at = (name: string): string => join(directory, name);
    paths = { certificate: at('c.pem'), key: at('c.key'), authority: at('ca.pem'), revoked: at('crl.pem') };
    authority = await makeAuthority('ours', new Date(-day), new Date(90 * day));
    const first = await issue();
    put('c.pem', first.certificate);
    put('c.key', first.key);
    put('ca.pem', authority.certificate);
    put('crl.pem', await makeRevocationList(authority, [], new Date(0)));
    clock = new ManualClock();
    lines = [];
    taken = [];
    files = await TlsFiles.open(paths, clock, pino({ base: null }, { write: line => void lines.push(line) }));
    files.onChange(material => taken.push(material.cert));
  });
  afterEach(() => {
    files.stop();
    rmSync(directory, { recursive: true });
  });

  it('takes a new pair when both halves are there, and says once why not before', async () => {
    const next = await issue();
    put('c.key', next.key);
    for (let looks = 0; looks < 3; looks += 1) await files.look();
    assert.match(files.status.fault ?? '', /the key in .*c\.key is not that of .*c\.pem/);
    assert.equal(lines.length, 1);
    put('c.pem', next.certificate.slice(0, 100));
    await files.look();
    assert.deepEqual(taken, []);
    put('c.pem', next.certificate);
    await files.look();
    assert.deepEqual(taken, [next.certificate]);
    assert.deepEqual([files.status.fault, files.status.reloads], [null, 1]);
  });

  it('keeps what it has while a file is missing, expired, or no list at all', async () => {
    const before = files.material;
    rmSync(paths.key);
    await files.look();
    assert.match(files.status.fault ?? '', /ENOENT/);
    const old = await issue(-1);
    put('c.pem', old.certificate);
    put('c.key', old.key);
    await files.look();
    assert.match(files.status.fault ?? '', /c\.pem has expired \(1969-12-31/);
    put('crl.pem', 'nothing');
    await files.look();
    assert.match(files.status.fault ?? '', /crl\.pem has no list of revocations/);
    assert.equal(files.material, before);
    put('c.pem', before.cert);
    put('c.key', before.key);
    put('crl.pem', before.crl ?? '');
    await files.look();
    assert.equal(files.status.fault, null, 'what is in use is there again');
    assert.deepEqual(taken, []);
  });

  it('tells the certificates that are revoked, and when each file ends', async () => {
    const host = await issue();
    put(
      'crl.pem',
      await makeRevocationList(authority, [{ serialNumber: host.serialNumber, at: new Date(0) }], new Date(0)),
    );
    await files.look();
    const { raw, serialNumber } = new X509Certificate(host.certificate);
    assert.deepEqual([...files.material.revokedIds], [revocableId(raw, serialNumber)]);
    assert.deepEqual(
      files.status.expiries.map(({ what, at }) => [what, at.getTime() / day]),
      [
        ['certificate', 9],
        ['authority', 90],
        ['revocations', 90],
      ],
    );
  });

  it('looks by itself', async () => {
    const next = await issue();
    put('c.key', next.key);
    put('c.pem', next.certificate);
    files.watch();
    const changed = new Promise<void>(resolve => files.onChange(() => resolve()));
    clock.advance(5_000);
    await changed;
    assert.deepEqual(taken, [next.certificate]);
  });

  it('does not open without a pair that fits', async () => {
    put('c.key', (await issue()).key);
    await assert.rejects(TlsFiles.open(paths, clock, pino({ level: 'silent' })), /is not that of/);
  });
});
