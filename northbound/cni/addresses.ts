/** The addresses of a port, with what their subnets say of them. */
import { parseCidr } from '../../src/base/address.js';
import type { LogicalSwitch, LogicalSwitchPort } from '../client/api.js';
import { CniError } from './cni-error.js';

export type Subnet = LogicalSwitch['subnets'][number];

export interface SubnetAddress {
  /** With prefix length. */
  readonly address: string;
  readonly gateway: string | null;
  readonly subnet: Subnet;
}

/** @throws CniError tryAgainLater where a subnet is newer than what was read of the logical switch */
export function addressesOf({ subnets }: LogicalSwitch, { ips }: LogicalSwitchPort): readonly SubnetAddress[] {
  return ips.map(({ ip, subnet_id: subnetId }) => {
    const subnet = subnets.find(({ id }) => id === subnetId);
    if (subnet === undefined)
      throw new CniError('tryAgainLater', `the subnet ${subnetId} of the logical switch is new`);
    const prefixLength = parseCidr(subnet.cidr)?.prefixLength ?? 0;
    return { subnet, gateway: subnet.gateway_ip, address: `${ip}/${prefixLength}` };
  });
}
