/**
 * Metrics of what switches count: dropped packets by hypervisor and reason, packets of security groups. Switches are asked only while
 * somebody scrapes, each at most every quarter of a minute and more seldom in a large fleet, and of rules only those that have some.
 */
import { Counter, type Registry } from 'prom-client';
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import type { Fleet } from '../../src/delivery/fleet.js';
import type { NetworkView } from '../../src/view/network-view.js';
import { all, residencyId } from '../../src/view/rows.js';
import { guardScope } from '../../src/view/security-rows.js';
import { type Count, CounterAccounts } from './counter-accounts.js';

export interface TrafficMetricsParts {
  readonly view: NetworkView;
  readonly fleet: Pick<Fleet, 'dropTotals' | 'ruleCounts'>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What is told of security groups: nothing, each group by direction and action, or each rule. */
  readonly ruleMetrics: 'off' | 'group' | 'rule';
}

/** Between two readings of a switch, at least. */
const intervalMs = 15_000;
const intervalMsAHost = 100;
/** A scrape waits so long for a reading, and then tells what is known. */
const scrapeWaitsMs = 1_000;
const hostsAtOnce = 16;

/** Separates the labels of an account; in no id, no reason and no name. */
const separator = '\0';

export class TrafficMetrics {
  readonly #parts: TrafficMetricsParts;
  readonly #drops = new CounterAccounts();
  readonly #unlogged = new CounterAccounts();
  readonly #rules = new CounterAccounts();
  #reading: Promise<void> | null = null;
  #nextAtMs = -Infinity;

  constructor(parts: TrafficMetricsParts) {
    this.#parts = parts;
  }

  register(registry: Registry): void {
    const fresh = (): Promise<void> => this.#fresh();
    const counter = (
      name: string,
      help: string,
      labelNames: readonly string[],
      read: () => Iterable<readonly [string, number]>,
    ): void => {
      new Counter({
        name: `weft_${name}`,
        help,
        labelNames: [...labelNames],
        registers: [registry],
        async collect() {
          await fresh();
          this.reset();
          for (const [account, value] of read()) {
            const values = account.split(separator);
            this.inc(Object.fromEntries(labelNames.map((label, index) => [label, values[index] ?? ''])), value);
          }
        },
      });
    };
    const nameOf = (account: string): string => {
      const [hypervisorId = '', reason = ''] = account.split(separator);
      return [this.#parts.view.get('hypervisors', hypervisorId)?.name ?? hypervisorId, reason].join(separator);
    };
    counter(
      'dropped_packets_total',
      'Packets dropped since this Weft began to look, by hypervisor and reason (rate_limit: by meters of QoS rules).',
      ['hypervisor', 'reason'],
      () => [...this.#drops.totals].map(([account, { packets }]) => [nameOf(account), packets] as const),
    );
    counter(
      'verdicts_suppressed_total',
      'Packets that security groups wanted logged and meters of the hypervisor held back, since this Weft began to look.',
      ['hypervisor'],
      () => [...this.#unlogged.totals].map(([account, { packets }]) => [nameOf(account), packets] as const),
    );
    const { ruleMetrics } = this.#parts;
    if (ruleMetrics === 'off') return;
    const labels =
      ruleMetrics === 'group'
        ? ['security_group', 'direction', 'action']
        : ['security_group', 'direction', 'action', 'security_group_rule'];
    for (const unit of ['packets', 'bytes'] as const) {
      counter(
        `security_group_${unit}_total`,
        `${unit === 'packets' ? 'Packets' : 'Bytes'} that rules of security groups have decided since this Weft began to look.`,
        labels,
        () => [...this.#rules.totals].map(([account, count]) => [account, count[unit]] as const),
      );
    }
  }

  /** Begins a reading if it is time for one, and waits for it a little. */
  async #fresh(): Promise<void> {
    const { clock } = this.#parts;
    const nowMs = clock.nowMs();
    if (this.#reading === null && nowMs >= this.#nextAtMs) {
      const hosts = this.#parts.view.by('hypervisors', 'all', all).map(({ id }) => id);
      this.#nextAtMs = nowMs + Math.max(intervalMs, hosts.length * intervalMsAHost);
      this.#reading = this.#read(hosts).finally(() => {
        this.#reading = null;
      });
    }
    if (this.#reading === null) return;
    let cancel = (): void => {};
    const late = new Promise<void>(resolve => {
      cancel = clock.after(scrapeWaitsMs, resolve);
    });
    await Promise.race([this.#reading, late]);
    cancel();
  }

  async #read(hosts: readonly string[]): Promise<void> {
    const { view, log } = this.#parts;
    const waiting = [...hosts];
    const work = async (): Promise<void> => {
      for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
        const hypervisorId = host;
        await this.#readHost(hypervisorId).catch((error: unknown) =>
          log.warn({ err: error, hypervisorId }, 'counters of a switch could not be read'),
        );
      }
    };
    await Promise.all(Array.from({ length: Math.min(hostsAtOnce, hosts.length) }, work));
    const known = new Set(hosts);
    this.#drops.keepOnly(known, account => known.has(account.split(separator, 1)[0] ?? ''));
    this.#unlogged.keepOnly(known, account => known.has(account));
    this.#rules.keepOnly(known, account => {
      const [groupId = '', , , ruleId] = account.split(separator);
      const isThere = view.get('security-groups', groupId) !== null;
      return isThere && (ruleId === undefined || view.get('security-group-rules', ruleId) !== null);
    });
  }

  async #readHost(hypervisorId: string): Promise<void> {
    const { fleet, view, ruleMetrics } = this.#parts;
    const drops = await fleet.dropTotals(hypervisorId);
    if (drops !== null) {
      const readingOf = (counts: typeof drops) =>
        new Map(counts.map(({ source, packets }) => [source, { packets: Number(packets), bytes: 0 }]));
      const reasons = new Map(drops.map(({ source, reason }) => [source as string | number, reason]));
      const dropped = readingOf(drops.filter(({ reason }) => reason !== null));
      this.#drops.take(hypervisorId, dropped, source => `${hypervisorId}${separator}${reasons.get(source) ?? ''}`);
      this.#unlogged.take(hypervisorId, readingOf(drops.filter(({ reason }) => reason === null)), () => hypervisorId);
    }
    const isGuarded = view.get('residencies', residencyId(guardScope, hypervisorId)) !== null;
    if (ruleMetrics === 'off' || !isGuarded) return;
    const rules = await fleet.ruleCounts(hypervisorId, null);
    if (rules === null) return;
    const accounts = this.#accountsOn(hypervisorId);
    const reading = new Map<number, Count>(
      rules.map(({ ruleNumber, packets, bytes }) => [ruleNumber, { packets: Number(packets), bytes: Number(bytes) }]),
    );
    this.#rules.take(hypervisorId, reading, number => accounts.get(number) ?? null);
  }

  /** The account of each rule of the groups that are on the hypervisor, by the rule's number. */
  #accountsOn(hypervisorId: string): ReadonlyMap<string | number, string> {
    const { view, ruleMetrics } = this.#parts;
    const groups = view
      .by('residencies', 'hypervisorId', hypervisorId)
      .flatMap(({ datapathId }) => view.get('security-groups', datapathId) ?? []);
    return new Map(
      groups.flatMap(group =>
        view
          .by('security-group-rules', 'securityGroupId', group.id)
          .map(({ id, number, direction, action }): [number, string] => [
            number,
            [group.id, direction, action, ...(ruleMetrics === 'rule' ? [id] : [])].join(separator),
          ]),
      ),
    );
  }
}
