/** Values of fields as ovs-ofctl writes them. */
import { Port } from './actions.js';
import type { OxmField, Subfield } from './oxm.js';
import { preferredCodePoint } from './oxm.js';

/** Names to print instead of numbers; the number is printed where a name is missing. */
export interface TextOptions {
  readonly tableName?: (table: number) => string | undefined;
  readonly portName?: (port: number) => string | undefined;
}

const portNames = new Map<number, string>([
  [Port.unset, 'UNSET'],
  [Port.inPort, 'IN_PORT'],
  [Port.table, 'TABLE'],
  [Port.normal, 'NORMAL'],
  [Port.flood, 'FLOOD'],
  [Port.all, 'ALL'],
  [Port.controller, 'CONTROLLER'],
  [Port.local, 'LOCAL'],
  [Port.any, 'ANY'],
]);

const tcpFlagNames = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr', 'ns', '[200]', '[400]', '[800]'];
const conntrackStateNames = ['new', 'est', 'rel', 'rpl', 'inv', 'trk', 'snat', 'dnat'];
const tunnelFlagNames = ['oam'];

export function formatPort(port: number, options: TextOptions = {}): string {
  return portNames.get(port) ?? options.portName?.(port) ?? String(port);
}

export function formatTable(table: number, options: TextOptions = {}): string {
  return options.tableName?.(table) ?? String(table);
}

/** C's `%#x`: zero has no prefix. */
export function hex(value: bigint | number): string {
  return value === 0n || value === 0 ? '0' : `0x${value.toString(16)}`;
}

export function hexOf(value: bigint | number, digits: number): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** The length of a mask that is all ones and then all zeros, or null. */
function prefixLength(mask: bigint, bits: number): number | null {
  const zeros = ((1n << BigInt(bits)) - 1n) ^ mask;
  return (zeros & (zeros + 1n)) === 0n ? bits - zeros.toString(2).replace(/^0$/, '').length : null;
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map(shift => (value >> shift) & 0xffn).join('.');
}

function ethernet(value: bigint): string {
  return (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

/** IPv6 as inet_ntop writes it: the first longest run of two or more zero groups is left out (RFC 5952). */
function ipv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => Number((value >> BigInt(112 - 16 * i)) & 0xffffn));
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start += 1) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  if (best.start === 0 && best.length === 6 && value > 0xffffn) return `::${dotted(value)}`;
  if (best.start === 0 && best.length === 5 && groups[5] === 0xffff) return `::ffff:${dotted(value & 0xffff_ffffn)}`;
  const text = groups.map(group => group.toString(16));
  if (best.length === 1) return text.join(':');
  return `${text.slice(0, best.start).join(':')}::${text.slice(best.start + best.length).join(':')}`;
}

export function formatIp(family: 4 | 6, value: bigint): string {
  return family === 4 ? dotted(value) : ipv6(value);
}

function maskedIp(family: 4 | 6, value: bigint, mask: bigint | undefined): string {
  const text = formatIp(family, value);
  if (mask === undefined) return text;
  const length = prefixLength(mask, family === 4 ? 32 : 128);
  return `${text}/${length ?? formatIp(family, mask)}`;
}

/** `+syn-ack` for the bits of the mask; with no mask `syn|ack`, or `0`. */
function formatFlags(names: readonly string[], value: bigint, mask: bigint | undefined): string {
  const isSet = (bits: bigint, index: number) => ((bits >> BigInt(index)) & 1n) === 1n;
  if (mask !== undefined) {
    return names.map((name, i) => (isSet(mask, i) ? `${isSet(value, i) ? '+' : '-'}${name}` : '')).join('');
  }
  return names.filter((_, i) => isSet(value, i)).join('|') || '0';
}

const fragmentNames = new Map([
  ['0/3', 'no'],
  ['1/3', 'first'],
  ['3/3', 'later'],
  ['0/1', 'no'],
  ['1/1', 'yes'],
  ['0/2', 'not_later'],
  ['2/2', 'later'],
]);

function plain(text: string, mask: bigint | undefined): string {
  return mask === undefined ? text : `${text}/${hex(mask)}`;
}

/** A value, and its mask if it has one, in the notation of the field. */
export function formatValue(field: OxmField, value: bigint, mask: bigint | undefined, options: TextOptions): string {
  switch (field.format) {
    case 'decimal':
      return plain(value.toString(), mask);
    case 'hexadecimal':
      return plain(hex(value), mask);
    case 'port':
      return formatPort(Number(value), options);
    case 'port16':
      return formatPort(Number(value >= 0xfff7n ? value + 0xffff_0000n : value), options);
    case 'ethernet':
      return mask === undefined ? ethernet(value) : `${ethernet(value)}/${ethernet(mask)}`;
    case 'ipv4':
      return maskedIp(4, value, mask);
    case 'ipv6':
      return maskedIp(6, value, mask);
    case 'tcpFlags':
      return formatFlags(tcpFlagNames, value, mask);
    case 'ctState':
      return formatFlags(conntrackStateNames, value, mask);
    case 'tunnelFlags':
      return formatFlags(tunnelFlagNames, value, mask);
    case 'fragment':
      return fragmentNames.get(`${value}/${mask ?? field.allBits}`) ?? '<error>';
    case 'packetType':
      return `(${value >> 16n},${hex(value & 0xffffn)})`;
  }
}

/** A subfield as Nicira syntax has it: `NXM_NX_REG0[0..15]`, `NXM_NX_REG0[3]`, `NXM_NX_REG0[]`. */
export function formatSubfield({ field, offset, bits }: Subfield): string {
  const { label } = preferredCodePoint(field, 0);
  if (offset === 0 && bits === field.bits) return `${label}[]`;
  return bits === 1 ? `${label}[${offset}]` : `${label}[${offset}..${offset + bits - 1}]`;
}

export function formatBytes(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('.');
}
