/** A suite of rows on one site. A row that fails leaves a site that nobody knows: the next one gets a new one. */
import { FaultSite } from './fault-site.js';
import { type FaultRow, measureRow, type MeasuredRow } from './fault-row.js';
import { reportTable } from './fault-table.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';

/** Registers a test for each row; to be called in `describe`. */
export function testRows(rows: readonly FaultRow[]): void {
  const measured = new Map<string, MeasuredRow>();
  let site: FaultSite | null = null;

  before(function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'initdb'] });
  });

  afterEach(async function () {
    this.timeout(60_000);
    if (this.currentTest?.state !== 'failed' || site === null) return;
    process.stderr.write(`\nThe end of Weft's log:\n${site.weft.logTail(60)}\n`);
    const broken = site;
    site = null;
    await broken.remove();
  });

  after(async function () {
    this.timeout(60_000);
    await site?.remove();
    reportTable([...measured.values()]);
  });

  for (const row of rows) {
    it(row.name, async () => {
      site ??= await FaultSite.create();
      measured.set(row.name, await measureRow(site, row));
    }).timeout(600_000);
  }
}
