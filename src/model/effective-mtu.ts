/** The MTU of logical networks, computed from the underlay so that no packet ever needs a fragment. All sizes in bytes. */
import { parseIp } from '../base/address.js';
import type { Encapsulation } from './hypervisor.js';
import type { Hypervisor, LogicalSwitch } from './index.js';

/** UDP header, tunnel header (Geneve without options, VXLAN) and inner Ethernet header. */
const TUNNEL_HEADERS: Readonly<Record<Encapsulation, number>> = { geneve: 8 + 8 + 14, vxlan: 8 + 8 + 14 };
const OUTER_IP_HEADER = { 4: 20, 6: 40 } as const;

/** What a tunnel adds to an inner IP packet: 50 bytes over IPv4, 70 over IPv6. */
export function tunnelOverhead(encapsulation: Encapsulation, outerFamily: 4 | 6): number {
  return TUNNEL_HEADERS[encapsulation] + OUTER_IP_HEADER[outerFamily];
}

type TunnelEnd = Pick<Hypervisor, 'encapIp' | 'encapTypes' | 'underlayMtu'>;

/** The largest inner IP packet that fits the tunnels to this hypervisor. */
export function tunnelMtu(hypervisor: TunnelEnd): number {
  const family = hypervisor.encapIp === null ? 4 : (parseIp(hypervisor.encapIp)?.family ?? 4);
  const overheads = hypervisor.encapTypes.map(type => tunnelOverhead(type, family));
  return hypervisor.underlayMtu - Math.max(tunnelOverhead('geneve', family), ...overheads);
}

/**
 * What the underlay allows between any two hypervisors: the smallest tunnel MTU of those that may join, or that of
 * `defaultUnderlayMtu` over IPv4 before any has.
 */
export function underlayCapacity(
  hypervisors: Iterable<TunnelEnd & Pick<Hypervisor, 'allowed'>>,
  defaultUnderlayMtu: number,
): number {
  let capacity: number | null = null;
  for (const hypervisor of hypervisors) {
    // One without an address has no tunnels yet.
    if (!hypervisor.allowed || hypervisor.encapIp === null) continue;
    capacity = Math.min(capacity ?? Number.POSITIVE_INFINITY, tunnelMtu(hypervisor));
  }
  return capacity ?? defaultUnderlayMtu - tunnelOverhead('geneve', 4);
}

/** The MTU in force on a logical switch. */
export function effectiveMtu(logicalSwitch: Pick<LogicalSwitch, 'mtu'>, capacity: number): number {
  return Math.min(logicalSwitch.mtu ?? capacity, capacity);
}
