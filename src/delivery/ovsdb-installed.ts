/** `external_ids:weft-installed=true` on the Interfaces whose flows the switch has acknowledged. */
import { interfacesOf } from '../../southbound/hypervisor/inventory.js';
import type { DatabaseSnapshot } from '../../southbound/ovsdb/replica.js';
import type { Row } from '../../southbound/ovsdb/schema.js';
import { adding, byUuid, condition, mutate, removingKeys, type Operation } from '../../southbound/ovsdb/transact.js';
import { installedKey } from './ovsdb-ownership.js';

/**
 * Plans the marks of a bridge's Interfaces, all of them.
 * @param acknowledged iface-id by UUID of the Interface. A mark is set only while the Interface still carries that iface-id.
 */
export function planInstalledMarks(
  database: DatabaseSnapshot,
  bridge: string,
  acknowledged: ReadonlyMap<string, string>,
): readonly Operation[] {
  return interfacesOf(database, bridge).flatMap(row => planMark(row, acknowledged.get(row._uuid)));
}

/** The operation that gives one Interface its mark, or takes it away; none where it is as it should be. */
export function planMark(row: Row<'Interface'>, ifaceId: string | undefined): readonly Operation[] {
  const isAcknowledged = ifaceId !== undefined && row.external_ids.get('iface-id') === ifaceId;
  const mark = row.external_ids.get(installedKey);
  const removal = removingKeys('Interface', 'external_ids', [installedKey]);
  if (!isAcknowledged) return mark === undefined ? [] : [mutate('Interface', [byUuid(row._uuid)], [removal])];
  if (mark === 'true') return [];
  const stillClaims = condition('Interface', 'external_ids', 'includes', new Map([['iface-id', ifaceId]]));
  const marking = adding('Interface', 'external_ids', new Map([[installedKey, 'true']]));
  return [mutate('Interface', [byUuid(row._uuid), stillClaims], [removal, marking])];
}
