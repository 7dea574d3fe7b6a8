/**
 * What every verb asks of Postgres, beside nothing and beside 10,000 of each kind of others: as many statements and round trips, and as
 * many rows looked at by the server itself, which counts them in its own statistics. A scan of a table that grows cannot hide.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/log.js';
import type { WritableKind } from '../../src/model/kinds.js';
import { openDataSource, type OpenDataSource } from '../../src/store/data-source.js';
import { Store } from '../../src/store/store.js';
import { sharedPostgres } from '../fixtures/postgres.js';
import { context } from '../fixtures/stores.js';

const postgres = sharedPostgres();
const suite = postgres === null ? describe.skip : describe;

const unrelatedPorts = 10_000;
const unrelatedHypervisors = 2_500;
/** Dead versions of rows and the like, that a scan may pass or not. */
const slackRows = 20;
/** What the underlay allows is the least of all hypervisors: the one thing that is asked of the fleet. */
const asksFleet = new Set(['logical-switches: patch the MTU']);

interface Cost {
  readonly statements: number;
  readonly roundTrips: number;
  /** Rows that the server looked at, by table. */
  readonly scanned: ReadonlyMap<string, number>;
  /** Rows that came as answers. */
  readonly answered: number;
}

type Costs = ReadonlyMap<string, Cost>;
type Step = readonly [verb: string, run: () => Promise<unknown>];

