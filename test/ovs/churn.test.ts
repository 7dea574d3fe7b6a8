/** A short churn on real Open vSwitch; `npm run test:long` has ten thousand operations. */
import { Churn, churnText } from '../long/churn.js';
import { ChurnSite } from '../long/churn-site.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';

describe('churn', function () {
  this.timeout(240_000);
  let site: ChurnSite | null = null;

  before(async function () {
    requires(this, { tools: [...LAB_TOOLS.filter(tool => tool.startsWith('ovs')), 'initdb'] });
    site = await ChurnSite.create(3);
  });

  after(() => site?.remove());

  it('of 300 operations with restarts among them ends as from scratch, and loses nothing', async () => {
    if (site === null) return;
    try {
      const options = { seed: 1, operations: 300, clients: 4, phases: 1, steadyFrom: 1 };
      process.stdout.write(`${churnText(await new Churn(site, options).run())}\n`);
    } catch (error) {
      process.stderr.write(`\nThe end of Weft's log:\n${site.weft.logTail(40)}\n`);
      throw error;
    }
  });
});
