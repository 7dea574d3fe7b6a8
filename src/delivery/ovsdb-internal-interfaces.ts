/**
 * The interfaces of workloads that are for us to make: internal ports on a host's bridge of ours. Whoever runs the workload moves the
 * device into its network namespace, where it stays, under whatever name, while the port is there.
 */
import type { DatabaseSnapshot } from '../../southbound/ovsdb/replica.js';
import type { Row } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  insert,
  mutate,
  named,
  removing,
  removingKeys,
  update,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import { internalInterfaceName, isInternalInterface } from '../model/internal-interface.js';
import { isOwned, rowsOf } from './ovsdb-ownership.js';
import { lacking, ownerIds } from './ovsdb-tunnels.js';

/** An interface that a host is to have. */
export interface InternalInterface {
  readonly portId: string;
  readonly mac: string;
  readonly mtuBytes: number;
}

interface Desired {
  readonly databaseId: string;
  readonly internalInterfaces: readonly InternalInterface[];
}

function idsOf({ portId, mac }: InternalInterface): ReadonlyMap<string, string> {
  return new Map([
    ['iface-id', portId],
    ['attached-mac', mac],
  ]);
}

/** Exactly those that are wanted. One whose name somebody else's port has is not made, and its port stays unbound. */
export function planInternalInterfaces(
  database: DatabaseSnapshot,
  bridge: Row<'Bridge'>,
  desired: Desired,
): readonly Operation[] {
  const made = new Map(
    rowsOf(bridge.ports, database.rows('Port')).flatMap(row =>
      isInternalInterface(row.name) && isOwned(row) ? [[row.name, row]] : [],
    ),
  );
  const wanted = new Map(desired.internalInterfaces.map(each => [internalInterfaceName(each.portId), each]));
  const where = [byUuid(bridge._uuid)];
  const going = [...made.values()].filter(({ name }) => !wanted.has(name)).map(({ _uuid }) => _uuid);
  const lackingNames = [...wanted.keys()].filter(name => !made.has(name));
  const taken =
    lackingNames.length === 0 ? new Set() : new Set([...database.rows('Port').values()].map(({ name }) => name));
  const making = lackingNames.filter(name => !taken.has(name));
  return [
    ...(going.length === 0 ? [] : [mutate('Bridge', where, [removing('Bridge', 'ports', going)])]),
    ...[...wanted].flatMap(([name, each]) => {
      const port = made.get(name);
      return port === undefined ? [] : maintain(database, port, each);
    }),
    ...making.flatMap(name => {
      const each = wanted.get(name);
      return each === undefined ? [] : make(name, each, desired);
    }),
    ...(making.length === 0
      ? []
      : [
          mutate('Bridge', where, [
            adding(
              'Bridge',
              'ports',
              making.map(name => named(`port_${name}`)),
            ),
          ]),
        ]),
  ];
}

function make(name: string, wanted: InternalInterface, desired: Desired): readonly Operation[] {
  const device = named(`interface_${name}`);
  const row = { name, type: 'internal', mtu_request: wanted.mtuBytes, external_ids: idsOf(wanted) };
  return [
    insert('Interface', row, device),
    insert('Port', { name, interfaces: [device], external_ids: ownerIds(desired) }, named(`port_${name}`)),
  ];
}

function maintain(database: DatabaseSnapshot, port: Row<'Port'>, wanted: InternalInterface): readonly Operation[] {
  return rowsOf(port.interfaces, database.rows('Interface')).flatMap(row => {
    const where = [byUuid(row._uuid)];
    const ids = lacking(row.external_ids, idsOf(wanted));
    const isRight = row.type === 'internal' && row.mtu_request === wanted.mtuBytes;
    const setting = [
      removingKeys('Interface', 'external_ids', [...ids.keys()]),
      adding('Interface', 'external_ids', ids),
    ];
    return [
      ...(isRight ? [] : [update('Interface', where, { type: 'internal', mtu_request: wanted.mtuBytes })]),
      ...(ids.size === 0 ? [] : [mutate('Interface', where, setting)]),
    ];
  });
}

/** Whether somebody has changed what we set on an interface that may be one of these. */
export function hasLostSettings(before: Row<'Interface'>, after: Row<'Interface'>): boolean {
  return (
    isInternalInterface(after.name) &&
    (before.mtu_request !== after.mtu_request ||
      ['iface-id', 'attached-mac'].some(key => before.external_ids.get(key) !== after.external_ids.get(key)))
  );
}
