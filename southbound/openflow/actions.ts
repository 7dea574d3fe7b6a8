/**
 * Builders of actions: each returns frozen data of the kind that action.ts declares, with every property set.
 */
import type {
  Action,
  Bundle,
  BundleAlgorithm,
  BundleLoad,
  CheckPacketLarger,
  Clone,
  Conjunction,
  Conntrack,
  ConntrackClear,
  Controller,
  DecMplsTtl,
  DecTtl,
  DecTtlControllerIds,
  DeleteField,
  Exit,
  FinTimeout,
  Group,
  HashFields,
  Learn,
  LearnSpec,
  Meter,
  Move,
  Multipath,
  MultipathAlgorithm,
  Nat,
  Note,
  Output,
  OutputRegister,
  OutputTruncated,
  PopMpls,
  PopQueue,
  PopVlan,
  PushMpls,
  PushVlan,
  Resubmit,
  Sample,
  SetField,
  SetIpTtl,
  SetMplsTtl,
  SetQueue,
  StackPop,
  StackPush,
} from './action.js';
import type { OxmField, Subfield } from './oxm.js';

export type { Action, LearnSpec } from './action.js';

/** Reserved port numbers, 32 bits as in OpenFlow 1.1 and later. */
export const Port = {
  unset: 0xfffffff7,
  inPort: 0xfffffff8,
  table: 0xfffffff9,
  normal: 0xfffffffa,
  flood: 0xfffffffb,
  all: 0xfffffffc,
  controller: 0xfffffffd,
  local: 0xfffffffe,
  any: 0xffffffff,
} as const;

/** "The whole packet" where a number of bytes goes to the controller. */
export const WHOLE_PACKET = 0xffff;

/** Why a packet went to the controller: packet-in reasons that an action may name. */
export const PacketInReason = { noMatch: 0, action: 1, invalidTtl: 2, actionSet: 3, group: 4, packetOut: 5 } as const;

/** What a flow without actions does. */
export const drop: readonly Action[] = Object.freeze([]);

/** Bits `offset` to `offset + bits - 1` of a field; the whole field when neither is given. */
export function subfield(field: OxmField, offset = 0, bits: number = field.bits - offset): Subfield {
  if (!(offset >= 0 && bits >= 1 && offset + bits <= field.bits)) {
    throw new RangeError(`${field.name}[${offset}..${offset + bits - 1}] is outside the field`);
  }
  return Object.freeze({ field, offset, bits });
}

function isSubfield(place: OxmField | Subfield): place is Subfield {
  return 'field' in place;
}

const bitsOf = (place: OxmField | Subfield): Subfield => (isSubfield(place) ? place : subfield(place));

