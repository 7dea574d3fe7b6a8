import assert from 'node:assert/strict';
import { isOpenTo } from '../../src/model/audience.js';
import { ProjectRows } from '../../src/view/project-rows.js';
import { byId } from '../../src/view/row-order.js';
import { SeededRandom } from '../seeded-random.js';

interface Row {
  readonly id: string;
  readonly projectId: string;
  readonly sharedWith: readonly string[];
  readonly value: number;
}

describe('Rows by project', () => {
  it('are those that it owns and those that are shared with it, in order, after every random change', () => {
    const projects = ['', 'a', 'b', 'c'];
    for (let seed = 1; seed <= 5; seed += 1) {
      const random = new SeededRandom(seed);
      const rows = new Map<string, Row>();
      const byProject = new ProjectRows<Row>();
      for (let step = 0; step < 200; step += 1) {
        const ids = new Set(
          Array.from({ length: 1 + random.below(random.chance(0.1) ? 60 : 4) }, () => `id${random.below(80)}`),
        );
        const changes = [...ids].map(id => {
          const before = rows.get(id) ?? null;
          const sharedWith = [...projects.slice(1), '*'].filter(() => random.chance(0.1));
          const row = { id, projectId: random.pick(projects), sharedWith, value: step };
          const after = random.chance(0.3) ? null : row;
          if (after === null) rows.delete(id);
          else rows.set(id, after);
          return { id, before, after };
        });
        byProject.apply(changes);
        // Not asked every time: what changed meanwhile is put in its place together.
        if (random.chance(0.5)) continue;
        const all = [...rows.values()].sort(byId);
        for (const project of projects.slice(1)) {
          const where = `seed ${seed}, step ${step}, ${project}`;
          assert.deepEqual(
            byProject.own(project),
            all.filter(({ projectId }) => projectId === project),
            where,
          );
          assert.deepEqual(
            byProject.open(project),
            all.filter(row => isOpenTo(row, project)),
            where,
          );
        }
      }
    }
  });
});
