/** What hypervisors tell: that they exist, and which interfaces they have. */
import type { CommonRow, Hypervisor } from '../model/index.js';
import { MAX_BRIDGE_MAPPINGS } from '../model/hypervisor.js';
import { looksLikeUuid } from '../model/value-types.js';
import { newHypervisor } from './nouns/hypervisor.js';
import { useJoinToken } from './join-tokens.js';
import { isStorable } from './sql.js';
import type { Transactions, WriteScope } from './transaction.js';
import { newId, type WriteContext } from './write-operations.js';

/** An interface of a hypervisor that carries an iface-id and has an OpenFlow port. */
export interface ReportedInterface {
  readonly uuid: string;
  readonly name: string;
  readonly ifaceId: string;
  /** Its OpenFlow port number, above zero. */
  readonly ofport: number;
}

/** What differs from the last report of a hypervisor. */
export interface InventoryDifference {
  /** Interfaces that are new, or other than before. */
  readonly changed: readonly ReportedInterface[];
  /** UUIDs of interfaces that claim nothing any more. */
  readonly gone: readonly string[];
}

/** All interfaces of a hypervisor that claim ports, or what differs from the last report. */
export type InventoryReport = readonly ReportedInterface[] | InventoryDifference;

export function isDifference(report: InventoryReport): report is InventoryDifference {
  return 'gone' in report;
}

/** What a hypervisor says of itself when it joins. */
export interface HypervisorReport {
  /** external_ids:weft-hypervisor if set, else system-id. */
  readonly systemId: string;
  /** What it presents to be approved at once; null if nothing. */
  readonly joinToken?: string | null;
  /** From where it came, without the port: for the audit. */
  readonly address?: string;
  /** The row made for it beforehand, if Weft dialled it. */
  readonly hypervisorId?: string;
  readonly encapIp: string | null;
  readonly encapTypes: Hypervisor['encapTypes'];
  /** In bytes; null if it does not say. */
  readonly underlayMtu: number | null;
  readonly bridge: string;
  readonly datapathType: Hypervisor['datapathType'];
  /** Left out: none. */
  readonly bridgeMappings?: Hypervisor['bridgeMappings'];
}

export type Registration =
  | { readonly kind: 'accepted'; readonly hypervisor: Hypervisor }
  /** It was deleted: what Weft made on it is to be removed. */
  | { readonly kind: 'leaving'; readonly hypervisor: Hypervisor }
  | { readonly kind: 'refused'; readonly reason: string };

const CONTEXT: WriteContext = { actor: 'weft', source: 'inventory' };
const MAX_IFACE_ID = 255;
/** Hosts that nobody knows may make only so many rows. */
const maximumPending = 128;

export class Inventory {
  readonly #transactions: Transactions;
  readonly #underlayMtu: number;
  readonly #enrolment: 'open' | 'approve';

  constructor(transactions: Transactions, underlayMtu: number, enrolment: 'open' | 'approve') {
    this.#transactions = transactions;
    this.#underlayMtu = underlayMtu;
    this.#enrolment = enrolment;
  }

  /** Finds or makes the row of a hypervisor that joins, and brings it up to date with what it says of itself. */
  async register(report: HypervisorReport): Promise<Registration> {
    const context = { ...CONTEXT, remoteAddress: report.address ?? '' };
    const { result } = await this.#transactions.write(context, scope => this.#register(scope, report));
    return result;
  }

