/** The network that most tests of rooms stand on: two hypervisors, two switches, a router between them. */
import type { RowOf } from '../../src/model/index.js';
import { NetworkBuilder } from './network-builder.js';

export const mac = {
  web1: '02:00:00:00:01:01',
  web2: '02:00:00:00:01:02',
  web3: '02:00:00:00:01:03',
  db1: '02:00:00:00:02:01',
  db2: '02:00:00:00:02:02',
  gatewayWeb: '0a:00:00:00:00:01',
  gatewayDb: '0a:00:00:00:00:02',
} as const;

/** EUI-64 addresses of the MACs above; db2 has another, which takes a flow of its own. */
export const ip6 = {
  web1: 'fd00:1::ff:fe00:101',
  web2: 'fd00:1::ff:fe00:102',
  web3: 'fd00:1::ff:fe00:103',
  db1: 'fd00:2::ff:fe00:201',
  db2: 'fd00:2::22',
} as const;

/** `first` is what the first hypervisor has of its own. */
export function twoHostNetwork(first: Partial<RowOf<'hypervisors'>> = {}): NetworkBuilder {
  return new NetworkBuilder()
    .hypervisor('hv1', first)
    .hypervisor('hv2', { encapTypes: ['vxlan'] })
    .logicalSwitch('web', '10.1.0.0/24', 'fd00:1::/64')
    .logicalSwitch('db', '10.2.0.0/24', 'fd00:2::/64')
    .router('edge')
    .attach('edge-web', 'edge', 'web', mac.gatewayWeb, ['10.1.0.1/24', 'fd00:1::1/64'])
    .attach('edge-db', 'edge', 'db', mac.gatewayDb, ['10.2.0.1/24', 'fd00:2::1/64'])
    .port('web1', 'web', mac.web1, ['10.1.0.11', ip6.web1], ['hv1', 1])
    .port('web2', 'web', mac.web2, ['10.1.0.12', ip6.web2], ['hv1', 2])
    .port('web3', 'web', mac.web3, ['10.1.0.13', ip6.web3], ['hv2', 1])
    .port('db1', 'db', mac.db1, ['10.2.0.21', ip6.db1], ['hv1', 3])
    .port('db2', 'db', mac.db2, ['10.2.0.22', ip6.db2], ['hv2', 2]);
}
