import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import {
  sharedSource,
  sinceOf,
  type WatchedChange,
  type WatchSource,
  WatchStream,
} from '../../../northbound/rest/watch.js';
import type { Sight } from '../../../northbound/rest/sight.js';
import { systemClock } from '../../../src/base/clock.js';
import type { Kind } from '../../../src/model/index.js';
import { createLogger } from '../../../src/base/log.js';

const log = createLogger('fatal');

/** A response that can refuse to take more, as a slow reader's socket does. */
class Reader extends EventEmitter {
  text = '';
  isSlow = false;
  ended = false;
  write(chunk: string): boolean {
    this.text += chunk;
    return !this.isSlow;
  }
  end(): void {
    this.ended = true;
    this.emit('close');
  }
}

class Log implements WatchSource {
  readonly changes: WatchedChange[] = [];
  trimmedBelow = 0;
  reads = 0;
  #listeners = new Set<() => void>();
  get subscribers(): number {
    return this.#listeners.size;
  }
  commit(revision: number, ...ids: string[]): void {
    for (const id of ids)
      this.changes.push({
        revision,
        show: () => [{ kind: 'logical-switches', operation: 'updated', id, object: { id } }],
      });
    for (const listener of this.#listeners) listener();
  }
  onCommit(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
  async read(revision: number) {
    this.reads += 1;
    if (revision < this.trimmedBelow) return 'trimmed' as const;
    // Two revisions at a time, so that a stream has to come back for more.
    const revisions = [...new Set(this.changes.map(change => change.revision))]
      .filter(each => each > revision)
      .slice(0, 2);
    const upTo = revisions.at(-1) ?? revision;
    return { upTo, changes: this.changes.filter(change => change.revision > revision && change.revision <= upTo) };
  }
}

const open = (source: WatchSource, since: number, kinds: ReadonlySet<Kind> | null = null) => {
  const reader = new Reader();
  const subscriber = { sight: {} as Sight, kinds, isAdmitted: () => true };
  const stream = new WatchStream(reader as unknown as ServerResponse, source, subscriber, since, systemClock, log);
  stream.start();
  return { reader, stream };
};

const settle = () => new Promise(resolve => setTimeout(resolve, 20));
const seen = (reader: Reader): string[] =>
  [...reader.text.matchAll(/"revision":(\d+).*?"id":"(\w+)"/g)].map(match => `${match[1]}${match[2]}`);

describe('watch', () => {
  it('delivers everything after a revision, in order, and follows new commits', async () => {
    const source = new Log();
    source.commit(1, 'a');
    source.commit(2, 'b', 'c');
    source.commit(3, 'd');
    const { reader, stream } = open(source, 1);
    await settle();
    source.commit(4, 'e');
    await settle();
    stream.close();
    assert.deepEqual(seen(reader), ['2b', '2c', '3d', '4e']);
  });

  it('reads once for all subscribers that are at the same revision, and none of them misses anything', async () => {
    const source = new Log();
    const shared = sharedSource(source);
    const streams = Array.from({ length: 50 }, () => open(shared, 0));
    await settle();
    const before = source.reads;
    source.commit(1, 'a');
    await settle();
    assert.ok(source.reads - before <= 3, `${source.reads - before} reads`);
    // A commit while a read is in flight is not covered by that read.
    source.commit(2, 'b');
    source.commit(3, 'c');
    await settle();
    for (const { reader } of streams) assert.deepEqual(seen(reader), ['1a', '2b', '3c']);
    for (const { stream } of streams) stream.close();
    assert.equal(source.subscribers, 1);
  });

  it('gives an id only at the end of a revision, so that whoever resumes misses nothing', async () => {
    const source = new Log();
    source.commit(7, 'a', 'b', 'c');
    const { reader, stream } = open(source, 0);
    await settle();
    stream.close();
    const events = reader.text.split('\n\n').filter(block => block.includes('data: '));
    assert.deepEqual(
      events.map(block => /^id: (\d+)$/m.exec(block)?.[1]),
      [undefined, undefined, '7'],
    );
  });

  it('moves the reader past revisions that its filter left out', async () => {
    const source = new Log();
    source.commit(9, 'a');
    const { reader, stream } = open(source, 0, new Set<Kind>(['subnets']));
    await settle();
    stream.close();
    assert.match(reader.text, /id: 9\n/);
    assert.doesNotMatch(reader.text, /data: /);
  });

  it('reads nothing further for a reader that does not take what it was sent', async () => {
    const source = new Log();
    for (let revision = 1; revision <= 20; revision += 1) source.commit(revision, 'x');
    const { reader, stream } = open(source, 0);
    reader.isSlow = true;
    await settle();
    const readsWhileSlow = source.reads;
    assert.ok(readsWhileSlow <= 2, `${readsWhileSlow} reads`);
    reader.isSlow = false;
    reader.emit('drain');
    await settle();
    assert.equal(seen(reader).length, 20);
    stream.close();
  });

  it('ends with an error event when the log was trimmed, and leaves no listener behind', async () => {
    const source = new Log();
    source.trimmedBelow = 5;
    const { reader } = open(source, 1);
    await settle();
    assert.match(reader.text, /event: error\ndata: \{"code":"log_trimmed"\}/);
    assert.ok(reader.ended);
    assert.equal(source.subscribers, 0);
  });

  it('takes the revision of a reader that comes back over that of its query', () => {
    assert.equal(sinceOf('3', '8', 10), 8);
    assert.equal(sinceOf('3', undefined, 10), 3);
    assert.equal(sinceOf(undefined, undefined, 10), 10);
    assert.throws(() => sinceOf('-1', undefined, 10), /is not a revision/);
  });
});
