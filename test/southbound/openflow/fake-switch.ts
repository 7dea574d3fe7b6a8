/**
 * The other end of a connection, for tests: it keeps what the controller sends and sends what the test says. Time stands
 * still until the test moves it.
 */
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { OpenFlowConnection } from '../../../southbound/openflow/connection.js';
import type { CloseReason, ConnectionOptions, OpenFlowError } from '../../../southbound/openflow/connection-types.js';
import { Framer } from '../../../southbound/openflow/framer.js';
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type ReceivedMessage,
} from '../../../southbound/openflow/message-codec.js';
import { hello } from '../../../southbound/openflow/messages/hello.js';
import { ManualClock } from '../../fakes/manual-clock.js';

export class FakeSwitch {
  readonly timers = new ManualClock();
  readonly connection: OpenFlowConnection;
  /** Messages that the controller sent, in order. */
  readonly received: ReceivedMessage[] = [];
  readonly unasked: ReceivedMessage[] = [];
  readonly errors: OpenFlowError[] = [];
  readonly closed: CloseReason[] = [];
  readonly states: string[] = [];
  readonly stream: Duplex;
  /** While false, what the controller writes is not taken from it. */
  isReading = true;
  private resumeReading: () => void = () => undefined;

  constructor(options: Partial<ConnectionOptions> = {}) {
    const framer = new Framer();
    const take = (chunk: Uint8Array): void => {
      framer.push(chunk, bytes => this.received.push(decodeMessage(bytes)) > 0);
    };
    this.stream = new Duplex({
      read: () => undefined,
      write: (chunk: Uint8Array, _encoding, done) => {
        if (this.isReading) {
          take(chunk);
          done();
          return;
        }
        this.resumeReading = () => {
          take(chunk);
          done();
        };
      },
    });
    this.connection = new OpenFlowConnection(this.stream, {
      timers: this.timers,
      onMessage: message => this.unasked.push(message),
      onError: error => this.errors.push(error),
      onClose: reason => this.closed.push(reason),
      onState: (state, previous) => this.states.push(`${previous} -> ${state.kind}`),
      ...options,
    });
  }

  /** A connection on which hello and features are done. */
  static async open(options: Partial<ConnectionOptions> = {}, version = 6): Promise<FakeSwitch> {
    const fake = new FakeSwitch(options);
    fake.send(hello([version]), 0, version);
    await fake.turn();
    const asked = fake.last('featuresRequest');
    fake.send({ ...features }, asked.xid, version);
    await fake.connection.ready;
    fake.received.length = 0;
    return fake;
  }

  send(message: Message, xid: number, version = 6): void {
    this.push(encodeMessage(message, xid, version));
  }

  push(bytes: Uint8Array): void {
    this.stream.push(bytes);
  }

  startReading(): void {
    this.isReading = true;
    this.resumeReading();
  }

  /** Lets everything that is under way arrive. */
  async turn(): Promise<void> {
    for (let round = 0; round < 4; round += 1) await nextTurn();
  }

  last(kind: Message['kind']): ReceivedMessage {
    const found = this.received.findLast(({ message }) => message.kind === kind);
    if (!found) throw new Error(`the controller has sent no ${kind}`);
    return found;
  }
}

export const features: Message = {
  kind: 'featuresReply',
  datapathId: 0x1234n,
  bufferCount: 0,
  tableCount: 254,
  auxiliaryId: 0,
  capabilities: ['flow_stats'],
  reserved: 0,
};
