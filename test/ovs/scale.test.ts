/** 1,000 ports on 20 switches over 5 hypervisors: made by transactions, and how many flows they take. */
import assert from 'node:assert/strict';
import type { LogicalSwitchPortReply, Operation } from '../../lab/weft-client.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, WeftLab } from '../fixtures/weft-lab.js';

const HYPERVISORS = 5;
const SWITCHES = 20;
const PORTS = 50;
/** OVN takes 43 and 7.2. */
const MOST_PER_LOCAL_PORT = 15;
const MOST_PER_REMOTE_PORT = 2.4;
/** To each other hypervisor, from when the two share a network: they grow with hypervisors, not with ports. */
const TUNNEL_FLOWS = 2 * (HYPERVISORS - 1);

describe('scale', function () {
  this.timeout(180_000);
  let weftLab: WeftLab | null = null;

  before(async function () {
    requires(this, { tools: LAB_TOOLS.filter(tool => tool.startsWith('ovs')) });
    weftLab = await WeftLab.create({ hypervisors: HYPERVISORS, mode: 'dummy' });
  });

  after(() => weftLab?.remove());

  it(`${SWITCHES * PORTS} ports take at most ${MOST_PER_LOCAL_PORT} flows here and ${MOST_PER_REMOTE_PORT} elsewhere`, async () => {
    assert.ok(weftLab !== null);
    const { client, lab } = weftLab;
    const empty = await flowCounts();
    const switches = Array.from({ length: SWITCHES }, (_, index) => planSwitch({ name: `s${index}` }));
    await weftLab.build([...switches.flatMap(plan => plan.operations), ...planRouter('r', switches).operations]);
    const operations: Operation[] = switches.flatMap(({ id, name }) =>
      Array.from({ length: PORTS }, (_, index) =>
        create('logical-switch-ports', { name: `${name}-${index}`, logical_switch_id: id }),
      ),
    );
    const start = performance.now();
    await client.transaction(operations, { appliedWithinMs: APPLIED_WITHIN_MS });
    const createdMs = performance.now() - start;

    // Each hypervisor gets every fifth port, so that each switch is on all of them.
    const ports = await client.list<LogicalSwitchPortReply>('logical-switch-ports');
    assert.equal(ports.length, SWITCHES * PORTS);
    await client.converged();
    await Promise.all(
      lab.hypervisors.map((hypervisor, host) =>
        hypervisor.plug(
          ports
            .filter((_, index) => index % HYPERVISORS === host)
            .map(({ id, mac }) => ({ interfaceName: `t${id.slice(-12)}`, portId: id, mac })),
        ),
      ),
    );
    await allUp();
    const boundMs = performance.now() - start;
    assert.ok(boundMs < 90_000, `made in ${createdMs} ms, bound in ${boundMs} ms`);

    // What goes with a tenth of the ports, all of them on the first hypervisor, is what they took there and elsewhere.
    const total = await flowCounts();
    const gone = ports.filter((_, index) => index % (2 * HYPERVISORS) === 0);
    await client.transaction(
      gone.map(({ id }) => ({ op: 'delete', kind: 'logical-switch-ports', id })),
      { appliedWithinMs: APPLIED_WITHIN_MS },
    );
    const left = await flowCounts();
    const perLocal = ((total[0] ?? 0) - (left[0] ?? 0)) / gone.length;
    assert.ok(perLocal <= MOST_PER_LOCAL_PORT, `${perLocal} flows for each local port`);
    // All else that networks put on a hypervisor, the switches and the router included, counts for remote ports.
    const local = ports.length / HYPERVISORS;
    const remoteCosts: number[] = [];
    for (const [index, count] of total.entries()) {
      const ofNetworks = count - (empty[index] ?? 0) - TUNNEL_FLOWS;
      const perRemote = (ofNetworks - perLocal * local) / (ports.length - local);
      remoteCosts.push(perRemote);
      assert.ok(
        perRemote <= MOST_PER_REMOTE_PORT,
        `hv${index + 1}: ${perRemote} flows for each remote port (${count} in all)`,
      );
    }
    process.stdout.write(
      `    ${ports.length} ports: ${perLocal} flows for a local one, ${Math.max(...remoteCosts).toFixed(2)} for a remote one\n`,
    );
  });

  async function flowCounts(): Promise<readonly number[]> {
    assert.ok(weftLab !== null);
    return Promise.all(weftLab.lab.hypervisors.map(async hypervisor => (await hypervisor.flows('--no-stats')).length));
  }

  async function allUp(): Promise<void> {
    assert.ok(weftLab !== null);
    const { client } = weftLab;
    for (let down = -1; down !== 0; ) {
      await client.converged(60_000);
      const ports = await client.list<LogicalSwitchPortReply>('logical-switch-ports');
      down = ports.filter(port => !port.status.up).length;
    }
  }
});
