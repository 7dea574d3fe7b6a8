/**
 * What each room says about a network with a bit of everything, as ovs-ofctl writes it, on one hypervisor. When a change
 * is meant: `UPDATE_GOLDEN=1 npx mocha dist/test/compiler/golden.test.js`, and the difference belongs into the review.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rules } from '../../src/compiler/rules.js';
import { goldenText } from './host-text.js';
import type { NetworkBuilder } from './network-builder.js';
import { mac, twoHostNetwork } from './two-host-network.js';

const checked = { protocol: 'tcp', port: null, path: '/', intervalS: 5, timeoutS: 2, rise: 2, fall: 2 } as const;

const folder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'test', 'golden');
const rooms = [...new Set(rules.map(({ name }) => name.slice(0, name.indexOf('.'))))];

/** Two hosts with switches and a router, and beside them everything that is not on every network. */
function everything(): NetworkBuilder {
  return twoHostNetwork({ bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }], gateway: true })
    .hypervisor('hv3', {
      encapIp: '2001:db8::3',
      underlayMtu: 9000,
      bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }],
      gateway: true,
    })
    .port('off', 'web', '02:00:00:00:01:0f', ['10.1.0.15'], ['hv1', 4], { enabled: false })
    .port('unbound', 'web', '02:00:00:00:01:0e', ['10.1.0.14'])
    .port('vip', 'db', '02:00:00:00:02:0a', ['10.2.0.30'], ['hv1', 5], {
      allowedAddresses: [
        { mac: '00:00:5e:00:01:07', cidr: '10.2.0.200/32' },
        { mac: null, cidr: '10.9.0.0/16' },
      ],
    })
    .logicalSwitch('lan')
    .port('nested', 'lan', '02:00:00:00:03:01', [], ['hv1', 6], { portSecurity: false, unknownMacs: true })
    .port('nested far', 'lan', '02:00:00:00:03:02', [], ['hv2', 6], { portSecurity: false, unknownMacs: true })
    .router('core', { enabled: false })
    .peer('edge-core', 'edge', 'core-edge', '0a:00:00:00:00:03', ['172.17.0.0/31', 'fd00:b::/127'])
    .peer('core-edge', 'core', 'edge-core', '0a:00:00:00:00:04', ['172.17.0.1/31', 'fd00:b::1/127'])
    .route('default', 'edge', '0.0.0.0/0', '172.17.0.1')
    .route('two paths a', 'edge', '10.8.0.0/16', '10.2.0.21')
    .route('two paths b', 'edge', '10.8.0.0/16', '10.2.0.22')
    .route('nothing', 'edge', '10.66.0.0/16', null)
    .route('nowhere', 'edge', 'fd00:77::/64', 'fd00:99::1')
    .route('default six', 'edge', '::/0', `fd00:2::22`)
    .dhcp('web', '10.1.0.0/24', { gatewayIp: '10.1.0.1' })
    .dhcp('web', 'fd00:1::/64', { gatewayIp: 'fd00:1::1' })
    .domain('web', 'web.example.org')
    .qos('limit', { logicalSwitchPortId: 'web1', maxKbps: 10_000 })
    .qos('packets', { logicalSwitchPortId: 'web1', kind: 'packet_rate_limit', maxKpps: 5, maxBurstKpps: 1 })
    .qos('limit to', { logicalSwitchPortId: 'web1', direction: 'ingress', maxKbps: 20_000, maxBurstKbps: 2_000 })
    .qos('marks', { logicalSwitchId: 'db', kind: 'dscp_marking', dscpMark: 46 })
    .qos('guarantee', { logicalSwitchPortId: 'web2', kind: 'minimum_bandwidth', minKbps: 1_000 })
    .mirror('here', 'web1', { collectorPortId: 'web2' })
    .mirror('far', 'db1', { collectorPortId: 'db2', direction: 'in' })
    .mirror('far back', 'db2', { collectorPortId: 'db1', direction: 'out' })
    .mirror('outside', 'web2', { kind: 'gre', remoteIp: '192.0.2.99', key: 7, direction: 'out' })
    .mirror('outside six', 'web2', { kind: 'erspan', remoteIp: '2001:db8::99', key: 8, direction: 'in' })
    .securityGroup('web servers')
    .securityGroup('everybody', {
      isolates: ['egress'],
      portSelector: { matchLabels: {}, matchExpressions: [] },
      logDenied: true,
    })
    .addressSet('office', '192.0.2.7', '198.51.100.0/24', '2001:db8::/32', '0.0.0.0/0')
    .rule('https', 'web servers', 'ingress', { protocol: 'tcp', portMin: 443, portMax: 450, log: true })
    .rule('https too', 'web servers', 'ingress', { protocol: 'tcp', portMin: 448, portMax: 452 })
    .rule('office', 'web servers', 'ingress', { remoteAddressSetId: 'office', action: 'reject', priority: 2000 })
    .rule('peers', 'web servers', 'ingress', { remoteGroupId: 'web servers', ethertype: 'ipv4' })
    .rule('pings', 'web servers', 'egress', { protocol: 'icmp', ethertype: 'ipv6', icmpType: 128, icmpCode: 0 })
    .rule('dns', 'everybody', 'egress', { protocol: 'udp', portMin: 53, stateless: true, remoteCidr: '10.0.0.0/8' })
    .rule('not there', 'everybody', 'egress', { action: 'drop', remoteCidr: 'fd00:66::/32' })
    .port('guarded', 'web', '02:00:00:00:01:1a', ['10.1.0.26', 'fd00:1::1a'], ['hv1', 7], {
      securityGroups: ['web servers'],
      projectId: 'guarded',
    })
    .loadBalancer('shop', '10.96.0.1', ['10.1.0.11:8080', '10.2.0.21:8080'], {
      logicalRouterIds: ['edge'],
      healthCheck: checked,
    })
    .loadBalancer('shop tls', '10.96.0.1', ['10.1.0.11:8443'], {
      port: 443,
      affinityTimeoutS: 60,
      logicalRouterIds: ['edge'],
      logicalSwitchIds: ['web'],
    })
    .loadBalancer('names', 'fd00:1::53', ['fd00:2::21:53'], {
      protocol: 'udp',
      port: 53,
      logicalSwitchIds: ['web'],
    })
    .loadBalancer('empty', '10.1.0.99', [], { protocol: 'sctp', port: 7, logicalSwitchIds: ['web'] })
    .rule('ssh', 'web servers', 'ingress', { protocol: 'tcp', portMin: 22, ethertype: 'ipv4' })
    .rule('ssh from the world', 'web servers', 'ingress', { protocol: 'tcp', portMin: 22, remoteCidr: '0.0.0.0/0' })
    .rule('ssh from the newer world', 'web servers', 'ingress', { protocol: 'tcp', portMin: 22, remoteCidr: '::/0' })
    .providerSwitch('flat', 'physnet1', null, '198.51.100.0/24')
    .providerSwitch('tagged', 'physnet1', 100, '203.0.113.0/24', 'fd00:5::/64')
    .providerSwitch('unmapped', 'physnet2', 100)
    .port('flat1', 'flat', '02:00:00:00:05:01', ['198.51.100.11'], ['hv1', 8])
    .port('tagged1', 'tagged', '02:00:00:00:05:02', ['203.0.113.11', 'fd00:5::ff:fe00:502'], ['hv1', 9])
    .port('tagged2', 'tagged', '02:00:00:00:05:03', ['203.0.113.12'], ['hv2', 9])
    .port('nested outside', 'unmapped', '02:00:00:00:05:04', [], ['hv1', 10], {
      portSecurity: false,
      unknownMacs: true,
    })
    .attach('edge-tagged', 'edge', 'tagged', '0a:00:00:00:00:05', ['203.0.113.1/24', 'fd00:5::1/64'])
    .router('border', { gateway: { logicalSwitchId: 'flat', hypervisors: ['hv1'] } })
    .attach('border-flat', 'border', 'flat', '0a:00:00:00:00:06', ['198.51.100.1/24', 'fd00:6::1/64'])
    .route('border default', 'border', '0.0.0.0/0', '198.51.100.254')
    .natRule('masquerade', 'border', 'snat', '198.51.100.1', '10.4.0.0/24', {
      exemptedDestinations: ['192.168.0.0/16'],
    })
    .natRule('web', 'border', 'dnat', '198.51.100.1', '10.4.0.11', {
      portMap: { protocol: 'tcp', externalPort: 80, externalPortMax: 81, logicalPort: 8080 },
    })
    .natRule('floating', 'border', 'floating_ip', '198.51.100.77', '10.4.0.12')
    .natRule('floating six', 'border', 'floating_ip', 'fd00:6::77', 'fd00:4::12')
    .natRule('at home', 'border', 'floating_ip', '198.51.100.78', '10.4.0.13', {
      logicalSwitchPortId: 'web1',
      externalMac: '0a:00:00:00:00:78',
    })
    .port('nested farther', 'lan', '02:00:00:00:03:03', [], ['hv3', 1])
    .hypervisor('stranger')
    .logicalSwitch('apart')
    .port('apart1', 'apart', '02:00:00:00:04:01', [], ['stranger', 1])
    .providerSwitch('dmz', 'physnet1', 200, '192.0.2.128/25', 'fd00:7::/64')
    .router('spare', { gateway: { logicalSwitchId: 'dmz', hypervisors: ['hv3', 'hv1'] } })
    .attach('spare-dmz', 'spare', 'dmz', '0a:00:00:00:00:07', ['192.0.2.129/25', 'fd00:7::1/64'])
    .loadBalancer('shop outside', '10.96.0.9', ['10.4.0.11:8080', '10.4.0.12:8080'], { logicalRouterIds: ['border'] })
    .natRule('shop', 'border', 'floating_ip', '198.51.100.79', '10.96.0.9')
    .natRule('mapped shop', 'border', 'dnat', '198.51.100.1', '10.96.0.9', {
      portMap: { protocol: 'tcp', externalPort: 8443, externalPortMax: null, logicalPort: 80 },
    })
    .policy('inside', 'edge', 300, [], { destination: '10.1.0.0/24' })
    .policy('blocked', 'edge', 200, [], { action: 'drop', protocol: 'icmp' })
    .policy('by db1', 'edge', 100, ['10.2.0.21'], {
      source: '10.1.0.0/24',
      protocol: 'tcp',
      portMin: 8000,
      portMax: 8009,
    })
    .policy('by both', 'edge', 90, ['10.2.0.21', '10.2.0.22', '172.17.0.1'], { mark: { value: 0x10, mask: 0xf0 } })
    .policy('by nobody', 'edge', 80, ['fd00:99::1'], { source: 'fd00:1::/64' })
    .staticNeighbour('appliance', 'edge-db', '10.2.0.77', '02:00:00:00:02:77')
    .staticNeighbour('appliance six', 'edge-db', 'fd00:2::77', '02:00:00:00:02:77')
    .policy('border other', 'border', 1, ['198.51.100.253'], { source: '10.0.0.0/8' })
    .policy('border marked', 'border', 2, ['198.51.100.253'], { mark: { value: 1, mask: null } })
    .staticNeighbour('border next', 'border-flat', '198.51.100.253', '02:00:00:00:05:fd')
    .virtualAddress('moves', 'web', '10.1.0.201', ['web1', 'web3'], 'web3')
    .virtualAddress('moves six', 'web', 'fd00:1::201', ['web1', 'web3'])
    .virtualAddress('moves outside', 'flat', '198.51.100.201', ['flat1'], 'flat1')
    .port('trunk', 'lan', '02:00:00:00:03:04', ['10.3.0.14'], ['hv1', 11])
    .port('sub lan', 'lan', '02:00:00:00:03:05', ['10.3.0.15'], ['hv1', 11], { parent: { portId: 'trunk', vlan: 101 } })
    .port('sub web', 'web', '02:00:00:00:01:1b', ['10.1.0.27'], ['hv1', 11], {
      parent: { portId: 'trunk', vlan: 102 },
      securityGroups: ['web servers'],
    })
    .port('sub off', 'db', '02:00:00:00:02:1c', ['10.2.0.28'], ['hv1', 11], {
      parent: { portId: 'trunk', vlan: 103 },
      enabled: false,
    })
    .mirror('to a sub-port', 'apart1', { collectorPortId: 'sub lan' })
    .mirror('to a sub-port here', 'flat1', { collectorPortId: 'sub lan' })
    .port('metadata', 'web', '02:00:00:00:01:1c', ['10.1.0.28'], ['hv1', 12], {
      local: { addresses: ['169.254.169.254', 'fe80::a9fe:a9fe'] },
    })
    .bind('metadata', 'hv2', 12)
    .port('metadata off', 'db', '02:00:00:00:02:1d', [], ['hv1', 13], {
      local: { addresses: ['169.254.169.254'] },
      enabled: false,
      portSecurity: false,
    })
    .route('share 1', 'edge', '203.0.113.0/24', '10.2.0.31')
    .route('share 2', 'edge', '203.0.113.0/24', '10.2.0.32')
    .route('share 3', 'edge', '203.0.113.0/24', '10.2.0.33')
    .route('withdrawn', 'edge', '203.0.112.0/24', '10.2.0.33')
    .policy('by the dead', 'edge', 70, ['10.2.0.33'], { source: '10.1.9.0/24' })
    .bfd('alive', 'edge-db', '10.2.0.32', { finding: { isUp: true, diagnostic: 0, since: '2026-11-22T08:00:00.000Z' } })
    .bfd('dead', 'edge-db', '10.2.0.33', { finding: { isUp: false, diagnostic: 1, since: '2026-11-22T08:00:00.000Z' } })
    .bfd('six', 'edge-db', 'fd00:2::33', { minRxMs: 300 })
    .bfd('not wanted', 'edge-db', '10.2.0.34', { enabled: false })
    .bfd('outside', 'border-flat', '198.51.100.253');
}

