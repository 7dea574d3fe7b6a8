import type { CommonRow } from '../../model/index.js';
import { accompanied } from '../../model/neutron-object.js';
import { refuse } from '../../model/value-types.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';

export const neutronObjectBehaviour: Behaviour<'neutron-objects'> = {
  complete: (_unit, request, _current, common) =>
    Promise.resolve({
      ...common,
      collection: request.collection ?? refuse('missing_member', '/collection', 'It is missing.'),
      attributes: request.attributes ?? {},
    }),
  claims: () => [],
};

/**
 * What is said of an object goes where it goes, by whichever way that was changed: it ends with the object, and is of its project. An
 * object may become one of another noun, with its id (a port that a router takes over): then it stays.
 */
export async function settleCompanions(unit: UnitOfWork): Promise<void> {
  const places = new Map<string, CommonRow | null>();
  const changes = accompanied.flatMap(kind => unit.changesOf(kind));
  for (const { id, before, after } of changes)
    if (before !== null && after?.projectId !== before.projectId) places.set(id, after);
  // Where it is now, whichever noun was first.
  for (const { id, after } of changes) if (after !== null && places.has(id)) places.set(id, after);
  if (places.size === 0) return;
  await unit.prefetch('neutron-objects', [...places.keys()].toSorted());
  for (const [id, place] of places) {
    const said = await unit.get('neutron-objects', id);
    if (said === null || said.projectId === place?.projectId) continue;
    if (place === null) unit.drop('neutron-objects', id);
    else unit.put('neutron-objects', id, { ...said, projectId: place.projectId, updatedAt: unit.now });
  }
}
