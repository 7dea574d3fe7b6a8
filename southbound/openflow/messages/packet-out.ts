/**
 * Packet-out: the controller has the switch act on a packet. Up to OpenFlow 1.4 it names only the port that the packet
 * is said to come from; 1.5 has a match, which may set any metadata. A value always has the match.
 */
import { fromVersion, lengthOf, mapped, padding, restBytes, u32 } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { actionsCodec } from '../action-codec.js';
import { Port, type Action } from '../actions.js';
import { matchCodec } from '../match-codec.js';
import { oxm, type Match } from '../oxm.js';
import { Version } from '../version.js';
import { Wildcard } from './fields.js';
import { kindStruct, type MessageDeclaration } from './message.js';

export interface PacketOut {
  readonly kind: 'packetOut';
  readonly bufferId: number;
  readonly match: Match;
  readonly actions: readonly Action[];
  readonly data: Uint8Array;
}

const current = kindStruct('packetOut', {
  bufferId: u32,
  actionsLength: lengthOf('actions'),
  gap: padding(2),
  match: matchCodec,
  actions: actionsCodec,
  data: restBytes,
});

const withInPort = struct({
  bufferId: u32,
  inPort: u32,
  actionsLength: lengthOf('actions'),
  gap: padding(6),
  actions: actionsCodec,
  data: restBytes,
});

const earlier = mapped(
  withInPort,
  ({ bufferId, inPort, actions, data }): PacketOut => {
    const match = [{ field: oxm.inPort, value: BigInt(inPort) }];
    return { kind: 'packetOut', bufferId, match, actions, data };
  },
  ({ bufferId, match, actions, data }) => {
    const inPort = match.find(item => item.field === oxm.inPort);
    return { bufferId, inPort: inPort ? Number(inPort.value) : Port.controller, actions, data };
  },
);

export const PacketOut: MessageDeclaration<PacketOut> = {
  kind: 'packetOut',
  tag: { type: 13 },
  body: fromVersion<PacketOut>(Version.openflow15, current, earlier),
};

/** A packet to send through `actions`, as if it came in on `inPort`. */
export function packetOut(data: Uint8Array, actions: readonly Action[], inPort: number = Port.controller): PacketOut {
  const match = [{ field: oxm.inPort, value: BigInt(inPort) }];
  return { kind: 'packetOut', bufferId: Wildcard.buffer, match, actions, data };
}
