/**
 * Port bindings: kept in step with what hypervisors claim and what ports there are. They are judged under the lock of the store's
 * head, so that a port created and a claim reported at the same time always find each other.
 */
import type { LogicalSwitchPort, PortBinding } from '../model/index.js';
import { looksLikeUuid } from '../model/value-types.js';
import { arbitrate, type InterfaceClaim, type Verdict } from './arbitration.js';
import { decodeRow, type Session, shapeOf } from './sql.js';
import { chooseZones } from './conntrack-zones.js';
import type { UnitOfWork } from './unit-of-work.js';
import { newId } from './write-operations.js';

/** What may have changed a verdict: ports, and the texts by which they are claimed. */
export interface Affected {
  readonly portIds: ReadonlySet<string>;
  /** Names of these ports, before and after. */
  readonly names: ReadonlySet<string>;
  /** Iface-ids whose claims changed: ids or names of ports. */
  readonly claimedTexts: ReadonlySet<string>;
  /** Ports of which some of these are sub-ports now. */
  readonly parentIds: ReadonlySet<string>;
}

/** What a transaction may have changed; null if nothing. */
export function affectedBy(unit: UnitOfWork, claimedTexts: ReadonlySet<string>): Affected | null {
  const portIds = new Set<string>();
  const names = new Set<string>();
  const parentIds = new Set<string>();
  for (const { id, before, after } of unit.changesOf('logical-switch-ports')) {
    if (before !== null && after !== null && bindingMembers.every(member => before[member] === after[member])) continue;
    portIds.add(id);
    for (const row of [before, after]) if (row !== null && row.name !== '') names.add(row.name);
    const parentId = after?.parentId ?? null;
    if (parentId !== null) parentIds.add(parentId);
  }
  return portIds.size + claimedTexts.size === 0 ? null : { portIds, names, claimedTexts, parentIds };
}

/** What of a port decides who may have it. */
const bindingMembers = ['name', 'hypervisor', 'parentId'] as const;

/** What verdicts are made of, as the database has it under the lock of the head. */
interface Evidence {
  readonly ports: readonly LogicalSwitchPort[];
  readonly claims: readonly InterfaceClaim[];
}

const ASKED = `
    SELECT unnest($1::uuid[])
    UNION SELECT p.id FROM logical_switch_ports p WHERE p.name = ANY(ARRAY(
      SELECT c.iface_id FROM interface_claims c
      WHERE c.iface_id = ANY($2::text[] || ARRAY(SELECT o.name FROM logical_switch_ports o WHERE o.id = ANY($1::uuid[])))))
    UNION SELECT p.id FROM logical_switch_ports p JOIN port_bindings b ON b.logical_switch_port_id = p.id
      WHERE p.name = ANY($3::text[])`;

/** With their sub-ports, which are where these are. */
const PORTS = `WITH asked AS MATERIALIZED (${ASKED})
  SELECT ${shapeOf('logical-switch-ports').selection} FROM logical_switch_ports t WHERE t.id = ANY(ARRAY(
    SELECT * FROM asked
    UNION SELECT s.id FROM logical_switch_ports s WHERE s.parent_id = ANY(ARRAY(SELECT * FROM asked))))`;

const CLAIM = `SELECT c.hypervisor_id, h.name, c.interface_uuid, c.interface_name, c.iface_id, c.ofport, c.claim_order::float8
  FROM interface_claims c JOIN hypervisors h ON h.id = c.hypervisor_id`;

const CLAIMS_ON_PORTS = `${CLAIM}
  WHERE c.iface_id = ANY($2::text[] || ARRAY(SELECT p.name FROM logical_switch_ports p WHERE p.id = ANY($1::uuid[])))`;

/** Of ports, of their sub-ports, and of those named besides. */
const BINDINGS = `SELECT ${shapeOf('port-bindings').selection} FROM port_bindings t
  WHERE t.logical_switch_port_id = ANY($1::uuid[] || $2::uuid[]
    || ARRAY(SELECT s.id FROM logical_switch_ports s WHERE s.parent_id = ANY($1::uuid[])))
  ORDER BY t.id FOR NO KEY UPDATE`;

