/**
 * The floor: what a change cannot be faster than on this machine in this run. One commit in the very database, two round
 * trips to a switch and one bundle of ten flows on a table as loaded as the real ones, one after the other.
 */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Hypervisor } from '../lab/hypervisor.js';
import { words } from '../lab/processes.js';
import { freePort } from '../lab/weft-process.js';
import { OpenFlowConnection } from '../southbound/openflow/connection.js';
import { output } from '../southbound/openflow/actions.js';
import { instructionsFor } from '../southbound/openflow/instructions.js';
import { matchField } from '../southbound/openflow/match.js';
import { encodeBundleAdd, encodeMessage } from '../southbound/openflow/message-codec.js';
import { bundleControl, type BundleFlags } from '../southbound/openflow/messages/bundle.js';
import { flowMod } from '../southbound/openflow/messages/flow-mod.js';
import { oxm } from '../southbound/openflow/oxm.js';
import { Version } from '../southbound/openflow/version.js';
import { systemClock } from '../src/base/clock.js';
import { type Percentiles, percentiles } from './percentiles.js';
import type { Lab } from '../lab/lab.js';

export interface Floor {
  /** All in milliseconds. One insert and its commit, by a client of its own. */
  readonly commit_ms: Percentiles;
  readonly barrier_ms: Percentiles;
  /** Ten flows in one atomic bundle, until its commit is answered. */
  readonly bundle_ms: Percentiles;
  /** One commit, two barriers and one bundle, one after the other: what `ratio_to_floor` is a multiple of. */
  readonly sum_ms: Percentiles;
  /** Flows in the table that the bundle changed. */
  readonly table_flows: number;
  /**
   * The same, but with the bundle sent to every switch of the stand at once and the last answer awaited. The switches share the
   * cores of one machine, so on it nothing that reaches all of them can be faster.
   */
  readonly fan_out: {
    readonly switches: number;
    readonly barrier_ms: Percentiles;
    readonly bundle_ms: Percentiles;
    readonly sum_ms: Percentiles;
  };
  /** A bundle of as many flows as the table has, into an empty one: on one switch, and on all at once. */
  readonly fill: { readonly one_ms: Percentiles; readonly all_ms: Percentiles };
}

/** Latencies in multiples of the floor of the same run. */
export interface Ratio {
  readonly p50: number;
  readonly p99: number;
}

const FLOOR_BRIDGE = 'br-floor';
const FLOWS_A_BUNDLE = 10;
const BUNDLE_ID = 77;
const FILLED_TABLE = 30;
const FILLS = 5;
const FLAGS: BundleFlags = ['atomic', 'ordered'];
const version = Version.openflow15;

/** A bridge that no controller knows, as full as the real one, and an OpenFlow connection to it. */
class FloorSwitch {
  private constructor(
    private readonly hypervisor: Hypervisor,
    private readonly connection: OpenFlowConnection,
  ) {}

  static async make(hypervisor: Hypervisor, flows: number): Promise<FloorSwitch> {
    const port = await freePort();
    await hypervisor.openVswitch.ovsctl(
      ...words(`add-br ${FLOOR_BRIDGE} -- set bridge ${FLOOR_BRIDGE} fail-mode=secure protocols=OpenFlow15`),
      ...words(`-- set-controller ${FLOOR_BRIDGE} ptcp:${port}:127.0.0.1`),
    );
    const lines = Array.from(
      { length: flows },
      (_, index) =>
        `table=${index % 20},priority=100,metadata=${1 + (index % 20)},dl_dst=0a:01:00:${hexadecimal(index)},actions=set_field:${index}->reg1,set_field:1->reg2`,
    );
    await hypervisor.openVswitch.inside(['ovs-ofctl', '-O', 'OpenFlow15', 'add-flows', FLOOR_BRIDGE, '-'], {
      input: lines.join('\n'),
    });
    const stream = connect({ host: '127.0.0.1', port, noDelay: true });
    const connection = new OpenFlowConnection(stream, { timers: systemClock, versions: [version] });
    await connection.ready;
    return new FloorSwitch(hypervisor, connection);
  }

  barrier(): Promise<void> {
    return this.connection.barrier();
  }

  /** Sends bytes that open and fill a bundle, commits it and waits for the answer. */
  async bundle(bytes: Uint8Array): Promise<void> {
    this.connection.write(bytes);
    await this.connection.request<'bundleControl'>(bundleControl('commit_request', BUNDLE_ID, FLAGS));
  }

  /** Empties the tables that `fill` is measured on. */
  async emptyFilled(): Promise<void> {
    for (let table = FILLED_TABLE; table < FILLED_TABLE + 4; table += 1) {
      this.connection.send(flowMod({ command: 'delete', tableId: table }));
    }
    await this.connection.barrier();
  }

  async remove(): Promise<void> {
    this.connection.close();
    await this.hypervisor.openVswitch.ovsctl('del-br', FLOOR_BRIDGE);
  }
}

function hexadecimal(index: number): string {
  const text = index.toString(16).padStart(6, '0');
  return `${text.slice(0, 2)}:${text.slice(2, 4)}:${text.slice(4)}`;
}

