import assert from 'node:assert/strict';
import { Dependencies } from '../../src/compiler/dependencies.js';
import { SeededRandom } from '../seeded-random.js';

/** The same in the plainest way. */
class PlainDependencies {
  readonly #reads = new Map<number, Set<string>>();

  commit(unit: number, keys: Iterable<string>): void {
    this.#reads.set(unit, new Set(keys));
  }

  forget(unit: number): void {
    this.#reads.delete(unit);
  }

  readers(key: string): number[] {
    return [...this.#reads].filter(([, keys]) => keys.has(key)).map(([unit]) => unit);
  }

  get size(): number {
    return [...this.#reads.values()].reduce((sum, keys) => sum + keys.size, 0);
  }
}

const ascending = (numbers: number[]): number[] => numbers.sort((left, right) => left - right);

describe('Dependencies', () => {
  it('know the readers of every key through any sequence of runs', () => {
    const random = new SeededRandom(42);
    const dependencies = new Dependencies();
    const plain = new PlainDependencies();
    const spaces = [dependencies.space(), dependencies.space(), dependencies.space()];
    for (let step = 0; step < 5_000; step += 1) {
      const unit = random.below(40);
      if (random.chance(0.2)) {
        dependencies.forget(unit);
        plain.forget(unit);
      } else {
        const reads = Array.from({ length: random.below(8) }, () => [random.pick(spaces), random.below(12)] as const);
        dependencies.begin();
        for (const [space, value] of reads) dependencies.read(space, value % 2 === 0 ? value : `v${value}`);
        dependencies.commit(unit);
        plain.commit(
          unit,
          reads.map(([space, value]) => `${space} ${value}`),
        );
      }
      assert.equal(dependencies.size, plain.size);
      const [space, value] = [random.pick(spaces), random.below(12)];
      const found: number[] = [];
      dependencies.readers(space, value % 2 === 0 ? value : `v${value}`, reader => found.push(reader));
      assert.deepEqual(ascending(found), ascending(plain.readers(`${space} ${value}`)));
    }
  });

  it('tell a number from its text', () => {
    const dependencies = new Dependencies();
    const space = dependencies.space();
    dependencies.begin();
    dependencies.read(space, 7);
    dependencies.commit(1);
    const found: number[] = [];
    dependencies.readers(space, '7', unit => found.push(unit));
    assert.deepEqual(found, []);
  });
});
