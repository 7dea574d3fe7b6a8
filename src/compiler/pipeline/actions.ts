/**
 * What a flow of a stage does, in the pipeline's own terms: fields by name, stages as stages. Each step carries in
 * its type which fields it reads and writes, so that a stage accepts only the steps that it declared, and becomes
 * OpenFlow actions when a flow is made (flow.ts).
 */
import {
  checkPacketLarger as checkPacketLargerAction,
  clone as cloneAction,
  controller as controllerAction,
  ct as ctAction,
  ctClear,
  decTtl as decTtlAction,
  group as groupAction,
  learn as learnAction,
  learnLoad,
  learnMatch,
  load,
  meter as meterAction,
  move as moveAction,
  nat as natAction,
  output as outputAction,
  outputReg,
  popVlan,
  Port,
  pushVlan,
  resubmit,
  setField,
  setQueue as setQueueAction,
  type Action,
  type LearnSpec,
} from '../../../southbound/openflow/actions.js';
import { type OxmField, oxm } from '../../../southbound/openflow/oxm.js';
import { type DropReason, dropReasons } from './drop-reasons.js';
import type { Layout } from './layout.js';
import { bitsOf, placeOf, type FieldName } from './registers.js';
import type { Stage } from './stage.js';

/** Where a step stands: it decides what `next` means and which jumps are forward. */
export interface Position {
  readonly layout: Layout;
  readonly stage: Stage;
  /** The stage that counts drops. */
  readonly drop: Stage;
}

export interface Step<Reads extends FieldName = FieldName, Writes extends FieldName = FieldName> {
  readonly reads: readonly Reads[];
  readonly writes: readonly Writes[];
  render(at: Position): readonly Action[];
}

type Constant = number | bigint;

function step<R extends FieldName, W extends FieldName>(
  reads: readonly R[],
  writes: readonly W[],
  render: (at: Position) => readonly Action[],
): Step<R, W> {
  return { reads, writes, render };
}

/** Loads constants. Neighbouring bits of one register are loaded by one action. */
export function set<K extends FieldName>(values: { readonly [P in K]?: Constant }): Step<never, K> {
  const names = Object.keys(values) as K[];
  const loads = new Map<OxmField, { value: bigint; mask: bigint }>();
  for (const name of names) {
    const { field, shift, ones, mask } = bitsOf(name);
    const value = BigInt(values[name] ?? 0);
    if (value < 0n || value > ones) throw new RangeError(`${name}=${value} does not fit ${placeOf(name).bits} bits`);
    const merged = loads.get(field);
    if (merged === undefined) loads.set(field, { value: value << shift, mask });
    else {
      merged.value |= value << shift;
      merged.mask |= mask;
    }
  }
  const actions = [...loads].map(([field, { value, mask }]) => setField(field, value, mask));
  return step([], names, () => actions);
}

/** Bits of a field, from the least significant. */
export interface Slice<K extends FieldName> {
  readonly field: K;
  readonly offset: number;
  readonly bits: number;
}

export function slice<K extends FieldName>(field: K, offset: number, bits: number): Slice<K> {
  return { field, offset, bits };
}

function sliceOf<K extends FieldName>(part: K | Slice<K>): Slice<K> {
  return typeof part === 'string' ? { field: part, offset: 0, bits: placeOf(part).bits } : part;
}

function subfieldOf({ field, offset, bits }: Slice<FieldName>): ReturnType<typeof placeOf> {
  const place = placeOf(field);
  if (offset + bits > place.bits) throw new RangeError(`${field} has no bits ${offset} to ${offset + bits - 1}`);
  return { field: place.field, offset: place.offset + offset, bits };
}

/** Copies a field, or some bits of one. Both ends have the same width. */
export function move<R extends FieldName, W extends FieldName>(from: R | Slice<R>, to: W | Slice<W>): Step<R, W> {
  const source = sliceOf(from);
  const destination = sliceOf(to);
  const actions = [moveAction(subfieldOf(source), subfieldOf(destination))];
  return step([source.field], [destination.field], () => actions);
}

