/** The OpenStack Networking API: its resources, and what is done to them beside making, changing and removing. */
import type { FrontEnd } from '../rest/front-end.js';
import { registerAddressGroupActions } from './address-group-actions.js';
import { type NeutronParts, neutronPrefix, registerNeutron } from './edge.js';
import { registerVersions } from './extensions.js';
import { floatingIps } from './floating-ips.js';
import { networks } from './networks.js';
import { agents, availabilityZones, ipAvailabilities } from './places.js';
import { registerPortBindings } from './port-bindings.js';
import { ports } from './ports.js';
import { registerQuotas } from './quotas.js';
import { rbacPolicies } from './rbac-policies.js';
import type { NeutronResource } from './resource.js';
import { registerRouterActions } from './router-actions.js';
import { routers } from './routers.js';
import { addressGroups, securityGroupRules, securityGroups } from './security-groups.js';
import { addressScopes, subnetPools } from './subnet-pools.js';
import { subnets } from './subnets.js';
import { registerTags } from './tags.js';
import { registerTrunkActions, trunks } from './trunks.js';

export const neutronResources: readonly NeutronResource[] = [
  networks,
  subnets,
  ports,
  routers,
  securityGroups,
  securityGroupRules,
  addressGroups,
  subnetPools,
  addressScopes,
  floatingIps,
  trunks,
  rbacPolicies,
  agents,
  availabilityZones,
  ipAvailabilities,
];

export function neutronFrontEnd(parts: NeutronParts): FrontEnd {
  return {
    prefix: neutronPrefix,
    register: app =>
      registerNeutron(app, parts, neutronResources, edge => {
        registerVersions(edge, neutronResources);
        registerTags(edge, neutronResources);
        registerRouterActions(edge);
        registerAddressGroupActions(edge);
        registerPortBindings(edge);
        registerTrunkActions(edge);
        registerQuotas(edge);
      }),
  };
}
