/**
 * The numbers by which switches know physical networks. A name keeps its number for ever, also while no logical switch is part of
 * it: hosts may still have flows and ports of that number.
 */
import { WeftError } from '../base/errors.js';
import { MAX_PHYSICAL_NETWORK_KEY } from '../model/provider-ports.js';
import { AllocationCollision } from './claims.js';
import type { Session } from './sql.js';

/**
 * The number of the physical network, which has one from now on.
 * @throws WeftError keys_exhausted
 * @throws AllocationCollision when another transaction is giving out the same number, or one to the same name
 */
export async function physicalNetworkKey(session: Session, name: string): Promise<number> {
  const known = await session.query('SELECT key FROM physical_networks WHERE name = $1', [name]);
  const [row] = known.rows;
  if (row !== undefined) return Number(row['key']);
  const { rows } = await session.query(
    `WITH free AS (
       SELECT k AS key FROM generate_series(1, $2::integer) AS k
       WHERE NOT EXISTS (SELECT FROM physical_networks p WHERE p.key = k) ORDER BY k LIMIT 1
     ), made AS (
       INSERT INTO physical_networks (name, key) SELECT $1, key FROM free ON CONFLICT DO NOTHING RETURNING key
     )
     SELECT (SELECT key FROM made) AS key, EXISTS (SELECT FROM free) AS is_free`,
    [name, MAX_PHYSICAL_NETWORK_KEY],
  );
  const key = rows[0]?.['key'];
  if (typeof key === 'number') return key;
  if (rows[0]?.['is_free'] === true) throw new AllocationCollision(`a number for physical network ${name} was taken`);
  throw new WeftError('keys_exhausted', {
    detail: `${MAX_PHYSICAL_NETWORK_KEY} physical networks have a number already.`,
    pointer: '/provider/physical_network',
  });
}
