import type { Encapsulation } from './hypervisor.js';

/**
 * Fixed OpenFlow port numbers of the tunnel ports, the same on every hypervisor: their flows can then be there before the ports
 * are, and are identical everywhere.
 */
export const TUNNEL_OFPORTS: Readonly<Record<Encapsulation, number>> = { geneve: 32_001, vxlan: 32_002 };

/** Names of the tunnel ports: unique on their host, and of at most 15 characters. */
export const TUNNEL_PORT_NAMES: Readonly<Record<Encapsulation, string>> = {
  geneve: 'weft-geneve',
  vxlan: 'weft-vxlan',
};
