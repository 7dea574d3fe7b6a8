import type { Mirror } from '../../model/index.js';
import { MAX_ERSPAN_SESSION } from '../../model/mirror.js';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { datapathKeyClaim } from './logical-switch.js';
import { requireRow } from './require.js';

export const mirrorBehaviour: Behaviour<'mirrors'> = {
  async complete(unit, request, current, common) {
    const logicalSwitchPortId =
      request.logicalSwitchPortId ?? refuse('missing_member', '/logical_switch_port_id', 'It is missing.');
    const kind = request.kind ?? refuse('missing_member', '/kind', 'It is missing.');
    await requireRow(unit, 'logical-switch-ports', logicalSwitchPortId, '/logical_switch_port_id');
    const row: Omit<Mirror, 'datapathKey'> = {
      ...common,
      logicalSwitchPortId,
      direction: request.direction ?? 'both',
      kind,
      collectorPortId: request.collectorPortId ?? null,
      remoteIp: request.remoteIp ?? null,
      key: request.key ?? 0,
    };
    checkTarget(row);
    if (row.collectorPortId !== null)
      await requireRow(unit, 'logical-switch-ports', row.collectorPortId, '/collector_port_id');
    return { ...row, datapathKey: current?.datapathKey ?? (await unit.allocator.datapathKey()) };
  },
  claims: row => [datapathKeyClaim(row)],
};

function checkTarget(row: Omit<Mirror, 'datapathKey'>): void {
  if (row.kind === 'local') {
    if (row.remoteIp !== null) refuse('contradiction', '/remote_ip', 'A local mirror has a collector_port_id.');
    if (row.key !== 0) refuse('contradiction', '/key', 'A local mirror has no key.');
    if (row.collectorPortId === null)
      refuse('missing_member', '/collector_port_id', 'A local mirror must say who gets the copies.');
    if (row.collectorPortId === row.logicalSwitchPortId)
      refuse('contradiction', '/collector_port_id', 'A port cannot collect its own traffic.');
    return;
  }
  if (row.collectorPortId !== null)
    refuse('contradiction', '/collector_port_id', `A mirror of kind ${row.kind} has a remote_ip.`);
  if (row.remoteIp === null) refuse('missing_member', '/remote_ip', 'It must say where the tunnel ends.');
  if (row.kind === 'erspan' && row.key > MAX_ERSPAN_SESSION)
    refuse('out_of_range', '/key', `${row.key} is not between 0 and ${MAX_ERSPAN_SESSION}.`);
}