/** Loads a constant into some bits of a field. */
export function setSlice<K extends FieldName>(part: Slice<K>, value: Constant): Step<never, K> {
  const actions = [load(subfieldOf(part), BigInt(value))];
  return step([], [part.field], () => actions);
}

/** On to the next stage of the same pipeline. */
export const next: Step<never, never> = step([], [], ({ layout, stage }) => [
  resubmit(layout.tableOf(layout.nextOf(stage))),
]);

/** On to a later stage: shorter ways through the pipeline. */
export function advance(to: Stage): Step<never, never> {
  return step([], [], ({ layout, stage }) => {
    const table = layout.tableOf(to);
    if (table <= layout.tableOf(stage)) throw new Error(`${stage.name} cannot advance to ${to.name}: it comes earlier`);
    return [resubmit(table)];
  });
}

/**
 * Into a pipeline from its beginning or at a later entrance: another datapath, so any stage. Open vSwitch allows 64
 * of these within one another.
 */
export function enter(to: Stage): Step<never, never> {
  return step([], [], ({ layout }) => [resubmit(layout.tableOf(to))]);
}

/** Into a stage as if it had come by another port, for which its flows are. */
export function enterAs(port: number, to: Stage): Step<never, never> {
  return step([], [], ({ layout }) => [resubmit(layout.tableOf(to), port)]);
}

/** Asks a subroutine and goes on with its answer. */
export function call(to: Stage): Step<never, never> {
  if (to.kind === 'stage') throw new Error(`${to.name} is no subroutine`);
  return step([], [], ({ layout }) => [resubmit(layout.tableOf(to))]);
}

/**
 * Through conntrack, in the zone that a field holds, and on at a later stage: the packet goes there by itself, so nothing may
 * follow in this flow. Registers stay as they are.
 */
export function track<R extends FieldName>(zone: R, to: Stage): Step<R, never> {
  return step([zone], [], at => [ctAction({ zone: placeOf(zone), table: laterTable(at, to) })]);
}

/** Has conntrack remember the connection of the packet, in the zone that a field holds. */
export function commitConnection<R extends FieldName>(zone: R): Step<R, never> {
  const actions = [ctAction({ zone: placeOf(zone), commit: true })];
  return step([zone], [], () => actions);
}

/** Of a reply: has conntrack forget its connection, and remember one instead that this packet has begun, under the mark. */
export function turnConnection<R extends FieldName>(zone: R, mark: number): Step<R, never> {
  const marks = mark === 0 ? [] : [setField(oxm.ctMark, BigInt(mark))];
  const actions = [ctAction({ zone: placeOf(zone), commit: true, force: true, actions: marks })];
  return step([zone], [], () => actions);
}

/** A conntrack zone: what a field holds, or this one. */
type Zone<R extends FieldName> = R | number;

const isField = <R extends FieldName>(zone: Zone<R>): zone is R => typeof zone !== 'number';
const zoneReads = <R extends FieldName>(zone: Zone<R>): readonly R[] => (isField(zone) ? [zone] : []);
const zoneOf = <R extends FieldName>(zone: Zone<R>) => (isField(zone) ? placeOf(zone) : zone);

/** As `track`; and a packet of a connection whose addresses were translated gets those that the other side knows. */
export function trackTranslated(zone: number, to: Stage): Step<never, never>;
export function trackTranslated<R extends FieldName>(zone: R, to: Stage): Step<R, never>;
export function trackTranslated<R extends FieldName>(zone: Zone<R>, to: Stage): Step<R, never> {
  return step(zoneReads(zone), [], at => [
    ctAction({ zone: zoneOf(zone), table: laterTable(at, to), actions: [natAction()] }),
  ]);
}

