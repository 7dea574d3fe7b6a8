/** What DHCP options, DNS records, BFD sessions and policies say of how they fare. */
import assert from 'node:assert/strict';
import { bfdStatus } from '../../../northbound/rest/bfd-status.js';
import { dhcpOptionStatus, dnsRecordStatus, policyRouteStatus } from '../../../northbound/rest/feature-status.js';
import { NetworkView } from '../../../src/view/network-view.js';
import { twoHostNetwork } from '../../compiler/two-host-network.js';

describe('The status of DHCP options and DNS records', () => {
  const view = new NetworkView();
  view.replace(
    twoHostNetwork()
      .dhcp('web', '10.1.0.0/24', { gatewayIp: '10.1.0.1' })
      .domain('web', 'web.example.org')
      .domain('db', 'db.example.org')
      .logicalSwitch('lan')
      .snapshot(),
  );

  it('names what is missing', () => {
    const option = (protocol: 'dhcpv4' | 'dhcpv6', port: string | null, subnet: string | null = null) =>
      dhcpOptionStatus(view, { protocol, logicalSwitchPortId: port, subnetId: subnet });
    const active = { active: true, reason: null } as const;
    assert.deepEqual(option('dhcpv4', 'web1'), active);
    assert.deepEqual(option('dhcpv4', null, 'web 10.1.0.0/24'), active);
    assert.match(option('dhcpv6', 'web1').reason ?? '', /no address in a subnet with dhcpv6/);
    assert.match(option('dhcpv6', null, 'web 10.1.0.0/24').reason ?? '', /no dhcpv6 on its subnet/);
    assert.equal(option('dhcpv4', 'db1').active, false);
    const record = (logicalSwitchId: string) => dnsRecordStatus(view, { logicalSwitchId });
    assert.deepEqual(record('web'), active);
    assert.match(record('db').reason ?? '', /gateway_ip/);
    assert.match(record('lan').reason ?? '', /dns_domain/);
  });
});

describe('The status of BFD sessions, and of policies that follow them', () => {
  const since = '2026-11-22T08:00:00.000Z';
  const found = (isUp: boolean) => ({ finding: { isUp, diagnostic: isUp ? 0 : 1, since } });
  const view = new NetworkView();
  view.replace(
    twoHostNetwork()
      .bfd('up', 'edge-db', '10.2.0.21', found(true))
      .bfd('down', 'edge-db', '10.2.0.22', found(false))
      .bfd('new', 'edge-web', '10.1.0.13')
      .bfd('off', 'edge-web', '10.1.0.12', { enabled: false })
      .bfd('nowhere', 'edge-web', '10.1.0.99', found(false))
      .policy('both', 'edge', 1, ['10.2.0.21', '10.2.0.22'])
      .policy('dead', 'edge', 2, ['10.2.0.22'])
      .snapshot(),
  );

  const status = (id: string, isTenant = false, isConnected = true) =>
    bfdStatus(view, view.get('bfd-sessions', id) ?? assert.fail(id), {
      isTenant,
      isGone: () => false,
      isConnected: () => isConnected,
    });

  it('say what was found last, since when and where', () => {
    const nothing = { diagnostic: null, since: null, hypervisor: null, reason: null } as const;
    assert.deepEqual(status('up'), { ...nothing, state: 'up', since, hypervisor: 'hv1' });
    const down = { ...nothing, state: 'down', diagnostic: 'control detection time expired', since } as const;
    assert.deepEqual(status('down'), { ...down, hypervisor: 'hv2' });
    assert.deepEqual(status('new'), { ...nothing, state: 'unknown', hypervisor: 'hv2' });
    assert.deepEqual(status('off'), { ...nothing, state: 'admin_down', reason: 'it is disabled' });
    assert.deepEqual(status('nowhere'), { ...down, reason: 'no port of the logical switch has that address' });
  });

  it('name no host to tenants, and say when nothing is found out', () => {
    assert.equal(status('down', true).hypervisor, null);
    assert.match(status('up', true, false).reason ?? '', /stays as it is/);
  });

  it('show in policies that have no next hop alive', () => {
    const policy = (id: string) => policyRouteStatus(view, view.get('policy-routes', id) ?? assert.fail(id));
    assert.deepEqual(policy('both'), { active: true, reason: null });
    assert.match(policy('dead').reason ?? '', /BFD/);
  });
});
