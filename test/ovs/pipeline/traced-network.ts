/**
 * A compiled network on a real Open vSwitch: a bridge for each hypervisor, all in one private ovs-vswitchd with dummy
 * interfaces. Packets are traced (`ofproto/trace`) or really sent, and what becomes of them is read from its words.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { PATIENCE_MS } from '../../../lab/processes.js';
import { dropReasonByCode, type DropReason } from '../../../src/compiler/pipeline/drop-reasons.js';
import { dropCounterTables } from '../../../src/compiler/drops/drops.js';
import { placeOf } from '../../../src/compiler/pipeline/registers.js';
import { providerOfport } from '../../../src/model/provider-ports.js';
import { gatewayTunnelOfport } from '../../../src/model/gateway-tunnels.js';
import { TUNNEL_OFPORTS } from '../../../src/model/tunnel-ports.js';
import { requires } from '../../fixtures/requires.js';
import { DummySwitch } from '../dummy-switch.js';
import { flowLines, groupLines, meterLines } from '../../compiler/host-text.js';
import type { CompiledNetwork } from '../../compiler/compiled-network.js';

/** The port of a bridge that is the host itself. */
const localOfport = '65534';

/** A packet of so many bytes, Ethernet header included. */
export interface SizedPacket {
  readonly packet: string;
  readonly length: number;
}

/** What became of a traced packet. */
export interface Trace {
  /** ofports in order; `back`: out of the port that it came from. */
  readonly outputs: readonly (number | 'back')[];
  /** Hypervisor addresses to which copies went through tunnels. */
  readonly tunnels: readonly string[];
  readonly drops: readonly DropReason[];
  /** Table lookups. */
  readonly visits: number;
  /** The packet at its end, as field to value; empty if it was not changed. */
  readonly final: ReadonlyMap<string, string>;
  readonly text: string;
}

const lookup = /^\s*(?<table>\d+)\. /;
const reasonOffset = placeOf('dropReason').offset;

function reasonOf(line: string): DropReason | undefined {
  const value = /reg\d+=(?<value>0x[0-9a-f]+|\d+)\/0x[0-9a-f]+/.exec(line)?.groups?.['value'];
  return value === undefined ? undefined : dropReasonByCode(Number(BigInt(value) >> BigInt(reasonOffset)));
}

/** Reads a trace. Where the size of a packet decides, Open vSwitch traces both ways, so `too_big` says nothing there. */
export function readTrace(text: string): Trace {
  const outputs: (number | 'back')[] = [];
  const tunnels: string[] = [];
  const drops: DropReason[] = [];
  let visits = 0;
  let tunnelTo = '';
  const lines = text.split('\n');
  for (const [i, line] of lines.entries()) {
    const table = lookup.exec(line)?.groups?.['table'];
    if (table !== undefined) visits += 1;
    if (Number(table) === dropCounterTables.byReason) drops.push(reasonOf(line) ?? 'unknown_interface');
    const suppressed = /skipping output to input port/.test(lines[i + 1] ?? '');
    const port = /^\s+output:(\d+)$/.exec(line)?.[1] ?? /-> output port is (\d+)/.exec(line)?.[1];
    if (/^\s+IN_PORT$/.test(line)) outputs.push('back');
    tunnelTo = /set_field:(\S+)->tun_(?:ipv6_)?dst/.exec(line)?.[1] ?? tunnelTo;
    if (port === undefined || suppressed) continue;
    outputs.push(Number(port));
    if (Object.values(TUNNEL_OFPORTS).includes(Number(port))) tunnels.push(tunnelTo);
  }
  const final = /^Final flow: (?<flow>.*)$/m.exec(text)?.groups?.['flow'] ?? '';
  const fields = final.split(',').flatMap((item): [string, string][] => {
    const at = item.indexOf('=');
    return at < 0 ? [] : [[item.slice(0, at), item.slice(at + 1)]];
  });
  const counted = drops.filter(reason => reason !== 'too_big');
  return { outputs, tunnels, drops: counted, visits, final: new Map(fields), text };
}

export class TracedNetwork {
  /** By bridge. */
  readonly #meters = new Map<string, string>();
  readonly #switch: DummySwitch;

  private constructor(dummySwitch: DummySwitch) {
    this.#switch = dummySwitch;
  }

