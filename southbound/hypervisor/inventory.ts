/**
 * The workloads of a host: Interfaces of our bridge that carry `external_ids:iface-id`. Level-triggered: a listener is told
 * that the list differs, and reads the list. Everything of one entry comes from one state of the database, because an ofport
 * of another moment may already belong to another workload.
 */
import type { Clock } from '../../src/base/clock.js';
import type { DatabaseSnapshot, Replica, RowChange } from '../ovsdb/replica.js';
import type { Row } from '../ovsdb/schema.js';

export interface ReportedInterface {
  readonly uuid: string;
  readonly name: string;
  /** `external_ids:iface-id`: the id (or name) of a logical switch port. */
  readonly ifaceId: string;
  /** OpenFlow port number; null while it has none that can carry packets (absent, -1, reserved, or the row has an error). */
  readonly ofport: number | null;
  readonly type: string;
  readonly linkState: 'up' | 'down' | null;
  readonly adminState: 'up' | 'down' | null;
  readonly mtuBytes: number | null;
  /** `external_ids:attached-mac`, as it stands there. */
  readonly attachedMac: string | null;
  /** What Open vSwitch says is wrong with it. */
  readonly error: string | null;
}

/** Port numbers from here on are reserved by OpenFlow (LOCAL, CONTROLLER, ...) or by Open vSwitch. */
const firstReservedOfport = 0xff00;

function upOrDown(text: string | null): 'up' | 'down' | null {
  return text === 'up' || text === 'down' ? text : null;
}

function report(row: Row<'Interface'>, ifaceId: string): ReportedInterface {
  const { ofport, error } = row;
  const isUsable = ofport !== null && ofport > 0 && ofport < firstReservedOfport && error === null;
  return {
    uuid: row._uuid,
    name: row.name,
    ifaceId,
    ofport: isUsable ? ofport : null,
    type: row.type,
    linkState: upOrDown(row.link_state),
    adminState: upOrDown(row.admin_state),
    mtuBytes: row.mtu,
    attachedMac: row.external_ids.get('attached-mac') ?? null,
    error,
  };
}

/** The rows of all Interfaces of a bridge; none if there is no such bridge. */
export function interfacesOf(database: DatabaseSnapshot, bridgeName: string): readonly Row<'Interface'>[] {
  const ports = database.rows('Port');
  const interfaces = database.rows('Interface');
  for (const bridge of database.rows('Bridge').values()) {
    if (bridge.name !== bridgeName) continue;
    const uuids = bridge.ports.flatMap(port => ports.get(port)?.interfaces ?? []);
    return uuids.flatMap(uuid => interfaces.get(uuid) ?? []);
  }
  return [];
}

/** The Interfaces of the bridge that claim a logical switch port, by UUID. */
export function claimedInterfaces(database: DatabaseSnapshot, bridgeName: string): readonly ReportedInterface[] {
  return interfacesOf(database, bridgeName)
    .flatMap(row => {
      const ifaceId = row.external_ids.get('iface-id');
      return ifaceId ? [report(row, ifaceId)] : [];
    })
    .sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
}

/** At most one callback in this time, the first of a burst at once. */
const spacingMs = 10;

export class Inventory {
  readonly #replica: DatabaseSnapshot;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  #bridge: string;
  #current: readonly ReportedInterface[] = [];
  #told = '[]';
  #isScheduled = false;
  #lastToldMs = Number.NEGATIVE_INFINITY;

  constructor(replica: Pick<Replica, 'rows' | 'onChange'>, bridge: string, clock: Clock) {
    this.#replica = replica;
    this.#bridge = bridge;
    this.#clock = clock;
    replica.onChange(changes => {
      if (changes.some(touchesInterfaces)) this.#schedule();
    });
  }

  /** Looks at another bridge from now on. */
  setBridge(bridge: string): void {
    if (bridge === this.#bridge) return;
    this.#bridge = bridge;
    this.#schedule();
  }

  /**
   * The list as the database has it now, also while listeners are still to be told: somebody who asks the moment the
   * database has been read must not hear that there is nothing, or a reconnecting host's workloads are taken for gone.
   */
  interfaces(): readonly ReportedInterface[] {
    if (this.#isScheduled) this.#current = claimedInterfaces(this.#replica, this.#bridge);
    return this.#current;
  }

  /** Calls back when the list has changed; the returned function ends it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const sinceMs = this.#clock.nowMs() - this.#lastToldMs;
    this.#clock.after(Math.max(0, spacingMs - sinceMs), () => this.#refresh());
  }

  #refresh(): void {
    this.#isScheduled = false;
    const interfaces = claimedInterfaces(this.#replica, this.#bridge);
    const text = JSON.stringify(interfaces);
    if (text === this.#told) return;
    this.#told = text;
    this.#current = interfaces;
    this.#lastToldMs = this.#clock.nowMs();
    for (const listener of this.#listeners) listener();
  }
}

function touchesInterfaces(change: RowChange): boolean {
  return change.table === 'Interface' || change.table === 'Port' || change.table === 'Bridge';
}
