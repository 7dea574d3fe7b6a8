/** The fake ovsdb-server against the real one: the same script on both, told apart by nothing but UUIDs. */
import assert from 'node:assert/strict';
import { duplexPair, type Duplex } from 'node:stream';
import { planHost, type DesiredHost } from '../../src/delivery/ovsdb-plan.js';
import { planRemoval } from '../../src/delivery/ovsdb-removal.js';
import { OvsdbClient } from '../../southbound/ovsdb/client.js';
import type { JsonObject, JsonValue } from '../../southbound/ovsdb/json-stream.js';
import { Replica } from '../../southbound/ovsdb/replica.js';
import { RpcConnection } from '../../southbound/ovsdb/rpc.js';
import { databaseName, selectColumns, tableNames } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  condition,
  deleteRows,
  incrementing,
  insert,
  mutate,
  named,
  removing,
  removingKeys,
  select,
  update,
  wait,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import { dial } from '../../southbound/ovsdb/transport.js';
import { DatabaseServer } from '../ovs/database-server.js';
import { FakeOvsdbDatabase } from './fake-ovsdb-database.js';
import { FakeOvsdbServer } from './fake-ovsdb-server.js';

type Dial = () => Promise<Duplex>;

/** JSON in which members have an order, and every UUID a name by when it was first seen. */
class Names {
  readonly #names = new Map<string, string>();

  text(json: JsonValue | undefined): string {
    const ordered = JSON.stringify(json, (_, value: JsonValue) => {
      if (typeof value !== 'object' || value === null) return value;
      if (Array.isArray(value)) return isSetOrMap(value) ? [value[0], this.#sorted(value[1])] : value;
      return Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => this.#compare(left, right)));
    });
    return ordered.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, uuid => {
      const name = this.#names.get(uuid) ?? `uuid-${this.#names.size}`;
      this.#names.set(uuid, name);
      return name;
    });
  }

  #sorted(elements: readonly JsonValue[]): readonly JsonValue[] {
    const key = (element: JsonValue): string =>
      JSON.stringify(element).replaceAll(
        /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g,
        uuid => this.#names.get(uuid) ?? '~',
      );
    return [...elements].toSorted((left, right) => (key(left) < key(right) ? -1 : 1));
  }

  #compare(left: string, right: string): number {
    const name = (key: string): string => this.#names.get(key) ?? key;
    return name(left) < name(right) ? -1 : 1;
  }
}

function isSetOrMap(value: readonly JsonValue[]): value is ['set' | 'map', readonly JsonValue[]] {
  return value.length === 2 && (value[0] === 'set' || value[0] === 'map') && Array.isArray(value[1]);
}

/** One client, writing down everything that it hears. */
class Player {
  readonly heard: string[] = [];
  readonly #names = new Names();
  readonly #rpc: RpcConnection;

  constructor(stream: Duplex) {
    this.#rpc = new RpcConnection(stream);
    for (const method of ['update2', 'update3']) {
      this.#rpc.onNotification(method, params => {
        const [id = null, ...rest] = params;
        // The number of the transaction says nothing: a stand-alone server has no history.
        this.heard.push(`${method} ${JSON.stringify(id)} ${this.#names.text(rest.at(-1))}`);
      });
    }
  }

  async monitor(method: 'monitor_cond' | 'monitor_cond_since'): Promise<void> {
    const schema = await this.#rpc.request('get_schema', [databaseName], result => result);
    const requests = Object.fromEntries(
      [...selectColumns(schema)].map(([table, columns]): [string, JsonValue] => [table, [{ columns: [...columns] }]]),
    );
    const since = method === 'monitor_cond' ? [] : ['00000000-0000-0000-0000-000000000000'];
    await this.#rpc.request(method, [databaseName, method, requests, ...since], result => {
      const found = method === 'monitor_cond' ? '' : JSON.stringify((result as readonly JsonValue[])[0]);
      const dump = method === 'monitor_cond' ? result : (result as readonly JsonValue[])[2];
      this.heard.push(`${method} ${found} ${this.#names.text(dump)}`);
    });
  }

  async transact(what: string, ...operations: readonly Operation[]): Promise<readonly JsonObject[]> {
    const wire = operations.map(operation => operation.wire);
    return this.#rpc.request('transact', [databaseName, ...wire], result => {
      const results = result as readonly JsonObject[];
      const shown = results.map(one => (one?.['error'] === undefined ? one : { error: one['error'] }));
      this.heard.push(`${what}: ${this.#names.text(shown)}`);
      return results;
    });
  }

  close(): void {
    this.#rpc.close('end of test');
  }
}

