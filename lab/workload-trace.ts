/** Traces the packet that a workload would send: its addresses and its next hop's MAC, as its own kernel has them. */
import type { Lab } from './lab.js';
import { ping } from './probe.js';
import type { Trace } from './trace.js';
import type { Workload } from './workload.js';

interface Route {
  readonly gateway?: string;
  readonly dev: string;
  readonly prefsrc: string;
}

interface Neighbour {
  readonly dst: string;
  readonly lladdr?: string;
}

async function ipJson<T>(workload: Workload, ...command: readonly string[]): Promise<readonly T[]> {
  const { stdout } = await workload.exec(['ip', '-j', ...command]);
  return stdout.trim() === '' ? [] : (JSON.parse(stdout) as readonly T[]);
}

/** MAC that the workload's kernel sends to for an address; asks for it with a ping when it is not known yet. */
async function nextHopMac(workload: Workload, nextHop: string): Promise<string> {
  await ping(workload, nextHop, { count: 1 });
  const [neighbour] = await ipJson<Neighbour>(workload, 'neigh', 'show', 'to', nextHop);
  if (neighbour?.lladdr === undefined) throw new Error(`${workload.name} gets no answer from its next hop ${nextHop}`);
  return neighbour.lladdr;
}

/** The echo request of `ping ADDRESS` in the workload, as ovs-ofctl writes a flow. */
export async function echoRequestOf(lab: Lab, from: Workload, address: string): Promise<string> {
  const [route] = await ipJson<Route>(from, 'route', 'get', address);
  if (route === undefined) throw new Error(`${from.name} has no route to ${address}`);
  const mac = await nextHopMac(from, route.gateway ?? address);
  const inPort = await lab.hypervisor(from.record.hypervisor).ofport(from.record.interfaceName);
  const ethernet = `in_port=${inPort},dl_src=${from.record.mac},dl_dst=${mac}`;
  return address.includes(':')
    ? `${ethernet},icmp6,ipv6_src=${route.prefsrc},ipv6_dst=${address},nw_ttl=64,icmpv6_type=128,icmpv6_code=0`
    : `${ethernet},icmp,nw_src=${route.prefsrc},nw_dst=${address},nw_ttl=64,icmp_type=8,icmp_code=0`;
}

/** Traces a ping from a workload to an address through its hypervisor. */
export async function tracePing(lab: Lab, from: Workload, address: string): Promise<Trace> {
  const hypervisor = lab.hypervisor(from.record.hypervisor);
  return hypervisor.trace(await echoRequestOf(lab, from, address));
}
