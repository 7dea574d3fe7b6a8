/**
 * What in a host's database is ours, and what was there before us.
 *
 * A row that we made carries `external_ids:weft-owner` with the id of our database. A row that we only changed also carries
 * `external_ids:weft-restore`: the former values, written in the same transaction as the change, so that they can be put back
 * by any Weft at any later time.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../southbound/ovsdb/json-stream.js';
import type { DatabaseSnapshot } from '../../southbound/ovsdb/replica.js';
import type { Row } from '../../southbound/ovsdb/schema.js';

export const ownerKey = 'weft-owner';
export const restoreKey = 'weft-restore';
/** Says on an Interface that its flows are acknowledged. */
export const installedKey = 'weft-installed';
/** On a Controller row of ours: what the connection is for (`flows`, `punt`). */
export const useKey = 'weft-use';
/** On a Controller row of ours: the manager target by which the host reaches the Weft that wrote it. */
export const managerKey = 'weft-manager';

/** Keys of a bridge's other_config that we set. */
export const bridgeConfigKeys = ['datapath-id', 'disable-in-band'] as const;

type StringMap = ReadonlyMap<string, string>;

/** Did a Weft (whichever) make this row? */
export function isOwned(row: { readonly external_ids: StringMap }): boolean {
  return row.external_ids.has(ownerKey);
}

/** A Controller row as somebody configured it, without what Open vSwitch reports in it. */
export type ControllerConfig = Omit<Row<'Controller'>, '_uuid' | 'is_connected' | 'role'>;

/** A bridge before we took it over. */
export interface FormerBridge {
  readonly failMode: string | null;
  readonly datapathType: string;
  readonly protocols: readonly string[];
  readonly otherConfig: StringMap;
  readonly controllers: readonly ControllerConfig[];
}

/** A manager row's timers before we set ours, milliseconds. */
export interface FormerManager {
  readonly maxBackoffMs: number | null;
  readonly inactivityProbeMs: number | null;
}

/**
 * Is this the Controller row of another Weft on our database, one that the host still knows? Each Weft keeps its own rows; those
 * of a manager target that is gone from the host, or that say none, belong to whoever is in charge.
 */
export function isOfPeer(
  database: DatabaseSnapshot,
  row: Row<'Controller'>,
  self: { readonly databaseId: string; readonly reachedBy: string | null },
): boolean {
  const target = row.external_ids.get(managerKey);
  if (target === undefined || target === self.reachedBy) return false;
  if (row.external_ids.get(ownerKey) !== self.databaseId) return false;
  return [...database.rows('Manager').values()].some(manager => manager.target === target);
}

/** The rows that a set of UUIDs refers to, as far as the replica has them. */
export function rowsOf<T>(uuids: readonly string[], rows: ReadonlyMap<string, T>): readonly T[] {
  return uuids.flatMap(uuid => rows.get(uuid) ?? []);
}

/** The present state of a bridge that is not ours, for the record. Controllers of another Weft are not worth recording. */
export function formerBridge(database: DatabaseSnapshot, bridge: Row<'Bridge'>): FormerBridge {
  return {
    failMode: bridge.fail_mode,
    datapathType: bridge.datapath_type,
    protocols: bridge.protocols,
    otherConfig: new Map([...bridge.other_config].filter(([key]) => bridgeConfigKeys.some(ours => ours === key))),
    controllers: rowsOf(bridge.controller, database.rows('Controller')).filter(row => !isOwned(row)),
  };
}

/** The columns that make up a Controller's configuration. */
const controllerColumns = [
  'type',
  'target',
  'max_backoff',
  'inactivity_probe',
  'connection_mode',
  'local_ip',
  'local_netmask',
  'local_gateway',
  'enable_async_messages',
  'controller_queue_size',
  'controller_rate_limit',
  'controller_burst_limit',
  'other_config',
  'external_ids',
] as const satisfies readonly (keyof ControllerConfig)[];

