import assert from 'node:assert/strict';
import type { MeshChange } from '../../src/compiler/compiler.js';
import { Meshes } from '../../src/delivery/meshes.js';
import { SeededRandom } from '../seeded-random.js';

const hosts = ['h1', 'h2', 'h3', 'h4', 'h5'] as const;
const meshIds = ['m1', 'm2', 'm3'] as const;
const pairs = hosts.flatMap((one, place) => hosts.slice(place + 1).map(other => [one, other] as const));
const place = (one: string, meshId: string): string => `${meshId} ${one}`;

describe('meshes', () => {
  it('tell of each pair that comes or goes once, and of no other, as if all pairs were looked at', () => {
    for (let seed = 1; seed <= 30; seed += 1) {
      const random = new SeededRandom(seed);
      const meshes = new Meshes();
      const members = new Set<string>();
      const share = ([one, other]: readonly [string, string]): boolean =>
        meshIds.some(meshId => members.has(place(one, meshId)) && members.has(place(other, meshId)));
      for (let revision = 1; revision <= 40; revision += 1) {
        const before = pairs.filter(share);
        const changes: MeshChange[] = hosts.flatMap(hypervisorId =>
          meshIds.flatMap(meshId =>
            random.chance(0.25) ? [{ hypervisorId, meshId, member: random.chance(0.5) }] : [],
          ),
        );
        for (const { hypervisorId, meshId, member } of changes) {
          if (member) members.add(place(hypervisorId, meshId));
          else members.delete(place(hypervisorId, meshId));
        }
        const after = pairs.filter(share);
        const told: string[] = [];
        meshes.apply(
          changes,
          revision,
          () => true,
          (one, other, arePeers) => told.push(`${[one, other].toSorted().join(' ')} ${arePeers}`),
        );
        const expected = [
          ...after.filter(pair => !before.includes(pair)).map(pair => `${pair.join(' ')} true`),
          ...before.filter(pair => !after.includes(pair)).map(pair => `${pair.join(' ')} false`),
        ];
        assert.deepEqual(told.toSorted(), expected.toSorted(), `seed ${seed}, revision ${revision}`);
        for (const pair of pairs) {
          assert.equal(meshes.arePeers(...pair), after.includes(pair));
          assert.equal(meshes.peersOf(pair[0]).has(pair[1]), after.includes(pair));
        }
      }
    }
  });

  it('know since when two are peers, and name nobody its own', () => {
    const meshes = new Meshes();
    const join = (hypervisorId: string, meshId: string, revision: number): void =>
      meshes.apply(
        [{ hypervisorId, meshId, member: true }],
        revision,
        () => true,
        () => {},
      );
    join('h1', 'm1', 1);
    join('h2', 'm1', 2);
    join('h1', 'm2', 3);
    join('h2', 'm2', 4);
    assert.deepEqual([...meshes.peersOf('h1')], [['h2', 2]]);
    assert.equal(meshes.arePeers('h1', 'h1'), false);
  });
});
