/**
 * Queues on the interfaces by which what workloads send leaves a host: a `linux-htb` QoS on each, with a class that has the rate which is
 * guaranteed to a port. Flows put the port's packets into its queue, and the kernel keeps that through tunnels and patch ports.
 *
 *   Port eth1 (the host's) --qos--> QoS --queues--> { ofport of the port: Queue min-rate }     both of them Weft's
 *
 * Which interfaces those are the host says: by `external_ids:weft-egress-iface` on them. Nothing else of them is touched, and none that
 * has a QoS which is not Weft's.
 */
import type { NamedUuid } from '../../southbound/ovsdb/notation.js';
import type { DatabaseSnapshot } from '../../southbound/ovsdb/replica.js';
import type { Row } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  deleteRows,
  insert,
  mutate,
  named,
  removingKeys,
  update,
  wait,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import { isOwned, ownerKey, rowsOf } from './ovsdb-ownership.js';
import { lacking, ownerIds, settingIds } from './ovsdb-tunnels.js';

/** A queue, and the rate that is kept for it. */
export interface PortQueue {
  /** 1 to 61439. */
  readonly queue: number;
  readonly minKbps: number;
}

interface Desired {
  readonly databaseId: string;
  readonly queues: readonly PortQueue[];
}

/** By what a packet leaves a host: in a tunnel, or by the bridge of a physical network. */
export type WayOut = { readonly kind: 'tunnel' } | { readonly kind: 'physical'; readonly bridge: string };

/** Names an interface as one by which workloads' traffic leaves. OVN's key is read where it is absent: its tunnels have no queues. */
const markKey = 'weft-egress-iface';
const ovnMarkKey = 'ovn-egress-iface';
/** Kilobits a second that the interface gives to all queues together, where that is not the speed of its link. */
const rateKey = 'weft-egress-kbps';
/** On a Queue of ours: its number. */
const queueKey = 'weft-queue';

const leadsTo = {
  true: ['tunnel', 'physical'],
  tunnels: ['tunnel'],
  physical: ['physical'],
} as const satisfies Record<string, readonly WayOut['kind'][]>;

/** What 32 bits of bytes a second can say, to which Open vSwitch 3.1 cuts rates without a word. */
const largestRateBps = (2 ** 32 - 1) * 8;

/** A port with an interface that the host has marked. */
interface EgressPort {
  readonly port: Row<'Port'>;
  readonly bridge: string;
  readonly leadsTo: readonly WayOut['kind'][];
  readonly maxRateBps: number;
  /** Why it gets no queues; null: nothing stands in the way. */
  readonly obstacle: string | null;
}

/** Whether queues may have to change for what an Interface has become. */
export function concernsQueues(before: Row<'Interface'>, after: Row<'Interface'>): boolean {
  return (
    before.link_speed !== after.link_speed ||
    [markKey, ovnMarkKey, rateKey].some(key => before.external_ids.get(key) !== after.external_ids.get(key))
  );
}

function markOf(row: Row<'Interface'>): string | null {
  const value = row.external_ids.get(markKey)?.trim() ?? '';
  if (value !== '') return value === 'false' ? null : value;
  return row.external_ids.get(ovnMarkKey)?.trim() === 'true' ? 'physical' : null;
}

function rateOf(row: Row<'Interface'>): number {
  const given = row.external_ids.get(rateKey) ?? '';
  if (/^[1-9]\d{0,8}$/.test(given)) return Math.min(Number(given) * 1000, largestRateBps);
  const speed = row.link_speed ?? 0;
  return speed > 0 ? Math.min(speed, largestRateBps) : largestRateBps;
}

/** The marked ports of a host, each once, in the order of their names. */
function egressPorts(database: DatabaseSnapshot): readonly EgressPort[] {
  const marked = new Set([...database.rows('Interface').values()].filter(row => markOf(row) !== null));
  if (marked.size === 0) return [];
  const found: EgressPort[] = [];
  for (const bridge of database.rows('Bridge').values()) {
    for (const port of rowsOf(bridge.ports, database.rows('Port'))) {
      const device = rowsOf(port.interfaces, database.rows('Interface')).find(row => marked.has(row));
      if (device === undefined) continue;
      const mark = markOf(device) ?? '';
      found.push({
        port,
        bridge: bridge.name,
        leadsTo: isMark(mark) ? leadsTo[mark] : [],
        maxRateBps: rateOf(device),
        obstacle: isMark(mark)
          ? obstacleTo(database, bridge, port)
          : `external_ids:${markKey} of ${device.name} is none of ${Object.keys(leadsTo).join(', ')}`,
      });
    }
  }
  return found.toSorted((a, b) => (a.port.name < b.port.name ? -1 : 1));
}

