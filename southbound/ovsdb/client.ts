/**
 * One connection to an ovsdb-server: schema, transactions, locks, and the routing of monitor notifications to replicas.
 * How the connection came about (accepted or dialled, TCP, TLS or unix) is of no concern here: see `transport.ts`.
 */
import type { Duplex } from 'node:stream';
import type { JsonStreamLimits, JsonValue } from './json-stream.js';
import { isJsonObject } from './json-stream.js';
import { RpcConnection, RpcProtocolError, type RpcOptions } from './rpc.js';
import { databaseName, selectColumns, type Selection, type TableName } from './schema.js';
import { readResults, type Operation, type OperationResult } from './transact.js';

export type MonitorNotification = 'update' | 'update2' | 'update3';
type MonitorHandler = (notification: MonitorNotification, params: readonly JsonValue[]) => void;
/** `lost` comes unasked, when somebody steals the lock. */
export type LockState = 'owned' | 'waiting' | 'lost';

export class OvsdbClient {
  readonly #rpc: RpcConnection;
  readonly #schema: JsonValue;
  readonly #monitors = new Map<string, MonitorHandler>();
  readonly #locks = new Map<string, (state: LockState) => void>();
  #monitorCount = 0;

  private constructor(rpc: RpcConnection, schema: JsonValue) {
    this.#rpc = rpc;
    this.#schema = schema;
    for (const method of ['update', 'update2', 'update3'] as const) {
      rpc.onNotification(method, params => {
        const id = params[0];
        if (typeof id === 'string') this.#monitors.get(id)?.(method, params);
      });
    }
    rpc.onNotification('locked', params => this.#tellLock(params, 'owned'));
    rpc.onNotification('stolen', params => this.#tellLock(params, 'lost'));
  }

  /**
   * Reads the schema over a connection that is up. If it fails, the connection is closed.
   * @throws RpcError, RpcClosedError
   */
  static async open(stream: Duplex, options: RpcOptions = {}): Promise<OvsdbClient> {
    const rpc = new RpcConnection(stream, options);
    try {
      // Without this the server would hang up when its database is converted to another schema.
      await rpc
        .request('set_db_change_aware', [true], () => null)
        .catch(error => {
          if (rpc.closeReason !== null) throw error;
        });
      const schema = await rpc.request('get_schema', [databaseName], result => result);
      return new OvsdbClient(rpc, schema);
    } catch (error) {
      rpc.close(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  /** Why the connection ended; null while it is up. */
  get closeReason(): string | null {
    return this.#rpc.closeReason;
  }

  /** Runs once when the connection ends, at once if it has. */
  onClose(listener: (reason: string) => void): void {
    this.#rpc.onClose(listener);
  }

  close(reason: string): void {
    this.#rpc.close(reason);
  }

  /** Grants longer messages, once the peer is known. */
  setLimits(limits: JsonStreamLimits): void {
    this.#rpc.setLimits(limits);
  }

  /** Is the peer alive? Ends the connection if it does not answer within `timeoutMs`. */
  probe(timeoutMs: number): Promise<boolean> {
    return this.#rpc.probe(timeoutMs);
  }

  /** The declared columns of these tables that this server has. @throws SchemaError */
  selection(wanted: readonly TableName[]): Selection {
    return selectColumns(this.#schema, wanted);
  }

  /** Any method of the protocol; see `RpcConnection.request`. */
  call<T>(method: string, params: readonly JsonValue[], accept: (result: JsonValue) => T): Promise<T> {
    return this.#rpc.request(method, params, accept);
  }

  /** An id that no other monitor of this connection has. */
  nextMonitorId(): string {
    return `weft-${++this.#monitorCount}`;
  }

  onMonitor(monitorId: string, handler: MonitorHandler): void {
    this.#monitors.set(monitorId, handler);
  }

  /**
   * Does all operations, or none. Replicas that follow this connection hold the effect before this resolves, because
   * the server notifies a transaction before it answers it.
   * @throws TransactionError when the server refused; RpcClosedError when the outcome is not known
   */
  transact(operations: readonly Operation[]): Promise<readonly OperationResult[]> {
    const wire = operations.map(operation => operation.wire);
    return this.#rpc.request('transact', [databaseName, ...wire], result => readResults(operations, result));
  }

  /**
   * Asks for a lock. Gives `owned` or `waiting`; `listener` is told each later change.
   * @throws RpcError, RpcClosedError
   */
  lock(name: string, listener: (state: LockState) => void): Promise<LockState> {
    this.#locks.set(name, listener);
    return this.#rpc.request('lock', [name], lockReply);
  }

  /** Takes a lock away from whoever has it. @throws RpcError, RpcClosedError */
  steal(name: string, listener: (state: LockState) => void): Promise<LockState> {
    this.#locks.set(name, listener);
    return this.#rpc.request('steal', [name], lockReply);
  }

  /** Gives a lock up, or stops waiting for it. @throws RpcError, RpcClosedError */
  async unlock(name: string): Promise<void> {
    this.#locks.delete(name);
    await this.#rpc.request('unlock', [name], () => null);
  }

  #tellLock(params: readonly JsonValue[], state: LockState): void {
    const name = params[0];
    if (typeof name === 'string') this.#locks.get(name)?.(state);
  }
}

function lockReply(result: JsonValue): LockState {
  if (!isJsonObject(result) || typeof result['locked'] !== 'boolean')
    throw new RpcProtocolError('malformed lock reply');
  return result['locked'] ? 'owned' : 'waiting';
}
