/**
 * What one hypervisor should hold, as tables in which a packet can be looked up. Fragments are kept as bytes (encoded-fragment.ts): a look-up
 * compares bytes, and decodes the flow that it finds.
 */
import type { Action } from '../../southbound/openflow/action.js';
import { decodeMessage, type MessageOf } from '../../southbound/openflow/message-codec.js';
import type { Match, OxmField } from '../../southbound/openflow/oxm.js';
import type { FragmentOwner } from '../compiler/fragment.js';
import { flowMessagesJoined, groupMessages, type EncodedFragment } from './encoded-fragment.js';
import { bundleAddBytes, lengthOfMessage, matchOfAdd, placeOfAdd } from './encoding.js';
import { PacketBytes } from './match-bytes.js';

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
  get(field: OxmField): bigint;
  fits(match: Match): boolean;
}

/** A flow's message: where it begins in those of its fragment. */
interface HeldMessage {
  readonly fragment: EncodedFragment;
  readonly messages: string;
  readonly at: number;
  readonly priority: number;
}

/** Valid until the next delta is applied. */
export class CompiledTables {
  /** By table. */
  readonly #flows = new Map<number, HeldMessage[]>();
  readonly #groups = new Map<number, string>();

  constructor(fragments: Iterable<{ readonly fragment: EncodedFragment }>) {
    for (const { fragment } of fragments) {
      const messages = flowMessagesJoined(fragment);
      for (let at = 0; at < messages.length; at += lengthOfMessage(messages, at)) {
        const { table, priority } = placeOfAdd(messages, at);
        const held = this.#flows.get(table);
        if (held === undefined) this.#flows.set(table, [{ fragment, messages, at, priority }]);
        else held.push({ fragment, messages, at, priority });
      }
      if (fragment.groups.length === 0) continue;
      for (const [index, message] of groupMessages(fragment).entries()) {
        const { id } = fragment.groups[index] ?? {};
        if (id !== undefined) this.#groups.set(id, message);
      }
    }
  }

  /** The flow of the highest priority that fits. */
  find(table: number, packet: LookedUp): CompiledFlow | null {
    const bytes = new PacketBytes(field => packet.get(field));
    let best: HeldMessage | null = null;
    for (const held of this.#flows.get(table) ?? []) {
      if (best !== null && held.priority <= best.priority) continue;
      const { start, end } = matchOfAdd(held.messages, held.at);
      if (bytes.fits(held.messages, start, end) ?? packet.fits(flowModOf(held).match)) best = held;
    }
    if (best === null) return null;
    const { cookie, key, owner } = best.fragment;
    const { instructions } = flowModOf(best);
    const actions = instructions.flatMap(each => (each.kind === 'applyActions' ? each.actions : []));
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

const flowModOf = ({ messages, at }: HeldMessage): MessageOf<'flowMod'> =>
  decoded<'flowMod'>(messages.slice(at, at + lengthOfMessage(messages, at)));

/** The message within a bundle-add, a byte a character. */
function decoded<K extends 'flowMod' | 'groupMod'>(bundleAdd: string): MessageOf<K> {
  return decodeMessage(Buffer.from(bundleAdd.slice(bundleAddBytes), 'latin1')).message as MessageOf<K>;
}
