/**
 * The certificates of a deployment in one directory, for those who have no authority of their own.
 *
 *   hosts-authority.pem/.key        signs hosts; the controller believes it (WEFT_TLS_CA)
 *   controllers-authority.pem/.key  signs controllers; hosts and clients believe it
 *   controller.pem/.key             WEFT_TLS_CERT, WEFT_TLS_KEY
 *   hosts-revoked.pem               WEFT_TLS_CRL
 *   hosts/NAME.pem/.key             go to the host NAME
 *   register.json                   what was issued, and what was taken back
 *   lock                            there while one is at work
 *
 * There are two authorities because Open vSwitch believes whatever its authority has signed, under any name: with one, a host that
 * was broken into could pass for the controller before all others.
 */
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { existsSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueCertificate, type KeyAndCertificate, makeAuthority, makeRevocationList } from './authority.js';

/** Something that the one who asked can mend. */
export class PkiError extends Error {
  override readonly name = 'PkiError';
}

/** Paths of a certificate and its key. */
export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

interface Issued {
  readonly name: string;
  readonly role: 'host' | 'controller';
  readonly serialNumber: string;
  readonly notAfter: string;
  readonly revokedAt: string | null;
}

interface Register {
  /** Where the controllers are reached, the first for the commands that are printed. */
  readonly addresses: readonly string[];
  readonly issued: readonly Issued[];
}

const msPerDay = 86_400_000;
const authorityDays = 3_650;
export const defaultCertificateDays = 825;
/** Clocks of hosts are not always right. */
const backdatedMs = 3_600_000;

/** How long one waits for another that is at work. */
const patienceMs = 10_000;
const lookEveryMs = 20;

