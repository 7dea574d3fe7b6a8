/** What a logical switch port says about MACs and addresses that no row names one by one. */
import { type IpAddress, parseIp } from '../base/address.js';
import type { LogicalSwitchPort } from './index.js';

type Port = Pick<LogicalSwitchPort, 'mac' | 'ips' | 'local' | 'portSecurity' | 'allowedAddresses' | 'unknownMacs'>;

/** Whether MACs other than its own may be behind the port, so that the data path has to learn them. */
export function learnsMacs(port: Pick<Port, 'mac' | 'allowedAddresses' | 'unknownMacs'>): boolean {
  return port.unknownMacs || port.allowedAddresses.some(({ mac }) => mac !== null && mac !== port.mac);
}

/** Whether somebody behind the port may have an IP address that is not in `ips`, so that only asking there tells. */
export function mayHaveUnlistedAddresses(port: Port): boolean {
  // Nobody is asked through a local port.
  if (port.local !== null) return false;
  return !port.portSecurity || port.unknownMacs || port.ips.length === 0 || port.allowedAddresses.length > 0;
}

/** Whether the address is one of those that the port was given, and nobody else on its logical switch. */
export const isAddressOf = (port: Pick<Port, 'ips' | 'local'>, { family, value }: IpAddress): boolean =>
  addressesOf(port).some(ip => {
    const own = parseIp(ip);
    return own?.family === family && own.value === value;
  });

/** The addresses that the port was given, each once. */
export function addressesOf({ ips, local }: Pick<Port, 'ips' | 'local'>): readonly string[] {
  return [...new Set([...ips.map(({ ip }) => ip), ...(local?.addresses ?? [])])];
}
