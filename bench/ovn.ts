/**
 * OVN on the same machine in the same run, by its own harness (ovnbench.py: real Open vSwitch in dummy mode, judged at the
 * switches). With two ACLs a switch where Weft has two rules, else without.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rounded } from './percentiles.js';
import type { SessionResult } from './session.js';
import type { WorkSize } from './work.js';

interface Seconds {
  readonly p50: number;
  readonly p99: number;
}

/** What is used of the harness's JSON. */
interface HarnessResult {
  readonly versions: Readonly<Record<string, string>>;
  readonly before: { readonly loadavg_before: readonly number[] };
  readonly w1: {
    readonly reps: number;
    readonly latency_s: Seconds;
    readonly cpu_whole_loop_add_sync_delete: { readonly by_role_s: Readonly<Record<string, number>> };
  };
  readonly w2: {
    readonly converged_s: number;
    readonly control_cpu_s: number;
    readonly flows_per_hv: { readonly max: number };
  };
  /** An address joins a set of 1,000 that an ACL of all ports names. */
  readonly w4?: {
    readonly reps: number;
    readonly addresses: number;
    readonly latency_s: Seconds;
    readonly flow_events_per_add: Seconds;
    readonly cpu_whole_loop: { readonly by_role_s: Readonly<Record<string, number>> };
  };
  readonly w3_kill: {
    readonly converged_s: number;
    readonly control_cpu_s: number;
    readonly rewritten_share: number;
    readonly memory: Readonly<Record<string, { readonly rss_mb: number }>>;
  };
}

/** One round of OVN, in the units of Weft's results. */
export interface OvnRound {
  readonly version: string;
  readonly port_add_ms: Seconds;
  readonly port_add_control_cpu_ms: number;
  readonly bulk_s: number;
  readonly bulk_control_cpu_s: number;
  readonly restart_s: number;
  readonly restart_control_cpu_s: number;
  readonly restart_rewritten_share: number;
  readonly flows_per_host: number;
  readonly control_memory_mb: number;
  /** Only where the ports have rules. */
  readonly address_join_ms?: Seconds;
  readonly address_join_flow_events?: number;
  readonly address_join_control_cpu_ms?: number;
  readonly load_before: readonly number[];
}

/** How many times Weft is below OVN. */
export interface RatioToOvn {
  readonly port_add: Seconds | null;
  readonly port_add_control_cpu: number | null;
  readonly bulk: number | null;
  readonly bulk_control_cpu: number | null;
  readonly restart: number | null;
  readonly restart_control_cpu: number | null;
  readonly flows_per_host: number | null;
  readonly control_memory: number | null;
}

const CONTROL = ['northd', 'ovsdb_nb', 'ovsdb_sb', 'ovn_controller'];

const sumOf = (values: Readonly<Record<string, number>>): number =>
  CONTROL.reduce((sum, role) => sum + (values[role] ?? 0), 0);

/** Runs one round: from nothing, ports one by one, everything killed and started again. */
export async function measureOvn(harness: string, size: WorkSize, repetitions: number): Promise<OvnRound> {
  const directory = mkdtempSync(join(tmpdir(), 'weft-bench-ovn-'));
  const output = join(directory, 'result.json');
  const args = ['all', '--restart', 'kill', '--reps', String(repetitions), '--reps4', String(repetitions)];
  args.push(...(size.rulesPerSwitch === undefined ? ['--no-acls', '--skip', 'w4,w5'] : ['--skip', 'w5']));
  const { hosts, switches, portsPerSwitch } = size;
  args.push('--hvs', String(hosts), '--switches', String(switches), '--ports', String(portsPerSwitch));
  args.push('--workdir', join(directory, 'run'), '--out', output);
  try {
    const child = spawn('python3', [join(harness, 'ovnbench.py'), ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    const [status] = (await once(child, 'exit')) as [number | null];
    if (status !== 0) throw new Error(`the OVN harness ended with ${status ?? 'a signal'}`);
    return roundOf(JSON.parse(readFileSync(output, 'utf8')) as HarnessResult);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function roundOf({ versions, before, w1, w2, w3_kill: restart, w4 }: HarnessResult): OvnRound {
  const memory = Object.entries(restart.memory).map(([role, { rss_mb: rss }]) => [role, rss] as const);
  return {
    version: versions['ovn-northd'] ?? 'unknown',
    port_add_ms: { p50: rounded(w1.latency_s.p50 * 1000, 1), p99: rounded(w1.latency_s.p99 * 1000, 1) },
    port_add_control_cpu_ms: rounded((sumOf(w1.cpu_whole_loop_add_sync_delete.by_role_s) * 1000) / w1.reps, 1),
    bulk_s: w2.converged_s,
    bulk_control_cpu_s: w2.control_cpu_s,
    restart_s: restart.converged_s,
    restart_control_cpu_s: restart.control_cpu_s,
    restart_rewritten_share: restart.rewritten_share,
    flows_per_host: w2.flows_per_hv.max,
    control_memory_mb: rounded(sumOf(Object.fromEntries(memory)), 1),
    ...(w4 === undefined
      ? {}
      : {
          address_join_ms: { p50: rounded(w4.latency_s.p50 * 1000, 1), p99: rounded(w4.latency_s.p99 * 1000, 1) },
          address_join_flow_events: w4.flow_events_per_add.p50,
          address_join_control_cpu_ms: rounded((sumOf(w4.cpu_whole_loop.by_role_s) * 1000) / w4.reps, 1),
        }),
    load_before: before.loadavg_before,
  };
}

/** Weft's session against the mean of the rounds of OVN before and after it. */
export function ratioToOvn(rounds: readonly OvnRound[], session: SessionResult): RatioToOvn {
  const mean = (value: (round: OvnRound) => number): number =>
    rounds.reduce((sum, round) => sum + value(round), 0) / rounds.length;
  const times = (ovn: number, weft: number | undefined): number | null =>
    weft === undefined || weft === 0 ? null : rounded(ovn / weft, 1);
  const { bulk, port_add: portAdd, restarts, memory } = session;
  const restart = restarts?.[0];
  return {
    port_add:
      portAdd === undefined
        ? null
        : {
            p50: rounded(mean(round => round.port_add_ms.p50) / portAdd.latency_ms.p50, 1),
            p99: rounded(mean(round => round.port_add_ms.p99) / portAdd.latency_ms.p99, 1),
          },
    port_add_control_cpu: times(
      mean(round => round.port_add_control_cpu_ms),
      portAdd?.cpu_ms_per_cycle.control_plane,
    ),
    bulk: times(
      mean(round => round.bulk_s),
      bulk?.applied_s,
    ),
    bulk_control_cpu: times(
      mean(round => round.bulk_control_cpu_s),
      bulk?.cpu_until_idle.control_plane_s,
    ),
    restart: times(
      mean(round => round.restart_s),
      restart?.in_sync_s,
    ),
    restart_control_cpu: times(
      mean(round => round.restart_control_cpu_s),
      restart?.cpu_until_idle.control_plane_s,
    ),
    flows_per_host: times(
      mean(round => round.flows_per_host),
      bulk?.flows_per_host.max,
    ),
    control_memory: times(
      mean(round => round.control_memory_mb),
      memory?.by_role.control_plane_mb,
    ),
  };
}
