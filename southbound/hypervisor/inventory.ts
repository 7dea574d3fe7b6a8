/**
 * The workloads of a host: Interfaces of our bridge that carry `external_ids:iface-id`. Level-triggered: a listener is told
 * which entries differ, and reads them. Everything of one entry comes from one state of the database, because an ofport
 * of another moment may already belong to another workload. Only rows that have changed are looked at.
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

/** At most one callback in this time, the first of a burst at once. */
const spacingMs = 10;

export class Inventory {
  readonly #replica: DatabaseSnapshot;
  readonly #clock: Clock;
  readonly #listeners = new Set<(changed: readonly string[]) => void>();
  readonly #bridgeOf: BridgeMembership;
  readonly #reports = new Map<string, ReportedInterface>();
  /** The reports by UUID of the Interface; null while it has to be put together again. */
  #list: readonly ReportedInterface[] | null = [];
  /** Interfaces to look at again, and those that came out different since listeners were told. */
  readonly #touched = new Set<string>();
  readonly #news = new Set<string>();
  #isScheduled = false;
  #lastToldMs = Number.NEGATIVE_INFINITY;

  constructor(replica: Pick<Replica, 'rows' | 'onChange'>, bridge: string, clock: Clock) {
    this.#replica = replica;
    this.#clock = clock;
    this.#bridgeOf = new BridgeMembership(replica, bridge);
    for (const uuid of replica.rows('Interface').keys()) this.#touched.add(uuid);
    replica.onChange(changes => {
      const before = this.#touched.size;
      for (const change of changes) this.#bridgeOf.apply(change, uuid => this.#touched.add(uuid));
      if (this.#touched.size > before) this.#schedule();
    });
  }

  /** Looks at another bridge from now on. */
  setBridge(bridge: string): void {
    if (bridge === this.#bridgeOf.bridge) return;
    this.#bridgeOf.follow(bridge);
    for (const uuid of this.#replica.rows('Interface').keys()) this.#touched.add(uuid);
    this.#schedule();
  }

  /**
   * The list as the database has it now, also while listeners are still to be told: somebody who asks the moment the
   * database has been read must not hear that there is nothing, or a reconnecting host's workloads are taken for gone.
   */
  interfaces(): readonly ReportedInterface[] {
    this.#settle();
    this.#list ??= [...this.#reports.values()].sort((a, b) => (a.uuid < b.uuid ? -1 : 1));
    return this.#list;
  }

  /** One entry of the list; null when the Interface claims nothing, or is not there. */
  get(uuid: string): ReportedInterface | null {
    this.#settle();
    return this.#reports.get(uuid) ?? null;
  }

  /** Is it an Interface of our bridge? */
  isOnBridge(uuid: string): boolean {
    return this.#bridgeOf.has(uuid);
  }

  /** Calls back with the UUIDs of the entries that came, changed or went; the returned function ends it. */
  onChange(listener: (changed: readonly string[]) => void): () => void {
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
    this.#settle();
    if (this.#news.size === 0) return;
    const changed = [...this.#news];
    this.#news.clear();
    this.#lastToldMs = this.#clock.nowMs();
    for (const listener of this.#listeners) listener(changed);
  }

  /** Brings the reports up to the database. */
  #settle(): void {
    for (const uuid of this.#touched) {
      const row = this.#replica.rows('Interface').get(uuid);
      const ifaceId = row?.external_ids.get('iface-id');
      const isClaim = row !== undefined && ifaceId !== undefined && ifaceId !== '' && this.#bridgeOf.has(uuid);
      const after = isClaim ? report(row, ifaceId) : null;
      if (isSame(this.#reports.get(uuid) ?? null, after)) continue;
      if (after === null) this.#reports.delete(uuid);
      else this.#reports.set(uuid, after);
      this.#news.add(uuid);
      this.#list = null;
    }
    this.#touched.clear();
  }
}

function isSame(left: ReportedInterface | null, right: ReportedInterface | null): boolean {
  if (left === null || right === null) return left === right;
  return (Object.keys(left) as (keyof ReportedInterface)[]).every(name => left[name] === right[name]);
}

/** Which Interfaces are on a bridge: each is listed by a Port (or, by mistake, by several), and that by the bridge. */
class BridgeMembership {
  readonly #database: DatabaseSnapshot;
  readonly #portsOf = new Map<string, ReadonlySet<string>>();
  #bridge: string;
  #bridgePorts: ReadonlySet<string> = new Set();

  constructor(database: DatabaseSnapshot, bridge: string) {
    this.#database = database;
    this.#bridge = bridge;
    for (const [uuid, port] of database.rows('Port')) {
      for (const each of port.interfaces) this.#link(each, uuid, true);
    }
    this.follow(bridge);
  }

  get bridge(): string {
    return this.#bridge;
  }

  follow(bridge: string): void {
    this.#bridge = bridge;
    const row = [...this.#database.rows('Bridge').values()].find(({ name }) => name === bridge);
    this.#bridgePorts = new Set(row?.ports);
  }

  has(interfaceUuid: string): boolean {
    for (const port of this.#portsOf.get(interfaceUuid) ?? none) if (this.#bridgePorts.has(port)) return true;
    return false;
  }

  /** Takes a change in, and tells the Interfaces that it may concern. */
  apply(change: RowChange, touch: (interfaceUuid: string) => void): void {
    if (change.table === 'Interface') return touch(change.uuid);
    if (change.table === 'Port') {
      for (const uuid of change.before?.interfaces ?? none) this.#link(uuid, change.uuid, false);
      for (const uuid of change.after?.interfaces ?? none) this.#link(uuid, change.uuid, true);
      for (const row of [change.before, change.after]) for (const uuid of row?.interfaces ?? none) touch(uuid);
      return;
    }
    if (change.table !== 'Bridge') return;
    if (change.before?.name !== this.#bridge && change.after?.name !== this.#bridge) return;
    this.#takePorts(new Set(change.after?.name === this.#bridge ? change.after.ports : none), touch);
  }

  #takePorts(ports: ReadonlySet<string>, touch: (interfaceUuid: string) => void): void {
    const before = this.#bridgePorts;
    this.#bridgePorts = ports;
    const rows = this.#database.rows('Port');
    const touchAll = (port: string): void => rows.get(port)?.interfaces.forEach(touch);
    for (const port of ports) if (!before.has(port)) touchAll(port);
    for (const port of before) if (!ports.has(port)) touchAll(port);
  }

  #link(interfaceUuid: string, portUuid: string, isListed: boolean): void {
    const ports = new Set(this.#portsOf.get(interfaceUuid));
    if (isListed) ports.add(portUuid);
    else ports.delete(portUuid);
    if (ports.size === 0) this.#portsOf.delete(interfaceUuid);
    else this.#portsOf.set(interfaceUuid, ports);
  }
}

const none: readonly string[] = [];
