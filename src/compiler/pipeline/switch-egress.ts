/** The logical switch towards the destination port. */
import { aclActionReads, aclActionWrites, judgementWrites, preAclReads, preStatefulReads } from './acl.js';
import { tunnelMtu } from './physical.js';
import { answerReads, question } from './balancing.js';
import { type Pipeline, stage } from './stage.js';

/** What a packet needs at an interface that several ports share. */
const sharedInterface = ['physicalPort16', 'vlanVid'] as const;

/** What a copy for a collector needs there, and on its way through a tunnel. */
export const copyFields = [...sharedInterface, 'tunnelDestination4', 'tunnelDestination6', 'tunnelId'] as const;

export const lsOutDelivery = stage('ls_out_delivery', {
  purpose: 'To what the port is here: an interface, a logical router, or a tunnel to the hypervisor that has it.',
  reads: ['datapath', 'inPort', 'outPort', 'outHost', 'fromUnderlay', 'flood'],
  writes: [
    ...(['datapath', 'inPort', 'outPort', 'fromUnderlay', 'ctZone', 'tracks', 'stateless'] as const),
    ...(['permitted', 'resolved'] as const),
    ...sharedInterface,
  ],
  onMiss: { advance: tunnelMtu },
});

export const lsOutAclDone = stage('ls_out_acl_done', {
  purpose: 'Out of the interface of a port with security groups, or on to the stages before it that it has.',
  reads: ['ctZone'],
  writes: sharedInterface,
  onMiss: { drop: 'stale_location' },
});

export const lsOutAclAction = stage('ls_out_acl_action', {
  purpose: 'Does what the rules say; has conntrack remember a new connection that they allow.',
  reads: aclActionReads,
  writes: aclActionWrites,
  onMiss: 'next',
});

export const lsOutAclEval = stage('ls_out_acl_eval', {
  purpose: 'Asks the rules about the connection: ingress where others have begun it, egress in replies to the port.',
  reads: ['ctState'],
  writes: judgementWrites,
  onMiss: { drop: 'connection_invalid' },
});

export const lsOutPreStateful = stage('ls_out_pre_stateful', {
  purpose: 'To conntrack, if a rule of the port is about connections and none has judged the packet by itself.',
  reads: preStatefulReads,
  writes: [],
  onMiss: { advance: lsOutAclAction },
});

export const lsOutPreAcl = stage('ls_out_pre_acl', {
  purpose:
    'Towards ports with security groups: lets through what no rule is asked about, and asks the stateless rules.',
  reads: preAclReads,
  writes: judgementWrites,
  onMiss: { drop: 'acl_missing' },
});

export const lsOutQos = stage('ls_out_qos', {
  purpose: 'Only for ports with QoS rules: how much their workloads get.',
  reads: ['datapath', 'outPort'],
  writes: [],
  onMiss: 'next',
});

export const lsOutMirror = stage('ls_out_mirror', {
  purpose: 'Only for ports with mirrors: copies of what their workloads get.',
  reads: ['datapath', 'outPort'],
  writes: [...copyFields],
  onMiss: 'next',
});

export const lsOutInterface = stage('ls_out_interface', {
  purpose: 'Only for ports with a stage between: out of the interface.',
  reads: ['datapath', 'outPort', 'ctZone'],
  writes: sharedInterface,
  onMiss: { drop: 'port_not_bound' },
});

export const lsOutLbUnNat = stage('ls_out_lb_un_nat', {
  purpose: 'An answer of a backend gets the virtual address that the port has asked, if its connection is one.',
  reads: ['ethType', 'balancer', 'ctZone'],
  writes: ['ctZone'],
  onMiss: 'never',
});

export const lsOutLb = stage('ls_out_lb', {
  purpose: 'Only where load balancers are: whether it may be the answer of a backend to the port.',
  reads: answerReads,
  writes: question,
  onMiss: 'never',
});

export const lsOutGateway = stage('ls_out_gateway', {
  purpose: 'Only where a router can have its gateway: into the router, if this is the gateway or was it lately.',
  reads: ['datapath', 'outPort', 'fromUnderlay', 'permitted', 'resolved'],
  writes: ['datapath', 'inPort', 'outPort', 'fromUnderlay'],
  onMiss: { drop: 'physical_elsewhere' },
});

export const switchEgress: Pipeline = {
  name: 'Logical switch egress',
  purpose: 'From the switch to what is behind its ports.',
  stages: [
    lsOutDelivery,
    lsOutPreAcl,
    lsOutPreStateful,
    lsOutAclEval,
    lsOutAclAction,
    lsOutAclDone,
    lsOutLb,
    lsOutLbUnNat,
    lsOutQos,
    lsOutMirror,
    lsOutInterface,
    lsOutGateway,
  ],
};
