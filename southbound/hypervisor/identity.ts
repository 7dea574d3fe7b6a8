/**
 * Who a host says it is: what the `external_ids` of its Open_vSwitch row mean to us. The `ovn-*` keys are read where the
 * `weft-*` ones are absent, so that a host which comes from OVN needs no new settings.
 */
import { formatIp, isHostAddress, parseIp } from '../../src/base/address.js';
import type { Row } from '../ovsdb/schema.js';
import { listNames, namesHost, type RefusalCode } from './certificate.js';
import type { Peer } from './endpoint.js';

export type EncapsulationType = 'geneve' | 'vxlan';
const knownEncapsulations: readonly EncapsulationType[] = ['geneve', 'vxlan'];

/** Oldest Open vSwitch that has everything the pipeline needs. */
const leastVersion = { major: 2, minor: 17 };
const leastMtuBytes = 576;

/** Where a host puts a join token. */
export const joinTokenKey = 'weft-join-token';
const longestJoinToken = 256;

export interface BridgeMapping {
  readonly physicalNetwork: string;
  readonly bridge: string;
}

/** What a host reports when it joins. */
export interface HypervisorReport {
  /** `weft-hypervisor` if set, else `system-id`. */
  readonly systemId: string;
  /** Address of its end of the tunnels, canonical text. */
  readonly encapIp: string;
  /** Encapsulations that it receives, the preferred one first. */
  readonly encapTypes: readonly EncapsulationType[];
  /** MTU of its underlay in bytes; null where the general option applies. */
  readonly encapMtuBytes: number | null;
  /** Name of the bridge that is to be ours. */
  readonly bridge: string;
  /** `system`, `netdev`, ...; null when the host does not say. */
  readonly datapathType: string | null;
  readonly bridgeMappings: readonly BridgeMapping[];
  /** What it lists among its bridge mappings and is none, each cut short; a few of them. */
  readonly unreadMappings: readonly string[];
  /** Null where nobody wrote it down (a hand-started Open vSwitch). */
  readonly ovsVersion: string | null;
  /** What it presents to be approved at once; null if nothing. */
  readonly joinToken: string | null;
  /** UUID of the Open_vSwitch row: tells two databases with the same system-id apart. */
  readonly databaseRow: string;
  readonly peer: Peer;
}

export type Identity =
  | { readonly kind: 'complete'; readonly report: HypervisorReport }
  | { readonly kind: 'incomplete'; readonly code: RefusalCode; readonly reason: string };

/** What is missing or wrong, in the words of the one who has to set it. */
class IdentityFault extends Error {
  constructor(
    reason: string,
    readonly code: RefusalCode = 'not_admitted',
  ) {
    super(reason);
  }
}

type ExternalIds = ReadonlyMap<string, string>;

/** The first of the keys that is set and not empty. */
function first(ids: ExternalIds, keys: readonly string[]): { key: string; value: string } | null {
  for (const key of keys) {
    const value = ids.get(key)?.trim();
    if (value) return { key, value };
  }
  return null;
}

function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map(part => part.trim())
    .filter(part => part !== '');
}

function readSystemId(ids: ExternalIds): string {
  const found = first(ids, ['weft-hypervisor', 'system-id']);
  if (!found) throw new IdentityFault('external_ids:system-id is not set');
  if (!/^[\x21-\x7e]{1,253}$/.test(found.value)) {
    throw new IdentityFault(`external_ids:${found.key} is not 1 to 253 printable characters without spaces`);
  }
  return found.value;
}

function readEncapIp(ids: ExternalIds): string {
  const found = first(ids, ['weft-encap-ip', 'ovn-encap-ip']);
  if (!found) throw new IdentityFault('external_ids:weft-encap-ip is not set');
  const text = splitList(found.value)[0] ?? '';
  const ip = parseIp(text);
  if (!ip) throw new IdentityFault(`external_ids:${found.key}: "${text}" is not an IP address`);
  if (!isHostAddress(ip)) throw new IdentityFault(`external_ids:${found.key}: ${text} is not the address of one host`);
  return formatIp(ip.family, ip.value);
}

function readEncapTypes(ids: ExternalIds): readonly EncapsulationType[] {
  const found = first(ids, ['weft-encap-type', 'ovn-encap-type']);
  if (!found) return ['geneve'];
  const given = splitList(found.value);
  const known = [...new Set(given)].flatMap(name => knownEncapsulations.filter(type => type === name));
  if (known.length === 0)
    throw new IdentityFault(`external_ids:${found.key}: none of "${found.value}" is geneve or vxlan`);
  return known;
}

