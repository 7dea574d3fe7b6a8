/**
 * A switch in memory that is fed our real bytes: it decodes them with the codec and does with flows, groups, meters,
 * bundles and roles what Open vSwitch does, traps included (a message refused when added to a bundle is left out and the
 * commit succeeds without it; an error at commit undoes everything and names the first message at fault; an open
 * bundle ends with its connection). test/delivery/fake-switch.test.ts holds it against a real Open vSwitch.
 */
import { duplexPair, type Duplex } from 'node:stream';
import { Framer } from '../../southbound/openflow/framer.js';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageOf,
  type ReceivedMessage,
} from '../../southbound/openflow/message-codec.js';
import type { FlowStats } from '../../southbound/openflow/messages/flow-stats.js';
import type { GroupDescription } from '../../southbound/openflow/messages/group-stats.js';
import { hello } from '../../southbound/openflow/messages/hello.js';
import type { MultipartReply } from '../../southbound/openflow/messages/multipart.js';
import { Version } from '../../southbound/openflow/version.js';
import { applied, emptyTables, isRefusal, refusals, type Refusal, type SwitchTables } from './switch-tables.js';

const version = Version.openflow15;
/** Flows in one part of a dump. */
const flowsAPart = 50;

export interface FakeSwitchOptions {
  /** Refuses a message when it is added to a bundle (or sent plainly), as a switch that cannot decode it does. */
  readonly refuse?: (message: Message) => Refusal | null;
  /** Refuses a message when it is carried out. */
  readonly refuseAtCommit?: (message: Message) => Refusal | null;
  /** Called before each message is looked at; may cut connections. */
  readonly onMessage?: (message: Message) => void;
  /** Called whenever the tables have changed, with what they are now. */
  readonly onChange?: (tables: SwitchTables) => void;
}

interface OpenBundle {
  readonly messages: { readonly xid: number; readonly message: Message; readonly bytes: Uint8Array }[];
}

interface Connection {
  readonly stream: Duplex;
  /** The controller's end: the ends of a pair do not tell each other that they are destroyed. */
  readonly far: Duplex;
  readonly bundles: Map<number, OpenBundle>;
  role: MessageOf<'roleRequest'>['role'];
}

export class FakeSwitch {
  tables: SwitchTables = emptyTables;
  /** Flow, group and meter messages taken since the start, in bundles or not. */
  changes = 0;
  readonly #options: FakeSwitchOptions;
  readonly #connections = new Set<Connection>();
  #generationId: bigint | null = null;
  #isHeld = false;
  #held: (() => void)[] = [];

  constructor(options: FakeSwitchOptions = {}) {
    this.#options = options;
  }

