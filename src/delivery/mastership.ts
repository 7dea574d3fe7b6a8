/**
 * Whether this Weft is the master of one switch. The term of the lease is claimed as the generation of the master role, so the switch
 * itself refuses who comes with an older one.
 */
import { bundleId } from './encoding.js';
import type { RoleReply, Switch } from './switch.js';

export class Mastership {
  #term: bigint | null = null;
  /** The switch was ours before on this connection: a bundle that the fence came upon may be open, and the next would add to it. */
  #mayHoldBundle = false;

  /** The term under which the switch is ours; null: it is not. */
  get term(): bigint | null {
    return this.#term;
  }

  /** Another connection. */
  reset(): void {
    this.#term = null;
    this.#mayHoldBundle = false;
  }

  /** The lease is another's, or the switch has another master. */
  end(): void {
    this.#term = null;
  }

  /** @param checkOpen throws when the connection is not the hypervisor's any more */
  async claim(
    target: Switch,
    term: bigint,
    checkOpen: () => void,
  ): Promise<Exclude<RoleReply, { readonly kind: 'refused' }>> {
    const reply = await target.claimRole(term);
    checkOpen();
    if (reply.kind === 'refused') throw new Error(`the switch refuses the master role: ${reply.error}`);
    if (reply.kind === 'stale') return reply;
    if (this.#mayHoldBundle) await target.discardBundle(bundleId);
    checkOpen();
    this.#mayHoldBundle = true;
    this.#term = term;
    return reply;
  }
}
