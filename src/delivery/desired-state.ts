/**
 * What every hypervisor should hold: the newest fragments, by key and by scope, which datapaths are resident where, and
 * who is in which mesh. It is shared by all hypervisors; nothing here is kept per hypervisor except its datapaths and meshes.
 *
 * Each scope keeps the sum of its fragments' digests, and each hypervisor that of its scopes: a delta costs one addition
 * for each scope that it touches and each hypervisor concerned. Equal digests mean equal bytes: that is how a reconnect
 * finds that nothing changed.
 */
import type { Delta } from '../compiler/compiler.js';
import type { Scope } from '../compiler/fragment.js';
import type { EncodedFragment } from './encoded-fragment.js';
import { addDigest } from './encoding.js';
import { Peers } from './peers.js';

/** The newest version of a fragment. `revision` is that of its last change; of one hypervisor's, of its last change there. */
export interface PlacedFragment {
  readonly fragment: EncodedFragment;
  readonly revision: number;
}

/** One key whose desired version on one hypervisor changed, from the one desired there until now. */
export interface HostChange {
  readonly key: string;
  readonly before: EncodedFragment | null;
  readonly after: EncodedFragment | null;
  /** What stays here until others are ready may still lead to it: its removal waits for that. Absent: nothing does. */
  readonly pointedFrom?: ReadonlySet<string>;
}

/** What a delta means, by hypervisor. */
export interface DeltaEffect {
  readonly changes: ReadonlyMap<string, readonly HostChange[]>;
  /** Hypervisors that it touches and whose changes nobody asked for, see `apply`. */
  readonly untracked: ReadonlySet<string>;
  /**
   * For a hypervisor that something pointed to (`after`) until this delta: the hypervisors that held the pointer.
   * Whatever the first one removes may be in use until they have followed; it is often among them itself.
   */
  readonly pointedFrom: ReadonlyMap<string, ReadonlySet<string>>;
}

interface ScopeContents {
  readonly fragments: Map<string, PlacedFragment>;
  /** Of a hypervisor's scope: keys by the id of the object that owns them. */
  readonly keysOf: Map<string, readonly string[]> | null;
  flows: number;
  /** Sum of digests. */
  digest: bigint;
}

type Note = (hypervisorId: string, key: string, before: EncodedFragment | null) => void;

const noKeys: readonly string[] = [];

function newContents(scope: Scope): ScopeContents {
  return { fragments: new Map(), keysOf: scope.kind === 'hypervisor' ? new Map() : null, flows: 0, digest: 0n };
}

type Scopes = { readonly [K in Scope['kind']]: Map<string, ScopeContents> };

/** Unique among the scopes of one kind. */
function scopeId(scope: Scope): string {
  if (scope.kind === 'datapath') return scope.datapathId;
  return scope.kind === 'everywhere' ? '' : scope.hypervisorId;
}

/** Fragments of a scope that a hypervisor came into with this revision: none of them changed there before. */
function* notBefore(revision: number, contents: ScopeContents | undefined): Generator<PlacedFragment> {
  for (const placed of contents?.fragments.values() ?? []) {
    yield placed.revision >= revision ? placed : { fragment: placed.fragment, revision };
  }
}

export class DesiredState {
  readonly #byKey = new Map<string, PlacedFragment>();
  readonly #scopes: Scopes = { everywhere: new Map(), datapath: new Map(), hypervisor: new Map(), peers: new Map() };
  /** By hypervisor: its datapaths, each with the revision from which on it is resident there. */
  readonly #datapathsOf = new Map<string, Map<string, number>>();
  /** By hypervisor: the revision that brought it; of those added since the last delta, that of the next one. */
  readonly #broughtBy = new Map<string, number>();
  readonly #added = new Set<string>();
  readonly #residentsOf = new Map<string, Set<string>>();
  readonly #peers = new Peers(hypervisorId => this.#scopes.peers.get(hypervisorId));
  /** By hypervisor: sum of the digests of its scopes, but for `peers`. */
  readonly #digests = new Map<string, bigint>();
  #revision = 0;

  /** Revision of the newest delta applied; 0 before the first. */
  get revision(): number {
    return this.#revision;
  }

  /** The database was restored to an older revision. */
  goBack(revision: number): void {
    this.#revision = revision;
  }

  get hypervisors(): Iterable<string> {
    return this.#datapathsOf.keys();
  }

