import assert from 'node:assert/strict';
import type { DropReason } from '../../../src/compiler/pipeline/drop-reasons.js';
import { usesTracedNetwork } from './traced-network.js';
import { ip6, mac, twoHostNetwork } from '../../compiler/two-host-network.js';

const broadcast = 'ff:ff:ff:ff:ff:ff';
const stranger = '02:66:66:66:66:66';
const own = { mac: mac.web1, ip: '10.1.0.11', ip6: ip6.web1, linkLocal: 'fe80::ff:fe00:101' } as const;

const from = (source: string, rest: string, destination: string = mac.web2): string =>
  `in_port=1,dl_src=${source},dl_dst=${destination},${rest}`;
const nd = (type: 135 | 136, source: string, target: string, option: string): string =>
  `icmp6,icmpv6_type=${type},icmpv6_code=0,nw_ttl=255,ipv6_src=${source},ipv6_dst=ff02::1,nd_target=${target}${option}`;

/** Spoofed packets of web1, by the reason that has to be counted. */
const refused: readonly (readonly [DropReason, string])[] = [
  ['port_security_mac', from(stranger, `ip,nw_src=${own.ip},nw_dst=10.1.0.12`)],
  ['port_security_mac', from(stranger, `udp6,ipv6_src=${own.ip6},ipv6_dst=${ip6.web2}`)],
  ['port_security_mac', from(stranger, 'dl_type=0x88b5')],
  [
    'port_security_mac',
    from(stranger, `arp,arp_op=1,arp_spa=${own.ip},arp_tpa=10.1.0.12,arp_sha=${own.mac}`, broadcast),
  ],
  ['port_security_mac', from(stranger, 'udp,nw_src=0.0.0.0,nw_dst=255.255.255.255,udp_src=68,udp_dst=67', broadcast)],
  ['port_security_ipv4', from(own.mac, 'ip,nw_src=10.1.0.12,nw_dst=10.1.0.13')],
  ['port_security_ipv4', from(own.mac, 'ip,nw_src=8.8.8.8,nw_dst=10.1.0.13')],
  ['port_security_ipv6', from(own.mac, `udp6,ipv6_src=${ip6.web2},ipv6_dst=${ip6.web3}`)],
  ['port_security_ipv6', from(own.mac, 'udp6,ipv6_src=fe80::ff:fe00:102,ipv6_dst=ff02::1', '33:33:00:00:00:01')],
  [
    'port_security_arp',
    from(own.mac, `arp,arp_op=1,arp_spa=10.1.0.12,arp_tpa=10.1.0.13,arp_sha=${own.mac}`, broadcast),
  ],
  ['port_security_arp', from(own.mac, `arp,arp_op=2,arp_spa=${own.ip},arp_tpa=10.1.0.12,arp_sha=${stranger}`)],
  ['port_security_arp', from(own.mac, `arp,arp_op=1,arp_spa=0.0.0.0,arp_tpa=10.1.0.13,arp_sha=${stranger}`, broadcast)],
  ['port_security_nd', from(own.mac, nd(135, ip6.web2, ip6.web3, ''), '33:33:ff:00:01:03')],
  ['port_security_nd', from(own.mac, nd(135, own.ip6, ip6.web3, `,nd_sll=${stranger}`), '33:33:ff:00:01:03')],
  ['port_security_nd', from(own.mac, nd(135, '::', ip6.web3, `,nd_sll=${stranger}`), '33:33:ff:00:01:03')],
  ['port_security_nd', from(own.mac, nd(136, own.ip6, ip6.web2, `,nd_tll=${own.mac}`))],
  ['port_security_nd', from(own.mac, nd(136, own.ip6, own.ip6, `,nd_tll=${stranger}`))],
  ['port_security_nd', from(own.mac, nd(136, ip6.web2, own.ip6, `,nd_tll=${own.mac}`))],
  ['port_security_nd', from(own.mac, nd(136, ip6.web2, own.ip6, ''))],
  [
    'port_security_ra',
    from(own.mac, `icmp6,icmpv6_type=134,ipv6_src=${own.linkLocal},ipv6_dst=ff02::1`, '33:33:00:00:00:01'),
  ],
  ['port_security_ra', from(own.mac, `icmp6,icmpv6_type=137,ipv6_src=${own.linkLocal},ipv6_dst=${ip6.web2}`)],
  ['port_security_dhcp', from(own.mac, `udp,nw_src=${own.ip},nw_dst=10.1.0.12,udp_src=67,udp_dst=68`)],
  ['port_security_dhcp', from(own.mac, `udp,nw_src=${own.ip},nw_dst=10.1.0.12,udp_src=1067,udp_dst=68`)],
  ['port_security_dhcp', from(own.mac, `udp6,ipv6_src=${own.ip6},ipv6_dst=${ip6.web2},udp_src=1547,udp_dst=546`)],
  ['port_security_dhcp', from(own.mac, `udp6,ipv6_src=${own.linkLocal},ipv6_dst=${ip6.web2},udp_src=547,udp_dst=546`)],
  ['multicast_source', from('03:00:00:00:00:01', `ip,nw_src=${own.ip},nw_dst=10.1.0.12`)],
  ['vlan_tagged', from(own.mac, `ip,dl_vlan=5,dl_vlan_pcp=0,nw_src=${own.ip},nw_dst=10.1.0.12`)],
];

