/** What the figures were taken on, and what else ran: without it they cannot be compared with any others. */
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { rounded } from './percentiles.js';

export interface MachineReport {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gb: number;
  readonly kernel: string;
  readonly node: string;
}

export function machineReport(): MachineReport {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory_gb: rounded(totalmem() / 1024 ** 3, 1),
    kernel: release(),
    node: process.version,
  };
}

/** Load averages over 1, 5 and 15 minutes. */
export function load(): readonly number[] {
  return loadavg().map(value => rounded(value, 2));
}

/** Megabytes that could still be given to processes. */
export function availableMemoryMb(): number {
  return Number(/^MemAvailable:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'latin1'))?.[1] ?? 0) / 1024;
}
