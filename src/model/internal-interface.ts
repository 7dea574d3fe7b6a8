/** The interfaces that Weft makes itself for ports: internal ports of Open vSwitch. */

/**
 * The name of the interface of a port: 15 characters, which is what Linux allows. The last digits of an id are random in every version
 * of UUIDs that is made today; the first ones tell the time.
 */
export function internalInterfaceName(portId: string): string {
  return `wint${portId.slice(-11)}`;
}

export function isInternalInterface(name: string): boolean {
  return /^wint[0-9a-f]{11}$/.test(name);
}
