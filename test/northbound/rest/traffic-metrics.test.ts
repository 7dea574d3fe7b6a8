import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { CounterAccounts } from '../../../northbound/rest/counter-accounts.js';
import { TrafficMetrics, type TrafficMetricsParts } from '../../../northbound/rest/traffic-metrics.js';
import { silentLogger } from '../../../src/base/log.js';
import type { DropTotal, RuleCount } from '../../../src/delivery/counter-reading.js';
import { NetworkView } from '../../../src/view/network-view.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { ManualClock } from '../../fakes/manual-clock.js';

describe('Accounts of counters', () => {
  const accounts = (): { take: (host: string, packets: Record<string, number>) => void; total: () => unknown } => {
    const held = new CounterAccounts();
    return {
      take: (host, packets) =>
        held.take(
          host,
          new Map(Object.entries(packets).map(([source, count]) => [source, { packets: count, bytes: count * 100 }])),
          source => (source === 'foreign' ? null : 'account'),
        ),
      total: () => held.totals.get('account'),
    };
  };

  it('begin with the first reading of a host, and add what comes to it', () => {
    const { take, total } = accounts();
    take('a', { one: 1000, foreign: 7 });
    assert.deepEqual(total(), { packets: 0, bytes: 0 });
    take('a', { one: 1005, two: 3, foreign: 9 });
    assert.deepEqual(total(), { packets: 8, bytes: 800 });
    take('b', { one: 500 });
    assert.deepEqual(total(), { packets: 8, bytes: 800 });
  });

  it('never fall: a counter that is less began anew, one that is gone stays counted', () => {
    const { take, total } = accounts();
    take('a', { one: 1000, two: 10 });
    take('a', { one: 4 });
    assert.deepEqual(total(), { packets: 4, bytes: 400 });
    take('a', { one: 4, two: 2 });
    assert.deepEqual(total(), { packets: 6, bytes: 600 });
  });
});

describe('Metrics of traffic', () => {
  const network = new NetworkBuilder()
    .hypervisor('hv1')
    .hypervisor('hv2', { name: 'second host' })
    .logicalSwitch('net', '10.0.0.0/24')
    .securityGroup('web')
    .rule('in', 'web', 'ingress', { protocol: 'tcp', portMin: 80 })
    .rule('never', 'web', 'ingress', { action: 'drop' })
    .port('a', 'net', '02:00:00:00:00:01', ['10.0.0.1'], ['hv1', 1], { securityGroups: ['web'] })
    .port('b', 'net', '02:00:00:00:00:02', ['10.0.0.2'], ['hv2', 1]);
  const view = new NetworkView();
  view.replace(network.snapshot());
  const numberOf = (id: string): number => view.get('security-group-rules', id)?.number ?? 0;
  const countOf = (id: string, packets: bigint): RuleCount => ({
    ruleNumber: numberOf(id),
    packets,
    bytes: packets * 60n,
    durationSeconds: 1,
  });

  /** A fleet whose switches say what the test wants. */
  class Scene {
    readonly clock = new ManualClock();
    readonly registry = new Registry();
    asked: string[] = [];
    rules: RuleCount[] = [];
    drops: Record<string, DropTotal[] | null> = {};

    constructor(ruleMetrics: TrafficMetricsParts['ruleMetrics'] = 'group') {
      const fleet = {
        dropTotals: async (id: string) => (this.asked.push(`drops of ${id}`), this.drops[id] ?? []),
        ruleCounts: async (id: string) => (this.asked.push(`rules of ${id}`), this.rules),
      };
      new TrafficMetrics({ view, fleet, clock: this.clock, log: silentLogger, ruleMetrics }).register(this.registry);
    }

    async scrape(): Promise<readonly string[]> {
      return (await this.registry.metrics()).split('\n').filter(line => line.startsWith('weft_'));
    }
  }

  it('tell packets of groups and drops by reason, and ask for rules only where there are some', async () => {
    const scene = new Scene();
    scene.rules = [countOf('in', 10n), countOf('never', 1n)];
    await scene.scrape();
    assert.deepEqual(scene.asked.toSorted(), ['drops of hv1', 'drops of hv2', 'rules of hv1']);
    scene.rules = [countOf('in', 25n), countOf('never', 1n)];
    scene.drops = {
      hv1: [
        { source: 'acl_drop', reason: 'acl_drop', packets: 4n },
        { source: 'log/12', reason: null, packets: 9n },
        { source: 'log/20', reason: null, packets: 1n },
      ],
      hv2: [
        { source: 'rate_limit/8', reason: 'rate_limit', packets: 2n },
        { source: 'rate_limit/16', reason: 'rate_limit', packets: 3n },
      ],
    };
    scene.clock.advance(60_000);
    assert.deepEqual(await scene.scrape(), [
      'weft_dropped_packets_total{hypervisor="hv1",reason="acl_drop"} 4',
      'weft_dropped_packets_total{hypervisor="second host",reason="rate_limit"} 5',
      'weft_verdicts_suppressed_total{hypervisor="hv1"} 10',
      'weft_security_group_packets_total{security_group="web",direction="ingress",action="allow"} 15',
      'weft_security_group_packets_total{security_group="web",direction="ingress",action="drop"} 0',
      'weft_security_group_bytes_total{security_group="web",direction="ingress",action="allow"} 900',
      'weft_security_group_bytes_total{security_group="web",direction="ingress",action="drop"} 0',
    ]);
  });

  it('ask switches once for many scrapes, and wait for a slow one no longer than a second', async () => {
    const scene = new Scene();
    await scene.scrape();
    await scene.scrape();
    assert.equal(scene.asked.length, 3);
    const slow = new Registry();
    const fleet = { dropTotals: () => new Promise<never>(() => {}), ruleCounts: async () => null };
    const { clock } = scene;
    new TrafficMetrics({ view, fleet, clock, log: silentLogger, ruleMetrics: 'group' }).register(slow);
    const told = slow.metrics();
    await new Promise(resolve => setImmediate(resolve));
    clock.advance(1_000);
    assert.doesNotMatch(await told, /^weft_/m);
  });

  it('can tell each rule, or nothing of rules', async () => {
    const each = new Scene('rule');
    each.rules = [countOf('in', 0n)];
    const line = 'weft_security_group_packets_total{security_group="web",direction="ingress",action="allow",';
    assert.ok((await each.scrape()).some(found => found === `${line}security_group_rule="in"} 0`));
    const none = new Scene('off');
    none.rules = [countOf('in', 1n)];
    assert.deepEqual(await none.scrape(), []);
    assert.deepEqual(none.asked.toSorted(), ['drops of hv1', 'drops of hv2']);
  });
});