const ids = (...pairs: (readonly [string, string])[]) => new Map(pairs);
const uuidOf = (results: readonly JsonObject[], index: number): string =>
  JSON.stringify(results[index]?.['uuid'] ?? null).slice('["uuid","'.length, -'"]'.length);

async function script(connect: Dial): Promise<string[]> {
  const player = new Player(await connect());
  const watcher = new Player(await connect());
  await player.transact('root', insert('Open_vSwitch', { external_ids: ids(['system-id', 'hv1']) }));
  await player.monitor('monitor_cond_since');
  await watcher.monitor('monitor_cond');
  const made = await player.transact(
    'bridge',
    wait('Bridge', [condition('Bridge', 'name', '==', 'br-int')], '==', ['name'], []),
    insert('Interface', { name: 'br-int', type: 'internal' }, named('i')),
    insert('Port', { name: 'br-int', interfaces: [named('i')] }, named('p')),
    insert('Controller', { target: 'tcp:192.0.2.1:6653', external_ids: ids(['a', '1'], ['b', '2']) }, named('c')),
    insert(
      'Bridge',
      { name: 'br-int', ports: [named('p')], controller: [named('c')], fail_mode: 'secure' },
      named('b'),
    ),
    mutate('Open_vSwitch', [], [adding('Open_vSwitch', 'bridges', [named('b')])]),
  );
  const [port, controller, bridge] = [uuidOf(made, 2), uuidOf(made, 3), uuidOf(made, 4)];
  const onBridge = [byUuid(bridge)];
  await player.transact('again', wait('Bridge', [], '==', ['name'], []), insert('Interface', { name: 'x' }));
  await player.transact(
    'as it is',
    wait('Bridge', onBridge, '==', ['ports', 'fail_mode'], [{ ports: [port], fail_mode: 'secure' }]),
  );
  await player.transact('not as it is', wait('Bridge', onBridge, '!=', ['ports'], [{ ports: [port] }]));
  await player.transact('nothing refers to it', insert('Interface', { name: 'lost' }));
  await player.transact(
    'a workload',
    insert('Interface', { name: 'vm1', external_ids: ids(['iface-id', 'p1']) }, named('i')),
    insert('Port', { name: 'vm1', interfaces: [named('i')] }, named('p')),
    mutate('Bridge', onBridge, [adding('Bridge', 'ports', [named('p')])]),
  );
  await player.transact(
    'its name once more',
    insert('Interface', { name: 'vm1' }, named('i')),
    insert('Port', { name: 'vm2', interfaces: [named('i')] }, named('p')),
    mutate('Bridge', onBridge, [adding('Bridge', 'ports', [named('p')])]),
  );
  const vm = condition('Interface', 'name', '==', 'vm1');
  await player.transact('a number', update('Interface', [vm], { ofport: 5, link_state: 'up' }));
  await player.transact('the same', update('Interface', [vm], { ofport: 5 }));
  await player.transact('no number', update('Interface', [vm], { ofport: null }));
  await player.transact(
    'marks',
    mutate(
      'Interface',
      [vm, condition('Interface', 'external_ids', 'includes', ids(['iface-id', 'p1']))],
      [
        removingKeys('Interface', 'external_ids', ['weft-installed']),
        adding('Interface', 'external_ids', ids(['weft-installed', 'true'], ['iface-id', 'other'])),
      ],
    ),
  );
  await player.transact(
    'no such',
    mutate(
      'Interface',
      [condition('Interface', 'external_ids', 'includes', ids(['iface-id', 'p2']))],
      [removingKeys('Interface', 'external_ids', ['weft-installed'])],
    ),
  );
  await player.transact(
    'unmarked',
    mutate('Interface', [vm], [removingKeys('Interface', 'external_ids', ['weft-installed'])]),
  );
  await player.transact('counted', mutate('Open_vSwitch', [], [incrementing('Open_vSwitch', 'next_cfg', 1)]));
  await player.transact(
    'changed',
    update('Controller', [byUuid(controller)], { max_backoff: 1000, external_ids: ids(['b', '3'], ['c', '4']) }),
  );
  await player.transact(
    'dangling',
    update('Bridge', onBridge, { controller: ['11111111-2222-4333-8444-555555555555'] }),
  );
  await player.transact('still needed', deleteRows('Controller', [byUuid(controller)]));
  await player.transact('selected', select('Interface', [vm], ['name', 'external_ids', 'ofport', 'options']));
  await player.transact(
    'managed',
    insert('Manager', { target: 'tcp:192.0.2.1:6640' }, named('m')),
    mutate('Open_vSwitch', [], [adding('Open_vSwitch', 'manager_options', [named('m')])]),
  );
  await player.transact(
    'replaced',
    insert('Controller', { target: 'tcp:192.0.2.2:6653' }, named('c')),
    update('Bridge', onBridge, { controller: [named('c')] }),
  );
  await player.transact('unplugged', mutate('Bridge', onBridge, [removing('Bridge', 'ports', [port])]));
  await player.transact('gone', mutate('Open_vSwitch', [], [removing('Open_vSwitch', 'bridges', [bridge])]));
  await watcher.transact('nothing');
  const all = [...player.heard, 'the watcher:', ...watcher.heard];
  player.close();
  watcher.close();
  return all;
}

