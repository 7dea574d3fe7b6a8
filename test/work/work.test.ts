/**
 * A change costs what it touches: every verb of the API on every noun does the same beside 0, 1,000 and 50,000 ports that have
 * nothing to do with it, many of them on the same hypervisors. What is compared is what the product counts of its work, exactly,
 * and the steps that its code takes from the row of the change log to the acknowledged bundle, as V8 counts them.
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
    readonly work: RevisionWork;
    readonly steps: number;
    readonly longest: Readonly<Record<string, number>>;
  }[];
}

const program = fileURLToPath(new URL('measure.js', import.meta.url));

async function measure(unrelatedPorts: number): Promise<Measured> {
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, [program, String(unrelatedPorts)], { maxBuffer: 64 * 1024 * 1024 });
  return JSON.parse(stdout) as Measured;
}

/** Steps that may come on top: what searches a sorted list of n rows takes some log n more, and hash tables grow. */
const tolerance = (steps: number): number => steps * 1.1 + 200;

describe('the work of a change', function () {
  this.timeout(600_000);
  this.retries(0);
  const sizes = [1_000, 50_000] as const;
  let alone: Measured;
  /** The other sizes: one process for each, beside each other. */
  let others: readonly Measured[];

  before(async () => {
    const [first, ...more] = await Promise.all([0, ...sizes].map(measure));
    assert.ok(first !== undefined);
    alone = first;
    others = more;
  });

  for (const unrelatedPorts of sizes) {
    it(`is the same beside ${unrelatedPorts} unrelated ports, for every verb on every noun`, () => {
      const beside = others.find(each => each.unrelatedPorts === unrelatedPorts) ?? assert.fail('it was not measured');
      assert.ok(beside.units > alone.units + 3 * unrelatedPorts, 'they are there');
      const different: string[] = [];
      for (const [place, { verb, work, steps, longest }] of alone.verbs.entries()) {
        const other = beside.verbs[place];
        assert.equal(other?.verb, verb);
        try {
          assert.deepEqual(other.work, work);
        } catch {
          different.push(`${verb}: ${JSON.stringify(other.work)} instead of ${JSON.stringify(work)}`);
        }
        if (other.steps > tolerance(steps)) {
          const grown = Object.entries(other.longest).filter(([name, count]) => count > tolerance(longest[name] ?? 0));
          different.push(`${verb}: ${other.steps} steps instead of ${steps}, among them ${JSON.stringify(grown)}`);
        }
      }
      assert.deepEqual(different, []);
    });
  }

  it('is nothing where only what describes an object changes', () => {
    for (const { verb, work } of alone.verbs.filter(each =>
      /: set (?:name|labels|projectId|sharedWith)/.test(each.verb),
    )) {
      assert.deepEqual([verb, work.unitsRun, work.hypervisors, work.bytes], [verb, 0, 0, 0]);
    }
  });

  it('of a hypervisor that joins, or that shares nothing with others, is nothing on the others', () => {
    const work = (verb: string): RevisionWork =>
      alone.verbs.find(each => each.verb === verb)?.work ?? assert.fail(verb);
    assert.equal(work('hypervisors: create').hypervisors, 0);
    assert.equal(work('hypervisors: create, undone').hypervisors, 0);
    // Of one that has a port on a switch with two others: a flow or two on these, and on nobody else.
    assert.ok(work('hypervisors: set encapIp').hypervisors <= 3);
  });

  it('is never the whole network', () => {
    const most = Math.max(...alone.verbs.map(({ work }) => work.unitsRun));
    assert.ok(most < alone.units / 10, `${most} of ${alone.units} units`);
  });
});
