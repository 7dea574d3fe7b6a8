/** The list of claiming interfaces: told at most once in a while, but never older than the database when asked for. */
import assert from 'node:assert/strict';
import { Inventory } from '../../../southbound/hypervisor/inventory.js';
import type { Replica, RowChange } from '../../../southbound/ovsdb/replica.js';
import { ManualClock } from '../../fakes/manual-clock.js';

type Source = Pick<Replica, 'rows' | 'onChange'>;

/** A database of one bridge with interfaces that claim ports, as far as an inventory looks at it. */
class OneBridge {
  readonly #interfaces = new Map<string, object>();
  #tell: (changes: readonly RowChange[]) => void = () => undefined;

  readonly source = {
    rows: (table: string): ReadonlyMap<string, object> => {
      const uuids = [...this.#interfaces.keys()];
      if (table === 'Bridge') return new Map([['b', { name: 'br-int', ports: uuids }]]);
      if (table === 'Port') return new Map(uuids.map(uuid => [uuid, { interfaces: [uuid] }]));
      return this.#interfaces;
    },
    onChange: (listener: (changes: readonly RowChange[]) => void) => {
      this.#tell = listener;
      return () => undefined;
    },
  } as unknown as Source;

  add(uuid: string, portId: string): void {
    const columns = { name: uuid, type: '', error: null, link_state: 'up', admin_state: 'up', mtu: 1450 };
    const row = { _uuid: uuid, ofport: 1, external_ids: new Map([['iface-id', portId]]), ...columns };
    const bridgeBefore = this.source.rows('Bridge').get('b');
    this.#interfaces.set(uuid, row);
    const changes = [
      { table: 'Interface', uuid, before: null, after: row },
      { table: 'Port', uuid, before: null, after: { interfaces: [uuid] } },
      { table: 'Bridge', uuid: 'b', before: bridgeBefore, after: this.source.rows('Bridge').get('b') },
    ];
    this.#tell(changes as unknown as readonly RowChange[]);
  }
}

describe('inventory', () => {
  it('has what the database has at once, before anybody is told', () => {
    const database = new OneBridge();
    const clock = new ManualClock();
    const inventory = new Inventory(database.source, 'br-int', clock);
    database.add('tap1', 'port-1');
    assert.deepEqual(
      inventory.interfaces().map(({ name, ifaceId }) => [name, ifaceId]),
      [['tap1', 'port-1']],
    );
  });

  it('still tells a change that somebody has asked for meanwhile, once', () => {
    const database = new OneBridge();
    const clock = new ManualClock();
    const inventory = new Inventory(database.source, 'br-int', clock);
    const told: number[] = [];
    inventory.onChange(() => told.push(inventory.interfaces().length));
    database.add('tap1', 'port-1');
    database.add('tap2', 'port-2');
    assert.equal(inventory.interfaces().length, 2);
    clock.advance(100);
    assert.deepEqual(told, [2]);
  });
});
