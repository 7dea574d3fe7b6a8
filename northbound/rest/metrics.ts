/** Prometheus metrics: read from the parts when they are asked for, so that nothing is counted twice. */
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { HypervisorDelivery } from '../../src/delivery/fleet.js';
import type { SlowPath } from '../../src/slow-path/slow-path.js';

type DeliveryCounters = HypervisorDelivery['counters'];

/** What the compiler counts of its work. */
export interface CompilerWork {
  readonly units: number;
  readonly fragments: number;
  /** Since the start. */
  readonly unitsRun: number;
  readonly fragmentsChanged: number;
  readonly latest: { readonly unitsRun: number };
}

export interface MetricSources {
  revision(): number;
  appliedRevision(): number;
  compiler(): CompilerWork;
  hypervisors(): Iterable<HypervisorDelivery>;
  isActive(): boolean;
  /** Rows that the view has taken in, by kind and operation. */
  rowsTaken(): Iterable<{ readonly kind: string; readonly operation: string; readonly rows: number }>;
  /** What was written to the databases of hosts. */
  databaseWork(): Iterable<{ readonly name: string; readonly transactions: number; readonly operations: number }>;
  /** What was asked of the store's database, by purpose. */
  storeWork(): Iterable<{
    readonly purpose: string;
    readonly statements: number;
    readonly roundTrips: number;
    readonly rows: number;
  }>;
  /** How often the database has gone back to an older state. */
  storeRewinds(): number;
  slowPath: Pick<SlowPath, 'counters' | 'drops' | 'waiting' | 'announced'> & {
    readonly healthChecks: Pick<SlowPath['healthChecks'], 'counters' | 'size'>;
    readonly bfd: Pick<SlowPath['bfd'], 'counters' | 'states'>;
  };
}

/** What delivery counts for each hypervisor, with what it means. */
const deliveryHelp: Readonly<Record<keyof DeliveryCounters, string>> = {
  bundles: 'Bundles committed.',
  flowMods: 'flow_mod messages sent.',
  groupMods: 'group_mod messages sent.',
  bytes: 'Bytes of changes sent.',
  rounds: 'Rounds of delivery.',
  unaskedBundles: 'Bundles sent with their commit in one write, because the switch had accepted such messages before.',
  tornBundles:
    'Bundles of which the switch left something out that it had accepted before; each is followed by a comparison.',
  refusals: 'Fragments that the switch refused.',
  resyncs: 'Comparisons of the whole switch with what it should hold.',
  repairs: 'Changes that put right what somebody else did to the switch, or what a comparison found.',
  driftEvents: 'Changes that somebody else made to the switch, as it told them.',
  driftChecks: 'Looks at the part of the switch that somebody else touched.',
};

const snake = (name: string): string => name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);

