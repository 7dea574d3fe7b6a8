import { isHostAddress } from '../../base/address.js';
import { pointerTo } from '../../base/errors.js';
import type { VirtualAddress } from '../../model/index.js';
import { knownIp } from '../../model/invariants.js';
import { refuse } from '../../model/value-types.js';
import type { UnitOfWork } from '../unit-of-work.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const virtualAddressBehaviour: Behaviour<'virtual-addresses'> = {
  async complete(unit, request, current, common) {
    const logicalSwitchId = request.logicalSwitchId ?? refuse('missing_member', '/logical_switch_id', 'It is missing.');
    const ip = request.ip ?? refuse('missing_member', '/ip', 'It is missing.');
    const ports =
      request.logicalSwitchPortIds ?? refuse('missing_member', '/logical_switch_port_ids', 'It is missing.');
    await requireRow(unit, 'logical-switches', logicalSwitchId, '/logical_switch_id');
    if (!isHostAddress(knownIp(ip))) refuse('address_reserved', '/ip', `${ip} is not the address of one host.`);
    // One that is gone since is no reason to refuse another change.
    const known = new Set(current?.logicalSwitchPortIds);
    for (const [index, id] of ports.entries()) {
      if (known.has(id)) continue;
      const pointer = pointerTo('/logical_switch_port_ids', index);
      const port = await requireRow(unit, 'logical-switch-ports', id, pointer);
      if (port.logicalSwitchId !== logicalSwitchId)
        refuse('contradiction', pointer, `Port ${id} is on another logical switch.`);
    }
    const held = current?.holderId ?? null;
    const holderId = held !== null && ports.includes(held) ? held : null;
    return { ...common, logicalSwitchId, ip, logicalSwitchPortIds: ports, holderId };
  },
  claims: row => [{ scope: row.logicalSwitchId, class: 'ip', value: row.ip, pointer: '/ip', subnetId: null }],
};

/** A port has announced a virtual address. */
export interface HolderFinding {
  readonly virtualAddressId: string;
  readonly portId: string;
}

/** Writes down who has announced virtual addresses last, of those that may. */
export async function recordHolders(unit: UnitOfWork, findings: readonly HolderFinding[]): Promise<void> {
  await unit.prefetch(
    'virtual-addresses',
    findings.map(({ virtualAddressId }) => virtualAddressId),
  );
  for (const { virtualAddressId, portId } of findings) {
    const row: VirtualAddress | null = await unit.get('virtual-addresses', virtualAddressId);
    if (row === null || row.holderId === portId || !row.logicalSwitchPortIds.includes(portId)) continue;
    unit.put('virtual-addresses', row.id, { ...row, holderId: portId, updatedAt: unit.now });
  }
}
