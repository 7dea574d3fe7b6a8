/** What a ledger says in a few steps is what its entries say one by one. */
import assert from 'node:assert/strict';
import { Backlog, type Rank, rankOf } from '../../src/delivery/backlog.js';
import type { EncodedFragment } from '../../src/delivery/encoded-fragment.js';
import { type DirtyEntry, type FlightEntry, HostLedger, type MarkContext } from '../../src/delivery/host-ledger.js';
import { SeededRandom } from '../seeded-random.js';
import { encoded, everywhere, fragment } from './support.js';

const keys = Array.from({ length: 12 }, (_, number) => `test.rule/${number}`);
const versions = keys.map((_, number) => [
  encoded(fragment(number, { scope: everywhere })),
  encoded(fragment(number, { scope: everywhere, after: ['other'] })),
]);

/** All that a ledger knows, the slow way. */
class Slow {
  readonly #ledger: HostLedger;
  /** The newest version of each key. */
  readonly #desired: ReadonlyMap<string, EncodedFragment | null>;

  constructor(ledger: HostLedger, desired: ReadonlyMap<string, EncodedFragment | null>) {
    this.#ledger = ledger;
    this.#desired = desired;
  }

  *#entries(): Generator<readonly [DirtyEntry, EncodedFragment | null]> {
    for (const entry of this.#ledger.dirty.values()) yield [entry, this.#desired.get(entry.key) ?? null];
    for (const { entry, target } of this.#ledger.inFlight.values()) yield [entry, target];
  }

  lowestPending(rank: number): number {
    let lowest = Infinity;
    for (const [entry, target] of this.#entries())
      if (entry.refusal === null && rankOf(entry.pointedFrom, target) < rank) lowest = Math.min(lowest, entry.since);
    return lowest;
  }

  isPending(revision: number): boolean {
    for (const [{ refusal, since, latest }] of this.#entries())
      if (refusal === null && since <= revision && revision <= latest) return true;
    return false;
  }

  refused(): string[] {
    const found: string[] = [];
    for (const [{ key, refusal }] of this.#entries()) if (refusal !== null) found.push(key);
    return found.sort();
  }
}

const noneMerged = { has: () => false };

describe('The ledger of a hypervisor', () => {
  it('says of revisions, ranks and refusals what its entries say, after any sequence of what happens to them', () => {
    for (let seed = 0; seed < 25; seed += 1) {
      const random = new SeededRandom(seed);
      const ledger = new HostLedger();
      const desired = new Map<string, EncodedFragment | null>();
      const slow = new Slow(ledger, desired);
      let revision = 0;
      const some = (of: Iterable<string>): string[] => [...of].filter(() => random.chance(0.4));
      const steps: (() => void)[] = [
        () => {
          revision += 1;
          const shared: MarkContext['shared'] = new Map();
          const pointedFrom = random.chance(0.2) ? new Set(['one']) : null;
          const changes = some(keys).map(key => {
            const number = keys.indexOf(key);
            const before = desired.get(key) ?? null;
            const after = random.chance(0.3) ? null : (versions[number]?.[random.below(2)] ?? null);
            desired.set(key, after);
            return random.chance(0.1) ? { key, before, after, pointedFrom: new Set(['self']) } : { key, before, after };
          });
          ledger.mark(changes, { since: revision, latest: revision, nowMs: revision, pointedFrom, shared });
        },
        () => {
          const going = some(ledger.dirty.keys()).filter(key => !ledger.isInFlight(key));
          ledger.take(
            going.flatMap((key): FlightEntry[] => {
              const entry = ledger.dirty.get(key);
              return entry === undefined ? [] : [{ entry, target: desired.get(key) ?? null }];
            }),
          );
        },
        () => ledger.commit(some(ledger.inFlight.keys())),
        () => ledger.rollback(),
        () => {
          for (const key of some(ledger.inFlight.keys())) {
            const { target, entry } = ledger.inFlight.get(key) ?? assert.fail(key);
            if (target !== null || (entry.installed !== null && entry.installed !== 'unknown'))
              ledger.refuse(key, 'no', revision);
          }
        },
        () => {
          for (const key of some(ledger.dirty.keys())) ledger.doubt(key);
        },
        () => ledger.forgetInstalled(some(ledger.inFlight.keys())),
        () => {
          // What is wanted is there: not while something else is on its way.
          for (const key of some(ledger.dirty.keys())) if (!ledger.isInFlight(key)) ledger.drop(key);
        },
        () => {
          if (!random.chance(0.1)) return;
          revision = Math.max(0, revision - 3);
          ledger.goBack(revision);
        },
      ];
      for (let step = 0; step < 200; step += 1) {
        steps[random.below(steps.length)]?.();
        for (const rank of [0, 1, 2] as const) assert.equal(ledger.lowestPending(rank), slow.lowestPending(rank));
        assert.equal(ledger.appliedRevision(revision), Math.min(revision, slow.lowestPending(3) - 1));
        for (let asked = 1; asked <= revision; asked += 1)
          assert.equal(ledger.isPending(asked, noneMerged), slow.isPending(asked), `revision ${asked}`);
        assert.deepEqual(Array.from(ledger.refused(), ({ key }) => key).sort(), slow.refused());
        assert.equal(ledger.hasRefused, slow.refused().length > 0);
      }
    }
  });

  it('keeps one entry for all hypervisors where they lack the same', () => {
    const shared: MarkContext['shared'] = new Map();
    const context = { since: 1, latest: 1, nowMs: 0, pointedFrom: null, shared };
    const after = versions[0]?.[0] ?? null;
    const [one, other] = [new HostLedger(), new HostLedger()];
    for (const ledger of [one, other]) ledger.mark([{ key: 'key', before: null, after }], context);
    assert.equal(one.dirty.get('key'), other.dirty.get('key'));
    one.take([{ entry: one.dirty.get('key') ?? assert.fail(), target: after }]);
    one.commit(['key']);
    assert.deepEqual([one.isClean, other.lowestPending(1)], [true, 1]);
  });

  it('is asked in as many steps as there are revisions in it, not changes', () => {
    const backlog = new Backlog();
    const rank: Rank = 0;
    for (let change = 0; change < 10_000; change += 1) backlog.count(7 + (change % 3), 9, rank, 1);
    assert.deepEqual([backlog.lowest(1), backlog.at(8), backlog.at(10), backlog.at(6)], [7, 'lacks', 'older', null]);
    assert.throws(() => backlog.count(7, 9, 1, -1), /nothing of rank 1/);
  });
});
