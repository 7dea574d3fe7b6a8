/** The behaviour of every noun in the store. */
import type { WritableKind } from '../../model/kinds.js';
import type { Behaviour } from './behaviour.js';
import { bfdSessionBehaviour } from './bfd-session.js';
import { dhcpOptionBehaviour } from './dhcp-option.js';
import { dnsRecordBehaviour } from './dns-record.js';
import { hypervisorBehaviour } from './hypervisor.js';
import { loadBalancerBehaviour } from './load-balancer.js';
import { logicalRouterPortBehaviour } from './logical-router-port.js';
import { logicalRouterBehaviour } from './logical-router.js';
import { logicalSwitchPortBehaviour } from './logical-switch-port.js';
import { logicalSwitchBehaviour } from './logical-switch.js';
import { neutronObjectBehaviour } from './neutron-object.js';
import { quotaBehaviour } from './quota.js';
import { mirrorBehaviour } from './mirror.js';
import { natRuleBehaviour } from './nat-rule.js';
import { qosRuleBehaviour } from './qos-rule.js';
import { addressSetBehaviour } from './address-set.js';
import { policyRouteBehaviour } from './policy-route.js';
import { securityGroupRuleBehaviour } from './security-group-rule.js';
import { securityGroupBehaviour } from './security-group.js';
import { staticNeighbourBehaviour } from './static-neighbour.js';
import { staticRouteBehaviour } from './static-route.js';
import { subnetBehaviour } from './subnet.js';
import { tokenBehaviour } from './token.js';
import { virtualAddressBehaviour } from './virtual-address.js';

export type Behaviours = { readonly [K in WritableKind]: Behaviour<K> };

/** `defaultUnderlayMtu` in bytes counts until a hypervisor has said its own. */
export function makeBehaviours(defaultUnderlayMtu: number): Behaviours {
  return {
    hypervisors: hypervisorBehaviour(defaultUnderlayMtu),
    'logical-switches': logicalSwitchBehaviour(defaultUnderlayMtu),
    subnets: subnetBehaviour,
    'logical-routers': logicalRouterBehaviour,
    'security-groups': securityGroupBehaviour,
    'address-sets': addressSetBehaviour,
    'security-group-rules': securityGroupRuleBehaviour,
    'logical-switch-ports': logicalSwitchPortBehaviour,
    'virtual-addresses': virtualAddressBehaviour,
    'logical-router-ports': logicalRouterPortBehaviour,
    'static-routes': staticRouteBehaviour,
    'policy-routes': policyRouteBehaviour,
    'static-neighbours': staticNeighbourBehaviour,
    'bfd-sessions': bfdSessionBehaviour,
    tokens: tokenBehaviour,
    quotas: quotaBehaviour,
    'neutron-objects': neutronObjectBehaviour,
    'qos-rules': qosRuleBehaviour,
    mirrors: mirrorBehaviour,
    'dhcp-options': dhcpOptionBehaviour,
    'dns-records': dnsRecordBehaviour,
    'load-balancers': loadBalancerBehaviour,
    'nat-rules': natRuleBehaviour,
  };
}
