import { underlayCapacity } from '../../model/effective-mtu.js';
import { type LogicalSwitch, resourceOf } from '../../model/index.js';
import { checkMtu } from '../../model/invariants.js';
import { type Claim, EVERYWHERE } from '../claims.js';
import { decodeRow, type Session, shapeOf } from '../sql.js';
import type { Behaviour } from './behaviour.js';

export function logicalSwitchBehaviour(defaultUnderlayMtu: number): Behaviour<'logical-switches'> {
  return {
    async complete(unit, request, current, common) {
      let mtu = request.mtu ?? null;
      if (mtu !== null && mtu !== current?.mtu) {
        const capacity = await readCapacity(unit.session, defaultUnderlayMtu);
        const subnets = current === null ? [] : await unit.children('subnets', 'logicalSwitchId', current.id);
        checkMtu({ mtu }, capacity, subnets);
        // A reply shows the MTU in force; sending that back leaves it computed.
        if (current?.mtu === null && mtu === capacity) mtu = null;
      }
      const datapathKey = current?.datapathKey ?? (await unit.allocator.datapathKey());
      return { ...common, mtu, sharedWith: request.sharedWith ?? [], datapathKey };
    },
    claims: row => [datapathKeyClaim(row)],
  };
}

/** What the underlay allows now, in bytes of an inner IP packet. */
async function readCapacity(session: Session, defaultUnderlayMtu: number): Promise<number> {
  const text = `SELECT ${shapeOf('hypervisors').selection} FROM ${resourceOf('hypervisors').table} t WHERE t.allowed`;
  const { rows } = await session.query({ text, rowMode: 'array' });
  return underlayCapacity(
    rows.map(row => decodeRow('hypervisors', row)),
    defaultUnderlayMtu,
  );
}

/** The claim on the tunnel key of a logical switch or router. */
export function datapathKeyClaim(row: Pick<LogicalSwitch, 'datapathKey'>): Claim {
  return { scope: EVERYWHERE, class: 'datapath_key', value: String(row.datapathKey), pointer: '', subnetId: null };
}
