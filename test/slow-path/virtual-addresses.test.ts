/** Who is believed to hold an address that moves, and when that is written down. */
import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/log.js';
import { announcedAddress, VirtualAddresses } from '../../src/slow-path/virtual-addresses.js';
import { NetworkView } from '../../src/view/network-view.js';
import { mac, twoHostNetwork } from '../compiler/two-host-network.js';
import { ManualClock } from '../fakes/manual-clock.js';
import { arp, ethernet, etherType, icmpv6, ipv4, ipv6, protocol, udp } from '../fixtures/frames.js';

const toAll = { src: mac.web1, dst: 'ff:ff:ff:ff:ff:ff' } as const;
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const four = (spa: string): Uint8Array =>
  bytes(ethernet(toAll, etherType.arp, arp({ operation: 1, sha: mac.web1, spa, tpa: spa })));
const six = (target: string, message = icmpv6.advertisement(target)): Uint8Array =>
  bytes(ethernet(toAll, etherType.ipv6, ipv6({ src: target, dst: 'ff02::1' }, protocol.icmpv6, message)));

describe('An address that is announced', () => {
  it('is that of the sender of ARP, and the target of an advertisement', () => {
    assert.deepEqual(announcedAddress(four('10.1.0.201')), { family: 4, value: 0x0a01_00c9n });
    assert.deepEqual(announcedAddress(six('fd00:1::201')), { family: 6, value: (0xfd00_0001n << 96n) | 0x201n });
  });

  it('is none in what is cut off, and in other packets', () => {
    for (const frame of [four('10.1.0.201'), six('fd00:1::201')]) {
      for (let length = 0; length < 40; length += 1) assert.equal(announcedAddress(frame.subarray(0, length)), null);
    }
    assert.equal(announcedAddress(six('fd00:1::201', icmpv6.solicitation('fd00:1::201'))), null);
    const packet = ipv4({ src: '10.1.0.201', dst: '10.1.0.1' }, protocol.udp, udp(1, 2));
    assert.equal(announcedAddress(bytes(ethernet(toAll, etherType.ipv4, packet))), null);
  });
});

describe('The holder of a virtual address', () => {
  const view = new NetworkView();
  const clock = new ManualClock();
  let isInCharge = true;
  let isThere = true;
  let written: string[] = [];
  let addresses: VirtualAddresses;
  const bound = (id: string) => view.get('bound-ports', id) ?? assert.fail(id);
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
  };

  beforeEach(() => {
    view.replace(
      twoHostNetwork()
        .virtualAddress('moves', 'web', '10.1.0.201', ['web1', 'web3'], 'web1')
        .virtualAddress('moves six', 'web', 'fd00:1::201', ['web1', 'web3'])
        .snapshot(),
    );
    [isInCharge, isThere, written] = [true, true, []];
    addresses = new VirtualAddresses({
      view,
      clock,
      log: silentLogger,
      isInCharge: () => isInCharge,
      record: async findings => {
        if (!isThere) throw new Error('the database is away');
        for (const { virtualAddressId, portId } of findings) written.push(`${virtualAddressId}: ${portId}`);
      },
    });
  });

  it('is who has announced it last, of those that may have it', async () => {
    assert.equal(addresses.hear(bound('web3'), four('10.1.0.201')), true);
    assert.equal(addresses.hear(bound('web1'), six('fd00:1::201')), true);
    await settled();
    assert.deepEqual(written, ['moves: web3', 'moves six: web1']);
    // Others, and other addresses.
    assert.equal(addresses.hear(bound('web2'), four('10.1.0.201')), false);
    assert.equal(addresses.hear(bound('db1'), four('10.1.0.201')), false);
    assert.equal(addresses.hear(bound('web3'), four('10.1.0.202')), false);
    await settled();
    assert.equal(written.length, 2);
  });

  it('is not written down again, nor by one who is not in charge', async () => {
    assert.equal(addresses.hear(bound('web1'), four('10.1.0.201')), true);
    isInCharge = false;
    addresses.hear(bound('web3'), four('10.1.0.201'));
    await settled();
    assert.deepEqual(written, []);
  });

  it('is the latest of several when the database is back', async () => {
    isThere = false;
    addresses.hear(bound('web3'), four('10.1.0.201'));
    await settled();
    addresses.hear(bound('web1'), four('10.1.0.201'));
    addresses.hear(bound('web3'), six('fd00:1::201'));
    isThere = true;
    assert.deepEqual(written, []);
    clock.advance(1_000);
    await settled();
    assert.deepEqual(written, ['moves: web1', 'moves six: web3']);
  });
});
