/** What QoS rules, mirrors, DHCP options, DNS records, policy routes, backends and NAT rules show of how they fare. */
import { cidrContains, parseCidr, parseIp } from '../../src/base/address.js';
import type {
  DhcpOption,
  DnsRecord,
  Mirror,
  NatRule,
  PolicyRoute,
  QosRule,
  RowOf,
  Subnet,
} from '../../src/model/index.js';
import { isConnected } from '../../src/model/invariants.js';
import { isOutside } from '../../src/model/policy-invariants.js';
import { backendName } from '../../src/model/load-balancer.js';
import { checkedBackends } from '../../src/view/checked-backends.js';
import { neighbourPlace } from '../../src/view/neighbour-rows.js';
import type { NetworkReader } from '../../src/view/network-view.js';
import type { GuaranteeStatus } from './guarantee-status.js';

/** A tenant, too, is told whether its rule is kept: so the reason names no host. */
export function qosStatus(
  { kind, direction }: Pick<QosRule, 'kind' | 'direction'>,
  guarantees: readonly GuaranteeStatus[],
): { readonly enforced: boolean; readonly reason: string | null } {
  const status = (reason: string | null) => ({ enforced: reason === null, reason });
  if (kind !== 'minimum_bandwidth') return status(null);
  if (direction === 'ingress')
    return status('what comes to a hypervisor is sent by others, so it can guarantee nothing of it');
  if (guarantees.length === 0) return status('no port that it is for is bound');
  const kept = guarantees.filter(({ enforced }) => enforced).length;
  if (kept === guarantees.length) return status(null);
  return status(
    kept === 0 ? 'no hypervisor with ports of it can keep it' : 'not every hypervisor with ports of it can keep it',
  );
}

export function mirrorStatus(
  view: NetworkReader,
  { logicalSwitchPortId, collectorPortId }: Pick<Mirror, 'logicalSwitchPortId' | 'collectorPortId'>,
): { readonly active: boolean; readonly reason: string | null } {
  const isBound = (portId: string): boolean => view.get('bound-ports', portId) !== null;
  const reason = !isBound(logicalSwitchPortId)
    ? 'its port is not bound'
    : collectorPortId !== null && !isBound(collectorPortId)
      ? 'its collector is not bound'
      : null;
  return { active: reason === null, reason };
}

interface Activity {
  readonly active: boolean;
  readonly reason: string | null;
}

const activity = (reason: string | null): Activity => ({ active: reason === null, reason });

export function dhcpOptionStatus(
  view: NetworkReader,
  { logicalSwitchPortId, subnetId, protocol }: Pick<DhcpOption, 'logicalSwitchPortId' | 'subnetId' | 'protocol'>,
): Activity {
  const family = protocol === 'dhcpv4' ? 4 : 6;
  const serves = (subnet: Pick<Subnet, 'cidr' | 'dhcp'> | null): boolean =>
    subnet !== null && subnet.dhcp && parseCidr(subnet.cidr)?.family === family;
  if (subnetId !== null)
    return activity(serves(view.get('subnets', subnetId)) ? null : `there is no ${protocol} on its subnet`);
  const port = logicalSwitchPortId === null ? null : view.get('logical-switch-ports', logicalSwitchPortId);
  const isServed = port?.ips.some(each => serves(view.get('subnets', each.subnetId))) ?? false;
  return activity(isServed ? null : `its port has no address in a subnet with ${protocol}`);
}

export function dnsRecordStatus(
  view: NetworkReader,
  { logicalSwitchId }: Pick<DnsRecord, 'logicalSwitchId'>,
): Activity {
  const domain = view.get('logical-switches', logicalSwitchId)?.dnsDomain ?? null;
  if (domain === null) return activity('its logical switch has no dns_domain');
  const subnets = view.by('subnets', 'logicalSwitchId', logicalSwitchId);
  return activity(
    subnets.some(({ gatewayIp }) => gatewayIp !== null)
      ? null
      : 'no subnet of its logical switch has a gateway_ip to ask',
  );
}

export function policyRouteStatus(
  view: NetworkReader,
  { logicalRouterId, action, mark, nextHops }: Pick<PolicyRoute, 'logicalRouterId' | 'action' | 'mark' | 'nextHops'>,
): Activity {
  const router = view.get('logical-routers', logicalRouterId);
  if (router?.enabled === false) return activity('its logical router is disabled');
  if (router === null || action !== 'reroute') return activity(null);
  const ports = view.by('logical-router-ports', 'logicalRouterId', logicalRouterId);
  const reached = nextHops.filter(nextHop => isConnected(nextHop, ports));
  if (reached.length === 0) return activity('no port of its logical router has a next hop in its network');
  const isDead = (nextHop: string): boolean =>
    ports
      .flatMap(({ id }) => view.by('bfd-sessions', 'neighbour', neighbourPlace(id, nextHop)))
      .some(({ finding }) => finding?.isUp === false);
  if (reached.every(isDead)) return activity('BFD finds all of its next hops down');
  const outside = reached.filter(nextHop => isOutside(nextHop, router, ports));
  if (outside.length === 0) return activity(null);
  if (outside.length < reached.length)
    return activity(`${outside[0]} is behind the gateway and gets nothing, because others are not`);
  return activity(
    mark === null ? null : 'its next hops are behind the gateway, which does not know the marks of packets',
  );
}

export interface BackendStatus {
  readonly ip: string;
  readonly port: number;
  readonly health: 'unchecked' | 'passing' | 'failing';
  readonly reason: string | null;
}

/** What the checks of each backend have said. */
export function backendStatus(view: NetworkReader, balancer: RowOf<'load-balancers'>): readonly BackendStatus[] {
  const checked = checkedBackends(view, balancer);
  return balancer.backends.map(backend => {
    const { ip, port, state } = backend;
    const found = checked.get(backendName(backend));
    if (balancer.failedBackends.includes(backendName(backend)))
      return { ip, port, health: 'failing', reason: 'its last checks have failed' };
    if (found !== undefined && found.port !== null) return { ip, port, health: 'passing', reason: null };
    const why =
      balancer.healthCheck === null
        ? 'the load balancer has no health_check'
        : state === 'down'
          ? 'it is down'
          : 'no port of the same project has its address, on the logical switches that the load balancer reaches';
    return { ip, port, health: 'unchecked', reason: why };
  });
}

/** Whether the router can have the address of the rule outside. */
export function natStatus(
  view: NetworkReader,
  { logicalRouterId, kind, externalIp }: Pick<NatRule, 'logicalRouterId' | 'kind' | 'externalIp'>,
): Activity {
  const router = view.get('logical-routers', logicalRouterId);
  const switchId = router?.gateway?.logicalSwitchId ?? null;
  const address = parseIp(externalIp);
  if (router === null || switchId === null || address === null) return activity('its router has no gateway');
  const networks = view
    .by('logical-router-ports', 'logicalRouterId', logicalRouterId)
    .filter(port => port.logicalSwitchId === switchId)
    .flatMap(port => port.networks.map(parseCidr))
    .filter(network => network !== null);
  if (networks.length === 0) return activity('its router has no port on the logical switch of the gateway');
  const isOwn = networks.some(each => each.family === address.family && each.address === address.value);
  if (kind !== 'floating_ip') return activity(isOwn ? null : 'external_ip is no address of the router port outside');
  if (isOwn) return activity('external_ip is an address of the router port outside');
  const isNeighbour = networks.some(each => cidrContains(each, address));
  return activity(isNeighbour ? null : 'external_ip is in no network of the router port outside');
}
