import assert from 'node:assert/strict';
import type { Rank } from '../../src/delivery/backlog.js';
import { Gathering } from '../../src/delivery/gathering.js';
import type { HoldPeer } from '../../src/delivery/holds.js';

const bulk = 32;

class Peer implements HoldPeer {
  readonly isConnected = true;
  readonly disconnectedAtMs = 0;
  lowest = 0;
  constructor(readonly hypervisorId: string) {}
  lowestPending(): number {
    return this.lowest;
  }
}

describe('gathering of what was held back', () => {
  let gathering: Gathering;
  let a: Peer;
  let b: Peer;
  let peers: ReadonlyMap<string, HoldPeer>;

  beforeEach(() => {
    gathering = new Gathering();
    [a, b] = [new Peer('a'), new Peer('b')];
    peers = new Map([a, b].map(peer => [peer.hypervisorId, peer]));
  });

  /** Held back of this revision, for these. */
  const held = (revision: number, waitsFor: readonly Peer[], untilMs = 2_000, rank: Rank = 1) => ({
    entry: { latest: revision },
    hold: { untilMs, waitsFor: waitsFor.map(peer => peer.hypervisorId), rank, revision },
  });
  const ready = (revision: number, count = 1) =>
    Array.from({ length: count }, () => ({ latest: revision, rank: 1 }) as const);
  const waits = (nowMs: number, these: ReturnType<typeof ready>, ...those: ReturnType<typeof held>[]): boolean => {
    const answer = gathering.waits({ ready: these, held: those, nowMs, isAskedFor: false });
    gathering.looked(1);
    return answer;
  };
  const isOn = (nowMs: number, version = 1, isAskedFor = false): boolean =>
    gathering.isOn(version, nowMs, isAskedFor, peers);

  it('waits until all of the revision can go, and no longer than a moment', () => {
    assert.equal(waits(0, [], held(5, [a, b])), true);
    a.lowest = 6;
    assert.equal(isOn(10), true, 'b is not ready');
    assert.equal(waits(50, ready(5), held(5, [b])), true);
    assert.deepEqual([isOn(99), isOn(100), gathering.untilMs], [true, false, 100]);
    assert.equal(waits(100, ready(5), held(5, [b])), false, 'what is ready goes');
    assert.equal(waits(101, [], held(5, [b])), true);
    b.lowest = 6;
    assert.equal(isOn(102), false);
    assert.equal(waits(102, ready(5)), false);
    assert.equal(gathering.untilMs, Infinity);
  });

  it('looks at everything again when something is new, and when a hold is over', () => {
    assert.equal(waits(0, [], held(5, [a], 40)), true);
    assert.deepEqual([isOn(39), isOn(40), isOn(10, 2)], [true, false, false]);
  });

  it('does not let one revision wait for another', () => {
    assert.equal(waits(0, [], held(5, [a]), held(6, [b])), true);
    b.lowest = 7;
    assert.equal(isOn(1), false);
    assert.equal(waits(1, ready(6), held(5, [a])), false);
  });

  it('does not let pointers wait for the removals that wait for them elsewhere', () => {
    const removal = held(5, [b], 2_000, 2);
    assert.equal(waits(0, [], held(5, [a]), removal), true);
    a.lowest = 6;
    assert.equal(isOn(1), false, 'b may be waiting for these pointers');
    assert.equal(waits(1, ready(5), removal), false);
  });

  it('keeps a bulk for the next revision while nobody asks for it', () => {
    assert.equal(waits(0, ready(5, bulk - 1)), false);
    assert.equal(waits(0, ready(5, bulk)), true);
    assert.deepEqual([isOn(1), isOn(1, 2), isOn(1, 1, true), isOn(100)], [true, false, false, false]);
    assert.equal(waits(100, ready(5, bulk)), false);
  });
});
