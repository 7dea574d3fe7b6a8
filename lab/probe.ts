/** Measurements between workloads, and hosts outside: numbered UDP packets, ping, and TCP throughput. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inNamespace } from './namespaces.js';
import { commandEnvironment, eventually } from './processes.js';
import type { Workload } from './workload.js';

/** Where a probe begins or ends: a workload, or a host outside. */
export interface ProbeEnd {
  readonly namespace: string;
  /** Environment of everything that runs there. */
  readonly mark: Readonly<Record<string, string>>;
  address(family: 4 | 6): string;
}

/** After the sender's end, packets may still be on their way. */
const SETTLE_MS = 300;
let nextPort = 20_000;

export interface ProbeResult {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** Most packets lost in a row. */
  readonly longestLossRun: number;
  /** Longest time between two arrivals. */
  readonly longestGapMs: number;
  /** Longest way of one packet. */
  readonly longestDelayMs: number;
  /**
   * Shortest way of a packet that was the last before lost ones; null when none was lost before the end. Where a queue was full
   * because its reader did not run, the packets before the lost ones stood in it, a quarter of a second or so; where a flow was
   * missing, they went straight through.
   */
  readonly heldBeforeLossMs: number | null;
  readonly duplicates: number;
  /** Packets that arrived after one with a higher number. */
  readonly reordered: number;
}

export interface ProbeOptions {
  readonly from: ProbeEnd;
  readonly to: ProbeEnd;
  readonly family?: 4 | 6;
  /** Default 1000. */
  readonly packetsPerSecond?: number;
}

/** One end of a probe: a child whose output lines are read one by one. */
interface End {
  readonly child: ChildProcessWithoutNullStreams;
  readonly lines: Interface;
}

async function startEnd({ namespace, mark }: ProbeEnd, args: readonly string[]): Promise<End> {
  const program = fileURLToPath(new URL('probe-program.js', import.meta.url));
  const [file = '', ...rest] = inNamespace(namespace, [process.execPath, program, ...args]);
  const child = spawn(file, rest, { env: commandEnvironment(mark), stdio: ['pipe', 'pipe', 'pipe'] });
  child.stderr.pipe(process.stderr);
  const lines = createInterface(child.stdout);
  await once(lines, 'line');
  return { child, lines };
}

async function finish(end: End): Promise<unknown> {
  const line = once(end.lines, 'line');
  end.child.stdin.end();
  const [text] = (await line) as [string];
  return JSON.parse(text);
}

/** A running probe: packets at a fixed rate from one end to the other. */
export class Probe {
  private constructor(
    private readonly sender: End,
    private readonly receiver: End,
  ) {}

  static async start(options: ProbeOptions): Promise<Probe> {
    const address = options.to.address(options.family ?? 4);
    const port = String(nextPort);
    nextPort += 1;
    const receiver = await startEnd(options.to, ['receive', address.includes(':') ? '::' : '0.0.0.0', port]);
    const sender = await startEnd(options.from, ['send', address, port, String(options.packetsPerSecond ?? 1000)]);
    return new Probe(sender, receiver);
  }

  async stop(): Promise<ProbeResult> {
    const { sent } = (await finish(this.sender)) as { sent: number };
    await sleep(SETTLE_MS);
    const { numbers, ...timing } = (await finish(this.receiver)) as Received;
    return {
      sent,
      received: numbers.length,
      lost: sent - numbers.length,
      longestLossRun: longestRun(numbers, sent),
      ...timing,
    };
  }
}

type Received = Pick<
  ProbeResult,
  'duplicates' | 'reordered' | 'longestGapMs' | 'longestDelayMs' | 'heldBeforeLossMs'
> & { numbers: number[] };

/** Most numbers in a row of 0..sent-1 that are not among `numbers` (ascending). */
function longestRun(numbers: readonly number[], sent: number): number {
  let longest = 0;
  let previous = -1;
  for (const number of [...numbers, sent]) {
    longest = Math.max(longest, number - previous - 1);
    previous = number;
  }
  return longest;
}

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly text: string;
}

export interface PingOptions {
  /** Default 3. */
  readonly count?: number;
  /** Bytes of the IP packet, sent with "do not fragment" set. */
  readonly packetBytes?: number;
}

/** Pings an address from a workload, 50 ms apart, each answer awaited for 1 s. */
export async function ping(
  from: Pick<Workload, 'exec'>,
  address: string,
  options: PingOptions = {},
): Promise<PingResult> {
  const count = options.count ?? 3;
  const headers = address.includes(':') ? 48 : 28;
  const size = options.packetBytes === undefined ? [] : ['-M', 'do', '-s', String(options.packetBytes - headers)];
  const command = ['ping', '-n', '-c', String(count), '-i', '0.05', '-W', '1', ...size, address];
  const { stdout, stderr } = await from.exec(command, { allowFailure: true });
  const summary = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  return { sent: Number(summary?.[1] ?? count), received: Number(summary?.[2] ?? 0), text: stdout + stderr };
}

/** Who answers on the way, by numbered hops; those that say nothing are "*". */
export async function traceroute(from: Pick<Workload, 'exec'>, address: string): Promise<readonly string[]> {
  const family = address.includes(':') ? '-6' : '-4';
  const { stdout } = await from.exec(['traceroute', family, '-n', '-q', '1', '-w', '2', '-m', '5', address]);
  return stdout
    .split('\n')
    .slice(1)
    .flatMap(line => /^\s*\d+\s+(\S+)/.exec(line)?.[1] ?? []);
}

export interface ThroughputResult {
  readonly bitsPerSecond: number;
  readonly retransmits: number;
}

/** TCP throughput by iperf3, as fast as it goes or, evenly spaced by the sender's kernel, at most `limitBitsPerSecond`. */
export async function throughput(
  from: Workload,
  to: Workload,
  options: { readonly family?: 4 | 6; readonly seconds?: number; readonly limitBitsPerSecond?: number } = {},
): Promise<ThroughputResult> {
  const port = String(nextPort);
  nextPort += 1;
  const server = to.exec(['iperf3', '-s', '-1', '-p', port]);
  await eventually('iperf3 listens', async () => {
    const { stdout } = await to.exec(['ss', '-Hltn', `sport = :${port}`]);
    return stdout.trim() !== '';
  });
  const seconds = String(options.seconds ?? 3);
  const { limitBitsPerSecond } = options;
  const limit = limitBitsPerSecond === undefined ? [] : ['--fq-rate', String(Math.round(limitBitsPerSecond))];
  const client = ['iperf3', '-J', '-c', to.address(options.family ?? 4), '-p', port, '-t', seconds, ...limit];
  const { stdout } = await from.exec(client);
  await server;
  const report = JSON.parse(stdout) as { end: { sum_sent: { bits_per_second: number; retransmits: number } } };
  return { bitsPerSecond: report.end.sum_sent.bits_per_second, retransmits: report.end.sum_sent.retransmits };
}
