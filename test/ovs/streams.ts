/** Streams between workloads, and single attempts to reach one: what tests of security groups are made of. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inNamespace } from '../../lab/namespaces.js';
import { commandEnvironment } from '../../lab/processes.js';
import type { Workload } from '../../lab/workload.js';

const program = fileURLToPath(new URL('stream-program.js', import.meta.url));

/** What it complains of is for whoever runs the tests. */
type Program = ChildProcessByStdio<Writable, Readable, null>;

/** A workload, or a host outside. */
type Place = Pick<Workload, 'name' | 'namespace' | 'mark'>;

function start(workload: Place, args: readonly string[]): Program {
  const [file = '', ...rest] = inNamespace(workload.namespace, [process.execPath, program, ...args]);
  return spawn(file, rest, { env: commandEnvironment(workload.mark), stdio: ['pipe', 'pipe', 'inherit'] });
}

async function end(child: Program): Promise<void> {
  const gone = once(child, 'close');
  child.stdin.end();
  await gone;
}

/** Serves TCP and UDP on these ports; the result ends it. */
export async function serve(workload: Place, ...ports: readonly number[]): Promise<() => Promise<void>> {
  const child = start(workload, ['serve', ...ports.map(String)]);
  await once(createInterface(child.stdout), 'line');
  return () => end(child);
}

/** A stream that one workload receives from another. */
export class Stream {
  #ticks = 0;

  private constructor(private readonly child: Program) {}

  /** Throws where it does not begin. */
  static watch(from: Place, transport: 'tcp' | 'udp', address: string, port: number): Promise<Stream> {
    return Stream.#begin(from, ['watch', transport, address, String(port)]);
  }

  /** UDP between the same port on both sides, each of which sends and counts by itself: nobody sees who has begun it. */
  static exchange(from: Place, address: string, port: number): Promise<Stream> {
    return Stream.#begin(from, ['exchange', address, String(port)]);
  }

  static async #begin(from: Place, args: readonly string[]): Promise<Stream> {
    const child = start(from, args);
    const stream = new Stream(child);
    const lines = createInterface(child.stdout);
    const begun = new Promise<string>(resolve => {
      lines.on('line', line => {
        if (line === 'tick') stream.#ticks += 1;
        else resolve(line);
      });
    });
    if ((await begun) === 'ready') return stream;
    await end(child);
    throw new Error(`${from.name} gets no stream: ${args.join(' ')}`);
  }

  /** How many ticks come in this time. */
  async during(durationMs: number): Promise<number> {
    const before = this.#ticks;
    await sleep(durationMs);
    return this.#ticks - before;
  }

  /** Waits until nothing has come for a while; false if that does not happen. */
  async ceases(withinMs = 8_000): Promise<boolean> {
    const until = performance.now() + withinMs;
    while (performance.now() < until) if ((await this.during(600)) === 0) return true;
    return false;
  }

  /** Waits until something comes; false if that does not happen. */
  async flows(withinMs = 12_000): Promise<boolean> {
    const until = performance.now() + withinMs;
    while (performance.now() < until) if ((await this.during(200)) > 0) return true;
    return false;
  }

  stop(): Promise<void> {
    return end(this.child);
  }
}

export type Outcome = 'answered' | 'refused' | 'silence';

/**
 * Tries once to open a TCP connection, or to have one datagram answered; silence is what lasts for `withinMs`. Without start-up files: bash
 * takes a socket as its input for a login from elsewhere.
 */
export async function tryReach(
  from: Workload,
  transport: 'tcp' | 'udp',
  address: string,
  port: number,
  withinMs: number,
): Promise<Outcome> {
  const open = `exec 3<>/dev/${transport}/${address}/${port}`;
  const script = transport === 'tcp' ? open : `${open}; echo x >&3; head -c 1 <&3 | grep -q .`;
  const { status } = await from.exec(['timeout', String(withinMs / 1000), 'bash', '--norc', '-c', script], {
    allowFailure: true,
  });
  return status === 0 ? 'answered' : status === 124 ? 'silence' : 'refused';
}
