/** A result as the tables of docs/performance.md: figures are never typed. */
import type { BenchResult, OvnPart, Parts } from './benchmarks.js';
import { goalRows } from './goals.js';
import type { ScaleResult } from './scale.js';
import type { SessionResult } from './session.js';

/** Undefined and null: not measured. */
type Cell = string | number | null | undefined;

function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const line = (cells: readonly Cell[]): string => `| ${cells.map(cell => cell ?? '–').join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

const stands = (isMet: boolean | null): string => (isMet === null ? '–' : isMet ? 'met' : '**not met**');

/** Where each goal stands. */
export function goalsTable(result: BenchResult): string {
  return table(
    ['what', 'goal', 'measured', 'stands'],
    goalRows(result).map(({ what, goal, measured, isMet }) => [what, goal, measured, stands(isMet)]),
  );
}

/** When and on what the figures were taken. */
export function circumstances(result: BenchResult): string {
  const { at, machine, load, quick, revision } = result;
  const kind = quick ? 'a quick run' : 'a full run';
  return `Measured at ${at.slice(0, 16).replace('T', ' ')} UTC, ${kind} of ${revision}: ${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, Linux ${machine.kernel}, Node.js ${machine.node}; load average ${load.before.join(', ')} before and ${load.after.join(', ')} after. Controller, database, every switch and the client share those cores.`;
}

const percentiles = (values: { p50: number; p90: number; p99: number; max: number } | undefined): string =>
  values === undefined ? '–' : `${values.p50} / ${values.p90} / ${values.p99} / ${values.max}`;

function sessionTable(sessions: readonly (readonly [string, SessionResult])[]): string {
  const rows: (readonly [string, (session: SessionResult) => Cell])[] = [
    ['database', session => session.durability],
    ['hypervisors, ports', ({ work }) => `${work.hosts}, ${work.ports}`],
    ['port added, ms p50 / p90 / p99 / max', session => percentiles(session.port_add?.latency_ms)],
    ['port deleted, ms', session => percentiles(session.port_add?.delete_latency_ms)],
    ['floor of an addition, ms', session => percentiles(session.floor?.sum_ms)],
    ['floor: commit, ms', session => percentiles(session.floor?.commit_ms)],
    ['floor: barrier, ms', session => percentiles(session.floor?.barrier_ms)],
    ['floor: bundle of ten flows, ms', session => percentiles(session.floor?.bundle_ms)],
    ['floor with the bundle on all switches, ms', session => percentiles(session.floor?.fan_out.sum_ms)],
    [
      'sent for add and delete: flow_mods, bundles, bytes',
      ({ port_add: add }) =>
        add && `${add.sent_per_cycle.flow_mods}, ${add.sent_per_cycle.bundles}, ${add.sent_per_cycle.bytes}`,
    ],
    [
      'CPU ms for add, confirm, delete: Weft, Postgres, ovs-vswitchd',
      ({ port_add: add }) =>
        add && `${add.cpu_ms_per_cycle.weft}, ${add.cpu_ms_per_cycle.postgres}, ${add.cpu_ms_per_cycle.ovs_vswitchd}`,
    ],
    ['from nothing, s', ({ bulk }) => bulk?.applied_s],
    [
      'from nothing, CPU s: Weft, Postgres, ovs-vswitchd',
      ({ bulk }) => {
        const cpu = bulk?.cpu_until_idle.by_role_s;
        return cpu && `${cpu.weft}, ${cpu.postgres ?? '–'}, ${cpu.ovs_vswitchd}`;
      },
    ],
    ['from nothing: flow_mods, bundles', ({ bulk }) => bulk && `${bulk.sent.flow_mods}, ${bulk.sent.bundles}`],
    ['flows a host', ({ bulk }) => bulk?.flows_per_host.max],
    ['route added, ms', session => percentiles(session.route_change?.add_latency_ms)],
    ['route changed, ms', session => percentiles(session.route_change?.change_latency_ms)],
    [
      'a member joins a group of so many addresses and ports: joins / leaves, ms p50 / p99',
      ({ group_join: join }) =>
        join &&
        `${join.members}: ${join.join_latency_ms.p50} / ${join.join_latency_ms.p99}; ${join.leave_latency_ms.p50} / ${join.leave_latency_ms.p99}`,
    ],
    [
      'the same: flow_mods to all hypervisors for joining, for leaving; control-plane CPU ms of both',
      ({ group_join: join }) =>
        join &&
        `${join.sent_per_join.flow_mods}, ${join.sent_per_leave.flow_mods}; ${join.control_plane_cpu_ms_per_cycle}`,
    ],
    [
      'cold host complete after it has connected, s; flows',
      ({ cold_host: cold }) => cold && `${cold.complete_after_connected_s}; ${cold.flows}`,
    ],
    [
      'restart: in sync after last connected / after listeners / after the kill, s',
      ({ restarts }) =>
        restarts
          ?.map(
            each => `${each.in_sync_after_last_connected_s} / ${each.in_sync_after_listening_s} / ${each.in_sync_s}`,
          )
          .join('; '),
    ],
    [
      'restart: changes at the switches',
      ({ restarts }) => restarts?.map(each => each.at_switches.flow_changes).join('; '),
    ],
    ['Weft without a network, MB RSS', session => session.memory_empty.by_role.weft?.rss_mb],
    [
      'Weft with it, MB RSS (heap used)',
      ({ memory }) => memory && `${memory.by_role.weft?.rss_mb} (${memory.heap_used_mb})`,
    ],
    [
      'Postgres, MB PSS (sum of RSS)',
      ({ memory }) =>
        memory?.by_role.postgres && `${memory.by_role.postgres.pss_mb} (${memory.by_role.postgres.rss_mb})`,
    ],
    ['Weft, kB a port', ({ memory }) => memory?.weft_kb_per_port],
  ];
  return table(
    ['', ...sessions.map(([name]) => name)],
    rows.map(([what, value]) => [what, ...sessions.map(([, session]) => value(session))]),
  );
}

function scaleTable(scales: readonly (readonly [string, ScaleResult])[]): string {
  const rows: (readonly [string, (scale: ScaleResult) => Cell])[] = [
    ['hypervisors, ports, span', ({ work }) => `${work.hosts}, ${work.ports}, ${work.span}`],
    ['port added, ms p50 / p90 / p99 / max', scale => percentiles(scale.port_add.latency_ms)],
    [
      'CPU ms for add, confirm, delete: Weft, Postgres, the simulated hypervisors',
      ({ port_add: add }) =>
        `${add.cpu_ms_per_cycle.weft}, ${add.cpu_ms_per_cycle.postgres}, ${add.cpu_ms_per_cycle.light}`,
    ],
    ['bundles for add and delete', ({ port_add: add }) => add.sent_per_cycle.bundles],
    [
      'all ports from nothing: s; CPU s of Weft, of the simulated',
      ({ from_nothing: all }) =>
        `${all.applied_s}; ${all.cpu_until_idle.by_role_s.weft}, ${all.cpu_until_idle.by_role_s.light}`,
    ],
    ['every connection cut: in sync, s', scale => scale.reconnect.in_sync_s],
    [
      'Weft killed: in sync after listeners / after last connected, s',
      ({ restart }) => `${restart.in_sync_after_listening_s} / ${restart.in_sync_after_last_connected_s}`,
    ],
    [
      'flow_mods of both',
      ({ reconnect, restart }) => `${reconnect.at_switches.flow_changes}, ${restart.at_switches.flow_changes}`,
    ],
    [
      'Weft MB RSS alone / joined / bound',
      ({ memory }) => `${memory.alone.weft?.rss_mb} / ${memory.joined.weft?.rss_mb} / ${memory.bound.weft?.rss_mb}`,
    ],
    ['Weft, kB a hypervisor', scale => scale.weft_kb_per_hypervisor],
  ];
  return table(
    ['', ...scales.map(([name]) => name)],
    rows.map(([what, value]) => [what, ...scales.map(([, scale]) => value(scale))]),
  );
}

function ovnTable({ rounds, ratio_to_ovn: ratio }: OvnPart, hasRules: boolean): string {
  return table(
    [
      `OVN ${hasRules ? 'with two ACLs a switch' : 'without ACLs'}, same run`,
      ...rounds.map((_, index) => `round ${index + 1}`),
      'Weft is below by',
    ],
    [
      ['version', ...rounds.map(round => round.version.split('|')[0]?.trim()), ''],
      [
        'one port added, ms p50 / p99',
        ...rounds.map(({ port_add_ms: ms }) => `${ms.p50} / ${ms.p99}`),
        ratio.port_add && `${ratio.port_add.p50} / ${ratio.port_add.p99}`,
      ],
      [
        'control-plane CPU for add, confirm, delete, ms',
        ...rounds.map(round => round.port_add_control_cpu_ms),
        ratio.port_add_control_cpu,
      ],
      ['from nothing, s', ...rounds.map(round => round.bulk_s), ratio.bulk],
      ['from nothing, control-plane CPU s', ...rounds.map(round => round.bulk_control_cpu_s), ratio.bulk_control_cpu],
      ['everything killed and started again, s', ...rounds.map(round => round.restart_s), ratio.restart],
      ['the same, control-plane CPU s', ...rounds.map(round => round.restart_control_cpu_s), ratio.restart_control_cpu],
      ['the same, share of flows rewritten', ...rounds.map(round => round.restart_rewritten_share), ''],
      ['flows a host', ...rounds.map(round => round.flows_per_host), ratio.flows_per_host],
      ['control-plane memory, MB', ...rounds.map(round => round.control_memory_mb), ratio.control_memory],
      ...(rounds.some(round => round.address_join_ms === undefined)
        ? []
        : [
            [
              'an address joins a set of 1,000 that an ACL of all ports names, ms p50 / p99',
              ...rounds.map(({ address_join_ms: ms }) => ms && `${ms.p50} / ${ms.p99}`),
              '',
            ],
            [
              'the same: flow events at all hypervisors; control-plane CPU ms, removal included',
              ...rounds.map(round => `${round.address_join_flow_events}; ${round.address_join_control_cpu_ms}`),
              '',
            ],
          ]),
    ],
  );
}

/** Both are one process in the embedded mode: what Weft takes without it is known from the run on Postgres. */
function embeddedShare(onPostgres: SessionResult, embedded: SessionResult): string {
  const rss = (session: SessionResult): number =>
    (session.memory ?? session.memory_empty).by_role.weft?.rss_mb ?? Number.NaN;
  const share = Math.round(rss(embedded) - rss(onPostgres));
  return `With the embedded database Weft's process takes ${rss(embedded)} MB; on Postgres it takes ${rss(onPostgres)} MB, so some ${share} MB are the embedded database's.`;
}

/** Everything that was measured. */
export function measurementTables({ parts }: BenchResult): string {
  const present = <T>(names: readonly (keyof Parts)[]): (readonly [string, T])[] =>
    names.flatMap(name => (parts[name] === undefined ? [] : [[name.replace('_', ' '), parts[name] as T] as const]));
  const sessions = present<SessionResult>(['medium', 'embedded', 'deep', 'large']);
  const scales = present<ScaleResult>(['light_200', 'light_1000', 'light_5000']);
  const { medium, embedded } = parts;
  const tables = [
    ...(sessions.length === 0 ? [] : [sessionTable(sessions)]),
    ...(medium === undefined || embedded === undefined ? [] : [embeddedShare(medium, embedded)]),
    ...(scales.length === 0 ? [] : [scaleTable(scales)]),
    ...(parts.ovn === undefined ? [] : [ovnTable(parts.ovn, parts.medium?.work.rulesPerSwitch !== undefined)]),
  ];
  return tables.join('\n\n');
}
