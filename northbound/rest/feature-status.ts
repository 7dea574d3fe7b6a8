/** What QoS rules and mirrors show of how they fare. */
import type { Mirror, QosRule } from '../../src/model/index.js';
import type { NetworkReader } from '../../src/view/network-view.js';

/** A guarantee is kept where all traffic leaves together, and that is not Weft's to arrange. */
const whyNoMinimum =
  'Weft sets up no physical interface, so nothing can be guaranteed there: give the network card of the host queues of its own. Limits are enforced.';

export function qosStatus({ kind }: Pick<QosRule, 'kind'>): {
  readonly enforced: boolean;
  readonly reason: string | null;
} {
  const enforced = kind !== 'minimum_bandwidth';
  return { enforced, reason: enforced ? null : whyNoMinimum };
}

export function mirrorStatus(
  view: NetworkReader,
  { logicalSwitchPortId, collectorPortId }: Pick<Mirror, 'logicalSwitchPortId' | 'collectorPortId'>,
): { readonly active: boolean; readonly reason: string | null } {
  const isBound = (portId: string): boolean => view.get('bound-ports', portId) !== null;
  const reason = !isBound(logicalSwitchPortId)
    ? 'its port is not bound'
    : collectorPortId !== null && !isBound(collectorPortId)
      ? 'its collector is not bound'
      : null;
  return { active: reason === null, reason };
}
