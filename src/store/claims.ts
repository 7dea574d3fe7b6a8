/**
 * Claims: what belongs to one owner within a scope (addresses and MACs of a logical switch, keys of a data path), across nouns.
 * The primary key of their table is the invariant. A transaction collects its claims here and writes them at once, before its
 * rows: an insert waits for a concurrent transaction that claims the same, and then exactly one of the two has it.
 */
import { type ErrorCode, WeftError } from '../base/errors.js';
import type { Kind } from '../model/index.js';
import type { AllocationMemory } from './allocation-memory.js';
import type { Session } from './sql.js';

export type ClaimClass =
  | 'ip'
  | 'mac'
  | 'port_key'
  | 'datapath_key'
  | 'hypervisor_key'
  | 'quota'
  | 'qos_rule'
  | 'segment'
  | 'sub_port'
  | 'dhcp_option'
  | 'dns_record'
  | 'member'
  | 'virtual_port'
  | 'ct_zone'
  | 'translation';

export interface Claim {
  /** The id of the logical switch or router, or `EVERYWHERE`. */
  readonly scope: string;
  readonly class: ClaimClass;
  readonly value: string;
  /** The member that asks for it. */
  readonly pointer: string;
  /** The subnet that an address is of. */
  readonly subnetId: string | null;
}

export interface Owner {
  readonly kind: Kind;
  readonly id: string;
}

/** The scope of what is unique in the whole database. */
export const EVERYWHERE = '00000000-0000-0000-0000-000000000000';

const CONFLICT: Readonly<Record<ClaimClass, ErrorCode>> = {
  ip: 'address_in_use',
  mac: 'mac_in_use',
  port_key: 'keys_exhausted',
  datapath_key: 'keys_exhausted',
  hypervisor_key: 'keys_exhausted',
  quota: 'quota_exists',
  qos_rule: 'qos_rule_in_use',
  segment: 'segment_in_use',
  sub_port: 'vlan_in_use',
  dhcp_option: 'dhcp_option_in_use',
  dns_record: 'dns_record_in_use',
  member: 'in_use',
  virtual_port: 'virtual_port_in_use',
  ct_zone: 'keys_exhausted',
  translation: 'nat_rule_in_use',
};

/** Thrown to have the whole transaction run again: a value that the store chose itself was taken meanwhile. */
export class AllocationCollision extends Error {
  override readonly name = 'AllocationCollision';
}

interface Held {
  readonly claim: Claim;
  readonly owner: Owner;
  readonly operation: number;
  /** The order in which claims were made: of several refused, the first is reported. */
  readonly order: number;
}

function keyOf(scope: string, claimClass: ClaimClass, value: string): string {
  return `${scope}|${claimClass}|${value}`;
}

export class ClaimBook {
  readonly #session: Session;
  readonly #memory: AllocationMemory;
  /** Claims of this transaction that the table does not have yet. */
  readonly #held = new Map<string, Held>();
  /** Claims of the table that this transaction gives up, with their former owners. */
  readonly #released = new Map<string, { readonly claim: Claim; readonly owner: Owner }>();
  /** Keys of values that the store chose itself. */
  readonly #chosen = new Set<string>();
  #order = 0;

  constructor(session: Session, memory: AllocationMemory) {
    this.#session = session;
    this.#memory = memory;
  }

