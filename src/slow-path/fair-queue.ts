/** A bounded queue whose members take turns: whoever puts in much waits behind himself, and never before others. */
export interface FairQueueLimits {
  /** Of one member. */
  readonly each: number;
  readonly all: number;
}

export class FairQueue<T> {
  readonly #limits: FairQueueLimits;
  /** By member, in the order of their turns. */
  readonly #waiting = new Map<string, T[]>();
  #size = 0;

  constructor(limits: FairQueueLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  /** False: there is no room, of this member's or at all. */
  offer(member: string, item: T): boolean {
    const held = this.#waiting.get(member);
    if (this.#size >= this.#limits.all || (held?.length ?? 0) >= this.#limits.each) return false;
    if (held === undefined) this.#waiting.set(member, [item]);
    else held.push(item);
    this.#size += 1;
    return true;
  }

  /** The next in turn; undefined when none waits. */
  take(): T | undefined {
    const [first] = this.#waiting;
    if (first === undefined) return undefined;
    const [member, held] = first;
    const item = held.shift();
    this.#waiting.delete(member);
    if (held.length > 0) this.#waiting.set(member, held);
    this.#size -= 1;
    return item;
  }
}