  /** From now on fragments of scope `everywhere` concern this hypervisor too. */
  addHypervisor(hypervisorId: string): void {
    if (this.#datapathsOf.has(hypervisorId)) return;
    this.#datapathsOf.set(hypervisorId, new Map());
    this.#added.add(hypervisorId);
    for (const { digest } of this.#scopesOf(hypervisorId)) this.#addDigest(hypervisorId, digest);
  }

  removeHypervisor(hypervisorId: string): void {
    for (const datapathId of this.#datapathsOf.get(hypervisorId)?.keys() ?? []) {
      this.#residentsOf.get(datapathId)?.delete(hypervisorId);
    }
    this.#datapathsOf.delete(hypervisorId);
    this.#broughtBy.delete(hypervisorId);
    this.#added.delete(hypervisorId);
    this.#digests.delete(hypervisorId);
    this.#peers.forget(hypervisorId);
  }

  get(key: string): PlacedFragment | undefined {
    return this.#byKey.get(key);
  }

  /** The fragment of this key that the hypervisor should hold, or null. */
  desiredOn(hypervisorId: string, key: string): PlacedFragment | null {
    const placed = this.#byKey.get(key);
    return placed !== undefined && this.#concerns(hypervisorId, placed.fragment.scope) ? placed : null;
  }

  /** Everything that the hypervisor should hold. Read it out before the next delta is applied. */
  *fragmentsOn(hypervisorId: string): Generator<PlacedFragment> {
    const broughtBy = this.#broughtBy.get(hypervisorId) ?? 0;
    for (const contents of [this.#scopes.everywhere.get(''), this.#scopes.hypervisor.get(hypervisorId)]) {
      yield* notBefore(broughtBy, contents);
    }
    for (const [peer, since] of this.#peers.of(hypervisorId)) {
      yield* notBefore(Math.max(broughtBy, since), this.#scopes.peers.get(peer));
    }
    for (const [datapathId, residentSince] of this.#datapathsOf.get(hypervisorId) ?? []) {
      yield* notBefore(residentSince, this.#scopes.datapath.get(datapathId));
    }
  }

  /** Fragments that are this hypervisor's alone: its ports, its tunnels. */
  *fragmentsOnlyOn(hypervisorId: string): Generator<EncodedFragment> {
    const contents = this.#scopes.hypervisor.get(hypervisorId);
    for (const { fragment } of contents?.fragments.values() ?? []) yield fragment;
  }

  /** Keys of the fragments of one object that are this hypervisor's alone. */
  keysOnlyOn(hypervisorId: string, ownerId: string): readonly string[] {
    return this.#scopes.hypervisor.get(hypervisorId)?.keysOf?.get(ownerId) ?? noKeys;
  }

  /** Number of flows that the hypervisor should hold (the sentinel and learned flows not counted). */
  flowsOn(hypervisorId: string): number {
    let flows = 0;
    for (const contents of this.#scopesOf(hypervisorId)) flows += contents.flows;
    return flows + this.#peers.sumOn(hypervisorId).flows;
  }

  /** Sum of the digests of everything on the hypervisor, modulo 2^64. */
  digestOn(hypervisorId: string): bigint {
    if (!this.#datapathsOf.has(hypervisorId)) return 0n;
    return addDigest(this.#digests.get(hypervisorId) ?? 0n, this.#peers.sumOn(hypervisorId).digest);
  }

  /**
   * Takes a delta in and says whom it concerns. Hypervisors that it names for the first time are added. Changes are
   * listed only for those that are `tracked`: of a switch whose content is not known, listing them would say nothing
   * (and after a start would list everything for everybody).
   */
  apply(delta: Delta<EncodedFragment>, tracked: (hypervisorId: string) => boolean = () => true): DeltaEffect {
    const changes = new Map<string, Map<string, EncodedFragment | null>>();
    const untracked = new Set<string>();
    const isListed = (hypervisorId: string): boolean => {
      if (untracked.has(hypervisorId)) return false;
      if (changes.has(hypervisorId) || tracked(hypervisorId)) return true;
      untracked.add(hypervisorId);
      return false;
    };
    const listOf = (hypervisorId: string): Map<string, EncodedFragment | null> | null => {
      if (!isListed(hypervisorId)) return null;
      let ofHost = changes.get(hypervisorId);
      if (ofHost === undefined) changes.set(hypervisorId, (ofHost = new Map()));
      return ofHost;
    };
    const note: Note = (hypervisorId, key, before) => {
      const ofHost = listOf(hypervisorId);
      if (ofHost !== null && !ofHost.has(key)) ofHost.set(key, before);
    };
    const pointedFrom = this.#noteBefore(delta, note);
    const isUnlisted = (hypervisorId: string): boolean =>
      untracked.has(hypervisorId) || !this.#datapathsOf.has(hypervisorId);
    const peers = this.#peers.apply(delta.meshes, delta.revision, {
      isUnlisted,
      isListed: hypervisorId => !isUnlisted(hypervisorId) && isListed(hypervisorId),
    });
    for (const { hypervisorId, peer } of peers.lost) {
      for (const [key, { fragment }] of this.#scopes.peers.get(peer)?.fragments ?? [])
        note(hypervisorId, key, fragment);
    }
    this.#replaceAll(delta);
    for (const { hypervisorId, peer } of peers.gained) {
      for (const key of this.#scopes.peers.get(peer)?.fragments.keys() ?? []) note(hypervisorId, key, null);
    }
    const gained = this.#applyResidency(delta);
    for (const { key, after } of delta.changes) {
      if (after !== null) for (const host of this.#hostsOf(after.scope)) note(host, key, null);
    }
    for (const { hypervisorId, datapathId } of gained) {
      const contents = this.#scopes.datapath.get(datapathId);
      const ofHost = contents === undefined ? null : listOf(hypervisorId);
      if (ofHost === null) continue;
      for (const key of contents?.fragments.keys() ?? []) if (!ofHost.has(key)) ofHost.set(key, null);
    }
    this.#revision = Math.max(this.#revision, delta.revision);
    for (const hypervisorId of this.#added) this.#broughtBy.set(hypervisorId, delta.revision);
    this.#added.clear();
    return { changes: this.#onlyDifferent(changes), untracked, pointedFrom };
  }

  /** Notes what hypervisors hold before the delta, as far as the delta touches it. */
  #noteBefore(delta: Delta<EncodedFragment>, note: Note): Map<string, Set<string>> {
    const pointedFrom = new Map<string, Set<string>>();
    for (const { hypervisorId, resident } of delta.residency) if (resident) this.addHypervisor(hypervisorId);
    for (const { hypervisorId, member } of delta.meshes) if (member) this.addHypervisor(hypervisorId);
    for (const { before, after } of delta.changes) {
      if (after?.scope.kind === 'hypervisor') this.addHypervisor(after.scope.hypervisorId);
      if (before === null) continue;
      const hosts = [...this.#hostsOf(before.scope)];
      for (const host of hosts) note(host, before.key, before);
      for (const target of before.after ?? []) {
        let from = pointedFrom.get(target);
        if (from === undefined) pointedFrom.set(target, (from = new Set()));
        for (const host of hosts) from.add(host);
      }
    }
    for (const { hypervisorId, datapathId, resident } of delta.residency) {
      if (resident || this.#residentsOf.get(datapathId)?.has(hypervisorId) !== true) continue;
      const contents = this.#scopes.datapath.get(datapathId);
      for (const [key, placed] of contents?.fragments ?? []) note(hypervisorId, key, placed.fragment);
    }
    return pointedFrom;
  }

  #onlyDifferent(changes: Map<string, Map<string, EncodedFragment | null>>): Map<string, HostChange[]> {
    const different = new Map<string, HostChange[]>();
    for (const [hypervisorId, byKey] of changes) {
      const list: HostChange[] = [];
      const self = new Set([hypervisorId]);
      for (const [key, before] of byKey) {
        const after = this.desiredOn(hypervisorId, key)?.fragment ?? null;
        if (after === before) continue;
        list.push(before?.scope.kind === 'peers' ? { key, before, after, pointedFrom: self } : { key, before, after });
      }
      if (list.length > 0) different.set(hypervisorId, list);
    }
    return different;
  }

  #applyResidency(delta: Delta<EncodedFragment>): { hypervisorId: string; datapathId: string }[] {
    const gained: { hypervisorId: string; datapathId: string }[] = [];
    for (const { hypervisorId, datapathId, resident } of delta.residency) {
      const datapaths = this.#datapathsOf.get(hypervisorId);
      if (datapaths === undefined || datapaths.has(datapathId) === resident) continue;
      let residents = this.#residentsOf.get(datapathId);
      if (residents === undefined) this.#residentsOf.set(datapathId, (residents = new Set()));
      if (resident) {
        datapaths.set(datapathId, delta.revision);
        residents.add(hypervisorId);
        this.#addDigest(hypervisorId, this.#scopes.datapath.get(datapathId)?.digest ?? 0n);
        gained.push({ hypervisorId, datapathId });
      } else {
        datapaths.delete(datapathId);
        residents.delete(hypervisorId);
        this.#addDigest(hypervisorId, -(this.#scopes.datapath.get(datapathId)?.digest ?? 0n));
        if (residents.size === 0) this.#residentsOf.delete(datapathId);
      }
    }
    return gained;
  }

  #replaceAll({ changes, revision }: Delta<EncodedFragment>): void {
    const byScope = new Map<Scope['kind'], Map<string, { readonly scope: Scope; flows: number; digest: bigint }>>();
    const add = (scope: Scope, flows: number, digest: bigint): void => {
      let ofKind = byScope.get(scope.kind);
      if (ofKind === undefined) byScope.set(scope.kind, (ofKind = new Map()));
      const sum = ofKind.get(scopeId(scope));
      if (sum === undefined) ofKind.set(scopeId(scope), { scope, flows, digest });
      else {
        sum.flows += flows;
        sum.digest = addDigest(sum.digest, digest);
      }
    };
    for (const { key, after } of changes) {
      const before = this.#byKey.get(key);
      if (before !== undefined) {
        this.#leaveScope(before);
        add(before.fragment.scope, -before.fragment.flowCount, -before.fragment.digest);
      }
      if (after === null) this.#byKey.delete(key);
      else {
        this.#enterScope({ fragment: after, revision });
        add(after.scope, after.flowCount, after.digest);
      }
    }
    for (const ofKind of byScope.values()) {
      for (const { scope, flows, digest } of ofKind.values()) {
        if (scope.kind === 'peers') this.#peers.changed(scope.hypervisorId, { flows, digest });
        else for (const hypervisorId of this.#hostsOf(scope)) this.#addDigest(hypervisorId, digest);
      }
    }
  }

  #addDigest(hypervisorId: string, digest: bigint): void {
    if (this.#datapathsOf.has(hypervisorId)) {
      this.#digests.set(hypervisorId, addDigest(this.#digests.get(hypervisorId) ?? 0n, digest));
    }
  }

  #enterScope(placed: PlacedFragment): void {
    const { fragment: after } = placed;
    const { key } = after;
    this.#byKey.set(key, placed);
    const scopes = this.#scopes[after.scope.kind];
    let contents = scopes.get(scopeId(after.scope));
    if (contents === undefined) scopes.set(scopeId(after.scope), (contents = newContents(after.scope)));
    contents.fragments.set(key, placed);
    const { keysOf } = contents;
    keysOf?.set(after.owner.id, [...(keysOf.get(after.owner.id) ?? noKeys), key]);
    contents.flows += after.flowCount;
    contents.digest = addDigest(contents.digest, after.digest);
  }

  #leaveScope(placed: PlacedFragment): void {
    const { fragment } = placed;
    const scopes = this.#scopes[fragment.scope.kind];
    const contents = scopes.get(scopeId(fragment.scope));
    if (contents === undefined) return;
    contents.fragments.delete(fragment.key);
    const { keysOf } = contents;
    const left = keysOf?.get(fragment.owner.id)?.filter(key => key !== fragment.key) ?? noKeys;
    if (left.length === 0) keysOf?.delete(fragment.owner.id);
    else keysOf?.set(fragment.owner.id, left);
    contents.flows -= fragment.flowCount;
    contents.digest = addDigest(contents.digest, -fragment.digest);
    if (contents.fragments.size === 0) scopes.delete(scopeId(fragment.scope));
  }

  #concerns(hypervisorId: string, scope: Scope): boolean {
    switch (scope.kind) {
      case 'everywhere':
        return this.#datapathsOf.has(hypervisorId);
      case 'datapath':
        return this.#residentsOf.get(scope.datapathId)?.has(hypervisorId) === true;
      case 'hypervisor':
        return scope.hypervisorId === hypervisorId;
      case 'peers':
        return this.#datapathsOf.has(hypervisorId) && this.#peers.are(hypervisorId, scope.hypervisorId);
    }
  }

  #hostsOf(scope: Scope): Iterable<string> {
    switch (scope.kind) {
      case 'everywhere':
        return this.#datapathsOf.keys();
      case 'datapath':
        return this.#residentsOf.get(scope.datapathId) ?? [];
      case 'hypervisor':
        return [scope.hypervisorId];
      case 'peers':
        return [...this.#peers.of(scope.hypervisorId).keys()].filter(peer => this.#datapathsOf.has(peer));
    }
  }

  *#scopesOf(hypervisorId: string): Generator<ScopeContents> {
    const { everywhere, hypervisor, datapath } = this.#scopes;
    for (const contents of [everywhere.get(''), hypervisor.get(hypervisorId)]) {
      if (contents !== undefined) yield contents;
    }
    for (const datapathId of this.#datapathsOf.get(hypervisorId)?.keys() ?? []) {
      const contents = datapath.get(datapathId);
      if (contents !== undefined) yield contents;
    }
  }
}
