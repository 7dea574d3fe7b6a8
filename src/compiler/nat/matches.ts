/** What flows of the room match. */
import type { IpFamily } from '../../base/address.js';
import type { Masked } from '../pipeline/flow.js';

/** ct_state: the first packet of a connection; one that belongs to none. */
export const ctState = {
  new: { value: 0x21n, mask: 0x3dn },
  invalid: { value: 0x30n, mask: 0x30n },
} as const satisfies Record<string, Masked>;

export const destination = (family: IpFamily, value: bigint | Masked) =>
  family === 4 ? { ipv4Dst: value } : { ipv6Dst: value };
export const source = (family: IpFamily, value: bigint | Masked) =>
  family === 4 ? { ipv4Src: value } : { ipv6Src: value };

/** Of lr_in_dnat: a load balancer is more than a port, a port more than an address, and what is no new connection has no place to go to. */
export const calledPriority = { balanced: 400, port: 300, address: 200, invalid: -10, zone: 1 } as const;

/** Of lr_out_snat, from the most special: addresses of floating IPs; networks, the longest prefix first; whoever is left and comes back inside. */
export const callerPriority = {
  translated: 2_000,
  address: 1_500,
  network: (prefixLength: number): number => 100 + 8 * prefixLength,
  /** Above that which it is exempted from. */
  exempted: 4,
  invalid: -1,
  hairpin: 50,
} as const;
