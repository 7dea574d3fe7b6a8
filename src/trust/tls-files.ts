/**
 * The controller's certificates as files that change: read at the start, looked at regularly and when asked, taken only as a whole
 * that fits. A pair that is half written, does not fit or has expired is left alone, said once, and the one in use stays.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';

export interface TlsPaths {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string | null;
  /** List of revoked certificates. */
  readonly revoked: string | null;
}

/** PEM texts that were found to fit, and what they say. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly crl?: string;
  /** Revoked certificates, as `revocableId` writes them. */
  readonly revokedIds: ReadonlySet<string>;
  /** When each file ends to be good. */
  readonly expiries: readonly Expiry[];
}

export interface Expiry {
  readonly what: 'certificate' | 'authority' | 'revocations';
  readonly path: string;
  readonly at: Date;
}

/** What may be looked at from outside. */
export interface TlsStatus {
  readonly expiries: readonly Expiry[];
  /** Why what is in the files now is not in use; null if it is. */
  readonly fault: string | null;
  /** Changes of the files that were taken since the start. */
  readonly reloads: number;
  readonly failures: number;
}

const lookEveryMs = 5_000;

type Texts = Readonly<Record<'certificate' | 'key' | 'authority' | 'revoked', string>>;

async function readTexts(paths: TlsPaths): Promise<Texts> {
  const read = (path: string | null) => (path === null ? '' : readFile(path, 'utf8'));
  const [certificate, key, authority, revoked] = await Promise.all([
    read(paths.certificate),
    read(paths.key),
    read(paths.authority ?? paths.certificate),
    read(paths.revoked),
  ]);
  return { certificate, key, authority, revoked };
}

const blocks = (text: string, label: string): readonly string[] =>
  text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, 'g')) ?? [];

/** When the first of the certificates in a file ends. @throws Error if there is none */
function certificateEnd(text: string, path: string): Date {
  const all = blocks(text, 'CERTIFICATE').map(block => new Date(new X509Certificate(block).validTo));
  const [first] = all.toSorted((left, right) => left.getTime() - right.getTime());
  if (first === undefined) throw new Error(`${path} has no certificate`);
  return first;
}

/** @throws Error in words for people: what does not fit */
async function fit(paths: TlsPaths, texts: Texts): Promise<TlsMaterial> {
  const leaf = new X509Certificate(texts.certificate);
  if (!leaf.checkPrivateKey(createPrivateKey(texts.key)))
    throw new Error(`the key in ${paths.key} is not that of ${paths.certificate}`);
  const expiries: Expiry[] = [
    { what: 'certificate', path: paths.certificate, at: certificateEnd(texts.certificate, paths.certificate) },
  ];
  if (paths.authority !== null)
    expiries.push({ what: 'authority', path: paths.authority, at: certificateEnd(texts.authority, paths.authority) });
  const revokedIds = new Set<string>();
  if (paths.revoked !== null) {
    // Only who has such a list needs the library that reads it.
    const { readRevocationList } = await import('./authority.js');
    const lists = blocks(texts.revoked, 'X509 CRL').map(readRevocationList);
    if (lists.length === 0) throw new Error(`${paths.revoked} has no list of revocations`);
    for (const { revokedIds: ofList, expiresAt } of lists) {
      for (const id of ofList) revokedIds.add(id);
      if (expiresAt !== null) expiries.push({ what: 'revocations', path: paths.revoked, at: expiresAt });
    }
  }
  const crl = paths.revoked === null ? {} : { crl: texts.revoked };
  const material = { cert: texts.certificate, key: texts.key, ca: texts.authority, ...crl, revokedIds, expiries };
  // Of a text with several lists Node takes the first.
  const lists = [...blocks(texts.revoked, 'X509 CRL')];
  createSecureContext({ cert: material.cert, key: material.key, ca: material.ca, crl: lists });
  return material;
}

/** Why it is of no use any more; null if it is. */
function expired({ expiries }: TlsMaterial, now: Date): string | null {
  const over = expiries.find(({ at }) => at <= now);
  return over === undefined ? null : `${over.path} has expired (${over.at.toISOString()})`;
}

export class TlsFiles {
  readonly #paths: TlsPaths;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Set<(material: TlsMaterial) => void>();
  #material: TlsMaterial;
  /** The texts in use, and those that were looked at last. */
  #used: string;
  #looked: string;
  #fault: string | null = null;
  #reloads = 0;
  #failures = 0;
  #isStopped = false;
  #cancel: () => void = () => {};

  private constructor(paths: TlsPaths, clock: Clock, log: Logger, material: TlsMaterial, used: string) {
    this.#paths = paths;
    this.#clock = clock;
    this.#log = log;
    this.#material = material;
    this.#used = used;
    this.#looked = used;
  }

  /** Reads the files. What has expired is used all the same: there is nothing else. @throws Error naming what does not fit */
  static async open(paths: TlsPaths, clock: Clock, log: Logger): Promise<TlsFiles> {
    const texts = await readTexts(paths);
    const material = await fit(paths, texts);
    const reason = expired(material, clock.wallTime());
    if (reason !== null) log.warn({ reason }, 'a certificate has expired: hosts and clients will not be served');
    return new TlsFiles(paths, clock, log, material, JSON.stringify(texts));
  }

  /** What is in use. */
  get material(): TlsMaterial {
    return this.#material;
  }

  get status(): TlsStatus {
    const { expiries } = this.#material;
    return { expiries, fault: this.#fault, reloads: this.#reloads, failures: this.#failures };
  }

  /** Calls back with what is to be used from now on. */
  onChange(listener: (material: TlsMaterial) => void): void {
    this.#listeners.add(listener);
  }

  /** Looks at the files from now on. */
  watch(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(lookEveryMs, () => {
      void this.look().finally(() => {
        if (!this.#isStopped) this.watch();
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel();
  }

  /** Looks at the files now. */
  async look(): Promise<void> {
    try {
      const texts = await readTexts(this.#paths);
      const looked = JSON.stringify(texts);
      if (looked === this.#used) this.#fault = null;
      if (looked === this.#looked || this.#isStopped) return;
      this.#looked = looked;
      if (looked === this.#used) return;
      const material = await fit(this.#paths, texts);
      const reason = expired(material, this.#clock.wallTime());
      if (reason !== null) return this.#fail(reason);
      this.#used = looked;
      this.#material = material;
    } catch (error) {
      return this.#fail((error as Error).message);
    }
    this.#reloads += 1;
    this.#fault = null;
    this.#log.info({ expiries: this.#material.expiries }, 'new certificates are in use');
    for (const listener of this.#listeners) listener(this.#material);
  }

  #fail(reason: string): void {
    if (reason === this.#fault) return;
    this.#failures += 1;
    this.#fault = reason;
    this.#log.warn({ reason }, 'the certificates in the files cannot be used; those in use stay');
  }
}
