/**
 * A bounded queue whose groups take turns, and within a group its members: whoever puts in much waits behind himself, and never before
 * others.
 */
export interface FairQueueLimits {
  /** Of one member. */
  readonly member: number;
  /** Of one group, all of its members together. */
  readonly group: number;
  readonly all: number;
}

interface Group<T> {
  size: number;
  /** In the order of their turns. */
  readonly members: Map<string, T[]>;
}

export class FairQueue<T> {
  readonly #limits: FairQueueLimits;
  /** In the order of their turns. */
  readonly #groups = new Map<string, Group<T>>();
  #size = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** False: there is no room, of this member's, of its group's, or at all. */
  offer({ group: groupId, member }: { readonly group: string; readonly member: string }, item: T): boolean {
    const group = this.#groups.get(groupId) ?? { size: 0, members: new Map<string, T[]>() };
    const held = group.members.get(member);
    const { member: most, group: mostOfGroup, all } = this.#limits;
    if (this.#size >= all || group.size >= mostOfGroup || (held?.length ?? 0) >= most) return false;
    if (held === undefined) group.members.set(member, [item]);
    else held.push(item);
    group.size += 1;
    this.#size += 1;
    this.#groups.set(groupId, group);
    return true;
  }

  /** The next in turn; undefined when none waits. */
  take(): T | undefined {
    const [first] = this.#groups;
    if (first === undefined) return undefined;
    const [groupId, group] = first;
    const item = nextOf(group.members);
    group.size -= 1;
    this.#size -= 1;
    this.#groups.delete(groupId);
    if (group.size > 0) this.#groups.set(groupId, group);
    return item;
  }

  /** Forgets all that wait, and says how many they were. */
  clear(): number {
    const count = this.#size;
    this.#groups.clear();
    this.#size = 0;
    return count;
  }
}

/** Of the member whose turn it is, who is the last then. */
function nextOf<T>(members: Map<string, T[]>): T | undefined {
  const [first] = members;
  if (first === undefined) return undefined;
  const [member, held] = first;
  const item = held.shift();
  members.delete(member);
  if (held.length > 0) members.set(member, held);
  return item;
}