/** Forgets what conntrack said, so that it can be asked again in the same zone. */
export const forgetConnection: Step<never, never> = step([], [], () => [ctClear()]);

/** Where a translated connection goes, or comes from. */
export interface Translation {
  readonly family: 4 | 6;
  readonly address: bigint;
  /** This one, or one of these, each as good. Left out: the port stays, unless another connection has it. */
  readonly port?: number | PortRange;
}

interface PortRange {
  readonly first: number;
  readonly last: number;
}

interface Then {
  readonly mark?: number;
  readonly to: Stage;
}

/**
 * Has conntrack remember the connection under the mark, with its destination or source translated, and go on at a later stage. Of one that
 * it knows, the translation stays what it was.
 */
export function translateConnection(
  zone: number,
  direction: 'source' | 'destination',
  translation: Translation,
  then: Then,
): Step<never, never>;
export function translateConnection<R extends FieldName>(
  zone: R,
  direction: 'source' | 'destination',
  translation: Translation,
  then: Then,
): Step<R, never>;
export function translateConnection<R extends FieldName>(
  zone: Zone<R>,
  direction: 'source' | 'destination',
  { family, address, port }: Translation,
  { mark, to }: Then,
): Step<R, never> {
  const translation = natAction({
    direction,
    addresses: { family, first: address, last: address },
    ports: typeof port === 'number' ? { first: port, last: port } : (port ?? null),
  });
  const marks = mark === undefined ? [] : [setField(oxm.ctMark, BigInt(mark))];
  return step(zoneReads(zone), [], at => [
    ctAction({
      zone: zoneOf(zone),
      table: laterTable(at, to),
      commit: true,
      actions: [translation, ...marks],
    }),
  ]);
}

function laterTable({ layout, stage }: Position, to: Stage): number {
  const table = layout.tableOf(to);
  if (table <= layout.tableOf(stage)) throw new Error(`${stage.name} cannot track into ${to.name}: it comes earlier`);
  return table;
}

/** Drops the packet and counts it by reason and port. The last step of a flow. */
export function drop(reason: DropReason): Step<never, never> {
  const load = set({ dropReason: dropReasons[reason].code });
  return step([], [], at => [...load.render(at), resubmit(at.layout.tableOf(at.drop))]);
}

export function group(id: number): Step<never, never> {
  const actions = [groupAction(id)];
  return step([], [], () => actions);
}

/** The steps on a copy: neither what they change nor where they end concerns what comes after. */
export function onCopy<R extends FieldName, W extends FieldName>(...steps: readonly Step<R, W>[]): Step<R, W> {
  const reads = steps.flatMap(each => each.reads);
  const writes = steps.flatMap(each => each.writes);
  return step(reads, writes, at => [cloneAction(steps.flatMap(each => each.render(at)))]);
}

/**
 * What is too much for the meter ends here. On a copy (`onCopy`, itself, not in a flow that the copy goes to) where others come
 * after: Open vSwitch ends with it whatever its data path does not do on a copy of its own.
 */
export function meter(id: number): Step<never, never> {
  const actions = [meterAction(id)];
  return step([], [], () => actions);
}

/** Into this queue of the interface by which the packet leaves, if that has one; of no other, where it has not. */
export function queue(id: number): Step<never, never> {
  const actions = [setQueueAction(id)];
  return step([], [], () => actions);
}

/**
 * To the controllers whose connections have this id, cut to so many bytes and with the registers as they are, as many as the meter lets
 * through: that ends nothing else. Of what a controller does not take in time, Open vSwitch keeps some hundred and forgets the rest.
 */
export function toController(
  controllerId: number,
  { meterId, maxBytes }: { readonly meterId: number; readonly maxBytes: number },
): Step<never, never> {
  const actions = [controllerAction({ controllerId, meterId, maxLength: maxBytes })];
  return step([], [], () => actions);
}

