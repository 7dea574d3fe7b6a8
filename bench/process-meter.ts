/**
 * CPU seconds and memory of processes by their role, from /proc. What else the machine did meanwhile is told too: a figure
 * taken beside other work is not the figure of a quiet machine.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rounded } from './percentiles.js';

/** `weft`: the controller. `postgres`: server and backends. `client`: the benchmark itself. `light`: simulated hypervisors. */
export type Role = 'weft' | 'postgres' | 'ovs_vswitchd' | 'ovsdb_server' | 'light' | 'client';

/** The control plane: what OVN's central daemons and controllers are compared with. */
export const CONTROL_ROLES: readonly Role[] = ['weft', 'postgres'];

/** Process ids by role; asked anew at each reading, for backends come and go. */
export type ProcessList = () => Readonly<Partial<Record<Role, readonly number[]>>>;

export interface CpuReading {
  readonly wall_s: number;
  /** User and system time of each role. */
  readonly by_role_s: Readonly<Partial<Record<Role, number>>>;
  readonly control_plane_s: number;
  /** CPU time of everything else on the machine; divided by the wall time: the cores that others used. */
  readonly rest_of_machine_s: number;
}

export interface MemoryReading {
  readonly processes: number;
  readonly rss_mb: number;
  /** Highest RSS since the last `resetPeaks`, summed over the processes. */
  readonly peak_rss_mb: number;
  /** Shared pages divided among those that share them: what the processes take together. */
  readonly pss_mb: number;
}

const NANOSECONDS = 1e9;
/** Ticks a second of /proc/PID/stat and /proc/stat. */
const TICKS = 100;

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null; // the process is gone, or the kernel does not tell
  }
}

function statOf(pid: number): readonly string[] {
  const text = read(`/proc/${pid}/stat`);
  return text === null ? [] : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

/** Nanosecond counts of the threads where the kernel keeps them; ticks otherwise. */
function cpuSecondsOfOne(pid: number): number {
  let nanoseconds = 0;
  let tasks: readonly string[];
  try {
    tasks = readdirSync(`/proc/${pid}/task`);
  } catch {
    return 0; // gone: a child's time is then in its parent's
  }
  for (const task of tasks) nanoseconds += Number(read(`/proc/${pid}/task/${task}/schedstat`)?.split(' ')[0] ?? 0);
  const stat = statOf(pid);
  const ticks = Number(stat[11] ?? 0) + Number(stat[12] ?? 0);
  return nanoseconds > 0 ? nanoseconds / NANOSECONDS : ticks / TICKS;
}

/** CPU time of living processes since their start, seconds. */
export function cpuSecondsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuSecondsOfOne(pid), 0);
}

/** CPU time of children that have ended and been waited for: finished backends, in the postmaster. */
function endedChildrenSecondsOf(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat[13] ?? 0) + Number(stat[14] ?? 0)) / TICKS;
}

function machineBusySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = (read('/proc/stat') ?? '')
    .split('\n')[0]
    ?.split(/\s+/)
    .slice(1)
    .map(Number) ?? [0];
  return (user + nice + system + irq + softIrq + steal) / TICKS;
}

/** Children of a process, itself first. */
export function processTree(root: number): readonly number[] {
  const text = read(`/proc/${root}/task/${root}/children`);
  return [root, ...(text ?? '').trim().split(' ').filter(Boolean).map(Number)];
}

export class ProcessMeter {
  readonly #processes: ProcessList;
  #startedMs = 0;
  #busy = 0;
  #before = new Map<Role, number>();

  constructor(processes: ProcessList) {
    this.#processes = processes;
    this.start();
  }

  #seconds(): Map<Role, number> {
    const seconds = new Map<Role, number>();
    const usage = process.cpuUsage();
    seconds.set('client', (usage.user + usage.system) / 1e6);
    for (const [role, pids] of Object.entries(this.#processes()) as [Role, readonly number[]][]) {
      const own = cpuSecondsOf(pids);
      const [first] = pids;
      const ended = role === 'postgres' && first !== undefined ? endedChildrenSecondsOf(first) : 0;
      seconds.set(role, own + ended);
    }
    return seconds;
  }

  /** Counts from now on. */
  start(): void {
    this.#before = this.#seconds();
    this.#busy = machineBusySeconds();
    this.#startedMs = performance.now();
  }

  read(): CpuReading {
    const wallS = (performance.now() - this.#startedMs) / 1000;
    const busy = machineBusySeconds() - this.#busy;
    const byRole: Partial<Record<Role, number>> = {};
    let known = 0;
    for (const [role, seconds] of this.#seconds()) {
      // A process that was started anew (Weft after a crash) counts from nothing.
      const before = this.#before.get(role) ?? 0;
      const used = seconds >= before ? seconds - before : seconds;
      known += used;
      byRole[role] = rounded(used, 4);
    }
    const control = CONTROL_ROLES.reduce((sum, role) => sum + (byRole[role] ?? 0), 0);
    return {
      wall_s: rounded(wallS),
      by_role_s: byRole,
      control_plane_s: rounded(control, 4),
      rest_of_machine_s: rounded(Math.max(0, busy - known)),
    };
  }
}

function memoryOf(pids: readonly number[]): MemoryReading {
  let rss = 0;
  let peak = 0;
  let pss = 0;
  for (const pid of pids) {
    const status = read(`/proc/${pid}/status`) ?? '';
    rss += Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    peak += Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    pss += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1] ?? 0);
  }
  const megabytes = (kilobytes: number): number => rounded(kilobytes / 1024, 1);
  return { processes: pids.length, rss_mb: megabytes(rss), peak_rss_mb: megabytes(peak), pss_mb: megabytes(pss) };
}

export type MemoryByRole = Readonly<Partial<Record<Role, MemoryReading>>> & {
  /** Weft's RSS and the PSS of Postgres: shared buffers are counted once. Megabytes. */
  readonly control_plane_mb: number;
};

export function memoryByRole(processes: ProcessList): MemoryByRole {
  const readings = Object.fromEntries(
    Object.entries(processes()).map(([role, pids]) => [role, memoryOf(pids)] as const),
  ) as Partial<Record<Role, MemoryReading>>;
  const control = (readings.weft?.rss_mb ?? 0) + (readings.postgres?.pss_mb ?? 0);
  return { ...readings, control_plane_mb: rounded(control, 1) };
}

/** Starts the peak of every process anew, where the kernel allows it. */
export function resetPeaks(processes: ProcessList): void {
  for (const pids of Object.values(processes())) {
    for (const pid of pids) {
      try {
        writeFileSync(`/proc/${pid}/clear_refs`, '5');
      } catch {
        // Not allowed or gone: the peak then is that of the process's life, which is more, never less.
      }
    }
  }
}
