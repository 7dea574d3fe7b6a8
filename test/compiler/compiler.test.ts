import assert from 'node:assert/strict';
import { Compiler, unitsATurn } from '../../src/compiler/compiler.js';
import type { Fragment } from '../../src/compiler/fragment.js';
import { fragmentCookie } from '../../src/compiler/identifiers.js';
import { type Rule, rule } from '../../src/compiler/rule.js';
import { type Kind, kinds } from '../../src/model/index.js';
import { NetworkView, type RowAfter } from '../../src/view/network-view.js';
import { canonicalFragments } from './canonical-fragment.js';
import { OracleFailure, runIncrementalOracle } from './incremental-oracle.js';
import { fewestPorts, RandomNetwork } from './random-network.js';
import { toyRules } from './toy-rules.js';
import { fragmentsOn, wholeFragments } from './whole-fragments.js';

const seeds = (count: number, first = 1000): number[] => Array.from({ length: count }, (_, place) => first + place);

function compiled(rules: readonly Rule[] = toyRules): {
  readonly view: NetworkView;
  readonly compiler: Compiler<Fragment>;
  readonly network: RandomNetwork;
} {
  const network = new RandomNetwork(4);
  const view = new NetworkView();
  const compiler = new Compiler(rules, view, wholeFragments);
  compiler.update(view.replace(network.snapshot()));
  return { view, compiler, network };
}