function isMark(text: string): text is keyof typeof leadsTo {
  return Object.hasOwn(leadsTo, text);
}

function obstacleTo(database: DatabaseSnapshot, bridge: Row<'Bridge'>, port: Row<'Port'>): string | null {
  if ((bridge.datapath_type || 'system') !== 'system')
    return `bridge ${bridge.name} of ${port.name} has the datapath type ${bridge.datapath_type}, which puts nothing into queues`;
  const present = port.qos === null ? undefined : database.rows('QoS').get(port.qos);
  if (present === undefined || isOwned(present)) return null;
  return `${port.name} has a QoS (${present.type}) that is not Weft's`;
}

/** Why what leaves the host this way is in no queues (yet); null if it is. `ours` is Weft's bridge. */
export function whyNoQueues(database: DatabaseSnapshot, ours: string, way: WayOut): string | null {
  const own = [...database.rows('Bridge').values()].find(row => row.name === ours);
  const type = own?.datapath_type || 'system';
  if (type !== 'system') return `bridge ${ours} has the datapath type ${type}, which puts nothing into queues`;
  const ports = egressPorts(database);
  const onWay = ports.filter(
    each => each.leadsTo.includes(way.kind) && (way.kind === 'tunnel' || each.bridge === way.bridge),
  );
  if (onWay.length === 0) {
    const unread = ports.filter(each => each.leadsTo.length === 0).map(each => `; ${each.obstacle ?? ''}`);
    const where = way.kind === 'tunnel' ? 'by which its tunnels leave' : `of bridge ${way.bridge} by which they leave`;
    return `it names no interface ${where}: set external_ids:${markKey}=true on that${unread.join('')}`;
  }
  const obstacle = onWay.find(each => each.obstacle !== null)?.obstacle ?? null;
  if (obstacle !== null) return obstacle;
  return onWay.every(({ port }) => port.qos !== null) ? null : 'its queues are not made yet';
}

/** Exactly the queues that are wanted, on each marked port that can have them; no QoS where there are none. */
export function planQueues(database: DatabaseSnapshot, desired: Desired): readonly Operation[] {
  const ports = desired.queues.length === 0 ? [] : egressPorts(database).filter(each => each.obstacle === null);
  const rates = new Map<number, number>();
  if (ports.length > 0) {
    for (const { queue, minKbps } of desired.queues) rates.set(queue, Math.max(minKbps, rates.get(queue) ?? 0));
  }
  const { operations, references, kept } = planQueueRows(database, desired, rates);
  const taken = new Set<string>();
  const onPorts = ports.flatMap((port, index) => {
    const present = port.port.qos === null || taken.has(port.port.qos) ? null : port.port.qos;
    const row = present === null ? undefined : database.rows('QoS').get(present);
    if (row === undefined) return insertQos(desired, port, references, index);
    taken.add(row._uuid);
    return maintainQos(desired, port, row, references);
  });
  return [...operations, ...onPorts, ...planRemovals(database, { isOurs: isOwned, qos: taken, queues: kept })];
}

/** What is left of queues when a host leaves. */
export function planQueueRemoval(database: DatabaseSnapshot, databaseId: string): readonly Operation[] {
  const isOurs = (row: Row<'QoS'> | Row<'Queue'>): boolean => row.external_ids.get(ownerKey) === databaseId;
  return planRemovals(database, { isOurs, qos: new Set(), queues: new Set() });
}

/** The rows of the queues themselves, which all interfaces share. */
function planQueueRows(
  database: DatabaseSnapshot,
  desired: Desired,
  rates: ReadonlyMap<number, number>,
): {
  readonly operations: readonly Operation[];
  /** By number of the queue. */
  readonly references: ReadonlyMap<number, string | NamedUuid>;
  readonly kept: ReadonlySet<string>;
} {
  const present = new Map<string, Row<'Queue'>>();
  for (const row of rates.size === 0 ? [] : database.rows('Queue').values()) {
    const number = row.external_ids.get(queueKey);
    if (number !== undefined && isOwned(row)) present.set(number, row);
  }
  const references = new Map<number, string | NamedUuid>();
  const kept = new Set<string>();
  const operations: Operation[] = [];
  for (const [queue, minKbps] of rates) {
    const config = new Map([['min-rate', `${Math.min(minKbps * 1000, largestRateBps)}`]]);
    const row = present.get(`${queue}`);
    if (row === undefined) {
      const name = named(`queue_${queue}`);
      const ids = new Map([...ownerIds(desired), [queueKey, `${queue}`]]);
      operations.push(insert('Queue', { other_config: config, external_ids: ids }, name));
      references.set(queue, name);
      continue;
    }
    kept.add(row._uuid);
    references.set(queue, row._uuid);
    operations.push(...maintainRow('Queue', row, desired, config));
  }
  return { operations, references, kept };
}

