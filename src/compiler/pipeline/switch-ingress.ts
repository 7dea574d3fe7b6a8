/** The logical switch on the hypervisor where the packet enters: who may send it, who answers it, where it goes. */
import { aclActionReads, aclActionWrites, judgementWrites, preAclReads, preStatefulReads } from './acl.js';
import { connectionReads, question } from './balancing.js';
import { type Pipeline, learnedStage, stage, subroutine } from './stage.js';
import { copyFields, lsOutDelivery } from './switch-egress.js';

/** By which is told what Weft itself is asked. */
const askedReads = ['datapath', 'origin', 'ipProto', 'udpSrc', 'udpDst', 'ipv4Dst', 'ipv6Dst'] as const;
const packetKinds = ['ethType', 'icmpv6Type', 'arpOp'] as const;

// Subroutines.

export const lsPortSecurity = subroutine('ls_port_security', {
  purpose: 'Whether the MAC and address in question are those of the port where the packet entered.',
  reads: ['origin', 'ethSrc', 'mac', 'claim', 'address4', 'address6'],
  writes: ['permitted', 'ownsAddress'],
});

export const lsNeighbour = subroutine('ls_neighbour', {
  purpose:
    'The MAC that owns an address on the switch. IPv4 and odd IPv6 addresses have a flow each; EUI-64 and link-local ones are computed back into the MAC. Static neighbours are for the router port that asks.',
  reads: ['datapath', 'address4', 'address6', 'inPort'],
  writes: ['mac', 'resolved', 'targetIsRouter', 'outPort', 'euiSubnet'],
});

export const lsNeighbourCheck = subroutine('ls_neighbour_check', {
  purpose: 'Whether the owner of a computed MAC does have the EUI-64 address in that subnet.',
  reads: ['outPort', 'euiSubnet', 'address6'],
  writes: ['resolved'],
});

export const lsFdb = subroutine('ls_fdb', {
  purpose: 'The port that owns a MAC, and the hypervisor where it is.',
  reads: ['datapath', 'mac'],
  writes: ['outPort', 'outHost', 'euiSubnet', 'targetIsRouter'],
});

export const lsFdbLearned = learnedStage('ls_fdb_learned', {
  purpose: 'Learned: MACs behind ports with unknown_macs, and the hypervisors where they were seen.',
  reads: ['datapath', 'ethDst'],
  writes: ['outPort', 'outHost'],
});

export const lsNeighbourLearned = learnedStage('ls_neighbour_learned', {
  purpose: 'Learned on gateways: the MACs of neighbours outside, where no port has the address.',
  reads: ['datapath', 'address4', 'address6', 'resolved'],
  writes: ['mac', 'resolved'],
});

export const lsGatewayLately = learnedStage('ls_gateway_lately', {
  purpose: 'Learned: routers for which this hypervisor has been the gateway in the last seconds.',
  reads: ['datapath', 'outPort'],
  writes: ['resolved'],
});

// Stages, last first where one refers to another.

export const lsInL2FloodUnknown = stage('ls_in_l2_flood_unknown', {
  purpose: 'Unicast to a MAC that was not learned either: to every port with unknown_macs.',
  reads: ['datapath', 'outPort'],
  writes: ['flood', 'outPort'],
  onMiss: { advance: lsOutDelivery },
});

export const lsInL2Unknown = stage('ls_in_l2_unknown', {
  purpose: 'Unicast to a MAC that no port owns: learned ones where the switch learns, otherwise dropped.',
  reads: ['datapath', 'outPort'],
  writes: [],
  onMiss: { advance: lsOutDelivery },
});

export const lsInL2Lkup = stage('ls_in_l2_lkup', {
  purpose:
    'Multicast to the flood groups, unicast to the port that owns the MAC, and what is for a local port to that.',
  reads: [
    ...(['datapath', 'ethDst', 'ipv4Dst', 'fromUnderlay', 'origin', 'puntClass'] as const),
    ...(['arpSpa', 'icmpv6Type', 'ndTarget'] as const),
  ],
  writes: [
    ...(['mac', 'outPort', 'outHost', 'flood', 'ethDst', 'datapath', 'inPort', 'fromUnderlay'] as const),
    ...(['puntClass', 'puntLane'] as const),
  ],
  onMiss: 'never',
});

export const lsInNdReply = stage('ls_in_nd_reply', {
  purpose:
    'Second half of a neighbour advertisement: what only a packet of that type has. The kernel datapath has no such.',
  reads: ['icmpv6Type', 'targetIsRouter', 'mac', 'advertisement'],
  writes: ['ndOptionsType', 'ndTll', 'ndReserved'],
  onMiss: { drop: 'unknown_neighbour' },
});

