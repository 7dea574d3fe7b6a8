/** Random flows that Open vSwitch accepts: every condition has its prerequisites, every action suits its match. */
import fc from 'fast-check';
import type { Action, ActionKind } from '../../../southbound/openflow/action.js';
import { output, resubmit, setField } from '../../../southbound/openflow/actions.js';
import type { Instruction } from '../../../southbound/openflow/instructions.js';
import {
  applyActions,
  clearActions,
  gotoTable,
  writeActions,
  writeMetadata,
} from '../../../southbound/openflow/instructions.js';
import { matchField } from '../../../southbound/openflow/match.js';
import type { Match, MatchField, OxmField, Prerequisite } from '../../../southbound/openflow/oxm.js';
import { oxm, oxmFields } from '../../../southbound/openflow/oxm.js';
import { actionArbitraries, anyField, freeFields, positive, settingOf } from './arbitraries.js';

export interface ValidFlow {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly match: Match;
  readonly instructions: readonly Instruction[];
}

const ip = [matchField(oxm.ethType, 0x0800n)];
const ipv6 = [matchField(oxm.ethType, 0x86ddn)];
const icmpv6 = [...ipv6, matchField(oxm.ipProto, 58n)];
const solicitation = [...icmpv6, matchField(oxm.icmpv6Type, 135n), matchField(oxm.icmpv6Code, 0n)];
const advertisement = [...icmpv6, matchField(oxm.icmpv6Type, 136n), matchField(oxm.icmpv6Code, 0n)];
const established = matchField(oxm.ctState, 0x22n, 0x22n);
const tcp = [...ip, matchField(oxm.ipProto, 6n)];
const udp = [...ip, matchField(oxm.ipProto, 17n)];
const vlan = [matchField(oxm.vlanVid, 0x1064n)];
const mpls = [matchField(oxm.ethType, 0x8847n)];

/** The least match that fulfils each prerequisite. */
const fulfilled: Readonly<Record<Prerequisite, Match>> = {
  none: [],
  ethernet: [],
  vlan,
  mpls,
  ipv4: ip,
  ipv6,
  ip,
  arp: [matchField(oxm.ethType, 0x0806n)],
  nsh: [matchField(oxm.ethType, 0x894fn), matchField(oxm.nshMdtype, 1n)],
  tcp,
  udp,
  sctp: [...ip, matchField(oxm.ipProto, 132n)],
  icmpv4: [...ip, matchField(oxm.ipProto, 1n)],
  icmpv6,
  nd: solicitation,
  ndSolicit: solicitation,
  ndAdvert: advertisement,
  conntrack: [...ip, established],
};

function baseOf(field: OxmField): Match {
  const base = [oxm.ctIpv6Src, oxm.ctIpv6Dst].includes(field) ? [...ipv6, established] : fulfilled[field.prerequisite];
  const tuple = [oxm.ctTpSrc, oxm.ctTpDst].includes(field) ? [...base, matchField(oxm.ctNwProto, 6n)] : base;
  return tuple.filter(item => item.field !== field);
}

const oneOf = (field: OxmField, ...values: readonly bigint[]) =>
  fc.constantFrom(...values.map(value => matchField(field, value)));

/** Fields of which Open vSwitch does not take every value. */
const particular = new Map<OxmField, fc.Arbitrary<MatchField>>([
  [oxm.packetType, oneOf(oxm.packetType, 0x1_0800n)],
  [oxm.ethType, oneOf(oxm.ethType, 0x0800n, 0x86ddn, 0x0806n, 0x8035n, 0x8847n, 0x8848n, 0x1234n)],
  [oxm.arpOp, positive(0xff).map(value => matchField(oxm.arpOp, BigInt(value)))],
  [oxm.inPort, positive(0xfe00).map(value => matchField(oxm.inPort, BigInt(value)))],
  [oxm.inPort16, positive(0xfe00).map(value => matchField(oxm.inPort16, BigInt(value)))],
  [oxm.actsetOutput, positive(0xfe00).map(value => matchField(oxm.actsetOutput, BigInt(value)))],
  [oxm.vlanVid, positive(0xfff).map(value => matchField(oxm.vlanVid, BigInt(value | 0x1000)))],
  [oxm.vlanTci, positive(0xffff).map(value => matchField(oxm.vlanTci, BigInt(value | 0x1000)))],
  [oxm.ipTos, positive(0x3f).map(value => matchField(oxm.ipTos, BigInt(value << 2)))],
  [
    oxm.ipFrag,
    fc.constantFrom(
      ...([0n, 1n, 3n].map(value => matchField(oxm.ipFrag, value)) as MatchField[]),
      matchField(oxm.ipFrag, 1n, 1n),
      matchField(oxm.ipFrag, 0n, 2n),
    ),
  ],
  [oxm.nshTtl, positive(0x3f).map(value => matchField(oxm.nshTtl, BigInt(value)))],
  [oxm.nshMdtype, oneOf(oxm.nshMdtype, 1n)],
  [oxm.tunGbpFlags, positive(0xff).map(value => matchField(oxm.tunGbpFlags, BigInt(value)))],
  [oxm.icmpv6Type, positive(0x80).map(value => matchField(oxm.icmpv6Type, BigInt(value)))],
]);

