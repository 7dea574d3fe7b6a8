/** What a load balancer must satisfy by itself. */
import { isHostAddress } from '../base/address.js';
import { pointerTo } from '../base/errors.js';
import type { LoadBalancer } from './index.js';
import { knownIp } from './invariants.js';
import { refuse } from './value-types.js';

const isLinkLocal = (ip: string): boolean => ip.startsWith('169.254.') || /^fe[89ab]/.test(ip);

function checkHost(ip: string, pointer: string): void {
  if (!isHostAddress(knownIp(ip)) || isLinkLocal(ip))
    refuse('invalid_value', pointer, `${ip} cannot be the address of one host that others reach through a router.`);
}

/** The virtual address is one that hosts can be asked for. */
export function checkVirtualAddress({ vip }: Pick<LoadBalancer, 'vip'>): void {
  checkHost(vip, '/vip');
}

/** Backends have the family of the virtual address, are not that address, and each is there once. */
export function checkBackends({ vip, backends }: Pick<LoadBalancer, 'vip' | 'backends'>): void {
  const { family } = knownIp(vip);
  const seen = new Set<string>();
  for (const [index, { ip, port }] of backends.entries()) {
    const pointer = pointerTo('/backends', index);
    checkHost(ip, pointerTo(pointer, 'ip'));
    if (knownIp(ip).family !== family)
      refuse('family_mismatch', pointerTo(pointer, 'ip'), `${ip} is not of IPv${family}, as ${vip} is.`);
    if (ip === vip) refuse('contradiction', pointerTo(pointer, 'ip'), `${ip} is the virtual address itself.`);
    const place = `${ip} ${port}`;
    if (seen.has(place)) refuse('duplicate_value', pointer, `Port ${port} of ${ip} is in the list twice.`);
    seen.add(place);
  }
}
