/** A small authority made with openssl, for tests. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TlsIdentity } from '../../../southbound/ovsdb/transport.js';

const run = promisify(execFile);

export class CertificateAuthority {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async make(): Promise<CertificateAuthority> {
    const authority = new CertificateAuthority(await mkdtemp(path.join(tmpdir(), 'weft-ca-')));
    const at = (name: string) => path.join(authority.directory, name);
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', at('ca.key')];
    await run('openssl', ['req', '-x509', ...key, '-out', at('ca.crt'), '-days', '2', '-subj', '/CN=test authority']);
    return authority;
  }

  /** Path of one of the files: `ca.crt`, `<name>.crt`, `<name>.key`. */
  file(name: string): string {
    return path.join(this.directory, name);
  }

  /** Makes a key and a certificate with this common name, for a server at this address if one is given. */
  async issue(name: string, address?: string): Promise<TlsIdentity> {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const extension = address === undefined ? [] : ['-addext', `subjectAltName=IP:${address}`];
    const files = ['-keyout', this.file(`${name}.key`), '-out', this.file(`${name}.csr`)];
    await run('openssl', ['req', ...key, ...files, '-subj', `/CN=${name}`, ...extension]);
    const authority = [
      '-CA',
      this.file('ca.crt'),
      '-CAkey',
      this.file('ca.key'),
      '-CAcreateserial',
      '-copy_extensions',
      'copy',
    ];
    const request = ['-in', this.file(`${name}.csr`), '-out', this.file(`${name}.crt`)];
    await run('openssl', ['x509', '-req', ...request, ...authority, '-days', '2']);
    return {
      key: await readFile(this.file(`${name}.key`), 'utf8'),
      cert: await readFile(this.file(`${name}.crt`), 'utf8'),
      ca: await readFile(this.file('ca.crt'), 'utf8'),
    };
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}
