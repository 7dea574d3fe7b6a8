/** What the traffic of a port passes beyond switching: limits, marks and mirrors, from the rows that say so. Pure. */
import type { Mirror, QosRule } from './index.js';
import type { MirrorDirection } from './mirror.js';
import type { QosDirection } from './qos-rule.js';

type Rule = Pick<
  QosRule,
  'kind' | 'direction' | 'maxKbps' | 'maxBurstKbps' | 'maxKpps' | 'maxBurstKpps' | 'dscpMark' | 'minKbps'
>;

/** What holds in one direction of a port; null: nothing. */
export interface Treatment {
  readonly kbps: Limit | null;
  readonly pktps: Limit | null;
  /** Differentiated services code point that IP packets get. */
  readonly dscp: number | null;
}

/** A rate a second, and what may come at once. */
export interface Limit {
  readonly rate: number;
  readonly burst: number;
}

/** Share of the rate that may come at once where nothing else is said: what Neutron has, for TCP to reach the rate. */
const DEFAULT_BURST = 0.8;
const PACKETS_IN_A_KILOPACKET = 1000;

function limit(rate: number | null, burst: number | null, unit: number): Limit | null {
  if (rate === null) return null;
  return { rate: rate * unit, burst: Math.max(1, Math.round((burst ?? rate * DEFAULT_BURST) * unit)) };
}

/** The rule of a kind and direction that holds for a port: one of its own takes the place of one of its switch. */
function inForce(
  kind: Rule['kind'],
  direction: QosDirection,
  ofPort: readonly Rule[],
  ofSwitch: readonly Rule[],
): Rule | undefined {
  const isIt = (rule: Rule): boolean => rule.kind === kind && rule.direction === direction;
  return ofPort.find(isIt) ?? ofSwitch.find(isIt);
}

/** A rule of the port takes the place of one of its switch. */
export function treatmentOf(
  direction: QosDirection,
  ofPort: readonly Rule[],
  ofSwitch: readonly Rule[],
): Treatment | null {
  const find = (kind: Rule['kind']): Rule | undefined => inForce(kind, direction, ofPort, ofSwitch);
  const bandwidth = find('bandwidth_limit');
  const packets = find('packet_rate_limit');
  const kbps = limit(bandwidth?.maxKbps ?? null, bandwidth?.maxBurstKbps ?? null, 1);
  const pktps = limit(packets?.maxKpps ?? null, packets?.maxBurstKpps ?? null, PACKETS_IN_A_KILOPACKET);
  const dscp = find('dscp_marking')?.dscpMark ?? null;
  return kbps === null && pktps === null && dscp === null ? null : { kbps, pktps, dscp };
}

/** What a port is guaranteed on the way out of its hypervisor, kilobits a second; null: nothing. */
export function guaranteeOf(ofPort: readonly Rule[], ofSwitch: readonly Rule[]): number | null {
  return inForce('minimum_bandwidth', 'egress', ofPort, ofSwitch)?.minKbps ?? null;
}

/** Open vSwitch numbers queues below this, for a class of traffic control has 16 bits; 0 is that of all that has none. */
const QUEUES = 0xf000;

/**
 * The queue of a bound port: the OpenFlow port number of its interface. Null: the number is too large for one, or the interface is that
 * of its parent, whose queue it would be.
 */
export function queueOf({ ofport, vlan }: { readonly ofport: number; readonly vlan: number | null }): number | null {
  return vlan === null && ofport > 0 && ofport < QUEUES ? ofport : null;
}

/** Whether the mirror copies what the port sends (`out`) or gets (`in`). */
export function copies(mirror: Pick<Mirror, 'direction'>, what: Exclude<MirrorDirection, 'both'>): boolean {
  return mirror.direction === 'both' || mirror.direction === what;
}
