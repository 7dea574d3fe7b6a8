/**
 * What packets claim, the same on every hypervisor: these flows load the claimed MAC and address and ask
 * ls_port_security, where each local port has one flow for every claim that it may make (owner.ts).
 */
import { advance, call, drop, move, next, set, type Step } from '../pipeline/actions.js';
import type { DropReason } from '../pipeline/drop-reasons.js';
import { multicastMac } from '../pipeline/addresses.js';
import { flow, type MatchOf } from '../pipeline/flow.js';
import type { FieldName } from '../pipeline/registers.js';
import type { Stage } from '../pipeline/stage.js';
import {
  lsInApplyPortSec,
  lsInArpRsp,
  lsInBlamePortSec,
  lsInCheckPortSec,
  lsInLookupFdb,
  lsInPreAcl,
  lsPortSecurity,
} from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';
import { rule } from '../rule.js';

const claim = { macOnly: 0, ipv4: 1, ipv6: 2 } as const;
const etherType = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
const protocol = { hopByHop: 0, igmp: 2, tcp: 6, udp: 17, icmpv6: 58, none: 59 } as const;
const icmpv6 = { routerAdvertisement: 134, solicitation: 135, advertisement: 136, redirect: 137 } as const;
const dhcpServerPort = { ipv4: 67, ipv6: 547 } as const;
const dhcpClientPort = { ipv4: 68, ipv6: 546 } as const;
/** Values of ip_frag: of a packet that was cut, its first part or any. */
const fragment = { first: { value: 1n, mask: 3n }, any: { value: 1n, mask: 1n } } as const;
/** The bit of vlan_vid that says "there is a tag". */
const vlanPresent = { value: 0x1000n, mask: 0x1000n } as const;

type Fields<S> = S extends Stage<infer R, FieldName> ? R : never;
type Written<S> = S extends Stage<FieldName, infer W> ? W : never;
type CheckStep = Step<
  Fields<typeof lsInCheckPortSec> | Written<typeof lsInCheckPortSec>,
  Written<typeof lsInCheckPortSec>
>;

function check(
  priority: number,
  match: MatchOf<Fields<typeof lsInCheckPortSec>>,
  ...actions: readonly CheckStep[]
): Flow {
  return flow(lsInCheckPortSec, { priority, match, actions });
}

const ask = [call(lsPortSecurity), next] as const;
const claimMac = [move('ethSrc', 'mac'), ...ask] as const;

const admissionFlows: readonly Flow[] = [
  check(400, { ethSrc: multicastMac }, drop('multicast_source')),
  check(400, { vlanVid: vlanPresent }, drop('vlan_tagged')),
  check(300, { secured: 0 }, set({ permitted: 1 }), next),
  check(200, { icmpv6Type: icmpv6.routerAdvertisement }, drop('port_security_ra')),
  check(200, { icmpv6Type: icmpv6.redirect }, drop('port_security_ra')),
  // Clients look at the port that an answer is for; the one that it is from is the sender's choice.
  ...(['ipv4', 'ipv6'] as const).flatMap(family =>
    [{ udpSrc: dhcpServerPort[family] }, { udpDst: dhcpClientPort[family] }].map(ports =>
      check(200, { ethType: etherType[family], ipProto: protocol.udp, ...ports }, drop('port_security_dhcp')),
    ),
  ),
  check(0, {}, ...claimMac),
];

/**
 * A first fragment without its headers would hide from these checks (and from those of security groups) what the later ones
 * reveal; no honest sender makes one (RFC 7112). What it lacks Open vSwitch shows as zero: a port, a type, or the protocol where
 * the chain of IPv6 headers breaks off, for which the kernel's datapath says "no next header".
 */
const headerFlows: readonly Flow[] = [
  ...(['ipv4', 'ipv6'] as const).flatMap(family => {
    const first = { ethType: etherType[family], ipFrag: fragment.first } as const;
    return [
      check(200, { ...first, ipProto: protocol.udp, udpSrc: 0 }, drop('port_security_headers')),
      check(200, { ...first, ipProto: protocol.tcp, tcpSrc: 0 }, drop('port_security_headers')),
    ];
  }),
  check(200, { icmpv6Type: 0 }, drop('port_security_headers')),
  check(200, { ethType: etherType.ipv6, ipProto: protocol.hopByHop }, drop('port_security_headers')),
  check(
    200,
    { ethType: etherType.ipv6, ipProto: protocol.none, ipFrag: fragment.first },
    drop('port_security_headers'),
  ),
  // Options of neighbour discovery that are in a later fragment cannot be seen, and those that contradict each other are shown as a
  // message without target. Receivers are to ignore the former as well (RFC 6980).
  ...[icmpv6.solicitation, icmpv6.advertisement].flatMap(icmpv6Type => [
    check(200, { icmpv6Type, ipFrag: fragment.any }, drop('port_security_nd')),
    check(200, { icmpv6Type, ndTarget: 0 }, drop('port_security_nd')),
  ]),
];