/**
 * Reads what the verdicts on the affected ports are made of. The caller takes the lock of the store's head in an earlier query of
 * the session, and writes the claims, but not yet the ports. Its queries are sent before it first waits.
 */
export async function readEvidence(unit: UnitOfWork, affected: Affected): Promise<Evidence> {
  const { portIds, names, claimedTexts, parentIds } = affected;
  const { session } = unit;
  const claimedIds = [...claimedTexts].filter(looksLikeUuid).map(text => text.toLowerCase());
  const ids = [...new Set([...portIds, ...claimedIds])];
  const claimedNames = [...claimedTexts].filter(text => text !== '');
  const texts = [...new Set([...names, ...claimedNames, ...ids])];
  const [ports, claims] = await Promise.all([
    session.query({ text: PORTS, values: [ids, texts, claimedNames], rowMode: 'array' }),
    session.query({ text: CLAIMS_ON_PORTS, values: [ids, texts], rowMode: 'array' }),
    readBindings(unit, ids, [...parentIds]),
  ]);
  const found = ports.rows.map(each => decodeRow('logical-switch-ports', each));
  // Those that share a name with an affected port: what they are claimed by was not known before.
  const asked = new Set(ids);
  const namesakes = found.filter(({ id, parentId }) => parentId === null && !asked.has(id));
  if (namesakes.length === 0) return { ports: found, claims: claims.rows.map(decodeClaim) };
  const [more] = await Promise.all([
    claimsOn(session, [...texts, ...found.flatMap(({ id, name }) => [id, name])]),
    readBindings(
      unit,
      namesakes.map(({ id }) => id),
      [],
    ),
  ]);
  return { ports: found, claims: more };
}

/** Bindings change under the lock of the head alone, which the caller holds: nobody else has them locked. */
async function readBindings(unit: UnitOfWork, portIds: readonly string[], others: readonly string[]): Promise<void> {
  const values = [[...portIds], [...others]];
  const { rows } = await unit.session.query({ text: BINDINGS, values, rowMode: 'array' });
  unit.adopt(
    'port-bindings',
    rows.map(each => decodeRow('port-bindings', each)),
  );
}

/** Judges the affected ports anew and puts the bindings that differ into the unit of work. */
export async function settleBindings(
  unit: UnitOfWork,
  affected: Affected,
  evidence: Evidence,
  acceptNames: boolean,
): Promise<void> {
  const ports = portsLeft(unit, affected, evidence.ports);
  const namesakes = countNames(ports);
  const byText = groupedBy(evidence.claims, ({ ifaceId }) => ifaceId);
  const held = groupedBy(unit.rowsOf('port-bindings'), binding => binding.logicalSwitchPortId);
  for (const { id, after } of unit.changesOf('logical-switch-ports')) {
    if (after === null) for (const binding of held.get(id) ?? []) unit.put('port-bindings', binding.id, null);
  }
  const verdicts: Judged[] = [];
  /** Where those are that were judged. */
  const places = new Map<string, Place | null>();
  for (const port of ports.values()) {
    if (port.parentId !== null) continue;
    const own = [...(byText.get(port.id) ?? []), ...(port.name === port.id ? [] : (byText.get(port.name) ?? []))];
    const judge = (claims: readonly InterfaceClaim[]): Verdict =>
      arbitrate(port, claims, namesakes.get(port.name) ?? 1, acceptNames);
    if (port.local !== null) {
      verdicts.push(...localVerdicts(port, own, held.get(port.id) ?? [], judge));
      continue;
    }
    const verdict = judge(own);
    verdicts.push({ port, binding: held.get(port.id)?.[0] ?? null, verdict });
    places.set(port.id, verdict.winner);
  }
  for (const port of ports.values()) {
    const { id, parentId } = port;
    if (parentId === null || !(affected.portIds.has(id) || places.has(parentId))) continue;
    const place = places.get(parentId);
    const winner = place === undefined ? (held.get(parentId)?.[0] ?? null) : place;
    verdicts.push({ port, binding: held.get(id)?.[0] ?? null, verdict: { winner, reason: null } });
  }
  const zones = await chooseZones(
    unit.session,
    verdicts.filter(arrives).flatMap(({ verdict }) => hostOf(verdict)),
  );
  for (const each of verdicts) await putVerdict(unit, each, zones);
}