/** ovs-ofctl of 3.1 writes wrong masks for ERSPAN, a name that it does not read for GTP-U, and maps tunnel options. */
const notComparable = (field: OxmField) => /^tun_(?:erspan|gtpu|metadata)/.test(field.name);

export const comparableFields = oxmFields.filter(field => !notComparable(field));

/** ovs-ofctl takes an IPv6 mask that begins with a decimal digit for a prefix length. */
function validItem(field: OxmField): fc.Arbitrary<MatchField> {
  const item = particular.get(field) ?? anyField(field);
  return field.format === 'ipv6' ? item.filter(({ mask = field.allBits }) => mask >> 124n >= 10n) : item;
}

export function validMatch(field: OxmField): fc.Arbitrary<Match> {
  return validItem(field).map(item => [...baseOf(field), item]);
}

/** Wraps a match and instructions in a flow; the cookie tells flows apart. */
function flowOf(parts: fc.Arbitrary<readonly [Match, readonly Instruction[]]>): fc.Arbitrary<ValidFlow> {
  return fc
    .record({
      parts,
      table: fc.constant(0),
      priority: positive(0x7fff),
      cookie: fc.bigInt({ min: 1n, max: 0xffff_ffff_ffff_fffen }),
      idleTimeout: positive(0xffff),
      hardTimeout: positive(0xffff),
    })
    .map(({ parts: [match, instructions], ...rest }) => ({ ...rest, match, instructions }));
}

export function flowMatching(field: OxmField): fc.Arbitrary<ValidFlow> {
  return flowOf(validMatch(field).map(match => [match, [applyActions([output(1)])]]));
}

const TFTP_PORT = 69;

/** What the packet must be for an action of the kind. */
const requirements: { readonly [K in ActionKind]?: Match } = {
  decTtl: tcp,
  decTtlControllerIds: tcp,
  setIpTtl: tcp,
  ct: tcp,
  ctClear: tcp,
  finTimeout: tcp,
  resubmit: [...tcp, established],
  popVlan: vlan,
  popMpls: mpls,
  setMplsTtl: mpls,
  decMplsTtl: mpls,
};

function requirement(action: Action): Match {
  return action.kind === 'ct' && action.alg === TFTP_PORT ? udp : (requirements[action.kind] ?? []);
}

/** The same over IPv6. */
function overIpv6(match: Match): Match {
  return match.map(item =>
    item.field === oxm.ethType && item.value === 0x0800n ? matchField(oxm.ethType, 0x86ddn) : item,
  );
}

/** Not on their own (nat), not to be compared (unknown), or asking for what the switch was not told (deleteField). */
const notAlone: readonly ActionKind[] = ['nat', 'unknown', 'deleteField'];

const freeSettable = freeFields.filter(({ format }) => format !== 'ipv6');

const valid = (family: 4 | 6) =>
  actionArbitraries({ settable: freeSettable, places: freeFields, family }, fc.constant<Action>(resubmit(7)));

/** Kinds that stand alone: a conjunction takes no other action beside it. */
const solitary: readonly ActionKind[] = ['conjunction'];

export const comparableKinds = (Object.keys(valid(4)) as ActionKind[]).filter(kind => !notAlone.includes(kind));

export function flowDoing(kind: ActionKind): fc.Arbitrary<ValidFlow> {
  const family = (version: 4 | 6) =>
    (valid(version)[kind] as fc.Arbitrary<Action>).map((action): readonly [Match, readonly Instruction[]] => [
      version === 6 ? overIpv6(requirement(action)) : requirement(action),
      [applyActions(solitary.includes(kind) ? [action] : [action, output(2)])],
    ]);
  return flowOf(fc.oneof(family(4), family(6)));
}

export const settableFields = oxmFields.filter(
  field => field.writable && !notComparable(field) && ![oxm.inPort, oxm.ctMark, oxm.ctLabel].includes(field),
);

export function flowSetting(field: OxmField): fc.Arbitrary<ValidFlow> {
  return flowOf(
    validItem(field).map(({ value, mask }) => [
      field === oxm.vlanVid ? vlan : fulfilled[field.prerequisite],
      [applyActions([setField(field, value, mask)])],
    ]),
  );
}

/** Every instruction that a flow can have at once. */
export const flowInstructing: fc.Arbitrary<ValidFlow> = flowOf(
  fc
    .tuple(settingOf(freeSettable), fc.bigInt({ min: 1n, max: 0xffff_ffffn }), fc.integer({ min: 3, max: 0xfd }))
    .map(([action, metadata, table]) => [
      [],
      [
        applyActions([action]),
        clearActions(),
        writeActions([output(3)]),
        writeMetadata(metadata, 0xffff_ffffn),
        gotoTable(table),
      ],
    ]),
);