export function output(port: number, maxLength = 0): Output {
  return Object.freeze({ kind: 'output', port, maxLength });
}
export function outputReg(source: OxmField | Subfield, maxLength = WHOLE_PACKET): OutputRegister {
  return Object.freeze({ kind: 'outputRegister', source: bitsOf(source), maxLength });
}
export function outputTruncated(port: number, maxLength: number): OutputTruncated {
  return Object.freeze({ kind: 'outputTruncated', port, maxLength });
}
export function group(groupId: number): Group {
  return Object.freeze({ kind: 'group', groupId });
}
export function setQueue(queueId: number): SetQueue {
  return Object.freeze({ kind: 'setQueue', queueId });
}
export function popQueue(): PopQueue {
  return Object.freeze({ kind: 'popQueue' });
}
/** Outputs to a port through one of its queues. */
export function enqueue(port: number, queueId: number): readonly Action[] {
  return Object.freeze([setQueue(queueId), output(port), popQueue()]);
}
export function meter(meterId: number): Meter {
  return Object.freeze({ kind: 'meter', meterId });
}
export function setField(field: OxmField, value: bigint, mask?: bigint): SetField {
  return mask === undefined || mask === field.allBits
    ? Object.freeze({ kind: 'setField', field, value })
    : Object.freeze({ kind: 'setField', field, value, mask });
}
/** Sets some bits of a field; the same as `setField` with the value and mask shifted into place. */
export function load(destination: Subfield, value: bigint): SetField {
  const { field, offset, bits } = destination;
  if (value < 0n || value >> BigInt(bits) !== 0n) throw new RangeError(`${value} does not fit ${bits} bits`);
  return setField(field, value << BigInt(offset), ((1n << BigInt(bits)) - 1n) << BigInt(offset));
}
export function move(source: OxmField | Subfield, destination: OxmField | Subfield): Move {
  const from = bitsOf(source);
  const to = bitsOf(destination);
  if (from.bits !== to.bits) throw new RangeError(`move of ${from.bits} bits to ${to.bits}`);
  return Object.freeze({ kind: 'move', source: from, destination: to });
}
export function pushVlan(ethertype = 0x8100): PushVlan {
  return Object.freeze({ kind: 'pushVlan', ethertype });
}
export function popVlan(): PopVlan {
  return Object.freeze({ kind: 'popVlan' });
}
export function pushMpls(ethertype = 0x8847): PushMpls {
  return Object.freeze({ kind: 'pushMpls', ethertype });
}
export function popMpls(ethertype: number): PopMpls {
  return Object.freeze({ kind: 'popMpls', ethertype });
}
export function setMplsTtl(ttl: number): SetMplsTtl {
  return Object.freeze({ kind: 'setMplsTtl', ttl });
}
export function decMplsTtl(): DecMplsTtl {
  return Object.freeze({ kind: 'decMplsTtl' });
}
export function setIpTtl(ttl: number): SetIpTtl {
  return Object.freeze({ kind: 'setIpTtl', ttl });
}
/** Without ids, expired packets go to the controllers with id 0. */
export function decTtl(controllerIds?: readonly number[]): DecTtl | DecTtlControllerIds {
  return controllerIds === undefined
    ? Object.freeze({ kind: 'decTtl' })
    : Object.freeze({ kind: 'decTtlControllerIds', controllerIds: Object.freeze([...controllerIds]) });
}
export function resubmit(
  table: number | null,
  port: number = Port.inPort,
  options: { readonly conntrackTuple?: boolean } = {},
): Resubmit {
  return Object.freeze({ kind: 'resubmit', table, port, conntrackTuple: options.conntrackTuple ?? false });
}
/** The bytes are padded with zeros to 6 more than a multiple of 8, which is how a switch keeps them. */
export function note(bytes: Uint8Array): Note {
  const padded = new Uint8Array(Math.ceil(Math.max(0, bytes.length - 6) / 8) * 8 + 6);
  padded.set(bytes);
  return Object.freeze({ kind: 'note', bytes: padded });
}
export function multipath(options: {
  readonly fields: HashFields;
  readonly basis?: number;
  readonly algorithm?: MultipathAlgorithm;
  readonly links: number;
  readonly argument?: number;
  readonly destination: OxmField | Subfield;
}): Multipath {
  const { fields, basis = 0, algorithm = 'hrw', links, argument = 0 } = options;
  const destination = bitsOf(options.destination);
  return Object.freeze({ kind: 'multipath', fields, basis, algorithm, links, argument, destination });
}
export interface BundleOptions {
  readonly fields: HashFields;
  readonly basis?: number;
  readonly algorithm?: BundleAlgorithm;
  readonly members: readonly number[];
}
export function bundle({ fields, basis = 0, algorithm = 'hrw', members }: BundleOptions): Bundle {
  return Object.freeze({ kind: 'bundle', fields, basis, algorithm, members: Object.freeze([...members]) });
}
export function bundleLoad(options: BundleOptions & { readonly destination: OxmField | Subfield }): BundleLoad {
  return Object.freeze({ ...bundle(options), kind: 'bundleLoad', destination: bitsOf(options.destination) });
}
export function exit(): Exit {
  return Object.freeze({ kind: 'exit' });
}
export function finTimeout(idleTimeout: number, hardTimeout: number): FinTimeout {
  return Object.freeze({ kind: 'finTimeout', idleTimeout, hardTimeout });
}
export function controller(options: Partial<Omit<Controller, 'kind'>> = {}): Controller {
  const { maxLength = WHOLE_PACKET, controllerId = 0, reason = PacketInReason.action } = options;
  const { userdata = null, meterId = null, pause = false } = options;
  return Object.freeze({ kind: 'controller', maxLength, controllerId, reason, userdata, meterId, pause });
}
export function stackPush(source: OxmField | Subfield): StackPush {
  return Object.freeze({ kind: 'stackPush', source: bitsOf(source) });
}
export function stackPop(destination: OxmField | Subfield): StackPop {
  return Object.freeze({ kind: 'stackPop', destination: bitsOf(destination) });
}
const sampleDefaults = {
  observationDomainId: 0,
  observationPointId: 0,
  samplingPort: Port.any,
  direction: 'default',
} as const;

