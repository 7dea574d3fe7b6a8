/** What ports are told of routers and names. */
import assert from 'node:assert/strict';
import { announcements } from '../../src/slow-path/addressing/answers.js';
import { switchesChanged } from '../../src/slow-path/announcements.js';
import type { NetworkView } from '../../src/view/network-view.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { ip6, mac } from '../compiler/two-host-network.js';
import { dnsQuery, ipBytes, macBytes, routerSolicitation } from '../fixtures/addressing-messages.js';
import { ipv4, ipv6 } from '../fixtures/frames.js';
import { ask, gateway, type Heard, heard, network, only, viewOf } from './asking.js';

describe('Router advertisements', () => {
  const linkLocalOfGateway = 'fe80::800:ff:fe00:1';

  function solicit(view: NetworkView, source = 'fe80::ff:fe00:101', hopLimit = 255) {
    const packet = Buffer.from(
      ipv6({ src: source, dst: 'ff02::2' }, 58, routerSolicitation(source === '::' ? null : mac.web1)),
      'hex',
    );
    packet[7] = hopLimit;
    return ask(view, 'web1', 'router_solicitation', packet.toString('hex'));
  }

  function read({ payload }: Heard) {
    const options = new Map<number, string>();
    for (let at = 16; at < payload.length; at += (payload[at + 1] ?? 0) * 8)
      options.set(payload[at] ?? 0, payload.toString('hex', at, at + (payload[at + 1] ?? 0) * 8));
    return { type: payload[0], flags: (payload[5] ?? 0) >> 6, lifetime: payload.readUInt16BE(6), options };
  }

  it('come from the router that has the gateway address, with prefix, MTU and DNS', () => {
    const advertisement = only(solicit(viewOf(network())));
    const { ethSrc, ethDst, src, dst, ttl } = advertisement;
    assert.deepEqual(
      [ethSrc, ethDst, src, dst, ttl],
      [mac.gatewayWeb, mac.web1, linkLocalOfGateway, 'fe80::ff:fe00:101', 255],
    );
    const { type, flags, lifetime, options } = read(advertisement);
    assert.deepEqual([type, flags, lifetime], [134, 0, 9_000]);
    assert.equal(options.get(1), `0101${macBytes(mac.gatewayWeb).toString('hex')}`);
    assert.equal(options.get(5), '05010000000005aa');
    assert.equal(options.get(3), `030440c0${'00278d00'}${'00093a80'}00000000${ipBytes('fd00:1::').toString('hex')}`);
    assert.equal(
      options.get(25),
      `19050000${'00002328'}${ipBytes(gateway[6]).toString('hex')}${ipBytes('2001:db8::53').toString('hex')}`,
    );
    assert.ok(options.get(31)?.includes(Buffer.from('\u0003web\u0007example\u0003org\0', 'latin1').toString('hex')));
  });

  it('go to all nodes where the asker has no address, and where nobody has asked', () => {
    const view = viewOf(network());
    const asked = only(solicit(view, '::'));
    const bound = view.get('bound-ports', 'web1') ?? assert.fail();
    const told = announcements(view, bound, 1500).map(({ frame }) => heard(frame));
    for (const { dst, ethDst } of [asked, only(told)])
      assert.deepEqual([dst, ethDst], ['ff02::1', '33:33:00:00:00:01']);
  });

  it('are left to the routers of a physical network', () => {
    const view = viewOf(
      new NetworkBuilder()
        .hypervisor('hv1')
        .providerSwitch('web', 'physnet1', null, 'fd00:1::/64')
        .dhcp('web', 'fd00:1::/64', { gatewayIp: gateway[6] })
        .port('web1', 'web', mac.web1, [ip6.web1], ['hv1', 1]),
    );
    assert.equal(solicit(view), 'no_address');
    assert.deepEqual(announcements(view, view.get('bound-ports', 'web1') ?? assert.fail(), 1500), []);
  });

  it('say by the mode of the subnet and the address of the port how it gets one', () => {
    const flagsOf = (builder: NetworkBuilder) => {
      const { flags, options } = read(only(solicit(viewOf(builder))));
      return { flags, autonomous: options.get(3)?.slice(6, 8) === 'c0' };
    };
    const six = (ipv6AddressMode: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful') =>
      network().dhcp('web', 'fd00:1::/64', { gatewayIp: gateway[6], ipv6AddressMode });
    assert.deepEqual(flagsOf(six('slaac')), { flags: 0, autonomous: true });
    assert.deepEqual(flagsOf(six('dhcpv6-stateless')), { flags: 1, autonomous: true });
    assert.deepEqual(flagsOf(six('dhcpv6-stateful')), { flags: 3, autonomous: false });
  });

  it('say that an address which is not that of the MAC comes by DHCPv6', () => {
    const view = viewOf(network().dhcp('db', 'fd00:2::/64', { gatewayIp: 'fd00:2::1' }));
    const bound = view.get('bound-ports', 'db2') ?? assert.fail();
    const { flags, options } = read(only(announcements(view, bound, 1500).map(({ frame }) => heard(frame))));
    assert.deepEqual([flags, options.get(3)?.slice(6, 8)], [3, '80']);
  });

  it('name no default router where no router port has the gateway address', () => {
    const view = viewOf(network().dhcp('web', 'fd00:1::/64', { gatewayIp: null }));
    const advertisement = only(solicit(view));
    assert.deepEqual([advertisement.ethSrc, read(advertisement).lifetime], ['02:77:65:00:00:01', 0]);
  });

  it('take back a router that is no way out any more', () => {
    const view = viewOf(network());
    const port = view.get('logical-router-ports', 'edge-web') ?? assert.fail();
    const touched = view.apply(2, [{ kind: 'logical-router-ports', id: port.id, after: null }]);
    assert.deepEqual(switchesChanged(view, touched), [{ id: 'web', formerRouter: mac.gatewayWeb }]);
    const bound = view.get('bound-ports', 'web1') ?? assert.fail();
    const told = announcements(view, bound, 1500, new Set([mac.gatewayWeb])).map(({ frame }) => heard(frame));
    assert.deepEqual(
      told.map(each => [each.ethSrc, read(each).lifetime]),
      [
        ['02:77:65:00:00:01', 0],
        [mac.gatewayWeb, 0],
      ],
    );
    // One that is a way out stays one, though something else has changed.
    const unchanged = viewOf(network());
    const [first, ...more] = announcements(unchanged, bound, 1500, new Set([mac.gatewayWeb])).map(each =>
      heard(each.frame),
    );
    assert.deepEqual([first === undefined ? null : read(first).lifetime, more.length], [9_000, 0]);
  });

  it('are for solicitations that come from the link, and for ports with an address', () => {
    const view = viewOf(network());
    assert.equal(solicit(view, 'fe80::ff:fe00:101', 64), 'malformed');
    const none = viewOf(network().port('four', 'web', '02:00:00:00:01:44', ['10.1.0.44'], ['hv1', 44]));
    const bound = none.get('bound-ports', 'four') ?? assert.fail();
    assert.deepEqual(announcements(none, bound, 1500), []);
  });
});

describe('DNS', () => {
  const view = viewOf(
    network()
      .dnsRecord('www.example.org', 'web', { values: ['192.0.2.80', '192.0.2.81'] })
      .dnsRecord('_sip._tcp.web.example.org', 'web', { type: 'SRV', values: ['10 5 5060 web2.web.example.org'] })
      .dnsRecord('9.0.1.10.in-addr.arpa', 'web', { type: 'PTR', values: ['nine.example.org'] }),
  );
  const type = { A: 1, PTR: 12, AAAA: 28, SRV: 33 } as const;

  function query(name: string, of: number, ednsBytes: number | null = null) {
    const packet = ipv4({ src: '10.1.0.11', dst: gateway[4] }, 17, dnsQuery(name, of, ednsBytes));
    const { payload, src, dst } = only(ask(view, 'web1', 'dns', packet));
    assert.deepEqual(
      [src, dst, payload.readUInt16BE(0), payload.readUInt16BE(2)],
      [gateway[4], '10.1.0.11', 53, 40_000],
    );
    const message = payload.subarray(8);
    assert.equal(message.readUInt16BE(0), 0x1234);
    const question = name === '' ? 1 : name.length + 2;
    const data: string[] = [];
    let at = 12 + question + 4;
    for (let count = message.readUInt16BE(6); count > 0; count -= 1) {
      const length = message.readUInt16BE(at + 10);
      data.push(message.toString('hex', at + 12, at + 12 + length));
      at += 12 + length;
    }
    return { code: (message[3] ?? 0) & 0xf, authoritative: ((message[2] ?? 0) & 4) !== 0, data };
  }

  const found = (...data: readonly string[]) => ({ code: 0, authoritative: true, data });
  const text = (...labels: readonly string[]): string =>
    Buffer.concat([...labels, ''].map(label => Buffer.from([label.length, ...Buffer.from(label)]))).toString('hex');

  it('knows the names of ports, whatever their letters, and their addresses', () => {
    const address = (ip: string) => ipBytes(ip).toString('hex');
    assert.deepEqual(query('web2.web.example.org', type.A), found(address('10.1.0.12')));
    assert.deepEqual(query('WEB3.Web.Example.ORG', type.AAAA), found(address(ip6.web3)));
    assert.deepEqual(query('12.0.1.10.in-addr.arpa', type.PTR), found(text('web2', 'web', 'example', 'org')));
    const reversed = ipBytes(ip6.web3).toString('hex').split('').toReversed().join('.');
    assert.deepEqual(query(`${reversed}.ip6.arpa`, type.PTR), found(text('web3', 'web', 'example', 'org')));
  });

  it('knows records', () => {
    assert.deepEqual(query('www.example.org', type.A, 1400), found('c0000250', 'c0000251'));
    assert.deepEqual(
      query('_sip._tcp.web.example.org', type.SRV),
      found(`000a000513c4${text('web2', 'web', 'example', 'org')}`),
    );
    assert.deepEqual(query('9.0.1.10.in-addr.arpa', type.PTR), found(text('nine', 'example', 'org')));
  });

  it('says what there is not, and sends on who asks for names elsewhere', () => {
    assert.deepEqual(query('web1.web.example.org', type.SRV), found());
    assert.deepEqual(query('web.example.org', type.A), found());
    assert.deepEqual(query('no.web.example.org', type.A), { code: 3, authoritative: true, data: [] });
    assert.deepEqual(query('77.0.1.10.in-addr.arpa', type.PTR), { code: 3, authoritative: true, data: [] });
    for (const name of ['example.com', 'db1.db.example.org', '1.2.0.192.in-addr.arpa', ''])
      assert.deepEqual(query(name, type.A), { code: 5, authoritative: false, data: [] }, name);
  });
});
