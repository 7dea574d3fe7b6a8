/**
 * Domain names (RFC 1035, section 2.3; underscores as in RFC 2782). Canonical: lower case, no final dot. Text that does not parse
 * gives `null`, never an exception.
 */

/** Of a whole name on the wire: labels, their lengths, and the root. */
const MAX_WIRE_BYTES = 255;
const LABEL = /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/;
/** Of a host: letters, digits and hyphens only (RFC 1123, section 2.1). */
const HOST_LABEL = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/** Canonical text of a name; null if it is none. */
export function parseDomainName(text: string): string | null {
  const name = text.toLowerCase().replace(/\.$/, '');
  // One length byte before each label and one for the root: two more than the text.
  if (name.length + 2 > MAX_WIRE_BYTES) return null;
  return name.split('.').every(label => LABEL.test(label)) ? name : null;
}

/** Whether hosts may have the name; it is canonical. */
export function isHostName(name: string): boolean {
  return name.split('.').every(label => HOST_LABEL.test(label));
}

/** The name as DNS and DHCP write it, uncompressed. It is canonical. */
export function encodeDomainName(name: string): Uint8Array {
  const bytes = new Uint8Array(name.length + 2);
  let at = 0;
  for (const label of name.split('.')) {
    bytes[at] = label.length;
    bytes.set(Buffer.from(label, 'latin1'), at + 1);
    at += 1 + label.length;
  }
  return bytes;
}
