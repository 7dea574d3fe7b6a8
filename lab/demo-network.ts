/** The network of the demo: two logical switches, a router between them, six ports with IPv4 and IPv6. */
import { randomUUID } from 'node:crypto';
import type { Operation } from './weft-client.js';

const SWITCHES = [
  { name: 'web', ipv4: '10.0.1', ipv6: 'fd00:1:' },
  { name: 'db', ipv4: '10.0.2', ipv6: 'fd00:2:' },
];

/** The workloads and where they start: one of each switch on each hypervisor. */
export const DEMO_WORKLOADS = [
  { name: 'web1', hypervisor: 'hv1' },
  { name: 'web2', hypervisor: 'hv2' },
  { name: 'web3', hypervisor: 'hv3' },
  { name: 'db1', hypervisor: 'hv1' },
  { name: 'db2', hypervisor: 'hv2' },
  { name: 'db3', hypervisor: 'hv3' },
] as const;

/** The domain of the names of a switch's workloads. */
export const demoDomain = (logicalSwitch: string): string => `${logicalSwitch}.demo.internal`;

/** What makes the network, as the operations of one transaction. */
export function demoNetwork(): readonly Operation[] {
  const routerId = randomUUID();
  const create = (kind: string, value: Record<string, unknown>, id = randomUUID()): Operation => ({
    op: 'create',
    kind,
    id,
    value,
  });
  return [
    create('logical-routers', { name: 'r1' }, routerId),
    ...SWITCHES.flatMap(({ name, ipv4, ipv6 }) => {
      const switchId = randomUUID();
      const subnet = (cidr: string, gateway: string): Operation =>
        create('subnets', { logical_switch_id: switchId, cidr, gateway_ip: gateway });
      return [
        create('logical-switches', { name, dns_domain: demoDomain(name) }, switchId),
        subnet(`${ipv4}.0/24`, `${ipv4}.1`),
        subnet(`${ipv6}:/64`, `${ipv6}:1`),
        create('logical-router-ports', {
          name: `r1-${name}`,
          logical_router_id: routerId,
          logical_switch_id: switchId,
          networks: [`${ipv4}.1/24`, `${ipv6}:1/64`],
        }),
        ...DEMO_WORKLOADS.filter(workload => workload.name.startsWith(name)).map(workload =>
          create('logical-switch-ports', { name: workload.name, logical_switch_id: switchId }),
        ),
      ];
    }),
  ];
}