export function buildMetrics(sources: MetricSources): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name: `weft_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('revision', 'Newest revision that this controller holds.', () => sources.revision());
  gauge('applied_revision', 'Newest revision that every connected hypervisor has acknowledged.', () =>
    sources.appliedRevision(),
  );
  gauge('active', '1 while this controller holds the lease.', () => (sources.isActive() ? 1 : 0));
  gauge('compiler_units', 'Units of the compiler.', () => sources.compiler().units);
  gauge('compiler_fragments', 'Fragments of the compiler.', () => sources.compiler().fragments);
  gauge('compiler_latest_units_run', 'Units run for the latest change.', () => sources.compiler().latest.unitsRun);
  total(registry, 'compiler_units_run_total', 'Units run since the start.', () => sources.compiler().unitsRun);
  total(
    registry,
    'compiler_fragments_changed_total',
    'Fragments that came out different.',
    () => sources.compiler().fragmentsChanged,
  );
  total(registry, 'store_rewinds_total', 'Times that the database went back to an older state.', () =>
    sources.storeRewinds(),
  );
  perHypervisor(registry, sources);
  gauge('punts_waiting', 'Packets of workloads that wait to be answered.', () => sources.slowPath.waiting);
  puntCounters(registry, sources.slowPath);
  workCounters(registry, sources);
  return registry;
}

/** Packets that switches send to be answered. */
function puntCounters(registry: Registry, slowPath: MetricSources['slowPath']): void {
  for (const [name, help, read] of [
    ['punts_total', 'Packets that switches sent to be answered, by class.', 'received'],
    ['punts_answered_total', 'Packets that were answered, by class.', 'answered'],
    [
      'punts_answered_after_seconds_total',
      'From when they came until they were answered, by class.',
      'answeredAfterMs',
    ],
  ] as const) {
    new Counter({
      name: `weft_${name}`,
      help,
      labelNames: ['class'],
      registers: [registry],
      collect() {
        this.reset();
        for (const counters of slowPath.counters) {
          this.inc({ class: counters.puntClass }, read === 'answeredAfterMs' ? counters[read] / 1000 : counters[read]);
        }
      },
    });
  }
  new Counter({
    name: 'weft_health_checks_total',
    help: 'Checks of backends of load balancers, by what they found; skipped: the hypervisor was not connected.',
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(slowPath.healthChecks.counters)) this.inc({ outcome }, count);
    },
  });
  new Counter({
    name: 'weft_bfd_total',
    help: 'BFD with neighbours of routers: packets sent and received, and how often a session has come up and gone down.',
    labelNames: ['event'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [event, count] of Object.entries(slowPath.bfd.counters)) this.inc({ event }, count);
    },
  });
  new Gauge({
    name: 'weft_bfd_sessions',
    help: 'BFD sessions that this Weft runs, by their state.',
    labelNames: ['state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [state, count] of slowPath.bfd.states) this.set({ state }, count);
    },
  });
  new Counter({
    name: 'weft_router_advertisements_total',
    help: 'Router advertisements that ports were sent without having asked.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(slowPath.announced);
    },
  });
  new Counter({
    name: 'weft_punts_dropped_total',
    help: 'Packets that were sent to be answered and were not, by reason.',
    labelNames: ['reason'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [reason, count] of slowPath.drops) this.inc({ reason }, count);
    },
  });
}

/** What changes cost beside the compiler and the switches. */
function workCounters(registry: Registry, sources: MetricSources): void {
  new Counter({
    name: 'weft_view_rows_total',
    help: 'Rows that were taken in, the derived ones included, by kind and by what became of them.',
    labelNames: ['kind', 'operation'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { kind, operation, rows } of sources.rowsTaken()) this.inc({ kind, operation }, rows);
    },
  });
  for (const [counter, help] of [
    ['statements', 'Statements sent to the database, by purpose.'],
    ['roundTrips', 'Round trips to the database: statements that are sent together are one.'],
    ['rows', 'Rows in the answers of the database.'],
  ] as const) {
    new Counter({
      name: `weft_store_${snake(counter)}_total`,
      help,
      labelNames: ['purpose'],
      registers: [registry],
      collect() {
        this.reset();
        for (const work of sources.storeWork()) this.inc({ purpose: work.purpose }, work[counter]);
      },
    });
  }
  for (const [counter, help] of [
    ['transactions', 'OVSDB transactions committed on it.'],
    ['operations', 'Operations in those OVSDB transactions.'],
  ] as const) {
    new Counter({
      name: `weft_hypervisor_ovsdb_${counter}_total`,
      help,
      labelNames: ['hypervisor'],
      registers: [registry],
      collect() {
        this.reset();
        for (const work of sources.databaseWork()) this.inc({ hypervisor: work.name }, work[counter]);
      },
    });
  }
}

function total(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name: `weft_${name}`,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

/** All of them are read from one pass over the hypervisors: collecting the first one fills the others, which come after it. */
function perHypervisor(registry: Registry, sources: MetricSources): void {
  const labelNames = ['hypervisor'] as const;
  const gauges: readonly [string, string, (status: HypervisorDelivery) => number][] = [
    ['connected', '1 while its OpenFlow connection is up.', status => (status.connected ? 1 : 0)],
    ['lag', 'Revisions that it is behind.', status => status.lag],
    ['flows', 'Flows that it should hold.', status => status.flows],
  ];
  const readings: { reset(): void; take(status: HypervisorDelivery): void }[] = [];
  const collect = (): void => {
    for (const reading of readings) reading.reset();
    for (const status of sources.hypervisors()) for (const reading of readings) reading.take(status);
  };
  for (const [name, help, read] of gauges) {
    const options = { name: `weft_hypervisor_${name}`, help, labelNames, registers: [registry] };
    const gauge = new Gauge(readings.length === 0 ? { ...options, collect } : options);
    const take = (status: HypervisorDelivery): void => gauge.set({ hypervisor: status.name }, read(status));
    readings.push({ reset: () => gauge.reset(), take });
  }
  for (const [name, help] of Object.entries(deliveryHelp)) {
    const counter = new Counter({
      name: `weft_hypervisor_${snake(name)}_total`,
      help,
      labelNames,
      registers: [registry],
    });
    readings.push({
      reset: () => counter.reset(),
      take: ({ name: hypervisor, counters }) => counter.inc({ hypervisor }, counters[name as keyof DeliveryCounters]),
    });
  }
}
