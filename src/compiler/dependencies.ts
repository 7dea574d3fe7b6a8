/**
 * Who read what: a bipartite graph of units and keys, kept in integer arrays because a large network has millions
 * of reads. A key is one question that can be asked of the view: (space, value), where a space is "row of this
 * kind by id" or "rows of this kind by this index". Asked about and no longer asked about, it is interned and
 * forgotten again, so memory follows the network and not its history.
 *
 *   unit --reads--> read --reads--> read       singly linked, in the order of reading
 *                    |
 *                   key                        each read is also in its key's doubly linked list of readers
 */
import type { IndexValue } from '../view/rows.js';

const none = -1;

/** An integer array that grows; unused slots hold `none`. */
class Integers {
  #items = new Int32Array(1024).fill(none);

  get(index: number): number {
    return this.#items[index] ?? none;
  }

  set(index: number, value: number): void {
    if (index >= this.#items.length) this.#grow(index);
    this.#items[index] = value;
  }

  #grow(index: number): void {
    const grown = new Int32Array(Math.max(index + 1, Math.ceil(this.#items.length * 1.5))).fill(none);
    grown.set(this.#items);
    this.#items = grown;
  }
}

/** Hands out small integers and takes them back. */
class Slots {
  #next = 0;
  readonly #free: number[] = [];

  take(): number {
    return this.#free.pop() ?? this.#next++;
  }

  giveBack(slot: number): void {
    this.#free.push(slot);
  }

  get used(): number {
    return this.#next - this.#free.length;
  }
}

export class Dependencies {
  /** By space: value -> key, of the keys that somebody reads. */
  readonly #spaces: Map<IndexValue, number>[] = [];
  readonly #keys = new Slots();
  readonly #keySpace = new Integers();
  readonly #keyValue: IndexValue[] = [];
  readonly #keyReaders = new Integers();
  /** The serial number of the recording that last read the key: a unit that asks twice is recorded once. */
  readonly #keySeen = new Integers();
  readonly #reads = new Slots();
  readonly #readKey = new Integers();
  readonly #readUnit = new Integers();
  readonly #readNextOfUnit = new Integers();
  readonly #readNextOfKey = new Integers();
  readonly #readPreviousOfKey = new Integers();
  readonly #unitReads = new Integers();
  #serial = 0;
  #recorded: number[] = [];

  /** Makes a new space and returns its number. */
  space(): number {
    return this.#spaces.push(new Map()) - 1;
  }

  /** How many (unit, key) pairs are held. */
  get size(): number {
    return this.#reads.used;
  }

  /** Starts to record the reads of one run. Runs do not nest. */
  begin(): void {
    this.#serial = (this.#serial + 1) | 0;
    this.#recorded.length = 0;
  }

  /** The running unit has asked for this value in this space. */
  read(space: number, value: IndexValue): void {
    const key = this.#key(space, value);
    if (this.#keySeen.get(key) === this.#serial) return;
    this.#keySeen.set(key, this.#serial);
    this.#recorded.push(key);
  }

  /** Makes the recorded reads those of `unit`, in place of its former ones. */
  commit(unit: number): void {
    if (this.#unchanged(unit)) return;
    // New ones first: a key that is read before and after never becomes unread, and keeps its number.
    const former = this.#unitReads.get(unit);
    let next = none;
    for (let index = this.#recorded.length - 1; index >= 0; index -= 1) {
      next = this.#link(unit, this.#recorded[index] ?? none, next);
    }
    this.#unitReads.set(unit, next);
    this.#unlinkAll(former);
  }

  /** Forgets what `unit` has read. */
  forget(unit: number): void {
    this.#unlinkAll(this.#unitReads.get(unit));
    this.#unitReads.set(unit, none);
  }

  /** Calls `visit` with every unit that has read this value in this space. It must not record or forget. */
  readers(space: number, value: IndexValue, visit: (unit: number) => void): void {
    const key = this.#spaces[space]?.get(value);
    if (key === undefined) return;
    for (let read = this.#keyReaders.get(key); read !== none; read = this.#readNextOfKey.get(read)) {
      visit(this.#readUnit.get(read));
    }
  }

  #key(space: number, value: IndexValue): number {
    const keys = this.#spaces[space];
    if (keys === undefined) throw new Error(`there is no space ${space}`);
    let key = keys.get(value);
    if (key === undefined) {
      key = this.#keys.take();
      keys.set(value, key);
      this.#keySpace.set(key, space);
      this.#keyValue[key] = value;
      this.#keyReaders.set(key, none);
      this.#keySeen.set(key, this.#serial - 1);
    }
    return key;
  }

  #unchanged(unit: number): boolean {
    let read = this.#unitReads.get(unit);
    for (const key of this.#recorded) {
      if (read === none || this.#readKey.get(read) !== key) return false;
      read = this.#readNextOfUnit.get(read);
    }
    return read === none;
  }

  #link(unit: number, key: number, nextOfUnit: number): number {
    const read = this.#reads.take();
    const first = this.#keyReaders.get(key);
    this.#readKey.set(read, key);
    this.#readUnit.set(read, unit);
    this.#readNextOfUnit.set(read, nextOfUnit);
    this.#readNextOfKey.set(read, first);
    this.#readPreviousOfKey.set(read, none);
    if (first !== none) this.#readPreviousOfKey.set(first, read);
    this.#keyReaders.set(key, read);
    return read;
  }

  #unlinkAll(first: number): void {
    for (let read = first; read !== none; ) {
      const next = this.#readNextOfUnit.get(read);
      this.#unlink(read);
      read = next;
    }
  }

  #unlink(read: number): void {
    const key = this.#readKey.get(read);
    const next = this.#readNextOfKey.get(read);
    const previous = this.#readPreviousOfKey.get(read);
    if (next !== none) this.#readPreviousOfKey.set(next, previous);
    if (previous !== none) this.#readNextOfKey.set(previous, next);
    else {
      this.#keyReaders.set(key, next);
      if (next === none) this.#dropKey(key);
    }
    this.#reads.giveBack(read);
  }

  #dropKey(key: number): void {
    const value = this.#keyValue[key];
    if (value !== undefined) this.#spaces[this.#keySpace.get(key)]?.delete(value);
    this.#keyValue[key] = '';
    this.#keys.giveBack(key);
  }
}
