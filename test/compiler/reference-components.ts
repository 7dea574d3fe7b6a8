/** Which switches and routers are connected, found from all rows by flood fill over every link. */
import type { ViewRow } from '../../src/view/rows.js';

/** Each component as the ids of its members. */
export function components(
  datapaths: readonly string[],
  routerPorts: readonly ViewRow<'logical-router-ports'>[],
  routerRows: readonly ViewRow<'logical-routers'>[],
): readonly (readonly string[])[] {
  const neighbours = new Map<string, string[]>(datapaths.map(id => [id, []]));
  const routerOf = new Map(routerPorts.map(row => [row.id, row.logicalRouterId]));
  const routers = new Map(routerRows.map(row => [row.id, row]));
  for (const port of routerPorts) {
    const outside = routers.get(port.logicalRouterId)?.gateway?.logicalSwitchId;
    if (outside !== undefined && outside === port.logicalSwitchId) continue;
    const other = port.logicalSwitchId ?? (port.peerId === null ? undefined : routerOf.get(port.peerId));
    if (other === undefined || !neighbours.has(other) || !neighbours.has(port.logicalRouterId)) continue;
    neighbours.get(other)?.push(port.logicalRouterId);
    neighbours.get(port.logicalRouterId)?.push(other);
  }
  const seen = new Set<string>();
  const found: string[][] = [];
  for (const start of datapaths) {
    if (seen.has(start)) continue;
    const members = [start];
    seen.add(start);
    for (const member of members) {
      for (const neighbour of neighbours.get(member) ?? []) {
        if (seen.has(neighbour)) continue;
        seen.add(neighbour);
        members.push(neighbour);
      }
    }
    found.push(members);
  }
  return found;
}