/** An interface of a hypervisor. */
type Place = Pick<PortBinding, 'hypervisorId' | 'interfaceName' | 'interfaceUuid' | 'ofport'>;

interface Judged {
  readonly port: LogicalSwitchPort;
  readonly binding: PortBinding | null;
  readonly verdict: Pick<Verdict, 'reason'> & { readonly winner: Place | null };
}

/** A local port is judged for each hypervisor by itself. */
function localVerdicts(
  port: LogicalSwitchPort,
  claims: readonly InterfaceClaim[],
  held: readonly PortBinding[],
  judge: (claims: readonly InterfaceClaim[]) => Verdict,
): readonly Judged[] {
  const byHost = groupedBy(claims, ({ hypervisorId }) => hypervisorId);
  const hosts = new Set([...byHost.keys(), ...held.map(({ hypervisorId }) => hypervisorId)]);
  return [...hosts].map(hypervisorId => ({
    port,
    binding: held.find(each => each.hypervisorId === hypervisorId) ?? null,
    verdict: judge(byHost.get(hypervisorId) ?? []),
  }));
}

const hostOf = ({ winner }: Judged['verdict']): readonly string[] => (winner === null ? [] : [winner.hypervisorId]);

/** Whether the port comes to a hypervisor where it was not before. */
function arrives({ binding, verdict: { winner } }: Judged): boolean {
  return winner !== null && winner.hypervisorId !== binding?.hypervisorId;
}

async function putVerdict(unit: UnitOfWork, judged: Judged, zones: ReadonlyMap<string, number[]>): Promise<void> {
  const { port, binding, verdict } = judged;
  const { winner, reason } = verdict;
  if (winner === null) {
    if (binding !== null) unit.put('port-bindings', binding.id, null);
    return;
  }
  const place = {
    hypervisorId: winner.hypervisorId,
    interfaceName: winner.interfaceName,
    interfaceUuid: winner.interfaceUuid,
    ofport: winner.ofport,
    ctZone: zoneOf(judged, zones.get(winner.hypervisorId) ?? []),
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

/** A port that stays on a hypervisor keeps its zone there, and with it its connections. */
function zoneOf(judged: Judged, free: number[]): number {
  const zone = arrives(judged) ? free.pop() : judged.binding?.ctZone;
  if (zone === undefined) throw new Error('no conntrack zone was chosen');
  return zone;
}

/** The ports concerned, as this transaction leaves them. */
function portsLeft(
  unit: UnitOfWork,
  { portIds }: Affected,
  read: readonly LogicalSwitchPort[],
): Map<string, LogicalSwitchPort> {
  const ports = new Map(read.map(port => [port.id, port]));
  for (const { id, after } of unit.changesOf('logical-switch-ports')) {
    if (after === null) ports.delete(id);
    else if (portIds.has(id) || ports.has(id)) ports.set(id, after);
  }
  return ports;
}

function groupedBy<T>(all: readonly T[], keyOf: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const each of all) {
    const same = groups.get(keyOf(each));
    if (same === undefined) groups.set(keyOf(each), [each]);
    else same.push(each);
  }
  return groups;
}

function countNames(ports: ReadonlyMap<string, LogicalSwitchPort>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { name } of ports.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

/** Claims by any of the texts, of hypervisors that are allowed. */
export async function claimsOn(session: Session, texts: readonly string[]): Promise<InterfaceClaim[]> {
  const text = `${CLAIM} WHERE c.iface_id = ANY($1)`;
  const { rows } = await session.query({ text, values: [[...new Set(texts)]], rowMode: 'array' });
  return rows.map(decodeClaim);
}

function decodeClaim(row: readonly unknown[]): InterfaceClaim {
  const [hypervisorId, hypervisorName, interfaceUuid, interfaceName, ifaceId, ofport, order] = row;
  return {
    hypervisorId: String(hypervisorId),
    hypervisorName: String(hypervisorName),
    interfaceUuid: String(interfaceUuid),
    interfaceName: String(interfaceName),
    ifaceId: String(ifaceId),
    ofport: Number(ofport),
    order: Number(order),
  };
}
