/** The benchmarks run, on two hypervisors and a handful of ports; what they find is none of the tests' business. */
import assert from 'node:assert/strict';
import { goalRows } from '../../bench/goals.js';
import { measurementTables } from '../../bench/report.js';
import { Run } from '../../bench/run.js';
import { runSession } from '../../bench/session.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';

describe('the benchmarks', function () {
  this.timeout(120_000);

  before(function () {
    requires(this, { tools: [...LAB_TOOLS.filter(tool => tool.startsWith('ovs')), 'initdb'] });
  });

  it('add ports on real Open vSwitch, restart Weft, and say what it cost beside the floor', async () => {
    const size = { hosts: 2, switches: 2, portsPerSwitch: 4 };
    const run = new Run({ isQuick: true, profileDirectory: null, ovnHarness: null, mediumSize: size, isSilent: true });
    const session = await runSession(run, 'smoke', {
      size,
      steps: ['bulk', 'floor', 'port_add', 'restart', 'memory'],
      repetitions: 5,
      restarts: 1,
    });
    const { port_add: portAdd, floor, bulk, restarts } = session;
    assert.equal(portAdd?.repetitions, 5);
    assert.equal(portAdd.traces_passed, 2);
    assert.ok(portAdd.sent_per_cycle.flow_mods > 0 && (portAdd.cpu_ms_per_cycle.weft ?? 0) > 0);
    assert.ok((floor?.sum_ms.p50 ?? 0) > 0 && portAdd.ratio_to_floor.p50 > 0);
    assert.equal(bulk?.ports, 8);
    assert.deepEqual(restarts?.[0]?.at_switches, { flow_changes: 0, differences: 0 });
    const result = {
      benchmark: 'all' as const,
      quick: true,
      at: '',
      revision: '',
      machine: { cpu: '', cores: 0, memory_gb: 0, kernel: '', node: '' },
      load: { before: [], after: [] },
      parts: { medium: session },
    };
    assert.ok(
      goalRows(result).every(({ isMet }) => isMet === null),
      'a smaller work is no measure of the goals',
    );
    assert.match(measurementTables(result), /flows a host/);
  });
});
