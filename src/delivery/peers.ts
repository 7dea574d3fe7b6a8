/**
 * What scope `peers` means for each hypervisor: whom it shares a mesh with, and what the fragments about those add up to. A sum is made when
 * it is first asked for, and kept up to date from then on: at a start nobody asks before the hypervisor connects, and all have all their
 * peers at once.
 */
import type { MeshChange } from '../compiler/compiler.js';
import { addDigest } from './encoding.js';
import { Meshes } from './meshes.js';

export interface Sum {
  readonly flows: number;
  /** Sum of digests, modulo 2^64. */
  readonly digest: bigint;
}

/** A hypervisor that has the other one for a peer from now on, or no longer. */
export interface PeerMove {
  readonly hypervisorId: string;
  readonly peer: string;
}

/** Of whom moves are listed. `isListed` may say no from some moment on, but not yes again. */
export interface Listed {
  isListed(this: void, hypervisorId: string): boolean;
  /** Known already to be of no interest, in one look. */
  isUnlisted(this: void, hypervisorId: string): boolean;
}

const nothing: Sum = { flows: 0, digest: 0n };

export class Peers {
  readonly #meshes = new Meshes();
  readonly #sums = new Map<string, Sum>();
  readonly #contentsAbout: (hypervisorId: string) => Sum | undefined;

  /** @param contentsAbout what the fragments that are for the peers of a hypervisor add up to */
  constructor(contentsAbout: (hypervisorId: string) => Sum | undefined) {
    this.#contentsAbout = contentsAbout;
  }

  /** The other hypervisors that share a mesh with it, each once, with the revision since when. */
  of(hypervisorId: string): ReadonlyMap<string, number> {
    return this.#meshes.peersOf(hypervisorId);
  }

  are(one: string, other: string): boolean {
    return this.#meshes.arePeers(one, other);
  }

  /** What the hypervisor holds about its peers. */
  sumOn(hypervisorId: string): Sum {
    let sum = this.#sums.get(hypervisorId);
    if (sum === undefined) {
      sum = nothing;
      for (const peer of this.of(hypervisorId).keys()) sum = plus(sum, this.#contentsAbout(peer) ?? nothing);
      this.#sums.set(hypervisorId, sum);
    }
    return sum;
  }

  /** The fragments about this hypervisor have changed by so much. */
  changed(hypervisorId: string, by: Sum): void {
    for (const peer of this.of(hypervisorId).keys()) this.#add(peer, by);
  }

  /** The hypervisor is gone. Who is in which mesh is for the compiler to say. */
  forget(hypervisorId: string): void {
    this.#sums.delete(hypervisorId);
  }

  /** Takes changes of one revision, while `contentsAbout` still says what was before it. */
  apply(
    changes: readonly MeshChange[],
    revision: number,
    { isListed, isUnlisted }: Listed,
  ): { readonly gained: readonly PeerMove[]; readonly lost: readonly PeerMove[] } {
    const gained: PeerMove[] = [];
    const lost: PeerMove[] = [];
    const concerns = (hypervisorId: string): boolean => this.#sums.has(hypervisorId) || !isUnlisted(hypervisorId);
    this.#meshes.apply(changes, revision, concerns, (one, other, arePeers) => {
      for (const move of [
        { hypervisorId: one, peer: other },
        { hypervisorId: other, peer: one },
      ]) {
        this.#addAbout(move, arePeers ? 1 : -1);
        if (isListed(move.hypervisorId)) (arePeers ? gained : lost).push(move);
      }
    });
    return { gained, lost };
  }

  #addAbout({ hypervisorId, peer }: PeerMove, times: 1 | -1): void {
    const about = this.#sums.has(hypervisorId) ? this.#contentsAbout(peer) : undefined;
    if (about === undefined) return;
    this.#add(hypervisorId, times === 1 ? about : { flows: -about.flows, digest: -about.digest });
  }

  #add(hypervisorId: string, by: Sum): void {
    const sum = this.#sums.get(hypervisorId);
    if (sum !== undefined) this.#sums.set(hypervisorId, plus(sum, by));
  }
}

const plus = (left: Sum, right: Sum): Sum => ({
  flows: left.flows + right.flows,
  digest: addDigest(left.digest, right.digest),
});
