import assert from 'node:assert/strict';
import { pino } from 'pino';
import { Refusals } from '../../../southbound/hypervisor/refusals.js';
import { WaitingRoom } from '../../../southbound/hypervisor/waiting-room.js';
import { ManualClock } from '../../fakes/manual-clock.js';

describe('refusals', () => {
  const expired = { code: 'expired', reason: 'its certificate has expired' } as const;
  let clock: ManualClock;
  let lines: string[];
  let refusals: Refusals;
  beforeEach(() => {
    clock = new ManualClock();
    lines = [];
    refusals = new Refusals(clock, pino({ base: null }, { write: line => void lines.push(line) }));
  });

  it('logs each peer and reason once, and counts every attempt', () => {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      refusals.add('ovsdb', { address: '192.0.2.1', names: ['hv1'] }, expired);
      refusals.add('flows', { address: '192.0.2.1', names: ['hv1'] }, expired);
      refusals.add('ovsdb', { address: '192.0.2.2', names: [] }, { code: 'no_certificate', reason: 'none' });
      clock.advance(1_000);
    }
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', /"peer":"192\.0\.2\.1","certificate":"hv1","code":"expired"/);
    assert.deepEqual(
      refusals.recent.map(({ listener, address, count }) => [listener, address, count]),
      [
        ['ovsdb', '192.0.2.1', 5],
        ['flows', '192.0.2.1', 5],
        ['ovsdb', '192.0.2.2', 5],
      ],
    );
    assert.deepEqual([...refusals.totals][0], { listener: 'ovsdb', code: 'expired', count: 5 });
  });

  it('shows a peer no more when it was let in or has given up; one that comes back late is logged anew', () => {
    const peer = { address: '192.0.2.1', names: ['hv1'] };
    refusals.add('ovsdb', peer, expired);
    refusals.settle('ovsdb', '192.0.2.1');
    assert.deepEqual(refusals.recent, []);
    refusals.add('ovsdb', peer, expired);
    assert.deepEqual([refusals.recent.length, lines.length], [1, 1]);
    clock.advance(600_001);
    assert.deepEqual(refusals.recent, []);
    refusals.add('ovsdb', peer, expired);
    assert.equal(lines.length, 2);
  });

  it('shows only so much of what a peer says of itself, and nothing that a terminal obeys', () => {
    const names = Array.from({ length: 50 }, (_, each) => `\u001b[2J\u202e${each}${'n'.repeat(100_000)}`);
    const reason = `"${'é\r\n'.repeat(300_000)}" is not an IP address`;
    refusals.add('ovsdb', { address: '192.0.2.1', names }, { code: 'not_admitted', reason });
    refusals.add('ovsdb', { address: '192.0.2.1', names: ['hv1 id:é'] }, expired);
    assert.ok(lines.every(line => line.length < 2_500));
    const [first, second] = refusals.recent;
    assert.deepEqual([first?.names.length, first?.names[0]?.slice(0, 8)], [4, '?[2J?0nn']);
    assert.match(first?.reason ?? '', /^"é\?\?é[é?]+…$/);
    assert.deepEqual([second?.names, second?.reason], [['hv1 id:é'], expired.reason]);
  });

  it('lets one address with ever new names and reasons not hide the others', () => {
    for (let each = 0; each < 1_000; each += 1)
      refusals.add('ovsdb', { address: '192.0.2.1', names: [`n${each}`] }, expired);
    refusals.add('ovsdb', { address: '192.0.2.2', names: ['hv2'] }, expired);
    assert.deepEqual(refusals.recent.at(-1)?.names, ['hv2']);
    assert.equal(lines.length, 32 + 1 + 1);
  });

  it('has bounded memory and log, however many peers there are', () => {
    for (let each = 0; each < 5_000; each += 1) refusals.add('ovsdb', { address: `h${each}`, names: [] }, expired);
    assert.equal(refusals.recent.length, 256);
    assert.equal(lines.length, 257);
    assert.equal([...refusals.totals][0]?.count, 5_000);
  });
});

describe('waiting room', () => {
  it('lets a crowd from one address keep nobody else out', () => {
    const clock = new ManualClock();
    const expelled: string[] = [];
    const room = new WaitingRoom<string>({ clock, maximum: 4, expel: guest => void expelled.push(guest) });
    for (const guest of ['a1', 'a2', 'a3', 'a4']) assert.ok(room.enter('a', guest));
    // Among its own, a newcomer must wait until the oldest has had its time.
    assert.equal(room.enter('a', 'a5'), false);
    assert.ok(room.enter('b', 'b1'));
    assert.ok(room.enter('c', 'c1'));
    assert.deepEqual(expelled, ['a1', 'a2']);
    clock.advance(2_001);
    assert.ok(room.enter('a', 'a6'));
    assert.deepEqual(expelled, ['a1', 'a2', 'a3']);
    assert.equal(room.size, 4);
  });

  it('gives places in turn where everybody has one', () => {
    const clock = new ManualClock();
    const expelled: string[] = [];
    const room = new WaitingRoom<string>({ clock, maximum: 2, expel: guest => void expelled.push(guest) });
    assert.ok(room.enter('a', 'a') && room.enter('b', 'b'));
    assert.equal(room.enter('c', 'c'), false);
    clock.advance(2_001);
    assert.ok(room.enter('c', 'c'));
    room.leave('b');
    assert.ok(room.enter('d', 'd'));
    assert.deepEqual(expelled, ['a']);
  });
});
