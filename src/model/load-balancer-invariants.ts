/** What a load balancer must satisfy by itself. */
import { isHostAddress } from '../base/address.js';
import { pointerTo } from '../base/errors.js';
import type { LoadBalancer } from './index.js';
import { knownIp } from './invariants.js';
import { backendName } from './load-balancer.js';
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
  for (const [index, backend] of backends.entries()) {
    const { ip, port } = backend;
    const pointer = pointerTo('/backends', index);
    checkHost(ip, pointerTo(pointer, 'ip'));
    if (knownIp(ip).family !== family)
      refuse('family_mismatch', pointerTo(pointer, 'ip'), `${ip} is not of IPv${family}, as ${vip} is.`);
    if (ip === vip) refuse('contradiction', pointerTo(pointer, 'ip'), `${ip} is the virtual address itself.`);
    const place = backendName(backend);
    if (seen.has(place)) refuse('duplicate_value', pointer, `Port ${port} of ${ip} is in the list twice.`);
    seen.add(place);
  }
}

/** What is asked for is a path, and each check ends before the next begins. */
export function checkHealthCheck({ healthCheck }: Pick<LoadBalancer, 'healthCheck'>): void {
  if (healthCheck === null) return;
  const { path, timeoutS, intervalS } = healthCheck;
  if (!/^\/[\u0021-\u007e]*$/.test(path))
    refuse(
      'invalid_value',
      '/health_check/path',
      `${path} is not the path of an address: it begins with / and has no spaces.`,
    );
  if (timeoutS > intervalS)
    refuse(
      'contradiction',
      '/health_check/timeout_s',
      `A check that may take ${timeoutS} s does not end in an interval of ${intervalS} s.`,
    );
}
