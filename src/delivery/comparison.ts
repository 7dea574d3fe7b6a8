/**
 * A switch as it is, compared with what it should hold. Flows, groups and meters are compared in the form of
 * encoding.ts, in which what we send equals what a switch shows; nothing depends on the order of a dump.
 *
 *   flow with our cookie, desired as it is       left alone
 *   desired, but missing or different            sent with the rest of its fragment's difference
 *   learned flow (namespace 0x5d)                left alone while a fragment that learns it is desired
 *   the sentinel                                 left alone (the next bundle replaces it)
 *   anything else, groups and meters too         removed: the bridge is ours. A group or meter that flows of a fragment name
 *                                                goes with the difference of that fragment, as its removal takes these flows away
 */
import { nextTurn } from '../base/next-turn.js';
import { decodeCookie } from '../compiler/identifiers.js';
import type { Meter } from '../compiler/fragment.js';
import type { GroupDescription } from '../../southbound/openflow/messages/group-stats.js';
import { groupMod } from '../../southbound/openflow/messages/group-mod.js';
import type { MeterConfig } from '../../southbound/openflow/messages/meter-stats.js';
import type { SwitchChange } from './bundle-plan.js';
import { flowMessages, groupMessages, type EncodedFragment } from './encoded-fragment.js';
import { changeOf, emptyLack, strayChanges, type Lack, type Surplus } from './fragment-lack.js';
import {
  allocateSharedXid,
  bundleAddBytes,
  encodeFlowRemove,
  encodeMeter,
  flowImage,
  groupsNamedBy,
  imageOfAdd,
  messageImage,
  meterMod,
  metersNamedBy,
  type FlowContent,
} from './encoding.js';
import { sentinelTable } from './sentinel.js';
import { noteShown, shownFlowsOf } from './shown-flows.js';
import type { ShownFlow } from './switch.js';
import { forgettingOf } from './translated-flows.js';

/** How much is looked at before the event loop gets its turn, some milliseconds, and how much of it each flow is. */
const stepsATurn = 1_500;
const stepsDecoded = 10;
/** Meters from here on are Open vSwitch's own (for packets to the controller). */
const firstReservedMeter = 0xffff_0000;
interface WantedFlow {
  readonly part: FragmentPart;
  readonly index: number;
  readonly message: string;
  readonly value: string;
  /** `other`: one of that match and priority of the same fragment, that does something else. */
  state: 'missing' | 'other' | 'right';
}

interface WantedGroup {
  readonly part: FragmentPart;
  readonly message: string;
  state: 'missing' | 'different' | 'right';
}

interface WantedMeter {
  readonly part: FragmentPart;
  readonly meter: Meter;
  state: 'missing' | 'different' | 'right';
}

/** What a fragment lacks, as far as it is known. */
interface FragmentPart extends Surplus {
  /** False: it was refused a moment ago; whatever the switch has of it stays as it is. */
  readonly isIncluded: boolean;
  readonly removedFlows: Uint8Array[];
  readonly forgetting: Uint8Array[];
  readonly usedGroups: Set<number>;
  /** Which flows were met by their fingerprints, and how many; null: all of them are known by their places. */
  readonly met: { readonly at: Uint8Array; count: number } | null;
}

/** What of a fragment is looked at. */
export interface Aspects {
  readonly flows: boolean;
  readonly groupsAndMeters: boolean;
}

const allAspects: Aspects = { flows: true, groupsAndMeters: true };

export class SwitchComparison {
  readonly #parts = new Map<string, FragmentPart>();
  readonly #byCookie = new Map<bigint, FragmentPart>();
  /** By place. Of fragments whose fingerprints are known only when something turns out to be different. */
  readonly #flows = new Map<string, WantedFlow>();
  readonly #byFingerprint = new Map<number, { readonly part: FragmentPart; readonly index: number }>();
  /** Fragments whose flows are not in `#flows`, and flows that may be in a place of theirs. */
  #unplaced = new Set<FragmentPart>();
  #unjudged: { readonly flow: FlowContent; readonly fingerprint: number | null }[] = [];
  readonly #groups = new Map<number, WantedGroup>();
  readonly #meters = new Map<number, WantedMeter>();
  /** Who has flows that name these and are not as wanted; one that was refused before all others, as its flows stay. */
  readonly #usersOfGroups = new Map<number, FragmentPart>();
  readonly #usersOfMeters = new Map<number, FragmentPart>();
  readonly #learned = new Set<bigint>();
  readonly #strayXid = allocateSharedXid();
  readonly #strayFlows: Uint8Array[] = [];
  readonly #strayForgetting: Uint8Array[] = [];
  readonly #strayCookies = new Set<bigint>();
  /** Flows in a place where one of another fragment is wanted. */
  readonly #replaced: { readonly flow: FlowContent; readonly part: FragmentPart | undefined }[] = [];
  readonly #strayGroups: number[] = [];
  readonly #strayMeters: number[] = [];
  #looked = 0;

