/**
 * A change costs what it touches: every verb of the API on every noun does the same beside any number of ports that have nothing to do
 * with it, many of them on the same hypervisors. What is compared is what the product counts of its work, exactly, and the steps that its
 * code takes from the row of the change log to the acknowledged bundle, as V8 counts them.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { RevisionWork } from './measured-controller.js';

interface Measured {
  readonly unrelatedPorts: number;
  readonly units: number;
  readonly verbs: readonly {
    readonly verb: string;
    readonly work: { readonly done: RevisionWork; readonly undone: RevisionWork };
    /** Of both. */
    readonly steps: number;
    readonly longest: Readonly<Record<string, number>>;
  }[];
}

const program = fileURLToPath(new URL('measure.js', import.meta.url));
/** One thread collects what is left over with less work than several that wait for each other. */
const nodeArguments: readonly string[] = [
  '--single-threaded-gc',
  '--min-semi-space-size=32',
  '--max-semi-space-size=64',
];

async function measure(unrelatedPorts: number, hypervisors: number): Promise<Measured> {
  const run = promisify(execFile);
  const args = [...nodeArguments, program, String(unrelatedPorts), String(hypervisors)];
  const { stdout } = await run(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as Measured;
}

/** Steps that may come on top: what searches a sorted list of n rows takes some log n more, and hash tables grow. */
const tolerance = (steps: number): number => steps * 1.1 + 200;

export interface BesideOptions {
  /** How many unrelated ports there are beside the network, each time. */
  readonly sizes: readonly number[];
  readonly hypervisors: number;
}

/** Tests of this, in a suite of their own. */
export function describeWorkBeside({ sizes, hypervisors }: BesideOptions): void {
  describe('the work of a change', function () {
    this.timeout(600_000);
    this.retries(0);
    let alone: Measured;
    /** The other sizes: one process for each, beside each other. */
    let others: readonly Measured[];

    before(async () => {
      const [first, ...more] = await Promise.all([0, ...sizes].map(size => measure(size, hypervisors)));
      assert.ok(first !== undefined);
      alone = first;
      others = more;
    });

    for (const unrelatedPorts of sizes) {
      it(`is the same beside ${unrelatedPorts} unrelated ports, for every verb on every noun`, () => {
        const beside =
          others.find(each => each.unrelatedPorts === unrelatedPorts) ?? assert.fail('it was not measured');
        assert.ok(beside.units > alone.units + 3 * unrelatedPorts, 'they are there');
        assert.deepEqual(differences(alone, beside), []);
      });
    }

    it('is nothing where only what describes an object changes', () => {
      for (const { verb, work } of alone.verbs.filter(each =>
        /: set (?:name|labels|projectId|sharedWith)/.test(each.verb),
      )) {
        const { unitsRun, bytes } = work.done;
        assert.deepEqual([verb, unitsRun, work.done.hypervisors, bytes], [verb, 0, 0, 0]);
      }
    });

    it('of a hypervisor that joins, or that shares nothing with others, is nothing on the others', () => {
      const work = (verb: string) => alone.verbs.find(each => each.verb === verb)?.work ?? assert.fail(verb);
      const { done, undone } = work('hypervisors: create');
      assert.deepEqual([done.hypervisors, undone.hypervisors], [0, 0]);
      // Of one that has a port on a switch with two others: a flow or two on these, and on nobody else.
      assert.ok(work('hypervisors: set encapIp').done.hypervisors <= 3);
    });

    it('is never the whole network', () => {
      for (const { units, verbs } of others) {
        const most = Math.max(...verbs.flatMap(({ work }) => [work.done.unitsRun, work.undone.unitsRun]));
        assert.ok(most < units / 10, `${most} of ${units} units`);
      }
    });
  });
}

/** What is not the same. */
function differences(alone: Measured, beside: Measured): readonly string[] {
  return alone.verbs.flatMap(({ verb, work, steps, longest }, place) => {
    const other = beside.verbs[place];
    if (other?.verb !== verb) return [`${verb}: not measured`];
    const different: string[] = [];
    for (const way of ['done', 'undone'] as const) {
      const [here, there] = [JSON.stringify(work[way]), JSON.stringify(other.work[way])];
      if (here !== there) different.push(`${verb}, ${way}: ${there} instead of ${here}`);
    }
    if (other.steps > tolerance(steps)) {
      const grown = Object.entries(other.longest).filter(([name, count]) => count > tolerance(longest[name] ?? 0));
      different.push(`${verb}: ${other.steps} steps instead of ${steps}, among them ${JSON.stringify(grown)}`);
    }
    return different;
  });
}