  /** Replaces the claims of an owner; `operation` is the position of the operation that does so. */
  move(owner: Owner, before: readonly Claim[], after: readonly Claim[], operation: number): void {
    const kept = new Set(after.map(claim => keyOf(claim.scope, claim.class, claim.value)));
    const had = new Set(before.map(claim => keyOf(claim.scope, claim.class, claim.value)));
    for (const claim of before) {
      const key = keyOf(claim.scope, claim.class, claim.value);
      if (!kept.has(key) && !this.#held.delete(key)) this.#released.set(key, { claim, owner });
    }
    for (const claim of after) {
      const key = keyOf(claim.scope, claim.class, claim.value);
      if (!had.has(key)) this.#hold(key, { claim, owner, operation, order: (this.#order += 1) });
    }
  }

  #hold(key: string, held: Held): void {
    const other = this.#held.get(key);
    if (other !== undefined) throw conflict(held, other.owner);
    if (this.#released.get(key)?.owner.id === held.owner.id) this.#released.delete(key);
    else this.#held.set(key, held);
  }

  /** Remembers that the store chose the value, so that a collision is not the fault of the caller. */
  choose(scope: string, claimClass: ClaimClass, value: string): void {
    this.#chosen.add(keyOf(scope, claimClass, value));
  }

  /** Whether this transaction claims the value, before it is written. */
  isHeld(scope: string, claimClass: ClaimClass, value: string): boolean {
    return this.#held.has(keyOf(scope, claimClass, value));
  }

  /** Which of the values are claimed, in the table or by this transaction. */
  async takenOf(scope: string, claimClass: ClaimClass, values: readonly string[]): Promise<Set<string>> {
    const { rows } = await this.#session.query(
      'SELECT value FROM claims WHERE scope = $1 AND class = $2 AND value = ANY($3)',
      [scope, claimClass, [...values]],
    );
    const inTable = rows
      .map(row => String(row['value']))
      .filter(value => !this.#released.has(keyOf(scope, claimClass, value)));
    return new Set([...inTable, ...values.filter(value => this.isHeld(scope, claimClass, value))]);
  }

  /** Who has the value; null if nobody. */
  async ownerOf(scope: string, claimClass: ClaimClass, value: string): Promise<Owner | null> {
    const key = keyOf(scope, claimClass, value);
    const held = this.#held.get(key);
    if (held !== undefined) return held.owner;
    if (this.#released.has(key)) return null;
    const { rows } = await this.#session.query(
      'SELECT owner_kind, owner_id FROM claims WHERE scope = $1 AND class = $2 AND value = $3',
      [scope, claimClass, value],
    );
    const [row] = rows;
    return row === undefined ? null : { kind: row['owner_kind'] as Kind, id: String(row['owner_id']) };
  }

  /** Who has claims of the class in the scope. */
  async ownersOf(scope: string, claimClass: ClaimClass): Promise<Owner[]> {
    const { rows } = await this.#session.query(
      'SELECT value, owner_kind, owner_id FROM claims WHERE scope = $1 AND class = $2 ORDER BY value',
      [scope, claimClass],
    );
    const inTable = rows
      .filter(row => !this.#released.has(keyOf(scope, claimClass, String(row['value']))))
      .map((row): Owner => ({ kind: row['owner_kind'] as Kind, id: String(row['owner_id']) }));
    const held = [...this.#held.values()].filter(({ claim }) => claim.scope === scope && claim.class === claimClass);
    return [...inTable, ...held.map(({ owner }) => owner)];
  }

  /** Who has addresses of the subnet. */
  async ownersInSubnet(subnetId: string): Promise<Owner[]> {
    const { rows } = await this.#session.query(
      'SELECT scope, class, value, owner_kind, owner_id FROM claims WHERE subnet_id = $1',
      [subnetId],
    );
    const owners = new Map<string, Owner>();
    for (const row of rows) {
      const key = keyOf(String(row['scope']), row['class'] as ClaimClass, String(row['value']));
      const owner = { kind: row['owner_kind'] as Kind, id: String(row['owner_id']) };
      if (!this.#released.has(key)) owners.set(owner.id, owner);
    }
    for (const { claim, owner } of this.#held.values()) if (claim.subnetId === subnetId) owners.set(owner.id, owner);
    return [...owners.values()];
  }

  /**
   * Writes what has changed; throws the conflict of the first claim that somebody else has. Its queries are sent before it first
   * waits.
   */
  async flush(): Promise<void> {
    const releasing = this.#release();
    // In one order for everybody, so that two transactions wait for each other in one direction only.
    const held = [...this.#held].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
    if (held.length === 0) return releasing;
    const inserting = this.#session.query(
      `INSERT INTO claims (scope, class, value, owner_kind, owner_id, subnet_id)
       SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[])
       ON CONFLICT DO NOTHING RETURNING scope, class, value`,
      [
        held.map(({ claim }) => claim.scope),
        held.map(({ claim }) => claim.class),
        held.map(({ claim }) => claim.value),
        held.map(({ owner }) => owner.kind),
        held.map(({ owner }) => owner.id),
        held.map(({ claim }) => claim.subnetId),
      ],
    );
    const [, { rows }] = await Promise.all([releasing, inserting]);
    if (rows.length === held.length) return;
    const written = new Set(
      rows.map(row => keyOf(String(row['scope']), row['class'] as ClaimClass, String(row['value']))),
    );
    await this.#refuseFirst(held.filter(({ claim }) => !written.has(keyOf(claim.scope, claim.class, claim.value))));
  }

  async #release(): Promise<void> {
    if (this.#released.size === 0) return;
    const released = [...this.#released.values()].map(({ claim }) => claim);
    await this.#session.query(
      `DELETE FROM claims c USING unnest($1::uuid[], $2::text[], $3::text[]) AS r(scope, class, value)
       WHERE c.scope = r.scope AND c.class = r.class AND c.value = r.value`,
      [released.map(claim => claim.scope), released.map(claim => claim.class), released.map(claim => claim.value)],
    );
  }

  async #refuseFirst(refused: readonly Held[]): Promise<never> {
    const [first] = refused.toSorted((a, b) => a.order - b.order);
    if (first === undefined) throw new Error('a refused claim is missing');
    const { scope, class: claimClass, value } = first.claim;
    if (this.#chosen.has(keyOf(scope, claimClass, value))) {
      this.#memory.noteTaken(scope, claimClass);
      throw new AllocationCollision(`${claimClass} ${value} was taken meanwhile`);
    }
    const { rows } = await this.#session.query(
      'SELECT owner_kind, owner_id FROM claims WHERE scope = $1 AND class = $2 AND value = $3',
      [scope, claimClass, value],
    );
    const [row] = rows;
    throw conflict(first, row === undefined ? null : { kind: row['owner_kind'] as Kind, id: String(row['owner_id']) });
  }
}

function conflict({ claim, operation }: Held, owner: Owner | null): WeftError {
  return new WeftError(CONFLICT[claim.class], {
    detail: `${claim.value} belongs to ${owner === null ? 'another object' : `${owner.kind} ${owner.id}`}.`,
    pointer: claim.pointer,
    operation,
    related: owner === null ? [] : [owner],
  });
}
