/** BFD as packets and time decide it (RFC 5880): the codec, and two ends that run against each other in simulated time. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  begin,
  detectionMs,
  diagnostic,
  elapse,
  end,
  excuse,
  hear,
  nextAtMs,
  retime,
  type Session,
  type Step,
  type Timing,
} from '../../src/slow-path/bfd/session.js';
import { bfdStates, type ControlPacket, encodeControl, parseControl } from '../../src/slow-path/packets/bfd.js';

const word = fc.integer({ min: 0, max: 0xffff_ffff });
const anyPacket: fc.Arbitrary<ControlPacket> = fc.record({
  diagnostic: fc.integer({ min: 0, max: 31 }),
  state: fc.constantFrom(...bfdStates),
  poll: fc.boolean(),
  final: fc.boolean(),
  controlPlaneIndependent: fc.boolean(),
  demand: fc.boolean(),
  detectMultiplier: fc.integer({ min: 0, max: 255 }),
  myDiscriminator: word,
  yourDiscriminator: word,
  desiredMinTxUs: word,
  requiredMinRxUs: word,
  requiredMinEchoRxUs: word,
});

const example: ControlPacket = {
  diagnostic: 3,
  state: 'up',
  poll: true,
  final: false,
  controlPlaneIndependent: true,
  demand: false,
  detectMultiplier: 5,
  myDiscriminator: 0x0a0b0c0d,
  yourDiscriminator: 0x01020304,
  desiredMinTxUs: 300_000,
  requiredMinRxUs: 50_000,
  requiredMinEchoRxUs: 0,
};

/** The example with one byte changed. */
function changed(at: number, value: number): Uint8Array {
  const bytes = encodeControl(example);
  bytes[at] = value;
  return bytes;
}

describe('BFD control packets', () => {
  it('are written as RFC 5880 draws them', () => {
    assert.equal(
      Buffer.from(encodeControl(example)).toString('hex'),
      '23e80518' + '0a0b0c0d' + '01020304' + '000493e0' + '0000c350' + '00000000',
    );
  });

  it('are read as they were written, unless section 6.8.6 has them discarded', () => {
    fc.assert(
      fc.property(anyPacket, fc.uint8Array({ maxLength: 9 }), (packet, rest) => {
        const isFirst = packet.yourDiscriminator === 0;
        const isFit =
          packet.detectMultiplier !== 0 &&
          packet.myDiscriminator !== 0 &&
          (!isFirst || packet.state === 'down' || packet.state === 'admin_down');
        const datagram = Buffer.concat([encodeControl(packet), rest]);
        assert.deepEqual(parseControl(datagram), isFit ? { ...packet } : null);
      }),
      { numRuns: 300 },
    );
  });

  it('that are cut off, or anything at all, are nothing, and never an error', () => {
    const whole = encodeControl(example);
    for (let length = 0; length < whole.length; length += 1)
      assert.equal(parseControl(whole.subarray(0, length)), null);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), bytes => {
        const packet = parseControl(bytes);
        if (packet !== null) assert.deepEqual(parseControl(encodeControl(packet)), packet);
      }),
    );
  });

  it('of another version, with authentication, for many, or of a wrong length are discarded', () => {
    assert.deepEqual(parseControl(changed(3, 24)), example);
    const bad = { version0: [0, 0x03], version2: [0, 0x43], authentication: [1, 0xec], multipoint: [1, 0xe9] } as const;
    for (const [name, [at, value]] of Object.entries(bad)) assert.equal(parseControl(changed(at, value)), null, name);
    for (const length of [0, 23, 25, 255]) assert.equal(parseControl(changed(3, length)), null, `length ${length}`);
  });
});

const usual: Timing = { minTxMs: 300, minRxMs: 300, detectMultiplier: 3 };

interface Sent {
  readonly atMs: number;
  readonly from: string;
  readonly packet: ControlPacket;
}

