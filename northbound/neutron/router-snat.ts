/** Source NAT of routers with a gateway that is to have it: a NAT rule for each IPv4 subnet inside, whose ids follow from both. */
import type { LogicalRouter, Subnet } from '../../src/model/index.js';
import { knownCidr } from '../../src/model/invariants.js';
import type { Act } from './act.js';
import { namedId } from './named-id.js';
import { fixedIpsOf } from './port-rows.js';

const ruleId = (routerId: string, network: string): string => namedId('source nat', routerId, network);

/** What the router is to be, once the write is done. */
export interface SnatGoal {
  /** The address outside; null: nothing is translated. */
  readonly externalIp: string | null;
  /** Subnets that it has just got, or is about to lose: the view does not know it yet. */
  readonly added?: readonly Subnet[];
  readonly removedIds?: readonly string[];
}

/** Makes the rules what follows from the router. Those that somebody else has made stay. */
export async function settleSnat(
  act: Act,
  router: LogicalRouter,
  { externalIp, added = [], removedIds = [] }: SnatGoal,
): Promise<void> {
  const { view } = act.scene;
  const inside = externalIp === null ? [] : [...insideOf(act, router), ...added];
  const wanted = new Set(inside.filter(({ id }) => !removedIds.includes(id)).map(({ cidr }) => cidr));
  for (const { kind, id, logicalIp } of view.by('nat-rules', 'logicalRouterId', router.id)) {
    if (kind !== 'snat') continue;
    if (id !== ruleId(router.id, logicalIp)) {
      wanted.delete(logicalIp);
      continue;
    }
    // As this write has left it: it may have gone with the way outside that the router had before.
    const current = await act.tx.get('nat-rules', id);
    if (current === null || (current.externalIp === externalIp && wanted.delete(logicalIp))) continue;
    await act.tx.delete('nat-rules', id);
  }
  for (const network of wanted)
    await act.tx.create('nat-rules', {
      id: ruleId(router.id, network),
      project_id: router.projectId,
      logical_router_id: router.id,
      kind: 'snat',
      external_ip: externalIp,
      logical_ip: network,
    });
}

/** IPv4 subnets that the router is on inside, as the view has it. */
function insideOf(act: Act, router: LogicalRouter): Subnet[] {
  const { view } = act.scene;
  return view
    .by('logical-router-ports', 'logicalRouterId', router.id)
    .filter(port => port.logicalSwitchId !== null && port.logicalSwitchId !== router.gatewaySwitchId)
    .flatMap(port => fixedIpsOf(act.scene, port))
    .flatMap(({ subnet_id: id }) => view.get('subnets', id) ?? [])
    .filter(({ cidr }) => knownCidr(cidr).family === 4);
}
