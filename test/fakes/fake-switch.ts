/**
 * A switch in memory that is fed our real bytes: it decodes them with the codec and does with flows, groups, meters,
 * bundles and roles what Open vSwitch does, traps included (a message refused when added to a bundle is left out and the
 * commit succeeds without it; an error at commit undoes everything and names the first message at fault; an open
 * bundle ends with its connection). test/delivery/fake-switch.test.ts holds it against a real Open vSwitch.
 */
import { duplexPair, type Duplex } from 'node:stream';
import type { Clock } from '../../src/base/clock.js';
import { Framer } from '../../southbound/openflow/framer.js';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageOf,
  type ReceivedMessage,
} from '../../southbound/openflow/message-codec.js';
import type { FlowMonitorRequest, FlowUpdate } from '../../southbound/openflow/messages/flow-monitor.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import { hello } from '../../southbound/openflow/messages/hello.js';
import type { MultipartReply } from '../../southbound/openflow/messages/multipart.js';
import { Version } from '../../southbound/openflow/version.js';
import { flowUpdates, snapshotOf } from './change-notes.js';
import { features } from './switch-features.js';
import { refusals, SwitchChange, SwitchTables, type Refusal, type Refuse, type TableStore } from './switch-tables.js';

const version = Version.openflow15;
/** Flows in one part of a dump. */
const flowsAPart = 50;

export interface FakeSwitchOptions<Tables extends TableStore = SwitchTables> {
  /** What it keeps its content in. */
  readonly tables: Tables;
  /** The datapath id that it shows. */
  readonly datapathId?: () => bigint;
  /** Asks a controller that is silent for so long whether it lives, and hangs up on it after as long again. */
  readonly probe?: { readonly clock: Clock; readonly intervalMs: number };
  /** Refuses a message when it is added to a bundle (or sent plainly), as a switch that cannot decode it does. */
  readonly refuse?: Refuse;
  /** Refuses a message when it is carried out. */
  readonly refuseAtCommit?: Refuse;
  /** Called before each message is looked at; may cut connections. */
  readonly onMessage?: (message: Message) => void;
  /** Called whenever the tables have changed. */
  readonly onChange?: (tables: Tables) => void;
  /** Called when a conntrack zone has been emptied. */
  readonly onZoneFlush?: (zone: number) => void;
}

/** One with real tables. */
export function fakeSwitch(options: Omit<FakeSwitchOptions, 'tables'> = {}): FakeSwitch {
  return new FakeSwitch({ ...options, tables: new SwitchTables() });
}

interface Connection {
  readonly stream: Duplex;
  /** Ends it as a network does: at both ends. */
  readonly cut: () => void;
  /** The changes in those that are open. */
  readonly bundles: Map<number, SwitchChange[]>;
  role: MessageOf<'roleRequest'>['role'];
  /** Tables whose changes it is told. */
  readonly watched: Set<number>;
  /** It is told of group and meter messages of others. */
  isForwarded: boolean;
  heardAtMs: number;
  cancelProbe: () => void;
}

export class FakeSwitch<Tables extends TableStore = SwitchTables> {
  readonly tables: Tables;
  /** Flow, group and meter messages taken since the start, in bundles or not. */
  changes = 0;
  readonly #options: FakeSwitchOptions<Tables>;
  readonly #connections = new Set<Connection>();
  #generationId: bigint | null = null;
  #isHeld = false;
  #held: (() => void)[] = [];

  constructor(options: FakeSwitchOptions<Tables>) {
    this.#options = options;
    this.tables = options.tables;
  }

