/** Proof at the switches, never by what the controller says: packets are traced on real Open vSwitch. */
import { encapAddress } from '../lab/addresses.js';
import type { Stand } from './stand.js';
import type { PlannedPort, Work } from './work.js';

/** Whether a packet from a port to another leaves its hypervisor by the right tunnel, or by the right port if both are on one. */
export async function reaches(stand: Stand, work: Work, from: PlannedPort, to: PlannedPort): Promise<boolean> {
  const hypervisor = stand.host(from.host);
  const sameSwitch = from.switchIndex === to.switchIndex;
  const nextHop = sameSwitch ? to.mac : work.routerMac(from.switchIndex);
  const inPort = await hypervisor.ofport(from.interfaceName);
  const { text } = await hypervisor.trace(
    `in_port=${inPort},dl_src=${from.mac},dl_dst=${nextHop},icmp,nw_src=${from.ip},nw_dst=${to.ip},nw_ttl=64,icmp_type=8,icmp_code=0,` +
      // A trace does not ask conntrack: where a port has security groups, this is what it is told instead.
      `ct_state=est|trk,ct_nw_src=${from.ip},ct_nw_dst=${to.ip},ct_nw_proto=1,ct_tp_src=8,ct_tp_dst=0`,
    '--ct-next',
    'trk,est',
    '--ct-next',
    'trk,est',
  );
  if (to.host === from.host) {
    const outPort = await hypervisor.ofport(to.interfaceName);
    return new RegExp(`output:${outPort}$|output port is ${outPort}$`, 'm').test(text);
  }
  const address = encapAddress(to.host + 1).replaceAll('.', '\\.');
  const throughTunnel = new RegExp(`${address}->tun_dst|tun_dst=${address}|dst=${address}`);
  return throughTunnel.test(text) && /output:\d+$|output port is \d+$/m.test(text);
}

/** Whether a port is reached from every hypervisor that has any port: in its own switch, or else through the router. */
export async function isReachedEverywhere(stand: Stand, work: Work, port: PlannedPort): Promise<boolean> {
  const results = await stand.onEachHost(async (_hypervisor, host) => {
    const others = work.portsOn(host).filter(other => other.id !== port.id);
    const from = others.find(other => other.switchIndex === port.switchIndex) ?? others[0] ?? null;
    return from === null || (await reaches(stand, work, from, port));
  });
  return results.every(Boolean);
}

/** @throws Error naming the hypervisors from which it is not reached, when Weft has said that it is applied */
export async function proveReached(stand: Stand, work: Work, ports: readonly PlannedPort[]): Promise<number> {
  for (const port of ports) {
    if (!(await isReachedEverywhere(stand, work, port)))
      throw new Error(`Weft said applied, but ${port.name} is not reached from every hypervisor`);
  }
  return ports.length * stand.lab.hypervisors.length;
}
