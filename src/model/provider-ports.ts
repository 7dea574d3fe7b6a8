/**
 * The ports by which a bridge of Weft's is joined with the bridges of physical networks: a pair of patch ports for each physical
 * network. Their OpenFlow port numbers follow from a key that the store gives each physical network, so that they are the same on
 * every hypervisor and their flows can be there before the ports are.
 */

/** Physical networks that one Weft can know. */
export const MAX_PHYSICAL_NETWORK_KEY = 1000;

const FIRST_OFPORT = 32_100;

/** The port of Weft's bridge that leads to the physical network. */
export function providerOfport(physicalNetworkKey: number): number {
  return FIRST_OFPORT + physicalNetworkKey;
}

/** Whether the number is that of a port to a physical network. */
export function isProviderOfport(ofport: number): boolean {
  return ofport > FIRST_OFPORT && ofport <= FIRST_OFPORT + MAX_PHYSICAL_NETWORK_KEY;
}

/** Names of the two patch ports, each after where it leads: `inside` is on Weft's bridge, `outside` on that of the physical network. */
export function providerPortNames(physicalNetworkKey: number): { readonly inside: string; readonly outside: string } {
  return { inside: `weft-phys-${physicalNetworkKey}`, outside: `weft-int-${physicalNetworkKey}` };
}

/** The bridge that a host has for a physical network; null: it has none. Of two for one network the first counts. */
export function bridgeFor(
  mappings: readonly { readonly physicalNetwork: string; readonly bridge: string }[],
  physicalNetwork: string,
): string | null {
  return mappings.find(each => each.physicalNetwork === physicalNetwork)?.bridge ?? null;
}
