/** Forgetting connections on a switch: those that a fragment no longer names. */
import type { ConnectionEnd, TranslatedConnections } from '../compiler/fragment.js';
import type { TupleProperty } from '../../southbound/openflow/messages/ct-flush.js';
import { encodeMessage } from '../../southbound/openflow/message-codec.js';
import { flowVersion, optionalXid } from './encoding.js';

/** Addresses in the message have 128 bits. */
const mapped = { 4: 0xffffn << 32n, 6: 0n } as const;

/** One direction of connections. */
function tupleOf(
  family: 4 | 6,
  source: ConnectionEnd | undefined,
  destination: ConnectionEnd | undefined,
): readonly TupleProperty[] {
  const address = (end: ConnectionEnd): bigint => mapped[family] | end.address;
  return [
    ...(source === undefined ? [] : [{ kind: 'source', address: address(source) } as const]),
    ...(destination === undefined ? [] : [{ kind: 'destination', address: address(destination) } as const]),
    ...(source?.port === undefined ? [] : [{ kind: 'sourcePort', port: source.port } as const]),
    ...(destination?.port === undefined ? [] : [{ kind: 'destinationPort', port: destination.port } as const]),
  ];
}

/** A plain message: the switch forgets these connections. Open vSwitch before 3.1 does not know it, and keeps them until they end. */
export function encodeConnectionFlush(connections: TranslatedConnections): Uint8Array {
  const { zone, ipProto, family, caller, called, answering, answeredTo } = connections;
  const original = tupleOf(family, caller, called);
  const reply = tupleOf(family, answering, answeredTo);
  return encodeMessage(
    {
      kind: 'ctFlush',
      ipProto,
      properties: [
        ...(original.length === 0 ? [] : [{ kind: 'original', tuple: original } as const]),
        ...(reply.length === 0 ? [] : [{ kind: 'reply', tuple: reply } as const]),
        ...(zone === undefined ? [] : [{ kind: 'zone', zone } as const]),
      ],
    },
    optionalXid,
    flowVersion,
  );
}
