/** Every construct of OpenFlow that rules use, as fragments. */
import type { Fragment, Group } from '../../src/compiler/fragment.js';
import { learnedCookie } from '../../src/compiler/identifiers.js';
import {
  checkPacketLarger,
  clone,
  conjunction,
  controller,
  ct,
  ctClear,
  decTtl,
  group,
  learn,
  learnLoad,
  learnMatch,
  learnOutput,
  load,
  meter,
  move,
  multipath,
  nat,
  note,
  output,
  outputReg,
  popVlan,
  Port,
  pushVlan,
  resubmit,
  setField,
  stackPop,
  stackPush,
  subfield,
  type Action,
} from '../../southbound/openflow/actions.js';
import { matchField } from '../../southbound/openflow/match.js';
import { oxm, type Match } from '../../southbound/openflow/oxm.js';
import { everywhere, flow, fragment } from './support.js';

const ip4 = matchField(oxm.ethType, 0x0800n);
const ip6 = matchField(oxm.ethType, 0x86ddn);
const arp = matchField(oxm.ethType, 0x0806n);
const icmp6 = (type: bigint): Match => [ip6, matchField(oxm.ipProto, 58n), matchField(oxm.icmpv6Type, type)];
/** Buckets that go on in these tables. */
export const buckets = (...tables: number[]): Group['buckets'] =>
  tables.map((table, index) => ({ bucketId: index + 1, actions: [resubmit(table)] }));

