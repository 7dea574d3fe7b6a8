/**
 * The packet walk, by which the simulation judges what is lost, against `ofproto/trace`: what switches hold at the end of a
 * simulation is loaded into a real Open vSwitch, and random packets come to the same on both.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { formatIp, parseIp, parseMac } from '../../src/base/address.js';
import { flowVersion } from '../../src/delivery/encoding.js';
import type { LogicalRouterPort, LogicalSwitchPort } from '../../src/model/index.js';
import { TUNNEL_OFPORTS } from '../../src/model/tunnel-ports.js';
import { canonicalMatch, matchField } from '../../southbound/openflow/match.js';
import { encodeMessage } from '../../southbound/openflow/message-codec.js';
import { oxm, type MatchField, type OxmField } from '../../southbound/openflow/oxm.js';
import { formatMatch } from '../../southbound/openflow/text.js';
import { openChannel } from '../delivery/support.js';
import { walkAsTraced } from '../fakes/packet-walk.js';
import type { SwitchTables } from '../fakes/switch-tables.js';
import { SeededRandom } from '../seeded-random.js';
import { Simulation } from '../sim/simulation.js';
import { usesTracedNetwork, type Trace, type TracedNetwork } from './pipeline/traced-network.js';

const networks = 2;
/** Of simulations that end with fewer ports bound the tables forward next to nothing. */
const leastBound = 10;
const packetsAHost = 50;
const portCount = 60;
const bridges = ['hv1', 'hv2', 'hv3'] as const;
const tunnelPorts = new Set<number>(Object.values(TUNNEL_OFPORTS));

/** Puts into the bridge exactly what the fake switch holds, in the bytes that it was given. */
async function load(network: TracedNetwork, bridge: string, tables: SwitchTables): Promise<void> {
  await network.ofctl('del-flows', bridge);
  await network.ofctl('del-groups', bridge);
  const channel = await openChannel(net.connect(network.socket(bridge)));
  const errors: string[] = [];
  channel.onError(error => errors.push(error.message));
  await network.ofctl('del-meters', bridge);
  for (const meter of tables.meters.values()) {
    channel.connection.write(encodeMessage({ ...meter, command: 'add' }, 0, flowVersion));
  }
  for (const group of tables.groups.values()) {
    channel.connection.write(encodeMessage({ ...group, command: 'add_or_modify' }, 0, flowVersion));
  }
  for (const { message } of tables.flows.values()) channel.connection.write(message);
  await channel.connection.barrier();
  channel.connection.close();
  assert.deepEqual(errors, []);
}

interface Sender {
  readonly entrance: readonly MatchField[];
  readonly logicalSwitchId: string;
  readonly mac: bigint;
  readonly ips: readonly string[];
}

/** Packets as the network of this simulation has them, and some that it should not have. */
class Packets {
  readonly #simulation: Simulation;
  readonly #random: SeededRandom;
  readonly #ports: readonly LogicalSwitchPort[];
  readonly #routerPorts: readonly LogicalRouterPort[];
  readonly #ips: readonly string[];

