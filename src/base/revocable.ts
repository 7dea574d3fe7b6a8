/**
 * What a list of revocations names: a certificate by its issuer and serial number. Two authorities may count alike. It is here, and not with
 * certificates in src/trust, because the listeners for hypervisors ask it too, which stand on src/base alone.
 */
import { createHash } from 'node:crypto';

const INTEGER = 0x02;
const SEQUENCE = 0x30;
const VERSION = 0xa0;

interface Element {
  readonly tag: number;
  /** Where its content begins, and ends. */
  readonly from: number;
  readonly to: number;
}

/** One element of DER, which ends before `end`; null where there is none. */
function elementAt(der: Uint8Array, at: number, end: number): Element | null {
  const [tag, first] = [der[at], der[at + 1]];
  if (tag === undefined || first === undefined) return null;
  let [from, length] = [at + 2, first];
  if (first >= 0x80) {
    const count = first & 0x7f;
    if (count === 0 || count > 4) return null;
    length = 0;
    for (let byte = 0; byte < count; byte += 1) length = length * 256 + (der[from + byte] ?? 0);
    from += count;
  }
  return from + length <= end ? { tag, from, to: from + length } : null;
}

/** The bytes of the issuer's name in a certificate, or in a list of revocations, which begins alike; null if it is neither. */
function issuerOf(der: Uint8Array): Uint8Array | null {
  const whole = elementAt(der, 0, der.length);
  const content = whole?.tag === SEQUENCE ? elementAt(der, whole.from, whole.to) : null;
  if (content === null) return null;
  let at = content.from;
  let sequences = 0;
  while (at < content.to) {
    const element = elementAt(der, at, content.to);
    if (element === null) return null;
    // Version and serial number, the algorithm of the signature, the issuer.
    if (element.tag === SEQUENCE) sequences += 1;
    else if (element.tag !== INTEGER && element.tag !== VERSION) return null;
    if (sequences === 2) return der.subarray(at, element.to);
    at = element.to;
  }
  return null;
}

/** Serial numbers are written in whole bytes (`0A`) or not (`A`), in either case. */
const plainSerial = (hexadecimal: string): string => hexadecimal.toUpperCase().replace(/^0+(?=.)/, '');

/**
 * Says which certificate is meant, the same from the certificate itself and from the list that revokes it; null if it cannot be read.
 * @param der the certificate, or the list
 */
export function revocableId(der: Uint8Array, serialNumber: string): string | null {
  const issuer = issuerOf(der);
  if (issuer === null) return null;
  return `${createHash('sha256').update(issuer).digest('base64')} ${plainSerial(serialNumber)}`;
}