  /** A new connection; what is returned is the controller's end. */
  connect(): Duplex {
    const [ours, theirs] = duplexPair();
    const connection: Connection = { stream: ours, far: theirs, bundles: new Map(), role: 'equal' };
    this.#connections.add(connection);
    const framer = new Framer();
    ours.on('data', (chunk: Uint8Array) => {
      framer.push(chunk, bytes => {
        const copy = bytes.slice();
        this.#whenFree(() => this.#receive(connection, copy));
        return true;
      });
    });
    ours.on('close', () => this.#connections.delete(connection));
    theirs.on('close', () => this.#connections.delete(connection));
    ours.write(encodeMessage(hello([version]), 0, version));
    return theirs;
  }

  get isConnected(): boolean {
    return this.#connections.size > 0;
  }

  /** Ends every connection at once, with whatever was under way. */
  cut(): void {
    for (const { stream, far } of this.#connections) {
      stream.destroy();
      far.destroy();
    }
    this.#connections.clear();
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
    this.cut();
    this.#held = [];
    this.#generationId = null;
    this.#set(emptyTables);
  }

  /** What somebody else does to the tables. */
  vandalise(change: (tables: SwitchTables) => SwitchTables): void {
    this.#set(change(this.tables));
  }

  #whenFree(act: () => void): void {
    if (this.#isHeld) this.#held.push(act);
    else act();
  }

  #set(tables: SwitchTables): void {
    this.tables = tables;
    this.#options.onChange?.(tables);
  }

  #receive(connection: Connection, bytes: Uint8Array): void {
    if (!this.#connections.has(connection)) return;
    const received = decodeMessage(bytes);
    this.#options.onMessage?.(received.message);
    if (this.#connections.has(connection)) this.#handle(connection, received, bytes);
  }

  #handle(connection: Connection, { xid, message }: ReceivedMessage, bytes: Uint8Array): void {
    const reply = (answer: Message): void => this.#send(connection, answer, xid);
    switch (message.kind) {
      case 'hello':
        return;
      case 'echoRequest':
        return reply({ kind: 'echoReply', data: message.data });
      case 'featuresRequest':
        return reply(features);
      case 'barrierRequest':
        return reply({ kind: 'barrierReply' });
      case 'roleRequest':
        return this.#role(connection, message, xid, bytes);
      case 'multipartRequest':
        for (const part of this.#parts(message)) reply(part);
        return;
      case 'bundleControl':
        return this.#bundle(connection, message, xid, bytes);
      case 'bundleAdd':
        return this.#bundleAdd(connection, message, xid, bytes);
      case 'flowMod':
      case 'groupMod':
      case 'meterMod':
        return this.#plainChange(connection, message, xid, bytes);
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
      this.#generationId = generationId;
      if (role === 'master') {
        for (const other of this.#connections) if (other.role === 'master') other.role = 'slave';
      }
    }
    if (role !== 'nochange') connection.role = role;
    const now = { role: connection.role, generationId: this.#generationId ?? 0xffff_ffff_ffff_ffffn } as const;
    this.#send(connection, { kind: 'roleReply', ...now }, xid);
  }

  #plainChange(connection: Connection, message: Message, xid: number, bytes: Uint8Array): void {
    if (connection.role === 'slave') return this.#refuse(connection, refusals.isSlave, xid, bytes);
    const refusal = this.#options.refuse?.(message) ?? this.#options.refuseAtCommit?.(message) ?? null;
    if (refusal !== null) return this.#refuse(connection, refusal, xid, bytes);
    const result = applied(this.tables, message);
    if (isRefusal(result)) return this.#refuse(connection, result, xid, bytes);
    this.changes += 1;
    this.#set(result);
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
      connection.bundles.set(bundleId, { messages: [] });
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
    if (bundle === undefined) connection.bundles.set(add.bundleId, (bundle = { messages: [] }));
    const inner = decodeMessage(add.message);
    if (inner.xid !== xid) throw new Error('the xid of a bundle-add is not that of its message');
    const refusal = this.#options.refuse?.(inner.message) ?? null;
    if (refusal !== null) this.#refuse(connection, refusal, xid, bytes);
    else bundle.messages.push({ xid, message: inner.message, bytes: add.message });
  }

  #commit(connection: Connection, bundle: OpenBundle): boolean {
    let { tables } = this;
    for (const { xid, message, bytes } of bundle.messages) {
      const result = this.#options.refuseAtCommit?.(message) ?? applied(tables, message);
      if (isRefusal(result)) {
        this.#refuse(connection, result, xid, bytes);
        return false;
      }
      tables = result;
    }
    this.changes += bundle.messages.length;
    this.#set(tables);
    return true;
  }

  *#parts({ body }: MessageOf<'multipartRequest'>): Generator<MultipartReply> {
    switch (body.kind) {
      case 'flow': {
        const wanted = [...this.tables.flows.values()].filter(
          flow =>
            (body.tableId === 0xff || body.tableId === flow.tableId) &&
            (flow.cookie & body.cookieMask) === (body.cookie & body.cookieMask),
        );
        for (let start = 0; start === 0 || start < wanted.length; start += flowsAPart) {
          const flows: FlowStats[] = wanted.slice(start, start + flowsAPart);
          yield { kind: 'multipartReply', more: start + flowsAPart < wanted.length, body: { kind: 'flow', flows } };
        }
        return;
      }
      case 'groupDescription': {
        const groups = [...this.tables.groups.values()].map(
          ({ type, groupId, buckets, properties }) => ({ type, groupId, buckets, properties }) as GroupDescription,
        );
        return yield { kind: 'multipartReply', more: false, body: { kind: 'groupDescription', groups } };
      }
      case 'meterConfig': {
        const meters = [...this.tables.meters.values()].map(({ flags, meterId, bands }) => ({ flags, meterId, bands }));
        return yield { kind: 'multipartReply', more: false, body: { kind: 'meterConfig', meters } };
      }
      default:
        throw new Error(`the fake switch has no statistics of ${body.kind}`);
    }
  }
}

const features: MessageOf<'featuresReply'> = {
  kind: 'featuresReply',
  datapathId: 1n,
  bufferCount: 0,
  tableCount: 254,
  auxiliaryId: 0,
  capabilities: [],
  reserved: 0,
};
