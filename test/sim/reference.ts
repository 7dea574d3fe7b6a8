/**
 * What every switch should hold at every step of the database: compiled apart from the controllers, and remembered, so that what a
 * switch holds can be told to be one whole version of each fragment and not a mixture, and none older than was promised.
 */
import { Compiler, type FragmentChange } from '../../src/compiler/compiler.js';
import { rules } from '../../src/compiler/rules.js';
import { encodeFragment, type EncodedFragment } from '../../src/delivery/encoded-fragment.js';
import { imageOfAdd, lengthOfMessage } from '../../src/delivery/encoding.js';
import type { ChangeLogRow } from '../../src/store/change-log.js';
import { NetworkView, type Snapshot, type Touched } from '../../src/view/network-view.js';

/** The flows of a fragment as text: equal text is equal flows. Empty: it is not there. */
export type Content = string;

/** A flow: its place (table, priority and match) and the rest of it, as in `flowImage`. */
interface FlowText {
  readonly identity: string;
  readonly value: string;
}

/** The flows of a fragment, and the same as one text. */
interface Body {
  readonly content: Content;
  readonly flows: readonly FlowText[];
}

/** What one fragment was on one host, from a step on. */
interface Version extends Body {
  readonly step: number;
}

/** The flows of one fragment as the switch holds them, as text. */
export function contentOfFlows(flows: Iterable<FlowText>): Content {
  return [...flows]
    .map(({ identity, value }) => `${identity}|${value}`)
    .sort()
    .join('\n');
}

const nothing: Body = { content: '', flows: [] };
const bodies = new WeakMap<EncodedFragment, Body>();

function bodyOf(fragment: EncodedFragment): Body {
  const known = bodies.get(fragment);
  if (known !== undefined) return known;
  const { messages, groups } = fragment;
  const flows = [];
  let at = groups.reduce((sum, group) => sum + group.bytes, 0);
  while (at < messages.length) {
    const length = lengthOfMessage(messages, at);
    flows.push(imageOfAdd(messages.slice(at, at + length)));
    at += length;
  }
  const body = { content: contentOfFlows(flows), flows };
  bodies.set(fragment, body);
  return body;
}

export class Reference {
  readonly view = new NetworkView();
  readonly #compiler = new Compiler(rules, this.view, encodeFragment);
  /** By hypervisor id, then cookie. Oldest first. */
  readonly #timelines = new Map<string, Map<bigint, Version[]>>();
  /** Cookies that a step may have changed, by hypervisor id. */
  readonly #changed: Map<string, Set<bigint>>[] = [];
  readonly #residents = new Map<string, Set<string>>();
  /** By hypervisor, the meshes that it is in. */
  readonly #meshes = new Map<string, Set<string>>();
  readonly #fragments = new Map<string, EncodedFragment>();
  readonly #cookiesOf = new Map<string, Set<bigint>>();
  step = 0;

  apply(changes: readonly ChangeLogRow[]): void {
    const revision = changes.at(-1)?.revision ?? this.view.revision;
    this.#take(this.view.apply(revision, changes));
  }

  restored(snapshot: Snapshot): void {
    this.#take(this.view.replace(snapshot));
  }

  /** Fragments that a step changed on a host, by cookie. */
  changedIn(step: number, hypervisorId: string): Iterable<bigint> {
    return this.#changed[step]?.get(hypervisorId) ?? [];
  }

  /** What the fragment should be there now. */
  current(hypervisorId: string, cookie: bigint): Content {
    return this.#timelines.get(hypervisorId)?.get(cookie)?.at(-1)?.content ?? '';
  }

  /** Cookies of everything that should be there now. */
  *cookies(hypervisorId: string): Generator<bigint> {
    for (const [cookie, versions] of this.#timelines.get(hypervisorId) ?? []) {
      if (versions.at(-1)?.content !== '') yield cookie;
    }
  }

  /** Was it ever, and nowhere later than `since` replaced, exactly that? `since` 0: at any time. */
  wasEver(hypervisorId: string, cookie: bigint, content: Content, since: number): boolean {
    const versions = this.#timelines.get(hypervisorId)?.get(cookie);
    if (versions === undefined) return content === '';
    if (content === '' && (versions[0]?.step ?? 0) > since) return true;
    return versions.some((version, at) => {
      const next = versions[at + 1];
      return version.content === content && (next === undefined || next.step > since);
    });
  }

  /** Was it ever these flows and others, all of which stood in places that have been `lost`? */
  wasEverBut(hypervisorId: string, cookie: bigint, held: ReadonlySet<FlowText>, lost: ReadonlySet<string>): boolean {
    const values = new Map(Array.from(held, ({ identity, value }) => [identity, value]));
    const isHeldOrLost = ({ identity, value }: FlowText): boolean =>
      values.has(identity) ? values.get(identity) === value : lost.has(identity);
    const versions = this.#timelines.get(hypervisorId)?.get(cookie) ?? [];
    return versions.some(({ flows }) => {
      const places = new Set(flows.map(({ identity }) => identity));
      return flows.every(isHeldOrLost) && [...values.keys()].every(identity => places.has(identity));
    });
  }