function qosConfig({ maxRateBps }: EgressPort): ReadonlyMap<string, string> {
  return new Map([['max-rate', `${maxRateBps}`]]);
}

function insertQos(
  desired: Desired,
  egress: EgressPort,
  queues: ReadonlyMap<number, string | NamedUuid>,
  index: number,
): readonly Operation[] {
  const name = named(`qos_${index}`);
  const where = [byUuid(egress.port._uuid)];
  const row = { type: 'linux-htb', queues, other_config: qosConfig(egress), external_ids: ownerIds(desired) };
  return [
    // Whoever has just put a QoS there keeps it.
    wait('Port', where, '==', ['qos'], [{ qos: egress.port.qos }]),
    insert('QoS', row, name),
    update('Port', where, { qos: name }),
  ];
}

function maintainQos(
  desired: Desired,
  egress: EgressPort,
  row: Row<'QoS'>,
  queues: ReadonlyMap<number, string | NamedUuid>,
): readonly Operation[] {
  const where = [byUuid(row._uuid)];
  const gone = [...row.queues].filter(([queue, uuid]) => queues.get(queue) !== uuid).map(([queue]) => queue);
  const added = new Map([...queues].filter(([queue, reference]) => row.queues.get(queue) !== reference));
  const mutations = [
    ...(gone.length === 0 ? [] : [removingKeys('QoS', 'queues', gone)]),
    ...(added.size === 0 ? [] : [adding('QoS', 'queues', added)]),
  ];
  return [
    ...(row.type === 'linux-htb' ? [] : [update('QoS', where, { type: 'linux-htb' })]),
    ...maintainRow('QoS', row, desired, qosConfig(egress)),
    ...(mutations.length === 0 ? [] : [mutate('QoS', where, mutations)]),
  ];
}

/** Our mark and our settings; what somebody added to a row of ours (`burst`, `quantum`, ...) stays. */
function maintainRow(
  table: 'QoS' | 'Queue',
  row: Row<'QoS'> | Row<'Queue'>,
  desired: Desired,
  config: ReadonlyMap<string, string>,
): readonly Operation[] {
  const marks = lacking(row.external_ids, ownerIds(desired));
  const wrong = lacking(row.other_config, config);
  const mutations = [
    ...(marks.size === 0 ? [] : settingIds(table, marks)),
    ...(wrong.size === 0
      ? []
      : [removingKeys(table, 'other_config', [...wrong.keys()]), adding(table, 'other_config', wrong)]),
  ];
  return mutations.length === 0 ? [] : [mutate(table, [byUuid(row._uuid)], mutations)];
}

/** Neither table forgets rows by itself, and a row goes only when nothing refers to it any more. */
function planRemovals(
  database: DatabaseSnapshot,
  {
    isOurs,
    qos,
    queues,
  }: {
    readonly isOurs: (row: Row<'QoS'> | Row<'Queue'>) => boolean;
    /** UUIDs of those that stay. */
    readonly qos: ReadonlySet<string>;
    readonly queues: ReadonlySet<string>;
  },
): readonly Operation[] {
  const all = [...database.rows('QoS').values()];
  const goingQos = all.filter(row => isOurs(row) && !qos.has(row._uuid));
  const goingIds = new Set(goingQos.map(row => row._uuid));
  const ofOthers = new Set(all.filter(row => !isOwned(row)).flatMap(row => [...row.queues.values()]));
  const goingQueues = [...database.rows('Queue').values()].filter(
    row => isOurs(row) && !queues.has(row._uuid) && !ofOthers.has(row._uuid),
  );
  const holders =
    goingIds.size === 0
      ? []
      : [...database.rows('Port').values()].filter(port => port.qos !== null && goingIds.has(port.qos));
  return [
    ...holders.map(port => update('Port', [byUuid(port._uuid)], { qos: null })),
    ...goingQos.map(row => deleteRows('QoS', [byUuid(row._uuid)])),
    ...goingQueues.map(row => deleteRows('Queue', [byUuid(row._uuid)])),
  ];
}