function readEncapMtu(ids: ExternalIds): number | null {
  const found = first(ids, ['weft-encap-mtu']);
  if (!found) return null;
  const mtu = /^\d{1,5}$/.test(found.value) ? Number(found.value) : Number.NaN;
  if (mtu >= leastMtuBytes && mtu <= 65535) return mtu;
  throw new IdentityFault(
    `external_ids:${found.key}: "${found.value}" is not an MTU of ${leastMtuBytes} to 65535 bytes`,
  );
}

function readBridge(ids: ExternalIds): string {
  const found = first(ids, ['weft-bridge', 'ovn-bridge']);
  if (!found) return 'br-int';
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(found.value)) return found.value;
  throw new IdentityFault(`external_ids:${found.key}: "${found.value}" cannot be the name of a bridge`);
}

function readDatapathType(ids: ExternalIds, supported: readonly string[]): string | null {
  const found = first(ids, ['weft-datapath-type', 'ovn-bridge-datapath-type']);
  if (!found) return null;
  if (supported.length === 0 || supported.includes(found.value)) return found.value;
  const list = supported.join(', ');
  throw new IdentityFault(`external_ids:${found.key}: this Open vSwitch has no "${found.value}", only ${list}`);
}

const mostUnreadMappings = 8;
const longestUnreadMapping = 64;

/** One that cannot be read is no reason to turn a host away that has workloads: the others count, and this one is told. */
function readBridgeMappings(ids: ExternalIds): Pick<HypervisorReport, 'bridgeMappings' | 'unreadMappings'> {
  const found = first(ids, ['weft-bridge-mappings', 'ovn-bridge-mappings']);
  const bridgeMappings: BridgeMapping[] = [];
  const unreadMappings: string[] = [];
  for (const text of splitList(found?.value ?? '')) {
    const [physicalNetwork, bridge, ...rest] = text.split(':').map(part => part.trim());
    if (physicalNetwork && bridge && rest.length === 0) bridgeMappings.push({ physicalNetwork, bridge });
    else if (unreadMappings.length < mostUnreadMappings) unreadMappings.push(text.slice(0, longestUnreadMapping));
  }
  return { bridgeMappings, unreadMappings };
}

/** A host that was broken into must not speak for another: over TLS the name is the certificate's. */
function checkCertificate(systemId: string, { transport, certificate }: Peer): void {
  if (transport !== 'ssl' || namesHost(certificate.names, systemId)) return;
  throw new IdentityFault(`its certificate is for ${listNames(certificate.names)}, not for ${systemId}`, 'wrong_name');
}

function checkVersion(version: string | null): void {
  const match = /^(\d+)\.(\d+)/.exec(version ?? '');
  if (!match) return;
  const [major, minor] = [Number(match[1]), Number(match[2])];
  if (major > leastVersion.major || (major === leastVersion.major && minor >= leastVersion.minor)) return;
  throw new IdentityFault(
    `Open vSwitch ${version} is too old: ${leastVersion.major}.${leastVersion.minor} or later is needed`,
  );
}

/** Reads who the host is, or what it still has to say. */
export function readIdentity(root: Row<'Open_vSwitch'> | null, peer: Peer): Identity {
  if (!root) {
    const reason = 'the database has no Open_vSwitch row: ovs-vsctl init was not run';
    return { kind: 'incomplete', code: 'not_admitted', reason };
  }
  const ids = root.external_ids;
  try {
    checkVersion(root.ovs_version);
    const systemId = readSystemId(ids);
    checkCertificate(systemId, peer);
    const report: HypervisorReport = {
      systemId,
      encapIp: readEncapIp(ids),
      encapTypes: readEncapTypes(ids),
      encapMtuBytes: readEncapMtu(ids),
      bridge: readBridge(ids),
      datapathType: readDatapathType(ids, root.datapath_types),
      ...readBridgeMappings(ids),
      ovsVersion: root.ovs_version,
      joinToken: first(ids, [joinTokenKey])?.value.slice(0, longestJoinToken) ?? null,
      databaseRow: root._uuid,
      peer,
    };
    return { kind: 'complete', report };
  } catch (error) {
    if (!(error instanceof IdentityFault)) throw error;
    return { kind: 'incomplete', code: error.code, reason: error.message };
  }
}
