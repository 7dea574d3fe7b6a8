/** The switch as reconcilers see it, on a real OpenFlow connection. It turns replies and errors into delivery's terms. */
import type { OpenFlowChannel } from '../../southbound/hypervisor/openflow-channel.js';
import type { OpenFlowConnection } from '../../southbound/openflow/connection.js';
import { ConnectionClosedError, OpenFlowError } from '../../southbound/openflow/connection-types.js';
import { bundleControl } from '../../southbound/openflow/messages/bundle.js';
import { Wildcard } from '../../southbound/openflow/messages/fields.js';
import type { MessageOf } from '../../southbound/openflow/message-codec.js';
import type { FlowMonitorRequest, FlowUpdate } from '../../southbound/openflow/messages/flow-monitor.js';
import {
  decodeFlow,
  flowFingerprint,
  flowRequest,
  flowsIn,
  type FlowStats,
} from '../../southbound/openflow/messages/flow-stats.js';
import type { GroupDescription } from '../../southbound/openflow/messages/group-stats.js';
import type { MeterConfig } from '../../southbound/openflow/messages/meter-stats.js';
import { flowVersion } from './encoding.js';
import {
  SwitchClosedError,
  type FlowFilter,
  type ForeignChange,
  type MeterCount,
  type RoleReply,
  type ShownFlow,
  type Switch,
  type SwitchError,
  type SwitchFlow,
} from './switch.js';

/** Parts of a dump that may wait for whoever takes them in: of more, the switch has to wait. */
const partsAhead = 2;
/** Bytes of a packet in a packet-in, which goes with the mode for fragments: what it is anyway. With 0 Open vSwitch tells nothing of itself. */
const missSendLength = 128;
/** A switch that shows more than any can hold for us will never come to an end. */
const mostFlows = 1_000_000;

/** What the switch answers to changes and claims of a controller that is not the master, or no longer. */
const notMasterCode = 'OFPBRC_IS_SLAVE';
const staleTermCode = 'OFPRRFC_STALE';

export class OpenFlowSwitch implements Switch {
  readonly #channel: OpenFlowChannel;
  readonly #connection: OpenFlowConnection;
  #watch: { readonly tables: readonly number[]; readonly stop: () => void } | null = null;

  /** The connection must be open, at OpenFlow 1.5: throws otherwise. */
  constructor(channel: OpenFlowChannel) {
    const { connection } = channel;
    if (connection.version !== flowVersion) {
      throw new Error(`flows need OpenFlow 1.5, but the switch speaks version ${connection.version}`);
    }
    this.#channel = channel;
    this.#connection = connection;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#connection.state.kind === 'closed') throw new SwitchClosedError('the connection is closed');
    this.#connection.write(bytes);
    return this.#connection.writable;
  }

  drained(): Promise<void> {
    return closing(this.#connection.drained());
  }

  barrier(): Promise<void> {
    return closing(this.#connection.barrier());
  }

  commitBundle(bundleId: number): Promise<SwitchError | null> {
    return this.#connection.request<'bundleControl'>(bundleControl('commit_request', bundleId)).then(
      () => null,
      (error: unknown) => {
        if (error instanceof OpenFlowError) return switchError(error);
        throw asClosed(error);
      },
    );
  }

  async discardBundle(bundleId: number): Promise<void> {
    try {
      await closing(this.#connection.request<'bundleControl'>(bundleControl('discard_request', bundleId)));
    } catch (error) {
      // A bundle that is not open (it was refused as a whole, or timed out) needs no discarding.
      if (!(error instanceof OpenFlowError)) throw error;
    }
  }

  async claimRole(term: bigint): Promise<RoleReply> {
    try {
      await closing(
        this.#connection.request<'roleRequest'>({ kind: 'roleRequest', role: 'master', generationId: term }),
      );
      return { kind: 'granted' };
    } catch (error) {
      if (!(error instanceof OpenFlowError)) throw error;
      if (error.code !== staleTermCode) return { kind: 'refused', error: error.message };
      const reply = await closing(
        this.#connection.request<'roleRequest'>({ kind: 'roleRequest', role: 'nochange', generationId: 0n }),
      );
      return { kind: 'stale', currentTerm: reply.generationId };
    }
  }

  matchFragments(): void {
    if (this.#connection.state.kind === 'closed') throw new SwitchClosedError('the connection is closed');
    this.#connection.send({ kind: 'setConfig', fragmentHandling: 'nx_match', missSendLength });
  }

  async readFlows(filter: FlowFilter, onPart: (flows: readonly SwitchFlow[]) => Promise<void>): Promise<void> {
    const { tableId, cookie, cookieMask } = filter;
    const request = flowRequest({ tableId: tableId ?? Wildcard.table, cookie, cookieMask });
    await this.#takeIn(onPart, take =>
      this.#connection.multipartStream<'flow'>(request, part => take(part.flows.map(switchFlow))),
    );
  }

  async dumpFlows(onPart: (flows: readonly ShownFlow[]) => Promise<void>): Promise<void> {
    await this.#takeIn(onPart, take =>
      // The bytes of the message are taken over: they are looked at later.
      this.#connection.multipartBytes(flowRequest({}), bytes => take(Array.from(flowsIn(bytes.slice()), shownFlow))),
    );
  }

  /** Hands over what comes part by part, each after the one before; a switch that is faster has to wait. */
  async #takeIn<F>(
    onPart: (flows: readonly F[]) => Promise<void>,
    ask: (take: (flows: readonly F[]) => void) => Promise<void>,
  ): Promise<void> {
    let worked: Promise<void> = Promise.resolve();
    let ahead = 0;
    let count = 0;
    const all = ask(flows => {
      count += flows.length;
      if (count > mostFlows) return this.close(`it shows more than ${mostFlows} flows`);
      ahead += 1;
      const goOn = ahead > partsAhead ? this.#connection.holdReading() : null;
      worked = worked
        .then(() => onPart(flows))
        .finally(() => {
          ahead -= 1;
          goOn?.();
        });
      worked.catch(() => undefined);
    });
    await Promise.all([closing(all), all.then(() => worked)]);
  }

