/**
 * The host's end of a channel to a guest: a virtual serial port, at whose other end a shell runs one command after the
 * other (channel.sh has the framing). It needs no network of the guest.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandResult } from '../processes.js';

/** The guest ends a command that takes too long by itself; one that does not even do that is not waited for longer. */
const GRACE_MS = 30_000;
const GREETING = 'ready\n';

interface Answer {
  readonly number: number;
  readonly status: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

function parseAnswer(line: string): Answer {
  const match = /^(\d+) (\d+) (\d+) (\d+)$/.exec(line);
  if (match === null) throw new Error(`not an answer of a guest: ${JSON.stringify(line.slice(0, 200))}`);
  const [number = 0, status = 0, stdoutBytes = 0, stderrBytes = 0] = match.slice(1).map(Number);
  return { number, status, stdoutBytes, stderrBytes };
}

export class GuestChannel {
  private received: Buffer = Buffer.alloc(0);
  private fault: Error | null = null;
  private wake: () => void = () => undefined;
  private nextNumber = 1;
  private commands = 0;
  private last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on('error', () => undefined); // its end follows
    socket.on('close', () => this.fail(new Error('the guest has ended')));
  }

  /** Connects to a port of qemu, which makes the socket soon after its start. */
  static async connect(path: string, timeoutMs = 10_000): Promise<GuestChannel> {
    for (const end = performance.now() + timeoutMs; ; await sleep(20)) {
      const socket = connect(path);
      try {
        await once(socket, 'connect');
        return new GuestChannel(socket);
      } catch (error) {
        if (performance.now() > end) throw error;
      }
    }
  }

  /** Waits until the guest's end is there. */
  async ready(timeoutMs: number): Promise<void> {
    const end = performance.now() + timeoutMs;
    const greeting = await this.take(GREETING.length, end);
    if (greeting.toString() !== GREETING) throw this.fail(new Error(`the guest said ${greeting.toString()}`));
  }

  /**
   * Runs a shell script in the guest; commands wait for those given before. A script that takes longer than `timeoutMs`
   * is killed and its status is 137. Throws when the guest does not answer: the channel is of no use then.
   */
  run(script: string, timeoutMs: number): Promise<CommandResult> {
    this.commands += 1;
    const result = this.last
      .then(() => this.exchange(script, timeoutMs))
      .finally(() => {
        this.commands -= 1;
      });
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Commands given and not yet answered. */
  get waiting(): number {
    return this.commands;
  }

  close(): void {
    this.socket.destroy();
  }

  private async exchange(script: string, timeoutMs: number): Promise<CommandResult> {
    const number = this.nextNumber;
    this.nextNumber += 1;
    const encoded = Buffer.from(script).toString('base64');
    this.socket.write(`${number} ${Math.ceil(timeoutMs / 1000)} ${encoded}\n`);
    const end = performance.now() + timeoutMs + GRACE_MS;
    const answer = parseAnswer(await this.takeLine(end));
    if (answer.number !== number) throw this.fail(new Error(`answer ${answer.number} to command ${number}`));
    const stdout = (await this.take(answer.stdoutBytes, end)).toString();
    const stderr = (await this.take(answer.stderrBytes, end)).toString();
    return { status: answer.status, stdout, stderr };
  }

  private async takeLine(end: number): Promise<string> {
    for (;;) {
      const length = this.received.indexOf('\n');
      if (length >= 0) return (await this.take(length + 1, end)).subarray(0, length).toString();
      await this.more(end);
    }
  }

  private async take(length: number, end: number): Promise<Buffer> {
    while (this.received.length < length) await this.more(end);
    const taken = this.received.subarray(0, length);
    this.received = this.received.subarray(length);
    return taken;
  }

  /** Waits for further bytes. */
  private async more(end: number): Promise<void> {
    if (this.fault !== null) throw this.fault;
    const timer = setTimeout(() => this.fail(new Error('the guest does not answer')), end - performance.now());
    await new Promise<void>(resolve => {
      this.wake = resolve;
    });
    clearTimeout(timer);
  }

  private fail(error: Error): Error {
    this.fault ??= error;
    this.wake();
    return this.fault;
  }
}
