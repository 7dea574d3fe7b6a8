/**
 * Where log lines go: a file descriptor, written to without waiting. A full disk, or a reader that has stopped reading or gone
 * away, costs lines and nothing else. (The destination of pino itself ends the process at the first error, and cannot: it tries
 * to write the rest for ever.)
 */
import { write, writeSync } from 'node:fs';

/** What writes to a descriptor; for tests. */
export interface LogWriter {
  write(bytes: Buffer, done: (error: Error | null, written: number) => void): void;
  /** @returns bytes written. @throws as write(2) fails */
  writeSync(bytes: Buffer): number;
}

/** Held while nothing can be written; what comes beyond is dropped. */
const heldBytesLimit = 1024 * 1024;
const retryMs = 500;
/** Lines of so long are written in one go: each write is a system call in another thread, which costs more than making the line. */
const gatherMs = 50;

export function descriptorWriter(descriptor: number): LogWriter {
  return {
    write: (bytes, done) => write(descriptor, bytes, done),
    writeSync: bytes => writeSync(descriptor, bytes),
  };
}

export class LogSink {
  readonly #writer: LogWriter;
  readonly #retryMs: number;
  readonly #gatherMs: number;
  #lines: string[] = [];
  #heldBytes = 0;
  /** What is being written, or could not be. */
  #rest: Buffer | null = null;
  #isScheduled = false;
  #isWriting = false;
  #dropped = 0;

  constructor(writer: LogWriter, delays: { readonly gatherMs?: number; readonly retryMs?: number } = {}) {
    this.#writer = writer;
    this.#gatherMs = delays.gatherMs ?? gatherMs;
    this.#retryMs = delays.retryMs ?? retryMs;
  }

  /** Takes a line, with its end. */
  write(line: string): void {
    if (this.#heldBytes + line.length > heldBytesLimit) {
      this.#dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#heldBytes += line.length;
    this.#schedule();
  }

  /** One attempt, now, to write everything: before the process ends. A line may come twice then, but is not left out. */
  flushSync(): void {
    const bytes = this.#takeAll();
    if (bytes === null) return;
    try {
      for (let at = 0; at < bytes.length; ) at += this.#writer.writeSync(bytes.subarray(at));
      this.#rest = null;
      this.#heldBytes = 0;
    } catch {
      // There is nobody left to be told.
    }
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    setTimeout(() => {
      this.#isScheduled = false;
      this.#writeOn();
    }, this.#gatherMs);
  }

  /** Everything that is held, in one piece; null if there is nothing. */
  #takeAll(): Buffer | null {
    if (this.#lines.length > 0) {
      const fresh = Buffer.from(this.#lines.join(''));
      this.#rest = this.#rest === null ? fresh : Buffer.concat([this.#rest, fresh]);
      this.#lines = [];
    }
    return this.#rest;
  }

  #writeOn(): void {
    const bytes = this.#takeAll();
    if (bytes === null || this.#isWriting) return;
    this.#isWriting = true;
    this.#writer.write(bytes, (error, written) => {
      this.#isWriting = false;
      if (error !== null) return this.#later();
      const rest = bytes.subarray(written);
      this.#rest = rest.length === 0 ? null : rest;
      this.#heldBytes = rest.length + this.#lines.reduce((sum, line) => sum + line.length, 0);
      if (this.#rest === null && this.#dropped > 0) this.#tellOfDropped();
      if (this.#rest !== null || this.#lines.length > 0) this.#schedule();
    });
  }

  #tellOfDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    const time = new Date().toISOString();
    this.write(
      `${JSON.stringify({ level: 40, time, lines, msg: 'log lines were dropped: they could not be written' })}\n`,
    );
  }

  #later(): void {
    setTimeout(() => this.#writeOn(), this.#retryMs).unref();
  }
}
