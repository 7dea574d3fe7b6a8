/** Messages of workloads about addresses and names, whatever is in them: nothing throws, and nothing is believed that is not there. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { encodeDomainName, isHostName, parseDomainName } from '../../src/base/domain-name.js';
import { encodeDhcpOption } from '../../src/model/dhcp-option-codes.js';
import { addressingAnswers, type AddressingClass } from '../../src/slow-path/addressing/answers.js';
import { isDue, announcementIntervalMs, announcementSweepMs } from '../../src/slow-path/announcements.js';
import { parseDhcpv4 } from '../../src/slow-path/packets/dhcpv4.js';
import { parseDhcpv6 } from '../../src/slow-path/packets/dhcpv6.js';
import { parseDnsQuery } from '../../src/slow-path/packets/dns.js';
import { parseFrame } from '../../src/slow-path/packets/frame.js';
import { NetworkView } from '../../src/view/network-view.js';
import { mac, twoHostNetwork } from '../compiler/two-host-network.js';
import {
  association,
  clientId,
  dhcpv4,
  dhcpv6,
  dnsQuery,
  routerSolicitation,
} from '../fixtures/addressing-messages.js';
import { ethernet, etherType, ipv4, ipv6 } from '../fixtures/frames.js';

const sound: Readonly<Record<AddressingClass, string>> = {
  dhcpv4: ethernet(
    { src: mac.web1, dst: 'ff:ff:ff:ff:ff:ff' },
    etherType.ipv4,
    ipv4({ src: '0.0.0.0', dst: '255.255.255.255' }, 17, dhcpv4({ type: 1, mac: mac.web1 })),
  ),
  dhcpv6: ethernet(
    { src: mac.web1, dst: '33:33:00:01:00:02' },
    etherType.ipv6,
    ipv6({ src: 'fe80::1', dst: 'ff02::1:2' }, 17, dhcpv6(1, [clientId, association(1, 'fd00:1::5')])),
  ),
  router_solicitation: ethernet(
    { src: mac.web1, dst: '33:33:00:00:00:02' },
    etherType.ipv6,
    ipv6({ src: 'fe80::1', dst: 'ff02::2' }, 58, routerSolicitation(mac.web1)),
  ),
  dns: ethernet(
    { src: mac.web1, dst: mac.gatewayWeb },
    etherType.ipv4,
    ipv4({ src: '10.1.0.11', dst: '10.1.0.1' }, 17, dnsQuery('web2.web.example.org', 1, 1232)),
  ),
};

describe('Messages about addresses and names', () => {
  const view = new NetworkView();
  view.replace(
    twoHostNetwork()
      .dhcp('web', '10.1.0.0/24', { gatewayIp: '10.1.0.1' })
      .dhcp('web', 'fd00:1::/64', { gatewayIp: 'fd00:1::1' })
      .domain('web', 'web.example.org')
      .snapshot(),
  );
  const bound = view.get('bound-ports', 'web1') ?? assert.fail();

  for (const [puntClass, hex] of Object.entries(sound) as [AddressingClass, string][]) {
    it(`${puntClass}: bytes changed, cut off and put in never make it throw`, () => {
      const bytes = Buffer.from(hex, 'hex');
      const change = fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) });
      fc.assert(
        fc.property(
          fc.array(change, { maxLength: 6 }),
          fc.nat(bytes.length),
          fc.uint8Array({ maxLength: 40 }),
          (changes, length, more) => {
            const forged = Buffer.from(bytes);
            for (const { at, value } of changes) forged[at] = value;
            for (const packet of [
              forged,
              forged.subarray(0, length),
              Buffer.concat([forged.subarray(0, length), more]),
            ]) {
              const frame = parseFrame(new Uint8Array(packet));
              if (frame !== null) addressingAnswers(view, puntClass, bound, frame, 1500);
            }
          },
        ),
        { numRuns: 300 },
      );
    });
  }

  it('arbitrary bytes are no message, or one that can be read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), bytes => {
        for (const parse of [parseDhcpv4, parseDhcpv6, parseDnsQuery]) parse(bytes);
      }),
      { numRuns: 500 },
    );
  });

  it('a name with a pointer, one that is too long, and one that loops are none', () => {
    const header = '123401000001000000000000';
    const read = (name: string) => parseDnsQuery(Buffer.from(`${header}${name}00010001`, 'hex'));
    assert.equal(read('00')?.name, '');
    assert.equal(read('c00c'), null);
    assert.equal(read(`${'3f'}${'61'.repeat(63)}`.repeat(4) + '00'), null);
    assert.equal(read('0461206200'), null, 'cut off');
    assert.equal(read('0361206200')?.name, null, 'a blank');
  });
});

describe('Domain names', () => {
  it('are read as they are written, in lower case and without the final dot', () => {
    assert.equal(parseDomainName('WWW.Example.ORG.'), 'www.example.org');
    for (const text of ['', '.', 'a..b', '-a', 'a-', 'a b', 'ä.org', 'x'.repeat(64), Array(64).fill('abc').join('.')])
      assert.equal(parseDomainName(text), null, text);
    assert.deepEqual([isHostName('web-1.example'), isHostName('_sip._tcp')], [true, false]);
    assert.equal(Buffer.from(encodeDomainName('a.bc')).toString('hex'), '0161026263' + '00');
  });
});

describe('DHCP options', () => {
  it('become bytes by their form, and nothing else', () => {
    const encoded = (protocol: 'dhcpv4' | 'dhcpv6', option: string, value: string) => {
      const result = encodeDhcpOption(protocol, option, value);
      return result.kind === 'encoded' ? [result.code, Buffer.from(result.value).toString('hex')] : result.kind;
    };
    assert.deepEqual(encoded('dhcpv4', 'ntp-server', '192.0.2.1, 192.0.2.2'), [42, 'c0000201c0000202']);
    assert.deepEqual(encoded('dhcpv4', 'mtu', '1400'), [26, '0578']);
    assert.deepEqual(encoded('dhcpv4', 'classless-static-route', '10.0.0.0/8,192.0.2.1,0.0.0.0/0,192.0.2.2'), [
      121,
      '080ac0000201' + '00c0000202',
    ]);
    assert.deepEqual(encoded('dhcpv4', 'domain-search', 'a.org'), [119, '0161036f726700']);
    assert.deepEqual(encoded('dhcpv4', 'bootfile-name', 'pxelinux.0'), [67, Buffer.from('pxelinux.0').toString('hex')]);
    assert.deepEqual(encoded('dhcpv4', '224', '0aFF'), [224, '0aff']);
    assert.deepEqual(encoded('dhcpv6', 'bootfile-url', 'tftp://x'), [59, Buffer.from('tftp://x').toString('hex')]);
    assert.deepEqual(encoded('dhcpv6', 'dns-server', 'fd00::1'), [23, `fd00${'00'.repeat(13)}01`]);
    for (const [option, value] of [
      ['no-such', 'x'],
      ['53', '01'],
      ['toString', 'x'],
      ['255', '00'],
    ] as const)
      assert.equal(encoded('dhcpv4', option, value), 'unknown', option);
    for (const [option, value] of [
      ['ntp-server', 'fd00::1'],
      ['ntp-server', ''],
      ['mtu', '65536'],
      ['default-ttl', '-1'],
      ['bootfile-name', 'a\nb'],
      ['224', '0'],
      ['classless-static-route', '10.0.0.0/8'],
      ['log-server', Array(64).fill('192.0.2.1').join(',')],
    ] as const)
      assert.equal(encoded('dhcpv4', option, value), 'invalid', `${option} ${value}`);
  });
});

describe('Announcements', () => {
  it('come to every port once in an interval, spread over it', () => {
    const turns = new Map<number, number>();
    const perSweep: number[] = [];
    for (let at = 0; at < announcementIntervalMs; at += announcementSweepMs) {
      let count = 0;
      for (let number = 1; number <= 1_000; number += 1)
        if (isDue(number, at, at + announcementSweepMs)) {
          turns.set(number, (turns.get(number) ?? 0) + 1);
          count += 1;
        }
      perSweep.push(count);
    }
    assert.equal(turns.size, 1_000);
    assert.ok([...turns.values()].every(count => count === 1));
    assert.ok(Math.max(...perSweep) < 40, String(Math.max(...perSweep)));
  });
});
