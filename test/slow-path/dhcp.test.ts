/** What ports are told by DHCP of both families. */
import assert from 'node:assert/strict';
import type { NetworkView } from '../../src/view/network-view.js';
import { ip6, mac } from '../compiler/two-host-network.js';
import {
  association,
  clientId,
  type Dhcpv4Message,
  dhcpv4,
  type Dhcpv6Option,
  dhcpv6,
  ipBytes,
} from '../fixtures/addressing-messages.js';
import { ipv4, ipv6 } from '../fixtures/frames.js';
import { ask, gateway, type Heard, network, only, viewOf } from './asking.js';

describe('DHCPv4', () => {
  const broadcastEnds = { src: '0.0.0.0', dst: '255.255.255.255' } as const;

  function exchange(view: NetworkView, message: Partial<Dhcpv4Message> & { type: number }, portId = 'web1') {
    const { clientAddress } = message;
    const ends = clientAddress === undefined ? broadcastEnds : { src: clientAddress, dst: gateway[4] };
    return ask(view, portId, 'dhcpv4', ipv4(ends, 17, dhcpv4({ mac: mac.web1, ...message })));
  }

  /** The options of a reply by code, as hexadecimal digits. */
  function read({ payload }: Heard) {
    const message = payload.subarray(8);
    assert.equal(message.readUInt32BE(236), 0x63825363);
    const options = new Map<number, string>();
    for (let at = 240; message[at] !== 255; at += 2 + (message[at + 1] ?? 0))
      options.set(message[at] ?? 0, message.toString('hex', at + 2, at + 2 + (message[at + 1] ?? 0)));
    return {
      operation: message[0],
      yours: [...message.subarray(16, 20)].join('.'),
      mac: message.toString('hex', 28, 34),
      ports: [payload.readUInt16BE(0), payload.readUInt16BE(2)],
      options,
    };
  }

  const hex = (...texts: readonly string[]): string => Buffer.concat(texts.map(ipBytes)).toString('hex');
  const view = viewOf(network());

  it('offers the address of the port, with what its network is like', () => {
    const offer = only(exchange(view, { type: 1 }));
    assert.deepEqual(
      { ...offer, payload: null },
      { ethSrc: '02:77:65:00:00:01', ethDst: mac.web1, src: gateway[4], dst: '10.1.0.11', ttl: 64, payload: null },
    );
    const { operation, yours, ports, options } = read(offer);
    assert.deepEqual([operation, yours, ports], [2, '10.1.0.11', [67, 68]]);
    assert.deepEqual(Object.fromEntries(options), {
      53: '02',
      54: hex(gateway[4]),
      51: '00015180',
      58: '0000a8c0',
      59: '00012750',
      1: 'ffffff00',
      3: hex(gateway[4]),
      6: hex(gateway[4], '192.0.2.53'),
      26: (1450).toString(16).padStart(4, '0'),
      15: Buffer.from('web.example.org').toString('hex'),
      119: Buffer.from('\u0003web\u0007example\u0003org\0', 'latin1').toString('hex'),
      12: Buffer.from('web1').toString('hex'),
      121: `10${'0a09'}${hex('10.1.0.9')}00${hex(gateway[4])}`,
    });
  });

  const wanted = (address: string): readonly (readonly [number, Buffer])[] => [[50, ipBytes(address)]];
  const chosen = (server: string): readonly (readonly [number, Buffer])[] => [[54, ipBytes(server)]];

  it('acknowledges the address, also when it is renewed and asked for again, and refuses any other', () => {
    for (const message of [
      { type: 3, options: [...wanted('10.1.0.11'), ...chosen(gateway[4])] },
      { type: 3, options: wanted('10.1.0.11') },
      { type: 3, clientAddress: '10.1.0.11' },
    ]) {
      const { yours, options } = read(only(exchange(view, message)));
      assert.deepEqual([yours, options.get(53), options.get(51)], ['10.1.0.11', '05', '00015180']);
    }
    for (const message of [
      { type: 3, options: wanted('10.1.0.12') },
      { type: 3, options: [...wanted('10.7.0.1'), ...chosen(gateway[4])] },
      { type: 3, clientAddress: '10.1.0.99' },
    ]) {
      const refusal = only(exchange(view, message));
      const { yours, options } = read(refusal);
      assert.deepEqual([yours, options.get(53), options.has(51)], ['0.0.0.0', '06', false]);
      assert.deepEqual([refusal.dst, refusal.ethDst], ['255.255.255.255', 'ff:ff:ff:ff:ff:ff']);
    }
  });

  it('says nothing to who has chosen another server, who gives the address back, relays, and other MACs', () => {
    for (const message of [
      { type: 3, options: [...wanted('10.1.0.11'), ...chosen('10.1.0.77')] },
      { type: 3 },
      { type: 7, clientAddress: '10.1.0.11' },
      { type: 4, options: wanted('10.1.0.11') },
      { type: 2 },
      { type: 1, relay: '10.1.0.5' },
      { type: 1, mac: mac.web2 },
    ])
      assert.equal(exchange(view, message), 'not_to_be_answered', JSON.stringify(message));
    assert.equal(exchange(view, { type: 1, mac: mac.db1 }, 'db1'), 'no_address', 'no DHCP there');
  });

  it('answers in one step who asks for that, by broadcast who asks for that, and with the rest who has an address', () => {
    const rapid = read(only(exchange(view, { type: 1, options: [[80, Buffer.alloc(0)]] })));
    assert.deepEqual([rapid.options.get(53), rapid.options.get(80), rapid.yours], ['05', '', '10.1.0.11']);
    assert.equal(only(exchange(view, { type: 1, flags: 0x8000 })).dst, '255.255.255.255');
    const informed = read(only(exchange(view, { type: 8, clientAddress: '10.1.0.11' })));
    assert.deepEqual([informed.options.get(53), informed.yours, informed.options.has(51)], ['05', '0.0.0.0', false]);
  });

  it('tells the way to local ports, which is the link itself, also where there is no router', () => {
    const local = { addresses: ['169.254.169.254', 'fe80::a9fe:a9fe'] } as const;
    const metadata = (builder: typeof network) =>
      viewOf(builder().port('metadata', 'web', '02:00:00:00:01:1c', [], undefined, { local }));
    const way = `20${hex('169.254.169.254')}${hex('0.0.0.0')}`;
    const told = (of: NetworkView) => read(only(exchange(of, { type: 1 }))).options.get(121);
    assert.equal(told(metadata(network)), `${way}10${'0a09'}${hex('10.1.0.9')}00${hex(gateway[4])}`);
    const alone = () => network().dhcp('web', '10.1.0.0/24', { gatewayIp: null, hostRoutes: [] });
    assert.equal(told(metadata(alone)), way);
  });

  it('tells options of the subnet, and those of the port in their place', () => {
    const given = viewOf(
      network()
        .dhcpOption('a', { subnetId: 'web 10.1.0.0/24', option: 'mtu', value: '1300' })
        .dhcpOption('b', { subnetId: 'web 10.1.0.0/24', option: 'ntp-server', value: '192.0.2.1' })
        .dhcpOption('c', { logicalSwitchPortId: 'web1', option: '42', value: 'c0000202' })
        .dhcpOption('d', { logicalSwitchPortId: 'web1', option: 'lease-time', value: '7200' })
        .dhcpOption('e', { logicalSwitchPortId: 'web1', protocol: 'dhcpv6', option: 'bootfile-url', value: 'x' })
        .dhcpOption('f', {
          logicalSwitchPortId: 'web1',
          option: 'classless-static-route',
          value: '0.0.0.0/0,10.1.0.7',
        }),
    );
    const { options } = read(only(exchange(given, { type: 1 })));
    assert.deepEqual(
      [26, 42, 51, 58, 59, 121].map(code => options.get(code)),
      ['0514', 'c0000202', '00001c20', '00000e10', '0000189c', `00${hex('10.1.0.7')}`],
    );
  });

  it('leaves out what does not fit what the client takes', () => {
    const many = network().dhcp('web', '10.1.0.0/24', {
      hostRoutes: Array.from({ length: 64 }, (_, index) => ({
        destination: `172.16.${index}.0/24`,
        nextHop: '10.1.0.9',
      })),
    });
    const small = only(exchange(viewOf(many), { type: 1 }));
    assert.ok(small.payload.length <= 556);
    assert.equal(read(small).options.has(121), false);
    const large = only(exchange(viewOf(many), { type: 1, options: [[57, Buffer.from('05dc', 'hex')]] }));
    assert.ok(large.payload.length > 556 && large.payload.length <= 1480);
    assert.ok(read(large).options.has(121));
  });
});