/** Sent in turns, each bundle changes every flow that it names. */
function bundleBytes(outputPort: number, flows = FLOWS_A_BUNDLE, firstTable = 10): Uint8Array {
  const xid = 0x8000_0000;
  const adds = Array.from({ length: flows }, (_, index) => {
    const flow = flowMod({
      command: 'add',
      tableId: firstTable + (index % 4),
      cookie: BigInt(index + 1),
      priority: 200,
      match: [matchField(oxm.metadata, 7n), matchField(oxm.ethDst, 0x0a02_0000_0000n + BigInt(index))],
      instructions: instructionsFor([output(outputPort)]),
    });
    return encodeBundleAdd(BUNDLE_ID, FLAGS, flow, xid, version);
  });
  return Buffer.concat([encodeMessage(bundleControl('open_request', BUNDLE_ID, FLAGS), xid, version), ...adds]);
}

/** One row by one statement with its own commit: no transaction is smaller. */
class FloorTable {
  private constructor(private readonly client: pg.Client) {}

  static async make(databaseUrl: string): Promise<FloorTable> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query('CREATE TABLE IF NOT EXISTS bench_floor (id bigserial PRIMARY KEY, body text NOT NULL)');
    return new FloorTable(client);
  }

  async commit(): Promise<void> {
    await this.client.query({ name: 'floor', text: 'INSERT INTO bench_floor (body) VALUES ($1)', values: [ROW] });
  }

  async remove(): Promise<void> {
    await this.client.query('DROP TABLE bench_floor');
    await this.client.end();
  }
}

const ROW = 'x'.repeat(400);

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await action();
  return performance.now() - startMs;
}

/** Not counted: they find cold caches and code that is not compiled yet. */
const WARM_UP = 20;

export interface FloorPlace {
  /** Its switches get a bridge more, as full as they are, for as long as it is measured. */
  readonly lab: Lab;
  /** The very database. */
  readonly databaseUrl: string;
  /** Flows of the table; default: as many as the first switch has. */
  readonly flows?: number;
}

/** Measures the floor. Leaves nothing behind. */
export async function measureFloor(place: FloorPlace, repetitions = 300): Promise<Floor> {
  const { hypervisors } = place.lab;
  const flows = place.flows ?? (await hypervisors[0]?.flows('--no-stats'))?.length ?? 0;
  const switches: FloorSwitch[] = [];
  for (const hypervisor of hypervisors) switches.push(await FloorSwitch.make(hypervisor, flows));
  const table = await FloorTable.make(place.databaseUrl);
  await sleep(500); // the tables have just been filled
  const series: Record<'commit' | 'barrier' | 'bundle' | 'sum' | 'fanOut' | 'fanOutBarrier' | 'fanOutSum', number[]> = {
    commit: [],
    barrier: [],
    bundle: [],
    sum: [],
    fanOut: [],
    fanOutBarrier: [],
    fanOutSum: [],
  };
  const bytes = [bundleBytes(1), bundleBytes(2)] as const;
  for (let index = 0; index < repetitions + WARM_UP; index += 1) {
    const [one] = switches;
    if (one === undefined) break;
    const commit = await timed(() => table.commit());
    const barriers = [await timed(() => one.barrier()), await timed(() => one.barrier())] as const;
    const bundle = await timed(() => one.bundle(bytes[index % 2 === 0 ? 0 : 1]));
    const fanOut = await timed(() => Promise.all(switches.map(each => each.bundle(bytes[index % 2 === 0 ? 1 : 0]))));
    const fanOutBarrier = await timed(() => Promise.all(switches.map(each => each.barrier())));
    if (index < WARM_UP) continue;
    const rest = commit + barriers[0] + barriers[1];
    series.commit.push(commit);
    series.barrier.push(...barriers);
    series.bundle.push(bundle);
    series.sum.push(rest + bundle);
    series.fanOut.push(fanOut);
    series.fanOutBarrier.push(fanOutBarrier);
    series.fanOutSum.push(rest + fanOut);
  }
  const fill = await measureFill(switches, flows);
  await table.remove();
  await Promise.all(switches.map(each => each.remove()));
  return {
    commit_ms: percentiles(series.commit),
    barrier_ms: percentiles(series.barrier),
    bundle_ms: percentiles(series.bundle),
    sum_ms: percentiles(series.sum),
    table_flows: flows,
    fan_out: {
      switches: switches.length,
      barrier_ms: percentiles(series.fanOutBarrier),
      bundle_ms: percentiles(series.fanOut),
      sum_ms: percentiles(series.fanOutSum),
    },
    fill,
  };
}

async function measureFill(switches: readonly FloorSwitch[], flows: number): Promise<Floor['fill']> {
  const bytes = bundleBytes(3, flows, FILLED_TABLE);
  const measure = async (on: readonly FloorSwitch[]): Promise<Percentiles> => {
    const samples: number[] = [];
    for (let index = 0; index < FILLS; index += 1) {
      await Promise.all(on.map(each => each.emptyFilled()));
      samples.push(await timed(() => Promise.all(on.map(each => each.bundle(bytes)))));
    }
    return percentiles(samples);
  };
  return { one_ms: await measure(switches.slice(0, 1)), all_ms: await measure(switches) };
}

/** A single figure in multiples of what it cannot be below. */
export function multipleOf(valueMs: number, floorMs: number): Ratio {
  const ratio = Number((valueMs / floorMs).toFixed(2));
  return { p50: ratio, p99: ratio };
}

export function ratioTo(latency: Percentiles, floor: Percentiles): Ratio {
  const ratio = (value: number, by: number): number => Number((value / by).toFixed(2));
  return { p50: ratio(latency.p50, floor.p50), p99: ratio(latency.p99, floor.p99) };
}
