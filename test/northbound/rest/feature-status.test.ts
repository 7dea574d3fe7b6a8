/** What DHCP options and DNS records say of how they fare. */
import assert from 'node:assert/strict';
import { dhcpOptionStatus, dnsRecordStatus } from '../../../northbound/rest/feature-status.js';
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
