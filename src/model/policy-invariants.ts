/** What a policy route must satisfy by itself, and among the others of its logical router. */
import { cidrsOverlap } from '../base/address.js';
import { pointerTo } from '../base/errors.js';
import { isGatewayPort } from './gateway.js';
import type { LogicalRouter, LogicalRouterPort, PolicyRoute } from './index.js';
import { checkNextHop, isConnected, knownCidr, knownIp } from './invariants.js';
import { MAX_MARK } from './policy-route.js';
import { hasPorts, isIcmp } from './protocol.js';
import { refuse } from './value-types.js';

type Conditions = Pick<
  PolicyRoute,
  'source' | 'destination' | 'protocol' | 'portMin' | 'portMax' | 'mark' | 'action' | 'nextHops'
>;
type Shape = Conditions & Pick<PolicyRoute, 'id' | 'priority'>;
type RouterPort = Pick<LogicalRouterPort, 'networks' | 'logicalSwitchId'>;

const both = [4, 6] as const;

/** The families of packets that the policy is about: that of what it names, else both. */
export function policyFamilies({ source, destination, protocol, nextHops }: Conditions): readonly (4 | 6)[] {
  const cidr = source ?? destination;
  if (cidr !== null) return [knownCidr(cidr).family];
  const [nextHop] = nextHops;
  if (nextHop !== undefined) return [knownIp(nextHop).family];
  return protocol === 'icmpv6' ? [6] : both;
}

/** The bits of the mark that count, and what they are. */
export function markBits({ value, mask }: NonNullable<PolicyRoute['mark']>): {
  readonly value: bigint;
  readonly mask: bigint;
} {
  return { value: BigInt(value), mask: BigInt(mask ?? MAX_MARK) };
}

/** Whether the next hop is outside: reached by the gateway of the router. */
export function isOutside(
  nextHop: string,
  router: Pick<LogicalRouter, 'gateway'>,
  routerPorts: readonly RouterPort[],
): boolean {
  return isConnected(
    nextHop,
    routerPorts.filter(port => isGatewayPort(router, port)),
  );
}

/** A policy by itself, on a router with these ports. */
export function checkPolicyRoute(
  policy: Shape,
  router: Pick<LogicalRouter, 'gateway'>,
  routerPorts: readonly RouterPort[],
): void {
  checkFamily(policy);
  checkPorts(policy);
  if (policy.mark !== null) {
    const { value, mask } = markBits(policy.mark);
    if ((value & ~mask) !== 0n) refuse('contradiction', '/mark/value', 'The mark has bits beyond its mask.');
  }
  if (policy.action !== 'reroute' && policy.nextHops.length > 0)
    refuse('contradiction', '/next_hops', `A policy route with action ${policy.action} has no next hops.`);
  if (policy.action === 'reroute' && policy.nextHops.length === 0)
    refuse('missing_member', '/next_hops', 'A policy route that reroutes has a next hop.');
  for (const [index, nextHop] of policy.nextHops.entries()) {
    const pointer = pointerTo('/next_hops', index);
    checkNextHop(nextHop, routerPorts, pointer);
    if (policy.mark !== null && isOutside(nextHop, router, routerPorts))
      refuse('contradiction', pointer, `${nextHop} is behind the gateway, which does not know the marks of packets.`);
  }
  checkOneSide(policy, router, routerPorts);
}

/** The gateway chooses once more among what is sent to it to leave, so its next hops share with no others. */
function checkOneSide(
  { nextHops }: Shape,
  router: Pick<LogicalRouter, 'gateway'>,
  routerPorts: readonly RouterPort[],
): void {
  const outside = nextHops.filter(nextHop => isOutside(nextHop, router, routerPorts));
  const [one] = outside;
  if (one !== undefined && outside.length < nextHops.length)
    refuse('contradiction', '/next_hops', `${one} is behind the gateway, and others are not: they cannot share.`);
}

function checkFamily(policy: Shape): void {
  const [family] = policyFamilies(policy);
  const isOne = policy.source !== null || policy.destination !== null || policy.nextHops.length > 0;
  const not = (what: string): string => `${what} is not of IPv${family}, which the policy route is about.`;
  if (policy.destination !== null && knownCidr(policy.destination).family !== family)
    refuse('family_mismatch', '/destination', not(policy.destination));
  for (const [index, nextHop] of policy.nextHops.entries())
    if (knownIp(nextHop).family !== family) refuse('family_mismatch', pointerTo('/next_hops', index), not(nextHop));
  if (isOne && policy.protocol === 'icmpv6' && family === 4)
    refuse('family_mismatch', '/protocol', 'icmpv6 is not a protocol of IPv4.');
}

function checkPorts({ protocol, portMin, portMax }: Shape): void {
  if (portMin === null && portMax === null) return;
  if (portMin === null) refuse('missing_member', '/port_min', 'port_max needs port_min.');
  if (portMax === null) refuse('missing_member', '/port_max', 'port_min needs port_max, which may be the same.');
  if (!hasPorts(protocol)) refuse('contradiction', '/port_min', 'Only tcp, udp and sctp have ports.');
  if (portMax < portMin) refuse('out_of_range', '/port_max', `${portMax} is before ${portMin}.`);
}

/** A policy among the others of its router: of two that match the same packet, the priority says which decides. */
export function checkPolicyIsAlone(policy: Shape, siblings: readonly Shape[]): void {
  const other = siblings.find(
    each => each.id !== policy.id && each.priority === policy.priority && mayMeet(each, policy),
  );
  if (other !== undefined)
    refuse(
      'policy_route_in_use',
      '/priority',
      `Policy route ${other.id} has priority ${policy.priority} too, and matches some of the same packets.`,
      [{ kind: 'policy-routes', id: other.id }],
    );
}

/** Whether some packet matches both. */
function mayMeet(a: Conditions, b: Conditions): boolean {
  return (
    policyFamilies(a).some(family => policyFamilies(b).includes(family)) &&
    networksMeet(a.source, b.source) &&
    networksMeet(a.destination, b.destination) &&
    protocolsMeet(a.protocol, b.protocol) &&
    portsMeet(a, b) &&
    marksMeet(a.mark, b.mark)
  );
}

function networksMeet(a: string | null, b: string | null): boolean {
  return a === null || b === null || cidrsOverlap(knownCidr(a), knownCidr(b));
}

/** `icmp` is that of the family. */
function protocolsMeet(a: string | null, b: string | null): boolean {
  return a === null || b === null || a === b || (isIcmp(a) && isIcmp(b));
}

function portsMeet(a: Conditions, b: Conditions): boolean {
  if (a.portMin === null || a.portMax === null || b.portMin === null || b.portMax === null) return true;
  return a.portMin <= b.portMax && b.portMin <= a.portMax;
}

function marksMeet(a: PolicyRoute['mark'], b: PolicyRoute['mark']): boolean {
  if (a === null || b === null) return true;
  const [one, other] = [markBits(a), markBits(b)];
  return ((one.value ^ other.value) & one.mask & other.mask) === 0n;
}