/** A common name has at most 64 characters (RFC 5280). */
const hostNamePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export class PkiDirectory {
  readonly #path: string;
  readonly #now: () => Date;

  constructor(path: string, now: () => Date) {
    this.#path = resolve(path);
    this.#now = now;
  }

  /** Paths of the files that the controller is given. */
  get files() {
    const at = (name: string): string => join(this.#path, name);
    return {
      hostsAuthority: at('hosts-authority.pem'),
      controllersAuthority: at('controllers-authority.pem'),
      controller: { certificate: at('controller.pem'), key: at('controller.key') },
      revoked: at('hosts-revoked.pem'),
    } as const;
  }

  /** Where the controllers are reached, as was said at `init`. @throws PkiError before it */
  get addresses(): readonly string[] {
    return this.#register().addresses;
  }

  /**
   * Makes the authorities, the controller's certificate and an empty list of revocations.
   * @throws PkiError if they exist: what they have signed would be worth nothing
   */
  async init(addresses: readonly string[], days: number): Promise<void> {
    mkdirSync(join(this.#path, 'hosts'), { recursive: true, mode: 0o700 });
    await this.#alone(() => this.#init(addresses, days));
  }

  async #init(addresses: readonly string[], days: number): Promise<void> {
    if (existsSync(join(this.#path, 'register.json')))
      throw new PkiError(
        `${this.#path} has authorities already; "weft pki controller" renews the controller's certificate`,
      );
    const { notBefore, notAfter } = this.#validity(authorityDays);
    for (const [file, name] of [
      ['hosts-authority', 'Weft hosts authority'],
      ['controllers-authority', 'Weft controllers authority'],
    ] as const) {
      // Names of authorities are unique, so that two directories are never taken for each other.
      const commonName = `${name} ${randomBytes(4).toString('hex')}`;
      this.#writePair(file, await makeAuthority(commonName, notBefore, notAfter));
    }
    this.#writeRegister({ addresses, issued: [] });
    await this.#controller(addresses, days);
    await this.#writeRevocations();
  }

  /** Makes a new certificate for controllers at these addresses; without any, those of the last time. */
  controller(addresses: readonly string[], days: number): Promise<CertificateFiles> {
    return this.#alone(() => this.#controller(addresses, days));
  }

  async #controller(addresses: readonly string[], days: number): Promise<CertificateFiles> {
    const register = this.#register();
    const reached = addresses.length > 0 ? addresses : register.addresses;
    const names = { dns: reached.filter(each => isIP(each) === 0), ips: reached.filter(each => isIP(each) !== 0) };
    this.#writeRegister({ ...register, addresses: reached });
    const issue = { commonName: 'weft', names, usages: ['server', 'client'] as const };
    return this.#issue('controllers-authority', 'controller', { ...issue, role: 'controller' }, days);
  }

  /** Makes a certificate for the host of this system-id; another one if it has one, which stays good. @throws PkiError */
  async host(name: string, days: number): Promise<CertificateFiles> {
    if (!hostNamePattern.test(name))
      throw new PkiError(
        `"${name}" is not 1 to 64 letters, digits, dots, dashes and underscores, with a letter or digit first`,
      );
    const names = { dns: [name], ips: [] };
    const issue = { commonName: name, names, usages: ['client', 'server'] as const };
    return this.#alone(() => this.#issue('hosts-authority', join('hosts', name), { ...issue, role: 'host' }, days));
  }

  /** Takes back every certificate of a host that is still good; returns how many. @throws PkiError if it never had one */
  revoke(name: string): Promise<number> {
    return this.#alone(() => this.#revoke(name));
  }

  async #revoke(name: string): Promise<number> {
    const register = this.#register();
    const now = this.#now();
    const isOf = (each: Issued): boolean => each.role === 'host' && each.name === name;
    if (!register.issued.some(isOf)) throw new PkiError(`no certificate was issued to ${name}`);
    const taken = register.issued.filter(each => isOf(each) && each.revokedAt === null);
    const issued = register.issued.map(each =>
      taken.includes(each) ? { ...each, revokedAt: now.toISOString() } : each,
    );
    this.#writeRegister({ ...register, issued });
    await this.#writeRevocations();
    return taken.length;
  }

  /** Every certificate that was issued, in order. */
  list(): readonly Issued[] {
    return this.#register().issued;
  }

  /**
   * Runs what reads the register and writes it while nobody else does: two at once would lose what one of them has written, and a
   * certificate that is not in the register cannot be taken back. @throws PkiError if another does not get done
   */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const lock = join(this.#path, 'lock');
    if (!existsSync(this.#path)) throw this.#noAuthorities();
    for (let waitedMs = 0; !tryLock(lock); waitedMs += lookEveryMs) {
      // Whoever was cut off has left it: to take it away without asking could let two in at once.
      if (waitedMs >= patienceMs)
        throw new PkiError(`${lock} says that another weft pki is at work; remove it if none is`);
      await sleep(lookEveryMs);
    }
    try {
      return await work();
    } finally {
      unlinkSync(lock);
    }
  }

  #noAuthorities(): PkiError {
    return new PkiError(`${this.#path} has no authorities yet: run "weft pki init" first`);
  }

  async #issue(
    authority: string,
    file: string,
    issue: Omit<Parameters<typeof issueCertificate>[1], 'notBefore' | 'notAfter'> & Pick<Issued, 'role'>,
    days: number,
  ): Promise<CertificateFiles> {
    const register = this.#register();
    const { notBefore, notAfter } = this.#validity(days);
    const pair = await issueCertificate(this.#readPair(authority), { ...issue, notBefore, notAfter });
    const { commonName: name, role } = issue;
    const entry = { name, role, serialNumber: pair.serialNumber, notAfter: notAfter.toISOString(), revokedAt: null };
    // First the register: a certificate that it does not know could never be taken back.
    this.#writeRegister({ ...register, issued: [...register.issued, entry] });
    return this.#writePair(file, pair);
  }

  async #writeRevocations(): Promise<void> {
    const revocations = this.#register().issued.flatMap(({ serialNumber, revokedAt }) =>
      revokedAt === null ? [] : [{ serialNumber, at: new Date(revokedAt) }],
    );
    const list = await makeRevocationList(this.#readPair('hosts-authority'), revocations, this.#now());
    this.#write('hosts-revoked.pem', list, 0o644);
  }

  #validity(days: number): { notBefore: Date; notAfter: Date } {
    const nowMs = this.#now().getTime();
    return { notBefore: new Date(nowMs - backdatedMs), notAfter: new Date(nowMs + days * msPerDay) };
  }

  #register(): Register {
    const path = join(this.#path, 'register.json');
    if (!existsSync(path)) throw this.#noAuthorities();
    return JSON.parse(readFileSync(path, 'utf8')) as Register;
  }

  #writeRegister(register: Register): void {
    this.#write('register.json', `${JSON.stringify(register, null, 2)}\n`, 0o600);
  }

  #readPair(name: string): KeyAndCertificate {
    const read = (ending: string): string => readFileSync(join(this.#path, `${name}.${ending}`), 'utf8');
    return { key: read('key'), certificate: read('pem') };
  }

  /** The key first: whoever watches takes the two only when they fit. */
  #writePair(name: string, { key, certificate }: KeyAndCertificate): CertificateFiles {
    return { key: this.#write(`${name}.key`, key, 0o600), certificate: this.#write(`${name}.pem`, certificate, 0o644) };
  }

  /** All of it or nothing, under its name. */
  #write(name: string, text: string, mode: number): string {
    const path = join(this.#path, name);
    const part = `${path}.${randomBytes(4).toString('hex')}.part`;
    writeFileSync(part, text, { mode, flag: 'wx' });
    renameSync(part, path);
    return path;
  }
}

/** Whether the lock was free, and is ours now. */
function tryLock(path: string): boolean {
  try {
    writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
