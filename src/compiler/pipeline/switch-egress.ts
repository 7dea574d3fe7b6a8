/** The logical switch towards the destination port. */
import { tunnelMtu } from './physical.js';
import { type Pipeline, stage } from './stage.js';

/** What a copy for a collector needs on its way through a tunnel. */
export const copyFields = ['physicalPort16', 'tunnelDestination4', 'tunnelDestination6', 'tunnelId'] as const;

export const lsOutDelivery = stage('ls_out_delivery', {
  purpose: 'To what the port is here: an interface, a logical router, or a tunnel to the hypervisor that has it.',
  reads: ['datapath', 'inPort', 'outPort', 'outHost', 'fromTunnel', 'flood'],
  writes: ['datapath', 'inPort', 'outPort'],
  onMiss: { advance: tunnelMtu },
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
  reads: ['datapath', 'outPort'],
  writes: [],
  onMiss: { drop: 'port_not_bound' },
});

export const switchEgress: Pipeline = {
  name: 'Logical switch egress',
  purpose: 'From the switch to what is behind its ports.',
  stages: [lsOutDelivery, lsOutQos, lsOutMirror, lsOutInterface],
};
