/**
 * Load balancers. They stand between a port and its security groups: on the way in before the rules are asked, on the way out after. So rules
 * see the two workloads, whatever address one of them has called, and what a port may not reach it does not reach by a load balancer.
 *
 *   ls_in_pre_lb -> ls_in_lb_track --conntrack--> ls_in_lb -+-> ls_in_lb_select --conntrack--> ls_in_lb_check -> ls_in_lb_resolve -> ...
 *                                                           +-------- known ---------------------^   |
 *                                                           +-- answer of a backend to itself --> ls_in_lb_hairpin
 *                                   +-- answers a check --> ls_in_lb_health --> Weft
 *   ls_out_lb -> ls_out_lb_un_nat --conntrack--> ls_out_qos
 *
 * All of it is done where the client is, in a conntrack zone of its own: answers are translated back there, so it does not matter by which
 * way they come.
 */
import { type Pipeline, subroutine } from './stage.js';

/** The MAC that virtual addresses have on every switch. Packets to it end where they enter, so it is nobody's place. */
export const virtualMac = 0x0a57_4546_5401n;

/** What asking for load balancers sets. */
export const question = ['balancerQuestion', 'balancer'] as const;

const addresses = ['ethType', 'ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst', 'ipProto'] as const;

/** What tells the backend of a connection. */
export const connectionReads = [...addresses, 'tcpDst', 'udpDst', 'sctpDst'] as const;

/** What may be an answer, or an error about one. */
export const answerReads = ['ethType', 'ipFrag', 'ipProto', 'icmpv4Type', 'icmpv6Type', 'flood'] as const;

export const lsLb = subroutine('ls_lb', {
  purpose: 'Virtual addresses, ports and backends of the load balancers that are attached to a switch or router.',
  reads: [
    ...(['datapath', 'balancerQuestion', 'balancer'] as const),
    ...connectionReads,
    ...(['tcpSrc', 'udpSrc', 'sctpSrc'] as const),
  ],
  writes: ['balancer'],
});

export const lsLbDomains = subroutine('ls_lb_domains', {
  purpose: 'Asks the load balancers of the switch, then those of each router on it.',
  reads: ['datapath'],
  writes: ['datapath'],
});

export const balancerLookups: Pipeline = {
  name: 'Load balancers',
  purpose: 'Lookups of the stages ls_in_lb and ls_out_lb.',
  stages: [lsLbDomains, lsLb],
};
