/**
 * Room `qos`: rate limits are meters, in the data path of the hypervisor where the port is; IP packets that a workload sends are
 * marked where they enter, and queued where they leave the hypervisor, if bandwidth is guaranteed to the port there.
 */
import type { Limit, Treatment } from '../../model/port-features.js';
import { guaranteeOf, treatmentOf } from '../../model/port-features.js';
import type { Flow, Meter } from '../fragment.js';
import { meterId, meterSlot } from '../identifiers.js';
import { meter, next, onCopy, queue, set } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { lsOutQos } from '../pipeline/switch-egress.js';
import { lsInQos } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

const etherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;
/** Slots of a port's meters. */
const slot = {
  egress: { kbps: meterSlot.egressKbps, pktps: meterSlot.egressPktps },
  ingress: { kbps: meterSlot.ingressKbps, pktps: meterSlot.ingressPktps },
} as const;

function metersOf(
  portNumber: number,
  direction: keyof typeof slot,
  { kbps, pktps }: Pick<Treatment, 'kbps' | 'pktps'>,
): readonly Meter[] {
  const made = (unit: Meter['unit'], limit: Limit | null): readonly Meter[] =>
    limit === null ? [] : [{ id: meterId(portNumber, slot[direction][unit]), unit, ...limit }];
  return [...made('pktps', pktps), ...made('kbps', kbps)];
}

/** What the workload sends, before anything else looks at it: what is too much costs the switch nothing more. */
function sendingFlows(
  origin: number,
  dscp: number | null,
  meters: readonly Meter[],
  queueId: number | null,
): readonly Flow[] {
  const limits = [...meters.map(({ id }) => meter(id)), ...(queueId === null ? [] : [queue(queueId)])];
  return [
    ...(dscp === null
      ? []
      : Object.values(etherType).map(ethType =>
          flow(lsInQos, {
            priority: 110,
            match: { origin, ethType },
            actions: [...limits, set({ ipDscp: dscp }), next],
          }),
        )),
    flow(lsInQos, { priority: 100, match: { origin }, actions: [...limits, next] }),
  ];
}

export const qosPort = rule({
  name: 'qos.port',
  number: 80,
  subjects: 'bound-ports',
  compile: (bound, view) => {
    const port = view.get('logical-switch-ports', bound.id);
    const logicalSwitch = view.get('logical-switches', bound.logicalSwitchId);
    if (port === null || logicalSwitch === null || !port.enabled) return null;
    const ofPort = view.by('qos-rules', 'logicalSwitchPortId', port.id);
    const ofSwitch = view.by('qos-rules', 'logicalSwitchId', port.logicalSwitchId);
    const sends = treatmentOf('egress', ofPort, ofSwitch);
    const gets = treatmentOf('ingress', ofPort, ofSwitch);
    // Most ports are guaranteed nothing, and need not be asked for by their queues.
    const queueId = guaranteeOf(ofPort, ofSwitch) === null ? null : (view.get('egress-queues', port.id)?.queue ?? null);
    if (sends === null && gets === null && queueId === null) return null;
    const sending = sends === null ? [] : metersOf(port.number, 'egress', sends);
    const getting = gets === null ? [] : metersOf(port.number, 'ingress', gets);
    const at = { datapath: logicalSwitch.datapathKey, outPort: port.portKey };
    return {
      scope: { kind: 'hypervisor', hypervisorId: bound.hypervisorId },
      flows: [
        ...(sends === null && queueId === null ? [] : sendingFlows(port.number, sends?.dscp ?? null, sending, queueId)),
        // One of several copies may end here: that must not end those for others.
        ...(gets === null
          ? []
          : [
              flow(lsOutQos, {
                priority: 100,
                match: at,
                actions: [onCopy(...getting.map(({ id }) => meter(id)), next)],
              }),
            ]),
      ],
      meters: [...sending, ...getting],
    };
  },
});
