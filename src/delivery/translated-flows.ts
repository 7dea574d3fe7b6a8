/**
 * What connections a flow has translated, told by the flow itself: on a switch whose content was not known there is no fragment any more that
 * names them. Load balancers inside, whose zone is in a register, are left out: which of a zone's connections were theirs does not show.
 */
import type { ConnectionEnd, TranslatedConnections } from '../compiler/fragment.js';
import type { Conntrack, Nat } from '../../southbound/openflow/action.js';
import { oxm, type OxmField } from '../../southbound/openflow/oxm.js';
import { encodeConnectionFlush } from './connection-flush.js';
import type { FlowContent } from './encoding.js';

const protocols = { tcp: 6, udp: 17, sctp: 132 } as const;
const portFields: readonly (readonly [OxmField, number])[] = [
  [oxm.tcpDst, protocols.tcp],
  [oxm.udpDst, protocols.udp],
  [oxm.sctpDst, protocols.sctp],
];

/** The messages by which a switch forgets what this flow of it has translated; none if it translates nothing. */
export function forgettingOf(flow: FlowContent): readonly Uint8Array[] {
  return flow.instructions.flatMap(instruction =>
    instruction.kind === 'applyActions'
      ? instruction.actions.flatMap(action =>
          action.kind === 'ct' ? connectionsOf(flow, action).map(encodeConnectionFlush) : [],
        )
      : [],
  );
}

function connectionsOf({ match }: FlowContent, { commit, zone, actions }: Conntrack): readonly TranslatedConnections[] {
  const nat = actions.find((action): action is Nat => action.kind === 'nat');
  const addresses = nat?.addresses ?? null;
  if (!commit || typeof zone !== 'number' || nat === undefined || addresses === null) return [];
  const { family, first } = addresses;
  // A network is no tuple: then it may be anybody.
  const exactly = (field: OxmField): bigint | null =>
    match.find(part => part.field === field && (part.mask ?? field.allBits) === field.allBits)?.value ?? null;
  const port = portFields
    .map(([field, ipProto]) => ({ ipProto, value: exactly(field) }))
    .find(each => each.value !== null);
  const [source, destination] = family === 4 ? [oxm.ipv4Src, oxm.ipv4Dst] : [oxm.ipv6Src, oxm.ipv6Dst];
  const [caller, called] = [exactly(source), exactly(destination)];
  const calledPort = port?.value === undefined || port.value === null ? {} : { port: Number(port.value) };
  const translated: ConnectionEnd = {
    address: first,
    ...(nat.ports === null ? calledPort : { port: nat.ports.first }),
  };
  const ends =
    nat.direction === 'source'
      ? { ...(caller === null ? {} : { caller: { address: caller } }), answeredTo: { address: first } }
      : { ...(called === null ? {} : { called: { address: called, ...calledPort } }), answering: translated };
  const all = port === undefined ? Object.values(protocols) : [port.ipProto];
  return all.map(ipProto => ({ zone, ipProto, family, ...ends }));
}
