/**
 * Port bindings: kept in step with what hypervisors claim and what ports there are. They are judged under the lock of the store's
 * head, so that a port created and a claim reported at the same time always find each other.
 */
import type { LogicalSwitchPort, PortBinding } from '../model/index.js';
import { looksLikeUuid } from '../model/value-types.js';
import { arbitrate, type InterfaceClaim, type Verdict } from './arbitration.js';
import type { Session } from './sql.js';
import type { UnitOfWork } from './unit-of-work.js';
import { newId } from './write-operations.js';

/** What may have changed a verdict: ports and the texts by which they are claimed. */
interface Affected {
  readonly portIds: ReadonlySet<string>;
  readonly texts: ReadonlySet<string>;
}

/** What a transaction may have changed: its ports, and the iface-ids whose claims it touched. */
export function affectedBy(unit: UnitOfWork, claimedTexts: ReadonlySet<string>): Affected {
  const portIds = new Set<string>();
  const texts = new Set(claimedTexts);
  for (const { id, before, after } of unit.changesOf('logical-switch-ports')) {
    if (before !== null && before.name === after?.name && before.hypervisor === after.hypervisor) continue;
    portIds.add(id);
    for (const row of [before, after]) if (row !== null) texts.add(row.name);
    texts.add(id);
  }
  return { portIds, texts };
}

/**
 * Judges the affected ports anew and puts the bindings that differ into the unit of work. The caller holds the lock of the
 * store's head, and has written the claims but not yet the ports.
 */
export async function settleBindings(unit: UnitOfWork, affected: Affected, acceptNames: boolean): Promise<void> {
  const { portIds, texts } = affected;
  if (texts.size === 0) return;
  const ids = new Set([...portIds, ...[...texts].filter(looksLikeUuid).map(text => text.toLowerCase())]);
  const names = [...texts].filter(text => text !== '');
  const { rows } = await unit.session.query(
    `SELECT EXISTS (SELECT FROM interface_claims WHERE iface_id = ANY($1)) OR EXISTS (
       SELECT FROM port_bindings b JOIN logical_switch_ports p ON p.id = b.logical_switch_port_id
       WHERE p.id = ANY($2::uuid[]) OR p.name = ANY($1)) AS concerned`,
    [names, [...ids]],
  );
  if (rows[0]?.['concerned'] !== true) return;
  const ports = await portsClaimed(unit, ids, names);
  const namesakes = countNames(ports);
  const claims = await claimsOn(
    unit.session,
    [...ports.values()].flatMap(port => [port.id, port.name]),
  );
  const bindings = new Map(
    (await bindingsOf(unit, [...ports.keys(), ...portIds])).map(binding => [binding.logicalSwitchPortId, binding]),
  );
  for (const [portId, binding] of bindings) if (!ports.has(portId)) unit.put('port-bindings', binding.id, null);
  for (const port of ports.values()) {
    const own = claims.filter(claim => claim.ifaceId.toLowerCase() === port.id || claim.ifaceId === port.name);
    const verdict = arbitrate(port, own, namesakes.get(port.name) ?? 1, acceptNames);
    await putVerdict(unit, port, bindings.get(port.id) ?? null, verdict);
  }
}

async function putVerdict(
  unit: UnitOfWork,
  port: LogicalSwitchPort,
  binding: PortBinding | null,
  { winner, reason }: Verdict,
): Promise<void> {
  if (winner === null) {
    if (binding !== null) unit.put('port-bindings', binding.id, null);
    return;
  }
  const place = {
    hypervisorId: winner.hypervisorId,
    interfaceName: winner.interfaceName,
    interfaceUuid: winner.interfaceUuid,
    ofport: winner.ofport,
    reason,
    projectId: port.projectId,
  };
  if (binding !== null) {
    const same = Object.entries(place).every(([name, value]) => binding[name as keyof typeof place] === value);
    if (!same) unit.put('port-bindings', binding.id, { ...binding, ...place, updatedAt: unit.now });
    return;
  }
  const id = newId();
  const number = await unit.allocator.number();
  const common = { id, name: '', labels: {}, createdAt: unit.now, updatedAt: unit.now, revision: 0, number };
  unit.put('port-bindings', id, { ...common, ...place, logicalSwitchPortId: port.id });
}

/** The ports that have one of the ids or names, as this transaction leaves them. */
async function portsClaimed(
  unit: UnitOfWork,
  ids: ReadonlySet<string>,
  names: readonly string[],
): Promise<Map<string, LogicalSwitchPort>> {
  const wanted = new Set(ids);
  const { rows } = await unit.session.query('SELECT id FROM logical_switch_ports WHERE name = ANY($1)', [names]);
  for (const row of rows) wanted.add(String(row['id']));
  const asked = new Set(names);
  for (const { after } of unit.changesOf('logical-switch-ports')) {
    if (after !== null && asked.has(after.name)) wanted.add(after.id);
  }
  const ports = await unit.peek('logical-switch-ports', [...wanted]);
  return new Map(ports.map(port => [port.id, port]));
}

function countNames(ports: ReadonlyMap<string, LogicalSwitchPort>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of ports.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Claims by any of the texts, of hypervisors that are allowed. */
export async function claimsOn(session: Session, texts: readonly string[]): Promise<InterfaceClaim[]> {
  const { rows } = await session.query({
    text: `SELECT c.hypervisor_id, h.name, c.interface_uuid, c.interface_name, c.iface_id, c.ofport, c.claim_order::float8
           FROM interface_claims c JOIN hypervisors h ON h.id = c.hypervisor_id
           WHERE c.iface_id = ANY($1)`,
    values: [[...new Set(texts)]],
    rowMode: 'array',
  });
  return rows.map(([hypervisorId, hypervisorName, interfaceUuid, interfaceName, ifaceId, ofport, order]) => ({
    hypervisorId: String(hypervisorId),
    hypervisorName: String(hypervisorName),
    interfaceUuid: String(interfaceUuid),
    interfaceName: String(interfaceName),
    ifaceId: String(ifaceId),
    ofport: Number(ofport),
    order: Number(order),
  }));
}

async function bindingsOf(unit: UnitOfWork, portIds: readonly string[]): Promise<PortBinding[]> {
  const { rows } = await unit.session.query(
    'SELECT id FROM port_bindings WHERE logical_switch_port_id = ANY($1::uuid[])',
    [[...new Set(portIds)]],
  );
  const ids = rows.map(row => String(row['id']));
  // Bindings change under the lock of the head alone, which the caller holds: nobody else has them locked.
  await unit.prefetch('port-bindings', ids);
  const bindings = await Promise.all(ids.map(id => unit.get('port-bindings', id)));
  return bindings.filter(binding => binding !== null);
}
