/**
 * Where logical meets physical: interfaces at the beginning, tunnels and physical networks at the end, and the tables that count what is
 * dropped. Only flows of these stages (and of ls_out_delivery) name ofports.
 */
import { type Pipeline, learnedStage, stage, subroutine } from './stage.js';

/** inPort of what comes from a physical network, and of what comes to a gateway through a tunnel: no port has these keys. */
export const physicalPortKey = 0xfffe;
export const gatewayPortKey = 0xfffd;

export const physIn = stage('phys_in', {
  purpose:
    'From the interface to the logical port; from a tunnel to the datapath that its key names; from a physical network to the datapath of the VLAN.',
  reads: ['physicalPort', 'tunnelId', 'vlanVid'],
  writes: [
    'vlanVid',
    'datapath',
    'inPort',
    'origin',
    'secured',
    'learns',
    'fromUnderlay',
    'guarded',
    'ctZone',
    'tracks',
    'stateless',
    'balanced',
  ],
  onMiss: { drop: 'unknown_interface' },
});

export const physSend = stage('phys_send', {
  purpose: 'Out to the physical network, where the hypervisor is joined with a bridge for it.',
  reads: ['underlayPort'],
  writes: [],
  onMiss: { drop: 'physical_network_unmapped' },
});

export const physOut = stage('phys_out', {
  purpose:
    'From a logical switch that is part of a physical network, unless it came from there: with the tag of its VLAN.',
  reads: ['datapath', 'fromUnderlay', 'origin', 'flood'],
  writes: ['vlanVid', 'underlayPort'],
  onMiss: { drop: 'unknown_datapath' },
});

export const tunnelMtu = stage('tunnel_mtu', {
  purpose: 'Towards other hypervisors, unless it came from one: whether it fits the underlay of this hypervisor.',
  reads: ['fromUnderlay', 'origin', 'flood'],
  writes: ['tooBig'],
  onMiss: { drop: 'unknown_hypervisor' },
});

export const tunnelFlood = stage('tunnel_flood', {
  purpose: 'A copy for each hypervisor that has somebody to flood to; other packets have one destination.',
  reads: ['datapath', 'flood', 'tooBig'],
  writes: ['outHost'],
  onMiss: 'next',
});

export const tunnelOut = stage('tunnel_out', {
  purpose: 'Out through the tunnel that the hypervisor of the destination understands, with the datapath as its key.',
  reads: ['outHost', 'flood', 'datapath'],
  writes: ['tunnelDestination4', 'tunnelDestination6', 'tunnelId', 'underlayPort', 'tooBig'],
  onMiss: { drop: 'unknown_hypervisor' },
});

export const tunnelSend = stage('tunnel_send', {
  purpose: 'The same, where the underlay of the other hypervisor carries less than that of some.',
  reads: ['tooBig', 'datapath', 'underlayPort'],
  writes: ['tunnelId'],
  onMiss: 'never',
});

/** Which hypervisor a tunnel packet came from. Only asked where source MACs are learned. */
export const tunnelSource = subroutine('tunnel_source', {
  purpose: 'Which hypervisor sent a tunnel packet, by its outer address.',
  reads: ['tunnelSource4', 'tunnelSource6'],
  writes: ['inHost'],
});

export const dropCount = subroutine('drop', {
  purpose: 'Every drop ends here: counted by port (which learns the counter) and by reason.',
  reads: ['origin', 'dropReason'],
  writes: [],
});

export const dropCounters = learnedStage('drop_counters', {
  purpose: 'Learned: one flow for each port and reason that occurred; it counts from the second packet on.',
  reads: ['origin', 'dropReason'],
  writes: [],
});

export const dropReasonCounters = subroutine('drop_reasons', {
  purpose:
    'A flow or two for each reason; they count every packet, and have Weft answer it where the sender is to be told.',
  reads: ['dropReason', 'origin', 'fromUnderlay', 'ctZone'],
  writes: ['puntClass', 'puntLane'],
});

export const punt = subroutine('punt', {
  purpose:
    'To Weft, by its connection for that, as many as the meter of their lane lets through; what is to be logged by a meter of the security group.',
  reads: ['puntLane', 'puntClass', 'aclGroup', 'verdict', 'ruleKind', 'ctState'],
  writes: [],
});

export const physicalIngress: Pipeline = {
  name: 'Physical ingress',
  purpose: 'Interfaces, tunnels and physical networks to logical ports.',
  stages: [physIn],
};

export const physicalEgress: Pipeline = {
  name: 'Physical egress',
  purpose: 'To physical networks and through tunnels to other hypervisors, and the accounts of what is dropped.',
  stages: [
    physOut,
    physSend,
    tunnelMtu,
    tunnelFlood,
    tunnelOut,
    tunnelSend,
    tunnelSource,
    dropCount,
    dropCounters,
    dropReasonCounters,
    punt,
  ],
};