describe('The compile engine', () => {
  it('arrives at the output of a compile from scratch after each of 1,500 random batches, unless any one read goes unrecorded', function () {
    this.timeout(300_000);
    const options = { rules: toyRules, operationsPerSequence: 30 };
    const { steps, fewestPorts: fewest, sites } = runIncrementalOracle({ ...options, sequences: seeds(50) });
    assert.equal(steps, 1_500);
    assert.ok(fewest >= fewestPorts);
    assert.ok(sites.size >= 20);
    for (const [name, { site, decidedBy }] of sites) {
      assert.ok(decidedBy !== null, `no sequence needs that ${name}`);
      assert.throws(
        () => runIncrementalOracle({ ...options, sequences: decidedBy, unrecorded: site }),
        OracleFailure,
        name,
      );
    }
  });

  it('gives one delta, text for text, whichever way led to the state', () => {
    const one = compiled();
    const other = compiled();
    let batch: RowAfter<Kind>[] = [];
    for (let operation = 0; operation < 40; operation += 1) {
      const rows = one.network.operate();
      one.compiler.update(one.view.apply(one.network.revision, rows));
      batch.push(...rows);
    }
    batch = [...batch, ...batch.slice(-3)];
    other.compiler.update(other.view.apply(one.network.revision, batch));
    const empty = Object.fromEntries(kinds.map(kind => [kind, []])) as never;
    const clear = [one, other].map(({ view, compiler }) =>
      compiler.update(view.replace({ revision: 100, rows: empty })),
    );
    assert.deepEqual(clear[0], clear[1]);
    assert.ok((clear[0]?.changes.length ?? 0) > 200);
  });

  it('stops every so many units where it is asked to, and comes to the same', () => {
    const one = compiled();
    const other = compiled();
    // All that there is at once, for as many as it takes.
    const snapshot = (revision: number) => ({ ...one.network.snapshot(), revision });
    const empty = Object.fromEntries(kinds.map(kind => [kind, []])) as never;
    for (const { compiler, view } of [one, other]) compiler.update(view.replace({ revision: 2, rows: empty }));
    const whole = one.compiler.update(one.view.replace(snapshot(3)));
    const steps = other.compiler.updating(other.view.replace(snapshot(3)));
    const atStops: number[] = [];
    const before = other.compiler.stats.unitsRun;
    let step = steps.next();
    for (; step.done !== true; step = steps.next()) atStops.push(other.compiler.stats.unitsRun - before);
    assert.deepEqual(step.value, whole);
    const { unitsRun } = other.compiler.stats.latest;
    assert.deepEqual(
      atStops,
      Array.from({ length: Math.floor(unitsRun / unitsATurn) }, (_, stop) => (stop + 1) * unitsATurn),
    );
    assert.equal(other.compiler.stats.unitsRun - before, unitsRun);
  });

  it('keeps nothing of what is gone', () => {
    const { view, compiler, network } = compiled();
    const before = compiler.stats;
    const empty = Object.fromEntries(kinds.map(kind => [kind, []])) as never;
    compiler.update(view.replace({ revision: 2, rows: empty }));
    const { units, fragments, reads } = compiler.stats;
    assert.deepEqual({ units, fragments, reads }, { units: 0, fragments: 0, reads: 0 });
    assert.deepEqual([...compiler.fragments()], []);
    compiler.update(view.replace(network.snapshot()));
    const after = compiler.stats;
    assert.deepEqual([after.units, after.fragments, after.reads], [before.units, before.fragments, before.reads]);
  });

  it('compiles a view that held rows before it in the same way', () => {
    const { view, compiler } = compiled();
    const late = new Compiler(toyRules, view, wholeFragments);
    late.update(view.everything());
    const text = (of: Compiler<Fragment>): string => canonicalFragments(of.fragments());
    assert.equal(text(late), text(compiler));
    assert.equal(late.stats.fragments, compiler.stats.fragments);
  });

  it('runs only what read the change, and stops at equal output', () => {
    const { view, compiler } = compiled();
    // Nobody else is behind it: else flood-remote reads it too, as one of those that learn.
    const port = view
      .rows('logical-switch-ports')
      .find(row => !row.unknownMacs && row.allowedAddresses.length === 0 && view.get('bound-ports', row.id) !== null);
    assert.ok(port !== undefined);
    const bound = view.get('bound-ports', port.id);
    const update = (changed: Partial<typeof port>): [number, number] => {
      const after = { ...port, ...changed };
      compiler.update(view.apply(view.revision + 1, [{ kind: 'logical-switch-ports', id: port.id, after }]));
      return [compiler.stats.latest.unitsRun, compiler.stats.latest.fragmentsChanged];
    };
    assert.ok(bound !== null);
    assert.deepEqual(update({ name: 'other', labels: { a: 'b' }, updatedAt: '2027-01-01T00:00:00.000Z' }), [0, 0]);
    // forwarding, flood-local and physical read the port; only forwarding speaks of its MAC.
    assert.deepEqual(update({ mac: '02:ff:ff:ff:ff:ff' }), [3, 1]);
    assert.deepEqual(update({ mac: '02:ff:ff:ff:ff:ff' }), [0, 0]);
  });

  it('names rule and object in the cookie, and the object of the surface as owner', () => {
    const { view, compiler } = compiled();
    const [bound] = view.rows('bound-ports');
    assert.ok(bound !== undefined);
    const { hypervisorId } = bound;
    const fragment = fragmentsOn(compiler, view, hypervisorId).find(({ key }) => key === `toy.physical/${bound.id}`);
    assert.deepEqual(fragment?.owner, { kind: 'logical-switch-ports', id: bound.id });
    assert.equal(fragment.cookie, fragmentCookie(6, bound.number));
  });

  it('ends loudly, with the names of rule and subject, when a rule throws', () => {
    const network = new RandomNetwork(4);
    const view = new NetworkView();
    const broken = rule({
      name: 'toy.broken',
      number: 9,
      subjects: 'logical-routers',
      compile() {
        throw new TypeError('oops');
      },
    });
    const touched = view.replace(network.snapshot());
    assert.throws(
      () => new Compiler([broken], view, wholeFragments).update(touched),
      (error: Error) =>
        /toy\.broken failed for logical-routers/.test(error.message) && error.cause instanceof TypeError,
    );
  });

  it('refuses two rules of one name or number', () => {
    const [first, second] = toyRules;
    assert.ok(first !== undefined && second !== undefined);
    const view = new NetworkView();
    assert.throws(
      () => new Compiler([first, { ...second, number: first.number } as Rule], view, wholeFragments),
      /number 1/,
    );
    assert.throws(
      () => new Compiler([first, { ...second, name: first.name } as Rule], view, wholeFragments),
      /name toy\.forwarding/,
    );
  });
});
