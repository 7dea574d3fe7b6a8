import type { LogicalRouter } from '../../model/index.js';
import { refuse } from '../../model/value-types.js';
import { type Claim, EVERYWHERE } from '../claims.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';
import { releaseFromLoadBalancers } from './load-balancer.js';
import { datapathKeyClaim } from './logical-switch.js';
import { moveNatRules } from './nat-rule.js';
import { requireRow } from './require.js';

export const logicalRouterBehaviour: Behaviour<'logical-routers'> = {
  async complete(unit, request, current, common) {
    const gateway = request.gateway ?? null;
    if (gateway !== null) await checkGateway(unit, gateway);
    const datapathKey = current?.datapathKey ?? (await unit.allocator.datapathKey());
    const gatewaySwitchId = gateway?.logicalSwitchId ?? null;
    const natZone = gateway === null ? null : (current?.natZone ?? (await unit.allocator.natZone()));
    if (current !== null && current.gatewaySwitchId !== gatewaySwitchId)
      await moveNatRules(unit, current.id, gatewaySwitchId);
    return { ...common, enabled: request.enabled ?? true, gateway, gatewaySwitchId, natZone, datapathKey };
  },
  claims: row => [datapathKeyClaim(row), ...zoneClaims(row)],
  release: (unit, row, cascade) => releaseFromLoadBalancers(unit, 'logical-routers', row.id, cascade),
};

function zoneClaims({ natZone }: LogicalRouter): readonly Claim[] {
  if (natZone === null) return [];
  return [{ scope: EVERYWHERE, class: 'ct_zone', value: String(natZone), pointer: '/gateway', subnetId: null }];
}

async function checkGateway(unit: UnitOfWork, gateway: NonNullable<LogicalRouter['gateway']>): Promise<void> {
  const pointer = '/gateway/logical_switch_id';
  const { provider } = await requireRow(unit, 'logical-switches', gateway.logicalSwitchId, pointer);
  if (provider === null)
    refuse('contradiction', pointer, 'A gateway is on a logical switch that is part of a physical network.');
}