/** Fragments with every kind of match and action that rules use. */
export function everything(): Fragment[] {
  const matches: Match[] = [
    [],
    [matchField(oxm.inPort, 3n)],
    [matchField(oxm.metadata, 5n), matchField(oxm.reg1, 7n)],
    [matchField(oxm.reg0, 1n, 1n), matchField(oxm.reg1, 2n), matchField(oxm.reg5, 0x100n, 0xff00n)],
    [matchField(oxm.xreg2, 0x1_0000_0002n), matchField(oxm.xxreg3, 5n)],
    [matchField(oxm.ethDst, 0x0100_0000_0000n, 0x0100_0000_0000n)],
    [matchField(oxm.tunnelId, 9n), matchField(oxm.tunIpv4Src, 0xc000_0201n)],
    [ip4, matchField(oxm.ipv4Src, 0x0a00_0000n, 0xff00_0000n), matchField(oxm.ipTtl, 1n)],
    [ip4, matchField(oxm.ipProto, 17n), matchField(oxm.udpSrc, 67n), matchField(oxm.udpDst, 68n)],
    [ip4, matchField(oxm.ipFrag, 1n, 1n), matchField(oxm.ipDscp, 12n), matchField(oxm.ipEcn, 1n)],
    [ip6, matchField(oxm.ipv6Src, 0xfe80n << 112n, 0xffc0n << 112n)],
    [arp, matchField(oxm.arpOp, 1n), matchField(oxm.arpTpa, 0x0a00_0001n), matchField(oxm.arpSha, 0xaan)],
    [...icmp6(135n), matchField(oxm.icmpv6Code, 0n), matchField(oxm.ndTarget, 5n), matchField(oxm.ndSll, 0xbbn)],
    [...icmp6(136n), matchField(oxm.ndTll, 0xccn), matchField(oxm.ndReserved, 0x6000_0000n)],
    [matchField(oxm.vlanVid, 0x1005n), matchField(oxm.vlanPcp, 3n)],
    [matchField(oxm.vlanVid, 0n)],
    [matchField(oxm.ctState, 0x21n, 0x21n), matchField(oxm.ctMark, 1n, 1n), matchField(oxm.ctLabel, 1n, 3n)],
    [matchField(oxm.pktMark, 4n)],
    [matchField(oxm.conjId, 8n)],
  ];
  const eth = (field: 'ethSrc' | 'ethDst', value: bigint): Action => setField(oxm[field], value);
  const actions: Action[][] = [
    [],
    [output(1), output(Port.inPort), output(Port.local)],
    [load(subfield(oxm.reg3, 4, 8), 0x5an), setField(oxm.reg4, 9n), setField(oxm.metadata, 11n)],
    [eth('ethSrc', 1n), eth('ethDst', 2n), move(oxm.ethSrc, oxm.ethDst), setField(oxm.tunnelId, 77n)],
    [move(subfield(oxm.metadata, 0, 24), subfield(oxm.tunnelId, 0, 24)), setField(oxm.tunIpv4Dst, 0xc000_0202n)],
    [move(oxm.inPort, oxm.reg6), load(subfield(oxm.inPort16), 0n), resubmit(20)],
    [resubmit(21), resubmit(null, 4), resubmit(22, Port.inPort)],
    [checkPacketLarger(1464, subfield(oxm.reg2, 3, 1)), resubmit(23)],
    [setField(oxm.xxreg1, 1n << 100n), load(subfield(oxm.xxreg2, 64, 32), 5n), setField(oxm.xreg0, 3n, 0xfn)],
    [stackPush(oxm.metadata), stackPop(oxm.reg9), clone([setField(oxm.reg1, 3n), output(2)])],
    [multipath({ fields: 'symmetric_l4', links: 4, destination: subfield(oxm.reg7, 0, 2) }), outputReg(oxm.reg7)],
    [controller({ controllerId: 1, userdata: new Uint8Array([1, 2, 3]), meterId: null }), note(new Uint8Array([1]))],
    [pushVlan(), setField(oxm.vlanVid, 0x1007n), popVlan()],
    [group(8), meter(3), resubmit(24)],
  ];
  const withIp: Action[][] = [
    [decTtl(), setField(oxm.ipv4Src, 1n), move(oxm.ipv4Src, oxm.ipv4Dst), setField(oxm.ipTtl, 64n)],
    [ct({ commit: true, zone: oxmZone(), table: 30, actions: [nat({ direction: 'source' })] }), ctClear()],
    [conjunction(5, 0, 2), conjunction(5, 1, 2)],
  ];
  const learned = learnedCookie(7, 900);
  const learning: Action[] = [
    learn({ table: 60, priority: 5, cookie: learned, idleTimeout: 300, specs: [learnMatch(oxm.ethDst, oxm.ethSrc)] }),
    learn({
      table: 61,
      cookie: learned,
      deleteLearned: true,
      limit: 100,
      resultDestination: subfield(oxm.reg0, 0, 1),
      specs: [
        learnMatch(oxm.metadata),
        learnMatch(subfield(oxm.reg1, 0, 8), 5n),
        learnLoad(oxm.reg2, oxm.tunIpv4Src),
        learnLoad(subfield(oxm.reg3, 0, 16), 7n),
        learnOutput(oxm.reg4),
      ],
    }),
  ];
  let number = 100;
  const next = (match: Match, list: readonly Action[]): Fragment =>
    fragment(number++, { scope: everywhere, flows: [{ table: 50, priority: number, match, actions: list }] });
  return [
    fragment(1, {
      scope: everywhere,
      groups: [
        { id: 8, type: 'all', buckets: buckets(20, 21) },
        {
          id: 9,
          type: 'select',
          selectionMethod: { name: 'dp_hash', parameter: 0n },
          buckets: buckets(22, 23).map((one, index) => ({ ...one, weight: 10 + index })),
        },
        { id: 10, type: 'select', buckets: buckets(22, 23) },
        {
          id: 11,
          type: 'fast_failover',
          buckets: [
            { bucketId: 1, watchPort: 1, actions: [output(1)] },
            { bucketId: 2, watchGroup: 8, actions: [group(8)] },
          ],
        },
        { id: 12, type: 'indirect', buckets: buckets(24) },
        {
          id: 13,
          type: 'select',
          selectionMethod: { name: 'hash', parameter: 1n, fields: [matchField(oxm.ipv4Src, 0xffff_ffffn)] },
          buckets: buckets(22, 23),
        },
        { id: 14, type: 'all', buckets: [] },
      ],
      meters: [
        { id: 3, unit: 'pktps', rate: 100, burst: 10 },
        { id: 4, unit: 'kbps', rate: 1000 },
      ],
    }),
    ...matches.map(match => next(match, [resubmit(51)])),
    ...actions.map(list => next([matchField(oxm.reg15, BigInt(number))], list)),
    ...withIp.map(list => next([ip4, matchField(oxm.reg15, BigInt(number))], list)),
    next([matchField(oxm.reg15, 1n)], learning),
    fragment(901, {
      scope: everywhere,
      flows: [{ ...flow(52, 1, []), idleTimeout: 300, hardTimeout: 600 }],
    }),
  ];
}

function oxmZone() {
  return subfield(oxm.reg13, 0, 16);
}