export const lsInArpReply = stage('ls_in_arp_reply', {
  purpose: 'Turns an ARP request or neighbour solicitation for a known address into the answer.',
  reads: [
    ...packetKinds,
    ...(['datapath', 'ethDst', 'ethSrc', 'mac', 'arpSpa', 'arpSha', 'ipv6Src'] as const),
    ...(['ndSll', 'ownsAddress', 'resolved', 'targetIsRouter', 'address4', 'address6', 'origin', 'vlanVid'] as const),
  ],
  writes: [
    ...(['ethSrc', 'ethDst', 'arpOp', 'arpSpa', 'arpTpa', 'arpSha', 'arpTha', 'ipv6Src', 'ipv6Dst'] as const),
    ...(['icmpv6Type', 'advertisement', 'ndTarget', 'ndSll', 'vlanVid'] as const),
  ],
  onMiss: { drop: 'unknown_neighbour' },
});

export const lsInGateway = stage('ls_in_gateway', {
  purpose: 'Only where a router can have its gateway: to the answer for who asks outside, if this is the gateway.',
  reads: ['datapath', 'mac'],
  writes: ['vlanVid'],
  onMiss: { drop: 'unknown_neighbour' },
});

export const lsInArpRsp = stage('ls_in_arp_rsp', {
  purpose:
    'Whom an ARP request or neighbour solicitation of a local port asks for; on a gateway also what neighbours outside ask and say.',
  reads: [
    ...packetKinds,
    ...([
      'datapath',
      'fromUnderlay',
      'arpTpa',
      'arpSpa',
      'arpSha',
      'ndTarget',
      'ipv6Src',
      'ethSrc',
      'resolved',
      'inPort',
      'ethDst',
      'ipTtl',
    ] as const),
  ],
  writes: [
    ...(['mac', 'address4', 'address6', 'claim', 'permitted', 'ownsAddress', 'resolved', 'targetIsRouter'] as const),
    ...(['outHost', 'fromUnderlay'] as const),
  ],
  onMiss: { advance: lsInL2Lkup },
});

export const lsInPutFdb = stage('ls_in_put_fdb', {
  purpose: 'Learns a source MAC that no port owns.',
  reads: ['origin', 'datapath', 'fromUnderlay', 'outPort', 'ethSrc', 'inPort', 'inHost'],
  writes: [],
  onMiss: 'next',
});

export const lsInLookupFdb = stage('ls_in_lookup_fdb', {
  purpose: 'Only where source MACs are learned: whether a port owns the source MAC.',
  reads: ['datapath', 'fromUnderlay', 'learns', 'ethSrc'],
  writes: ['mac', 'outPort', 'inHost'],
  onMiss: { advance: lsInL2Lkup },
});

export const lsInAclDone = stage('ls_in_acl_done', {
  purpose: 'What a port with security groups may send goes where it is wanted; DNS for Weft to Weft.',
  reads: [...packetKinds, 'learns', ...askedReads],
  writes: ['puntClass', 'puntLane'],
  onMiss: { advance: lsInL2Lkup },
});

export const lsInAclAction = stage('ls_in_acl_action', {
  purpose: 'Does what the rules say; has conntrack remember a new connection that they allow.',
  reads: aclActionReads,
  writes: aclActionWrites,
  onMiss: 'next',
});

export const lsInAclEval = stage('ls_in_acl_eval', {
  purpose: 'Asks the rules about the connection: egress where the port has begun it, ingress in replies of the port.',
  reads: ['ctState'],
  writes: judgementWrites,
  onMiss: { drop: 'connection_invalid' },
});

export const lsInPreStateful = stage('ls_in_pre_stateful', {
  purpose: 'To conntrack, if a rule of the port is about connections and none has judged the packet by itself.',
  reads: preStatefulReads,
  writes: [],
  onMiss: { advance: lsInAclAction },
});

export const lsInPreAcl = stage('ls_in_pre_acl', {
  purpose: 'From ports with security groups: lets through what no rule is asked about, and asks the stateless rules.',
  reads: preAclReads,
  writes: judgementWrites,
  onMiss: { drop: 'acl_missing' },
});

export const lsInLbDone = stage('ls_in_lb_done', {
  purpose: 'From the load balancers to where it is wanted, as after port security.',
  reads: ['guarded', 'learns', 'icmpv6Type', ...askedReads],
  writes: ['ctZone', 'puntClass', 'puntLane'],
  onMiss: 'never',
});

export const lsInLbHealth = stage('ls_in_lb_health', {
  purpose: 'What answers a check of a backend goes to Weft.',
  reads: ['balancer', 'ctZone'],
  writes: ['puntClass', 'ctZone'],
  onMiss: 'never',
});

export const lsInLbHairpin = stage('ls_in_lb_hairpin', {
  purpose: 'A backend that has reached itself: back to it, as if another had sent it.',
  reads: ['ethSrc', 'origin'],
  writes: ['ethSrc', 'ethDst', 'vlanVid'],
  onMiss: 'never',
});

export const lsInLbNextHop = stage('ls_in_lb_next_hop', {
  purpose: 'To the MAC of a backend on the same switch, else to a router.',
  reads: ['resolved', 'mac', 'datapath', 'ethDst'],
  writes: ['ethDst'],
  onMiss: 'never',
});

