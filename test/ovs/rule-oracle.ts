/**
 * Security groups as the compiler makes them, on real Open vSwitch, against what they mean (test/fixtures/rule-model.ts): random rule sets,
 * and for each random packets through `ofproto/trace`. Many rule sets are on a switch at a time, each in a datapath of its own.
 *
 * A trace does not ask conntrack: what it knows of a packet is given, its state by --ct-next and the connection's addresses with the packet.
 * Between hosts each half of the way is traced by itself.
 */
import assert from 'node:assert/strict';
import { TUNNEL_OFPORTS } from '../../src/model/tunnel-ports.js';
import type { Snapshot } from '../../src/view/network-view.js';
import { CompiledNetwork } from '../compiler/compiled-network.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { RandomRuleSets, type RuleSet, type SentPacket } from '../fixtures/random-rule-sets.js';
import { type Header, RuleModel } from '../fixtures/rule-model.js';
import { SeededRandom } from '../seeded-random.js';
import { ControlSocket } from './control-socket.js';
import { readTrace, type TracedNetwork } from './pipeline/traced-network.js';

export interface OracleCounts {
  readonly ruleSets: number;
  readonly rules: number;
  readonly packets: number;
  readonly traces: number;
  readonly passed: number;
}

/** Rule sets on the switches at one time. */
export const SETS_AT_ONCE = 10;
export const ORACLE_BRIDGES = ['hv1', 'hv2'] as const;
/** Interfaces of a bridge. */
export const ORACLE_PORTS = 2 * SETS_AT_ONCE;
const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp6', 132: 'sctp' };

/** The packet in the words of ofproto/trace. */
function headerText({ family, protocol, source, destination, sourcePort, destinationPort }: Header): string {
  const name = NAMES[protocol];
  const [ends, six] = family === 4 ? ['nw', ''] : ['ipv6', '6'];
  const addresses = `${ends}_src=${source},${ends}_dst=${destination},nw_ttl=64`;
  if (name === undefined) return `${family === 4 ? 'ip' : 'ipv6'},nw_proto=${protocol},${addresses}`;
  if (name === 'icmp') return `icmp,${addresses},icmp_type=${sourcePort},icmp_code=${destinationPort}`;
  if (name === 'icmp6') return `icmp6,${addresses},icmpv6_type=${sourcePort},icmpv6_code=${destinationPort}`;
  return `${name}${six},${addresses},${name}_src=${sourcePort},${name}_dst=${destinationPort}`;
}

/** What conntrack remembers of its connection. */
function connectionText({ family, protocol, source, destination, sourcePort, destinationPort }: Header): string {
  const ends = family === 4 ? 'ct_nw' : 'ct_ipv6';
  return (
    `ct_state=trk|est,${ends}_src=${source},${ends}_dst=${destination},ct_nw_proto=${protocol},` +
    `ct_tp_src=${sourcePort},ct_tp_dst=${destinationPort}`
  );
}

class Oracle {
  readonly #keys: ReadonlyMap<string, number>;
  readonly #model: RuleModel;
  traces = 0;
  passed = 0;

  constructor(
    private readonly control: ControlSocket,
    rows: Snapshot['rows'],
    private readonly seed: number,
  ) {
    this.#model = new RuleModel(rows);
    this.#keys = new Map(rows['logical-switches'].map(({ id, datapathKey }) => [id, datapathKey]));
  }

  /** Each half of the way of a packet: its entrance, whether it is to pass, and where it then leaves. */
  async check(ruleSet: RuleSet, packet: SentPacket): Promise<void> {
    const { from, to } = packet;
    const [sent, received] = [
      this.#model.passes(from.id, 'egress', packet),
      this.#model.passes(to.id, 'ingress', packet),
    ];
    if (sent && received) this.passed += 1;
    if (from.hypervisorId === to.hypervisorId) {
      await this.#trace(
        ruleSet,
        packet,
        from.hypervisorId,
        `in_port=${from.ofport}`,
        sent && received ? [to.ofport] : [],
      );
      return;
    }
    const tunnel = TUNNEL_OFPORTS.geneve;
    await this.#trace(ruleSet, packet, from.hypervisorId, `in_port=${from.ofport}`, sent ? [tunnel] : []);
    const [near, far] = from.hypervisorId === 'hv1' ? [1, 2] : [2, 1];
    const entrance = `in_port=${tunnel},tun_id=${this.#keys.get(ruleSet.logicalSwitchId)},tun_src=192.0.2.${near},tun_dst=192.0.2.${far}`;
    await this.#trace(ruleSet, packet, to.hypervisorId, entrance, received ? [to.ofport] : []);
  }

  async #trace(ruleSet: RuleSet, packet: SentPacket, bridge: string, entrance: string, expected: readonly number[]) {
    const { from, to, header, connection, ctState } = packet;
    const words = `${entrance},dl_src=${from.mac},dl_dst=${to.mac},${headerText(header)},${connectionText(connection)}`;
    const next = ['--ct-next', ctState.join()];
    const text = await this.control.run('ofproto/trace', bridge, words, ...next, ...next);
    this.traces += 1;
    const { outputs, drops } = readTrace(text);
    const why = `seed ${this.seed}, rule set ${ruleSet.name}, on ${bridge}: ${words} ${next.join(' ')}\n${text}`;
    assert.deepEqual(outputs, expected, why);
    assert.equal(drops.length, expected.length === 0 ? 1 : 0, `a drop is counted once: ${why}`);
  }
}

/**
 * Compares so many rule sets, each with so many packets; `network` has ORACLE_BRIDGES with ORACLE_PORTS.
 * @throws AssertionError at the first disagreement
 */
export async function compareRules(
  network: TracedNetwork,
  {
    ruleSets,
    packetsEach,
    seed: first,
  }: { readonly ruleSets: number; readonly packetsEach: number; readonly seed: number },
): Promise<OracleCounts> {
  const control = await ControlSocket.open(network.controlSocket);
  const counts = { ruleSets: 0, rules: 0, packets: 0, traces: 0, passed: 0 };
  try {
    for (let seed = first; counts.ruleSets < ruleSets; seed += 1) {
      const random = new SeededRandom(seed);
      const builder = new NetworkBuilder().hypervisor('hv1').hypervisor('hv2');
      const generator = new RandomRuleSets(random, builder);
      const count = Math.min(SETS_AT_ONCE, ruleSets - counts.ruleSets);
      const made = Array.from({ length: count }, (_, index) => generator.add(index));
      const snapshot = builder.snapshot();
      await network.load(new CompiledNetwork(snapshot), ...ORACLE_BRIDGES);
      const oracle = new Oracle(control, snapshot.rows, seed);
      for (const ruleSet of made) {
        for (let sent = 0; sent < packetsEach; sent += 1) await oracle.check(ruleSet, generator.packet(ruleSet));
        counts.rules += ruleSet.rules.length;
      }
      counts.ruleSets += count;
      counts.packets += count * packetsEach;
      counts.traces += oracle.traces;
      counts.passed += oracle.passed;
    }
  } finally {
    control.close();
  }
  return counts;
}