suite('What a verb asks of the database', function () {
  this.timeout(120_000);
  let open: OpenDataSource;
  let store: Store;
  let client: pg.Client;
  before(async () => {
    const databaseUrl = (await (await postgres)?.createDatabase()) ?? '';
    client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    open = await openDataSource({ databaseUrl, dataDirectory: '' }, silentLogger, systemClock, () => undefined);
    const settings = { databaseUrl, dataDirectory: '', underlayMtu: 1500, auth: 'none' } as const;
    // Nobody listens: one connection does all of it, one thing after the other.
    store = new Store({ ...open, listenerConfig: null }, randomUUID(), settings, silentLogger, systemClock);
  });
  after(async () => {
    await client.end();
    await store.close();
  });

  /** Rows that scans have read since the start, of tables and through indexes, by table. */
  const scannedRows = (): Promise<ReadonlyMap<string, number>> =>
    open.sessions.run('read', { withinMs: 5_000 }, async session => {
      // At the end of its own transaction: what is sent together is one.
      await session.query('SELECT pg_stat_force_next_flush()');
      const { rows } = await session.query(
        'SELECT relname, (seq_tup_read + coalesce(idx_tup_fetch, 0))::float8 AS scanned FROM pg_stat_user_tables',
      );
      return new Map(rows.map(row => [String(row['relname']), Number(row['scanned'])]));
    });

  const askedFor = () => {
    const purposes = [...store.databaseWork()].filter(({ purpose }) => purpose === 'write' || purpose === 'log');
    const sum = (name: 'statements' | 'roundTrips' | 'rows') => purposes.reduce((all, each) => all + each[name], 0);
    return { statements: sum('statements'), roundTrips: sum('roundTrips'), answered: sum('rows') };
  };

  const measure = async (run: () => Promise<unknown>): Promise<Cost> => {
    const [asked, scanned] = [askedFor(), await scannedRows()];
    await run();
    const [askedThen, scannedThen] = [askedFor(), await scannedRows()];
    return {
      statements: askedThen.statements - asked.statements,
      roundTrips: askedThen.roundTrips - asked.roundTrips,
      answered: askedThen.answered - asked.answered,
      scanned: new Map([...scannedThen].map(([table, rows]) => [table, rows - (scanned.get(table) ?? 0)])),
    };
  };

  /** All verbs, on objects of their own that are gone at the end. */
  const verbs = (): readonly Step[] => {
    const ids = new Map<string, string>();
    const idOf = (name: string): string => {
      const id = ids.get(name) ?? randomUUID();
      ids.set(name, id);
      return id;
    };
    const create = (kind: WritableKind, name: string, body: object): Step => [
      `${kind}: create`,
      () => store.write(context, tx => tx.create(kind, { id: idOf(name), ...body })),
    ];
    const patch = (kind: WritableKind, name: string, body: object, what = 'patch'): Step => [
      `${kind}: ${what}`,
      () => store.write(context, tx => tx.merge(kind, idOf(name), body)),
    ];
    const remove = (kind: WritableKind, name: string, cascade = false): Step => [
      `${kind}: delete${cascade ? ', cascade' : ''}`,
      () => store.write(context, tx => tx.delete(kind, idOf(name), { cascade })),
    ];
    const host = { systemId: randomUUID(), encapIp: '192.0.2.1', encapTypes: ['geneve'], underlayMtu: 1500 } as const;
    const report = { ...host, bridge: 'br-int', datapathType: 'netdev' } as const;
    const join: Step = [
      'hypervisors: join',
      async () => {
        const joined = await store.registerHypervisor(report);
        assert.ok(joined.kind === 'accepted');
        ids.set('host', joined.hypervisor.id);
      },
    ];
    const plugged = { uuid: randomUUID(), name: 'tap0', ofport: 3 };
    const bind = (what: string, ofport: number | null): Step => [
      `logical-switch-ports: ${what}`,
      () =>
        store.recordInventories(
          new Map([
            [
              idOf('host'),
              ofport === null
                ? { changed: [], gone: [plugged.uuid] }
                : { changed: [{ ...plugged, ofport, ifaceId: idOf('port') }], gone: [] },
            ],
          ]),
        ),
    ];
    const onSwitch = { logical_switch_id: idOf('switch') };
    const inRouter = { logical_router_id: idOf('router') };
    return [
      create('logical-switches', 'switch', { name: 's' }),
      patch('logical-switches', 'switch', { name: 'renamed' }),
      patch('logical-switches', 'switch', { mtu: 1_300 }, 'patch the MTU'),
      create('subnets', 'subnet', { ...onSwitch, cidr: '10.0.0.0/16' }),
      patch('subnets', 'subnet', { dns_servers: ['192.0.2.53'] }),
      create('logical-routers', 'router', { name: 'r' }),
      patch('logical-routers', 'router', { enabled: false }),
      create('logical-router-ports', 'leg', { name: 'leg', ...inRouter, ...onSwitch, networks: ['10.0.0.1/16'] }),
      patch('logical-router-ports', 'leg', { networks: ['10.0.0.2/16'] }),
      create('static-routes', 'route', { ...inRouter, destination: '203.0.113.0/24', next_hop: '10.0.0.9' }),
      patch('static-routes', 'route', { next_hop: '10.0.0.10' }),
      join,
      ['hypervisors: join again', () => store.registerHypervisor(report)],
      patch('hypervisors', 'host', { drain: true }),
      create('logical-switch-ports', 'port', { ...onSwitch, name: `vm-${idOf('port')}` }),
      patch('logical-switch-ports', 'port', { enabled: false }),
      patch('logical-switch-ports', 'port', { name: `vm2-${idOf('port')}` }, 'patch the name'),
      bind('bind', 3),
      bind('bind elsewhere', 4),
      ['change log: what follows', async () => store.changesSince((await store.currentRevision()) - 1, 100)],
      bind('unbind', null),
      bind('bind', 3),
      remove('logical-switch-ports', 'port'),
      remove('static-routes', 'route'),
      remove('logical-router-ports', 'leg'),
      remove('subnets', 'subnet'),
      remove('logical-routers', 'router'),
      create('subnets', 'subnet', { ...onSwitch, cidr: '10.1.0.0/16' }),
      create('logical-switch-ports', 'port', { ...onSwitch, name: 'vm' }),
      remove('logical-switches', 'switch', true),
      remove('hypervisors', 'host'),
    ];
  };

  /** Of several times the least statements (numbers of objects come 64 at a time), and the most rows, whatever plan was taken. */
  const costs = async (times: number): Promise<Costs> => {
    const costOf = new Map<string, Cost>();
    for (let time = 0; time < times; time += 1) {
      for (const [index, [verb, run]] of verbs().entries()) {
        const cost = await measure(run);
        const key = `${index} ${verb}`;
        const before = costOf.get(key) ?? cost;
        costOf.set(key, {
          statements: Math.min(before.statements, cost.statements),
          roundTrips: Math.min(before.roundTrips, cost.roundTrips),
          scanned: new Map(
            [...cost.scanned].map(([table, rows]) => [table, Math.max(rows, before.scanned.get(table) ?? 0)]),
          ),
          answered: Math.max(before.answered, cost.answered),
        });
      }
    }
    return costOf;
  };

  /** Fills the tables with copies of one network of somebody else, spread over many switches and hypervisors. */
  const addUnrelated = async (): Promise<void> => {
    const [ls, subnet, router, leg, route, port] = Array.from({ length: 6 }, () => randomUUID());
    await store.write(context, async tx => {
      await tx.create('logical-switches', { id: ls, name: 'others' });
      await tx.create('subnets', { id: subnet, logical_switch_id: ls, cidr: '10.0.0.0/8' });
      await tx.create('logical-routers', { id: router, name: 'others' });
      const leads = { name: 'leg', logical_router_id: router, logical_switch_id: ls, networks: ['10.0.0.1/8'] };
      await tx.create('logical-router-ports', { id: leg, ...leads });
      const to = { destination: '198.51.100.0/24', next_hop: '10.0.0.9' };
      await tx.create('static-routes', { id: route, logical_router_id: router, ...to });
      await tx.create('logical-switch-ports', { id: port, logical_switch_id: ls, name: 'vm' });
    });
    const joined = await store.registerHypervisor({
      systemId: randomUUID(),
      encapIp: '192.0.2.9',
      encapTypes: ['geneve'],
      underlayMtu: 1500,
      bridge: 'br-int',
      datapathType: 'netdev',
    });
    const host = joined.kind === 'accepted' ? joined.hypervisor.id : '';
    const tap = { uuid: randomUUID(), name: 'tap0', ofport: 9, ifaceId: port ?? '' };
    await store.recordInventory(host, [tap]);
    // Each table has as many: what is small is scanned by right.
    const [ofSwitch, ofHost] = ['n', `n % ${unrelatedHypervisors} + 1`];
    const switches = unrelatedPorts;
    const ref = (table: string, n: string): string => `md5('${table}' || (${n}))::uuid`;
    // Everything is checked at the API; here only the number counts.
    await client.query(`SET session_replication_role = replica`);
    const multiply = async (table: string, condition: string, count: number, members: string): Promise<void> => {
      await client.query(
        `INSERT INTO ${table} SELECT r.* FROM ${table} t, generate_series(1, ${count}) n,
           LATERAL jsonb_populate_record(t, jsonb_build_object(${members})) r WHERE ${condition}`,
      );
    };
    let numbers = 100_000_000;
    const noun = async (table: string, id: string | undefined, count: number, members: string): Promise<void> => {
      numbers += 1_000_000;
      const own = `'id', ${ref(table, 'n')}, 'number', ${numbers} + n`;
      await multiply(table, id === undefined ? 'true' : `t.id = '${id}'`, count, `${own}${members}`);
    };
    const inSwitch = `'logical_switch_id', ${ref('logical_switches', ofSwitch)}`;
    const inRouter = `'logical_router_id', ${ref('logical_routers', ofSwitch)}`;
    await noun(
      'hypervisors',
      host,
      unrelatedHypervisors,
      `, 'hypervisor_key', 2000 + n, 'system_id', 'hv' || n, 'datapath_id', lpad(n::text, 16, '0')`,
    );
    await noun('logical_switches', ls, switches, `, 'datapath_key', 1000000 + n`);
    await noun('subnets', subnet, switches, `, ${inSwitch}`);
    await noun('logical_routers', router, switches, `, 'datapath_key', 2000000 + n`);
    await noun('logical_router_ports', leg, switches, `, ${inRouter}, ${inSwitch}`);
    await noun('static_routes', route, switches, `, ${inRouter}`);
    const named = `'name', 'vm' || n`;
    await noun('logical_switch_ports', port, unrelatedPorts, `, ${inSwitch}, ${named}, 'port_key', n % 30000`);
    const onHost = `'hypervisor_id', ${ref('hypervisors', ofHost)}`;
    const ofPort = `'logical_switch_port_id', ${ref('logical_switch_ports', 'n')}`;
    const zone = `'ct_zone', n / ${unrelatedHypervisors} + 1`;
    await noun('port_bindings', undefined, unrelatedPorts, `, ${ofPort}, ${onHost}, ${zone}`);
    const plugged = `'interface_uuid', ${ref('interface', 'n')}, 'iface_id', ${ref('logical_switch_ports', 'n')}::text`;
    await multiply('interface_claims', 'true', unrelatedPorts, `${onHost}, ${plugged}`);
    const scope = `'scope', ${ref('logical_switches', ofSwitch)}, 'value', 'v' || n, 'owner_id', ${ref('logical_switch_ports', 'n')}`;
    const claimed = `t.scope = '${ls}' AND t.class IN ('ip', 'mac') AND t.owner_id = '${port}'`;
    await multiply('claims', claimed, unrelatedPorts, `${scope}, 'subnet_id', ${ref('subnets', ofSwitch)}`);
    await multiply('allocation_cursors', `t.scope = '${ls}'`, switches, `'scope', ${ref('logical_switches', 'n')}`);
    // What was written before is in the log, below what anybody still follows.
    await multiply(
      'change_log',
      `t.object_id = '${port}' AND t.operation = 'create'`,
      unrelatedPorts,
      `'revision', -n`,
    );
    await multiply('revisions', 't.revision = 1', unrelatedPorts, `'revision', -n`);
    await client.query('SET session_replication_role = DEFAULT');
    await client.query('ANALYZE');
  };

  it(`is the same beside ${unrelatedPorts} unrelated objects of each kind`, async () => {
    await costs(1);
    const alone = await costs(2);
    await addUnrelated();
    // A statement is planned for its values five times before one plan is kept: both are tried.
    const beside = await costs(4);
    for (const [verb, cost] of beside) {
      const expected = alone.get(verb);
      const allowed = slackRows + (asksFleet.has(verb.replace(/^\d+ /, '')) ? unrelatedHypervisors : 0);
      assert.ok(expected !== undefined);
      assert.deepEqual(
        [cost.statements, cost.roundTrips],
        [expected.statements, expected.roundTrips],
        `${verb}: statements and round trips`,
      );
      for (const [table, rows] of cost.scanned) {
        const was = expected.scanned.get(table) ?? 0;
        assert.ok(rows <= was + allowed, `${verb}: ${rows} rows of ${table} were looked at, ${was} without others`);
      }
      assert.ok(cost.answered <= expected.answered + allowed, `${verb}: ${cost.answered} rows as answers`);
    }
  });
});