  /**
   * Says what the switch should hold; of a fragment that is looked at in part, only that part. True: it is time to let others
   * run.
   */
  want(fragment: EncodedFragment, isIncluded: boolean, aspects: Aspects = allAspects): boolean {
    const shown = aspects.flows ? shownFlowsOf(fragment) : [];
    const met = shown === null ? null : { at: new Uint8Array(shown.length), count: 0 };
    const part: FragmentPart = { fragment, isIncluded, removedFlows: [], forgetting: [], usedGroups: new Set(), met };
    this.#parts.set(fragment.key, part);
    this.#byCookie.set(fragment.cookie, part);
    for (const cookie of fragment.learnedCookies) this.#learned.add(cookie);
    if (shown === null) this.#place(part);
    else {
      if (shown.length > 0) this.#unplaced.add(part);
      for (const [index, fingerprint] of shown.entries()) this.#byFingerprint.set(fingerprint, { part, index });
    }
    const steps = fragment.flowCount * (shown === null ? stepsDecoded : 1);
    if (!aspects.groupsAndMeters) return this.#isTurnOver(steps);
    for (const [index, message] of groupMessages(fragment).entries()) {
      const group = fragment.groups[index];
      if (group !== undefined) this.#groups.set(group.id, { part, message, state: 'missing' });
    }
    for (const meter of fragment.meters) this.#meters.set(meter.id, { part, meter, state: 'missing' });
    return this.#isTurnOver(steps);
  }

