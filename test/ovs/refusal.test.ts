/** A fragment that a switch refuses: shown at its object in the switch's words, and in nobody else's way. */
import assert from 'node:assert/strict';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

const tableOf = (flow: string): string => /table=(\d+)/.exec(flow)?.[1] ?? '0';

describe('refused fragment', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  it("is named in the status of its object, and another tenant's change is applied at once", async () => {
    const mine = planSwitch({ name: 'mine', ports: { a: {} } });
    const router = planRouter('r', [mine]);
    await weftLab().build([...mine.operations, ...router.operations]);
    await weftLab().plug({ a: 'hv1' });
    const { client, lab } = weftLab();
    const hypervisor = lab.hypervisor('hv1');
    const route = (destination: string) =>
      create('static-routes', { logical_router_id: router.id, destination, discard: true });

    // Which table takes routes is Weft's affair: see where the first one goes, and let that table take no more.
    const before = new Set(await hypervisor.flows('--no-stats'));
    await weftLab().build([route('10.77.0.0/24')]);
    const added = (await hypervisor.flows('--no-stats')).filter(
      flow => !before.has(flow) && flow.includes('10.77.0.0/24'),
    );
    const table = tableOf(added[0] ?? '');
    const full = (await hypervisor.flows('--no-stats')).filter(flow => tableOf(flow) === table).length;
    await hypervisor.openVswitch.ovsctl(
      ...['--id=@t', 'create', 'Flow_Table', `flow_limit=${full}`, 'overflow_policy=refuse', '--'].concat([
        'set',
        'Bridge',
        'br-int',
        `flow_tables:${table}=@t`,
      ]),
    );
    try {
      const { results, revision } = await client.transaction([route('10.78.0.0/24')]);
      const refused = results[0];
      assert.ok(refused !== null && refused !== undefined);

      const theirs = planSwitch({ name: 'theirs', ports: { x: {}, y: {} } });
      await client.transaction(theirs.operations);
      const [x, y] = await Promise.all(
        ['x', 'y'].map(async name => lab.addWorkload('hv1', await client.workloadPort(name))),
      );
      assert.ok(x !== undefined && y !== undefined);
      await client.portUp(x.record.portId, 'hv1', 5000);
      await client.portUp(y.record.portId, 'hv1', 5000);
      assert.equal((await ping(x, y.address(4))).received, 3);

      const failed = await eventually(
        'the revision names the refusal',
        async () => {
          const { body } = await client.request('GET', `/v1/revisions/${revision}`);
          const { hypervisors } = body as { hypervisors: { failed: readonly { name: string; error: string }[] } };
          return hypervisors.failed[0];
        },
        5000,
      );
      assert.equal(failed.name, 'hv1');
      assert.match(failed.error, /full/i);
      const status = JSON.stringify((await client.get('static-routes', refused.id))['status']);
      assert.match(status, /failed/);
    } finally {
      await hypervisor.openVswitch.ovsctl('clear', 'Bridge', 'br-int', 'flow_tables');
    }
  });
});
