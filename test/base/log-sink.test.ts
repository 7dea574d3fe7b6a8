/** Where log lines go: what cannot be written is held to a limit, and stops nothing. */
import assert from 'node:assert/strict';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { LogSink, type LogWriter } from '../../src/base/log-sink.js';

/** A disk that may be full, and that takes only so many bytes at a time. */
class Disk implements LogWriter {
  text = '';
  isFull = false;
  most = Number.POSITIVE_INFINITY;

  write(bytes: Buffer, done: (error: Error | null, written: number) => void): void {
    setImmediate(() => {
      if (this.isFull) done(new Error('ENOSPC'), 0);
      else done(null, this.writeSync(bytes));
    });
  }

  writeSync(bytes: Buffer): number {
    if (this.isFull) throw new Error('ENOSPC');
    const taken = bytes.subarray(0, this.most);
    this.text += taken.toString();
    return taken.length;
  }
}

describe('log sink', () => {
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn += 1) await sleep(1);
  };

  it('writes every line once, in order, also in small parts', async () => {
    const disk = new Disk();
    disk.most = 5;
    const sink = new LogSink(disk, { gatherMs: 0 });
    const lines = Array.from({ length: 10 }, (_, n) => `line ${n}\n`);
    for (const line of lines) {
      sink.write(line);
      await nextTurn();
    }
    await settled();
    assert.equal(disk.text, lines.join(''));
  });

  it('writes on when there is room again, and says how many lines it had to drop', async () => {
    const disk = new Disk();
    const sink = new LogSink(disk, { gatherMs: 0, retryMs: 1 });
    disk.isFull = true;
    const long = `${'x'.repeat(1023)}\n`;
    for (let count = 0; count < 1_030; count += 1) sink.write(long);
    await settled();
    assert.equal(disk.text, '');
    disk.isFull = false;
    await sleep(20);
    await settled();
    const written = disk.text.split('\n');
    assert.equal(written.filter(line => line.startsWith('x')).length, 1_024);
    assert.match(disk.text, /"lines":6,"msg":"log lines were dropped/);
    sink.write('after\n');
    await settled();
    assert.ok(disk.text.endsWith('after\n'));
  });

  it('has everything written when the process ends, and ends it on a full disk too', async () => {
    const disk = new Disk();
    const sink = new LogSink(disk, { gatherMs: 0 });
    sink.write('last words\n');
    sink.flushSync();
    assert.equal(disk.text, 'last words\n');
    disk.isFull = true;
    sink.write('unheard\n');
    sink.flushSync();
    await settled();
    assert.equal(disk.text, 'last words\n');
  });
});
