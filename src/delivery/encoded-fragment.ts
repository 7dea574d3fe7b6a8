/**
 * Fragments as bytes: all that is kept of a fragment once it is compiled. The compiler asks `encodeFragment` what it should
 * keep (`FragmentForm`), so flows, matches and actions are garbage as soon as they are encoded, and "equal output stops
 * here" is equality of bytes.
 *
 * The messages stand back to back in one string of one byte a character: V8 holds that at 16 bytes more than its content and
 * moves it when it tidies up, whereas a buffer costs some 200 bytes more, or the whole pool that it was cut from. Their xids
 * are zero; `wireSlice` makes of any part of it what goes to the switches, with the fragment's xid, so an error of any switch
 * names the fragment.
 */
import { hash } from 'node:crypto';
import { structurallyEqual } from '../base/structural-equality.js';
import type { Fragment, FragmentHeader, Meter, TranslatedConnections } from '../compiler/fragment.js';
import { MatchError } from '../../southbound/openflow/match.js';
import { WireError } from '../../southbound/wire/wire-error.js';
import { Writer } from '../../southbound/wire/writer.js';
import { emptySlice, type WireSlice } from './bundle-plan.js';
import {
  allocateSharedXid,
  collectReferences,
  encodeMeter,
  flowVersion,
  lengthOfMessage,
  putFlowAdd,
  putGroup,
  textOf,
  writeXids,
} from './encoding.js';

/** A group within the messages of a fragment. */
export interface EncodedGroup {
  readonly id: number;
  /** Length of its message. */
  readonly bytes: number;
}

/** A conntrack zone of a fragment, with the place of the flow that shows it among the fragment's flows. */
export interface EncodedZone {
  readonly zone: number;
  readonly shownBy: number;
}

export interface EncodedFragment extends FragmentHeader {
  /** The xid of the messages of this version. */
  readonly xid: number;
  /** The switch could not be told this fragment: the reason. It has no messages then. */
  readonly failure: string | null;
  /** Bundle-add messages, a byte a character: the groups, then the flows, in the fragment's order. */
  readonly messages: string;
  readonly groups: readonly EncodedGroup[];
  readonly flowCount: number;
  /** Not among the messages: Open vSwitch takes no meter in a bundle. */
  readonly meters: readonly Meter[];
  /** Conntrack zones that are its own. */
  readonly ctZones: readonly EncodedZone[];
  /** Connections that are forgotten once it names them no more. */
  readonly connections: readonly TranslatedConnections[];
  /** 64 bits over everything that the switch will hold; never 0. */
  readonly digest: bigint;
  /** Groups that its flows and buckets name. */
  readonly usesGroups: ReadonlySet<number>;
  /** Cookies of the flows that its `learn` actions make. */
  readonly learnedCookies: ReadonlySet<bigint>;
}

/** Shared by all that have none, which are nearly all. */
const noGroups: readonly EncodedGroup[] = [];
const noMeters: readonly Meter[] = [];
const noZones: readonly EncodedZone[] = [];
const noConnections: readonly TranslatedConnections[] = [];
const noGroupIds: ReadonlySet<number> = new Set();
const noCookies: ReadonlySet<bigint> = new Set();

const writer = new Writer(flowVersion, 0x1_0000);
const utf8 = new TextEncoder();

/** The fragment as bytes; `held` itself where it says the same already. The form in which the compiler keeps fragments. */
export function encodeFragment(fragment: Fragment, held: EncodedFragment | null): EncodedFragment {
  const content = contentOf(fragment);
  const meters = fragment.meters ?? noMeters;
  if (held !== null && isSame(held, fragment, content, meters)) return held;
  const { key, cookie, owner, scope, after, isOptional, isAskedByOthers } = fragment;
  const { usesGroups, learnedCookies } = referencesOf(fragment);
  return {
    key,
    cookie,
    owner,
    scope,
    after,
    isOptional,
    isAskedByOthers,
    xid: allocateSharedXid(),
    failure: content.failure,
    messages: content.messages,
    groups: content.groups,
    flowCount: content.failure === null ? fragment.flows.length : 0,
    meters,
    ctZones: zonesOf(fragment),
    connections: fragment.connections ?? noConnections,
    digest: digestOfWritten(key, meters),
    usesGroups,
    learnedCookies,
  };
}

