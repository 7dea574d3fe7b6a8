/**
 * The network that verbs are tried on, which is always the same, beside any number of ports that have nothing to do with it
 * except that they are on the same hypervisors: switches of 20 ports on three hypervisors each.
 */
import type { Kind, RowOf } from '../../src/model/index.js';
import type { Snapshot } from '../../src/view/network-view.js';
import { NetworkBuilder } from '../compiler/network-builder.js';

/** Hypervisors whose switches are connected; the ports of the network are on the first of them. */
export const connected = ['hv0', 'hv1', 'hv2', 'hv3', 'lonely'] as const;
const portsPerSwitch = 20;

const macOf = (place: number): string =>
  `02:01:${[24, 16, 8, 0].map(shift => ((place >>> shift) & 0xff).toString(16).padStart(2, '0')).join(':')}`;

/** The unrelated ports are on all of so many hypervisors, three for each switch. */
export function workNetwork(unrelatedPorts: number, hypervisors = 250): Snapshot {
  const network = new NetworkBuilder();
  const gateway = { gateway: true, bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }] } as const;
  for (let place = 0; place < hypervisors; place += 1)
    network.hypervisor(`hv${place}`, place === 2 || place === 3 ? gateway : {});
  network
    .hypervisor('lonely')
    .logicalSwitch('s1', '10.9.1.0/24', 'fd00:9:1::/64')
    .logicalSwitch('s2', '10.9.2.0/24')
    .logicalSwitch('s3', '10.9.3.0/24')
    .securityGroup('clients')
    .securityGroup('servers')
    .securityGroup('others')
    .addressSet('office', '192.0.2.7', '198.51.100.0/24')
    .addressSet('home', '192.0.2.8')
    .rule('from office', 'servers', 'ingress', { remoteAddressSetId: 'office' })
    .rule('from clients', 'servers', 'ingress', { protocol: 'tcp', portMin: 443, remoteGroupId: 'clients' })
    .rule('to servers', 'clients', 'egress', { remoteGroupId: 'servers' })
    .port('p1', 's1', '02:00:00:00:01:01', ['10.9.1.11', 'fd00:9:1::11'], ['hv0', 40_001], {
      securityGroups: ['servers'],
    })
    .port('p2', 's1', '02:00:00:00:01:02', ['10.9.1.12'], ['hv1', 40_002], { securityGroups: ['clients'] })
    .port('p3', 's1', '02:00:00:00:01:03', ['10.9.1.13'], ['lonely', 40_003])
    .port('p4', 's1', '02:00:00:00:01:04', ['10.9.1.14'])
    .port('q1', 's2', '02:00:00:00:02:01', ['10.9.2.11'], ['hv0', 40_004])
    .port('q2', 's2', '02:00:00:00:02:02', ['10.9.2.12'], ['hv1', 40_005])
    .port('r1', 's3', '02:00:00:00:03:01', ['10.9.3.11'], ['hv2', 40_006])
    .router('router')
    .router('other-router')
    .attach('leg1', 'router', 's1', '02:00:00:00:01:ff', ['10.9.1.1/24', 'fd00:9:1::1/64'])
    .attach('leg2', 'router', 's2', '02:00:00:00:02:ff', ['10.9.2.1/24'])
    .attach('other-leg', 'other-router', 's3', '02:00:00:00:03:ff', ['10.9.3.1/24'])
    .route('route', 'router', '198.51.100.0/24', '10.9.2.12')
    .policy('policy', 'router', 100, ['10.9.2.12'], { source: '10.9.1.0/24' })
    .staticNeighbour('appliance', 'leg1', '10.9.1.77', '02:00:00:00:00:77')
    .bfd('watch', 'leg2', '10.9.2.12')
    .virtualAddress('moves', 's1', '10.9.1.200', ['p1', 'p2'], 'p2')
    .trust()
    .qos('limit', { logicalSwitchPortId: 'p1', maxKbps: 1_000 })
    .mirror('mirror', 'p1', { collectorPortId: 'q2' })
    .dhcpOption('mtu of p1', { logicalSwitchPortId: 'p1' })
    .dnsRecord('www', 's1', {})
    .loadBalancer('balancer', '10.96.0.1', ['10.9.1.12:8080', '10.9.2.12:8080'], {
      logicalSwitchIds: ['s1'],
      logicalRouterIds: ['router'],
    })
    .providerSwitch('outside', 'physnet1', 100, '203.0.113.0/24')
    .router('border', { gateway: { logicalSwitchId: 'outside', hypervisors: ['hv2', 'hv3'] } })
    .router('other-border', { gateway: { logicalSwitchId: 'outside', hypervisors: ['hv3'] } })
    .attach('border-inside', 'border', 's3', '02:00:00:00:03:fe', ['10.9.3.254/24'])
    .attach('border-outside', 'border', 'outside', '02:00:00:00:04:fe', ['203.0.113.1/24'])
    .natRule('masquerade', 'border', 'snat', '203.0.113.1', '10.9.3.0/24')
    .natRule('floating', 'border', 'floating_ip', '203.0.113.77', '10.9.3.11')
    .natRule('at home', 'border', 'floating_ip', '203.0.113.78', '10.9.3.12', {
      logicalSwitchPortId: 'r1',
      externalMac: '02:00:00:00:0a:02',
    });
  for (let port = 0; port < unrelatedPorts; port += 1) {
    const place = Math.floor(port / portsPerSwitch);
    const logicalSwitch = `u${place}`;
    if (port % portsPerSwitch === 0) network.logicalSwitch(logicalSwitch, '10.0.0.0/24');
    // No two of those that are connected share a switch here: who sends to whom among them is the same beside any number of ports.
    const host = `hv${(place + (port % 3) * Math.floor(hypervisors / 3)) % hypervisors}`;
    const ips = [{ ip: `10.0.0.${(port % portsPerSwitch) + 11}`, subnetId: `${logicalSwitch} 10.0.0.0/24` }];
    network.port(`u${port}`, logicalSwitch, macOf(port), [], [host, (port % 30_000) + 1], { ips });
  }
  return network.snapshot();
}

/** The row of this id of the network, which is there. */
export function rowOf<K extends Kind>(snapshot: Snapshot, kind: K, id: string): RowOf<K> {
  const rows: readonly RowOf<K>[] = snapshot.rows[kind];
  const row = rows.find(each => each.id === id);
  if (row === undefined) throw new Error(`there is no ${kind} ${id}`);
  return row;
}
