import assert from 'node:assert/strict';
import { structurallyEqual } from '../../src/base/structural-equality.js';
import { kinds, resources } from '../../src/model/index.js';
import { NetworkView, nounKinds, type RowAfter } from '../../src/view/network-view.js';
import { compareIds } from '../../src/view/row-order.js';
import { all, indexes, type IndexValue, type ViewKind, type ViewRow } from '../../src/view/rows.js';
import { RandomNetwork } from '../compiler/random-network.js';
import { ReferenceNetwork } from '../compiler/reference-network.js';

const viewKinds = Object.keys(indexes) as ViewKind[];

/** As `assert.deepEqual`, at a tenth of the cost where most of what is compared is the very same. */
function assertSame(actual: unknown, expected: unknown, where: string): void {
  if (structurallyEqual(actual, expected)) return;
  assert.deepEqual(actual, expected, where);
  assert.fail(where);
}

/** Every row and every bucket of every index, derived ones included. */
function assertEqualsReference(view: NetworkView, reference: ReferenceNetwork, where: string): void {
  for (const kind of viewKinds) {
    const rows = view.rows(kind) as readonly ViewRow<ViewKind>[];
    const expected = reference.rows(kind);
    assert.equal(rows.length, expected.size, `${where}: ${kind}`);
    for (const row of rows) assertSame(row, expected.get(row.id), `${where}: ${kind} ${row.id}`);
    assert.ok(
      rows.every((row, place) => place === 0 || compareIds(rows[place - 1]?.id ?? '', row.id) < 0),
      `${where}: ${kind} in order`,
    );
    for (const [name, valuesOf] of Object.entries(indexes[kind])) {
      const values = new Set(rows.flatMap(row => (valuesOf as (row: ViewRow<ViewKind>) => IndexValue[])(row)));
      for (const value of [...values, 'no such value']) {
        const found = (view.by as (kind: string, index: string, value: IndexValue) => unknown).call(
          view,
          kind,
          name,
          value,
        );
        assertSame(found, reference.by(kind, name, value), `${where}: ${kind} by ${name} ${value}`);
      }
    }
  }
}

describe('The network view', () => {
  it('has an index for every reference of the model', () => {
    for (const kind of kinds) {
      for (const [name, field] of Object.entries(resources[kind].fields)) {
        if (field.reference !== null) assert.ok(name in indexes[kind], `${kind} by ${name}`);
      }
    }
    assert.deepEqual(new Set(nounKinds), new Set(kinds));
  });

  it('holds rows, indexes and placement as if computed from scratch, after every random revision', function () {
    this.timeout(300_000);
    for (let seed = 1; seed <= 12; seed += 1) {
      const network = new RandomNetwork(seed);
      const base = network.snapshot();
      const view = new NetworkView();
      const reference = new ReferenceNetwork();
      view.replace(base);
      reference.apply(
        kinds.flatMap(kind => base.rows[kind].map(row => ({ kind, id: row.id, after: row }) as RowAfter)),
      );
      for (let operation = 0; operation < 40; operation += 1) {
        const rows = network.operate();
        view.apply(network.revision, rows);
        reference.apply(rows);
        assertEqualsReference(view, reference, `seed ${seed}, operation ${operation}`);
      }
    }
  });

  it('holds the same whether it saw every revision, some at once, or only the end', () => {
    const each = new NetworkView();
    const batched = new NetworkView();
    const last = new NetworkView();
    const network = new RandomNetwork(99);
    for (const view of [each, batched]) view.replace(network.snapshot());
    let batch: RowAfter<(typeof kinds)[number]>[] = [];
    for (let operation = 1; operation <= 300; operation += 1) {
      const rows = network.operate();
      each.apply(network.revision, rows);
      batch.push(...rows);
      if (operation % 7 === 0 || operation === 300) {
        batched.apply(network.revision, batch);
        batch = [];
      }
    }
    last.replace(network.snapshot());
    assert.deepEqual(batched.everything(), each.everything());
    assert.deepEqual(last.everything(), each.everything());
  });

  it('reports only rows that changed, with what they were before, ordered by kind and id', () => {
    const network = new RandomNetwork(5);
    const view = new NetworkView();
    view.replace(network.snapshot());
    const held = new Map(view.everything().changes.map(({ kind, id, after }) => [`${kind} ${id}`, after]));
    for (let operation = 0; operation < 200; operation += 1) {
      const { changes, revision } = view.apply(network.revision, network.operate());
      assert.equal(revision, view.revision);
      const places = changes.map(({ kind, id }) => `${String(viewKinds.indexOf(kind)).padStart(3)} ${id}`);
      assert.deepEqual(places, [...places].sort());
      for (const { kind, id, before, after } of changes) {
        assert.deepEqual(before, held.get(`${kind} ${id}`) ?? null);
        assert.notDeepEqual(before, after);
        held.set(`${kind} ${id}`, after);
      }
    }
  });

  it('replaces the list of an index exactly when a row in it changes', () => {
    const view = new NetworkView();
    const network = new RandomNetwork(3);
    view.replace(network.snapshot());
    const before = view.by('hypervisors', 'all', all);
    const port = view.rows('logical-switch-ports')[0];
    assert.ok(port !== undefined);
    view.apply(2, [{ kind: 'logical-switch-ports', id: port.id, after: { ...port, enabled: !port.enabled } }]);
    assert.equal(view.by('hypervisors', 'all', all), before);
    const [host] = before;
    assert.ok(host !== undefined);
    view.apply(3, [{ kind: 'hypervisors', id: host.id, after: { ...host, gateway: !host.gateway } }]);
    assert.notEqual(view.by('hypervisors', 'all', all), before);
  });
});
