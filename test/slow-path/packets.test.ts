/** Packets that come, whatever is in them, and the answers that are made of them. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { parseIp } from '../../src/base/address.js';
import { checksum, pseudoHeaderSum } from '../../src/slow-path/packets/checksum.js';
import { encodeFrame, type Frame, type IpContent, parseFrame } from '../../src/slow-path/packets/frame.js';
import { icmpError, isIcmpError } from '../../src/slow-path/packets/icmp.js';
import { tcpReset } from '../../src/slow-path/packets/tcp.js';
import { ethernet, etherType, fragmentHeader, ipv4, ipv6, destinationOptions, udp } from '../fixtures/frames.js';

const macs = { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02' };
const four = { src: '10.0.0.1', dst: '10.0.0.2' };
const six = { src: 'fd00::1', dst: 'fd00::2' };
const families = [4, 6] as const;
const ends = { 4: four, 6: six } as const;

const bytesOf = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const address = (text: string): bigint => parseIp(text)?.value ?? assert.fail(text);

function frameOf(family: 4 | 6, protocol: number, payload: string): string {
  const packet = family === 4 ? ipv4(four, protocol, payload) : ipv6(six, protocol, payload);
  return ethernet(macs, family === 4 ? etherType.ipv4 : etherType.ipv6, packet);
}

function parsed(hex: string): Frame {
  return parseFrame(bytesOf(hex)) ?? assert.fail(`not taken: ${hex}`);
}

const word = (value: number, bytes = 4): string => value.toString(16).padStart(bytes * 2, '0');

/** A segment from port 1000 to port 80. */
const segment = (flags: number, { seq = 7, ack = 0, data = '' } = {}): string =>
  `03e80050${word(seq)}${word(ack)}50${word(flags, 1)}ffff00000000${data}`;

/** Sequence, acknowledgment and flags of a segment; its checksum must be right. */
function reset(content: IpContent | null) {
  assert.ok(content !== null);
  const { family, protocol, payload } = content;
  assert.equal(checksum(payload, pseudoHeaderSum(family, content, protocol, payload.length)), 0);
  const view = Buffer.from(payload);
  assert.deepEqual([view.readUInt16BE(0), view.readUInt16BE(2)], [80, 1000]);
  return { seq: view.readUInt32BE(4), ack: view.readUInt32BE(8), flags: view[13] };
}

describe('Packets of workloads', () => {
  it('are read as far as an answer needs them', () => {
    const first = parsed(frameOf(4, 17, udp(5, 6)));
    assert.equal(first.ethDst, 0x02_0000_0000_02n);
    assert.deepEqual(
      [first.packet.src, first.packet.dst, first.packet.protocol, first.packet.payloadBytes],
      [address(four.src), address(four.dst), 17, 24],
    );
    const behind = parsed(
      frameOf(6, 60, destinationOptions(44) + fragmentHeader(17, { offset: 0, more: true }) + udp(5, 6)),
    );
    assert.deepEqual([behind.packet.protocol, behind.packet.isLaterFragment], [17, false]);
    const later = parsed(frameOf(6, 44, fragmentHeader(17, { offset: 8, more: false }) + '00'.repeat(8)));
    assert.equal(later.packet.isLaterFragment, true);
    const laterFour = ethernet(macs, etherType.ipv4, ipv4(four, 17, udp(5, 6), { offset: 8, more: false }));
    assert.equal(parsed(laterFour).packet.isLaterFragment, true);
    // What fills up a short frame is no part of the packet.
    assert.equal(parsed(`${frameOf(4, 6, segment(2))}${'00'.repeat(6)}`).packet.payload.length, 20);
  });

  it('are refused, and nothing thrown, whatever they hold and wherever they end', () => {
    assert.equal(parseFrame(bytesOf(ethernet(macs, etherType.arp, '00'.repeat(28)))), null);
    const look = (bytes: Uint8Array): void => {
      const frame = parseFrame(bytes);
      if (frame === null) return;
      const { packet } = frame;
      isIcmpError(packet);
      tcpReset(packet);
      for (const kind of ['timeExceeded', 'prohibited'] as const) {
        const error = icmpError({ kind }, packet, packet);
        assert.ok(encodeFrame(frame, error).length <= 14 + 1280);
      }
    };
    const honest = families.flatMap(family => [
      bytesOf(frameOf(family, 6, segment(2))),
      bytesOf(frameOf(family, 17, udp(5, 6))),
      bytesOf(frameOf(family, 60, destinationOptions(44) + fragmentHeader(17, { offset: 0, more: true }) + udp(5, 6))),
    ]);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), look), { numRuns: 2_000 });
    const damaged = fc.record({
      of: fc.constantFrom(...honest),
      at: fc.nat(100),
      value: fc.nat(255),
      length: fc.nat(120),
    });
    fc.assert(
      fc.property(damaged, ({ of, at, value, length }) => {
        const bytes = of.slice(0, length);
        if (at < bytes.length) bytes[at] = value;
        look(bytes);
      }),
      { numRuns: 4_000 },
    );
  });
});

