import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { assertProblem, describeRest, type Json } from './rest-fixture.js';

const create = (kind: string, value: Json, id?: string): Json => ({
  op: 'create',
  kind,
  value,
  ...(id === undefined ? {} : { id }),
});

describeRest('transactions', rest => {
  const send = (operations: unknown, query = '') => rest().request('POST', `/v1/transactions${query}`, { operations });

  it('are one revision, and later operations refer to the ids of earlier ones', async () => {
    const [net, router, port] = [randomUUID(), randomUUID(), randomUUID()];
    const before = await rest().store.currentRevision();
    const done = await send(
      [
        create('logical-switches', { name: 'n' }, net),
        create('subnets', { logical_switch_id: net, cidr: '10.0.0.0/24' }),
        create('logical-routers', { id: router, name: 'r' }),
        { op: 'replace', kind: 'logical-switch-ports', id: port, value: { name: 'p', logical_switch_id: net } },
        create('logical-router-ports', {
          name: 'leg',
          logical_router_id: router,
          logical_switch_id: net,
          networks: ['10.0.0.1/24'],
        }),
        { op: 'merge', kind: 'logical-switch-ports', id: port, value: { enabled: false } },
        { op: 'merge', kind: 'logical-switches', id: net, value: { name: 'gone' } },
        create('static-routes', { logical_router_id: router, destination: '203.0.113.0/24', discard: true }),
        { op: 'delete', kind: 'logical-routers', id: router, cascade: true },
      ],
      '?wait=applied',
    );
    assert.equal(done.status, 200, done.text);
    assert.equal(done.body['revision'], before + 1);
    assert.equal(done.headers['weft-revision'], String(before + 1));
    const results = done.body['results'] as (Json | null)[];
    assert.equal(results.length, 9);
    assert.deepEqual(
      results.map(result => result?.['name'] ?? null),
      ['gone', '', null, 'p', null, 'p', 'gone', null, null],
      'each is as the transaction left it',
    );
    assert.equal(results[3]?.['enabled'], false);
    const { body } = await rest().request('GET', `/v1/revisions/${before + 1}`);
    assert.deepEqual([body['revision'], body['by']], [before + 1, 'anonymous']);
  });

  it('change nothing when one operation is wrong, and name it with its pointer', async () => {
    const net = randomUUID();
    const start = [
      create('logical-switches', { name: 'n', subnets: [{ cidr: '10.0.0.0/24' }] }, net),
      create('logical-switch-ports', { name: 'a', logical_switch_id: net, ips: ['10.0.0.5'] }),
    ];
    const port = { name: 'b', logical_switch_id: net };
    const absent = randomUUID();
    const cases: [Json, number, string, string][] = [
      [create('logical-switch-ports', { ...port, mac: 'x' }), 400, 'invalid_value', '/value/mac'],
      [create('logical-switch-ports', { ...port, colour: 1 }), 400, 'unknown_member', '/value/colour'],
      [create('logical-switch-ports', { ...port, ips: ['10.0.0.5'] }), 409, 'address_in_use', '/value/ips/0'],
      [create('logical-switches', { name: 'm' }, net), 409, 'id_in_use', '/id'],
      [create('logical-switches', { id: net, name: 'm' }), 409, 'id_in_use', '/value/id'],
      [create('logical-switches', { name: 'm' }, 'x'), 400, 'invalid_value', '/id'],
      [create('logical-switches', { id: absent, name: 'm' }, randomUUID()), 400, 'id_mismatch', '/id'],
      [{ op: 'merge', kind: 'subnets', id: absent, value: {} }, 404, 'not_found', '/id'],
      [{ op: 'delete', kind: 'subnets', id: 'x' }, 404, 'not_found', '/id'],
      [{ op: 'delete', kind: 'logical-switches', id: net }, 409, 'in_use', '/id'],
    ];
    for (const [operation, status, code, pointer] of cases) {
      const before = await rest().store.currentRevision();
      const refused = assertProblem(await send([...start, operation]), status, code, `/operations/2${pointer}`);
      assert.equal(refused.operation, 2);
      assert.equal(await rest().store.currentRevision(), before);
      assertProblem(await rest().request('GET', `/v1/logical-switches/${net}`), 404, 'not_found');
    }
  });

  it('have their own form, told with pointers too', async () => {
    const cases: [unknown, string, string, number?][] = [
      [undefined, 'missing_member', '/operations'],
      [{}, 'invalid_value', '/operations'],
      [[], 'out_of_range', '/operations'],
      [[5], 'invalid_value', '/operations/0', 0],
      [[{ op: 'upsert', kind: 'subnets', value: {} }], 'invalid_value', '/operations/0/op', 0],
      [[{ kind: 'subnets', value: {} }], 'invalid_value', '/operations/0/op', 0],
      [[{ op: 'create', kind: 'port-bindings', value: {} }], 'unknown_kind', '/operations/0/kind', 0],
      [[{ op: 'create', kind: '__proto', value: {} }], 'unknown_kind', '/operations/0/kind', 0],
      [[{ op: 'create', kind: 'subnets' }], 'missing_member', '/operations/0/value', 0],
      [[{ op: 'create', kind: 'subnets', value: {}, id: 5 }], 'invalid_value', '/operations/0/id', 0],
      [[{ op: 'merge', kind: 'subnets', value: {} }], 'missing_member', '/operations/0/id', 0],
      [[{ op: 'delete', kind: 'subnets', id: randomUUID(), value: {} }], 'invalid_value', '/operations/0/value', 0],
      [[{ op: 'create', kind: 'subnets', value: {}, cascade: true }], 'invalid_value', '/operations/0/cascade', 0],
      [[{ op: 'create', kind: 'subnets', value: {}, colour: 1 }], 'unknown_member', '/operations/0/colour', 0],
      [[{ op: 'delete', kind: 'hypervisors', id: randomUUID() }], 'invalid_value', '/operations/0/op', 0],
    ];
    for (const [operations, code, pointer, operation] of cases) {
      const refused = assertProblem(await send(operations), 400, code, pointer);
      assert.equal(refused.operation, operation);
    }
    const extra = await rest().request('POST', '/v1/transactions', { operations: [], mode: 'fast' });
    assertProblem(extra, 400, 'unknown_member', '/mode');
    assertProblem(await rest().request('POST', '/v1/transactions', '[]'), 400, 'invalid_value', '');
    const many = Array.from({ length: 20_001 }, () => 0);
    assertProblem(await send(many), 400, 'out_of_range', '/operations');
  });

  it('that change nothing make no revision', async () => {
    const net = randomUUID();
    const operations = [create('logical-switches', { name: 'n' }, net)];
    const { body } = await send(operations);
    const again = await send(operations);
    assert.deepEqual([again.status, again.body['revision']], [200, body['revision']]);
  });
});
