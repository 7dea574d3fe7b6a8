import assert from 'node:assert/strict';
import { silentLogger } from '../../src/base/log.js';
import { type InventoryReport, isDifference } from '../../src/store/inventory.js';
import { type InventoryStore, InventoryWriter } from '../../src/store/inventory-writer.js';
import { ManualClock } from '../fakes/manual-clock.js';

/** A store whose writes end when the test says so. */
class FakeStore implements InventoryStore {
  readonly written: ReadonlyMap<string, InventoryReport>[] = [];
  #settle: { readonly done: (revision: number) => void; readonly fail: (error: Error) => void } | null = null;

  recordInventories(reports: ReadonlyMap<string, InventoryReport>): Promise<number> {
    assert.equal(this.#settle, null, 'two writes at a time');
    this.written.push(reports);
    return new Promise((done, fail) => {
      this.#settle = { done, fail };
    });
  }

  async end(error?: Error): Promise<void> {
    const settle = this.#settle;
    this.#settle = null;
    if (error === undefined) settle?.done(1);
    else settle?.fail(error);
    await new Promise(resolve => setImmediate(resolve));
  }

  /** Names of the interfaces in one write, by hypervisor. */
  names(write: number): Record<string, string[]> {
    const reports = this.written[write] ?? new Map<string, InventoryReport>();
    return Object.fromEntries([...reports].map(([id, report]) => [id, names(report)]));
  }
}

/** Of a difference, what is new with a plus and what is gone with a minus. */
const names = (report: InventoryReport): string[] =>
  isDifference(report)
    ? [...report.changed.map(({ name }) => `+${name}`), ...report.gone.map(uuid => `-${uuid}`)]
    : report.map(({ name }) => name);

const tap = (name: string, ofport: number | null = 1) => ({ uuid: `uuid-${name}`, name, ifaceId: 'port', ofport });

describe('What hypervisors report', () => {
  let store: FakeStore;
  let clock: ManualClock;
  let writer: InventoryWriter;
  beforeEach(() => {
    store = new FakeStore();
    clock = new ManualClock();
    writer = new InventoryWriter(store, clock, silentLogger);
  });

  it('is written at once, and while that runs the newest of each is kept for one more write', async () => {
    writer.report('a', [tap('a1')]);
    assert.deepEqual(store.names(0), { a: ['a1'] });
    writer.report('b', [tap('b1')]);
    writer.report('b', [tap('b2')]);
    writer.report('a', []);
    assert.equal(store.written.length, 1);
    await store.end();
    assert.deepEqual(store.names(1), { b: ['b2'], a: [] });
    await store.end();
    assert.equal(store.written.length, 2);
  });

  it('waits while the lease is in doubt, and is written when it is not', async () => {
    let mayWrite = false;
    writer = new InventoryWriter(store, clock, silentLogger, () => mayWrite);
    writer.report('a', [tap('a1')]);
    clock.advance(1_000);
    assert.equal(store.written.length, 0);
    mayWrite = true;
    clock.advance(100);
    assert.deepEqual(store.names(0), { a: ['a1'] });
    await store.end();
  });

  it('is written some hosts at a time, and fewer where they have many interfaces', async () => {
    const many = Array.from({ length: 900 }, (_, number) => tap(`many${number}`));
    writer.report('first', []);
    for (let host = 0; host < 100; host += 1) writer.report(`h${host}`, [tap('one')]);
    for (let host = 0; host < 5; host += 1) writer.report(`m${host}`, many);
    for (let write = 0; write < 8; write += 1) await store.end();
    assert.deepEqual(
      store.written.map(({ size }) => size),
      [1, 64, 38, 2, 1],
    );
    const hosts = store.written.flatMap(reports => [...reports.keys()]);
    assert.equal(new Set(hosts).size, 106);
  });

  it('is gathered while a write runs: differences on what they differ from', async () => {
    writer.report('a', [tap('a1')]);
    writer.report('a', { changed: [tap('a2'), tap('a3', null)], gone: ['uuid-a1'] });
    writer.report('a', { changed: [tap('a1')], gone: ['uuid-a2'] });
    writer.report('b', [tap('b1'), tap('b2')]);
    writer.report('b', { changed: [tap('b3')], gone: ['uuid-b1'] });
    await store.end();
    assert.deepEqual(store.names(1), { a: ['+a1', '-uuid-a2', '-uuid-a3'], b: ['b2', 'b3'] });
  });

  it('is written again after a failure with the differences since', async () => {
    writer.report('a', { changed: [tap('a1'), tap('a2')], gone: [] });
    writer.report('a', { changed: [tap('a3')], gone: ['uuid-a1'] });
    await store.end(new Error('no database'));
    clock.advance(100);
    assert.deepEqual(store.names(1), { a: ['+a2', '+a3', '-uuid-a1'] });
    writer.report('a', [tap('a9')]);
    await store.end(new Error('no database'));
    clock.advance(200);
    assert.deepEqual(store.names(2), { a: ['a9'] });
  });

  it('leaves out what cannot carry packets yet', () => {
    writer.report('a', [tap('ready', 5), tap('not-yet', null)]);
    assert.deepEqual(store.names(0), { a: ['ready'] });
  });

  it('is written again after a failure, with what is newest then, later each time', async () => {
    writer.report('a', [tap('old')]);
    writer.report('b', [tap('b1')]);
    await store.end(new Error('no database'));
    writer.report('a', [tap('new')]);
    assert.equal(store.written.length, 1, 'nothing before the wait is over');
    clock.advance(100);
    assert.deepEqual(store.names(1), { b: ['b1'], a: ['new'] });
    await store.end(new Error('no database'));
    clock.advance(199);
    assert.equal(store.written.length, 2);
    clock.advance(1);
    assert.equal(store.written.length, 3);
    await store.end();
    writer.report('c', []);
    assert.equal(store.written.length, 4, 'a success forgets the failures');
  });

  it('waits at most some seconds, however often it failed', async () => {
    writer.report('a', []);
    for (let failures = 0; failures < 20; failures += 1) {
      await store.end(new Error('no database'));
      clock.advance(5_000);
    }
    assert.equal(store.written.length, 21);
  });

  it('is not written any more once stopped', async () => {
    writer.report('a', []);
    writer.report('b', []);
    await store.end(new Error('no database'));
    writer.stop();
    writer.report('c', []);
    clock.advance(60_000);
    assert.deepEqual([store.written.length, clock.pending], [1, 0]);
  });

  it('is not written any more once another Weft hears the hosts, neither what waits nor what fails then', async () => {
    writer.report('a', [tap('a1')]);
    await store.end(new Error('no database'));
    writer.drop();
    clock.advance(10_000);
    assert.equal(store.written.length, 1);
    writer.report('a', [tap('a2')]);
    writer.report('b', [tap('b1')]);
    writer.drop();
    await store.end(new Error('no database'));
    clock.advance(10_000);
    assert.equal(store.written.length, 2);
    writer.report('b', [tap('b2')]);
    assert.deepEqual(store.names(2), { b: ['b2'] });
  });
});
