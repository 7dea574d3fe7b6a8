/**
 * What one hypervisor should hold, as tables in which a packet can be looked up. Fragments are kept as bytes (encoded-fragment.ts), so a
 * look-up reads the few bytes of each message that tell whether it can be the one, and decodes what is left.
 */
import type { Action } from '../../southbound/openflow/action.js';
import { decodeMessage, type MessageOf } from '../../southbound/openflow/message-codec.js';
import type { Match } from '../../southbound/openflow/oxm.js';
import type { FragmentOwner } from '../compiler/fragment.js';
import type { EncodedFragment } from './encoded-fragment.js';
import { flowMessages, groupMessages } from './encoded-fragment.js';
import { bundleAddBytes, metadataOfAdd, placeOfAdd } from './encoding.js';

/** A flow that a hypervisor should hold. */
export interface CompiledFlow {
  readonly priority: number;
  readonly cookie: bigint;
  /** `rule name/subject id` of its fragment. */
  readonly key: string;
  readonly owner: FragmentOwner;
  readonly actions: readonly Action[];
}

/** What a packet is asked. */
export interface LookedUp {
  /** The datapath that it is in. */
  readonly metadata: bigint;
  fits(match: Match): boolean;
}

interface HeldMessage {
  readonly fragment: EncodedFragment;
  readonly priority: number;
  readonly message: string;
}

/** Valid until the next delta is applied. */
export class CompiledTables {
  /** By table. */
  readonly #flows = new Map<number, HeldMessage[]>();
  readonly #groups = new Map<number, string>();

  constructor(fragments: Iterable<{ readonly fragment: EncodedFragment }>) {
    for (const { fragment } of fragments) {
      for (const message of flowMessages(fragment)) {
        const { table, priority } = placeOfAdd(message);
        const held = this.#flows.get(table);
        if (held === undefined) this.#flows.set(table, [{ fragment, priority, message }]);
        else held.push({ fragment, priority, message });
      }
      for (const [index, message] of groupMessages(fragment).entries()) {
        const { id } = fragment.groups[index] ?? {};
        if (id !== undefined) this.#groups.set(id, message);
      }
    }
  }

  /** The flow of the highest priority that fits. */
  find(table: number, packet: LookedUp): CompiledFlow | null {
    let best: HeldMessage | null = null;
    let actions: readonly Action[] = [];
    for (const held of this.#flows.get(table) ?? []) {
      if (best !== null && held.priority <= best.priority) continue;
      const metadata = metadataOfAdd(held.message);
      if (metadata !== null && metadata !== packet.metadata) continue;
      const { match, instructions } = decoded<'flowMod'>(held.message);
      if (!packet.fits(match)) continue;
      best = held;
      actions = instructions.flatMap(each => (each.kind === 'applyActions' ? each.actions : []));
    }
    if (best === null) return null;
    const { cookie, key, owner } = best.fragment;
    return { priority: best.priority, cookie, key, owner, actions };
  }

  /** Of a group that chooses one, the first: which it is makes no difference to whether a packet arrives. */
  bucketsOf(groupId: number): readonly (readonly Action[])[] {
    const message = this.#groups.get(groupId);
    if (message === undefined) return [];
    const { type, buckets } = decoded<'groupMod'>(message);
    return (type === 'all' ? buckets : buckets.slice(0, 1)).map(({ actions }) => actions);
  }
}

/** The message within a bundle-add, a byte a character. */
function decoded<K extends 'flowMod' | 'groupMod'>(bundleAdd: string): MessageOf<K> {
  return decodeMessage(Buffer.from(bundleAdd.slice(bundleAddBytes), 'latin1')).message as MessageOf<K>;
}
