/** The work of every verb; beside more ports in test/long/work.test.ts. As many of them are on a hypervisor here as there. */
import { describeWorkBeside } from './beside.js';

describeWorkBeside({ sizes: [10_000], hypervisors: 50 });