  constructor(simulation: Simulation, random: SeededRandom) {
    const { tables } = simulation.database;
    this.#simulation = simulation;
    this.#random = random;
    this.#ports = [...tables['logical-switch-ports'].values()];
    this.#routerPorts = [...tables['logical-router-ports'].values()];
    const addresses = [...this.#ports.flatMap(ipsOf), ...this.#routerPorts.flatMap(addressesOf)];
    this.#ips = [...addresses, '10.250.1.1', 'fd00:99::1'];
  }

  /** One that comes in at this host; null where it has no port that anything could come from. */
  make(hostIndex: number): readonly MatchField[] | null {
    const random = this.#random;
    const sender = random.chance(0.7) ? this.#workload(hostIndex) : this.#tunnel(hostIndex);
    if (sender === null) return null;
    const sameSwitch = [...this.#ports, ...this.#routerPorts].filter(
      port => port.logicalSwitchId === sender.logicalSwitchId,
    );
    const known = sameSwitch.map(({ mac }) => macOf(mac));
    const destination = random.pick([...known, ...known, ...known, broadcast, 0x3333_0000_0001n, 0x0200_dead_beefn]);
    const payload = random.pick([
      () => [matchField(oxm.ethType, 0x88b5n)],
      () => this.#internet(4, sender),
      () => this.#internet(4, sender),
      () => this.#internet(6, sender),
      () => this.#arp(sender),
    ])();
    const source = random.chance(0.9) ? sender.mac : 0x0200_dead_beefn;
    return [...sender.entrance, matchField(oxm.ethSrc, source), matchField(oxm.ethDst, destination), ...payload];
  }

  #workload(hostIndex: number): Sender | null {
    const host = this.#simulation.hosts[hostIndex];
    const { tables, hypervisorId } = this.#database(host?.name);
    const here = [...tables['port-bindings'].values()].flatMap(({ ofport, logicalSwitchPortId, ...binding }) => {
      const port = tables['logical-switch-ports'].get(logicalSwitchPortId);
      const isHere = binding.hypervisorId === hypervisorId && ofport !== null && ofport <= portCount;
      return isHere && port !== undefined ? [{ port, ofport }] : [];
    });
    if (here.length === 0) return null;
    const { port, ofport } = this.#random.pick(here);
    const entrance = [matchField(oxm.inPort, BigInt(ofport))];
    return { entrance, logicalSwitchId: port.logicalSwitchId, mac: macOf(port.mac), ips: ipsOf(port) };
  }