/** One end, on a clock that all ends share. */
class End {
  session: Session;
  /** Whether what it sends arrives. */
  isHeard = true;
  peer: End | null = null;

  constructor(
    readonly link: Link,
    readonly name: string,
    discriminator: number,
    timing: Timing,
  ) {
    this.session = begin(discriminator, timing, link.moment);
  }

  take({ session, send }: Step): void {
    this.session = session;
    for (const packet of send) {
      this.link.sent.push({ atMs: this.link.nowMs, from: this.name, packet });
      // On the wire and back, so that whatever is lost in writing is lost here.
      const read = parseControl(encodeControl(packet));
      assert.ok(read !== null, `${this.name} has sent what nobody reads: ${JSON.stringify(packet)}`);
      if (this.isHeard) this.link.underway.push({ to: this.peer, packet: read });
    }
  }

  hear(packet: ControlPacket): boolean {
    const step = hear(this.session, packet, this.link.moment);
    if (step !== null) this.take(step);
    return step !== null;
  }
}

/** Packets arrive in the millisecond in which they are sent, in turn. */
class Link {
  nowMs = 5_000;
  readonly sent: Sent[] = [];
  readonly underway: { readonly to: End | null; readonly packet: ControlPacket }[] = [];
  readonly ends: End[] = [];

  get moment() {
    return { nowMs: this.nowMs, jitter: (this.sent.length % 4) / 4 };
  }

  join(timing: Timing = usual, other: Timing = timing): readonly [End, End] {
    const [a, b] = [new End(this, 'a', 11, timing), new End(this, 'b', 22, other)];
    [a.peer, b.peer] = [b, a];
    this.ends.push(a, b);
    return [a, b];
  }

  run(forMs: number): void {
    const untilMs = this.nowMs + forMs;
    for (; this.nowMs < untilMs; this.nowMs += 1) {
      for (const each of this.ends)
        if (this.nowMs >= nextAtMs(each.session)) each.take(elapse(each.session, this.moment));
      for (let next = this.underway.shift(); next !== undefined; next = this.underway.shift())
        next.to?.hear(next.packet);
    }
  }

  /** What an end has sent since. */
  since(atMs: number, from: string): readonly Sent[] {
    return this.sent.filter(each => each.atMs >= atMs && each.from === from);
  }
}

const statesOf = (...ends: readonly End[]): readonly string[] => ends.map(({ session }) => session.state);

function joined(...timing: readonly Timing[]) {
  const link = new Link();
  const [a, b] = link.join(...timing);
  link.run(3_000);
  assert.deepEqual(statesOf(a, b), ['up', 'up']);
  return { link, a, b };
}

