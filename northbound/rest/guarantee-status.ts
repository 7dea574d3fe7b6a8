/** Where the bandwidth that a QoS rule guarantees is kept, and where not, and why. */
import type { Hosts } from '../../src/delivery/hosts.js';
import type { RowOf } from '../../src/model/index.js';
import { guaranteeOf, queueOf } from '../../src/model/port-features.js';
import { bridgeFor } from '../../src/model/provider-ports.js';
import type { NetworkReader } from '../../src/view/network-view.js';
import type { BoundPort } from '../../src/view/place-rows.js';

/** How a guarantee fares on one hypervisor that has ports of it. */
export interface GuaranteeStatus {
  readonly hypervisor: string;
  readonly enforced: boolean;
  readonly reason: string | null;
}

interface Parts {
  readonly view: NetworkReader;
  readonly hosts: Pick<Hosts, 'whyNoQueues'>;
}

/** Of each hypervisor where a port is bound that the rule is for, in the order of their names; none for rules of other kinds. */
export function guaranteesOf(parts: Parts, rule: RowOf<'qos-rules'>): readonly GuaranteeStatus[] {
  if (rule.kind !== 'minimum_bandwidth' || rule.direction !== 'egress') return [];
  const reasons = new Map<string, string | null>();
  for (const port of portsOf(parts.view, rule)) {
    const known = reasons.get(port.hypervisorId) ?? null;
    reasons.set(port.hypervisorId, known ?? whyNot(parts, port));
  }
  return [...reasons]
    .map(([id, reason]) => {
      const hypervisor = parts.view.get('hypervisors', id)?.name ?? id;
      return { hypervisor, enforced: reason === null, reason };
    })
    .toSorted((a, b) => (a.hypervisor < b.hypervisor ? -1 : 1));
}

/** A rule of a switch is for those of its ports that have none of their own. */
function portsOf(view: NetworkReader, rule: RowOf<'qos-rules'>): readonly BoundPort[] {
  if (rule.logicalSwitchPortId !== null) {
    const port = view.get('bound-ports', rule.logicalSwitchPortId);
    return port === null ? [] : [port];
  }
  if (rule.logicalSwitchId === null) return [];
  return view
    .by('bound-ports', 'logicalSwitchId', rule.logicalSwitchId)
    .filter(({ id }) => guaranteeOf(view.by('qos-rules', 'logicalSwitchPortId', id), []) === null);
}

function whyNot({ view, hosts }: Parts, port: BoundPort): string | null {
  const { hypervisorId, logicalSwitchId, ofport, vlan } = port;
  const hypervisor = view.get('hypervisors', hypervisorId);
  if (hypervisor === null) return null;
  if (hypervisor.datapathType !== 'system') return 'its data path is in user space, which puts nothing into queues';
  if (vlan !== null) return 'a sub-port has no queue: the interface is that of its parent';
  if (queueOf(port) === null)
    return `an interface has the OpenFlow port number ${ofport}, which is too large for that of a queue: plug it in again`;
  const network = view.get('logical-switches', logicalSwitchId)?.provider?.physicalNetwork;
  if (network === undefined) return hosts.whyNoQueues(hypervisorId, { kind: 'tunnel' });
  const bridge = bridgeFor(hypervisor.bridgeMappings, network);
  if (bridge === null) return `it names no bridge for physical network ${network}`;
  return hosts.whyNoQueues(hypervisorId, { kind: 'physical', bridge });
}
