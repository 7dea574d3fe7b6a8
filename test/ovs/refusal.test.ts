/** A fragment that a switch refuses: shown at its object in the switch's words, and in nobody else's way. */
import assert from 'node:assert/strict';
import { eventually } from '../../lab/processes.js';
import type { LogicalSwitchPortReply } from '../../lab/weft-client.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

interface Failure {
  readonly name: string;
  readonly error: string;
  readonly kind: string;
  readonly id: string;
}

const tableOf = (flow: string): string => /table=(\d+)/.exec(flow)?.[1] ?? '0';

describe('refused fragment', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  /** Lets a flow table of hv1 take no more flows than it holds; the returned function takes the limit away. */
  async function fillUp(table: string): Promise<() => Promise<unknown>> {
    const hypervisor = weftLab().lab.hypervisor('hv1');
    const { openVswitch } = hypervisor;
    const flows = await hypervisor.flows('--no-stats');
    const limit = flows.filter(flow => tableOf(flow) === table).length;
    const row = ['--id=@t', 'create', 'Flow_Table', `flow_limit=${limit}`, 'overflow_policy=refuse'];
    await openVswitch.ovsctl(...row, '--', 'set', 'Bridge', 'br-int', `flow_tables:${table}=@t`);
    return () => openVswitch.ovsctl('clear', 'Bridge', 'br-int', 'flow_tables');
  }

  it("is named in the status of its object, and another tenant's change is applied at once", async () => {
    const mine = planSwitch({ name: 'mine', ports: { first: {}, second: {} } });
    const theirs = planSwitch({ name: 'theirs', ports: { x: {} } });
    const router = planRouter('their-router', [theirs]);
    await weftLab().build([...mine.operations, ...theirs.operations, ...router.operations]);
    const { client, lab } = weftLab();
    const hypervisor = lab.hypervisor('hv1');
    const [first] = await weftLab().plug({ first: 'hv1', x: 'hv1' });
    assert.ok(first !== undefined);

    // Which table holds a port's own flows is Weft's affair: see where the first one's went, and let it take no more.
    const own = (await hypervisor.flows('--no-stats')).find(flow => flow.includes(`dl_src=${first.record.mac}`));
    assert.ok(own !== undefined);
    const takeLimitAway = await fillUp(tableOf(own));
    try {
      const port = await client.workloadPort('second');
      await lab.addWorkload('hv1', port);
      const refused = await eventually(
        'the status of the port says what the switch said',
        async () => {
          const { status } = await client.get<LogicalSwitchPortReply>('logical-switch-ports', port.portId);
          return status.state === 'failed' && status;
        },
        10_000,
        100,
      );
      assert.equal(refused.up, false);
      assert.match(refused.reason ?? '', /hv1.*TABLE_FULL|table full/i);

      const start = performance.now();
      const route = create('static-routes', {
        logical_router_id: router.id,
        destination: '10.78.0.0/24',
        discard: true,
      });
      await client.transaction([route], { appliedWithinMs: 5000 });
      const tookMs = performance.now() - start;
      assert.ok(tookMs < 1000, `another tenant's change took ${tookMs} ms`);
      assert.ok((await hypervisor.flows('--no-stats')).some(flow => flow.includes('10.78.0.0/24')));

      const failures = await failuresOf(refused.applied_revision ?? 1);
      assert.ok(failures.every(failure => failure.name === 'hv1'));
    } finally {
      await takeLimitAway();
    }
    // Asked again with the next change of the object.
    const { id } = await client.find('logical-switch-ports', 'second');
    await client.patch('logical-switch-ports', id, { port_security: false });
    await client.portUp(id, 'hv1');
  });

  it('is named by the revision that it keeps from being applied, with its object', async () => {
    const mine = planSwitch({ name: 'mine', ports: { a: {} } });
    const router = planRouter('r', [mine]);
    await weftLab().build([...mine.operations, ...router.operations]);
    await weftLab().plug({ a: 'hv1' });
    const { client, lab } = weftLab();
    const route = (destination: string) =>
      create('static-routes', { logical_router_id: router.id, destination, discard: true });
    await weftLab().build([route('10.77.0.0/24')]);
    const flows = await lab.hypervisor('hv1').flows('--no-stats');
    const takeLimitAway = await fillUp(tableOf(flows.find(flow => flow.includes('10.77.0.0/24')) ?? ''));
    try {
      const { revision, results } = await client.transaction([route('10.79.0.0/24')]);
      const [failure] = await eventually(
        'the revision names the refusal',
        async () => {
          const found = await failuresOf(revision);
          return found.length > 0 && found;
        },
        5000,
      );
      assert.deepEqual([failure?.name, failure?.kind, failure?.id], ['hv1', 'static-routes', results[0]?.id]);
      assert.match(failure?.error ?? '', /full/i);
    } finally {
      await takeLimitAway();
    }
  });

  async function failuresOf(revision: number): Promise<readonly Failure[]> {
    const { body } = await weftLab().client.request('GET', `/v1/revisions/${revision}`);
    return (body as { hypervisors: { failed: readonly Failure[] } }).hypervisors.failed;
  }
});