const desired: DesiredHost = {
  databaseId: '6f2a1b04-7c1d-4f0e-9a51-0123456789ab',
  bridge: 'br-int',
  datapathType: 'netdev',
  datapathId: 'a1b2c3d4e5f60718',
  adopt: false,
  encapIp: '192.0.2.11',
  encapsulations: ['geneve', 'vxlan'],
  mirrorTunnels: [],
  gatewayTunnels: [],
  physicalNetworks: [],
  queues: [],
  internalInterfaces: [],
  controllers: [
    { use: 'flows', target: 'tcp:192.0.2.1:6653' },
    { use: 'punt', target: 'tcp:192.0.2.1:6654' },
  ],
  maxBackoffMs: 1_000,
  inactivityProbeMs: 5_000,
  managerRow: null,
  reachedBy: 'tcp:192.0.2.1:6640',
};

/** Every row of a replica, with names in the place of UUIDs. */
function shown(replica: Replica): readonly string[] {
  const names = new Map<string, string>();
  for (const table of tableNames) {
    for (const row of replica.rows(table).values()) {
      const { name, target = '' } = row as { readonly name?: string; readonly target?: string };
      names.set(row._uuid, `${table} ${name ?? target}`);
    }
  }
  const plain = (value: unknown): unknown => {
    if (value instanceof Map) return Object.fromEntries(value);
    if (Array.isArray(value)) return value.map(each => names.get(String(each)) ?? String(each)).toSorted();
    return typeof value === 'string' ? (names.get(value) ?? value) : value;
  };
  const rows = tableNames.flatMap(table => [...replica.rows(table).values()]);
  return rows
    .map(row => JSON.stringify(Object.entries(row).map(([column, value]) => [column, plain(value)])))
    .toSorted();
}

/** A host is joined, changed and left as Weft does it. */
async function joinAndLeave(connect: Dial): Promise<string[]> {
  const client = await OvsdbClient.open(await connect());
  const replica = new Replica();
  const states: string[] = [];
  await client.transact([insert('Open_vSwitch', {})]);
  await replica.follow(client);
  const settle = async (plan: () => ReturnType<typeof planHost>): Promise<void> => {
    for (let next = plan(); next.kind !== 'nothing'; next = plan()) {
      if (next.kind !== 'change') throw new Error(`${next.kind}: ${next.reason}`);
      await client.transact(next.operations);
      states.push(next.summary, ...shown(replica));
    }
  };
  await settle(() => planHost(replica, desired));
  const [flows, ...rest] = desired.controllers;
  assert.ok(flows);
  const controllers = [{ ...flows, target: 'tcp:192.0.2.9:6653' }, ...rest];
  await settle(() => planHost(replica, { ...desired, encapIp: '192.0.2.12', controllers }));
  await settle(() => planHost(replica, { ...desired, encapsulations: ['vxlan'], controllers: [flows] }));
  await settle(() => planRemoval(replica, desired.databaseId));
  client.close('end of test');
  return states;
}

describe('the fake ovsdb-server', function () {
  this.timeout(20_000);
  const fake: () => Dial = () => {
    const server = new FakeOvsdbServer({ database: new FakeOvsdbDatabase() });
    return () => {
      const [ours, theirs] = duplexPair();
      server.attach(theirs);
      return Promise.resolve(ours);
    };
  };

  for (const [what, play] of [
    ['answers and notifies as the real one', script],
    ['is joined and left as the real one', joinAndLeave],
  ] as const) {
    it(what, async () => {
      const server = await DatabaseServer.start({ isEmpty: true });
      try {
        const real = await play(() => dial({ kind: 'unix', path: server.socket }, null, 1_000));
        assert.deepEqual(await play(fake()), real);
      } finally {
        await server.stop();
      }
    });
  }
});
