/** A day's churn compressed: ten thousand operations against five hosts, with restarts among them. */
import assert from 'node:assert/strict';
import { Churn, churnText } from './churn.js';
import { ChurnSite } from './churn-site.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';

const operations = Number(process.env['WEFT_CHURN_OPERATIONS'] ?? 10_000);
const seed = Number(process.env['WEFT_CHURN_SEED'] ?? 1);
const phases = 10;
/** Half of the phases warm up; over the other half memory must not grow by more than this. */
const steadyFrom = 5;
const growthAllowed = 1.25;

describe('churn of a day', function () {
  this.timeout(3_600_000);
  this.retries(0);
  let site: ChurnSite | null = null;

  before(async function () {
    requires(this, { tools: [...LAB_TOOLS.filter(tool => tool.startsWith('ovs')), 'initdb'] });
    site = await ChurnSite.create(5);
  });

  after(() => site?.remove());

  it(`of ${operations} operations (seed ${seed}) ends as from scratch on every host, loses nothing, and leaves memory flat`, async () => {
    if (site === null) return;
    try {
      const report = await new Churn(site, { seed, operations, clients: 8, phases, steadyFrom }).run();
      process.stdout.write(`${churnText(report)}\n`);
      const [first] = report.footprints;
      const last = report.footprints.at(-1);
      assert.ok(first !== undefined && last !== undefined);
      assert.ok(last.heapBytes < first.heapBytes * growthAllowed, `heap ${first.heapBytes} -> ${last.heapBytes}`);
      assert.ok(last.residentBytes < first.residentBytes * growthAllowed, 'resident memory');
      assert.ok(last.descriptors <= first.descriptors + 5, `descriptors ${first.descriptors} -> ${last.descriptors}`);
    } catch (error) {
      process.stderr.write(`\nThe end of Weft's log:\n${site.weft.logTail(60)}\n`);
      throw error;
    }
  });
});