  async readGroups(): Promise<readonly GroupDescription[]> {
    const { allGroups } = Wildcard;
    const parts = await closing(
      this.#connection.multipart<'groupDescription'>({ kind: 'groupDescription', groupId: allGroups }),
    );
    return parts.flatMap(part => part.groups);
  }

  async readMeters(): Promise<readonly MeterConfig[]> {
    const { allMeters } = Wildcard;
    const parts = await closing(this.#connection.multipart<'meterConfig'>({ kind: 'meterConfig', meterId: allMeters }));
    return parts.flatMap(part => part.meters);
  }

  async readMeterCounts(): Promise<readonly MeterCount[]> {
    const { allMeters } = Wildcard;
    const parts = await closing(this.#connection.multipart<'meterStats'>({ kind: 'meterStats', meterId: allMeters }));
    return parts.flatMap(part =>
      part.meters.map(({ meterId, bands }) => ({ meterId, packets: bands[0]?.packetCount ?? 0n })),
    );
  }

  watch(tables: readonly number[], listener: (change: ForeignChange) => void): void {
    this.unwatch();
    this.#connection.send(monitorRequest('add', tables));
    this.#connection.send(forwarding(bothReasons));
    const stop = this.#channel.onMessage(({ message }) => {
      if (message.kind === 'requestForward') listener({ kind: 'group or meter' });
      else if (message.kind === 'multipartReply' && message.body.kind === 'flowMonitor') {
        for (const update of message.body.updates) {
          const change = foreignChange(update);
          if (change !== null) listener(change);
        }
      }
    });
    this.#watch = { tables, stop };
  }

  unwatch(): void {
    if (this.#watch === null) return;
    this.#watch.stop();
    if (this.#connection.state.kind !== 'closed') {
      this.#connection.send(monitorRequest('delete', this.#watch.tables));
      this.#connection.send(forwarding(0));
    }
    this.#watch = null;
  }

  onError(listener: (error: SwitchError) => void): () => void {
    return this.#channel.onError(error => listener(switchError(error)));
  }

  onClose(listener: (reason: string) => void): void {
    this.#channel.onClose(reason => listener(reason.detail));
  }

  close(reason: string): void {
    this.#connection.close(reason);
  }
}

/** One monitor a table: Open vSwitch can leave out none of "all tables". Own changes are not spelled out, nor are instructions. */
function monitorRequest(command: 'add' | 'delete', tables: readonly number[]): MessageOf<'multipartRequest'> {
  const monitors = tables.map(
    (tableId): FlowMonitorRequest => ({
      monitorId: tableId + 1,
      outPort: Wildcard.port,
      outGroup: Wildcard.group,
      flags: ['add', 'removed', 'modify'],
      tableId,
      command,
      match: [],
    }),
  );
  return { kind: 'multipartRequest', more: false, body: { kind: 'flowMonitor', monitors } };
}

/** Both reasons of a request-forward: a group-mod and a meter-mod of somebody else. */
const bothReasons = 0b11;

function forwarding(reasons: number): MessageOf<'setAsync'> {
  return { kind: 'setAsync', properties: [{ kind: 'requestForwardMaster', mask: reasons }] };
}

/** Null for what is not somebody else's doing: a note of our own changes, a pause, a flow that timed out. */
function foreignChange(update: FlowUpdate): ForeignChange | null {
  if (!('match' in update)) return null;
  const { event, reason, cookie, tableId, priority, match } = update;
  if (event === 'removed' && (reason === 'idle_timeout' || reason === 'hard_timeout')) return null;
  return { kind: 'flow', cookie, place: event === 'removed' ? null : { table: tableId, priority, match } };
}

function switchError(error: OpenFlowError): SwitchError {
  return { xid: error.xid, text: error.code, isNotMaster: error.code === notMasterCode };
}

function shownFlow(bytes: Uint8Array): ShownFlow {
  return { fingerprint: flowFingerprint(bytes), decoded: () => switchFlow(decodeFlow(bytes)) };
}

function switchFlow(stats: FlowStats): SwitchFlow {
  const { tableId, priority, match, cookie, idleTimeout, hardTimeout, instructions, statistics } = stats;
  return {
    table: tableId,
    priority,
    match,
    cookie,
    idleTimeout,
    hardTimeout,
    instructions,
    packets: statistics.packetCount ?? 0n,
    bytes: statistics.byteCount ?? 0n,
    durationSeconds: statistics.durationSeconds ?? 0,
  };
}

/** The end of a connection in delivery's terms. */
async function closing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw asClosed(error);
  }
}

function asClosed(error: unknown): unknown {
  return error instanceof ConnectionClosedError ? new SwitchClosedError(error.message, { cause: error }) : error;
}