  /** A new connection over a pipe in memory; what is returned is the controller's end. */
  connect(): Duplex {
    const [ours, theirs] = duplexPair();
    // The ends of a pair do not tell each other that they are destroyed.
    const connection = this.#open(ours, () => {
      ours.destroy();
      theirs.destroy();
    });
    theirs.on('close', () => this.#ended(connection));
    return theirs;
  }

  /** Speaks over a connection that somebody else has made. */
  attach(stream: Duplex): void {
    this.#open(stream, () => stream.destroy());
  }

  get isConnected(): boolean {
    return this.#connections.size > 0;
  }

  /** Ends every connection at once, with whatever was under way. */
  cut(): void {
    for (const connection of this.#connections) {
      connection.cut();
      this.#ended(connection);
    }
  }

  /** From now on nothing is looked at, as in a switch that is busy, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    const waiting = this.#held;
    this.#held = [];
    for (const act of waiting) this.#whenFree(act);
  }

  /** A switch that has just started: empty, and with no memory of terms. */
  wipe(): void {
    this.restart();
    this.vandalise(tables => tables.clear());
  }

  /** A switch that has just started, with the flows that something saved and restored: no memory of terms and connections. */
  restart(): void {
    this.cut();
    this.#held = [];
    this.#isHeld = false;
    this.#generationId = null;
  }

  /** Another controller claims the switch, at once: also between two messages that came in one read. */
  usurp(term: bigint): void {
    this.#generationId = term;
    for (const connection of this.#connections) if (connection.role === 'master') connection.role = 'slave';
  }

  /** What somebody else does to the tables. */
  vandalise(change: (tables: Tables) => void): void {
    this.#telling(null, () => change(this.tables));
    this.#options.onChange?.(this.tables);
  }

  /** Lets something change the tables, and tells it to those who asked and did not do it themselves. */
  #telling<T>(source: Connection | null, act: () => T): T {
    const told = [...this.#connections].filter(other => other.watched.size > 0 || other.isForwarded);
    if (told.every(connection => connection === source)) {
      const result = act();
      for (const connection of told) this.#tell(connection, [{ event: 'abbreviated', xid: 0 } as FlowUpdate]);
      return result;
    }
    const before = snapshotOf(this.tables);
    const result = act();
    const after = snapshotOf(this.tables);
    for (const connection of told) {
      if (connection === source) continue;
      this.#tell(connection, flowUpdates(before, after, connection.watched));
      if (connection.isForwarded && connection.role === 'master' && before.others !== after.others) {
        this.#send(connection, { kind: 'requestForward', request: new Uint8Array() }, 0);
      }
    }
    return result;
  }

  #tell(connection: Connection, updates: readonly FlowUpdate[]): void {
    if (updates.length === 0 || connection.watched.size === 0) return;
    this.#send(connection, { kind: 'multipartReply', more: false, body: { kind: 'flowMonitor', updates } }, 0);
  }

  #open(stream: Duplex, cut: () => void): Connection {
    const connection: Connection = {
      stream,
      cut,
      bundles: new Map(),
      role: 'equal',
      watched: new Set(),
      isForwarded: false,
      heardAtMs: 0,
      cancelProbe: () => {},
    };
    this.#connections.add(connection);
    const framer = new Framer();
    stream.on('data', (chunk: Uint8Array) => {
      connection.heardAtMs = this.#options.probe?.clock.nowMs() ?? 0;
      framer.push(chunk, bytes => {
        const copy = bytes.slice();
        this.#whenFree(() => this.#receive(connection, copy));
        return true;
      });
    });
    stream.on('error', () => this.#ended(connection));
    stream.on('end', () => this.#ended(connection));
    stream.on('close', () => this.#ended(connection));
    stream.write(encodeMessage(hello([version]), 0, version));
    this.#probe(connection);
    return connection;
  }

  #ended(connection: Connection): void {
    connection.cancelProbe();
    this.#connections.delete(connection);
  }

  #probe(connection: Connection): void {
    const { probe } = this.#options;
    if (probe === undefined) return;
    const { clock, intervalMs } = probe;
    connection.heardAtMs = clock.nowMs();
    const look = (): void => {
      const silentMs = clock.nowMs() - connection.heardAtMs;
      if (silentMs >= 2 * intervalMs) {
        connection.stream.destroy();
        return this.#ended(connection);
      }
      if (silentMs >= intervalMs) this.#send(connection, { kind: 'echoRequest', data: new Uint8Array() }, 0);
      connection.cancelProbe = clock.after(silentMs >= intervalMs ? intervalMs : intervalMs - silentMs, look);
    };
    connection.cancelProbe = clock.after(intervalMs, look);
  }

  #whenFree(act: () => void): void {
    if (this.#isHeld) this.#held.push(act);
    else act();
  }

  #changed(changes: number): void {
    this.changes += changes;
    this.#options.onChange?.(this.tables);
  }

  #receive(connection: Connection, bytes: Uint8Array): void {
    if (!this.#connections.has(connection)) return;
    const received = decodeMessage(bytes);
    this.#options.onMessage?.(received.message);
    if (this.#connections.has(connection)) this.#handle(connection, received, bytes);
  }

  #handle(connection: Connection, { xid, message }: ReceivedMessage, bytes: Uint8Array): void {
    const reply = (answer: Message): void => this.#send(connection, answer, xid);
    if (unanswered.has(message.kind)) return;
    switch (message.kind) {
      case 'echoRequest':
        return reply({ kind: 'echoReply', data: message.data });
      case 'featuresRequest':
        return reply({ ...features, datapathId: this.#options.datapathId?.() ?? features.datapathId });
      case 'barrierRequest':
        return reply({ kind: 'barrierReply' });
      case 'roleRequest':
        return this.#role(connection, message, xid, bytes);
      case 'multipartRequest':
        if (message.body.kind === 'flowMonitor') this.#watch(connection, message.body.monitors);
        for (const part of this.#parts(message)) reply(part);
        return;
      case 'setAsync':
        connection.isForwarded = message.properties.some(one => one.kind === 'requestForwardMaster' && one.mask !== 0);
        return;
      case 'bundleControl':
        return this.#bundle(connection, message, xid, bytes);
      case 'bundleAdd':
        return this.#bundleAdd(connection, message, xid, bytes);
      case 'ctFlushZone':
        return this.#options.onZoneFlush?.(message.zone);
      case 'ctFlush':
        // It holds no connections.
        return;
      case 'flowMod':
      case 'groupMod':
      case 'meterMod':
        return this.#plainChange(connection, new SwitchChange(xid, bytes, message));
      default:
        throw new Error(`the fake switch has no answer to ${message.kind}`);
    }
  }

  #send(connection: Connection, message: Message, xid: number): void {
    if (this.#connections.has(connection)) connection.stream.write(encodeMessage(message, xid, version));
  }

  #refuse(connection: Connection, refusal: Refusal, xid: number, bytes: Uint8Array): void {
    this.#send(connection, { kind: 'error', ...refusal, experimenter: null, data: bytes.slice(0, 64) }, xid);
  }

  #role(connection: Connection, request: MessageOf<'roleRequest'>, xid: number, bytes: Uint8Array): void {
    const { role, generationId } = request;
    if (role === 'master' || role === 'slave') {
      const isStale = this.#generationId !== null && BigInt.asIntN(64, generationId - this.#generationId) < 0n;
      if (isStale) return this.#refuse(connection, refusals.staleTerm, xid, bytes);
      if (role === 'master') this.usurp(generationId);
      else this.#generationId = generationId;
    }
    if (role !== 'nochange') connection.role = role;
    const now = { role: connection.role, generationId: this.#generationId ?? 0xffff_ffff_ffff_ffffn } as const;
    this.#send(connection, { kind: 'roleReply', ...now }, xid);
  }

  #watch({ watched }: Connection, monitors: readonly FlowMonitorRequest[]): void {
    for (const { command, tableId } of monitors) {
      if (command === 'delete') watched.delete(tableId);
      else watched.add(tableId);
    }
  }

  #plainChange(connection: Connection, change: SwitchChange): void {
    const { xid, bytes } = change;
    if (connection.role === 'slave') return this.#refuse(connection, refusals.isSlave, xid, bytes);
    const refusal = this.#options.refuse?.(change) ?? null;
    if (refusal !== null) return this.#refuse(connection, refusal, xid, bytes);
    const fault = this.#telling(connection, () => this.tables.commit([change], this.#options.refuseAtCommit ?? null));
    if (fault !== null) return this.#refuse(connection, fault.refusal, xid, bytes);
    this.#changed(1);
  }

  #bundle(connection: Connection, control: MessageOf<'bundleControl'>, xid: number, bytes: Uint8Array): void {
    const { bundleId, flags } = control;
    const answer = (type: MessageOf<'bundleControl'>['type']): void =>
      this.#send(connection, { kind: 'bundleControl', bundleId, type, flags, properties: [] }, xid);
    if (connection.role === 'slave') return this.#refuse(connection, refusals.isSlave, xid, bytes);
    const bundle = connection.bundles.get(bundleId);
    if (control.type === 'open_request') {
      connection.bundles.delete(bundleId);
      if (bundle !== undefined) return this.#refuse(connection, refusals.badBundleId, xid, bytes);
      connection.bundles.set(bundleId, []);
      return answer('open_reply');
    }
    connection.bundles.delete(bundleId);
    if (bundle === undefined) return this.#refuse(connection, refusals.badBundleId, xid, bytes);
    if (control.type === 'discard_request') return answer('discard_reply');
    if (control.type !== 'commit_request') throw new Error(`the fake switch knows no ${control.type}`);
    if (this.#commit(connection, bundle)) answer('commit_reply');
    else this.#refuse(connection, refusals.bundleFailed, xid, bytes);
  }

  #bundleAdd(connection: Connection, add: MessageOf<'bundleAdd'>, xid: number, bytes: Uint8Array): void {
    if (connection.role === 'slave') return this.#refuse(connection, refusals.isSlave, xid, bytes);
    let bundle = connection.bundles.get(add.bundleId);
    if (bundle === undefined) connection.bundles.set(add.bundleId, (bundle = []));
    const innerXid = Buffer.from(add.message.buffer, add.message.byteOffset).readUInt32BE(4);
    if (innerXid !== xid) throw new Error('the xid of a bundle-add is not that of its message');
    const change = new SwitchChange(xid, add.message);
    const refusal = this.#options.refuse?.(change) ?? null;
    if (refusal !== null) this.#refuse(connection, refusal, xid, bytes);
    else bundle.push(change);
  }

  #commit(connection: Connection, changes: readonly SwitchChange[]): boolean {
    const refuse = this.#options.refuseAtCommit ?? null;
    const fault = this.#telling(connection, () => this.tables.commit(changes, refuse));
    if (fault !== null) {
      this.#refuse(connection, fault.refusal, fault.change.xid, fault.change.bytes);
      return false;
    }
    this.#changed(changes.length);
    return true;
  }

  *#parts({ body }: MessageOf<'multipartRequest'>): Generator<MultipartReply> {
    switch (body.kind) {
      case 'flow': {
        const { tableId, cookie, cookieMask } = body;
        const wanted = [...this.tables.selectFlows({ tableId: tableId === 0xff ? null : tableId, cookie, cookieMask })];
        for (let start = 0; start === 0 || start < wanted.length; start += flowsAPart) {
          const flows: FlowStats[] = wanted.slice(start, start + flowsAPart);
          yield { kind: 'multipartReply', more: start + flowsAPart < wanted.length, body: { kind: 'flow', flows } };
        }
        return;
      }
      case 'groupDescription': {
        const described = [...this.tables.groupDescriptions()];
        // One group may fill a message.
        for (let at = 0; at === 0 || at < described.length; at += 1) {
          const body = { kind: 'groupDescription', groups: described.slice(at, at + 1) } as const;
          yield { kind: 'multipartReply', more: at + 1 < described.length, body };
        }
        return;
      }
      case 'meterConfig':
        return yield whole({ kind: 'meterConfig', meters: [...this.tables.meterConfigs()] });
      case 'meterStats':
        return yield whole({ kind: 'meterStats', meters: [] });
      case 'flowMonitor':
        return yield whole({ kind: 'flowMonitor', updates: [] });
      default:
        throw new Error(`the fake switch has no statistics of ${body.kind}`);
    }
  }
}

const whole = (body: MultipartReply['body']): MultipartReply => ({ kind: 'multipartReply', more: false, body });

const unanswered = new Set('hello echoReply setConfig setPacketInFormat setControllerId packetOut'.split(' '));
