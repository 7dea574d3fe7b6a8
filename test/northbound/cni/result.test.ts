import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addressBits, formatIp, type IpFamily, lastAddress, parseCidr } from '../../../src/base/address.js';
import { ownInterface } from '../../../northbound/cni/add.js';
import { CniError } from '../../../northbound/cni/cni-error.js';
import type { Subnet } from '../../../northbound/cni/addresses.js';
import { addressRequests, nameOf } from '../../../northbound/cni/controller.js';
import { cidrsOf } from '../../../northbound/cni/egress-rules.js';
import { hostDeviceOf, hostMacOf, identityOf } from '../../../northbound/cni/identity.js';
import { deletionsOf, elementsOf } from '../../../northbound/cni/port-mappings.js';
import { errorResult, interfaceIn, type Made, resultOf, versionResult } from '../../../northbound/cni/result.js';
import { looksLikeUuid } from '../../../src/model/value-types.js';

const made: Made = {
  hostDevice: 'weft0',
  hostMac: 'fe:00:00:00:00:01',
  ifname: 'eth0',
  mac: '0a:00:00:00:00:01',
  mtu: 1450,
  netns: '/run/netns/c',
  ips: [
    { address: '10.0.0.5/24', gateway: '10.0.0.1' },
    { address: 'fd00::5/64', gateway: null },
  ],
  routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1' }],
  dns: { nameservers: ['10.0.0.1'] },
};

