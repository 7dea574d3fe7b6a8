/**
 * What the store chooses when a request does not: keys, addresses, MACs and object numbers. Every choice is claimed in the same
 * transaction, and a cursor for each pool lives in a row that the transaction locks, so two writers never choose the same.
 */
import { randomBytes } from 'node:crypto';
import { eui64, formatIp, formatMac, parseMac } from '../base/address.js';
import { WeftError } from '../base/errors.js';
import { MAX_DATAPATH_KEY, MAX_HYPERVISOR_KEY, MAX_PORT_KEY, natZoneRanges, type Subnet } from '../model/index.js';
import { type AddressRange, allocationRanges, knownCidr, knownIp, usesEui64 } from '../model/invariants.js';
import type { AllocationMemory } from './allocation-memory.js';
import { type ClaimBook, type ClaimClass, EVERYWHERE } from './claims.js';
import type { Session } from './sql.js';

/** Where values come from: ranges in ascending order, walked from a cursor and around. */
interface Pool {
  readonly scope: string;
  readonly class: ClaimClass;
  /** Names the cursor: the subnet for addresses, the scope for keys. */
  readonly cursor: string;
  readonly ranges: readonly AddressRange[];
  /** Where a new cursor begins. */
  readonly start: bigint;
  readonly excluded: bigint | null;
  format(value: bigint): string;
  exhausted(): WeftError;
}

interface OpenPool {
  readonly walk: Generator<bigint, void>;
  /** Free values, the next one last. */
  readonly ready: bigint[];
  window: number;
  next: bigint;
}

const FIRST_WINDOW = 16;
const LAST_WINDOW = 4_096;

export class Allocator {
  readonly #session: Session;
  readonly #claims: ClaimBook;
  readonly #memory: AllocationMemory;
  readonly #pools = new Map<string, { readonly pool: Pool; readonly open: OpenPool }>();
  /** Cursors that were read and locked beforehand. */
  readonly #cursors = new Map<string, bigint>();

  constructor(session: Session, claims: ClaimBook, memory: AllocationMemory) {
    this.#session = session;
    this.#claims = claims;
    this.#memory = memory;
  }

