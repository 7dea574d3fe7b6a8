/** Connections that begin outside: where they go, by lr_in_un_nat and lr_in_dnat. */
import { logicalNetworkOf, mappedPorts } from '../../model/nat-invariants.js';
import type { MappedProtocol } from '../../model/nat-rule.js';
import type { Flow } from '../fragment.js';
import { drop, forgetConnection, trackTranslated, translateConnection } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { lrInDnat, lrInIpInput, lrInUnNat } from '../pipeline/router-ingress.js';
import { calledPriority, ctState, destination } from './matches.js';
import type { Translating } from './outside.js';

export const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const satisfies Record<MappedProtocol, number>;

/** Matches of a port that is called. */
export const toPort = {
  tcp: (port: number) => ({ ipProto: protocolNumbers.tcp, tcpDst: port }),
  udp: (port: number) => ({ ipProto: protocolNumbers.udp, udpDst: port }),
  sctp: (port: number) => ({ ipProto: protocolNumbers.sctp, sctpDst: port }),
} as const satisfies Record<MappedProtocol, unknown>;

/** What comes for the external address: conntrack knows where it belongs. Said by one rule for all that have it. */
export function externalCalledFlows({ external, outside }: Pick<Translating, 'external' | 'outside'>): readonly Flow[] {
  return [
    flow(lrInUnNat, {
      priority: 100,
      match: { datapath: outside.router, ...destination(external.family, external.value) },
      actions: [forgetConnection, trackTranslated(outside.zone, lrInDnat)],
    }),
  ];
}

/** A new connection goes to the workload. What conntrack knows has gone there already, so anything else belongs nowhere. */
export function calledFlows({ rule, external, outside }: Translating): readonly Flow[] {
  const { family, address } = logicalNetworkOf(rule);
  const match = { datapath: outside.router, ...destination(external.family, external.value) };
  const { portMap } = rule;
  const targets =
    portMap === null
      ? [{ priority: calledPriority.address, match, port: undefined }]
      : mappedPorts(portMap).map(([called, port]) => ({
          priority: calledPriority.port,
          match: { ...match, ...toPort[portMap.protocol](called) },
          port,
        }));
  return targets.flatMap(target => [
    flow(lrInDnat, {
      priority: target.priority,
      match: { ...target.match, ctState: ctState.new },
      actions: [
        translateConnection(
          outside.zone,
          'destination',
          { family, address, ...(target.port === undefined ? {} : { port: target.port }) },
          { to: lrInIpInput },
        ),
      ],
    }),
    flow(lrInDnat, {
      priority: target.priority + calledPriority.invalid,
      match: target.match,
      actions: [drop('connection_invalid')],
    }),
  ]);
}