describe('CNI: what the plugin says', () => {
  it('has the form of each version', () => {
    const newest = resultOf('1.1.0', made, null);
    assert.deepEqual(newest, {
      cniVersion: '1.1.0',
      interfaces: [
        { name: 'weft0', mac: 'fe:00:00:00:00:01', mtu: 1450 },
        { name: 'eth0', mac: '0a:00:00:00:00:01', mtu: 1450, sandbox: '/run/netns/c' },
      ],
      ips: [
        { address: '10.0.0.5/24', gateway: '10.0.0.1', interface: 1 },
        { address: 'fd00::5/64', interface: 1 },
      ],
      routes: [{ dst: '0.0.0.0/0', gw: '10.0.0.1' }],
      dns: { nameservers: ['10.0.0.1'] },
    });
    const old = resultOf('0.4.0', made, null);
    assert.deepEqual(
      (old['ips'] as { version: string }[]).map(({ version }) => version),
      ['4', '6'],
    );
    assert.equal(JSON.stringify(resultOf('1.0.0', made, null)).includes('mtu'), false);
  });

  it('adds to what the plugins before it have made, and takes nothing of it away', () => {
    const previous = {
      cniVersion: '1.0.0',
      interfaces: [{ name: 'cni0' }, { name: 'eth0', sandbox: '/run/netns/c', mac: 'aa:00:00:00:00:01' }],
      ips: [{ address: '172.16.0.2/16', interface: 1 }],
      routes: [{ dst: '0.0.0.0/0' }],
      dns: { nameservers: ['9.9.9.9'] },
      own: 'kept',
    };
    const result = resultOf('1.0.0', { ...made, ifname: 'net1', routes: [] }, previous);
    assert.deepEqual((result['interfaces'] as unknown[]).slice(0, 2), previous.interfaces);
    assert.deepEqual(result['ips'], [
      { address: '172.16.0.2/16', interface: 1 },
      { address: '10.0.0.5/24', gateway: '10.0.0.1', interface: 3 },
      { address: 'fd00::5/64', interface: 3 },
    ]);
    assert.deepEqual([result['dns'], result['routes'], result['own']], [previous.dns, previous.routes, 'kept']);
    assert.deepEqual(interfaceIn(result, 'net1'), { mac: made.mac, addresses: ['10.0.0.5/24', 'fd00::5/64'] });
    assert.equal(interfaceIn(result, 'cni0'), null);
    const asked = { containerId: 'c', netns: '/run/netns/c', ifname: 'eth0' };
    assert.throws(() => ownInterface({ interfaceName: null }, asked, previous), { code: 7, message: /interfaceName/ });
    assert.equal(ownInterface({ interfaceName: 'net1' }, asked, previous).ifname, 'net1');
    assert.equal(ownInterface({ interfaceName: null }, asked, null).ifname, 'eth0');
  });

  it('tells versions and errors as the specification has them', () => {
    assert.deepEqual(versionResult('0.4.0'), {
      cniVersion: '0.4.0',
      supportedVersions: ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
    });
    const error = new CniError('tryAgainLater', 'Weft does not answer', 'ECONNREFUSED');
    assert.deepEqual(errorResult(error, '1.0.0'), {
      cniVersion: '1.0.0',
      code: 11,
      msg: 'Weft does not answer',
      details: 'ECONNREFUSED',
    });
    assert.equal(errorResult(new TypeError('x'), '1.0.0')['code'], 102);
  });

  it('names what it makes after the attachment alone', () => {
    const attachment = { containerId: 'a', ifname: 'eth0' };
    const identity = identityOf('hv1', 'net', attachment);
    assert.deepEqual({ ...identityOf('hv1', 'net', attachment), idOf: 0 }, { ...identity, idOf: 0 });
    assert.ok(looksLikeUuid(identity.portId) && identity.portId[14] === '8');
    assert.match(identity.hostDevice, /^weft[0-9a-f]{11}$/);
    assert.equal(hostDeviceOf(identity.portId), identity.hostDevice);
    const others = [
      identityOf('hv2', 'net', attachment),
      identityOf('hv1', 'net2', attachment),
      identityOf('hv1', 'net', { containerId: 'b', ifname: 'eth0' }),
      identityOf('hv1', 'net', { containerId: 'a', ifname: 'eth1' }),
    ].map(({ portId }) => portId);
    assert.equal(new Set([identity.portId, identity.egressGroupId, identity.idOf('x'), ...others]).size, 7);
    assert.equal(hostMacOf('0a:00:00:00:00:01'), 'fe:00:00:00:00:01');
    assert.equal(hostMacOf('fe:00:00:00:00:01'), 'fa:00:00:00:00:01');
    assert.equal(nameOf({ containerId: '0123456789abcdef', ifname: 'eth0' }, null), '0123456789ab');
    assert.equal(nameOf({ containerId: 'x', ifname: 'net1' }, 'web'), 'web-net1');
  });

  it('asks for the addresses wanted, and of other families for one that Weft chooses', () => {
    const subnets = [
      { id: '1', name: '', cidr: '10.0.0.0/24' },
      { id: '2', name: 'six', cidr: 'fd00::/64' },
      { id: '3', name: 'hv1', cidr: '10.0.1.0/24' },
    ] as unknown as readonly Subnet[];
    assert.equal(addressRequests(subnets, [], []), null);
    assert.deepEqual(addressRequests(subnets, [], ['10.0.0.5']), [{ ip: '10.0.0.5' }, { subnet_id: '2' }]);
    assert.deepEqual(addressRequests(subnets, ['hv1'], []), [{ subnet_id: '3' }]);
    assert.deepEqual(addressRequests(subnets, ['10.0.1.0/24', 'six'], []), [{ subnet_id: '3' }, { subnet_id: '2' }]);
    assert.throws(() => addressRequests(subnets, ['none'], []), { code: 7 });
  });

  it('maps a port of the host in each family that container and host address have, and finds what it mapped', () => {
    const any = { protocol: 'tcp', hostPort: 8080, containerPort: 80, hostIp: null } as const;
    const six = { protocol: 'udp', hostPort: 53, containerPort: 5353, hostIp: 'fd00::1' } as const;
    assert.deepEqual(elementsOf('ID', [any, six], ['10.0.0.5', 'fd00::5']), [
      'add element inet weft-cni tcp4 { 8080 comment "ID" : 10.0.0.5 . 80 }',
      'add element inet weft-cni tcp6 { 8080 comment "ID" : fd00::5 . 80 }',
      'add element inet weft-cni udpat6 { fd00::1 . 53 comment "ID" : fd00::5 . 5353 }',
    ]);
    const listed = {
      nftables: [
        { metainfo: {} },
        {
          map: {
            name: 'tcp4',
            elem: [
              [{ elem: { val: 8080, comment: 'ID' } }, {}],
              [{ elem: { val: 81, comment: 'x' } }, {}],
            ],
          },
        },
        { map: { name: 'udpat6', elem: [[{ elem: { val: { concat: ['fd00::1', 53] }, comment: 'ID' } }, {}]] } },
        { map: { name: 'tcp6' } },
      ],
    };
    assert.deepEqual(deletionsOf(listed, 'ID'), [
      'delete element inet weft-cni tcp4 { 8080 }',
      'delete element inet weft-cni udpat6 { fd00::1 . 53 }',
    ]);
  });

  it('covers a range of addresses exactly, with the fewest networks', () => {
    const family = fc.constantFrom<IpFamily>(4, 6);
    fc.assert(
      fc.property(family, fc.bigInt(0n, 2n ** 32n - 1n), fc.bigInt(0n, 5_000n), (of, first, size) => {
        const most = (1n << BigInt(addressBits(of))) - 1n;
        const last = first + size > most ? most : first + size;
        let next = first;
        const cidrs = cidrsOf(of, first, last).map(text => parseCidr(text));
        for (const cidr of cidrs) {
          assert.ok(cidr !== null && cidr.network === next, formatIp(of, next));
          next = lastAddress(cidr) + 1n;
        }
        assert.equal(next, last + 1n);
        assert.ok(cidrs.length <= 2 * 13);
      }),
      { numRuns: 200 },
    );
    assert.deepEqual(cidrsOf(4, 0n, 2n ** 32n - 1n), ['0.0.0.0/0']);
    assert.deepEqual(cidrsOf(6, 0n, 2n ** 128n - 1n), ['::/0']);
  });
});