  /**
   * Reads and locks at once what new ports of these logical switches need: the cursors of their keys and of their subnets'
   * addresses, and numbers for so many objects. The caller has locked the switches, in an earlier query of the session at the latest.
   */
  async prefetchForPorts(switchIds: readonly string[], objects: number): Promise<void> {
    const numbers = this.#memory.reserveNumbers(this.#session, objects);
    const { rows } = await this.#session.query({
      text: `SELECT c.scope, c.class, c.next FROM allocation_cursors c
             WHERE c.scope = ANY($1::uuid[] || ARRAY(SELECT s.id FROM subnets s WHERE s.logical_switch_id = ANY($1::uuid[])))
             ORDER BY c.scope, c.class FOR UPDATE`,
      values: [[...switchIds]],
      rowMode: 'array',
    });
    await numbers;
    for (const [scope, claimClass, next] of rows)
      this.#cursors.set(`${String(scope)}|${String(claimClass)}`, BigInt(String(next)));
  }

  /** The number of a new object. */
  number(): Promise<number> {
    return this.#memory.takeNumber(this.#session);
  }

  /** The key of a new data path: a tunnel key. */
  datapathKey(): Promise<number> {
    return this.#key('datapath_key', EVERYWHERE, MAX_DATAPATH_KEY, '/datapath_key');
  }

  hypervisorKey(): Promise<number> {
    return this.#key('hypervisor_key', EVERYWHERE, MAX_HYPERVISOR_KEY, '/hypervisor_key');
  }

  /** The key of a new port within a logical switch or router, whose row the transaction has locked. */
  portKey(datapathId: string): Promise<number> {
    return this.#key('port_key', datapathId, MAX_PORT_KEY, '');
  }

  /** The conntrack zone of a router: one after the other, so that one that was given up is not soon used again. */
  natZone(): Promise<number> {
    const ranges = natZoneRanges.map(({ first, last }) => ({ first: BigInt(first), last: BigInt(last) }));
    return this.#number('ct_zone', EVERYWHERE, ranges, '/gateway');
  }

  #key(claimClass: ClaimClass, scope: string, max: number, pointer: string): Promise<number> {
    return this.#number(claimClass, scope, [{ first: 1n, last: BigInt(max) }], pointer);
  }

  async #number(
    claimClass: ClaimClass,
    scope: string,
    ranges: readonly AddressRange[],
    pointer: string,
  ): Promise<number> {
    const count = ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
    const value = await this.#next({
      scope,
      class: claimClass,
      cursor: scope,
      ranges,
      start: ranges[0]?.first ?? 1n,
      excluded: null,
      format: each => each.toString(),
      exhausted: () => new WeftError('keys_exhausted', { detail: `All ${count} keys are in use.`, pointer }),
    });
    return Number(value);
  }

  /** A MAC address of local administration, unique on the logical switch (if it is on one). */
  mac(switchId: string | null): string {
    for (;;) {
      const mac = formatMac((0x0an << 40n) | BigInt(`0x${randomBytes(5).toString('hex')}`));
      if (switchId !== null && this.#claims.isHeld(switchId, 'mac', mac)) continue;
      if (switchId !== null) this.#claims.choose(switchId, 'mac', mac);
      return mac;
    }
  }

  /** An address of the subnet for a station with this MAC. Throws `addresses_exhausted`. */
  async address(subnet: Subnet, mac: string, pointer: string): Promise<string> {
    const cidr = knownCidr(subnet.cidr);
    if (usesEui64(subnet)) return formatIp(6, eui64(cidr.network, parseMac(mac) ?? 0n));
    const ranges = allocationRanges(subnet);
    const [first] = ranges;
    // The first address is what a router usually gets, perhaps later: without pools it is given to a port last.
    const start = subnet.allocationPools.length > 0 ? (first?.first ?? 0n) : (first?.first ?? 0n) + 1n;
    return this.#next({
      scope: subnet.logicalSwitchId,
      class: 'ip',
      cursor: subnet.id,
      ranges,
      start,
      excluded: subnet.gatewayIp === null ? null : knownIp(subnet.gatewayIp).value,
      format: value => formatIp(cidr.family, value),
      exhausted: () =>
        new WeftError('addresses_exhausted', {
          detail: `Subnet ${subnet.id} (${subnet.cidr}) has no free address.`,
          pointer,
        }),
    });
  }

  async #next(pool: Pool): Promise<string> {
    const name = `${pool.cursor}|${pool.class}`;
    let known = this.#pools.get(name);
    if (known === undefined) {
      const start = this.#cursors.get(name) ?? (await this.#lockCursor(pool));
      known = { pool, open: { walk: walk(pool.ranges, start), ready: [], window: FIRST_WINDOW, next: start } };
      this.#pools.set(name, known);
    }
    const { open } = known;
    for (;;) {
      if (open.ready.length === 0) await this.#refill(pool, open);
      const value = open.ready.pop();
      if (value === undefined) throw pool.exhausted();
      const text = pool.format(value);
      if (this.#claims.isHeld(pool.scope, pool.class, text)) continue;
      this.#claims.choose(pool.scope, pool.class, text);
      open.next = value + 1n;
      return text;
    }
  }

  async #refill(pool: Pool, open: OpenPool): Promise<void> {
    while (open.ready.length === 0) {
      const candidates = new Map<string, bigint>();
      while (candidates.size < open.window) {
        const { value, done } = open.walk.next();
        if (done === true) break;
        if (value !== pool.excluded) candidates.set(pool.format(value), value);
      }
      if (candidates.size === 0) return;
      if (!this.#memory.isOftenTaken(pool.scope, pool.class)) {
        // Most likely nobody has them; if somebody has, the claim says so, and the transaction runs again.
        open.ready.push(...[...candidates.values()].toReversed());
        return;
      }
      open.window = Math.min(open.window * 2, LAST_WINDOW);
      const taken = await this.#claims.takenOf(pool.scope, pool.class, [...candidates.keys()]);
      for (const [text, value] of candidates) if (!taken.has(text)) open.ready.unshift(value);
    }
  }

  /** The row is made if need be, and locked either way until the transaction ends. */
  async #lockCursor(pool: Pool): Promise<bigint> {
    const { rows } = await this.#session.query(
      `INSERT INTO allocation_cursors AS c (scope, class, next) VALUES ($1, $2, $3)
       ON CONFLICT (scope, class) DO UPDATE SET next = c.next RETURNING next`,
      [pool.cursor, pool.class, pool.start.toString()],
    );
    return BigInt(String(rows[0]?.['next']));
  }

  /** Writes the cursors that have moved. Its query is sent before it first waits. */
  async flush(): Promise<void> {
    const moved = [...this.#pools.values()];
    if (moved.length === 0) return;
    await this.#session.query(
      `UPDATE allocation_cursors c SET next = r.next
       FROM unnest($1::uuid[], $2::text[], $3::text[]) AS r(scope, class, next)
       WHERE c.scope = r.scope AND c.class = r.class`,
      [
        moved.map(({ pool }) => pool.cursor),
        moved.map(({ pool }) => pool.class),
        moved.map(({ open }) => open.next.toString()),
      ],
    );
  }
}

/** Every value of the ranges exactly once, from `start` upwards and then from the beginning. */
function* walk(ranges: readonly AddressRange[], start: bigint): Generator<bigint, void> {
  for (const { first, last } of ranges) {
    for (let value = first > start ? first : start; value <= last; value += 1n) yield value;
  }
  for (const { first, last } of ranges) {
    for (let value = first; value <= last && value < start; value += 1n) yield value;
  }
}

/** Whether the address is the one that the store allocates by itself for the MAC in the subnet. */
export function isOwnEui64(ip: string, mac: string, subnet: Subnet): boolean {
  return usesEui64(subnet) && ip === formatIp(6, eui64(knownCidr(subnet.cidr).network, parseMac(mac) ?? 0n));
}