/** What an honest workload sends, the strange-looking included. */
const permitted: readonly string[] = [
  from(own.mac, `ip,nw_src=${own.ip},nw_dst=10.1.0.12`),
  from(own.mac, `udp6,ipv6_src=${own.ip6},ipv6_dst=${ip6.web2}`),
  from(own.mac, `udp6,ipv6_src=${own.linkLocal},ipv6_dst=fe80::ff:fe00:102`),
  from(own.mac, 'udp,nw_src=0.0.0.0,nw_dst=255.255.255.255,udp_src=68,udp_dst=67', broadcast),
  from(own.mac, `arp,arp_op=2,arp_spa=${own.ip},arp_tpa=10.1.0.12,arp_sha=${own.mac},arp_tha=${mac.web2}`),
  from(own.mac, nd(136, own.ip6, own.ip6, `,nd_tll=${own.mac}`)),
  from(own.mac, nd(136, own.linkLocal, own.ip6, '')),
  from(own.mac, 'icmp6,icmpv6_type=133,icmpv6_code=0,ipv6_src=::,ipv6_dst=ff02::2', '33:33:00:00:00:02'),
  from(own.mac, 'icmp6,icmpv6_type=143,icmpv6_code=0,ipv6_src=::,ipv6_dst=ff02::16', '33:33:00:00:00:16'),
  from(own.mac, 'dl_type=0x88b5'),
];

describe('Port security on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);
  before(() => network().load(twoHostNetwork().compile(), 'hv1'));

  it('drops every kind of spoofed packet for the right reason', async () => {
    for (const [reason, packet] of refused) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.deepEqual([outputs, drops], [[], [reason]], packet);
    }
  });

  it('lets everything honest pass', async () => {
    for (const packet of permitted) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.ok(outputs.includes(2), packet);
      assert.deepEqual(drops, [], packet);
    }
  });

  it('lets in allowed addresses, of the port and of another MAC, and nothing beside them', async () => {
    const virtual = '00:00:5e:00:01:07';
    const allowed = twoHostNetwork().port('vip', 'web', '02:00:00:00:01:0a', ['10.1.0.20'], ['hv1', 4], {
      allowedAddresses: [
        { mac: null, cidr: '10.9.0.0/16' },
        { mac: virtual, cidr: '10.1.0.200/32' },
        { mac: null, cidr: '10.1.0.20/32' },
      ],
    });
    await network().load(allowed.compile(), 'hv1');
    const send = (source: string, ip: string): string =>
      `in_port=4,ip,dl_src=${source},dl_dst=${mac.web2},nw_src=${ip},nw_dst=10.1.0.12`;
    for (const [packet, expected] of [
      [send('02:00:00:00:01:0a', '10.1.0.20'), []],
      [send('02:00:00:00:01:0a', '10.9.3.4'), []],
      [send(virtual, '10.1.0.200'), []],
      [send(virtual, '10.1.0.201'), ['port_security_ipv4']],
      [send(virtual, '10.9.3.4'), ['port_security_ipv4']],
      [send('02:00:00:00:01:0a', '10.1.0.200'), ['port_security_ipv4']],
    ] as const) {
      const { outputs, drops } = await network().trace('hv1', packet);
      assert.deepEqual([outputs, drops], [expected.length === 0 ? [2] : [], expected], packet);
    }
  });

  it('holds a port without addresses to its MAC, and one without port security to nothing', async () => {
    const open = twoHostNetwork()
      .port('layer2', 'web', '02:00:00:00:01:0a', [], ['hv1', 3])
      .port('free', 'web', '02:00:00:00:01:0b', ['10.1.0.30'], ['hv1', 4], { portSecurity: false });
    await network().load(open.compile(), 'hv1');
    const send = (port: number, source: string): string =>
      `in_port=${port},ip,dl_src=${source},dl_dst=${mac.web2},nw_src=192.168.7.7,nw_dst=10.1.0.12`;
    assert.deepEqual((await network().trace('hv1', send(3, '02:00:00:00:01:0a'))).outputs, [2]);
    assert.deepEqual((await network().trace('hv1', send(3, stranger))).drops, ['port_security_mac']);
    assert.deepEqual((await network().trace('hv1', send(4, stranger))).outputs, [2]);
    const advertisement = `in_port=4,icmp6,icmpv6_type=134,dl_src=${stranger},dl_dst=33:33:00:00:00:01,ipv6_src=fe80::1,ipv6_dst=ff02::1`;
    assert.ok((await network().trace('hv1', advertisement)).outputs.includes(2));
  });
});
