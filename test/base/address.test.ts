import assert from 'node:assert/strict';
import { isIP, SocketAddress } from 'node:net';
import fc from 'fast-check';
import {
  cidrContains,
  cidrsOverlap,
  eui64,
  formatCidr,
  formatIp,
  formatMac,
  lastAddress,
  linkLocalOf,
  parseCidr,
  parseIp,
  parseMac,
  prefixMask,
} from '../../src/base/address.js';

function cidr(text: string): NonNullable<ReturnType<typeof parseCidr>> {
  const parsed = parseCidr(text);
  assert.ok(parsed, text);
  return parsed;
}

function ip(text: string): NonNullable<ReturnType<typeof parseIp>> {
  const parsed = parseIp(text);
  assert.ok(parsed, text);
  return parsed;
}

describe('MAC addresses', () => {
  it('round-trip through text', () => {
    fc.assert(fc.property(fc.bigInt(0n, (1n << 48n) - 1n), mac => parseMac(formatMac(mac)) === mac));
    assert.equal(formatMac(parseMac('0A:00:00:00:00:FF') ?? 0n), '0a:00:00:00:00:ff');
  });

  it('refuse every other notation', () => {
    for (const text of [
      '',
      '0a-00-00-00-00-01',
      '0a00.0000.0001',
      '0a:00:00:00:00',
      '0a:00:00:00:00:001',
      'a:0:0:0:0:1',
      ' 0a:00:00:00:00:01',
    ])
      assert.equal(parseMac(text), null, text);
  });
});

describe('IP addresses', () => {
  it('round-trip through canonical text', () => {
    fc.assert(fc.property(fc.bigInt(0n, (1n << 32n) - 1n), value => parseIp(formatIp(4, value))?.value === value));
    fc.assert(fc.property(fc.bigInt(0n, (1n << 128n) - 1n), value => parseIp(formatIp(6, value))?.value === value));
  });

  it('agree with Node about what is an address and how IPv6 is written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.ipV4Extended(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/)), text => {
        assert.equal(parseIp(text)?.family ?? 0, isIP(text), text);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.ipV6(), text => {
        const { family, value } = ip(text);
        const node = new SocketAddress({ address: text, family: 'ipv6' }).address;
        // Node writes IPv4-compatible addresses (::1.2.3.4) in mixed notation, which RFC 5952 leaves to known prefixes.
        if (value >> 32n !== 0n) assert.equal(formatIp(family, value), node);
      }),
    );
  });

  it('follow RFC 5952', () => {
    const cases = [
      ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['0:0:0:0:0:0:0:0', '::'],
      ['fe80:0::1', 'fe80::1'],
      ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
      ['1::', '1::'],
    ] as const;
    for (const [text, canonical] of cases) assert.equal(formatIp(6, ip(text).value), canonical);
  });

  it('refuse forms that other parsers take for something else', () => {
    for (const text of [
      '10.1',
      '010.0.0.1',
      '0x0a.1.1.1',
      '1.2.3.4.5',
      '256.0.0.1',
      'fe80::1%eth0',
      '1::2::3',
      '::1.2.3',
      '1:2:3:4:5:6:7:8::',
      '',
      '1.2.3.4 ',
    ])
      assert.equal(parseIp(text), null, text);
  });
});

describe('CIDRs', () => {
  it('keep host bits apart from the network', () => {
    const parsed = cidr('10.1.2.3/24');
    assert.equal(formatIp(4, parsed.network), '10.1.2.0');
    assert.equal(formatCidr(parsed), '10.1.2.3/24');
    assert.equal(formatIp(4, lastAddress(parsed)), '10.1.2.255');
    for (const text of ['10.0.0.0', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '::/129', '10.0.0.0/24/1', '/24'])
      assert.equal(parseCidr(text), null, text);
  });

  it('overlap exactly when they share an address', () => {
    const small = fc
      .tuple(fc.nat(255), fc.integer({ min: 24, max: 32 }))
      .map(([host, length]) => cidr(`10.0.0.${host}/${length}`));
    fc.assert(
      fc.property(small, small, (a, b) => {
        const shared = Array.from({ length: 256 }, (_, host) => ip(`10.0.0.${host}`)).some(
          x => cidrContains(a, x) && cidrContains(b, x),
        );
        assert.equal(cidrsOverlap(a, b), shared);
      }),
    );
    assert.equal(cidrsOverlap(cidr('0.0.0.0/0'), cidr('::/0')), false);
  });

  it('have masks for every length', () => {
    assert.equal(prefixMask(4, 0), 0n);
    assert.equal(prefixMask(4, 32), 0xffffffffn);
    assert.equal(formatIp(6, prefixMask(6, 64)), 'ffff:ffff:ffff:ffff::');
  });
});

describe('Addresses derived from a MAC', () => {
  it('follow RFC 4291, appendix A', () => {
    const mac = parseMac('34:56:78:9a:bc:de') ?? 0n;
    assert.equal(formatIp(6, linkLocalOf(mac)), 'fe80::3656:78ff:fe9a:bcde');
    assert.equal(formatIp(6, eui64(cidr('2001:db8::/64').network, mac)), '2001:db8::3656:78ff:fe9a:bcde');
  });
});
