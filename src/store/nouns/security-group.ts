import { pointerTo, WeftError } from '../../base/errors.js';
import { directions, type LogicalSwitchPort } from '../../model/index.js';
import type { Claim } from '../claims.js';
import { inUse } from '../references.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';

export const securityGroupBehaviour: Behaviour<'security-groups'> = {
  complete: (_unit, request, _current, common) =>
    Promise.resolve({
      ...common,
      isolates: request.isolates ?? directions,
      portSelector: request.portSelector ?? null,
      logDenied: request.logDenied ?? false,
    }),
  claims: () => [],
  async release(unit, row, cascade) {
    // Waits for those who are about to name it, who hold the row against deletion only.
    await unit.session.query('SELECT id FROM security_groups WHERE id = $1 FOR UPDATE', [row.id]);
    const members = await unit.claims.ownersOf(row.id, 'member');
    const ports: LogicalSwitchPort[] = [];
    for (const { id } of members) {
      const port = await unit.get('logical-switch-ports', id);
      if (port !== null) ports.push(port);
    }
    if (ports.length > 0 && !(cascade && ports.every(port => unit.owns(port))))
      throw inUse('security-groups', row.id, 'logical-switch-ports', ports);
    for (const port of ports) unit.put('logical-switch-ports', port.id, withoutGroup(port, row.id, unit.now));
  },
};

function withoutGroup(port: LogicalSwitchPort, groupId: string, now: string): LogicalSwitchPort {
  return { ...port, securityGroups: port.securityGroups.filter(id => id !== groupId), updatedAt: now };
}

/** That a port names a group: found by the group, without a look at every port. */
export function membershipClaim(groupId: string, portId: string, pointer: string): Claim {
  return { scope: groupId, class: 'member', value: portId, pointer, subnetId: null };
}

/** The groups that a port is to name; `reference_not_found` for one that does not exist, or not for this tenant. */
export async function requireGroups(
  unit: UnitOfWork,
  groups: readonly string[],
  current: Pick<LogicalSwitchPort, 'securityGroups'> | null,
): Promise<readonly string[]> {
  const named = groups.filter(id => current?.securityGroups.includes(id) !== true);
  const found = await unit.hold('security-groups', named);
  const missing = named.find(id => !found.has(id));
  if (missing !== undefined)
    throw new WeftError('reference_not_found', {
      detail: `There is no security group ${missing}.`,
      pointer: pointerTo('/security_groups', groups.indexOf(missing)),
    });
  return groups;
}
