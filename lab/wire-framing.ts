/**
 * Cuts the byte streams of Postgres, OpenFlow and JSON-RPC into messages and names them: enough to say "after COMMIT was
 * answered" or "before the barrier's reply", and no more. The bytes of the messages, one after the other, are those of the stream.
 */
import { WireError } from '../southbound/wire/wire-error.js';

/** `bytes`: nothing is known of the stream; what arrives at once is a message. */
export type WireProtocol = 'bytes' | 'postgres' | 'openflow' | 'jsonrpc';
export type Direction = 'toServer' | 'toClient';

export interface WireMessage {
  /** As the protocol calls it: `CommandComplete`, `bundle_add`, the method of a request, `reply`. */
  readonly name: string;
  /** What tells messages of one name apart: SQL or a command's tag; `commit_request`, or what a bundle_add adds. Else empty. */
  readonly detail: string;
  readonly bytes: Buffer;
}

/** One direction of one connection. */
export interface WireFraming {
  /** Every message that these bytes complete. Once they are not of the protocol, everything is `bytes`. */
  push(chunk: Buffer): readonly WireMessage[];
}

/** Framing of both directions of a new connection. */
export function frameConnection(protocol: WireProtocol): Readonly<Record<Direction, WireFraming>> {
  switch (protocol) {
    case 'bytes': {
      return { toServer: new HeldBytes(unknownBytes), toClient: new HeldBytes(unknownBytes) };
    }
    case 'openflow':
      return { toServer: new HeldBytes(openflowMessage), toClient: new HeldBytes(openflowMessage) };
    case 'jsonrpc':
      return { toServer: new HeldBytes(jsonRpcMessages()), toClient: new HeldBytes(jsonRpcMessages()) };
    case 'postgres': {
      const conversation: PostgresConversation = { started: false, awaitsEncryption: false, isEncrypted: false };
      return {
        toServer: new HeldBytes(bytes => postgresRequest(bytes, conversation)),
        toClient: new HeldBytes(bytes => postgresReply(bytes, conversation)),
      };
    }
  }
}

/** The first message in `held`; null if it is not complete. */
type FirstMessage = (held: Buffer) => WireMessage | null;

const unknownBytes: FirstMessage = bytes => ({ name: 'bytes', detail: '', bytes });

class HeldBytes implements WireFraming {
  #held: Buffer = Buffer.alloc(0);

  constructor(private first: FirstMessage) {}

  push(chunk: Buffer): readonly WireMessage[] {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    const messages: WireMessage[] = [];
    while (this.#held.length > 0) {
      const message = this.#next();
      if (message === null) break;
      messages.push(message);
      this.#held = this.#held.subarray(message.bytes.length);
    }
    return messages;
  }

