/**
 * What a switch demands of a match before it takes a condition (OFPBMC_BAD_PREREQ): a TCP port only with TCP, and so on.
 * Checked here so that a mistake shows where the match is made and not as an error of some switch.
 */
import { canonicalMatch } from './match.js';
import type { Match, MatchField, OxmField, Prerequisite } from './oxm.js';
import { oxm } from './oxm.js';

const VLAN_PRESENT = 0x1000n;
const TRACKED = 0x20n;
const INVALID = 0x10n;
/** new, est, rel, rpl, snat, dnat: with one of them the connection's original tuple is known. */
const CONNECTION_KNOWN = 0xcfn;

type Conditions = ReadonlyMap<OxmField, MatchField>;

/** Whether the match asks for exactly one of these values. */
function is(conditions: Conditions, field: OxmField, ...values: readonly bigint[]): boolean {
  const item = conditions.get(field);
  return item !== undefined && item.mask === undefined && values.includes(item.value);
}

const isIpv4 = (of: Conditions) => is(of, oxm.ethType, 0x0800n);
const isIpv6 = (of: Conditions) => is(of, oxm.ethType, 0x86ddn);
const isIp = (of: Conditions) => isIpv4(of) || isIpv6(of);
const isIcmpv6 = (of: Conditions) => isIpv6(of) && is(of, oxm.ipProto, 58n);
const isNeighborDiscovery = (of: Conditions, ...types: readonly bigint[]) =>
  isIcmpv6(of) && is(of, oxm.icmpv6Type, ...types) && (!of.has(oxm.icmpv6Code) || is(of, oxm.icmpv6Code, 0n));

/** One of the states that imply a connection, or +trk-inv. */
function knowsConnection(state: MatchField | undefined): boolean {
  if (state === undefined) return false;
  const { value, mask = oxm.ctState.allBits } = state;
  if ((value & CONNECTION_KNOWN) !== 0n) return true;
  return (value & TRACKED) !== 0n && (mask & INVALID) !== 0n && (value & INVALID) === 0n;
}

const tests: Readonly<Record<Prerequisite, (of: Conditions) => boolean>> = {
  none: () => true,
  ethernet: of => !of.has(oxm.packetType),
  vlan: of => ((of.get(oxm.vlanVid)?.value ?? 0n) & VLAN_PRESENT) !== 0n,
  mpls: of => is(of, oxm.ethType, 0x8847n, 0x8848n),
  ipv4: isIpv4,
  ipv6: isIpv6,
  ip: isIp,
  arp: of => is(of, oxm.ethType, 0x0806n, 0x8035n),
  nsh: of => is(of, oxm.ethType, 0x894fn),
  tcp: of => isIp(of) && is(of, oxm.ipProto, 6n),
  udp: of => isIp(of) && is(of, oxm.ipProto, 17n),
  sctp: of => isIp(of) && is(of, oxm.ipProto, 132n),
  icmpv4: of => isIpv4(of) && is(of, oxm.ipProto, 1n),
  icmpv6: isIcmpv6,
  nd: of => isNeighborDiscovery(of, 135n, 136n),
  ndSolicit: of => isNeighborDiscovery(of, 135n),
  ndAdvert: of => isNeighborDiscovery(of, 136n),
  conntrack: of => knowsConnection(of.get(oxm.ctState)),
};

/** The first field of the match whose prerequisite the match does not fulfil, or null. Throws MatchError as `canonicalMatch`. */
export function unmetPrerequisite(match: Match): OxmField | null {
  const items = canonicalMatch(match);
  const conditions: Conditions = new Map(items.map(item => [item.field, item]));
  return items.find(({ field }) => !tests[field.prerequisite](conditions))?.field ?? null;
}
