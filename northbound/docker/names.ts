/** How what Docker names is found in Weft again: ids that follow from Docker's, and labels. */
import { createHash } from 'node:crypto';
import type { LogicalSwitchPort } from '../../src/model/index.js';
import type { CommonRow } from '../../src/model/resource.js';

/** A UUID that follows from these texts: of version 8 (RFC 9562, section 5.8). */
export function derivedId(...parts: readonly [string, ...string[]]): string {
  const digest = createHash('sha256').update(parts.join('\0')).digest();
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** The port that stands for a network of an engine: what Docker calls a network there is the logical switch of this port. */
export function networkPortId(hypervisorId: string, networkId: string): string {
  return derivedId('docker network', hypervisorId, networkId);
}

/** The port that stands for a network of a swarm, whichever of its engines are in it. */
export function swarmPortId(networkId: string): string {
  return derivedId('docker swarm network', networkId);
}

export function endpointPortId(endpointId: string): string {
  return derivedId('docker endpoint', endpointId);
}

/** The logical switch that is made for a name that no other has. */
export function namedSwitchId(projectId: string, name: string): string {
  return derivedId('docker logical switch', projectId, name);
}

/** The logical switch of all networks that say nothing but this range. */
export function pooledSwitchId(cidr: string): string {
  return derivedId('docker pool', cidr);
}

export function subnetId(logicalSwitchId: string, cidr: string): string {
  return derivedId('docker subnet', logicalSwitchId, cidr);
}

export function routerPortId(logicalRouterId: string, logicalSwitchId: string): string {
  return derivedId('docker router port', logicalRouterId, logicalSwitchId);
}

/** Labels of objects that Docker has made. */
export const labelOf = {
  /** Of ports: Docker's id of the network. */
  network: 'docker/network',
  /** Of a port that stands for a network: how its containers reach what is outside. */
  gateway: 'docker/gateway',
  /** Of a port that stands for a network: its ranges were asked for by the name of a network or subnet, and not as they are. */
  named: 'docker/named',
  /** Of the port of an endpoint: Docker's id of it. */
  endpoint: 'docker/endpoint',
  /** Of a port whose addresses came from here, `given`: they are Docker's until it gives them back; `auxiliary`: nobody is to have them. */
  address: 'docker/address',
  /** Of logical switches, subnets and router ports that go with the last network of Docker that uses them. */
  made: 'docker/made',
} as const;

export type PortRole = 'network' | 'endpoint' | 'address' | 'other';

/** What a port is to Docker. */
export function roleOf({ labels }: Pick<LogicalSwitchPort, 'labels'>): PortRole {
  if (labels[labelOf.gateway] !== undefined) return 'network';
  if (labels[labelOf.endpoint] !== undefined) return 'endpoint';
  return labels[labelOf.address] === undefined ? 'other' : 'address';
}

/** Whether the port keeps addresses that no container is to have, while there is a network on the logical switch. */
export const isAuxiliary = ({ labels }: Pick<LogicalSwitchPort, 'labels'>): boolean =>
  labels[labelOf.address] === 'auxiliary';

export const isMade = ({ labels }: Pick<CommonRow, 'labels'>): boolean => labels[labelOf.made] !== undefined;
