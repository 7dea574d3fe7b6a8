/**
 * The Open vSwitch of this host, through its own ovsdb-server: who the host is, the device of an attachment on Weft's bridge, and waiting
 * until Weft has said on it that its flows are there (`external_ids:weft-installed`, which it writes after the barrier).
 */
import type { JsonObject, JsonValue } from '../../southbound/ovsdb/json-stream.js';
import { decodeAtom, decodeValue } from '../../southbound/ovsdb/notation.js';
import { RpcClosedError, RpcConnection, RpcError } from '../../southbound/ovsdb/rpc.js';
import { columnType, databaseName, type TableName } from '../../southbound/ovsdb/schema.js';
import {
  adding,
  byUuid,
  type Condition,
  condition,
  insert,
  mutate,
  named,
  type Operation,
  type OperationResult,
  readResults,
  removing,
  select,
  TransactionError,
} from '../../southbound/ovsdb/transact.js';
import { dial, parseTarget } from '../../southbound/ovsdb/transport.js';
import { CniError } from './cni-error.js';

/** Keys of external_ids that name an attachment, so that what is left behind is found without Weft. */
export const attachmentKeys = {
  network: 'weft-cni-network',
  container: 'weft-cni-container',
  ifname: 'weft-cni-ifname',
  /** Of the host's own interface: the network of the runtime. */
  hostInterface: 'weft-cni-host-interface',
} as const;

export interface Host {
  /** As Weft names it: external_ids:weft-hypervisor, else system-id; empty where neither is set. */
  readonly hypervisor: string;
  /** The bridge that Weft programs; null where there is none yet. */
  readonly bridge: Bridge | null;
}

export interface Bridge {
  readonly uuid: string;
  /** Whether packets go through a datapath in user space, which gets checksums that nobody has computed. */
  readonly isUserspace: boolean;
}

/** A device of ours on the bridge. */
export interface HostInterface {
  readonly name: string;
  readonly portId: string;
  readonly isInstalled: boolean;
  /** What Open vSwitch says against it; empty: nothing. */
  readonly error: string;
  readonly externalIds: ReadonlyMap<string, string>;
}

const connectTimeoutMs = 5_000;
const defaultBridge = 'br-int';

export class HostDatabase {
  readonly #rpc: RpcConnection;
  #changed: () => void = () => {};

  private constructor(rpc: RpcConnection) {
    this.#rpc = rpc;
    rpc.onNotification('update2', () => this.#changed());
    rpc.onClose(() => this.#changed());
  }

  /** @throws CniError tryAgainLater */
  static async open(target: string): Promise<HostDatabase> {
    const parsed = parseTarget(target, 6640);
    if (parsed === null || parsed.kind === 'ssl')
      throw new CniError('invalidConfiguration', `weft.ovsdb cannot be ${target}`);
    try {
      return new HostDatabase(new RpcConnection(await dial(parsed, null, connectTimeoutMs)));
    } catch (error) {
      throw new CniError('tryAgainLater', `Open vSwitch does not answer at ${target}`, (error as Error).message, {
        cause: error,
      });
    }
  }

  close(): void {
    this.#rpc.close('done');
  }

  async host(): Promise<Host> {
    const [root, bridges] = await this.#transact([
      select('Open_vSwitch', [], ['external_ids']),
      select('Bridge', [], ['_uuid', 'name', 'datapath_type']),
    ]);
    const ids = mapOf('Open_vSwitch', 'external_ids', root?.rows?.[0]);
    const name = ids.get('weft-bridge') ?? defaultBridge;
    const found = bridges?.rows?.find(row => row['name'] === name);
    return {
      hypervisor: ids.get('weft-hypervisor') ?? ids.get('system-id') ?? '',
      bridge: found === undefined ? null : { uuid: uuidOf(found), isUserspace: found['datapath_type'] === 'netdev' },
    };
  }

  /** The device of this name, null if Open vSwitch has none. */
  async interface(name: string): Promise<HostInterface | null> {
    const [found] = await this.#interfaces([condition('Interface', 'name', '==', name)]);
    return found ?? null;
  }

  /** Every device that belongs to a network of the runtime. */
  attachedTo(network: string): Promise<readonly HostInterface[]> {
    const ids = new Map([[attachmentKeys.network, network]]);
    return this.#interfaces([condition('Interface', 'external_ids', 'includes', ids)]);
  }

