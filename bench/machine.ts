/** What the figures were taken on, and what else ran: without it they cannot be compared with any others. */
import { spawnSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { version } from '../src/base/version.js';
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

/** The commit that is measured, with `dirty` when there are changes beside it; the version where there is no repository. */
export function revisionOfProject(): string {
  const git = (...args: readonly string[]): string | null => {
    const { status, stdout } = spawnSync('git', args, { encoding: 'utf8', cwd: import.meta.dirname });
    return status === 0 ? stdout.trim() : null;
  };
  const commit = git('rev-parse', '--short=10', 'HEAD');
  if (commit === null) return version;
  return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit} dirty`;
}
