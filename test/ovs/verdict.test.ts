/**
 * The dry verdict against `ofproto/trace`: random rule sets on real Open vSwitch, random packets, both families, over two hosts and a
 * router. A trace does not ask conntrack: what it says of a new connection is given with the packet.
 */
import assert from 'node:assert/strict';
import { formatIp } from '../../src/base/address.js';
import { packetOf, type Question } from '../../src/trace/question.js';
import { TUNNEL_OFPORTS } from '../../src/model/tunnel-ports.js';
import { canonicalMatch, matchField } from '../../southbound/openflow/match.js';
import { oxm, type OxmField } from '../../southbound/openflow/oxm.js';
import { formatMatch } from '../../southbound/openflow/text.js';
import { Packet } from '../../src/trace/packet.js';
import { beginsConnection } from '../../src/trace/connection.js';
import { RandomRules } from '../fixtures/random-rules.js';
import { AskedNetwork } from '../trace/asked-network.js';
import { usesTracedNetwork, type Trace } from './pipeline/traced-network.js';

const networks = 6;
const packetsEach = 25;
const bridges = ['hv1', 'hv2'] as const;
/** A new connection is judged alike, but then committed, and with that a trace forgets what it was told of it. */
const established = ['--ct-next', 'trk,est'] as const;
const tunnels: ReadonlySet<number | 'back'> = new Set(Object.values(TUNNEL_OFPORTS));

describe('The dry verdict on Open vSwitch', function () {
  this.timeout(300_000);
  const switches = usesTracedNetwork(bridges, 12);

  /** In the words of ofproto/trace, with the connection that it begins. */
  function words(fields: ReadonlyMap<OxmField, bigint>): string {
    const packet = new Packet(fields, 100);
    beginsConnection(packet, 'userspace');
    // Of what is tracked only the addresses and ports: the state comes with each pass through conntrack.
    packet.set(oxm.ctState, 0x21n);
    const text = formatMatch(canonicalMatch([...packet.fields].map(([field, value]) => matchField(field, value))));
    // It knows fields by their full names only.
    const protocol = fields.get(oxm.ipProto) === 6n ? 'tcp' : 'udp';
    const full = text.replace(/,tp_(src|dst)=/g, `,${protocol}_$1=`);
    return fields.get(oxm.ipProto) === 58n ? full.replace(/,icmp_(type|code)=/g, ',icmpv6_$1=') : full;
  }

  const traceOn = (bridge: string, fields: ReadonlyMap<OxmField, bigint>): Promise<Trace> =>
    switches().trace(bridge, words(fields), ...established, ...established);

  /** What becomes of it according to Open vSwitch: where it comes out, or why it does not. */
  async function traced(asked: AskedNetwork, question: Question, fields: ReadonlyMap<OxmField, bigint>) {
    const { view } = asked.network;
    const from = view.get('bound-ports', question.from.id);
    assert.ok(from !== null);
    const first = await traceOn(from.hypervisorId, fields);
    if (!first.outputs.some(port => tunnels.has(port)))
      return { host: from.hypervisorId, trace: first, all: first.text };
    const other = from.hypervisorId === 'hv1' ? 'hv2' : 'hv1';
    const addressOf = (id: string): string => view.get('hypervisors', id)?.encapIp ?? '';
    assert.deepEqual(first.tunnels, [addressOf(other)], first.text);
    // After each pass through conntrack there is one; the last says how it left.
    const last = [...first.text.matchAll(/^Final flow: (.*)$/gm)].at(-1)?.[1] ?? '';
    const left = (name: string): string | undefined => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(last)?.[1];
    const entering = new Map(fields);
    entering.set(oxm.inPort, BigInt(TUNNEL_OFPORTS.geneve));
    entering.set(oxm.tunnelId, BigInt(/TUN_ID\[\] is now (\w+)/.exec(first.text)?.[1] ?? 0));
    for (const [name, field] of [
      ['dl_src', oxm.ethSrc],
      ['dl_dst', oxm.ethDst],
    ] as const) {
      const mac = left(name);
      if (mac !== undefined) entering.set(field, BigInt(`0x${mac.replaceAll(':', '')}`));
    }
    const second = await traceOn(other, entering);
    return { host: other, trace: second, all: `${first.text}\n${second.text}` };
  }

  it('agrees with it on random rule sets', async () => {
    let [delivered, denied] = [0, 0];
    for (let seed = 1; seed <= networks; seed += 1) {
      const random = new RandomRules(seed);
      const asked = new AskedNetwork(random.builder);
      await switches().load(asked.network, ...bridges);
      for (let sent = 0; sent < packetsEach; sent += 1) {
        const { from, query } = random.query();
        const question = asked.question(from, query);
        const { outcome, reason, trace, nextHop } = asked.ask(from, query);
        if (trace === null || nextHop.kind !== 'neighbour') continue;
        const bound = asked.network.view.get('bound-ports', from);
        const found = await traced(asked, question, packetOf(question, bound ?? { ofport: 0, vlan: null }, nextHop));
        const at = asked.network.view.by('bound-ports', 'hypervisorId', found.host);
        const ports = found.trace.outputs.flatMap(output =>
          at.filter(({ ofport }) => ofport === output).map(({ id }) => id),
        );
        const isAnswered = found.trace.outputs.includes('back');
        const why = `seed ${seed}, ${from} ${new URLSearchParams(query).toString()} (${formatIp(question.family, question.sourceIp.value)}): ${outcome} ${reason}\n${found.all}`;
        assert.deepEqual(trace.deliveredTo, ports, why);
        assert.equal(trace.isAnswered, isAnswered, why);
        assert.deepEqual(
          trace.drops.map(drop => drop.reason).filter(each => each !== 'too_big'),
          found.trace.drops,
          why,
        );
        if (outcome === 'allow') delivered += 1;
        else denied += 1;
      }
    }
    process.stdout.write(`    verdicts: ${delivered} allow, ${denied} deny; no disagreement\n`);
    assert.ok(delivered > 20 && denied > 20, 'nearly all had the same end');
  });
});
