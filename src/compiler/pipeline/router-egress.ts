/** The logical router towards the switch that its packet leaves into. */
import { type Pipeline, stage } from './stage.js';

export const lrOutDelivery = stage('lr_out_delivery', {
  purpose:
    'Into the switch, with the MAC of the next hop. It may leave by the interface that it came from. A gateway has Weft ask for a MAC that is not known.',
  reads: ['resolved', 'mac', 'datapath', 'inPort', 'origin', 'ctZone'],
  writes: ['ethDst', 'physicalPort16', 'puntClass', 'puntLane'],
  onMiss: { drop: 'neighbour_unresolved' },
});

export const lrOutSnat = stage('lr_out_snat', {
  purpose: 'The address outside of a new connection that begins inside; known ones have theirs already.',
  reads: ['datapath', 'inPort', 'ctState', 'ipv4Src', 'ipv4Dst', 'ipv6Src', 'ipv6Dst'],
  writes: [],
  onMiss: 'never',
});

export const lrOutUnDnat = stage('lr_out_un_dnat', {
  purpose: 'Only on gateways of routers that translate: what leaves to the outside goes to conntrack.',
  reads: ['datapath', 'inPort', 'ethType'],
  writes: [],
  onMiss: 'never',
});

export const routerEgress: Pipeline = {
  name: 'Logical router egress',
  purpose: 'From the router into the switch of the port by which the packet leaves.',
  stages: [lrOutUnDnat, lrOutSnat, lrOutDelivery],
};