export function output(port: number): Step<never, never> {
  const actions = [outputAction(port)];
  return step([], [], () => actions);
}

/** Back out of the interface that the packet came from, which a plain output never does. */
export const outputBack: Step<never, never> = output(Port.inPort);

/** To the interface whose ofport a field holds. */
export function outputTo<R extends FieldName>(field: R): Step<R, never> {
  const actions = [outputReg(placeOf(field))];
  return step([field], [], () => actions);
}

/** The bit of vlan_vid that says "there is a tag" (OFPVID_PRESENT). */
export const tagPresent = 0x1000;

/** Adds an 802.1Q tag with this VLAN. */
export function pushTag(vlan: number): Step<never, 'vlanVid'> {
  const actions = [pushVlan(), setField(oxm.vlanVid, BigInt(tagPresent | vlan))];
  return step([], ['vlanVid'], () => actions);
}

/** Out of an interface that several share, each under a VLAN tag; null: the one whose packets carry none. */
export function outputTagged(port: number, vlan: number | null): Step<never, 'physicalPort16' | 'vlanVid'> {
  // Also where the packet came in by that interface, to which Open vSwitch would not send it back.
  const steps = [set({ physicalPort16: 0 }), ...(vlan === null ? [] : [pushTag(vlan)]), output(port)];
  return step([], ['physicalPort16', 'vlanVid'], at => steps.flatMap(each => each.render(at)));
}

/** Takes the outermost 802.1Q tag off. */
export const popTag: Step<never, 'vlanVid'> = step([], ['vlanVid'], () => [popVlan()]);

/** TTL or hop limit less one. Whoever uses it has dropped packets with 0 and 1 before. */
export const decTtl: Step<never, never> = step([], [], () => [decTtlAction()]);

/** Whether the frame, Ethernet header included, has more than `lengthBytes`. */
export function checkLarger<W extends FieldName>(lengthBytes: number, answer: W): Step<never, W> {
  const actions = [checkPacketLargerAction(lengthBytes, placeOf(answer))];
  return step([], [answer], () => actions);
}

export interface LearnDeclaration<R extends FieldName, M extends FieldName, L extends FieldName> {
  /** The stage that gets the flow. */
  readonly into: Stage<M, L>;
  readonly priority: number;
  /** Names the owner of the learned flow; see `learnedCookie`. */
  readonly cookie: bigint;
  /** The learned flow lasts this long after it was learned last; left out: as long as the flow that learns. */
  readonly hardTimeoutSeconds?: number;
  /** At most so many flows under this cookie. */
  readonly limit?: number;
  /** What the learned flow matches: a field of the packet as it is now. */
  readonly match: { readonly [P in M]?: R };
  /** What it sets: a field of the packet as it is now, or a constant. */
  readonly load?: { readonly [P in L]?: R | bigint };
}

/** The switch itself adds a flow. It goes when the flow that learned it goes. */
export function learn<R extends FieldName, M extends FieldName, L extends FieldName>(
  declaration: LearnDeclaration<R, M, L>,
): Step<R, never> {
  const { into, priority, cookie, hardTimeoutSeconds = 0, limit = 0 } = declaration;
  const matches = Object.entries(declaration.match) as [M, R][];
  const loads = Object.entries(declaration.load ?? {}) as [L, R | bigint][];
  const specs: readonly LearnSpec[] = [
    ...matches.map(([to, from]) => learnMatch(placeOf(to), placeOf(from))),
    ...loads.map(([to, from]) => learnLoad(placeOf(to), typeof from === 'bigint' ? from : placeOf(from))),
  ];
  const read = [...matches, ...loads].map(([, from]) => from).filter(from => typeof from !== 'bigint');
  return step(read, [], ({ layout }) => [
    learnAction({
      table: layout.tableOf(into),
      priority,
      cookie,
      limit,
      hardTimeout: hardTimeoutSeconds,
      deleteLearned: true,
      specs,
    }),
  ]);
}
