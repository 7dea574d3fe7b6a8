/** What Weft may tell a port about its addresses: everything that the answers are made of, read from rows. */
import { type Cidr, eui64, parseCidr, parseIp, parseMac } from '../../base/address.js';
import type { DhcpProtocol } from '../../model/dhcp-option.js';
import { encodeDhcpOption } from '../../model/dhcp-option-codes.js';
import { effectiveMtu, type UnderlayCapacity, underlayCapacity } from '../../model/effective-mtu.js';
import { usesEui64 } from '../../model/invariants.js';
import type { Ipv6AddressMode } from '../../model/subnet.js';
import type { NetworkReader } from '../../view/network-view.js';
import { all, type ViewRow } from '../../view/rows.js';

type Port = ViewRow<'logical-switch-ports'>;
type Subnet = ViewRow<'subnets'>;
type LogicalSwitch = ViewRow<'logical-switches'>;

/** A subnet of the switch with DHCP. */
export interface ServedSubnet {
  readonly row: Subnet;
  readonly cidr: Cidr;
  readonly gateway: bigint | null;
  /** Its own DNS servers of its own family; with DNS of Weft, that first. */
  readonly dnsServers: readonly bigint[];
}

/** An address of the port in a subnet with DHCP. */
export interface ServedAddress {
  readonly address: bigint;
  readonly subnet: ServedSubnet;
}

export interface ServedPort {
  readonly port: Port;
  readonly mac: bigint;
  readonly logicalSwitch: LogicalSwitch;
  /** By whom DHCP answers: no station has it. */
  readonly serverMac: bigint;
  /** Of both families. */
  readonly subnets: readonly ServedSubnet[];
  /** In the order in which the port has them. */
  readonly addresses: readonly ServedAddress[];
  /** IPv4 addresses of local ports of the switch, which are of no subnet. */
  readonly localAddresses: readonly bigint[];
  /** The largest packet that the network carries, in bytes. */
  readonly mtu: number;
}

/** 02:77:65 and the tunnel key of the switch: locally administered, and the same whoever answers. */
const serverMacBase = 0x0277_6500_0000n;

/** Null: the rows of it are not there (any more). */
export function servedPort(view: NetworkReader, portId: string, defaultUnderlayMtu: number): ServedPort | null {
  const port = view.get('logical-switch-ports', portId);
  const logicalSwitch = port === null ? null : view.get('logical-switches', port.logicalSwitchId);
  const mac = port === null ? null : parseMac(port.mac);
  if (port === null || logicalSwitch === null || mac === null) return null;
  const subnets = servedSubnets(view, logicalSwitch);
  return {
    port,
    mac,
    logicalSwitch,
    serverMac: serverMacBase | BigInt(logicalSwitch.datapathKey),
    subnets,
    addresses: port.ips.flatMap(({ ip, subnetId }) => {
      const subnet = subnets.find(({ row }) => row.id === subnetId);
      const address = parseIp(ip)?.value;
      return subnet === undefined || address === undefined ? [] : { address, subnet };
    }),
    localAddresses: view
      .by('logical-switch-ports', 'local', logicalSwitch.id)
      .flatMap(({ local }) => local?.addresses.flatMap(text => parseIp(text) ?? []) ?? [])
      .filter(({ family }) => family === 4)
      .map(({ value }) => value),
    mtu: effectiveMtu(logicalSwitch, capacityOf(view.by('hypervisors', 'all', all), defaultUnderlayMtu)),
  };
}

function servedSubnets(view: NetworkReader, { id, dnsDomain }: LogicalSwitch): readonly ServedSubnet[] {
  return view.by('subnets', 'logicalSwitchId', id).flatMap(row => {
    const cidr = parseCidr(row.cidr);
    if (cidr === null || !row.dhcp) return [];
    const gateway = row.gatewayIp === null ? null : (parseIp(row.gatewayIp)?.value ?? null);
    const given = row.dnsServers.flatMap(text => parseIp(text) ?? []).filter(({ family }) => family === cidr.family);
    const own = dnsDomain === null || gateway === null ? [] : [gateway];
    return { row, cidr, gateway, dnsServers: [...new Set([...own, ...given.map(({ value }) => value)])] };
  });
}

type Hypervisors = readonly ViewRow<'hypervisors'>[];

/** Lists of the view are replaced when something in them changes. */
const capacities = new WeakMap<Hypervisors, UnderlayCapacity>();

function capacityOf(hypervisors: Hypervisors, defaultUnderlayMtu: number): UnderlayCapacity {
  let capacity = capacities.get(hypervisors);
  if (capacity === undefined)
    capacities.set(hypervisors, (capacity = underlayCapacity(hypervisors, defaultUnderlayMtu)));
  return capacity;
}

export const ofFamily = <T extends { readonly subnet: ServedSubnet }>(
  held: readonly T[],
  family: 4 | 6,
): readonly T[] => held.filter(({ subnet }) => subnet.cidr.family === family);

/** How ports of an IPv6 subnet get their addresses, where its row leaves that open, too. */
export function addressModeOf({ row }: Pick<ServedSubnet, 'row'>): Ipv6AddressMode {
  return row.ipv6AddressMode ?? (usesEui64(row) ? 'slaac' : 'dhcpv6-stateful');
}

/**
 * Whether the port may make itself an address in the subnet: it would make the EUI-64 one, and port security lets it use no other
 * than its own.
 */
export function mayConfigureItself({ port, mac, addresses }: ServedPort, subnet: ServedSubnet): boolean {
  if (addressModeOf(subnet) === 'dhcpv6-stateful' || subnet.cidr.prefixLength !== 64) return false;
  if (!port.portSecurity) return true;
  const own = eui64(subnet.cidr.network, mac);
  return addresses.some(each => each.subnet === subnet && each.address === own);
}

/** The options that rows give, by code: those of the port in place of those of the subnets. */
export function givenOptions(
  view: NetworkReader,
  portId: string,
  subnetIds: readonly string[],
  protocol: DhcpProtocol,
): ReadonlyMap<number, Uint8Array> {
  const rows = [
    ...subnetIds.flatMap(id => view.by('dhcp-options', 'subnetId', id)),
    ...view.by('dhcp-options', 'logicalSwitchPortId', portId),
  ];
  return new Map(
    rows.flatMap(row => {
      if (row.protocol !== protocol) return [];
      const encoded = encodeDhcpOption(protocol, row.option, row.value);
      return encoded.kind === 'encoded' ? [[encoded.code, encoded.value] as const] : [];
    }),
  );
}

/** How long an address may be used without asking again, in seconds: a day, so that it outlives an absence of Weft. */
export const defaultLeaseSeconds = 86_400;