  /** Starts Open vSwitch with a bridge for each name, and ports 1 to `portCount`, those of the tunnels, to the first two hypervisors alone too, and of two physical networks on each. */
  static async start(bridges: readonly string[], portCount = 4): Promise<TracedNetwork> {
    const dummySwitch = await DummySwitch.start({ bridges });
    const ofports = [
      ...Array.from({ length: portCount }, (_, i) => i + 1),
      ...Object.values(TUNNEL_OFPORTS),
      ...[1, 2].flatMap(number => [providerOfport(number), gatewayTunnelOfport(number)]),
    ];
    const commands = bridges.flatMap(bridge =>
      ofports.flatMap(ofport => {
        const name = `${bridge}-${ofport}`;
        return [
          '--',
          'add-port',
          bridge,
          name,
          '--',
          'set',
          'interface',
          name,
          'type=dummy',
          `ofport_request=${ofport}`,
        ];
      }),
    );
    await dummySwitch.vsctl(...commands.slice(1));
    // As delivery does on every connection.
    for (const bridge of bridges) await dummySwitch.ofctl(['set-frags', bridge, 'nx-match']);
    return new TracedNetwork(dummySwitch);
  }

  /** Takes a port away, as far as groups can tell. The function that is returned gives it back. */
  async withoutPort(bridge: string, ofport: number): Promise<() => Promise<void>> {
    const name = `${bridge}-${ofport}`;
    await this.#switch.vsctl('del-port', bridge, name);
    return () => this.#switch.addPort(bridge, name, ofport);
  }

  /** Adds a bridge that learns and floods as any, with these ports. */
  async addNormalBridge(bridge: string, ofports: readonly number[]): Promise<void> {
    await this.#switch.addBridge(bridge, ['OpenFlow15']);
    for (const ofport of ofports) await this.#switch.addPort(bridge, `${bridge}-${ofport}`, ofport);
    await this.#switch.ofctl(['add-flow', bridge, 'actions=normal']);
  }

  /** Joins two bridges by a pair of patch ports, in place of what has these numbers there. */
  async join(one: readonly [bridge: string, ofport: number], other: typeof one): Promise<void> {
    const name = ([bridge, ofport]: typeof one): string => `${bridge}-${ofport}`;
    for (const [end, peer] of [
      [one, other],
      [other, one],
    ] as const) {
      const device = name(end);
      const patch = ['type=patch', `options:peer=${name(peer)}`, `ofport_request=${end[1]}`];
      await this.#switch.vsctl('--if-exists', 'del-port', end[0], device);
      await this.#switch.vsctl('add-port', end[0], device, '--', 'set', 'interface', device, ...patch);
    }
  }

