/**
 * Leaving a host: its database becomes what it was before it joined. Like the way in, a pure function that is tried again
 * until there is nothing to do.
 */
import { joinTokenKey } from '../../southbound/hypervisor/identity.js';
import type { DatabaseSnapshot } from '../../southbound/ovsdb/replica.js';
import type { Row } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  condition,
  incrementing,
  insert,
  mutate,
  named,
  removing,
  removingKeys,
  update,
  wait,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import {
  bridgeConfigKeys,
  installedKey,
  isOwned,
  ownerKey,
  readFormerBridge,
  readFormerManager,
  restoreKey,
  rowsOf,
  type FormerBridge,
} from './ovsdb-ownership.js';
import type { OvsdbPlan } from './ovsdb-plan.js';
import { planJointRemoval } from './ovsdb-provider.js';
import { planQueueRemoval } from './ovsdb-queues.js';

/** Plans the next transaction of the way out. `nothing` means that nothing of this Weft is left. */
export function planRemoval(database: DatabaseSnapshot, databaseId: string): OvsdbPlan {
  for (const bridge of database.rows('Bridge').values()) {
    if (bridge.external_ids.get(ownerKey) === databaseId) return planBridgeRemoval(database, bridge);
  }
  const operations = [
    ...planJointRemoval(database, databaseId),
    ...planQueueRemoval(database, databaseId),
    ...removeInstalledMarks(database),
    ...restoreManagers(database),
  ];
  if (operations.length === 0) return { kind: 'nothing' };
  return { kind: 'change', summary: 'removes the last marks, ports and queues', operations };
}

/** Plans the removal of a bridge that we made, or the restoration of one that we took over. */
export function planBridgeRemoval(database: DatabaseSnapshot, bridge: Row<'Bridge'>): OvsdbPlan {
  const former = readFormerBridge(bridge);
  if (former) return restoreBridge(database, bridge, former);
  const ports = rowsOf(bridge.ports, database.rows('Port'));
  const foreign = ports.filter(port => port.name !== bridge.name && !isOwned(port));
  if (foreign.length > 0) {
    // Rows of others stay, and so must the bridge that holds them. It stays `secure` too: our flows go with the last
    // controller, and as `standalone` it would then join all those ports into one network.
    const names = foreign.map(port => port.name).join(', ');
    const operations = [update('Bridge', [byUuid(bridge._uuid)], { controller: [] }), unmark(database, bridge)];
    return { kind: 'change', summary: `leaves bridge ${bridge.name} to its ports ${names}`, operations };
  }
  const operations = [
    // A port that somebody adds at this moment must not go down with the bridge.
    wait('Bridge', [byUuid(bridge._uuid)], '==', ['ports'], [{ ports: bridge.ports }]),
    mutate('Open_vSwitch', [], [removing('Open_vSwitch', 'bridges', [bridge._uuid])]),
  ];
  return { kind: 'change', summary: `removes bridge ${bridge.name}`, operations };
}

/** Takes our ports, settings and marks off a bridge. */
function unmark(database: DatabaseSnapshot, bridge: Row<'Bridge'>): Operation {
  const ours = rowsOf(bridge.ports, database.rows('Port')).filter(isOwned);
  return mutate(
    'Bridge',
    [byUuid(bridge._uuid)],
    [
      removing(
        'Bridge',
        'ports',
        ours.map(port => port._uuid),
      ),
      removingKeys('Bridge', 'external_ids', [ownerKey, restoreKey]),
      removingKeys('Bridge', 'other_config', bridgeConfigKeys),
    ],
  );
}

/**
 * Puts a bridge back. If it had controllers of its own, ours go first, alone: only when none is left does Open vSwitch drop
 * our flows, and theirs must not find them.
 */
function restoreBridge(database: DatabaseSnapshot, bridge: Row<'Bridge'>, former: FormerBridge): OvsdbPlan {
  const where = [byUuid(bridge._uuid)];
  if (former.controllers.length > 0) {
    if (bridge.controller.length > 0) {
      const nextConfiguration = incrementing('Open_vSwitch', 'next_cfg', 1);
      const operations = [update('Bridge', where, { controller: [] }), mutate('Open_vSwitch', [], [nextConfiguration])];
      return { kind: 'change', summary: `empties the flow tables of ${bridge.name}`, operations };
    }
    const isDone = [...database.rows('Open_vSwitch').values()].every(root => root.cur_cfg >= root.next_cfg);
    if (!isDone)
      return { kind: 'waiting', reason: `Open vSwitch has not emptied the flow tables of ${bridge.name} yet` };
  }
  const controllers = former.controllers.map((row, index) => {
    const name = named(`controller_${index}`);
    return { name, operation: insert('Controller', row, name) };
  });
  const operations = [
    ...controllers.map(controller => controller.operation),
    update('Bridge', where, {
      controller: controllers.map(controller => controller.name),
      fail_mode: former.failMode,
      datapath_type: former.datapathType,
      protocols: former.protocols,
    }),
    unmark(database, bridge),
    mutate('Bridge', where, [adding('Bridge', 'other_config', former.otherConfig)]),
  ];
  return { kind: 'change', summary: `restores bridge ${bridge.name}`, operations };
}

function restoreManagers(database: DatabaseSnapshot): readonly Operation[] {
  const marked = [...database.rows('Manager').values()].filter(manager => manager.external_ids.has(restoreKey));
  return marked.flatMap(manager => {
    const where = [byUuid(manager._uuid)];
    const former = readFormerManager(manager);
    const timers = former && { max_backoff: former.maxBackoffMs, inactivity_probe: former.inactivityProbeMs };
    return [
      ...(timers ? [update('Manager', where, timers)] : []),
      mutate('Manager', where, [removingKeys('Manager', 'external_ids', [restoreKey])]),
    ];
  });
}

/** `weft-installed` wherever it still stands. */
function removeInstalledMarks(database: DatabaseSnapshot): readonly Operation[] {
  const isMarked = [...database.rows('Interface').values()].some(row => row.external_ids.get(installedKey) === 'true');
  if (!isMarked) return [];
  const marked = condition('Interface', 'external_ids', 'includes', new Map([[installedKey, 'true']]));
  return [mutate('Interface', [marked], [removingKeys('Interface', 'external_ids', [installedKey])])];
}

/** Plans the removal of a join token: it is of no use once the host is a member, and nobody's business. */
export function planJoinTokenRemoval(database: DatabaseSnapshot): readonly Operation[] {
  return [...database.rows('Open_vSwitch').values()]
    .filter(root => root.external_ids.has(joinTokenKey))
    .map(root =>
      mutate('Open_vSwitch', [byUuid(root._uuid)], [removingKeys('Open_vSwitch', 'external_ids', [joinTokenKey])]),
    );
}