export function encodeFormerBridge(former: FormerBridge): string {
  const controllers = former.controllers.map(row =>
    Object.fromEntries(
      controllerColumns.map(column => {
        const value = row[column];
        return [column, value instanceof Map ? Object.fromEntries(value) : value];
      }),
    ),
  );
  return JSON.stringify({
    fail_mode: former.failMode,
    datapath_type: former.datapathType,
    protocols: former.protocols,
    other_config: Object.fromEntries(former.otherConfig),
    controllers,
  });
}

export function encodeFormerManager(former: FormerManager): string {
  return JSON.stringify({ max_backoff: former.maxBackoffMs, inactivity_probe: former.inactivityProbeMs });
}

/**
 * The record that a row carries; null if it carries none, or if somebody spoilt it: it stands where anybody on the host can write.
 */
function readRecord(externalIds: StringMap): JsonObject | null {
  try {
    const value = JSON.parse(externalIds.get(restoreKey) ?? 'null') as JsonValue;
    return isJsonObject(value) ? value : null;
  } catch {
    return null; // Unreadable is the same as absent: then nothing is restored, and the row is treated as made by us.
  }
}

function stringOrNull(value: JsonValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function integerOrNull(value: JsonValue | undefined): number | null {
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : null;
}

function stringMap(value: JsonValue | undefined): StringMap {
  if (!isJsonObject(value)) return new Map();
  return new Map(Object.entries(value).flatMap(([key, text]) => (typeof text === 'string' ? [[key, text]] : [])));
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

function controllerConfig(record: JsonObject): ControllerConfig {
  const asynchronous = record['enable_async_messages'];
  return {
    type: stringOrNull(record['type']),
    target: stringOrNull(record['target']) ?? '',
    max_backoff: integerOrNull(record['max_backoff']),
    inactivity_probe: integerOrNull(record['inactivity_probe']),
    connection_mode: stringOrNull(record['connection_mode']),
    local_ip: stringOrNull(record['local_ip']),
    local_netmask: stringOrNull(record['local_netmask']),
    local_gateway: stringOrNull(record['local_gateway']),
    enable_async_messages: typeof asynchronous === 'boolean' ? asynchronous : null,
    controller_queue_size: integerOrNull(record['controller_queue_size']),
    controller_rate_limit: integerOrNull(record['controller_rate_limit']),
    controller_burst_limit: integerOrNull(record['controller_burst_limit']),
    other_config: stringMap(record['other_config']),
    external_ids: stringMap(record['external_ids']),
  };
}

/** What the bridge was before we took it over; null for a bridge that we made. */
export function readFormerBridge(bridge: Row<'Bridge'>): FormerBridge | null {
  const record = readRecord(bridge.external_ids);
  if (!record) return null;
  return {
    failMode: stringOrNull(record['fail_mode']),
    datapathType: stringOrNull(record['datapath_type']) ?? bridge.datapath_type,
    protocols: list(record['protocols']).filter(name => typeof name === 'string'),
    otherConfig: stringMap(record['other_config']),
    controllers: list(record['controllers']).filter(isJsonObject).map(controllerConfig),
  };
}

/** The timers that a manager row had before us; null if we did not change them. */
export function readFormerManager(manager: Row<'Manager'>): FormerManager | null {
  const record = readRecord(manager.external_ids);
  if (!record) return null;
  return {
    maxBackoffMs: integerOrNull(record['max_backoff']),
    inactivityProbeMs: integerOrNull(record['inactivity_probe']),
  };
}

/** Did somebody remove the mark from a bridge that is ours? Then its controllers still have theirs. */
export function hasLostMark(database: DatabaseSnapshot, bridge: Row<'Bridge'>, databaseId: string): boolean {
  const controllers = rowsOf(bridge.controller, database.rows('Controller'));
  return !isOwned(bridge) && controllers.some(row => row.external_ids.get(ownerKey) === databaseId);
}
