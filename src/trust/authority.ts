/**
 * Certificates of our own: an authority, what it signs, and the list of what it has taken back. Keys are on P-256, whose handshake
 * costs a tenth of RSA's and which every OpenSSL since 1.0.2 speaks.
 */
// The X.509 library finds its parts by it.
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { revocableId } from '../base/revocable.js';

/** A certificate with its private key, both PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** Where a server is reached: host names and addresses. */
export interface ServerNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
}

export interface Issue {
  /** Subject CN; for a host its system-id. */
  readonly commonName: string;
  readonly names: ServerNames;
  /** What it may be used as. A host is both: some listen and are dialled. */
  readonly usages: readonly ('client' | 'server')[];
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface Revocation {
  /** Hexadecimal. */
  readonly serialNumber: string;
  readonly at: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const { subtle } = webcrypto;
x509.cryptoProvider.set(webcrypto);

const usageOids = { client: x509.ExtendedKeyUsage.clientAuth, server: x509.ExtendedKeyUsage.serverAuth } as const;

/** As data, so that no character of a name has a meaning. */
const subjectOf = (commonName: string): x509.JsonName => [{ CN: [commonName] }];

/** 127 random bits: positive, and never the same twice. */
function newSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes.toString('hex');
}

async function newKeys(): Promise<{ keys: webcrypto.CryptoKeyPair; pem: string }> {
  const keys = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const pem = x509.PemConverter.encode(await subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return { keys, pem: `${pem}\n` };
}

async function readKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem);
  if (der === undefined) throw new Error('the private key is not PEM');
  return subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
}

/** Makes an authority that signs itself. */
export async function makeAuthority(commonName: string, notBefore: Date, notAfter: Date): Promise<KeyAndCertificate> {
  const { keys, pem } = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: subjectOf(commonName),
    notBefore,
    notAfter,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { key: pem, certificate: `${certificate.toString('pem')}\n` };
}

/** Makes a key, and a certificate for it that the authority signs. */
export async function issueCertificate(
  authority: KeyAndCertificate,
  issue: Issue,
): Promise<KeyAndCertificate & { readonly serialNumber: string }> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const { keys, pem } = await newKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerialNumber(),
    subject: subjectOf(issue.commonName),
    issuer: issuer.subjectName,
    notBefore: issue.notBefore,
    notAfter: issue.notAfter,
    publicKey: keys.publicKey,
    signingKey: await readKey(authority.key),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(issue.usages.map(usage => usageOids[usage])),
      new x509.SubjectAlternativeNameExtension([
        ...issue.names.dns.map(value => ({ type: 'dns' as const, value })),
        ...issue.names.ips.map(value => ({ type: 'ip' as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  });
  return { key: pem, certificate: `${certificate.toString('pem')}\n`, serialNumber: certificate.serialNumber };
}

/**
 * The whole list of what an authority has taken back, PEM. It is good for as long as the authority: one that expired would lock
 * every host out.
 */
export async function makeRevocationList(
  authority: KeyAndCertificate,
  revocations: readonly Revocation[],
  at: Date,
): Promise<string> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subjectName,
    thisUpdate: at,
    nextUpdate: issuer.notAfter,
    entries: revocations.map(({ serialNumber, at: revocationDate }) => ({ serialNumber, revocationDate })),
    signingKey: await readKey(authority.key),
    signingAlgorithm: algorithm,
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(issuer)],
  });
  // The library's own label is not the one of RFC 7468, and OpenSSL knows no other.
  return `${x509.PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
}

export interface RevocationListContent {
  /** The certificates that it revokes, as `revocableId` writes them. */
  readonly revokedIds: ReadonlySet<string>;
  /** When it ends to be good; null if it does not. */
  readonly expiresAt: Date | null;
}

/** Reads one PEM revocation list. @throws Error when it is none */
export function readRevocationList(pem: string): RevocationListContent {
  const list = new x509.X509Crl(pem);
  const der = new Uint8Array(list.rawData);
  const revokedIds = new Set(list.entries.flatMap(entry => revocableId(der, entry.serialNumber) ?? []));
  return { revokedIds, expiresAt: list.nextUpdate ?? null };
}