/**
 * An address of zero claims no address: DHCP discovery, membership reports, and the probes that precede the use of an address.
 * A header that cannot be read shows as zeros too, so nothing else may have it.
 */
const ipv4Flows: readonly Flow[] = [
  check(
    110,
    { ipv4Src: 0, ipProto: protocol.udp, udpSrc: dhcpClientPort.ipv4, udpDst: dhcpServerPort.ipv4 },
    ...claimMac,
  ),
  check(110, { ipv4Src: 0, ipProto: protocol.igmp }, ...claimMac),
  check(100, { ethType: etherType.ipv4 }, set({ claim: claim.ipv4 }), move('ipv4Src', 'address4'), ...claimMac),
  check(110, { ethType: etherType.arp, arpSpa: 0 }, move('arpSha', 'mac'), ...ask),
  check(
    100,
    { ethType: etherType.arp },
    set({ claim: claim.ipv4 }),
    move('arpSpa', 'address4'),
    move('arpSha', 'mac'),
    ...ask,
  ),
];

const loadIpv6Source = [set({ claim: claim.ipv6 }), move('ipv6Src', 'address6')] as const;

/** nd_sll and nd_tll are zero in a packet without that option (tested): then the sender is who sends. */
const ipv6Flows: readonly Flow[] = [
  check(110, { ipv6Src: 0, ipProto: protocol.icmpv6 }, ...claimMac),
  check(100, { ethType: etherType.ipv6 }, ...loadIpv6Source, ...claimMac),
  check(150, { icmpv6Type: icmpv6.solicitation, ipv6Src: 0, ndSll: 0 }, ...claimMac),
  check(140, { icmpv6Type: icmpv6.solicitation, ipv6Src: 0 }, move('ndSll', 'mac'), ...ask),
  check(130, { icmpv6Type: icmpv6.solicitation, ndSll: 0 }, ...loadIpv6Source, ...claimMac),
  check(120, { icmpv6Type: icmpv6.solicitation }, ...loadIpv6Source, move('ndSll', 'mac'), ...ask),
  ...[true, false].map(hasNoTarget =>
    check(
      hasNoTarget ? 130 : 120,
      { icmpv6Type: icmpv6.advertisement, ...(hasNoTarget ? { ndTll: 0 } : {}) },
      ...loadIpv6Source,
      move('ethSrc', 'mac'),
      call(lsPortSecurity),
      move('permitted', 'sourcePermitted'),
      set({ permitted: 0 }),
      move('ndTarget', 'address6'),
      ...(hasNoTarget ? ask : [move('ndTll', 'mac'), ...ask]),
    ),
  ),
];

/** What is permitted goes where it is wanted, by the shortest way. */
const dispatchFlows: readonly Flow[] = [
  ...[etherType.ipv4, etherType.ipv6].map(ethType =>
    flow(lsInApplyPortSec, { priority: 90, match: { guarded: 1, ethType }, actions: [advance(lsInPreAcl)] }),
  ),
  flow(lsInApplyPortSec, { priority: 80, match: { learns: 1 }, actions: [advance(lsInLookupFdb)] }),
  flow(lsInApplyPortSec, { priority: 70, match: { arpOp: 1 }, actions: [advance(lsInArpRsp)] }),
  flow(lsInApplyPortSec, { priority: 70, match: { icmpv6Type: icmpv6.solicitation }, actions: [advance(lsInArpRsp)] }),
];

const refusalFlows: readonly Flow[] = [
  flow(lsInApplyPortSec, {
    priority: 200,
    match: { secured: 1, icmpv6Type: icmpv6.advertisement, sourcePermitted: 0 },
    actions: [drop('port_security_nd')],
  }),
  // Asks once more for the MAC alone: if that is right, the address was wrong.
  flow(lsInApplyPortSec, {
    priority: 100,
    match: { permitted: 0 },
    actions: [set({ claim: claim.macOnly }), move('ethSrc', 'mac'), call(lsPortSecurity), next],
  }),
];

function blame(priority: number, match: MatchOf<Fields<typeof lsInBlamePortSec>>, reason: DropReason): Flow {
  return flow(lsInBlamePortSec, { priority, match: { permitted: 1, ...match }, actions: [drop(reason)] });
}

const blameFlows: readonly Flow[] = [
  blame(110, { icmpv6Type: icmpv6.solicitation }, 'port_security_nd'),
  blame(110, { icmpv6Type: icmpv6.advertisement }, 'port_security_nd'),
  blame(100, { ethType: etherType.arp }, 'port_security_arp'),
  blame(100, { ethType: etherType.ipv4 }, 'port_security_ipv4'),
  blame(100, { ethType: etherType.ipv6 }, 'port_security_ipv6'),
];

export const portSecurityClaims = rule({
  name: 'port-security.claims',
  number: 20,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'everywhere' },
    flows: [
      ...admissionFlows,
      ...headerFlows,
      ...ipv4Flows,
      ...ipv6Flows,
      ...refusalFlows,
      ...dispatchFlows,
      ...blameFlows,
    ],
  }),
});