type Content = Pick<EncodedFragment, 'messages' | 'groups' | 'failure'>;

function contentOf(fragment: Fragment): Content {
  writer.reset();
  try {
    const groups = fragment.groups?.map(group => ({ id: group.id, bytes: putGroup(writer, group) })) ?? noGroups;
    for (const flow of fragment.flows) putFlowAdd(writer, flow, fragment.cookie);
    return { messages: textOf(writer), groups, failure: null };
  } catch (error) {
    if (!(error instanceof WireError || error instanceof MatchError)) throw error;
    writer.reset();
    return { messages: '', groups: noGroups, failure: `cannot be sent: ${error.message}` };
  }
}

function isSame(held: EncodedFragment, fragment: Fragment, content: Content, meters: readonly Meter[]): boolean {
  return (
    held.messages === content.messages &&
    held.failure === content.failure &&
    held.cookie === fragment.cookie &&
    structurallyEqual(held.scope, fragment.scope) &&
    structurallyEqual(held.owner, fragment.owner) &&
    structurallyEqual(held.after, fragment.after) &&
    held.isOptional === fragment.isOptional &&
    held.isAskedByOthers === fragment.isAskedByOthers &&
    structurallyEqual(held.meters, meters) &&
    structurallyEqual(held.ctZones, zonesOf(fragment)) &&
    structurallyEqual(held.connections, fragment.connections ?? noConnections)
  );
}

function zonesOf({ ctZones, flows }: Fragment): readonly EncodedZone[] {
  return ctZones?.map(({ zone, shownBy }) => ({ zone, shownBy: flows.indexOf(shownBy) })) ?? noZones;
}

/** Of what the writer holds, with the key and the meters: the same in two processes that hold the same fragments. */
function digestOfWritten(key: string, meters: readonly Meter[]): bigint {
  for (const meter of meters) writer.raw(encodeMeter(meter, 'add', 0));
  const place = writer.reserve(3 * key.length);
  writer.offset = place + utf8.encodeInto(key, writer.bytes.subarray(place)).written;
  return BigInt(`0x${hash('sha256', writer.bytes.subarray(0, writer.offset), 'hex').slice(0, 16)}`) | 1n;
}

function referencesOf({ flows, groups = [] }: Fragment): Pick<EncodedFragment, 'usesGroups' | 'learnedCookies'> {
  const usesGroups = new Set<number>();
  const learnedCookies = new Set<bigint>();
  for (const { actions } of flows) collectReferences(actions, usesGroups, learnedCookies);
  for (const { buckets } of groups) {
    for (const { actions } of buckets) collectReferences(actions, usesGroups, learnedCookies);
  }
  return {
    usesGroups: usesGroups.size === 0 ? noGroupIds : usesGroups,
    learnedCookies: learnedCookies.size === 0 ? noCookies : learnedCookies,
  };
}

/** The message of each group, in order. */
export function groupMessages({ groups, messages }: EncodedFragment): readonly string[] {
  let end = 0;
  return groups.map(({ bytes }) => messages.slice(end, (end += bytes)));
}

/** The messages of all flows, back to back. */
export function flowMessagesJoined({ groups, messages }: EncodedFragment): string {
  return groups.length === 0 ? messages : messages.slice(groups.reduce((sum, { bytes }) => sum + bytes, 0));
}

/** The message of each flow, in order. */
export function flowMessages(fragment: EncodedFragment): readonly string[] {
  const joined = flowMessagesJoined(fragment);
  const messages: string[] = [];
  for (let at = 0; at < joined.length; ) {
    const end = at + lengthOfMessage(joined, at);
    messages.push(joined.slice(at, end));
    at = end;
  }
  return messages;
}

/** What goes to the switches of `count` messages that stand back to back: under this xid. */
export function wireSlice(messages: string, count: number, xid: number): WireSlice {
  if (count === 0) return emptySlice;
  const bytes = Buffer.from(messages, 'latin1');
  writeXids(bytes, xid);
  return { bytes, count };
}