export function sample(
  options: Partial<Omit<Sample, 'kind'>> & Pick<Sample, 'probability' | 'collectorSetId'>,
): Sample {
  return Object.freeze({ kind: 'sample', ...sampleDefaults, ...options });
}
export function conjunction(id: number, clause: number, clauses: number): Conjunction {
  return Object.freeze({ kind: 'conjunction', id, clause, clauses });
}
export function ctClear(): ConntrackClear {
  return Object.freeze({ kind: 'ctClear' });
}
export function clone(actions: readonly Action[]): Clone {
  return Object.freeze({ kind: 'clone', actions: Object.freeze([...actions]) });
}
export function checkPacketLarger(length: number, destination: Subfield): CheckPacketLarger {
  return Object.freeze({ kind: 'checkPacketLarger', length, destination });
}
export function deleteField(field: OxmField): DeleteField {
  return Object.freeze({ kind: 'deleteField', field });
}
export function ct(options: Partial<Omit<Conntrack, 'kind'>> = {}): Conntrack {
  const { commit = false, force = false, zone = 0, table = null, alg = 0, actions = [] } = options;
  return Object.freeze({ kind: 'ct', commit, force, zone, table, alg, actions: Object.freeze([...actions]) });
}
export function nat(options: Partial<Omit<Nat, 'kind'>> = {}): Nat {
  const { direction = null, persistent = false, selection = null, addresses = null, ports = null } = options;
  return Object.freeze({ kind: 'nat', direction, persistent, selection, addresses, ports });
}
const learnDefaults = {
  table: 1,
  priority: 0x8000,
  cookie: 0n,
  idleTimeout: 0,
  hardTimeout: 0,
  finIdleTimeout: 0,
  finHardTimeout: 0,
  sendFlowRemoved: false,
  deleteLearned: false,
  limit: 0,
  resultDestination: null,
} as const;

export function learn(options: Partial<Omit<Learn, 'kind'>> & Pick<Learn, 'specs'>): Learn {
  return Object.freeze({ kind: 'learn', ...learnDefaults, ...options, specs: Object.freeze([...options.specs]) });
}
/** The learned flow matches these bits; a constant, or (the usual case) the same bits of this packet. */
export function learnMatch(
  destination: OxmField | Subfield,
  source: OxmField | Subfield | bigint = destination,
): LearnSpec {
  return Object.freeze({
    kind: 'match',
    destination: bitsOf(destination),
    source: typeof source === 'bigint' ? source : bitsOf(source),
  });
}
/** The learned flow sets these bits. */
export function learnLoad(destination: OxmField | Subfield, source: OxmField | Subfield | bigint): LearnSpec {
  return Object.freeze({
    kind: 'load',
    destination: bitsOf(destination),
    source: typeof source === 'bigint' ? source : bitsOf(source),
  });
}
/** The learned flow outputs to the port that these bits of this packet name. */
export function learnOutput(source: OxmField | Subfield): LearnSpec {
  return Object.freeze({ kind: 'output', source: bitsOf(source) });
}