describe('DHCPv6', () => {
  const serverId: Dhcpv6Option = [2, Buffer.from('00030001027765000001', 'hex')];
  const linkLocal = 'fe80::ff:fe00:101';

  function exchange(view: NetworkView, type: number, options: readonly Dhcpv6Option[], portId = 'web1') {
    const packet = ipv6({ src: linkLocal, dst: 'ff02::1:2' }, 17, dhcpv6(type, options));
    return ask(view, portId, 'dhcpv6', packet);
  }

  function optionsIn(bytes: Buffer): Map<number, Buffer[]> {
    const options = new Map<number, Buffer[]>();
    for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2)) {
      const code = bytes.readUInt16BE(at);
      const value = bytes.subarray(at + 4, at + 4 + bytes.readUInt16BE(at + 2));
      options.set(code, [...(options.get(code) ?? []), value]);
    }
    return options;
  }

  function read({ payload }: Heard) {
    const options = optionsIn(payload.subarray(12));
    const one = (code: number): string | undefined => options.get(code)?.[0]?.toString('hex');
    const ia = options.get(3)?.[0];
    const inIa = ia === undefined ? null : optionsIn(ia.subarray(12));
    const lifetimes = (inIa?.get(5) ?? []).map(value => [value.toString('hex', 0, 16), value.readUInt32BE(20)]);
    const status = (options.get(13) ?? inIa?.get(13))?.[0]?.readUInt16BE(0);
    return { type: payload[8], one, lifetimes, status };
  }

  const view = viewOf(network());
  const own = ipBytes(ip6.web1).toString('hex');

  it('advertises the address of the port, and binds it', () => {
    const advertisement = only(exchange(view, 1, [clientId, association(7)]));
    assert.deepEqual([advertisement.dst, advertisement.ethDst], [linkLocal, mac.web1]);
    const { type, one, lifetimes } = read(advertisement);
    assert.deepEqual([type, one(1), one(2)], [2, clientId[1].toString('hex'), serverId[1].toString('hex')]);
    assert.deepEqual(lifetimes, [[own, 86_400]]);
    assert.equal(one(23), Buffer.concat([ipBytes(gateway[6]), ipBytes('2001:db8::53')]).toString('hex'));
    assert.equal(one(24), Buffer.from('\u0003web\u0007example\u0003org\0', 'latin1').toString('hex'));
    for (const message of [3, 5]) {
      const bound = read(only(exchange(view, message, [clientId, serverId, association(7, ip6.web1)])));
      assert.deepEqual([bound.type, bound.lifetimes], [7, [[own, 86_400]]]);
    }
    const rapid = read(only(exchange(view, 1, [clientId, association(7), [14, Buffer.alloc(0)]])));
    assert.deepEqual([rapid.type, rapid.one(14), rapid.lifetimes], [7, '', [[own, 86_400]]]);
  });

  it('ends addresses that the port has not, and knows which are on the link', () => {
    const rebound = read(only(exchange(view, 6, [clientId, association(7, 'fd00:1::99')])));
    assert.deepEqual(rebound.lifetimes, [
      [own, 86_400],
      [ipBytes('fd00:1::99').toString('hex'), 0],
    ]);
    assert.equal(read(only(exchange(view, 4, [clientId, association(7, ip6.web1)]))).status, 0);
    assert.equal(read(only(exchange(view, 4, [clientId, association(7, 'fd00:1::99')]))).status, 4);
    assert.equal(exchange(view, 4, [clientId, association(7)]), 'not_to_be_answered');
    assert.equal(read(only(exchange(view, 8, [clientId, serverId, association(7, ip6.web1)]))).status, 0);
  });

  it('tells only the configuration to who asks for that, and has no prefixes', () => {
    const told = read(only(exchange(view, 11, [])));
    assert.deepEqual([told.type, told.one(32), told.one(3)], [7, '00015180', undefined]);
    assert.ok(told.one(23));
    const prefixes = only(exchange(view, 1, [clientId, [25, Buffer.alloc(12)]]));
    const delegated = optionsIn(prefixes.payload.subarray(12)).get(25)?.[0] ?? assert.fail();
    assert.equal(optionsIn(delegated.subarray(12)).get(13)?.[0]?.readUInt16BE(0), 6);
  });

  it('says nothing to messages for other servers, from other MACs, and on networks without DHCP', () => {
    const other: Dhcpv6Option = [2, Buffer.from('00030001027765000002', 'hex')];
    for (const [type, options] of [
      [3, [clientId, other, association(7)]],
      [3, [clientId, association(7)]],
      [1, [clientId, serverId]],
      [1, [association(7)]],
      [12, [clientId]],
    ] as const)
      assert.equal(exchange(view, type, options), 'not_to_be_answered', `${type}`);
    const packet = ipv6({ src: linkLocal, dst: 'ff02::1:2' }, 17, dhcpv6(1, [clientId]));
    assert.equal(ask(view, 'web1', 'dhcpv6', packet, mac.web2), 'not_to_be_answered');
    assert.equal(ask(view, 'db1', 'dhcpv6', packet, mac.db1), 'no_address');
  });
});
