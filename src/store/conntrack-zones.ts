/**
 * Conntrack zones: numbers of 16 bits that a hypervisor knows its ports' connections by. Chosen at random among those that are free, so
 * that one that was given up is not soon used again. Under the lock of the store's head, as bindings are judged: nobody else chooses.
 */
import { randomInt } from 'node:crypto';
import { WeftError } from '../base/errors.js';
import { MAX_CT_ZONE } from '../model/index.js';
import type { Session } from './sql.js';

const MAX_ATTEMPTS = 32;
/** Random candidates for each zone wanted; with a thousand ports on a hypervisor one in sixty is taken. */
const CANDIDATES = 2;

/** Free zones for ports that come to these hypervisors, which are named once for each port. */
export async function chooseZones(
  session: Session,
  arrivals: readonly string[],
): Promise<ReadonlyMap<string, number[]>> {
  const missing = new Map<string, number>();
  for (const id of arrivals) missing.set(id, (missing.get(id) ?? 0) + 1);
  const chosen = new Map<string, number[]>([...missing.keys()].map(id => [id, []]));
  for (let attempt = 0; missing.size > 0; attempt += 1) {
    if (attempt === MAX_ATTEMPTS)
      throw new WeftError('keys_exhausted', { detail: 'The hypervisor has no conntrack zone left.' });
    const candidates = [...missing].flatMap(([id, count]) =>
      Array.from({ length: count * CANDIDATES }, () => ({ id, zone: randomInt(1, MAX_CT_ZONE + 1) })),
    );
    const { rows } = await session.query({
      text: `SELECT b.hypervisor_id, b.ct_zone FROM port_bindings b
             JOIN unnest($1::uuid[], $2::integer[]) AS c(hypervisor_id, ct_zone)
               ON c.hypervisor_id = b.hypervisor_id AND c.ct_zone = b.ct_zone`,
      values: [candidates.map(({ id }) => id), candidates.map(({ zone }) => zone)],
      rowMode: 'array',
    });
    const taken = new Set(rows.map(([id, zone]) => `${String(id)} ${String(zone)}`));
    for (const { id, zone } of candidates) {
      const left = missing.get(id);
      if (left === undefined || taken.has(`${id} ${zone}`)) continue;
      taken.add(`${id} ${zone}`);
      chosen.get(id)?.push(zone);
      if (left === 1) missing.delete(id);
      else missing.set(id, left - 1);
    }
  }
  return chosen;
}