  async #interfaces(where: readonly Condition[]): Promise<readonly HostInterface[]> {
    const [result] = await this.#transact([select('Interface', where, ['name', 'error', 'external_ids'])]);
    return (result?.rows ?? []).map(row => {
      const externalIds = mapOf('Interface', 'external_ids', row);
      const error = decodeValue(columnType('Interface', 'error'), row['error'] ?? ['set', []]);
      return {
        name: typeof row['name'] === 'string' ? row['name'] : '',
        portId: externalIds.get('iface-id') ?? '',
        isInstalled: externalIds.get('weft-installed') === 'true',
        error: typeof error === 'string' ? error : '',
        externalIds,
      };
    });
  }

  /** Puts a device on the bridge, one that is there or (`internal`) one of Open vSwitch's own; what the database knows of one of that name is replaced. */
  async attach(
    bridge: Bridge,
    name: string,
    externalIds: ReadonlyMap<string, string>,
    type: '' | 'internal' = '',
  ): Promise<void> {
    const row = named('attached');
    const port = named('port');
    const operations = [
      insert('Interface', { name, type, external_ids: externalIds }, row),
      insert('Port', { name, interfaces: [row] }, port),
      mutate('Bridge', [byUuid(bridge.uuid)], [adding('Bridge', 'ports', [port])]),
      nudge,
    ];
    try {
      await this.#transact(operations);
    } catch (error) {
      if (!(error instanceof TransactionError) || error.code !== 'constraint violation') throw error;
      await this.detach(name);
      await this.#transact(operations);
    }
  }

  /** Takes a device off whatever bridge has it. */
  async detach(name: string): Promise<void> {
    const [ports] = await this.#transact([select('Port', [condition('Port', 'name', '==', name)], ['_uuid'])]);
    const uuids = (ports?.rows ?? []).map(uuidOf);
    if (uuids.length === 0) return;
    // Port and Interface go with the last reference to them.
    const off = uuids.map(uuid =>
      mutate('Bridge', [condition('Bridge', 'ports', 'includes', [uuid])], [removing('Bridge', 'ports', [uuid])]),
    );
    await this.#transact([...off, nudge]);
  }

  /**
   * Waits until Weft has the flows of a device in force on this host.
   * @throws CniError commandFailed with what Open vSwitch says against the device; tryAgainLater when the time is over
   */
  async installed(name: string, withinMs: number): Promise<void> {
    const request = { columns: ['external_ids', 'error'], where: [condition('Interface', 'name', '==', name)] };
    let wake = (): void => {};
    this.#changed = () => wake();
    const monitor = { Interface: [request] } as unknown as JsonObject;
    await this.#rpc.request('monitor_cond', [databaseName, `installed ${name}`, monitor], () => null);
    const deadline = performance.now() + withinMs;
    for (;;) {
      const moved = new Promise<void>(resolve => (wake = resolve));
      const found = await this.interface(name);
      if (found?.isInstalled === true) return;
      if (found?.error) throw new CniError('commandFailed', `Open vSwitch cannot use ${name}: ${found.error}`);
      const left = deadline - performance.now();
      if (left <= 0)
        throw new CniError('tryAgainLater', `Weft has not said within ${withinMs} ms that ${name} is in force`);
      const timer = setTimeout(wake, left);
      await moved;
      clearTimeout(timer);
    }
  }

  async #transact(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    const wire = operations.map(operation => operation.wire) as readonly JsonValue[];
    try {
      return await this.#rpc.request('transact', [databaseName, ...wire], result => readResults(operations, result));
    } catch (error) {
      if (error instanceof RpcClosedError || error instanceof RpcError)
        throw new CniError('tryAgainLater', 'Open vSwitch broke off', error.message, { cause: error });
      throw error;
    }
  }
}

/** What ovs-vsctl does too: the daemon looks at the database when this number moves. */
const nudge: Operation = mutate('Open_vSwitch', [], [['next_cfg', '+=', 1]]);

function uuidOf(row: JsonObject): string {
  return `${decodeAtom('uuid', row['_uuid'] ?? null)}`;
}

function mapOf(table: TableName, column: 'external_ids', row: JsonObject | undefined): ReadonlyMap<string, string> {
  const value = row?.[column];
  return value === undefined
    ? new Map()
    : (decodeValue(columnType(table, column), value) as ReadonlyMap<string, string>);
}