describe('a BFD session', () => {
  it('listens first, is up after three packets, and slow until then', () => {
    const link = new Link();
    const [a, b] = link.join();
    b.session = { ...b.session, sendAtMs: Infinity };
    link.run(1_000);
    assert.equal(link.sent.length, 0);
    link.run(500);
    assert.deepEqual(statesOf(a, b), ['up', 'up']);
    const first = link.sent.filter(({ packet }) => packet.state !== 'up').map(({ packet }) => packet);
    assert.deepEqual(
      first.map(({ state, yourDiscriminator }) => [state, yourDiscriminator === 0]),
      [
        ['down', true],
        ['init', false],
      ],
    );
    assert.ok(first.every(({ desiredMinTxUs }) => desiredMinTxUs === 1_000_000));
    assert.equal(a.session.diagnostic, diagnostic.none);
  });

  it('tells its times by a poll, which the other end confirms at once', () => {
    const { link, a, b } = joined({ ...usual, minTxMs: 400 }, { ...usual, minRxMs: 500 });
    for (const { session } of [a, b]) assert.equal(session.polling, null);
    const polled = link.sent.filter(({ packet }) => packet.poll);
    const confirmed = link.sent.filter(({ packet }) => packet.final);
    assert.ok(polled.length >= 2 && confirmed.length >= 2);
    assert.ok(link.sent.every(({ packet }) => !(packet.poll && packet.final)));
    assert.equal(detectionMs(b.session), 3 * 500);
    assert.equal(detectionMs(a.session), 3 * 300);
  });

  it('sends every interval, less up to a quarter, and no less than the other end can take', () => {
    for (const [multiplier, least, most] of [
      [3, 0.75, 1],
      [1, 0.75, 0.9],
    ] as const) {
      const { link } = joined({ ...usual, detectMultiplier: multiplier }, { ...usual, minRxMs: 600 });
      const fromMs = link.nowMs;
      link.run(20_000);
      const times = link.since(fromMs, 'a').map(({ atMs }) => atMs);
      const gaps = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
      assert.ok(gaps.length > 20);
      for (const gap of gaps) assert.ok(gap >= 600 * least && gap <= 600 * most + 1, `${gap} ms, by ${multiplier}`);
    }
  });

  it('is down when nothing was heard for the detection time, and not before', () => {
    const { link, a, b } = joined();
    b.isHeard = false;
    const lastMs = link.since(0, 'b').findLast(() => true)?.atMs ?? 0;
    // Of what b has sent nothing more arrives from now on.
    link.run(lastMs + 3 * 300 - link.nowMs);
    assert.equal(a.session.state, 'up');
    link.run(2);
    assert.equal(a.session.state, 'down');
    assert.equal(a.session.diagnostic, diagnostic.detectionTimeExpired);
    // The other end, which still hears, is told at once.
    assert.equal(b.session.state, 'down');
    const said = link.since(0, 'a').findLast(({ packet }) => packet.state === 'down')?.packet;
    assert.equal(said?.diagnostic, diagnostic.detectionTimeExpired);
    assert.equal(said.yourDiscriminator, 0);
    b.isHeard = true;
    link.run(2_500);
    assert.deepEqual(statesOf(a, b), ['up', 'up']);
  });

  it('follows the other end down, and up again', () => {
    const { link, a, b } = joined();
    b.session = begin(23, usual, link.moment);
    // It calls nobody yet, and is down: it has forgotten everything.
    b.session = { ...b.session, sendAtMs: link.nowMs };
    const fromMs = link.nowMs;
    link.run(1);
    const { neighbourSaidDown } = diagnostic;
    const said = link.since(fromMs, 'a').map(({ packet }) => packet);
    assert.ok(said.some(packet => packet.state === 'down' && packet.diagnostic === neighbourSaidDown));
    link.run(2_500);
    assert.deepEqual(statesOf(a, b), ['up', 'up']);
    assert.equal(a.session.remote.discriminator, 23);
  });

  it('that another Weft takes over goes on, if the peer has not missed it', () => {
    const { link, a, b } = joined({ minTxMs: 1_000, minRxMs: 1_000, detectMultiplier: 3 });
    a.isHeard = false;
    link.run(1_000);
    a.session = begin(11, a.session.timing, link.moment);
    a.isHeard = true;
    const fromMs = link.nowMs;
    link.run(1_500);
    assert.deepEqual(statesOf(a, b), ['up', 'up']);
    assert.ok(link.sent.every(({ atMs, packet }) => atMs < fromMs || packet.state === 'up'));
    // Once it has said that it is down, it is: there is no going on.
    a.session = { ...begin(11, a.session.timing, link.moment), sendAtMs: link.nowMs };
    const againMs = link.nowMs;
    link.run(1);
    assert.ok(link.since(againMs, 'b').some(({ packet }) => packet.state === 'down'));
    link.run(3_000);
    assert.deepEqual(statesOf(a, b), ['up', 'up']);
  });

  it('hears nothing that is for another session', () => {
    const { link, a } = joined();
    const before = a.session;
    assert.equal(a.hear({ ...example, yourDiscriminator: 12 }), false);
    assert.equal(a.session, before);
    assert.ok(link.sent.length > 0);
  });

  it('sends nothing by itself to whoever wants nothing, and answers polls', () => {
    const wants = { demand: { ...example, demand: true }, none: { ...example, requiredMinRxUs: 0 } };
    for (const [name, packet] of Object.entries(wants)) {
      const { link, a, b } = joined();
      b.isHeard = false;
      const quiet = { ...packet, poll: false, yourDiscriminator: 11, myDiscriminator: 22, desiredMinTxUs: 9_000_000 };
      a.hear(quiet);
      const fromMs = link.nowMs;
      link.run(5_000);
      assert.equal(a.session.state, 'up', name);
      assert.equal(link.since(fromMs, 'a').length, 0, name);
      a.hear({ ...quiet, poll: true });
      assert.deepEqual(
        link.since(link.nowMs, 'a').map(({ packet: each }) => [each.final, each.demand]),
        [[true, false]],
      );
    }
  });

  it('takes other times on when the other end has confirmed them', () => {
    const { link, a, b } = joined();
    b.isHeard = false;
    a.session = retime(a.session, { minTxMs: 800, minRxMs: 100, detectMultiplier: 4 }, link.moment);
    link.run(200);
    // Not confirmed: it sends as before, and waits as long as before.
    assert.deepEqual(a.session.polling, { minTxMs: 300, minRxMs: 300 });
    assert.equal(detectionMs(a.session), 3 * 300);
    assert.ok(
      link.since(link.nowMs - 200, 'a').every(({ packet }) => packet.poll && packet.desiredMinTxUs === 800_000),
    );
    b.isHeard = true;
    link.run(600);
    assert.equal(a.session.polling, null);
    assert.equal(detectionMs(b.session), 4 * 800);
    assert.deepEqual(statesOf(a, b), ['up', 'up']);
  });

  it('that is not wanted any more says so, and then nothing', () => {
    const { link, a, b } = joined();
    a.take(end(a.session, link.moment));
    link.run(1);
    assert.deepEqual(statesOf(a, b), ['admin_down', 'down']);
    assert.equal(b.session.diagnostic, diagnostic.neighbourSaidDown);
    assert.equal(b.session.remote.state, 'admin_down');
    link.run(10_000);
    const said = link.sent.filter(({ packet }) => packet.state === 'admin_down');
    assert.ok(said.length >= 3 && said.length <= 5, `${said.length} times`);
    assert.ok(said.every(({ packet }) => packet.diagnostic === diagnostic.administrativelyDown));
    assert.equal(nextAtMs(a.session), Infinity);
    assert.equal(a.session.state, 'admin_down');
  });

  it('does not take for silence that it was not looking', () => {
    const { link, a } = joined();
    const late = { ...link.moment, nowMs: link.nowMs + 5_000 };
    assert.equal(elapse(a.session, late).session.state, 'down');
    assert.equal(elapse(excuse(a.session, 5_000), late).session.state, 'up');
  });

  it('comes to be up with any times, and is down whenever the other end is gone', () => {
    const anyTiming = fc.record({
      minTxMs: fc.integer({ min: 100, max: 3_000 }),
      minRxMs: fc.integer({ min: 100, max: 3_000 }),
      detectMultiplier: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(anyTiming, anyTiming, (one, other) => {
        const link = new Link();
        const [a, b] = link.join(one, other);
        link.run(12_000);
        assert.deepEqual(statesOf(a, b), ['up', 'up']);
        // Whoever hears is up as long as it hears: no packet too few, whatever the intervals.
        const ups = link.sent.filter(({ atMs, packet }) => atMs > 8_000 + 5_000 && packet.state !== 'up');
        assert.deepEqual(ups, []);
        [a.isHeard, b.isHeard] = [false, false];
        link.run(Math.max(detectionMs(a.session), detectionMs(b.session)) + 2);
        for (const state of statesOf(a, b)) assert.notEqual(state, 'up');
      }),
      { numRuns: 25 },
    );
  });
});
