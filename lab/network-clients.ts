/** What a workload's own programs find out of the network: its address by DHCP, names by DNS. */
import { fileURLToPath } from 'node:url';
import type { Workload } from './workload.js';

const configure = fileURLToPath(new URL('../../lab/udhcpc.sh', import.meta.url));

/** Has busybox udhcpc give the workload its IPv4 address, in place of what it has. Returns the address with prefix length. */
export async function configureByDhcp(workload: Workload): Promise<string> {
  const { device } = workload.record;
  const patience = ['-n', '-q', '-t', '10', '-T', '1'];
  await workload.exec(['busybox', 'udhcpc', '-f', '-i', device, ...patience, '-O', 'mtu', '-s', configure]);
  const { stdout } = await workload.exec(['ip', '-4', '-o', 'addr', 'show', 'dev', device, 'scope', 'global']);
  return /inet (\S+)/.exec(stdout)?.[1] ?? '';
}

/** What a DNS server says to dig, one answer a line. */
export async function resolve(workload: Workload, server: string, name: string, type: string): Promise<string> {
  const { stdout } = await workload.exec(['dig', `@${server}`, '+short', '+time=2', '+tries=5', name, type]);
  return stdout.trim();
}
