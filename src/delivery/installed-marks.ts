/**
 * The marks `weft-installed` of one host: which Interfaces should have one, and which have to be looked at again because that,
 * or their row, has changed. All are looked at once; after that a port that comes or goes costs one mutation of one row.
 */
import type { HypervisorSession } from '../../southbound/hypervisor/session.js';
import type { RowChange } from '../../southbound/ovsdb/replica.js';
import type { Operation } from '../../southbound/ovsdb/transact.js';
import { planInstalledMarks, planMark } from './ovsdb-installed.js';
import { installedKey } from './ovsdb-ownership.js';

/** Interfaces looked at for one transaction. */
const marksPerTransaction = 500;

export class InstalledMarks {
  readonly #session: Pick<HypervisorSession, 'replica' | 'inventory'>;
  /** iface-id by UUID. Null until the switch has said what is in force: the marks of the Weft before us stay till then. */
  #acknowledged: Map<string, string> | null = null;
  /** The bridge all of whose Interfaces have been looked at. */
  #bridge: string | null = null;
  readonly #toLook = new Set<string>();
  /** What the operations given last were made for: to be looked at again if they fail. */
  #given: { readonly uuids: readonly string[]; readonly bridge: string | null } | null = null;

  constructor(session: Pick<HypervisorSession, 'replica' | 'inventory'>) {
    this.#session = session;
  }

  /** Exactly these should have a mark. */
  setAll(acknowledged: ReadonlyMap<string, string>): void {
    this.#acknowledged = new Map(acknowledged);
    this.#bridge = null;
  }

  /** Should this one, provided that all have been set? */
  set(uuid: string, ifaceId: string | null): void {
    if (this.#acknowledged === null || (this.#acknowledged.get(uuid) ?? null) === ifaceId) return;
    if (ifaceId === null) this.#acknowledged.delete(uuid);
    else this.#acknowledged.set(uuid, ifaceId);
    this.#toLook.add(uuid);
  }

  /** Whether some mark has to be looked at since. */
  replicaChanged(changes: readonly RowChange[]): boolean {
    if (this.#acknowledged === null) return false;
    const before = this.#toLook.size;
    for (const change of changes) {
      if (change.table === 'Interface' && change.after !== null && movesMark(change)) this.#toLook.add(change.uuid);
    }
    return this.#toLook.size > before;
  }

  /** Operations for one transaction; none when nothing is left to do. `done` follows when they are committed. */
  next(bridge: string): readonly Operation[] {
    if (this.#acknowledged === null) return [];
    for (const uuid of this.#given?.uuids ?? []) this.#toLook.add(uuid);
    this.#given = null;
    return this.#bridge === bridge ? this.#nextOf(this.#acknowledged) : this.#nextOfAll(bridge, this.#acknowledged);
  }

  /** What `next` gave is in the database. */
  done(): void {
    if (this.#given === null) return;
    this.#bridge = this.#given.bridge;
    this.#given = null;
  }

  #nextOfAll(bridge: string, acknowledged: ReadonlyMap<string, string>): readonly Operation[] {
    const all = planInstalledMarks(this.#session.replica, bridge, acknowledged);
    if (all.length === 0) {
      this.#bridge = bridge;
      return this.#nextOf(acknowledged);
    }
    // Where they do not fit into one, the rest is found when all are looked at again.
    this.#given = { uuids: [], bridge: all.length <= marksPerTransaction ? bridge : null };
    return all.slice(0, marksPerTransaction);
  }

  #nextOf(acknowledged: ReadonlyMap<string, string>): readonly Operation[] {
    const { replica, inventory } = this.#session;
    const rows = replica.rows('Interface');
    const uuids: string[] = [];
    const operations: Operation[] = [];
    for (const uuid of this.#toLook) {
      if (operations.length === marksPerTransaction) break;
      // What happens to it from now on is news.
      this.#toLook.delete(uuid);
      uuids.push(uuid);
      const row = rows.get(uuid);
      if (row !== undefined && inventory.isOnBridge(uuid)) operations.push(...planMark(row, acknowledged.get(uuid)));
    }
    this.#given = operations.length === 0 ? null : { uuids, bridge: this.#bridge };
    return operations;
  }
}

function movesMark({ before, after }: Extract<RowChange, { table: 'Interface' }>): boolean {
  return [installedKey, 'iface-id'].some(key => before?.external_ids.get(key) !== after?.external_ids.get(key));
}
