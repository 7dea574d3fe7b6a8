/**
 * Counters of many switches as counters that only grow. A switch counts from when its flow was made, and forgets when the flow goes or
 * the switch starts anew; Prometheus takes a sum that falls for one that began again, and would count the rest twice. So what
 * each switch says is compared with what it said before, and what came to that is added up here.
 *
 * The first reading of a switch is where it begins: what it counted before belongs to a time that nobody asked about. A counter that
 * is less than it was has begun anew, and all of it came since.
 */

/** What a switch has counted, by what counts: a rule, a meter, a reason. */
export type Reading = ReadonlyMap<string | number, Count>;

export interface Count {
  readonly packets: number;
  readonly bytes: number;
}

const nothing: Count = { packets: 0, bytes: 0 };

const since = (now: Count, before: Count): Count =>
  now.packets < before.packets
    ? now
    : { packets: now.packets - before.packets, bytes: Math.max(0, now.bytes - before.bytes) };

export class CounterAccounts {
  /** By hypervisor. */
  readonly #readings = new Map<string, Reading>();
  readonly #totals = new Map<string, Count>();

  /** By account. */
  get totals(): ReadonlyMap<string, Count> {
    return this.#totals;
  }

  /** Takes in what a hypervisor says now. `accountOf` says where what counts belongs; null: nowhere (any more). */
  take(hypervisorId: string, reading: Reading, accountOf: (source: string | number) => string | null): void {
    const before = this.#readings.get(hypervisorId);
    this.#readings.set(hypervisorId, reading);
    for (const [source, count] of reading) {
      const account = accountOf(source);
      if (account === null) continue;
      const total = this.#totals.get(account) ?? nothing;
      const came = before === undefined ? nothing : since(count, before.get(source) ?? nothing);
      this.#totals.set(account, { packets: total.packets + came.packets, bytes: total.bytes + came.bytes });
    }
  }

  /** Forgets hypervisors and accounts that are no more. */
  keepOnly(hypervisorIds: ReadonlySet<string>, hasAccount: (account: string) => boolean): void {
    for (const id of this.#readings.keys()) if (!hypervisorIds.has(id)) this.#readings.delete(id);
    for (const account of this.#totals.keys()) if (!hasAccount(account)) this.#totals.delete(account);
  }
}
