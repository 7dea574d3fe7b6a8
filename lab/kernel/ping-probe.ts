/**
 * A stream of numbered packets between workloads of guests, by ping: it is all that an emulated processor has the strength for.
 * A lost request and a lost answer are one loss.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../processes.js';
import type { GuestWorkload } from './guest-workload.js';

/** What the last event of a measurement did to packets has been answered, or not, by then. */
const SETTLE_MS = 1_500;
let started = 0;

export interface PingProbeResult {
  readonly transmitted: number;
  /** Of them, those that were awaited: without the last few, whose answers were still on their way. */
  readonly sent: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Most packets lost in a row. */
  readonly longestLossRun: number;
  /** Longest time between two answers. */
  readonly longestGapMs: number;
  /** Packets a second that the guest managed to send. */
  readonly packetsPerSecond: number;
}

/** Reads the output of `ping -D`. The numbers of its packets have 16 bits: they are counted on from the one before. */
export function parsePing(text: string): PingProbeResult {
  const answers = [...text.matchAll(/^\[(\d+\.\d+)\] .*icmp_seq=(\d+) (.*)$/gm)];
  const numbers = new Set<number>();
  let [highest, longestGapMs, duplicates, previousMs] = [0, 0, 0, Number.NaN];
  for (const [, seconds = '', digits = '', rest = ''] of answers) {
    if (rest.includes('DUP!')) duplicates += 1;
    const delta = (((Number(digits) - highest) % 65_536) + 65_536) % 65_536;
    const number = highest + (delta < 32_768 ? delta : delta - 65_536);
    highest = Math.max(highest, number);
    numbers.add(number);
    const atMs = Number(seconds) * 1000;
    if (atMs - previousMs > longestGapMs) longestGapMs = atMs - previousMs;
    previousMs = atMs;
  }
  const summary = /(\d+) packets transmitted, .* time (\d+)ms/.exec(text);
  if (summary === null) throw new Error(`ping did not end well: ${text.slice(-500)}`);
  const [transmitted, durationMs] = [Number(summary[1]), Number(summary[2])];
  const packetsPerSecond = Math.round((transmitted * 1000) / Math.max(1, durationMs));
  // Answers to the very last were on their way when ping was ended; more than a second of silence is loss.
  const sent = transmitted - highest < packetsPerSecond ? highest : transmitted;
  let [longestLossRun, run] = [0, 0];
  for (let number = 1; number <= sent; number += 1) {
    run = numbers.has(number) ? 0 : run + 1;
    longestLossRun = Math.max(longestLossRun, run);
  }
  return {
    transmitted,
    sent,
    lost: sent - numbers.size,
    duplicates,
    longestLossRun,
    longestGapMs: Math.round(longestGapMs),
    packetsPerSecond,
  };
}

export class PingProbe {
  private constructor(
    private readonly from: GuestWorkload,
    private readonly pid: number,
    private readonly file: string,
  ) {}

  /** Starts sending. The guest may not manage as many packets a second as it is asked for: the result says. */
  static async start(from: GuestWorkload, address: string, packetsPerSecond: number): Promise<PingProbe> {
    started += 1;
    const file = `/tmp/probe-${started}`;
    const command = ['ping', '-D', '-n', '-i', String(1 / packetsPerSecond), '-W', '1', address];
    const probe = new PingProbe(from, await from.start(command, file), file);
    await eventually('the probe is answered', async () => (await probe.output()).includes('icmp_seq='), 30_000, 200);
    return probe;
  }

  private async output(): Promise<string> {
    return (await this.from.hypervisor.guest.run(['head', '-c', '300', this.file])).stdout;
  }

  async stop(): Promise<PingProbeResult> {
    const { guest } = this.from.hypervisor;
    await sleep(SETTLE_MS);
    await guest.shell(`kill -INT ${this.pid}; while [ -d /proc/${this.pid} ]; do sleep 0.1; done`);
    const { stdout } = await guest.run(['cat', this.file]);
    await guest.run(['rm', this.file]);
    return parsePing(stdout);
  }
}
