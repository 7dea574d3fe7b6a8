import type { Encapsulation } from './hypervisor.js';

/**
 * Fixed OpenFlow port numbers of the tunnel ports, the same on every hypervisor: their flows can then be there before the ports
 * are, and are identical everywhere.
 */
export const TUNNEL_OFPORTS: Readonly<Record<Encapsulation, number>> = { geneve: 32_001, vxlan: 32_002 };

/** Tunnels that carry copies to collectors outside, beside those between hypervisors. */
export type MirrorTunnel = 'gre' | 'erspan';

export const mirrorTunnels: readonly MirrorTunnel[] = ['gre', 'erspan'];

export const MIRROR_OFPORTS: Readonly<Record<MirrorTunnel, number>> = { gre: 32_003, erspan: 32_004 };

/** Names of the tunnel ports: unique on their host, and of at most 15 characters. */
export const TUNNEL_PORT_NAMES: Readonly<Record<Encapsulation | MirrorTunnel, string>> = {
  geneve: 'weft-geneve',
  vxlan: 'weft-vxlan',
  gre: 'weft-gre',
  erspan: 'weft-erspan',
};
