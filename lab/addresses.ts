/** The addresses inside a lab. They exist only in its namespaces, so that every lab of a machine uses the same ones. */

/** Networks of RFC 5737: the underlay carries the tunnels, management the connections to the controller. */
const UNDERLAY = '192.0.2';
const MANAGEMENT = '198.51.100';

/** More do not fit the two /24 networks (hypervisor N has host number 10+N). */
export const MOST_HYPERVISORS = 240;

/** The controller as hypervisors know it. */
export const CONTROLLER_ADDRESS = `${MANAGEMENT}.1`;

/** Encapsulation address of hypervisor `index` (1 is the first). */
export function encapAddress(index: number): string {
  return `${UNDERLAY}.${10 + index}`;
}

export function managementAddress(index: number): string {
  return `${MANAGEMENT}.${10 + index}`;
}

/** MAC of the bridge that holds the encapsulation address; fixed, so that tunnel neighbours can be told beforehand. */
export function underlayMac(index: number): string {
  return `02:77:65:66:74:${index.toString(16).padStart(2, '0')}`;
}

/** MAC of the card of a virtual machine on the management network. */
export function managementMac(index: number): string {
  return `02:77:65:66:75:${index.toString(16).padStart(2, '0')}`;
}
