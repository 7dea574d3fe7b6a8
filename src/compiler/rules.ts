/** The list of rooms. Numbers of rules are part of cookies: never used again, given in tens by room. */
import { aclStages } from './acl/stages.js';
import { aclLog } from './acl/log.js';
import { aclGroup } from './acl/group.js';
import { aclPort } from './acl/port.js';
import { aclRemote } from './acl/remote.js';
import { aclRule } from './acl/security-group-rule.js';
import { dhcpSwitch } from './dhcp/switch.js';
import { dnsSwitch } from './dns/switch.js';
import { dropsEverywhere, dropsOfPort } from './drops/drops.js';
import { gatewayPlace, gatewayRedirect } from './gateway/gateway.js';
import { gatewayOutside } from './gateway/outside.js';
import { balancingHealth } from './load-balancing/health.js';
import { balancingLoadBalancer } from './load-balancing/load-balancer.js';
import { balancingStages } from './load-balancing/stages.js';
import { balancingSwitch } from './load-balancing/switch.js';
import { mirrorsCollector, mirrorsOfPort } from './mirrors/mirror.js';
import { natBalanced } from './nat/balanced.js';
import { natFloatingPlace } from './nat/floating-ip.js';
import { natInside, natRouter, natRule } from './nat/nat.js';
import { portSecurityClaims } from './port-security/claims.js';
import { portSecurityLocal, portSecurityOwner } from './port-security/owner.js';
import { providerAttachment, providerRouterPort, providerSwitch } from './provider/provider.js';
import { qosPort } from './qos/port.js';
import { puntsEverywhere } from './punts/punts.js';
import { routingBfdSession } from './routing/bfd-session.js';
import { routingPolicyRoute } from './routing/policy-route.js';
import { routingEverywhere, routingRouter } from './routing/router.js';
import { routingRouterPort } from './routing/router-port.js';
import { routingStaticNeighbour } from './routing/static-neighbour.js';
import { routingStaticRoute } from './routing/static-route.js';
import type { Rule } from './rule.js';
import { switchingEverywhere, switchingUnlisted } from './switching/every-switch.js';
import { switchingFlooding, switchingFloodLocal } from './switching/flooding.js';
import { switchingPort, switchingRouterPort, switchingSubnet } from './switching/forwarding.js';
import { switchingInterface } from './switching/interface.js';
import { switchingLearningPort, switchingLearningSwitch } from './switching/learning.js';
import { switchingLocalPlace } from './switching/local.js';
import { switchingSolicitations } from './switching/solicitations.js';
import { switchingVirtualAddress } from './switching/virtual-address.js';
import { tunnelsEverywhere, tunnelsOfHypervisor, tunnelsToHypervisor } from './tunnels/tunnels.js';

export const rules: readonly Rule[] = [
  dropsEverywhere,
  dropsOfPort,
  tunnelsEverywhere,
  tunnelsToHypervisor,
  tunnelsOfHypervisor,
  portSecurityClaims,
  portSecurityOwner,
  portSecurityLocal,
  switchingInterface,
  switchingPort,
  switchingRouterPort,
  switchingSubnet,
  switchingFlooding,
  switchingFloodLocal,
  switchingLearningPort,
  switchingLearningSwitch,
  switchingEverywhere,
  switchingUnlisted,
  switchingSolicitations,
  switchingVirtualAddress,
  switchingLocalPlace,
  routingEverywhere,
  routingRouter,
  routingRouterPort,
  routingStaticRoute,
  routingPolicyRoute,
  routingStaticNeighbour,
  routingBfdSession,
  qosPort,
  mirrorsOfPort,
  mirrorsCollector,
  aclStages,
  aclPort,
  aclGroup,
  aclRemote,
  aclRule,
  aclLog,
  puntsEverywhere,
  providerSwitch,
  providerRouterPort,
  providerAttachment,
  dhcpSwitch,
  dnsSwitch,
  gatewayRedirect,
  gatewayPlace,
  gatewayOutside,
  balancingStages,
  balancingSwitch,
  balancingLoadBalancer,
  balancingHealth,
  natRouter,
  natRule,
  natInside,
  natFloatingPlace,
  natBalanced,
];
