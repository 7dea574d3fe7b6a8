/** Every migration in the order of its timestamp. One that has been released is never edited: write another. */
import { InitialSchema1763719200000 } from './1763719200000-initial-schema.js';
import { Trust1763746200000 } from './1763746200000-trust.js';
import { Enrolment1763748000000 } from './1763748000000-enrolment.js';
import { QosAndMirrors1763749800000 } from './1763749800000-qos-and-mirrors.js';
import { SecurityGroups1763751600000 } from './1763751600000-security-groups.js';
import { AuditedJoinTokens1763753400000 } from './1763753400000-audited-join-tokens.js';
import { ProviderNetworks1763755200000 } from './1763755200000-provider-networks.js';
import { VerdictLog1763758800000 } from './1763758800000-verdict-log.js';
import { Addressing1763760600000 } from './1763760600000-addressing.js';
import { Gateways1763764200000 } from './1763764200000-gateways.js';
import { LoadBalancers1763766000000 } from './1763766000000-load-balancers.js';
import { HealthChecks1763767000000 } from './1763767000000-health-checks.js';
import { Nat1763768000000 } from './1763768000000-nat.js';
import { PolicyRoutes1763780000000 } from './1763780000000-policy-routes.js';
import { VirtualAddresses1763781000000 } from './1763781000000-virtual-addresses.js';
import { SubPorts1763790000000 } from './1763790000000-sub-ports.js';
import { LocalPorts1763791000000 } from './1763791000000-local-ports.js';
import { NeutronObjects1763800000000 } from './1763800000000-neutron-objects.js';
import { InternalInterfaces1763810000000 } from './1763810000000-internal-interfaces.js';
import { BfdSessions1763820000000 } from './1763820000000-bfd-sessions.js';

export const migrations = [
  InitialSchema1763719200000,
  Trust1763746200000,
  Enrolment1763748000000,
  QosAndMirrors1763749800000,
  SecurityGroups1763751600000,
  AuditedJoinTokens1763753400000,
  ProviderNetworks1763755200000,
  VerdictLog1763758800000,
  Addressing1763760600000,
  Gateways1763764200000,
  LoadBalancers1763766000000,
  HealthChecks1763767000000,
  Nat1763768000000,
  PolicyRoutes1763780000000,
  VirtualAddresses1763781000000,
  SubPorts1763790000000,
  LocalPorts1763791000000,
  NeutronObjects1763800000000,
  InternalInterfaces1763810000000,
  BfdSessions1763820000000,
] as const;
