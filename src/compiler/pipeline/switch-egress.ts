/** The logical switch towards the destination port. */
import { tunnelMtu } from './physical.js';
import { type Pipeline, stage } from './stage.js';

export const lsOutDelivery = stage('ls_out_delivery', {
  purpose: 'To what the port is here: an interface, a logical router, or a tunnel to the hypervisor that has it.',
  reads: ['datapath', 'inPort', 'outPort', 'outHost', 'fromTunnel', 'flood'],
  writes: ['datapath', 'inPort', 'outPort'],
  onMiss: { advance: tunnelMtu },
});

export const switchEgress: Pipeline = {
  name: 'Logical switch egress',
  purpose: 'From the switch to what is behind its ports.',
  stages: [lsOutDelivery],
};