  #tunnel(hostIndex: number): Sender | null {
    const host = this.#simulation.hosts[hostIndex];
    const logicalSwitches = [...this.#simulation.database.tables['logical-switches'].values()];
    if (logicalSwitches.length === 0 || this.#ports.length === 0 || host === undefined) return null;
    const { id, datapathKey } = this.#random.pick(logicalSwitches);
    const far = this.#random.pick(this.#ports);
    const entrance = [
      matchField(oxm.inPort, BigInt(this.#random.pick([...tunnelPorts]))),
      matchField(oxm.tunnelId, BigInt(datapathKey)),
      matchField(oxm.tunIpv4Src, addressOf(this.#random.pick(this.#simulation.hosts).encapIp)),
      matchField(oxm.tunIpv4Dst, addressOf(host.encapIp)),
    ];
    return { entrance, logicalSwitchId: id, mac: macOf(far.mac), ips: ipsOf(far) };
  }

  #database(systemId: string | undefined) {
    const { database } = this.#simulation;
    return { tables: database.tables, hypervisorId: database.hypervisorId(systemId ?? '') };
  }

  #ip(family: 4 | 6, ips = this.#ips): bigint {
    const fitting = ips.filter(text => text.includes(':') === (family === 6));
    return fitting.length === 0 ? 1n : addressOf(this.#random.pick(fitting));
  }

  #internet(family: 4 | 6, { ips }: Sender): readonly MatchField[] {
    const [type, source, destination] =
      family === 4 ? [0x0800n, oxm.ipv4Src, oxm.ipv4Dst] : [0x86ddn, oxm.ipv6Src, oxm.ipv6Dst];
    const echo: readonly MatchField[] =
      family === 4
        ? [matchField(oxm.ipProto, 1n), matchField(oxm.icmpv4Type, 8n), matchField(oxm.icmpv4Code, 0n)]
        : [matchField(oxm.ipProto, 58n), matchField(oxm.icmpv6Type, 128n), matchField(oxm.icmpv6Code, 0n)];
    const udp = [matchField(oxm.ipProto, 17n), matchField(oxm.udpSrc, 7_000n), matchField(oxm.udpDst, 53n)];
    return [
      matchField(oxm.ethType, type),
      matchField(source, this.#ip(family, ips)),
      matchField(destination, this.#ip(family)),
      matchField(oxm.ipTtl, this.#random.pick([1n, 2n, 64n, 64n])),
      ...this.#random.pick([echo, udp]),
    ];
  }

  #arp({ mac, ips }: Sender): readonly MatchField[] {
    return [
      matchField(oxm.ethType, 0x0806n),
      matchField(oxm.arpOp, this.#random.pick([1n, 2n])),
      matchField(oxm.arpSpa, this.#ip(4, ips)),
      matchField(oxm.arpTpa, this.#ip(4)),
      matchField(oxm.arpSha, mac),
      matchField(oxm.arpTha, 0n),
    ];
  }
}

function addressOf(text: string): bigint {
  const ip = parseIp(text);
  assert.ok(ip !== null, text);
  return ip.value;
}

const broadcast = 0xffff_ffff_ffffn;
const macOf = (text: string): bigint => parseMac(text) ?? 0n;
const ipsOf = ({ ips }: LogicalSwitchPort): readonly string[] => ips.map(({ ip }) => ip);
const addressesOf = ({ networks }: LogicalRouterPort): readonly string[] =>
  networks.map(network => network.slice(0, network.indexOf('/')));

/** What it takes in are the fields by their full names: it does not know yet what the packet is. */
const inWordsOfTrace = (match: string): string =>
  match.startsWith('icmp6')
    ? match.replace('icmp_type', 'icmpv6_type').replace('icmp_code', 'icmpv6_code')
    : match.replace('tp_src', 'udp_src').replace('tp_dst', 'udp_dst');

/** Where copies went, tunnels with the host at their other end. In no order: a trace shows what conntrack gives back at its end. */
function walked(tables: SwitchTables, packet: readonly MatchField[]): readonly string[] {
  const fields = new Map(packet.map(({ field, value }): [OxmField, bigint] => [field, value]));
  const copies = walkAsTraced(tables, fields).map(({ port, fields: out }) =>
    tunnelPorts.has(port) ? `${port} to ${formatIp(4, out.get(oxm.tunIpv4Dst) ?? 0n)}` : `${port}`,
  );
  return copies.toSorted();
}

function traced({ outputs, tunnels }: Trace, inPort: bigint): readonly string[] {
  let tunnel = 0;
  const copies = outputs.map(port => {
    if (port === 'back') return `${inPort}`;
    return tunnelPorts.has(port) ? `${port} to ${tunnels[tunnel++] ?? ''}` : `${port}`;
  });
  return copies.toSorted();
}

describe('The packet walk', function () {
  this.timeout(240_000);
  const network = usesTracedNetwork(bridges, portCount);

  it('comes to what ofproto/trace says, on the tables of simulated switches', async () => {
    let walks = 0;
    let copies = 0;
    let loaded = 0;
    for (let seed = 1; loaded < networks; seed += 1) {
      const simulation = new Simulation(seed);
      await simulation.run();
      if (simulation.database.tables['port-bindings'].size < leastBound) continue;
      loaded += 1;
      const packets = new Packets(simulation, new SeededRandom(seed));
      for (const [index, bridge] of bridges.entries()) {
        const tables = simulation.hosts[index]?.tables;
        assert.ok(tables !== undefined);
        await load(network(), bridge, tables);
        for (let sent = 0; sent < packetsAHost; sent += 1) {
          const packet = packets.make(index);
          if (packet === null) continue;
          walks += 1;
          const text = inWordsOfTrace(formatMatch(canonicalMatch(packet)));
          const trace = await network().trace(bridge, text);
          const expected = traced(trace, packet[0]?.value ?? 0n);
          assert.deepEqual(walked(tables, packet), expected, `seed ${seed}, ${bridge}, ${text}\n${trace.text}`);
          copies += expected.length;
        }
      }
    }
    process.stdout.write(`    packets walked ${walks}, copies ${copies}\n`);
    assert.ok(walks >= 150 && copies >= walks / 6, 'nearly nothing was forwarded');
  });
});
