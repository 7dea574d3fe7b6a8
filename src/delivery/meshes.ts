/**
 * Which hypervisors send to each other: those that are in some mesh together, one or several. What is kept is who is in which mesh, never
 * the pairs: a thousand hypervisors in one mesh are a thousand entries, and half a million pairs.
 */
import type { MeshChange } from '../compiler/compiler.js';

/** Told of two hypervisors that are peers from now on, or no longer: once for each pair. */
export type PairListener = (one: string, other: string, arePeers: boolean) => void;

/** Hypervisors that came into a mesh, or left it, by mesh. */
type Moves = ReadonlyMap<string, ReadonlySet<string>>;
type MeshesOf = (hypervisorId: string) => ReadonlySet<string>;

const none: ReadonlySet<never> = new Set();

export class Meshes {
  /** By mesh: its members, each with the revision from which on it is one. */
  readonly #membersOf = new Map<string, Map<string, number>>();
  readonly #meshesOf = new Map<string, Set<string>>();

  /** The other hypervisors that share a mesh with it, each once, with a revision since when. */
  peersOf(hypervisorId: string): ReadonlyMap<string, number> {
    const peers = new Map<string, number>();
    for (const meshId of this.#meshesOf.get(hypervisorId) ?? none) {
      const members = this.#membersOf.get(meshId);
      const own = members?.get(hypervisorId) ?? 0;
      for (const [peer, since] of members ?? []) {
        if (peer !== hypervisorId) peers.set(peer, Math.min(peers.get(peer) ?? Infinity, Math.max(own, since)));
      }
    }
    return peers;
  }

  arePeers(one: string, other: string): boolean {
    return one !== other && haveShared(this.#current(one), this.#current(other));
  }

  /** Takes changes of one revision, and tells what they mean for pairs. `concerns`: whether the listener wants to hear of one of the two. */
  apply(
    changes: readonly MeshChange[],
    revision: number,
    concerns: (hypervisorId: string) => boolean,
    listener: PairListener,
  ): void {
    const real = changes.filter(
      ({ meshId, hypervisorId, member }) => (this.#membersOf.get(meshId)?.has(hypervisorId) === true) !== member,
    );
    if (real.length === 0) return;
    const former = new Map(real.map(({ hypervisorId }) => [hypervisorId, new Set(this.#current(hypervisorId))]));
    const [joined, left] = [movesOf(real, true), movesOf(real, false)];
    for (const change of real) this.#move(change, revision);
    const before: MeshesOf = hypervisorId => former.get(hypervisorId) ?? this.#current(hypervisorId);
    const now: MeshesOf = hypervisorId => this.#current(hypervisorId);
    for (const [meshId, movers] of joined) {
      const others = [...(this.#membersOf.get(meshId)?.keys() ?? none)];
      tellPairs({ meshId, movers, others, shared: now, notShared: before }, concerns, (one, other) =>
        listener(one, other, true),
      );
    }
    for (const [meshId, movers] of left) {
      const came = joined.get(meshId) ?? none;
      const stayed = [...(this.#membersOf.get(meshId)?.keys() ?? none)].filter(member => !came.has(member));
      const others = [...stayed, ...movers];
      tellPairs({ meshId, movers, others, shared: before, notShared: now }, concerns, (one, other) =>
        listener(one, other, false),
      );
    }
  }

  #current(hypervisorId: string): ReadonlySet<string> {
    return this.#meshesOf.get(hypervisorId) ?? none;
  }

  #move({ meshId, hypervisorId, member }: MeshChange, revision: number): void {
    if (member) {
      const members = this.#membersOf.get(meshId);
      if (members === undefined) this.#membersOf.set(meshId, new Map([[hypervisorId, revision]]));
      else members.set(hypervisorId, revision);
      const meshes = this.#meshesOf.get(hypervisorId);
      if (meshes === undefined) this.#meshesOf.set(hypervisorId, new Set([meshId]));
      else meshes.add(meshId);
      return;
    }
    const members = this.#membersOf.get(meshId);
    members?.delete(hypervisorId);
    if (members?.size === 0) this.#membersOf.delete(meshId);
    const meshes = this.#meshesOf.get(hypervisorId);
    meshes?.delete(meshId);
    if (meshes?.size === 0) this.#meshesOf.delete(hypervisorId);
  }
}

function movesOf(changes: readonly MeshChange[], member: boolean): Moves {
  const moves = new Map<string, Set<string>>();
  for (const change of changes) {
    if (change.member !== member) continue;
    const movers = moves.get(change.meshId);
    if (movers === undefined) moves.set(change.meshId, new Set([change.hypervisorId]));
    else movers.add(change.hypervisorId);
  }
  return moves;
}

/** Of one mesh: who moved, and with whom each may be a new pair, or an old one; the movers among them. */
interface MeshMoves {
  readonly meshId: string;
  readonly movers: ReadonlySet<string>;
  readonly others: readonly string[];
  /** On the side of the change on which they share this mesh: a pair that shares several is told of with the first. */
  readonly shared: MeshesOf;
  /** On its other side: a pair that shares some mesh there is no news. */
  readonly notShared: MeshesOf;
}

function tellPairs(
  { meshId, movers, others, shared, notShared }: MeshMoves,
  concerns: (hypervisorId: string) => boolean,
  tell: (one: string, other: string) => void,
): void {
  for (const mover of movers) {
    const isConcerned = concerns(mover);
    for (const other of others) {
      if (other === mover || (movers.has(other) && other < mover)) continue;
      if (!isConcerned && !concerns(other)) continue;
      if (haveShared(notShared(mover), notShared(other))) continue;
      if (firstShared(shared(mover), shared(other)) === meshId) tell(mover, other);
    }
  }
}

function* allShared(one: ReadonlySet<string>, other: ReadonlySet<string>): Generator<string> {
  const [fewer, more] = one.size <= other.size ? [one, other] : [other, one];
  for (const meshId of fewer) if (more.has(meshId)) yield meshId;
}

function haveShared(one: ReadonlySet<string>, other: ReadonlySet<string>): boolean {
  return allShared(one, other).next().done !== true;
}

/** The mesh with the lowest id that both are in. */
function firstShared(one: ReadonlySet<string>, other: ReadonlySet<string>): string | null {
  let first: string | null = null;
  for (const meshId of allShared(one, other)) if (first === null || meshId < first) first = meshId;
  return first;
}
