import type { NatRule } from '../../model/index.js';
import { knownCidr } from '../../model/invariants.js';
import { checkFloatingAddress, checkNatRule, logicalNetworkOf, mappedPorts } from '../../model/nat-invariants.js';
import { refuse } from '../../model/value-types.js';
import type { Claim } from '../claims.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const natRuleBehaviour: Behaviour<'nat-rules'> = {
  async complete(unit, request, current, common) {
    const logicalRouterId = request.logicalRouterId ?? refuse('missing_member', '/logical_router_id', 'It is missing.');
    const kind = request.kind ?? refuse('missing_member', '/kind', 'It is missing.');
    const logicalIp = request.logicalIp ?? refuse('missing_member', '/logical_ip', 'It is missing.');
    const router = await requireRow(unit, 'logical-routers', logicalRouterId, '/logical_router_id');
    const outsideSwitchId = router.gatewaySwitchId;
    const logicalSwitchPortId = request.logicalSwitchPortId ?? null;
    const given = request.externalIp ?? current?.externalIp;
    const externalIp = given ?? (await allocateAddress(unit, kind, logicalIp, outsideSwitchId));
    const row: NatRule = {
      ...common,
      logicalRouterId,
      kind,
      externalIp,
      logicalIp,
      exemptedDestinations: request.exemptedDestinations ?? [],
      portMap: request.portMap ?? null,
      logicalSwitchPortId,
      externalMac: logicalSwitchPortId === null ? null : (current?.externalMac ?? unit.allocator.mac(outsideSwitchId)),
      outsideSwitchId,
    };
    checkNatRule(row);
    if (logicalSwitchPortId !== null)
      await requireRow(unit, 'logical-switch-ports', logicalSwitchPortId, '/logical_switch_port_id');
    if (externalIp !== current?.externalIp) await checkOutside(unit, row, unit.projectId === undefined);
    return row;
  },
  claims: row => [...externalClaims(row), ...insideClaims(row)],
};

/** A free address of the first subnet outside that has one of this family. */
async function allocateAddress(
  unit: UnitOfWork,
  kind: NatRule['kind'],
  logicalIp: string,
  outsideSwitchId: string | null,
): Promise<string> {
  const pointer = '/external_ip';
  if (kind !== 'floating_ip' || outsideSwitchId === null) refuse('missing_member', pointer, 'It is missing.');
  await unit.get('logical-switches', outsideSwitchId);
  const { family } = logicalNetworkOf({ logicalIp });
  const subnets = await unit.children('subnets', 'logicalSwitchId', outsideSwitchId);
  const subnet = subnets.find(({ cidr }) => knownCidr(cidr).family === family);
  if (subnet === undefined)
    refuse('missing_member', pointer, `There is no subnet outside with IPv${family} to allocate it from.`);
  return unit.allocator.address(subnet, unit.allocator.mac(null), pointer);
}

/** A floating IP must be one that may be given out where the router is outside. */
async function checkOutside(unit: UnitOfWork, row: NatRule, isOperator: boolean): Promise<void> {
  if (row.kind !== 'floating_ip' || row.outsideSwitchId === null) return;
  await unit.get('logical-switches', row.outsideSwitchId);
  const subnets = await unit.children('subnets', 'logicalSwitchId', row.outsideSwitchId);
  checkFloatingAddress(row.externalIp, subnets, { isOperator });
}

/** A floating IP is nobody else's outside. The addresses of the other kinds are those of the router port, which claims them. */
function externalClaims(row: NatRule): readonly Claim[] {
  if (row.kind !== 'floating_ip') return [];
  const scope = row.outsideSwitchId ?? row.logicalRouterId;
  return [
    { scope, class: 'ip', value: row.externalIp, pointer: '/external_ip', subnetId: null },
    ...(row.externalMac === null
      ? []
      : [{ scope, class: 'mac', value: row.externalMac, pointer: '', subnetId: null } as const]),
  ];
}

/** One rule of a router says what becomes of an address inside, and of an address and port outside. */
function insideClaims(row: NatRule): readonly Claim[] {
  const claim = (value: string, pointer: string): Claim => {
    return { scope: row.logicalRouterId, class: 'translation', value, pointer, subnetId: null };
  };
  const { kind, externalIp, logicalIp, portMap } = row;
  if (kind !== 'dnat') return [claim(`${kind} ${logicalIp}`, '/logical_ip')];
  if (portMap === null) return [claim(`dnat ${externalIp}`, '/external_ip')];
  return mappedPorts(portMap).map(([port]) =>
    claim(`dnat ${externalIp} ${portMap.protocol} ${port}`, '/port_map/external_port'),
  );
}

/** The rules of a router that is outside elsewhere now, or nowhere: their addresses are claimed there. */
export async function moveNatRules(
  unit: UnitOfWork,
  logicalRouterId: string,
  outsideSwitchId: string | null,
): Promise<void> {
  for (const rule of await unit.children('nat-rules', 'logicalRouterId', logicalRouterId)) {
    const row = { ...rule, outsideSwitchId, updatedAt: unit.now };
    await checkOutside(unit, row, true);
    unit.put('nat-rules', rule.id, row);
  }
}