export const lsInLbResolve = stage('ls_in_lb_resolve', {
  purpose: 'Asks the switch for the MAC of the backend.',
  reads: ['ethType', 'ipv4Dst', 'ipv6Dst'],
  writes: ['address4', 'address6', 'resolved', 'mac'],
  onMiss: 'never',
});

export const lsInLbCheck = stage('ls_in_lb_check', {
  purpose:
    'Whether the load balancer still has the backend of the connection, one flow each; and whether that is the sender itself.',
  reads: ['ctState', 'ctMark', 'ctZone', ...connectionReads],
  writes: [],
  onMiss: 'never',
});

export const lsInLbSelect = stage('ls_in_lb_select', {
  purpose: 'A backend for a new connection, by the group of the load balancer; conntrack remembers it.',
  reads: ['balancer', 'ctZone'],
  writes: ['ctZone'],
  onMiss: 'never',
});

export const lsInLb = stage('ls_in_lb', {
  purpose: 'New connections ask which load balancer has the port; known ones have their backend.',
  reads: ['ethType', 'ipProto', 'icmpv4Type', 'icmpv6Type', 'ctState', 'ctZone'],
  writes: question,
  onMiss: 'never',
});

export const lsInLbTrack = stage('ls_in_lb_track', {
  purpose: 'To conntrack, in the zone that the port has for this.',
  reads: ['ethType', 'ipProto', 'tcpDst', 'udpDst', 'balancer', 'ctZone'],
  writes: ['ctZone', ...question],
  onMiss: 'never',
});

export const lsInPreLb = stage('ls_in_pre_lb', {
  purpose: 'Only where load balancers are: whether it is for a virtual address.',
  reads: ['icmpv6Type'],
  writes: question,
  onMiss: 'never',
});

export const lsInBlamePortSec = stage('ls_in_blame_port_sec', {
  purpose: 'Which part of a refused claim was wrong, for the account of drops.',
  reads: [...packetKinds, 'permitted'],
  writes: [],
  onMiss: { drop: 'port_security_mac' },
});

export const lsInApplyPortSec = stage('ls_in_apply_port_sec', {
  purpose:
    'Drops what claims more than the port may; sends the rest where it is wanted: DHCP, and DNS for Weft, to Weft.',
  reads: [
    ...packetKinds,
    ...(['permitted', 'sourcePermitted', 'secured', 'learns', 'guarded', 'balanced', 'ethSrc'] as const),
    ...askedReads,
  ],
  writes: ['claim', 'mac', 'puntClass', 'puntLane'],
  onMiss: { advance: lsInL2Lkup },
});

export const lsInCheckPortSec = stage('ls_in_check_port_sec', {
  purpose: 'What the packet claims to be: source MAC and address, also inside ARP and neighbour discovery.',
  reads: [
    ...packetKinds,
    ...([
      'ethSrc',
      'vlanVid',
      'secured',
      'ipProto',
      'ipFrag',
      'udpSrc',
      'ipv4Src',
      'ipv6Src',
      'arpSpa',
      'arpSha',
    ] as const),
    ...(['tcpSrc', 'udpDst', 'ndTarget', 'ndSll', 'ndTll', 'permitted'] as const),
  ],
  writes: ['mac', 'claim', 'address4', 'address6', 'permitted', 'sourcePermitted'],
  onMiss: 'never',
});

export const lsInQos = stage('ls_in_qos', {
  purpose:
    'Only for ports with QoS rules: how much their workloads may send, how it is marked, and in which queue it leaves.',
  reads: ['origin', 'ethType'],
  writes: ['ipDscp'],
  onMiss: 'next',
});

export const lsInMirror = stage('ls_in_mirror', {
  purpose: 'Only for ports with mirrors: copies of what their workloads send, as it came.',
  reads: ['origin'],
  writes: [...copyFields],
  onMiss: 'next',
});

export const switchIngress: Pipeline = {
  name: 'Logical switch ingress',
  purpose: 'Where the packet enters; for packets from a tunnel it begins at ls_in_lookup_fdb.',
  stages: [
    lsInMirror,
    lsInQos,
    lsInCheckPortSec,
    lsInApplyPortSec,
    lsInBlamePortSec,
    lsInPreLb,
    lsInLbTrack,
    lsInLb,
    lsInLbSelect,
    lsInLbCheck,
    lsInLbResolve,
    lsInLbNextHop,
    lsInLbHairpin,
    lsInLbHealth,
    lsInLbDone,
    lsInPreAcl,
    lsInPreStateful,
    lsInAclEval,
    lsInAclAction,
    lsInAclDone,
    lsInLookupFdb,
    lsInPutFdb,
    lsInArpRsp,
    lsInGateway,
    lsInArpReply,
    lsInNdReply,
    lsInL2Lkup,
    lsInL2Unknown,
    lsInL2FloodUnknown,
  ],
};

export const lookups: Pipeline = {
  name: 'Lookups',
  purpose: 'Subroutines: asked by other stages, answer in registers and return.',
  stages: [lsPortSecurity, lsNeighbour, lsFdb, lsNeighbourCheck, lsFdbLearned, lsNeighbourLearned, lsGatewayLately],
};