  async #register({ unit }: WriteScope, report: HypervisorReport): Promise<Registration> {
    const bySystem = await unit.children('hypervisors', 'systemId', report.systemId);
    const dialled = report.hypervisorId === undefined ? null : await unit.get('hypervisors', report.hypervisorId);
    const current = bySystem[0] ?? dialled;
    if (dialled !== null && current?.id !== dialled.id)
      return { kind: 'refused', reason: `the system-id ${report.systemId} belongs to hypervisor ${current?.id ?? ''}` };
    if (current !== null && current.systemId !== null && current.systemId !== report.systemId)
      return {
        kind: 'refused',
        reason: `hypervisor ${current.id} is known as ${current.systemId}, not ${report.systemId}`,
      };
    // On one that never was a member there is nothing of ours to clean up.
    if (current !== null && !current.allowed && !current.approved)
      return { kind: 'refused', reason: `${report.systemId} was deleted before it was approved` };
    if (current !== null && !current.allowed) return { kind: 'leaving', hypervisor: current };
    const refusal = await this.#unapproved(unit, report, current);
    if (refusal !== null) return { kind: 'refused', reason: refusal };
    const base = current ?? (await newHypervisor(unit, await this.#common(unit, report), this.#underlayMtu));
    const known = asReported(base, report, this.#underlayMtu);
    const changed = current === null || JSON.stringify(known) !== JSON.stringify(current);
    const hypervisor = changed ? { ...known, updatedAt: unit.now } : current;
    if (changed) unit.put('hypervisors', hypervisor.id, hypervisor);
    return { kind: 'accepted', hypervisor };
  }

  /**
   * Why a host is not a member yet; null if it is, or becomes one now. One that waits has a row with its name, and nothing else of
   * what it says: others must not build tunnels to it.
   */
  async #unapproved(
    unit: WriteScope['unit'],
    report: HypervisorReport,
    current: Hypervisor | null,
  ): Promise<string | null> {
    const { systemId, joinToken = null } = report;
    if (current?.approved === true || (current === null && this.#enrolment === 'open')) return null;
    if (joinToken !== null && (await useJoinToken(unit, joinToken, systemId))) return null;
    const waits = `${systemId} waits for approval: weft hypervisor approve ${systemId}`;
    if (current === null) {
      const { rows } = await unit.session.query(
        // One that was deleted stays, not allowed: it waits no more.
        'SELECT count(*)::integer AS n FROM hypervisors WHERE NOT approved AND allowed',
        [],
      );
      if (Number(rows[0]?.['n']) >= maximumPending)
        return `${maximumPending} hosts wait for approval already: approve or delete some`;
      const base = await newHypervisor(unit, await this.#common(unit, report), this.#underlayMtu);
      unit.put('hypervisors', base.id, { ...base, systemId, encapTypes: [], approved: false });
    }
    return joinToken === null ? waits : `its join token is not good for it, or not any more; ${waits}`;
  }

  async #common(unit: WriteScope['unit'], report: HypervisorReport): Promise<CommonRow> {
    return {
      id: newId(),
      name: report.systemId,
      projectId: '',
      labels: {},
      createdAt: unit.now,
      updatedAt: unit.now,
      revision: 0,
      number: await unit.allocator.number(),
    };
  }

  /**
   * Records the interfaces of some hypervisors, in one transaction: claims that are gone are dropped, and the bindings that
   * follow are written. Nothing happens if nothing differs. Returns the revision that includes it.
   */
  async record(reports: ReadonlyMap<string, InventoryReport>): Promise<number> {
    const rows = [...reports.values()].reduce((sum, report) => sum + lengthOf(report), 0);
    const recordAll = async (scope: WriteScope): Promise<void> => {
      // In one order for everybody, because each hypervisor's claims are locked by its row.
      for (const hypervisorId of [...reports.keys()].toSorted())
        await recordOne(scope, hypervisorId, reports.get(hypervisorId) ?? []);
    };
    const { revision } = await this.#transactions.write(CONTEXT, recordAll, { rows });
    return revision;
  }
}

/** The row of a member once it has said this of itself. */
function asReported(row: Hypervisor, report: HypervisorReport, defaultUnderlayMtu: number): Hypervisor {
  return {
    ...row,
    approved: true,
    name: row.name === '' ? report.systemId : row.name,
    systemId: report.systemId,
    encapIp: report.encapIp,
    encapTypes: report.encapTypes,
    underlayMtu: report.underlayMtu ?? defaultUnderlayMtu,
    bridge: report.bridge,
    datapathType: report.datapathType,
    bridgeMappings: usableMappings(report.bridgeMappings ?? []),
  };
}

/** Whether the row is that of a member which says nothing new of itself: to register it would change nothing. */
export function isAsReported(row: Hypervisor, report: HypervisorReport, defaultUnderlayMtu: number): boolean {
  if (!row.allowed || !row.approved || row.systemId !== report.systemId) return false;
  if (report.hypervisorId !== undefined && report.hypervisorId !== row.id) return false;
  return JSON.stringify(asReported(row, report, defaultUnderlayMtu)) === JSON.stringify(row);
}

const lengthOf = (report: InventoryReport): number =>
  isDifference(report) ? report.changed.length + report.gone.length : report.length;

/** What a host says is checked like any input: names that cannot be stored are no names. */
function usableMappings(mappings: Hypervisor['bridgeMappings']): Hypervisor['bridgeMappings'] {
  return mappings
    .filter(({ physicalNetwork, bridge }) => isStorable(physicalNetwork) && isStorable(bridge))
    .slice(0, MAX_BRIDGE_MAPPINGS);
}

async function recordOne(scope: WriteScope, hypervisorId: string, report: InventoryReport): Promise<void> {
  const { unit, claimedTexts } = scope;
  const hypervisor = await unit.get('hypervisors', hypervisorId);
  if (hypervisor === null) return;
  // An interface counts once, though a host may list it in two of its ports.
  const reported = isDifference(report) ? report.changed : report;
  const usable = new Map((hypervisor.allowed ? reported.filter(isUsable) : []).map(each => [each.uuid, each]));
  // Null: whatever is not in the report is gone.
  const looked =
    isDifference(report) && hypervisor.allowed ? [...report.gone, ...reported.map(each => each.uuid)] : null;
  const rows = [...usable.values()].map(({ uuid, name, ifaceId, ofport }) => ({
    uuid,
    name,
    // Ids are stored in one case; whoever plugs an interface may write them in another.
    iface_id: looksLikeUuid(ifaceId) ? ifaceId.toLowerCase() : ifaceId,
    ofport,
  }));
  const json = JSON.stringify(rows);
  const gone = await unit.session.query(
    `DELETE FROM interface_claims c WHERE c.hypervisor_id = $1 ${looked === null ? '' : 'AND c.interface_uuid = ANY ($3::uuid[])'}
     AND NOT EXISTS (
       SELECT FROM jsonb_to_recordset($2::jsonb) AS r(uuid uuid, iface_id text)
       WHERE r.uuid = c.interface_uuid AND r.iface_id = c.iface_id)
     RETURNING c.iface_id`,
    looked === null ? [hypervisorId, json] : [hypervisorId, json, looked],
  );
  // A claim that stays keeps its place in the order: reporting it again does not make it newer.
  const written = await unit.session.query(
    `INSERT INTO interface_claims AS c (hypervisor_id, interface_uuid, interface_name, iface_id, ofport, claim_order)
     SELECT $1, r.uuid, r.name, r.iface_id, r.ofport, nextval('claim_order')
     FROM jsonb_to_recordset($2::jsonb) AS r(uuid uuid, name text, iface_id text, ofport integer)
     ON CONFLICT (hypervisor_id, interface_uuid) DO UPDATE
     SET interface_name = excluded.interface_name, ofport = excluded.ofport
     WHERE c.interface_name <> excluded.interface_name OR c.ofport <> excluded.ofport
     RETURNING c.iface_id`,
    [hypervisorId, json],
  );
  for (const row of [...gone.rows, ...written.rows]) claimedTexts.add(String(row['iface_id']));
}

/**
 * What a host says is checked like any input: an interface that cannot claim anything is passed over, because reports of several
 * hosts are written together.
 */
function isUsable({ ofport, ifaceId, name }: ReportedInterface): boolean {
  const texts = [ifaceId, name];
  return (
    Number.isInteger(ofport) &&
    ofport > 0 &&
    ofport < 0xff00 &&
    ifaceId !== '' &&
    texts.every(text => text.length <= MAX_IFACE_ID && isStorable(text))
  );
}
