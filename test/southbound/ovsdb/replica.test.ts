import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { OvsdbClient } from '../../../southbound/ovsdb/client.js';
import type { JsonValue } from '../../../southbound/ovsdb/json-stream.js';
import { Replica } from '../../../southbound/ovsdb/replica.js';
import { tables } from '../../../southbound/ovsdb/schema.js';
import { FakeTimers } from './fake-timers.js';

/** The schema as a server would serve it, from our own declarations. */
function servedSchema(): JsonValue {
  const entries = Object.entries(tables).map(([table, columns]) => {
    const types = Object.entries(columns).map(([name, type]) => {
      const value = type.kind === 'map' ? { value: type.value } : {};
      const most = type.kind === 'optional' ? 1 : 'unlimited';
      const served = type.kind === 'scalar' ? type.key : { key: type.key, ...value, min: 0, max: most };
      return [name, { type: served }] as const;
    });
    return [table, { columns: Object.fromEntries(types) }] as const;
  });
  return { tables: Object.fromEntries(entries) } as unknown as JsonValue;
}

/** A server that answers what it is asked with what the test wants. */
class FakeServer extends Duplex {
  readonly #answers: Readonly<Record<string, unknown>>;
  constructor(answers: Readonly<Record<string, unknown>>) {
    super();
    this.#answers = { set_db_change_aware: {}, get_schema: servedSchema(), ...answers };
  }
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const { id, method } = JSON.parse(chunk.toString()) as { id: number; method: string };
    this.push(JSON.stringify({ id, result: this.#answers[method] ?? null, error: null }));
    done();
  }
  notify(method: string, params: unknown): void {
    this.push(JSON.stringify({ id: null, method, params }));
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve));
const zero = '00000000-0000-0000-0000-000000000000';
const uuids = Array.from({ length: 4 }, () => randomUUID());

async function followed(answers: Readonly<Record<string, unknown>>) {
  const server = new FakeServer(answers);
  const client = await OvsdbClient.open(server, { timers: new FakeTimers() });
  const replica = new Replica();
  const outcome = await replica.follow(client).then(
    () => null,
    (error: unknown) => error,
  );
  return { server, client, replica, outcome };
}

describe('OVSDB replica', () => {
  it('takes what is half right and half malformed without losing step with its listeners', async () => {
    const atom = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constant(['set', []]),
      fc.constant(['map', [['a', 'b']]]),
      fc.string(),
    );
    const row = fc.dictionary(fc.constantFrom('name', 'ports', 'external_ids', 'fail_mode', 'x', '__proto__'), atom);
    const rowUpdate = fc.oneof(
      fc.record({ insert: row }),
      fc.record({ modify: row }),
      fc.record({ initial: row }),
      fc.constant({ delete: null }),
      fc.jsonValue({ maxDepth: 1 }),
    );
    const tableName = fc.constantFrom('Bridge', 'Port', 'Nonsense', '__proto__');
    const updates = fc.dictionary(tableName, fc.dictionary(fc.constantFrom(...uuids, 'x'), rowUpdate));
    await fc.assert(
      fc.asyncProperty(fc.array(updates, { maxLength: 6 }), async list => {
        const { server, client, replica } = await followed({ monitor_cond_since: [false, zero, {}] });
        const copy = new Map<string, unknown>();
        replica.onChange(changes => {
          for (const { table, uuid, before, after } of changes) {
            assert.equal(copy.get(`${table} ${uuid}`) ?? null, before);
            if (after) copy.set(`${table} ${uuid}`, after);
            else copy.delete(`${table} ${uuid}`);
          }
        });
        for (const update of list) server.notify('update3', ['weft-1', zero, update]);
        await turn();
        for (const table of ['Bridge', 'Port'] as const) {
          for (const [uuid, held] of replica.rows(table)) assert.equal(copy.get(`${table} ${uuid}`), held);
        }
        assert.equal(copy.size, replica.rows('Bridge').size + replica.rows('Port').size);
        client.close('end of test');
      }),
      { numRuns: 150 },
    );
  });

  it('refuses any other reply to a monitor request, and ends the connection', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async reply => {
        const { client, replica, outcome } = await followed({ monitor_cond_since: reply });
        if (outcome === null) assert.ok(replica.isCurrent);
        else assert.notEqual(client.closeReason, null);
        client.close('end of test');
      }),
    );
  });

  it('goes on from the transaction that it knows when the server can, as a clustered one can', async () => {
    const bridge = uuids[0] ?? '';
    const first = await followed({
      monitor_cond_since: [false, uuids[3], { Bridge: { [bridge]: { initial: { name: 'br0' } } } }],
    });
    first.client.close('test');
    const server = new FakeServer({
      monitor_cond_since: [true, uuids[2], { Bridge: { [bridge]: { modify: { fail_mode: 'secure' } } } }],
    });
    const client = await OvsdbClient.open(server, { timers: new FakeTimers() });
    await first.replica.follow(client);
    const row = first.replica.rows('Bridge').get(bridge);
    assert.deepEqual([row?.name, row?.fail_mode], ['br0', 'secure']);
    client.close('end of test');
  });

  it('refuses a host with too many rows or characters, however they come, and takes it back when it is mended', async () => {
    const insert = (name: string, text = '') => ({ insert: { name, external_ids: ['map', [['k', text]]] } });
    const [one = '', two = '', three = ''] = uuids;
    const long = 'x'.repeat(2_000);
    for (const tooMuch of [{ [three]: insert('c') }, { [two]: { modify: { external_ids: ['map', [['k', long]]] } } }]) {
      const replica = new Replica(['Bridge'], { maximumRows: 2, maximumCharacters: 2_000 });
      const connect = async (rows: Readonly<Record<string, unknown>>) => {
        const server = new FakeServer({ monitor_cond_since: [false, zero, { Bridge: rows }] });
        const client = await OvsdbClient.open(server, { timers: new FakeTimers() });
        await replica.follow(client).catch(() => {});
        return { server, client };
      };
      for (let attempt = 0; attempt < 3; attempt += 1) {
        const { server, client } = await connect({ [one]: insert('a'), [two]: insert('b') });
        assert.equal(client.closeReason, null, `attempt ${attempt}: what it has fits`);
        server.notify('update3', ['weft-1', zero, { Bridge: tooMuch }]);
        await turn();
        assert.match(client.closeReason ?? '', /the database has more than 2(?:000 characters| rows)/);
        assert.equal(replica.rows('Bridge').size, 2);
      }
      const { client } = await connect({ [two]: insert('b'), [three]: insert('c') });
      assert.equal(client.closeReason, null);
      assert.deepEqual([...replica.rows('Bridge').keys()].toSorted(), [two, three].toSorted());
      client.close('end of test');
    }
  });
});
