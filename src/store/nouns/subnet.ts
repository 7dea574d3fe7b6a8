import { cidrsOverlap } from '../../base/address.js';
import { WeftError } from '../../base/errors.js';
import type { LogicalSwitchPort, Subnet } from '../../model/index.js';
import { checkMtu, checkSubnetPlace, checkSubnetShape, knownCidr } from '../../model/invariants.js';
import { quoted, refuse } from '../../model/value-types.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const subnetBehaviour: Behaviour<'subnets'> = {
  async complete(unit, request, current, common) {
    const logicalSwitchId = request.logicalSwitchId ?? refuse('missing_member', '/logical_switch_id', 'It is missing.');
    const cidr = request.cidr ?? refuse('missing_member', '/cidr', 'It is missing.');
    const row: Subnet = {
      ...common,
      logicalSwitchId,
      cidr,
      gatewayIp: request.gatewayIp ?? null,
      allocationPools: request.allocationPools ?? [],
      dnsServers: request.dnsServers ?? [],
      dhcp: request.dhcp ?? true,
      ipv6AddressMode: request.ipv6AddressMode ?? null,
      hostRoutes: request.hostRoutes ?? [],
    };
    checkSubnetShape(row);
    checkAddressMode(row);
    const logicalSwitch = await requireRow(unit, 'logical-switches', logicalSwitchId, '/logical_switch_id');
    if (current === null) {
      const siblings = await unit.children('subnets', 'logicalSwitchId', logicalSwitchId);
      const routerPorts = await unit.children('logical-router-ports', 'logicalSwitchId', logicalSwitchId);
      checkSubnetPlace(row, siblings, routerPorts);
      checkMtu({ mtu: logicalSwitch.mtu }, Number.POSITIVE_INFINITY, [row], '/cidr');
    }
    if (row.gatewayIp !== null && row.gatewayIp !== current?.gatewayIp)
      await refuseGatewayOfPort(unit, row, row.gatewayIp);
    return row;
  },
  claims: () => [],
  async release(unit, row, cascade, remove) {
    await unit.get('logical-switches', row.logicalSwitchId);
    const routerPorts = await unit.children('logical-router-ports', 'logicalSwitchId', row.logicalSwitchId);
    const cidr = knownCidr(row.cidr);
    const owners = [
      ...(await unit.claims.ownersInSubnet(row.id)),
      ...routerPorts
        .filter(port => port.networks.some(network => cidrsOverlap(cidr, knownCidr(network))))
        .map(({ id }) => ({ kind: 'logical-router-ports' as const, id })),
    ];
    if (owners.length > 0 && !cascade)
      throw new WeftError('in_use', {
        detail: `${owners.length} ports have addresses of subnet ${row.id} (${row.cidr}).`,
        related: owners,
      });
    for (const owner of owners) {
      const port = owner.kind === 'logical-switch-ports' ? await unit.get('logical-switch-ports', owner.id) : null;
      if (port === null) await remove(owner.kind, owner.id);
      else unit.put('logical-switch-ports', port.id, withoutSubnet(port, row.id, unit.now));
    }
  },
};

/** SLAAC makes addresses of the last 64 bits (RFC 4862, section 5.5.3). */
function checkAddressMode({ cidr, ipv6AddressMode }: Subnet): void {
  if (ipv6AddressMode === null) return;
  const { family, prefixLength } = knownCidr(cidr);
  if (family === 4) refuse('contradiction', '/ipv6_address_mode', `${cidr} is a subnet of IPv4.`);
  if (ipv6AddressMode !== 'dhcpv6-stateful' && prefixLength !== 64)
    refuse(
      'contradiction',
      '/ipv6_address_mode',
      `Ports make addresses of their own only in a /64, and this is ${cidr}.`,
    );
}

/** A gateway is the address of a router: it may not be that of a workload. */
async function refuseGatewayOfPort(unit: UnitOfWork, row: Subnet, gatewayIp: string): Promise<void> {
  const owner = await unit.claims.ownerOf(row.logicalSwitchId, 'ip', gatewayIp);
  if (owner?.kind !== 'logical-switch-ports') return;
  throw new WeftError('address_in_use', {
    detail: `${quoted(gatewayIp)} belongs to logical switch port ${owner.id}.`,
    pointer: '/gateway_ip',
    related: [owner],
  });
}

/** The port without its addresses of the subnet. */
function withoutSubnet(port: LogicalSwitchPort, subnetId: string, now: string): LogicalSwitchPort {
  return { ...port, ips: port.ips.filter(each => each.subnetId !== subnetId), updatedAt: now };
}
