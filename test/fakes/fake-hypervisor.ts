/**
 * A host with Open vSwitch in memory: a fake ovsdb-server, a fake switch, and what ovs-vswitchd does between them.
 *
 *   Manager rows ───► ovsdb-server dials Weft            Interfaces ──► get port numbers
 *   Bridge, Controller rows ──► the switch dials Weft    first controller, last one gone ──► empty tables
 *
 * Its streams come from `dial`, so it works over TCP as well as in a simulation.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.js';
import { activeTarget } from '../../southbound/hypervisor/manager-row.js';
import type { Row } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  condition,
  insert,
  mutate,
  named,
  removing,
  removingKeys,
  update,
  type Operation,
} from '../../southbound/ovsdb/transact.js';
import { formatTarget, parseTarget, type Target } from '../../southbound/ovsdb/transport.js';
import { FakeOvsdbDatabase } from './fake-ovsdb-database.js';
import { FakeOvsdbServer } from './fake-ovsdb-server.js';
import { FakeSwitch, type FakeSwitchOptions } from './fake-switch.js';
import type { TableStore } from './switch-tables.js';

export interface FakeHypervisorOptions<Tables extends TableStore> {
  readonly systemId: string;
  readonly encapIp: string;
  /** `external_ids:weft-encap-type`. Default `geneve`. */
  readonly encapTypes?: string;
  /** Where its ovsdb-server dials, as Manager targets. */
  readonly managers: readonly string[];
  readonly clock: Clock;
  /** Connects; rejects when nobody answers. */
  readonly dial: (target: Target) => Promise<Duplex>;
  readonly tables: Tables;
  readonly newUuid?: () => string;
  /** How long ovs-vswitchd takes to act upon a change of the database, milliseconds. Default 0. */
  readonly reactionMs?: () => number;
  /** What its switch refuses, and who is told of it. */
  readonly switch?: Omit<FakeSwitchOptions<Tables>, 'tables' | 'datapathId' | 'probe'>;
}

/** How a restart leaves the switch. */
export interface SwitchRestart {
  /** `kept`: something saved the flows and restored them. */
  readonly tables: 'empty' | 'kept';
  readonly portNumbers: 'same' | 'other';
}

const localPortNumber = 0xfffe;
const shortestBackoffMs = 1_000;
const longestBackoffMs = 8_000;
const defaultProbeMs = 5_000;

export class FakeHypervisor<Tables extends TableStore> {
  readonly systemId: string;
  readonly database: FakeOvsdbDatabase;
  readonly server: FakeOvsdbServer;
  readonly switch: FakeSwitch<Tables>;
  readonly #options: FakeHypervisorOptions<Tables>;
  readonly #managers = new Map<string, Dialler>();
  readonly #controllers = new Map<string, Dialler>();
  /** Of ovs-vswitchd as it runs: by the UUID of the Interface. */
  readonly #portNumbers = new Map<string, number>();
  #lastPortNumber = 0;
  #hasControllers = false;
  #isStarted = false;
  /** ovs-vswitchd runs. */
  #isUp = false;
  #isScheduled = false;