  /** Cookies that fragments of this key have had. */
  cookiesOf(key: string): Iterable<bigint> {
    return this.#cookiesOf.get(key) ?? [];
  }

  /** Is it now, or was it at some time since the step, as it was at some time before? */
  isUndone(hypervisorId: string, cookie: bigint, step: number): boolean {
    const versions = this.#timelines.get(hypervisorId)?.get(cookie) ?? [];
    const before = new Set(versions.filter(version => version.step < step).map(({ content }) => content));
    return versions.some(version => version.step >= step && before.has(version.content));
  }

  /** Every fragment of a host, for the comparison at rest. */
  *fragmentsOn(hypervisorId: string): Generator<EncodedFragment> {
    for (const fragment of this.#fragments.values()) if (this.#isOn(hypervisorId, fragment)) yield fragment;
  }

  #take(touched: Touched): void {
    this.step += 1;
    const delta = this.#compiler.update(touched);
    const changed = new Map<string, Set<bigint>>();
    this.#changed[this.step] = changed;
    for (const { id, before, after } of touched.changes.filter(change => change.kind === 'hypervisors')) {
      if (before === null && after !== null) this.#timelines.set(id, this.#timelines.get(id) ?? new Map());
    }
    const looked = new Map<string, Set<string>>();
    const look = (hypervisorId: string, key: string): void => {
      let keys = looked.get(hypervisorId);
      if (keys === undefined) looked.set(hypervisorId, (keys = new Set()));
      keys.add(key);
    };
    const isNew = new Set(touched.changes.flatMap(change => (change.kind === 'hypervisors' ? [change.id] : [])));
    for (const id of isNew) for (const key of this.#fragments.keys()) look(id, key);
    for (const { datapathId, hypervisorId, resident } of delta.residency) {
      const held = this.#residents.get(hypervisorId) ?? new Set();
      this.#residents.set(hypervisorId, held);
      if (resident) held.add(datapathId);
      else held.delete(datapathId);
      for (const [key, { scope }] of this.#fragments) {
        if (scope.kind === 'datapath' && scope.datapathId === datapathId) look(hypervisorId, key);
      }
    }
    for (const { meshId, hypervisorId, member } of delta.meshes) {
      const held = this.#meshes.get(hypervisorId) ?? new Set();
      this.#meshes.set(hypervisorId, held);
      if (member) held.add(meshId);
      else held.delete(meshId);
    }
    if (delta.meshes.length > 0) {
      for (const [key, { scope }] of this.#fragments) {
        if (scope.kind === 'peers') for (const id of this.#timelines.keys()) look(id, key);
      }
    }
    for (const change of delta.changes) for (const id of this.#timelines.keys()) look(id, change.key);
    const before = this.#replace(delta.changes);
    for (const [hypervisorId, keys] of looked) {
      for (const key of keys) this.#record(hypervisorId, key, before, changed);
    }
  }

  #replace(changes: readonly FragmentChange<EncodedFragment>[]): ReadonlyMap<string, EncodedFragment> {
    const before = new Map<string, EncodedFragment>();
    for (const change of changes) {
      if (change.before !== null) before.set(change.key, change.before);
      if (change.after === null) this.#fragments.delete(change.key);
      else {
        this.#fragments.set(change.key, change.after);
        this.#cookiesOf.set(change.key, (this.#cookiesOf.get(change.key) ?? new Set()).add(change.after.cookie));
      }
    }
    return before;
  }

  #record(
    hypervisorId: string,
    key: string,
    before: ReadonlyMap<string, EncodedFragment>,
    changed: Map<string, Set<bigint>>,
  ): void {
    const now = this.#fragments.get(key);
    const old = before.get(key);
    if (old !== undefined && old.cookie !== now?.cookie) this.#set(hypervisorId, old.cookie, nothing, changed);
    if (now !== undefined) {
      this.#set(hypervisorId, now.cookie, this.#isOn(hypervisorId, now) ? bodyOf(now) : nothing, changed);
    }
  }

  #isOn(hypervisorId: string, { scope }: EncodedFragment): boolean {
    if (scope.kind === 'everywhere') return true;
    if (scope.kind === 'hypervisor') return scope.hypervisorId === hypervisorId;
    if (scope.kind === 'peers') {
      const meshes = [...(this.#meshes.get(hypervisorId) ?? [])];
      return (
        scope.hypervisorId !== hypervisorId &&
        meshes.some(meshId => this.#meshes.get(scope.hypervisorId)?.has(meshId) === true)
      );
    }
    return this.#residents.get(hypervisorId)?.has(scope.datapathId) === true;
  }

  #set(hypervisorId: string, cookie: bigint, body: Body, changed: Map<string, Set<bigint>>): void {
    const ofHost = this.#timelines.get(hypervisorId);
    if (ofHost === undefined) return;
    let versions = ofHost.get(cookie);
    if (versions === undefined) ofHost.set(cookie, (versions = []));
    if ((versions.at(-1)?.content ?? '') === body.content) return;
    if (versions.at(-1)?.step === this.step) versions.pop();
    versions.push({ step: this.step, ...body });
    let cookies = changed.get(hypervisorId);
    if (cookies === undefined) changed.set(hypervisorId, (cookies = new Set()));
    cookies.add(cookie);
  }
}
