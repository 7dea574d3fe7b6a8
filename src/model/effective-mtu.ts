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

/** What the underlay allows logical switches. */
export interface UnderlayCapacity {
  /** The largest IP packet that fits the tunnels between any two hypervisors. */
  readonly tunnels: number;
  /** The largest one that fits the underlay itself, by which physical networks are taken to go too. */
  readonly physical: number;
}

/**
 * What the underlay allows between any two hypervisors: the least of those that may join, or what follows from
 * `defaultUnderlayMtu` over IPv4 before any has.
 */
export function underlayCapacity(
  hypervisors: Iterable<TunnelEnd & Pick<Hypervisor, 'allowed'>>,
  defaultUnderlayMtu: number,
): UnderlayCapacity {
  let [tunnels, physical] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const hypervisor of hypervisors) {
    // One without an address has no tunnels yet.
    if (!hypervisor.allowed || hypervisor.encapIp === null) continue;
    tunnels = Math.min(tunnels, tunnelMtu(hypervisor));
    physical = Math.min(physical, hypervisor.underlayMtu);
  }
  if (Number.isFinite(physical)) return { tunnels, physical };
  return { tunnels: defaultUnderlayMtu - tunnelOverhead('geneve', 4), physical: defaultUnderlayMtu };
}

/** The MTU in force on a logical switch. What a physical network carries only its operator knows, so what is set there counts. */
export function effectiveMtu(
  { mtu, provider }: Pick<LogicalSwitch, 'mtu' | 'provider'>,
  capacity: UnderlayCapacity,
): number {
  if (provider !== null) return mtu ?? capacity.physical;
  return Math.min(mtu ?? capacity.tunnels, capacity.tunnels);
}