  /**
   * Where the copies of a packet end, through whatever bridges: `BRIDGE-OFPORT`, and the VLAN that they leave with. Those for the
   * bridges themselves, which flood to their own hosts too, are left out.
   */
  async wayOf(bridge: string, packet: string): Promise<{ readonly copies: readonly string[]; readonly text: string }> {
    const ports = new Map<string, string>();
    for (const [, name, ofport, number] of (await this.appctl('dpif/show')).matchAll(/^\s+(\S+) (\d+)\/(\d+):/gm)) {
      if (ofport !== localOfport) ports.set(number ?? '', name ?? '');
    }
    const text = await this.#switch.trace(bridge, packet);
    const actions = /^Datapath actions: (?<actions>.*)$/m.exec(text)?.groups?.['actions'] ?? '';
    let vlan = /dl_vlan=(\d+)/.exec(packet)?.[1] ?? null;
    const copies: string[] = [];
    for (const [step, pushed] of actions.matchAll(/push_vlan\(vid=(\d+)[^)]*\)|pop_vlan|(?<=^|,)\d+(?=,|$)/g)) {
      if (pushed !== undefined) vlan = pushed;
      else if (step === 'pop_vlan') vlan = null;
      else if (ports.has(step)) copies.push(`${ports.get(step)}${vlan === null ? '' : ` with ${vlan}`}`);
    }
    return { copies, text };
  }

  /** Gives every bridge what its hypervisor is to hold, and nothing else. */
  async load(network: CompiledNetwork, ...bridges: readonly string[]): Promise<void> {
    for (const bridge of bridges) {
      const host = network.host(bridge);
      await this.#switch.ofctl(['del-flows', bridge]);
      await this.#switch.ofctl(['del-groups', bridge]);
      await this.#loadMeters(bridge, meterLines(host));
      await this.#switch.ofctl(['add-groups', bridge, '-'], { stdin: `${groupLines(host).join('\n')}\n` });
      const lines = flowLines(host.flows).map(line =>
        line
          .replace(/^ ?(cookie=\S+), /, '$1,')
          // The switch takes a meter on a copy; ovs-ofctl does not. Traces send nothing to controllers.
          .replace(/clone\(meter:\d+,(controller\([^)]*\))\)/, '$1'),
      );
      await this.#switch.ofctl(['--bundle', 'add-flows', bridge, '-'], { stdin: `${lines.join('\n')}\n` });
    }
  }

  /** One command each, so those that are there stay: what is loaded next has mostly the same. */
  async #loadMeters(bridge: string, meters: readonly string[]): Promise<void> {
    if (this.#meters.get(bridge) === meters.join()) return;
    await this.#switch.ofctl(['del-meters', bridge]);
    for (const meter of meters) await this.#switch.ofctl(['add-meter', bridge, meter]);
    this.#meters.set(bridge, meters.join());
  }

  async trace(bridge: string, packet: string, ...options: readonly string[]): Promise<Trace> {
    return readTrace(await this.#switch.trace(bridge, packet, ...options));
  }

  /** Sends packets, in the words of `ovs-dpctl`, into a port; returns when they are through, and counted. */
  async send(bridge: string, ofport: number, ...packets: readonly (string | SizedPacket)[]): Promise<void> {
    const before = await this.#received(bridge, ofport);
    for (const packet of packets) {
      const words = typeof packet === 'string' ? [packet] : [packet.packet, '--len', `${packet.length}`];
      await this.#switch.appctl('netdev-dummy/receive', `${bridge}-${ofport}`, ...words);
    }
    const deadline = Date.now() + PATIENCE_MS;
    while ((await this.#received(bridge, ofport)) < before + packets.length) {
      if (Date.now() > deadline) throw new Error(`${bridge} has not taken ${packets.length} packets from ${ofport}`);
      await sleep(20);
    }
  }

  /** Packets that the first table has counted from a port, those in caches included. */
  /** Sends a frame, in hexadecimal, as if it had come through a tunnel under the key. */
  async sendThroughTunnel(bridge: string, key: number, frame: string): Promise<void> {
    const actions = `actions=set_field:${key}->tun_id,resubmit(,0)`;
    await this.#switch.ofctl(['packet-out', bridge, `in_port=${TUNNEL_OFPORTS.geneve},packet=${frame},${actions}`]);
  }

  async #received(bridge: string, ofport: number): Promise<number> {
    await this.#switch.appctl('revalidator/purge');
    const text = await this.dump(bridge, `table=0,in_port=${ofport}`);
    return [...text.matchAll(/n_packets=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** Path of the socket on which the bridge takes OpenFlow connections. */
  socket(bridge: string): string {
    return this.#switch.managementSocket(bridge);
  }

  /** Path of the socket that takes the commands of ovs-appctl. */
  get controlSocket(): string {
    return this.#switch.controlSocket;
  }

  dump(bridge: string, ...filter: readonly string[]): Promise<string> {
    return this.#switch.ofctl(['dump-flows', bridge, ...filter]);
  }

  ofctl(...args: readonly string[]): Promise<string> {
    return this.#switch.ofctl(args);
  }

  appctl(command: string, ...args: readonly string[]): Promise<string> {
    return this.#switch.appctl(command, ...args);
  }

  stop(): Promise<void> {
    return this.#switch.stop();
  }
}

const tools = ['ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl', 'ovs-ofctl', 'ovs-appctl'];

/** For a suite: a switch with these bridges while its tests run. */
export function usesTracedNetwork(bridges: readonly string[], portCount?: number): () => TracedNetwork {
  let network: TracedNetwork | null = null;
  before(async function () {
    requires(this, { tools });
    network = await TracedNetwork.start(bridges, portCount);
  });
  after(async () => {
    await network?.stop();
    network = null;
  });
  return () => {
    if (network === null) throw new Error('the switch runs only while the tests of its suite do');
    return network;
  };
}
