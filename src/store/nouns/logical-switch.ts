import { type UnderlayCapacity, underlayCapacity } from '../../model/effective-mtu.js';
import { type LogicalSwitch, resourceOf } from '../../model/index.js';
import { checkMtu } from '../../model/invariants.js';
import { type Claim, EVERYWHERE } from '../claims.js';
import { decodeRow, type Session, shapeOf } from '../sql.js';
import { inUse } from '../references.js';
import { physicalNetworkKey } from '../physical-networks.js';
import type { Behaviour } from './behaviour.js';
import { releaseFromLoadBalancers } from './load-balancer.js';

export function logicalSwitchBehaviour(defaultUnderlayMtu: number): Behaviour<'logical-switches'> {
  return {
    async complete(unit, request, current, common) {
      let mtu = request.mtu ?? null;
      const provider = request.provider ?? null;
      if (mtu !== null && (mtu !== current?.mtu || (provider === null && (current?.provider ?? null) !== null))) {
        const { tunnels, physical } = await readCapacity(unit.session, defaultUnderlayMtu);
        // What a physical network carries is for its operator to know.
        const capacity = provider === null ? tunnels : Number.POSITIVE_INFINITY;
        const subnets = current === null ? [] : await unit.children('subnets', 'logicalSwitchId', current.id);
        checkMtu({ mtu }, capacity, subnets);
        // A reply shows the MTU in force; sending that back leaves it computed.
        if (current?.mtu === null && mtu === (current.provider === null ? tunnels : physical)) mtu = null;
      }
      const datapathKey = current?.datapathKey ?? (await unit.allocator.datapathKey());
      const { dnsDomain = null, sharedWith = [] } = request;
      const key = provider === null ? null : await physicalNetworkKey(unit.session, provider.physicalNetwork);
      return { ...common, mtu, provider, dnsDomain, sharedWith, datapathKey, physicalNetworkKey: key };
    },
    claims: row => [datapathKeyClaim(row), ...segmentClaims(row)],
    namedBy: [{ kind: 'logical-routers', field: 'gatewaySwitchId' }],
    async release(unit, row, cascade) {
      await releaseFromLoadBalancers(unit, 'logical-switches', row.id, cascade);
      const routers = await unit.children('logical-routers', 'gatewaySwitchId', row.id);
      if (routers.length > 0 && !cascade) throw inUse('logical-switches', row.id, 'logical-routers', routers);
      for (const router of routers)
        unit.put('logical-routers', router.id, {
          ...router,
          gateway: null,
          gatewaySwitchId: null,
          updatedAt: unit.now,
        });
    },
  };
}

/** What the underlay allows now, in bytes of an inner IP packet. */
async function readCapacity(session: Session, defaultUnderlayMtu: number): Promise<UnderlayCapacity> {
  const text = `SELECT ${shapeOf('hypervisors').selection} FROM ${resourceOf('hypervisors').table} t WHERE t.allowed`;
  const { rows } = await session.query({ text, rowMode: 'array' });
  return underlayCapacity(
    rows.map(row => decodeRow('hypervisors', row)),
    defaultUnderlayMtu,
  );
}

/** Two logical switches with one VLAN of a physical network would be one network with two minds. */
function segmentClaims({ provider }: Pick<LogicalSwitch, 'provider'>): Claim[] {
  if (provider === null) return [];
  const { physicalNetwork, vlan } = provider;
  const value = vlan === null ? `${physicalNetwork}, untagged,` : `${physicalNetwork}, VLAN ${vlan},`;
  return [{ scope: EVERYWHERE, class: 'segment', value, pointer: '/provider', subnetId: null }];
}

/** The claim on the tunnel key of a logical switch or router. */
export function datapathKeyClaim(row: Pick<LogicalSwitch, 'datapathKey'>): Claim {
  return { scope: EVERYWHERE, class: 'datapath_key', value: String(row.datapathKey), pointer: '', subnetId: null };
}
