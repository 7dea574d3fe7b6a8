/**
 * Packets through the tables of all hosts while they change.
 *
 *   established   both ports as they were when their hosts last had everything in force, and nothing of theirs changed since: the
 *                 packet arrives
 *   routed        the same through a logical router, where no router, route, switch or subnet has changed since either
 *   guarded       a UDP packet between established ports of one switch: as their security groups say, where all steps of the database that
 *                 the hosts may be at say the same
 *   new receiver  a port just bound: what a sender's host puts into the tunnel for it finds the receiver ready
 */
import type { Kind, LogicalSwitchPort, PortBinding } from '../../src/model/index.js';
import { placeOf } from '../../src/compiler/pipeline/registers.js';
import type { ChangeLogRow } from '../../src/store/change-log.js';
import { oxm, type OxmField } from '../../southbound/openflow/oxm.js';
import { walk, type PacketFields, type PacketOutput } from '../fakes/packet-walk.js';
import type { SeededRandom } from '../seeded-random.js';
import {
  type Datagram,
  destinationPort,
  macOf,
  routedDatagram,
  switchedDatagram,
  switchedPacket,
} from './datagrams.js';
import { Policies } from './policies.js';
import type { SimulatedHost } from './simulated-host.js';
import type { SimulatedDatabase } from './simulated-store.js';

/** Kinds of rows that decide what a router does; while one of them is on its way nothing routed is expected. */
const routing: ReadonlySet<string> = new Set<Kind>([
  'logical-routers',
  'logical-router-ports',
  'static-routes',
  'logical-switches',
  'subnets',
]);
/** Shorter than the two seconds that senders wait for a receiver. */
const waitedForMs = 1_900;
/** After a restored database or with a new controller nothing is expected of new receivers for so long. */
const unsettledMs = 3_000;

interface Place {
  readonly portId: string;
  readonly host: SimulatedHost;
  readonly ofport: number;
  readonly mac: bigint;
  /** Its number on its switch. */
  readonly key: bigint;
  readonly ips: readonly string[];
  readonly logicalSwitchId: string;
  /** Where the tunnels of its host ended. */
  readonly encapIp: string;
  readonly restarts: number;
  /** When it was bound (of a new one) or established. */
  readonly sinceMs: number;
  /** Hosts that have had everything in force since the port is as it is. */
  readonly knownBy: Set<SimulatedHost>;
}

export class Connectivity {
  readonly #policies: Policies<SimulatedHost>;
  readonly #hosts: readonly SimulatedHost[];
  readonly #database: SimulatedDatabase;
  readonly #random: SeededRandom;
  readonly #nowMs: () => number;
  readonly #isConnected: (host: SimulatedHost) => boolean;
  readonly #onWrong: (what: string) => void;
  /** By port id. */
  #established = new Map<string, Place>();
  readonly #new = new Map<string, Place>();
  /** By the id of a port that was unbound: hosts that may still send to where it was, which is where it may be bound again. */
  readonly #left = new Map<string, Set<SimulatedHost>>();
  /** Hosts that have had everything in force since what routers do is as it is. */
  readonly #knowRouting = new Set<SimulatedHost>();
  #unsettledUntilMs = 0;
  #walks = 0;
  #toNew = 0;
  #routed = 0;

  /**
   * @param isConnected whether the controller in charge is connected to the switch of this host
   * @param onWrong told of each packet that was lost although it had to arrive, or arrived although it was denied
   */
  constructor(
    hosts: readonly SimulatedHost[],
    database: SimulatedDatabase,
    random: SeededRandom,
    nowMs: () => number,
    isConnected: (host: SimulatedHost) => boolean,
    onWrong: (what: string) => void,
  ) {
    this.#hosts = hosts;
    this.#database = database;
    this.#random = random;
    this.#nowMs = nowMs;
    this.#isConnected = isConnected;
    this.#onWrong = onWrong;
    this.#policies = new Policies(() => database.tables);
  }

