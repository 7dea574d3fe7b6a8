/** Asks what a port would be told, and reads the very frames that go to it. */
import assert from 'node:assert/strict';
import { formatIp, formatMac } from '../../src/base/address.js';
import { addressingAnswers, type AddressingClass } from '../../src/slow-path/addressing/answers.js';
import { checksum, pseudoHeaderSum } from '../../src/slow-path/packets/checksum.js';
import { parseFrame } from '../../src/slow-path/packets/frame.js';
import { NetworkView } from '../../src/view/network-view.js';
import type { NetworkBuilder } from '../compiler/network-builder.js';
import { mac, twoHostNetwork } from '../compiler/two-host-network.js';
import { ethernet, etherType } from '../fixtures/frames.js';

export const gateway = { 4: '10.1.0.1', 6: 'fd00:1::1' } as const;

export function network(): NetworkBuilder {
  return twoHostNetwork()
    .dhcp('web', '10.1.0.0/24', {
      gatewayIp: gateway[4],
      dnsServers: ['192.0.2.53', '2001:db8::53'],
      hostRoutes: [{ destination: '10.9.0.0/16', nextHop: '10.1.0.9' }],
    })
    .dhcp('web', 'fd00:1::/64', { gatewayIp: gateway[6], dnsServers: ['2001:db8::53'] })
    .domain('web', 'web.example.org');
}

export function viewOf(builder: NetworkBuilder): NetworkView {
  const view = new NetworkView();
  view.replace(builder.snapshot());
  return view;
}

export interface Heard {
  readonly ethSrc: string;
  readonly ethDst: string;
  readonly src: string;
  readonly dst: string;
  readonly ttl: number;
  /** From the transport header on. */
  readonly payload: Buffer;
}

export function heard(frame: Uint8Array): Heard {
  const { ethSrc, ethDst, packet } = parseFrame(frame) ?? assert.fail('no frame');
  const { family, src, dst, ttl, protocol, payload } = packet;
  assert.equal(checksum(payload, pseudoHeaderSum(family, packet, protocol, payload.length)), 0, 'checksum');
  return {
    ethSrc: formatMac(ethSrc),
    ethDst: formatMac(ethDst),
    src: formatIp(family, src),
    dst: formatIp(family, dst),
    ttl,
    payload: Buffer.from(payload),
  };
}

/** What a port on hv1 hears when it sends this; the reason where it hears nothing. */
export function ask(
  view: NetworkView,
  portId: string,
  puntClass: AddressingClass,
  packet: string,
  source: string = mac.web1,
): readonly Heard[] | string {
  const isFour = packet.startsWith('4');
  const hex = ethernet({ src: source, dst: 'ff:ff:ff:ff:ff:ff' }, isFour ? etherType.ipv4 : etherType.ipv6, packet);
  const frame = parseFrame(new Uint8Array(Buffer.from(hex, 'hex'))) ?? assert.fail('no frame');
  const bound = view.get('bound-ports', portId) ?? assert.fail(portId);
  const found = addressingAnswers(view, puntClass, bound, frame, 1500);
  if (typeof found === 'string') return found;
  const port = view.get('logical-switch-ports', portId) ?? assert.fail(portId);
  for (const { into } of found)
    assert.deepEqual(into, { kind: 'port', datapath: 1, outPort: port.portKey, ctZone: null });
  return found.map(({ frame: answer }) => heard(answer));
}

export function only(found: readonly Heard[] | string): Heard {
  if (typeof found === 'string') assert.fail(found);
  assert.equal(found.length, 1);
  return found[0] ?? assert.fail();
}
