import assert from 'node:assert/strict';
import { buildMetrics } from '../../../northbound/rest/metrics.js';
import type { HypervisorDelivery } from '../../../src/delivery/fleet.js';

function delivery(name: string, more: Partial<HypervisorDelivery>): HypervisorDelivery {
  return {
    hypervisorId: name,
    name,
    state: 'idle',
    connected: true,
    appliedRevision: 7,
    lag: 0,
    flows: 3,
    ovsVersion: null,
    lastError: null,
    waitsFor: [],
    counters: {
      bundles: 1,
      flowMods: 2,
      groupMods: 0,
      bytes: 512,
      rounds: 1,
      refusals: 0,
      resyncs: 1,
      repairs: 0,
      driftEvents: 0,
      driftChecks: 0,
      unaskedBundles: 0,
      tornBundles: 0,
    },
    ...more,
  };
}

describe('Metrics', () => {
  it('of hypervisors are read in one pass for each scrape, and those of one that left are gone', async () => {
    let passes = 0;
    let present = [delivery('hv1', {}), delivery('hv2', { connected: false, lag: 4, flows: 0 })];
    const metrics = buildMetrics({
      revision: () => 7,
      appliedRevision: () => 7,
      compiler: () => ({ units: 0, fragments: 0, unitsRun: 0, fragmentsChanged: 0, latest: { unitsRun: 0 } }),
      hypervisors: () => {
        passes += 1;
        return present;
      },
      isActive: () => true,
      rowsTaken: () => [],
      databaseWork: () => [],
      storeWork: () => [{ purpose: 'log', statements: 5, roundTrips: 4, rows: 9 }],
      storeRewinds: () => 0,
      slowPath: {
        counters: [],
        drops: new Map(),
        waiting: 0,
        announced: 0,
        healthChecks: { size: 0, counters: { up: 0, down: 0, skipped: 0 } },
        bfd: { states: new Map([['up', 2]]), counters: { sent: 5, received: 4, up: 1, down: 0 } },
      },
    });
    const lines = async (): Promise<readonly string[]> =>
      (await metrics.metrics()).split('\n').filter(line => /^weft_(hypervisor|store)_/.test(line));
    const first = await lines();
    for (const line of [
      'weft_hypervisor_connected{hypervisor="hv1"} 1',
      'weft_hypervisor_connected{hypervisor="hv2"} 0',
      'weft_hypervisor_lag{hypervisor="hv2"} 4',
      'weft_hypervisor_flows{hypervisor="hv1"} 3',
      'weft_hypervisor_flow_mods_total{hypervisor="hv1"} 2',
      'weft_hypervisor_bytes_total{hypervisor="hv2"} 512',
      'weft_store_statements_total{purpose="log"} 5',
      'weft_store_round_trips_total{purpose="log"} 4',
      'weft_store_rows_total{purpose="log"} 9',
    ])
      assert.ok(first.includes(line), line);
    assert.equal(passes, 1);
    present = [delivery('hv1', { lag: 1 })];
    const second = await lines();
    assert.ok(second.includes('weft_hypervisor_lag{hypervisor="hv1"} 1'));
    assert.ok(second.includes('weft_hypervisor_bytes_total{hypervisor="hv1"} 512'));
    assert.ok(!second.some(line => line.includes('hv2')));
    assert.equal(passes, 2);
  });
});
