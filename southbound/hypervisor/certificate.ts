/**
 * What a peer's certificate proves. A host speaks only under the name in its certificate, on OVSDB and on OpenFlow alike, so that
 * one that was broken into cannot speak for another.
 */
import { TLSSocket } from 'node:tls';
import { revocableId } from '../../src/base/revocable.js';

/** Why a peer is not let in; the closed set that metrics and status name. */
export type RefusalCode =
  /** It showed no certificate. */
  | 'no_certificate'
  /** Its certificate is not of our authority. */
  | 'unknown_authority'
  | 'expired'
  | 'not_yet_valid'
  | 'revoked'
  /** Its certificate names another host than the one that it says to be. */
  | 'wrong_name'
  /** It does not encrypt, though its host does elsewhere. */
  | 'not_encrypted'
  /** The TLS handshake failed otherwise. */
  | 'handshake'
  | 'handshake_timeout'
  /** Too many strangers were connected. */
  | 'crowded'
  /** What it says of itself is not enough, or the registry refuses it. */
  | 'not_admitted';

export interface Refused {
  readonly code: RefusalCode;
  /** For people. */
  readonly reason: string;
}

/** What is known of a peer's certificate; empty where it has none. */
export interface PeerCertificate {
  /** Subject CN and DNS alternative names. */
  readonly names: readonly string[];
  /** Issuer and serial number, by which it is revoked; null without a certificate that can be read. */
  readonly revocableId: string | null;
}

export const noCertificate: PeerCertificate = { names: [], revocableId: null };

/** The names that an encrypted peer's certificate carries, trusted or not. */
export function certificateOf(socket: unknown): PeerCertificate {
  if (!(socket instanceof TLSSocket)) return noCertificate;
  const certificate = socket.getPeerCertificate();
  const serialNumber: string | undefined = certificate.serialNumber;
  if (serialNumber === undefined) return noCertificate;
  const commonName: string | string[] | undefined = certificate.subject?.CN;
  const names = [commonName ?? [], dnsNames(certificate.subjectaltname ?? '')].flat();
  return { names: [...new Set(names)], revocableId: revocableId(certificate.raw, serialNumber) };
}

/**
 * The DNS names among alternative names as Node lists them. One with a comma or quote in it is written as a JSON string, its commas
 * as \u002c, so that no name can be cut out of another: such a one is no host's.
 */
function dnsNames(alternatives: string): readonly string[] {
  return alternatives.split(', ').flatMap(name => /^DNS:([^"]+)$/.exec(name)?.[1] ?? []);
}

/** Whether one of these names is the host's. `ovs-pki` writes names as `NAME id:UUID`. */
export function namesHost(names: readonly string[], systemId: string): boolean {
  return names.some(name => name === systemId || name.startsWith(`${systemId} id:`));
}

/** Names for people. */
export const listNames = (names: readonly string[]): string => names.join(', ') || 'nobody';

const words: Readonly<Record<string, Refused>> = {
  CERT_HAS_EXPIRED: { code: 'expired', reason: 'its certificate has expired' },
  CERT_NOT_YET_VALID: { code: 'not_yet_valid', reason: 'its certificate is not valid yet: compare the clocks' },
  CERT_REVOKED: { code: 'revoked', reason: 'its certificate is revoked' },
  UNABLE_TO_GET_CRL: {
    code: 'unknown_authority',
    reason: 'the list of revoked certificates (WEFT_TLS_CRL) has none of the authority that signed its certificate',
  },
  CRL_HAS_EXPIRED: { code: 'unknown_authority', reason: 'the list of revoked certificates (WEFT_TLS_CRL) has expired' },
  INVALID_PURPOSE: { code: 'unknown_authority', reason: 'its certificate is not for clients (extended key usage)' },
};

/** Judges a peer whose handshake is done; null if its certificate is good. */
export function certificateFault(socket: TLSSocket): Refused | null {
  // The verdict of a session that is taken up again would be that of its first handshake: we hand out none.
  if (socket.isSessionReused()) return { code: 'handshake', reason: 'it took up an older TLS session' };
  if (certificateOf(socket).revocableId === null) return { code: 'no_certificate', reason: 'it showed no certificate' };
  if (socket.authorized) return null;
  // Node's types say Error; what stands there is OpenSSL's name of the fault.
  const fault = String(socket.authorizationError);
  return words[fault] ?? { code: 'unknown_authority', reason: `its certificate is not of our authority (${fault})` };
}

/** What OpenSSL calls a certificate whose authority is not ours. */
const strangers =
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF).*)$/;

/** Why a host that was dialled is not who it should be; null if it was not reached at all. */
export function dialFault(error: Partial<NodeJS.ErrnoException>): Refused | null {
  const { code = '' } = error;
  const known = words[code];
  if (known !== undefined) return known;
  if (strangers.test(code))
    return { code: 'unknown_authority', reason: `its certificate is not of our authority (${code})` };
  return code.startsWith('ERR_SSL_') || code === 'EPROTO' ? handshakeFault(error) : null;
}

const handshakeWords: Readonly<Record<string, string>> = {
  ECONNRESET: 'it hung up during the TLS handshake',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  ERR_SSL_HTTP_REQUEST: 'it speaks HTTP, not TLS',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'it offers no TLS 1.2 or later',
};

/** Why a handshake did not come about. */
export function handshakeFault({ code = '', message }: Partial<NodeJS.ErrnoException>): Refused {
  if (code === 'ERR_TLS_HANDSHAKE_TIMEOUT')
    return { code: 'handshake_timeout', reason: 'it did not finish the TLS handshake in time' };
  const alert = /^ERR_SSL_(?:TLSV1|SSLV3)_ALERT_(.+)$/.exec(code)?.[1];
  if (alert !== undefined) {
    const said = alert.toLowerCase().replaceAll('_', ' ');
    return { code: 'handshake', reason: `it does not accept our certificate (${said}): has it our authority's?` };
  }
  return { code: 'handshake', reason: handshakeWords[code] ?? `the TLS handshake failed: ${code || message}` };
}
