/** Which connections end with a rule. What has no ports (an echo) is forgotten by itself, in half a minute. */
import { logicalNetworkOf, mappedPorts } from '../../model/nat-invariants.js';
import type { TranslatedConnections } from '../fragment.js';
import { protocolNumbers } from './called.js';
import type { Translating } from './outside.js';

const inZone = ({ outside, external }: Translating) => ({ zone: outside.zone, family: external.family });

const ofEachProtocol = (connections: Omit<TranslatedConnections, 'ipProto'>): readonly TranslatedConnections[] =>
  Object.values(protocolNumbers).map(ipProto => ({ ...connections, ipProto }));

/** Those that were called at the external address, or at its mapped ports. */
export function calledConnections(translation: Translating): readonly TranslatedConnections[] {
  const { rule, external } = translation;
  const { address } = logicalNetworkOf(rule);
  const { portMap } = rule;
  const of = inZone(translation);
  if (portMap === null) return ofEachProtocol({ ...of, called: { address: external.value }, answering: { address } });
  return mappedPorts(portMap).map(([called, port]) => ({
    ...of,
    ipProto: protocolNumbers[portMap.protocol],
    called: { address: external.value, port: called },
    answering: { address, port },
  }));
}

/** Those that have called with the external address: of a network all that have, for a tuple has no masks. */
export function callerConnections(translation: Translating): readonly TranslatedConnections[] {
  const { address, prefixLength, family } = logicalNetworkOf(translation.rule);
  const isHost = prefixLength === (family === 4 ? 32 : 128);
  return ofEachProtocol({
    ...inZone(translation),
    ...(isHost ? { caller: { address } } : {}),
    answeredTo: { address: translation.external.value },
  });
}
