/** The work of every verb beside more unrelated ports than `npm test` has time for. */
import { describeWorkBeside } from '../work/beside.js';

describeWorkBeside({ sizes: [1_000, 50_000], hypervisors: 250 });