describe('A reset', () => {
  const [syn, ack, fin, rst] = [0x02, 0x10, 0x01, 0x04];

  for (const family of families) {
    it(`acknowledges what was sent, or is at the place that is expected (IPv${family})`, () => {
      const to = (flags: number, more = {}) => tcpReset(parsed(frameOf(family, 6, segment(flags, more))).packet);
      assert.deepEqual(reset(to(syn)), { seq: 0, ack: 8, flags: rst | ack });
      assert.deepEqual(reset(to(syn, { seq: 0xffff_ffff })), { seq: 0, ack: 0, flags: rst | ack });
      assert.deepEqual(reset(to(fin, { data: 'aabbcc' })), { seq: 0, ack: 11, flags: rst | ack });
      assert.deepEqual(reset(to(ack, { ack: 99, data: 'aabb' })), { seq: 99, ack: 0, flags: rst });
      assert.equal(to(rst), null);
      assert.equal(to(rst | ack, { ack: 1 }), null);
    });
  }

  it('counts bytes that were cut off on the way to us, and is not made of what is no segment', () => {
    const whole = bytesOf(frameOf(4, 6, segment(ack, { data: '00'.repeat(100) }).replace('5010', '5001')));
    const { packet } = parseFrame(whole.subarray(0, 60)) ?? assert.fail();
    assert.equal(reset(tcpReset(packet)).ack, 7 + 100 + 1);
    assert.equal(tcpReset(parsed(frameOf(4, 6, '00'.repeat(12))).packet), null);
    // The first of several fragments: nobody knows how long the segment is; of a SYN it does not matter.
    const first = (flags: number) =>
      parsed(ethernet(macs, etherType.ipv4, ipv4(four, 6, segment(flags), { offset: 0, more: true }))).packet;
    assert.equal(tcpReset(first(ack)), null);
    assert.deepEqual(reset(tcpReset(first(syn))), { seq: 0, ack: 8, flags: rst | ack });
    const behind = frameOf(6, 44, fragmentHeader(6, { offset: 0, more: true }) + segment(ack));
    assert.equal(tcpReset(parsed(behind).packet), null);
    assert.equal(tcpReset(parsed(frameOf(4, 6, segment(syn).replace('5002ffff', 'f002ffff'))).packet), null);
  });
});

describe('An ICMP error', () => {
  it('points at where IPv6 names the protocol that nobody knows', () => {
    const pointer = (hex: string): number =>
      Buffer.from(
        icmpError({ kind: 'unknownProtocol' }, parsed(hex).packet, { src: 1n, dst: 2n }).payload,
      ).readUInt32BE(4);
    assert.equal(pointer(frameOf(6, 99, '00'.repeat(8))), 6);
    assert.equal(pointer(frameOf(6, 60, destinationOptions(99) + '00'.repeat(8))), 40);
    assert.equal(pointer(frameOf(4, 99, '00'.repeat(8))), 0);
  });

  for (const family of families) {
    it(`shows the packet that it is about, as much as fits, with right checksums (IPv${family})`, () => {
      const { packet } = parsed(frameOf(family, 17, udp(5, 6, 'ab'.repeat(1_400))));
      const ours = { src: address(ends[family].dst), dst: address(ends[family].src) };
      const content = icmpError({ kind: 'tooBig', mtu: 1450 }, packet, ours);
      const { protocol, payload } = content;
      const initial = family === 4 ? 0 : pseudoHeaderSum(family, ours, protocol, payload.length);
      assert.equal(checksum(payload, initial), 0);
      const view = Buffer.from(payload);
      assert.deepEqual([view[0], view[1]], family === 4 ? [3, 4] : [2, 0]);
      assert.equal(view.readUInt32BE(4), 1450);
      const quoted = family === 4 ? 548 : 1232;
      assert.deepEqual(view.subarray(8), Buffer.from(packet.bytes.subarray(0, quoted)));
      const again = parseFrame(encodeFrame({ ethSrc: 1n, ethDst: 2n }, content)) ?? assert.fail();
      assert.deepEqual([again.packet.src, again.packet.dst, again.packet.ttl], [ours.src, ours.dst, 64]);
      assert.equal(isIcmpError(again.packet), true);
      if (family === 4) {
        assert.equal(checksum(again.packet.bytes.subarray(0, 20)), 0);
        assert.equal(again.packet.bytes[1], 0xc0, 'internetwork control');
      }
    });
  }

  it('is known as one, echoes are not', () => {
    const isError = (family: 4 | 6, type: number): boolean =>
      isIcmpError(parsed(frameOf(family, family === 4 ? 1 : 58, `${word(type, 1)}${'00'.repeat(7)}`)).packet);
    assert.deepEqual(
      [3, 4, 5, 11, 12].map(type => isError(4, type)),
      [true, true, true, true, true],
    );
    assert.deepEqual(
      [0, 8, 13].map(type => isError(4, type)),
      [false, false, false],
    );
    assert.deepEqual(
      [1, 2, 3, 4, 127, 137].map(type => isError(6, type)),
      [true, true, true, true, true, true],
    );
    assert.deepEqual(
      [128, 129, 135].map(type => isError(6, type)),
      [false, false, false],
    );
    assert.equal(isIcmpError(parsed(frameOf(4, 1, '')).packet), true);
  });
});