  constructor(options: FakeHypervisorOptions<Tables>) {
    const { clock, newUuid } = options;
    this.#options = options;
    this.systemId = options.systemId;
    this.database = new FakeOvsdbDatabase(newUuid);
    this.server = new FakeOvsdbServer({
      database: this.database,
      ...(newUuid === undefined ? {} : { newUuid }),
      probe: { clock, intervalMs: () => this.#shortestProbe() },
    });
    this.switch = new FakeSwitch({
      ...options.switch,
      tables: options.tables,
      datapathId: () => BigInt(`0x${this.bridge?.other_config.get('datapath-id') ?? '1'}`),
      probe: { clock, intervalMs: defaultProbeMs },
    });
    this.#makeRoot();
    this.database.onChange(() => this.#schedule());
  }

  /** The bridge that the switch is; null while there is none. */
  get bridge(): Row<'Bridge'> | null {
    for (const row of this.database.rows('Bridge').values()) return row;
    return null;
  }

  /** Both daemons run from now on. */
  start(): void {
    this.#isStarted = true;
    this.#isUp = true;
    this.#schedule();
  }

  /** Ends everything, for good. */
  stop(): void {
    this.#isStarted = false;
    this.stopSwitch();
    for (const dialler of this.#managers.values()) dialler.stop();
    this.#managers.clear();
    this.server.cut();
  }

  /** ovs-vswitchd is gone; the database stays. */
  stopSwitch(): void {
    this.#isUp = false;
    for (const dialler of this.#controllers.values()) dialler.stop();
    this.#controllers.clear();
    this.switch.restart();
  }

  /** ovs-vswitchd is back. */
  startSwitch({ tables, portNumbers }: SwitchRestart): void {
    this.stopSwitch();
    if (tables === 'empty') this.switch.wipe();
    // As it runs anew it gives out numbers anew; what was given before is in the database, and may be another's now.
    this.#portNumbers.clear();
    if (portNumbers === 'other') this.#lastPortNumber += 1;
    else this.#adoptPortNumbers();
    this.#isUp = true;
    this.#schedule();
  }

  /** Somebody plugs a workload. False, and nothing is done, while there is no bridge. */
  plug(interfaceName: string, ifaceId: string): boolean {
    return this.plugAll(new Map([[interfaceName, ifaceId]]));
  }

  /** Plugs many workloads in one transaction, names to iface-ids. False, and nothing is done, while there is no bridge. */
  plugAll(workloads: ReadonlyMap<string, string>): boolean {
    const { bridge } = this;
    if (bridge === null) return false;
    const ports = [...workloads].map(([name, ifaceId], index) => ({
      device: { name, external_ids: new Map([['iface-id', ifaceId]]) },
      deviceName: named(`i${index}`),
      portName: named(`p${index}`),
    }));
    const references = ports.map(({ portName }) => portName);
    this.database.apply(
      ...ports.map(({ device, deviceName }) => insert('Interface', device, deviceName)),
      ...ports.map(({ device, deviceName, portName }) =>
        insert('Port', { name: device.name, interfaces: [deviceName] }, portName),
      ),
      mutate('Bridge', [byUuid(bridge._uuid)], [adding('Bridge', 'ports', references)]),
    );
    return true;
  }

  /** Somebody takes a workload away. */
  unplug(interfaceName: string): void {
    const port = [...this.database.rows('Port').values()].find(row => row.name === interfaceName);
    const { bridge } = this;
    if (port === undefined || bridge === null) return;
    this.database.apply(mutate('Bridge', [byUuid(bridge._uuid)], [removing('Bridge', 'ports', [port._uuid])]));
  }

  /** Somebody sets pairs of an Interface's external_ids that it has not. */
  setInterfaceIds(interfaceName: string, pairs: ReadonlyMap<string, string>): void {
    const where = [condition('Interface', 'name', '==', interfaceName)];
    this.database.apply(mutate('Interface', where, [adding('Interface', 'external_ids', pairs)]));
  }

  /** Somebody sets pairs of the root row's external_ids, such as `weft-encap-ip` or `system-id`. */
  setExternalIds(pairs: ReadonlyMap<string, string>): void {
    const replaced = removingKeys('Open_vSwitch', 'external_ids', [...pairs.keys()]);
    this.database.apply(mutate('Open_vSwitch', [], [replaced, adding('Open_vSwitch', 'external_ids', pairs)]));
  }

  /** Somebody points the host at other managers. */
  setManagers(targets: readonly string[]): void {
    this.database.apply(...this.#managerRows(targets));
  }

  #makeRoot(): void {
    const { systemId, encapIp, encapTypes = 'geneve', managers } = this.#options;
    const root = insert('Open_vSwitch', {
      ovs_version: '3.1.0',
      datapath_types: ['netdev', 'system'],
      iface_types: ['erspan', 'geneve', 'gre', 'internal', 'vxlan'],
      external_ids: new Map([
        ['system-id', systemId],
        ['weft-encap-ip', encapIp],
        ['weft-encap-type', encapTypes],
      ]),
    });
    this.database.apply(root, ...this.#managerRows(managers));
  }

  #managerRows(targets: readonly string[]): readonly Operation[] {
    const rows = targets.map((target, index) => insert('Manager', { target }, named(`m${index}`)));
    const references = targets.map((_, index) => named(`m${index}`));
    return [...rows, update('Open_vSwitch', [], { manager_options: references })];
  }

  #shortestProbe(): number {
    const rows = [...this.database.rows('Manager').values()];
    return Math.min(...rows.map(row => row.inactivity_probe ?? defaultProbeMs), defaultProbeMs);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    const { clock, reactionMs } = this.#options;
    clock.after(reactionMs?.() ?? 0, () => {
      this.#isScheduled = false;
      if (this.#isStarted) this.#redial('Manager', this.#managers, stream => this.server.attach(stream));
      if (this.#isUp) this.#reconfigure();
    });
  }

  /** What ovs-vswitchd does when the database has changed. */
  #reconfigure(): void {
    const { bridge } = this;
    const hasControllers = (bridge?.controller.length ?? 0) > 0;
    if (hasControllers !== this.#hasControllers) {
      this.#hasControllers = hasControllers;
      this.switch.vandalise(tables => tables.clear());
    }
    this.#redial('Controller', this.#controllers, stream => this.switch.attach(stream));
    const operations = [...this.#numberPorts(bridge), ...this.#acknowledge()];
    if (operations.length > 0) this.database.apply(...operations);
  }

  #numberPorts(bridge: Row<'Bridge'> | null): readonly Operation[] {
    const interfaces = (bridge?.ports ?? [])
      .flatMap(uuid => this.database.rows('Port').get(uuid)?.interfaces ?? [])
      .flatMap(uuid => this.database.rows('Interface').get(uuid) ?? []);
    const present = new Set(interfaces.map(row => row._uuid));
    for (const uuid of this.#portNumbers.keys()) if (!present.has(uuid)) this.#portNumbers.delete(uuid);
    return interfaces.flatMap(row => {
      const ofport = this.#portNumber(row, bridge?.name ?? '');
      if (row.ofport === ofport && row.link_state === 'up') return [];
      return [
        update('Interface', [byUuid(row._uuid)], {
          ofport,
          link_state: 'up',
          admin_state: 'up',
          mtu: 1_500,
          error: null,
        }),
      ];
    });
  }

  #portNumber(row: Row<'Interface'>, bridgeName: string): number {
    const known = this.#portNumbers.get(row._uuid);
    if (known !== undefined) return known;
    const taken = new Set(this.#portNumbers.values());
    let number = row.name === bridgeName ? localPortNumber : row.ofport_request;
    while (number === null || taken.has(number)) number = ++this.#lastPortNumber;
    this.#portNumbers.set(row._uuid, number);
    return number;
  }

  #adoptPortNumbers(): void {
    for (const { _uuid, ofport } of this.database.rows('Interface').values()) {
      if (ofport !== null) this.#portNumbers.set(_uuid, ofport);
    }
  }

  #acknowledge(): readonly Operation[] {
    return [...this.database.rows('Open_vSwitch').values()].flatMap(root =>
      root.cur_cfg === root.next_cfg
        ? []
        : [
            update('Open_vSwitch', [condition('Open_vSwitch', 'next_cfg', '==', root.next_cfg)], {
              cur_cfg: root.next_cfg,
            }),
          ],
    );
  }

  /** One dialler for each active target. */
  #redial(table: 'Manager' | 'Controller', diallers: Map<string, Dialler>, attach: (stream: Duplex) => void): void {
    const wanted = new Map<string, { readonly target: Target; readonly maxBackoffMs: number }>();
    for (const row of this.database.rows(table).values()) {
      const target = table === 'Manager' ? activeTarget(row as Row<'Manager'>) : parseTarget(row.target, 6653);
      if (target !== null)
        wanted.set(`${row._uuid} ${formatTarget(target)}`, {
          target,
          maxBackoffMs: row.max_backoff ?? longestBackoffMs,
        });
    }
    for (const [key, dialler] of diallers) {
      const now = wanted.get(key);
      if (now !== undefined) {
        dialler.maxBackoffMs = now.maxBackoffMs;
        continue;
      }
      dialler.stop();
      diallers.delete(key);
    }
    for (const [key, { target, maxBackoffMs }] of wanted) {
      if (diallers.has(key)) continue;
      const { clock, dial } = this.#options;
      diallers.set(key, new Dialler(clock, () => dial(target), attach, maxBackoffMs));
    }
  }
}

/** Keeps one connection: dials, hands it over, and dials again when it has ended. */
class Dialler {
  maxBackoffMs: number;
  readonly #clock: Clock;
  readonly #dial: () => Promise<Duplex>;
  readonly #attach: (stream: Duplex) => void;
  #stream: Duplex | null = null;
  #isStopped = false;
  #cancelWait: () => void = () => {};
  #backoffMs = shortestBackoffMs;

  constructor(clock: Clock, dial: () => Promise<Duplex>, attach: (stream: Duplex) => void, maxBackoffMs: number) {
    this.#clock = clock;
    this.#dial = dial;
    this.#attach = attach;
    this.maxBackoffMs = maxBackoffMs;
    void this.#attempt();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelWait();
    this.#stream?.destroy();
  }

  async #attempt(): Promise<void> {
    let stream: Duplex;
    try {
      stream = await this.#dial();
    } catch {
      // Nobody is there: tried again, ever more slowly, up to what the row allows.
      this.#backoffMs = Math.min(this.#backoffMs * 2, this.maxBackoffMs);
      return this.#again();
    }
    if (this.#isStopped) return void stream.destroy();
    this.#stream = stream;
    this.#backoffMs = shortestBackoffMs;
    stream.on('error', () => stream.destroy());
    stream.on('close', () => {
      this.#stream = null;
      this.#again();
    });
    this.#attach(stream);
  }

  #again(): void {
    if (this.#isStopped) return;
    const waitMs = Math.max(shortestBackoffMs, Math.min(this.#backoffMs, this.maxBackoffMs));
    this.#cancelWait = this.#clock.after(waitMs, () => void this.#attempt());
  }
}