  get counts() {
    const { judged } = this.#policies;
    return { walks: this.#walks, walksToNew: this.#toNew, walksRouted: this.#routed, walksJudged: judged };
  }

  /** On these hosts everything that the database holds is in force: what is bound there is established, and known there. */
  applied(hosts: readonly SimulatedHost[]): void {
    for (const host of hosts) {
      this.#knowRouting.add(host);
      for (const senders of this.#left.values()) senders.delete(host);
    }
    this.#policies.applied(hosts);
    for (const binding of this.#database.tables['port-bindings'].values()) {
      const known = this.#established.get(binding.logicalSwitchPortId);
      const place = known !== undefined && this.#isThere(known) ? known : this.#place(binding);
      if (place === null || !this.#isThere(place) || (place !== known && !hosts.includes(place.host))) continue;
      for (const host of hosts) place.knownBy.add(host);
      this.#established.set(place.portId, place);
      this.#new.delete(place.portId);
    }
  }

  /** Rows have changed: what is theirs is not established any more. */
  committed(changes: readonly ChangeLogRow[]): void {
    this.#policies.committed(changes);
    for (const { kind, id, before, after } of changes) {
      if (kind === 'logical-switch-ports') this.#forget(id);
      if (kind === 'hypervisors') this.#forgetHost(before, after);
      if (routing.has(kind)) this.#knowRouting.clear();
      if (kind !== 'port-bindings') continue;
      const binding = (after ?? before) as PortBinding;
      this.#forget(binding.logicalSwitchPortId);
      if (after === null) this.#left.set(binding.logicalSwitchPortId, new Set(this.#hosts));
      if (before !== null || after === null) continue;
      const place = this.#place(after);
      // Nobody waits for a host that has been away for longer than senders wait.
      if (place !== null && this.#isConnected(place.host)) this.#new.set(place.portId, place);
    }
  }

  /** Nothing that was known holds: the database was restored. */
  restored(): void {
    this.handedOver();
    this.#established.clear();
    this.#knowRouting.clear();
    this.#policies.unsettled();
  }

  /** Another controller begins, and makes all switches right at once: what was established stays so. */
  handedOver(): void {
    this.#new.clear();
    this.#left.clear();
    this.#unsettledUntilMs = this.#nowMs() + unsettledMs;
  }

  /** What becomes of the switch of this host is not the controller's doing. */
  disturbed(host: SimulatedHost): void {
    this.#knowRouting.delete(host);
    this.#policies.disturbed(host);
    for (const places of [this.#established, this.#new]) {
      for (const [id, place] of places) if (place.host === host) places.delete(id);
    }
  }

  /** A switch has changed: some packets are sent. */
  check(): void {
    const established = [...this.#established.values()].filter(place => this.#isThere(place));
    if (established.length === 0) return;
    for (let time = 0; time < 2; time += 1) {
      const from = this.#random.pick(established);
      const to = this.#random.pick(established);
      if (from === to || !to.knownBy.has(from.host)) continue;
      if (from.logicalSwitchId !== to.logicalSwitchId) this.#checkRouted(from, to);
      else if (this.#random.chance(0.5)) this.#checkGuarded(from, to);
      else if (!this.#arrives(from, to).isThere) this.#complain('a packet between established ports is lost', from, to);
    }
    const nowMs = this.#nowMs();
    if (nowMs < this.#unsettledUntilMs) return;
    for (const to of this.#new.values()) {
      if (nowMs - to.sinceMs > waitedForMs || !this.#isThere(to)) continue;
      // A switch whose content was not known gets everything at once: only hosts that were in order before it was bound wait. Who
      // was not told yet that it was unbound, and is bound there again, has no reason to.
      const from = established.find(
        ({ logicalSwitchId, host, portId, sinceMs }) =>
          logicalSwitchId === to.logicalSwitchId &&
          host !== to.host &&
          portId !== to.portId &&
          sinceMs <= to.sinceMs &&
          this.#left.get(to.portId)?.has(host) !== true,
      );
      if (from === undefined) continue;
      this.#toNew += 1;
      const { isThere, isSent } = this.#arrives(from, to);
      if (isSent && !isThere) this.#complain('a packet to a receiver that is not ready is lost', from, to);
    }
  }

  #checkGuarded(from: Place, to: Place): void {
    const packet = switchedDatagram(from, to);
    if (packet !== null) this.#checkJudged(from, to, packet, 'between established ports');
  }

  #checkRouted(from: Place, to: Place): void {
    if (!this.#knowRouting.has(from.host) || !this.#knowRouting.has(to.host)) return;
    const packet = routedDatagram(this.#database.tables, from, to);
    if (packet === null) return;
    this.#routed += 1;
    this.#checkJudged(from, to, packet, 'through a router');
  }

  /** It arrives, or not, as security groups say. */
  #checkJudged(from: Place, to: Place, { fields, source, destination }: Datagram, way: string): void {
    const about = { fromId: from.portId, toId: to.portId, source, destination, destinationPort };
    const isAllowed = this.#policies.verdict(about, from.host, to.host);
    if (isAllowed === null || this.#arrives(from, to, fields).isThere === isAllowed) return;
    this.#complain(isAllowed ? `a packet ${way} is lost` : `a packet ${way} that is denied arrives`, from, to);
  }

  #complain(what: string, from: Place, to: Place): void {
    const place = ({ portId, host, ofport }: Place): string => `${portId} (${host.name}, ${ofport})`;
    this.#onWrong(`at ${this.#nowMs()} ms ${what}: from ${place(from)} to ${place(to)}`);
  }

  #forget(portId: string): void {
    this.#established.delete(portId);
    this.#new.delete(portId);
  }

  #forgetHost(before: unknown, after: unknown): void {
    const [old, now] = [before, after] as { readonly encapIp: string | null; readonly systemId: string | null }[];
    if (old !== undefined && now !== undefined && old?.encapIp === now?.encapIp) return;
    for (const host of this.#hosts) {
      if (host.name === (now ?? old)?.systemId) this.disturbed(host);
    }
  }

  #place(binding: PortBinding): Place | null {
    const port = this.#database.tables['logical-switch-ports'].get(binding.logicalSwitchPortId);
    const hypervisor = this.#database.tables.hypervisors.get(binding.hypervisorId);
    const host = this.#hosts.find(each => each.name === hypervisor?.systemId);
    if (port?.enabled !== true || host === undefined || binding.ofport === null) return null;
    const { encapIp, restarts } = host;
    if (hypervisor?.encapIp !== encapIp) return null;
    const { mac, logicalSwitchId, portKey } = port as LogicalSwitchPort;
    const ips = port.ips.map(({ ip }) => ip);
    const [portId, sinceMs] = [binding.logicalSwitchPortId, this.#nowMs()];
    const value = macOf(mac);
    const knownBy = new Set<SimulatedHost>();
    const { ofport } = binding;
    return {
      portId,
      host,
      ofport,
      mac: value,
      key: BigInt(portKey),
      ips,
      logicalSwitchId,
      encapIp,
      restarts,
      sinceMs,
      knownBy,
    };
  }

  /** Its interface has not been taken away or renumbered, and nobody but the controller touches the host. */
  #isThere({ host, portId, ofport, encapIp, restarts }: Place): boolean {
    if (!host.isSteady || host.encapIp !== encapIp || host.restarts !== restarts) return false;
    return [...host.hypervisor.database.rows('Interface').values()].some(
      row => row.ofport === ofport && row.external_ids.get('iface-id') === portId,
    );
  }

  #arrives(
    from: Place,
    to: Place,
    packet = switchedPacket(from, to),
  ): { readonly isThere: boolean; readonly isSent: boolean } {
    this.#walks += 1;
    let isSent = false;
    for (const { port, fields, register } of walk(from.host.tables, packet)) {
      if (from.host === to.host && reaches(to, port, register)) return { isThere: true, isSent };
      // A copy that a mirror makes goes under a key of its own.
      if (fields.get(oxm.tunnelId) !== fields.get(oxm.metadata)) continue;
      const entry = this.#throughTunnel(from.host, port, fields);
      if (entry === null || entry.host !== to.host) continue;
      // A copy for those who may have an unknown MAC is not sent to the receiver: its host may be unknown here.
      isSent ||= register(placeOf('flood')) === 0n;
      const isThere = walk(entry.host.tables, entry.fields).some(output => reaches(to, output.port, output.register));
      if (isThere) return { isThere, isSent };
    }
    return { isThere: false, isSent };
  }

  /** Where a packet comes in that left a host by this port; null if that is no tunnel, or leads nowhere. */
  #throughTunnel(
    from: SimulatedHost,
    port: number,
    fields: PacketFields,
  ): { readonly host: SimulatedHost; readonly fields: PacketFields } | null {
    const type = tunnelType(from, row => row.ofport === port)?.type;
    if (type === undefined) return null;
    const destination = fields.get(oxm.tunIpv4Dst) ?? 0n;
    const host = this.#hosts.find(each => addressOf(each.encapIp) === destination);
    const entry = host === undefined ? null : tunnelType(host, row => row.type === type);
    const ofport = entry?.ofport ?? null;
    if (host === undefined || ofport === null) return null;
    const inner = [...fields].filter(([field]) => payload.has(field));
    return {
      host,
      fields: new Map<OxmField, bigint>([
        ...inner,
        [oxm.inPort, BigInt(ofport)],
        [oxm.tunnelId, fields.get(oxm.tunnelId) ?? 0n],
        [oxm.tunIpv4Src, addressOf(from.encapIp)],
        [oxm.tunIpv4Dst, destination],
      ]),
    };
  }
}

/** By its interface, and not as a copy for those who watch another port. */
function reaches({ ofport, key }: Place, port: number, register: PacketOutput['register']): boolean {
  return port === ofport && register(placeOf('outPort')) === key;
}

const payload: ReadonlySet<OxmField> = new Set([
  oxm.ethSrc,
  oxm.ethDst,
  oxm.ethType,
  oxm.ipv4Src,
  oxm.ipv4Dst,
  oxm.ipv6Src,
  oxm.ipv6Dst,
  oxm.ipTtl,
  oxm.ipProto,
  oxm.udpSrc,
  oxm.udpDst,
]);

const addressOf = (ip: string): bigint => ip.split('.').reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);

interface InterfaceRow {
  readonly type: string;
  readonly ofport: number | null;
}

function tunnelType(host: SimulatedHost, fits: (row: InterfaceRow) => boolean): InterfaceRow | null {
  for (const row of host.hypervisor.database.rows('Interface').values()) {
    if ((row.type === 'geneve' || row.type === 'vxlan') && fits(row)) return row;
  }
  return null;
}