  #next(): WireMessage | null {
    try {
      return this.first(this.#held);
    } catch (error) {
      if (!(error instanceof WireError || error instanceof SyntaxError)) throw error;
      this.first = unknownBytes; // a test may send nonsense on purpose: it passes like everything else
      return this.first(this.#held);
    }
  }
}

/** A message that begins with its length at `lengthAt`, which counts from `countedFrom`. */
function measured(held: Buffer, lengthBytes: 2 | 4, lengthAt: number, countedFrom: number): Buffer | null {
  if (held.length < lengthAt + lengthBytes) return null;
  const length = countedFrom + held.readUIntBE(lengthAt, lengthBytes);
  if (length < lengthAt + lengthBytes) throw new WireError('bad_length', `message length ${length}`, lengthAt);
  return held.length < length ? null : held.subarray(0, length);
}

const openflowNames: Readonly<Record<number, string>> = {
  0: 'hello',
  1: 'error',
  2: 'echo_request',
  3: 'echo_reply',
  10: 'packet_in',
  13: 'packet_out',
  14: 'flow_mod',
  15: 'group_mod',
  18: 'multipart_request',
  19: 'multipart_reply',
  20: 'barrier_request',
  21: 'barrier_reply',
  24: 'role_request',
  25: 'role_reply',
  29: 'meter_mod',
  33: 'bundle_control',
  34: 'bundle_add',
};
const bundleControlNames = 'open_request open_reply close_request close_reply commit_request commit_reply'.split(' ');

const openflowName = (type: number): string => openflowNames[type] ?? `type_${type}`;

function openflowMessage(held: Buffer): WireMessage | null {
  const bytes = measured(held, 2, 2, 0);
  if (bytes === null) return null;
  const name = openflowName(bytes.readUInt8(1));
  if (name === 'bundle_control' && bytes.length >= 14) {
    return { name, detail: bundleControlNames[bytes.readUInt16BE(12)] ?? 'discard', bytes };
  }
  // After the header, the bundle's id, padding and flags, the inner message begins with its version.
  const detail = name === 'bundle_add' && bytes.length >= 24 ? openflowName(bytes.readUInt8(17)) : '';
  return { name, detail, bytes };
}

/** JSON objects with nothing between them: a message ends where its outermost brace closes. Scans every byte once. */
function jsonRpcMessages(): FirstMessage {
  let scanned = 0;
  let depth = 0;
  let isString = false;
  return held => {
    for (; scanned < held.length; scanned += 1) {
      const byte = held[scanned];
      if (isString) {
        if (byte === 0x5c) scanned += 1;
        else if (byte === 0x22) isString = false;
      } else if (byte === 0x22) isString = true;
      else if (byte === 0x7b) depth += 1;
      else if (byte === 0x7d) depth -= 1;
      if (byte === 0x7d && depth === 0 && !isString) {
        const bytes = held.subarray(0, scanned + 1);
        scanned = 0;
        return { ...jsonRpcName(bytes), bytes };
      }
    }
    return null;
  };
}

function jsonRpcName(bytes: Buffer): Pick<WireMessage, 'name' | 'detail'> {
  const { method } = JSON.parse(bytes.toString()) as { readonly method?: unknown };
  return { name: typeof method === 'string' ? method : 'reply', detail: '' };
}

interface PostgresConversation {
  started: boolean;
  /** The client has asked for TLS; the answer is one bare byte. */
  awaitsEncryption: boolean;
  isEncrypted: boolean;
}

const encryptionRequestCodes: ReadonlySet<number> = new Set([80_877_103, 80_877_104]);

const postgresRequestNames: Readonly<Record<string, string>> = {
  Q: 'Query',
  P: 'Parse',
  B: 'Bind',
  E: 'Execute',
  S: 'Sync',
  D: 'Describe',
  C: 'Close',
  X: 'Terminate',
  p: 'Password',
};
const postgresReplyNames: Readonly<Record<string, string>> = {
  R: 'Authentication',
  S: 'ParameterStatus',
  K: 'BackendKeyData',
  Z: 'ReadyForQuery',
  C: 'CommandComplete',
  D: 'DataRow',
  T: 'RowDescription',
  '1': 'ParseComplete',
  '2': 'BindComplete',
  E: 'ErrorResponse',
  N: 'NoticeResponse',
  A: 'NotificationResponse',
};

/** SQL is what Query begins with, and what Parse has after the statement's name. */
function sqlOf(name: string, bytes: Buffer): string {
  const from = name === 'Query' ? 5 : name === 'Parse' ? bytes.indexOf(0, 5) + 1 : -1;
  return from < 0 ? '' : bytes.toString('utf8', from, bytes.indexOf(0, from));
}

function postgresRequest(held: Buffer, conversation: PostgresConversation): WireMessage | null {
  if (conversation.isEncrypted) return unknownBytes(held);
  if (!conversation.started) {
    const bytes = measured(held, 4, 0, 0);
    if (bytes === null) return null;
    const code = bytes.length >= 8 ? bytes.readUInt32BE(4) : 0;
    conversation.awaitsEncryption = encryptionRequestCodes.has(code);
    conversation.started = !conversation.awaitsEncryption;
    return { name: conversation.started ? 'Startup' : 'EncryptionRequest', detail: '', bytes };
  }
  const bytes = measured(held, 4, 1, 1);
  if (bytes === null) return null;
  const name = postgresRequestNames[String.fromCharCode(bytes.readUInt8(0))] ?? 'other';
  return { name, detail: sqlOf(name, bytes), bytes };
}

function postgresReply(held: Buffer, conversation: PostgresConversation): WireMessage | null {
  if (conversation.isEncrypted) return unknownBytes(held);
  if (conversation.awaitsEncryption) {
    conversation.awaitsEncryption = false;
    conversation.isEncrypted = held[0] !== 0x4e;
    return { name: 'EncryptionAnswer', detail: '', bytes: held.subarray(0, 1) };
  }
  const bytes = measured(held, 4, 1, 1);
  if (bytes === null) return null;
  const name = postgresReplyNames[String.fromCharCode(bytes.readUInt8(0))] ?? 'other';
  const tag = name === 'CommandComplete' ? bytes.toString('utf8', 5, bytes.length - 1) : '';
  return { name, detail: tag, bytes };
}
