/** The nouns of Weft. */
import { addressSets } from './address-set.js';
import { bfdSessions } from './bfd-session.js';
import { dhcpOptions } from './dhcp-option.js';
import { dnsRecords } from './dns-record.js';
import { hypervisors } from './hypervisor.js';
import { joinTokens } from './join-token.js';
import type { Kind } from './kinds.js';
import { loadBalancers } from './load-balancer.js';
import { logicalRouterPorts } from './logical-router-port.js';
import { logicalRouters } from './logical-router.js';
import { logicalSwitchPorts } from './logical-switch-port.js';
import { logicalSwitches } from './logical-switch.js';
import { mirrors } from './mirror.js';
import { natRules } from './nat-rule.js';
import { neutronObjects } from './neutron-object.js';
import { policyRoutes } from './policy-route.js';
import { portBindings } from './port-binding.js';
import { quotas } from './quota.js';
import { qosRules } from './qos-rule.js';
import type { InputOfFields, Resource, RowOfFields } from './resource.js';
import { securityGroupRules } from './security-group-rule.js';
import { securityGroups } from './security-group.js';
import { staticNeighbours } from './static-neighbour.js';
import { staticRoutes } from './static-route.js';
import { subnets } from './subnet.js';
import { tokens } from './token.js';
import { virtualAddresses } from './virtual-address.js';

/** Every noun by its kind. */
export const resources = {
  hypervisors,
  'logical-switches': logicalSwitches,
  subnets,
  'logical-routers': logicalRouters,
  'security-groups': securityGroups,
  'address-sets': addressSets,
  'security-group-rules': securityGroupRules,
  'logical-switch-ports': logicalSwitchPorts,
  'virtual-addresses': virtualAddresses,
  'logical-router-ports': logicalRouterPorts,
  'static-routes': staticRoutes,
  'policy-routes': policyRoutes,
  'static-neighbours': staticNeighbours,
  'bfd-sessions': bfdSessions,
  'qos-rules': qosRules,
  mirrors,
  'dhcp-options': dhcpOptions,
  'dns-records': dnsRecords,
  'load-balancers': loadBalancers,
  'nat-rules': natRules,
  'port-bindings': portBindings,
  tokens,
  'join-tokens': joinTokens,
  quotas,
  'neutron-objects': neutronObjects,
} as const satisfies { readonly [K in Kind]: Resource<K, unknown> };

type Declared<K extends Kind> = (typeof resources)[K] extends Resource<K, infer F> ? F : never;

/** The row of a kind, as the store keeps it and the view holds it. */
export type RowOf<K extends Kind> = RowOfFields<Declared<K>>;
/** What a request may ask for in a row of the kind. */
export type InputOf<K extends Kind> = InputOfFields<Declared<K>>;

export type Hypervisor = RowOf<'hypervisors'>;
export type LogicalSwitch = RowOf<'logical-switches'>;
export type Subnet = RowOf<'subnets'>;
export type LogicalRouter = RowOf<'logical-routers'>;
export type SecurityGroup = RowOf<'security-groups'>;
export type AddressSet = RowOf<'address-sets'>;
export type SecurityGroupRule = RowOf<'security-group-rules'>;
export type LogicalSwitchPort = RowOf<'logical-switch-ports'>;
export type VirtualAddress = RowOf<'virtual-addresses'>;
export type LogicalRouterPort = RowOf<'logical-router-ports'>;
export type StaticRoute = RowOf<'static-routes'>;
export type PolicyRoute = RowOf<'policy-routes'>;
export type StaticNeighbour = RowOf<'static-neighbours'>;
export type QosRule = RowOf<'qos-rules'>;
export type Mirror = RowOf<'mirrors'>;
export type DhcpOption = RowOf<'dhcp-options'>;
export type DnsRecord = RowOf<'dns-records'>;
export type LoadBalancer = RowOf<'load-balancers'>;
export type NatRule = RowOf<'nat-rules'>;
export type PortBinding = RowOf<'port-bindings'>;
export type Token = RowOf<'tokens'>;
export type JoinToken = RowOf<'join-tokens'>;
export type Quota = RowOf<'quotas'>;
export type NeutronObject = RowOf<'neutron-objects'>;

/** The noun of the kind with its fields typed generally, for code that serves all kinds alike. */
export function resourceOf(kind: Kind): Resource {
  return resources[kind];
}

export { isKind, type Kind, kinds } from './kinds.js';
export { MAX_OBJECT_NUMBER, type CommonRow, type Resource } from './resource.js';
export type { Labels } from './labels.js';
export { type Encapsulation, encapsulations, MAX_HYPERVISOR_KEY } from './hypervisor.js';
export { MAX_DATAPATH_KEY } from './logical-switch.js';
export { MAX_CT_ZONE } from './port-binding.js';
export { natZoneRanges } from './logical-router.js';
export { type Direction, directions } from './security-group.js';
export { MAX_RULE_PRIORITY } from './security-group-rule.js';
export { MAX_PORT_KEY, type PortAddress, type PortAddressRequest } from './logical-switch-port.js';