  #place(part: FragmentPart): void {
    this.#unplaced.delete(part);
    for (const [index, message] of flowMessages(part.fragment).entries()) {
      const { identity, value } = imageOfAdd(message);
      const state = part.met?.at[index] === 1 ? 'right' : 'missing';
      this.#flows.set(identity, { part, index, message, value, state });
    }
  }

  /** A flow that the switch has. True: it is time to let others run. */
  addFlow(flow: FlowContent, fingerprint: number | null = null): boolean {
    const owner = decodeCookie(flow.cookie);
    const isLeftAlone =
      (owner.kind === 'sentinel' && flow.table === sentinelTable) ||
      (owner.kind === 'learned' && this.#learned.has(flow.cookie));
    if (!isLeftAlone) {
      if (this.#unplaced.size === 0) this.#compareFlow(flow, fingerprint);
      else this.#unjudged.push({ flow, fingerprint });
    }
    return this.#isTurnOver(stepsDecoded);
  }

  /** The same; it is decoded only if it was never met as one that is right. */
  addShown(flow: ShownFlow): boolean {
    const { fingerprint } = flow;
    const known = this.#byFingerprint.get(fingerprint);
    if (known === undefined) return this.addFlow(flow.decoded(), fingerprint);
    const { met } = known.part;
    if (met !== null && met.at[known.index] === 0) {
      met.at[known.index] = 1;
      met.count += 1;
    }
    return this.#isTurnOver(1);
  }

  #compareFlow(flow: FlowContent, fingerprint: number | null): void {
    const image = flowImage(flow);
    const wanted = this.#flows.get(image.identity);
    if (wanted !== undefined) {
      const isOwn = wanted.part.fragment.cookie === flow.cookie;
      wanted.state = wanted.value === image.value ? 'right' : isOwn ? 'other' : 'missing';
      if (wanted.state === 'right' && fingerprint !== null) noteShown(wanted.part.fragment, wanted.index, fingerprint);
    }
    const part = this.#byCookie.get(flow.cookie);
    if (part !== undefined && wanted?.state !== 'right') this.#noteUser(part, flow);
    if (wanted !== undefined) {
      // What it has translated goes on by itself, whatever comes in its place.
      if (wanted.state !== 'right') wanted.part.forgetting.push(...forgettingOf(flow));
      if (wanted.part !== part) this.#replaced.push({ flow, part });
      return;
    }
    if (part === undefined) this.#strayCookies.add(flow.cookie);
    this.#remove(flow, part);
  }

  #remove(flow: FlowContent, part: FragmentPart | undefined): void {
    if (part === undefined) {
      this.#strayFlows.push(encodeFlowRemove(flow, flow.cookie, this.#strayXid));
      this.#strayForgetting.push(...forgettingOf(flow));
    } else if (part.isIncluded) {
      part.removedFlows.push(encodeFlowRemove(flow, flow.cookie, part.fragment.xid));
      part.forgetting.push(...forgettingOf(flow));
    }
  }

  /**
   * A flow in whose place another fragment's comes goes by itself, unless that fragment is refused. Then it must not stay behind when the
   * rest of its own fragment goes or becomes another version.
   */
  #removeReplaced(isChanged: (part: FragmentPart) => boolean): void {
    for (const { flow, part } of this.#replaced) {
      if (part === undefined ? this.#strayCookies.has(flow.cookie) : isChanged(part)) this.#remove(flow, part);
    }
  }

  #noteUser(part: FragmentPart, { instructions }: FlowContent): void {
    const note = (users: Map<number, FragmentPart>, id: number): void => {
      if (users.get(id)?.isIncluded !== false) users.set(id, part);
    };
    for (const id of groupsNamedBy(instructions)) {
      part.usedGroups.add(id);
      note(this.#usersOfGroups, id);
    }
    for (const id of metersNamedBy(instructions)) note(this.#usersOfMeters, id);
  }

  /** Compares by place what could not be told by its fingerprint. */
  async #judge(): Promise<void> {
    for (const part of this.#unplaced) {
      const isWhole = part.met?.count === part.fragment.flowCount;
      if (isWhole && this.#unjudged.length === 0) continue;
      this.#place(part);
      if (this.#isTurnOver(part.fragment.flowCount * stepsDecoded)) await nextTurn();
    }
    for (const { flow, fingerprint } of this.#unjudged) {
      this.#compareFlow(flow, fingerprint);
      if (this.#isTurnOver(stepsDecoded)) await nextTurn();
    }
    this.#unjudged = [];
  }

  addGroups(groups: readonly GroupDescription[]): void {
    for (const group of groups) {
      const wanted = this.#groups.get(group.groupId);
      if (wanted === undefined) this.#strayGroups.push(group.groupId);
      else
        wanted.state =
          messageImage(describedGroup(group)) === wanted.message.slice(bundleAddBytes) ? 'right' : 'different';
    }
  }

  addMeters(meters: readonly MeterConfig[]): void {
    for (const { meterId, flags, bands } of meters) {
      if (meterId >= firstReservedMeter) continue;
      const wanted = this.#meters.get(meterId);
      if (wanted === undefined) {
        this.#strayMeters.push(meterId);
        continue;
      }
      const image = messageImage({ kind: 'meterMod', command: 'add', flags, meterId, bands });
      wanted.state = image === messageImage(meterMod(wanted.meter, 'add')) ? 'right' : 'different';
    }
  }

  /** Everything it takes, fragment by fragment, a slice at a time; call it when all of the switch has been told. */
  async finish(): Promise<SwitchChange[]> {
    await this.#judge();
    const lacks = new Map<FragmentPart, Lack>();
    const lackOf = (part: FragmentPart): Lack => {
      let lack = lacks.get(part);
      if (lack === undefined) lacks.set(part, (lack = emptyLack()));
      return lack;
    };
    for (const wanted of this.#flows.values()) {
      if (wanted.state === 'right' || !wanted.part.isIncluded) continue;
      const lack = lackOf(wanted.part);
      lack.flows.push(wanted.message);
      if (wanted.state === 'missing' && wanted.part.fragment.ctZones.length > 0) lack.missing.add(wanted.index);
      if (this.#isTurnOver(stepsDecoded)) await nextTurn();
    }
    for (const [id, wanted] of this.#groups) {
      if (wanted.state === 'right' || !wanted.part.isIncluded) continue;
      const lack = lackOf(wanted.part);
      if (wanted.state === 'different') lack.changedGroups.push(wanted.message);
      else {
        lack.newGroups.push(wanted.message);
        lack.newGroupIds.push(id);
      }
    }
    for (const { part, meter, state } of this.#meters.values()) {
      if (state === 'right' || !part.isIncluded) continue;
      const command = state === 'missing' ? 'add' : 'modify';
      lackOf(part).meters.push(encodeMeter(meter, command, part.fragment.xid));
    }
    for (const part of this.#parts.values()) if (part.removedFlows.length > 0) lackOf(part);
    this.#removeReplaced(part => lacks.has(part));
    const strayGroups = unused(this.#strayGroups, this.#usersOfGroups, (user, id) => lackOf(user).goneGroups.push(id));
    const strayMeters = unused(this.#strayMeters, this.#usersOfMeters, (user, id) => lackOf(user).goneMeters.push(id));
    const changes: SwitchChange[] = [];
    for (const [part, lack] of lacks) {
      changes.push(changeOf(part, lack));
      if (this.#isTurnOver((lack.flows.length + 1) * stepsDecoded)) await nextTurn();
    }
    const strays = {
      flows: this.#strayFlows,
      forgetting: this.#strayForgetting,
      groups: strayGroups,
      meters: strayMeters,
    };
    return [...changes, ...strayChanges(strays, this.#strayXid)];
  }

  #isTurnOver(steps: number): boolean {
    this.#looked += steps;
    if (this.#looked < stepsATurn) return false;
    this.#looked = 0;
    return true;
  }
}

/** Those that no flow of ours names; the others are given to who does, unless that one stays as it is. */
function unused(
  ids: readonly number[],
  users: ReadonlyMap<number, FragmentPart>,
  give: (user: FragmentPart, id: number) => void,
): readonly number[] {
  return ids.filter(id => {
    const user = users.get(id);
    if (user?.isIncluded === true) give(user, id);
    return user === undefined;
  });
}

/** A group as the switch describes it, as the message that would make it. */
function describedGroup({ type, groupId, buckets, properties }: GroupDescription): ReturnType<typeof groupMod> {
  return groupMod({ command: 'add_or_modify', type, groupId, buckets, properties });
}
