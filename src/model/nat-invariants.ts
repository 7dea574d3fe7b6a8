/** What a rule of address translation must satisfy by itself, and among what its router reaches outside. */
import { cidrContains, isHostAddress } from '../base/address.js';
import { pointerTo } from '../base/errors.js';
import type { NatRule, Subnet } from './index.js';
import { allocationRanges, knownCidr, knownIp } from './invariants.js';
import { MAX_MAPPED_PORTS } from './nat-rule.js';
import { refuse } from './value-types.js';

type Shape = Pick<
  NatRule,
  'kind' | 'externalIp' | 'logicalIp' | 'exemptedDestinations' | 'portMap' | 'logicalSwitchPortId'
>;

const highestPort = 65_535;

/** The address inside as a network: of one address, if it is one. */
export function logicalNetworkOf({ logicalIp }: Pick<NatRule, 'logicalIp'>) {
  return knownCidr(logicalIp.includes('/') ? logicalIp : `${logicalIp}/${knownIp(logicalIp).family === 4 ? 32 : 128}`);
}

/** Ports outside, in order, each with its port inside. Throws nothing: what is refused below is cut off. */
export function mappedPorts(portMap: NonNullable<NatRule['portMap']>): readonly (readonly [number, number])[] {
  const { externalPort, externalPortMax, logicalPort } = portMap;
  const count = Math.min((externalPortMax ?? externalPort) - externalPort + 1, MAX_MAPPED_PORTS);
  return Array.from({ length: count }, (_, index) => [externalPort + index, (logicalPort ?? externalPort) + index]);
}

export function checkNatRule(rule: Shape): void {
  const network = logicalNetworkOf(rule);
  const external = knownIp(rule.externalIp);
  const isHost = network.prefixLength === (network.family === 4 ? 32 : 128);
  if (!isHostAddress(external))
    refuse('invalid_value', '/external_ip', `${rule.externalIp} cannot be the address of a host.`);
  if (network.family !== external.family)
    refuse('family_mismatch', '/logical_ip', `${rule.logicalIp} is not of IPv${external.family}.`);
  if (rule.kind !== 'snat' && !isHost)
    refuse('contradiction', '/logical_ip', `A rule of kind ${rule.kind} is for one address, not for a network.`);
  if (isHost && !isHostAddress({ family: network.family, value: network.address }))
    refuse('invalid_value', '/logical_ip', `${rule.logicalIp} cannot be the address of a host.`);
  if (isHost && network.address === external.value)
    refuse('contradiction', '/logical_ip', `${rule.logicalIp} is the address outside itself.`);
  if (rule.kind === 'dnat' && rule.exemptedDestinations.length > 0)
    refuse('contradiction', '/exempted_destinations', 'A rule of kind dnat translates what comes from outside only.');
  if (rule.kind !== 'floating_ip' && rule.logicalSwitchPortId !== null)
    refuse('contradiction', '/logical_switch_port_id', 'Only a floating IP is answered for where its workload is.');
  for (const [index, destination] of rule.exemptedDestinations.entries())
    if (knownCidr(destination).family !== network.family)
      refuse(
        'family_mismatch',
        pointerTo('/exempted_destinations', index),
        `${destination} is not of IPv${network.family}.`,
      );
  if (rule.portMap !== null) checkPorts(rule.kind, rule.portMap);
}

function checkPorts(kind: Shape['kind'], portMap: NonNullable<Shape['portMap']>): void {
  if (kind !== 'dnat') refuse('contradiction', '/port_map', `A rule of kind ${kind} maps no ports.`);
  const { externalPort, externalPortMax, logicalPort } = portMap;
  const count = (externalPortMax ?? externalPort) - externalPort + 1;
  if (count < 1 || count > MAX_MAPPED_PORTS)
    refuse('out_of_range', '/port_map/external_port_max', `A range has between 1 and ${MAX_MAPPED_PORTS} ports.`);
  if ((logicalPort ?? externalPort) + count - 1 > highestPort)
    refuse('out_of_range', '/port_map/logical_port', `There are no ${count} ports from there on.`);
}

/**
 * A floating IP is one that the subnets of the switch outside give out. Where it has none, nobody but an operator can know what is free
 * there.
 */
export function checkFloatingAddress(
  ip: string,
  subnets: readonly Pick<Subnet, 'cidr' | 'gatewayIp' | 'allocationPools'>[],
  { isOperator }: { readonly isOperator: boolean },
): void {
  if (subnets.length === 0 && isOperator) return;
  const address = knownIp(ip);
  const subnet = subnets.find(each => cidrContains(knownCidr(each.cidr), address));
  if (subnet === undefined)
    refuse('address_outside_subnet', '/external_ip', `${ip} is in no subnet of the logical switch outside.`);
  const isGivenOut = allocationRanges(subnet).some(
    ({ first, last }) => first <= address.value && address.value <= last,
  );
  if (!isGivenOut || subnet.gatewayIp === ip)
    refuse(
      'address_reserved',
      '/external_ip',
      `${ip} is not among the addresses that subnet ${subnet.cidr} gives out.`,
    );
}