describe('The flows of each room', () => {
  const network = everything().compile();
  const fragments = network.fragmentsOf('hv1');

  for (const room of rooms) {
    it(`${room}: are those of test/golden/${room}.flows`, () => {
      const ofRoom = fragments.filter(({ key }) => key.startsWith(`${room}.`));
      const text = goldenText({
        flows: ofRoom.flatMap(({ flows, cookie }) => flows.map(flow => ({ ...flow, cookie }))),
        groups: ofRoom.flatMap(({ groups }) => groups ?? []),
        meters: ofRoom.flatMap(({ meters }) => meters ?? []),
      });
      const file = join(folder, `${room}.flows`);
      if (process.env['UPDATE_GOLDEN'] === '1') {
        mkdirSync(folder, { recursive: true });
        writeFileSync(file, text);
      }
      assert.equal(text, readFileSync(file, 'utf8'));
    });
  }

  it('never share table, priority and match, so that none hides another', () => {
    for (const hypervisorId of ['hv1', 'hv2', 'hv3']) {
      const seen = new Map<string, string>();
      for (const { key, flows } of network.fragmentsOf(hypervisorId)) {
        for (const { table, priority, match } of flows) {
          const text = match.map(({ field, value, mask }) => `${field.name}=${value}/${mask ?? ''}`).join();
          const place = `table=${table} priority=${priority} ${text}`;
          assert.equal(seen.get(place), undefined, `${place} of ${key}`);
          seen.set(place, key);
        }
      }
    }
  });

  it('mention no address of another network', () => {
    const text = JSON.stringify(network.host('hv3').flows.map(({ match }) => match.map(({ value }) => `${value}`)));
    assert.ok(!text.includes(`${BigInt(`0x${mac.web1.replaceAll(':', '')}`)}`));
  });
});
