/**
 * The standing test of the compiler, for any list of rules: after any sequence of changes, what the engine has arrived
 * at step by step is what a compile from scratch gives. Every step is compared with the memoized compile (see there),
 * and the end of every round with a new view and a new compiler that have seen nothing but the final rows; then the
 * network goes back to its base, and the output with it.
 *
 * In mutation mode one read of one rule goes unrecorded, and the oracle must fail.
 */
import { structurallyEqual } from '../../src/base/structural-equality.js';
import { Compiler, type Delta } from '../../src/compiler/compiler.js';
import type { Fragment } from '../../src/compiler/fragment.js';
import type { Rule } from '../../src/compiler/rule.js';
import { type Kind, kinds } from '../../src/model/kinds.js';
import { NetworkView, type RowAfter, type Snapshot, type Touched } from '../../src/view/network-view.js';
import type { TrackedView } from '../../src/view/tracked-view.js';
import { canonicalFragment, canonicalFragments } from './canonical-fragment.js';
import { MemoizedCompile, type ReadSite, siteName } from './memoized-compile.js';
import { RandomNetwork } from './random-network.js';
import { wholeFragments } from './whole-fragments.js';

export interface OracleOptions {
  readonly rules: readonly Rule[];
  /** Seeds of the sequences to run. */
  readonly sequences: Iterable<number>;
  readonly operationsPerSequence: number;
  /**
   * After how many sequences the network is compared with a complete compile, and goes back to its base. The next
   * sequence of a round begins where the one before has ended. Default: one.
   */
  readonly sequencesPerRound?: number;
  /** Mutation mode: this read is not recorded. */
  readonly unrecorded?: ReadSite;
}

export interface OracleReport {
  readonly steps: number;
  readonly fewestPorts: number;
  readonly unitsRun: number;
  readonly fragmentsChanged: number;
  /** Every read site in use and the shortest beginning of a round that fails without its recording; null if none did. */
  readonly sites: ReadonlyMap<string, { readonly site: ReadSite; readonly decidedBy: readonly number[] | null }>;
}

/** The incremental output is not the output. */
export class OracleFailure extends Error {}

const baseSeed = 1;

export function runIncrementalOracle(options: OracleOptions): OracleReport {
  const { operationsPerSequence, sequencesPerRound = 1 } = options;
  const base = new RandomNetwork(baseSeed).snapshot();
  const trial = new Trial(options, base);
  const seeds = [...options.sequences];
  let steps = 0;
  let fewestPorts = Number.POSITIVE_INFINITY;
  for (let first = 0; first < seeds.length; first += sequencesPerRound) {
    const round: number[] = [];
    let network: RandomNetwork | null = null;
    for (const seed of seeds.slice(first, first + sequencesPerRound)) {
      network = new RandomNetwork(seed, network?.snapshot() ?? base);
      round.push(seed);
      for (let operation = 0; operation < operationsPerSequence; operation += 1) {
        const rows = network.operate();
        trial.step(`sequence ${seed}, operation ${operation}`, network.revision, rows, round);
        fewestPorts = Math.min(fewestPorts, trial.portCount);
        steps += 1;
      }
    }
    trial.compareComplete(`end of the round ${round.join(', ')}`);
    trial.revert(`revert of the round ${round.join(', ')}`);
  }
  return { steps, fewestPorts, ...trial.report() };
}

type Fragments = ReadonlyMap<string, Fragment>;

/** Engine and reference side by side. */
class Trial {
  readonly #rules: readonly Rule[];
  readonly #base: Snapshot;
  readonly #baseText: string;
  readonly #view = new NetworkView();
  readonly #compiler: Compiler<Fragment>;
  readonly #reference: MemoizedCompile;
  readonly #fragments = new Map<string, Fragment>();
  readonly #residencies = new Set<string>();
  readonly #meshMembers = new Set<string>();
  readonly #decidedBy = new Map<string, readonly number[]>();

  constructor({ rules, unrecorded }: OracleOptions, base: Snapshot) {
    this.#rules = rules;
    this.#base = base;
    this.#compiler = new Compiler(
      unrecorded === undefined ? rules : leaking(rules, unrecorded, this.#view),
      this.#view,
      wholeFragments,
    );
    this.#reference = new MemoizedCompile(rules);
    this.#advance('base', this.#view.replace(base), rowsOf(base));
    this.#baseText = canonicalFragments(this.#fragments.values());
  }

  get portCount(): number {
    return this.#view.count('logical-switch-ports');
  }

  step(where: string, revision: number, rows: readonly RowAfter<Kind>[], round: readonly number[]): void {
    const isDecided = (name: string): boolean => (this.#decidedBy.get(name)?.length ?? Infinity) <= round.length;
    for (const site of this.#advance(where, this.#view.apply(revision, rows), rows, isDecided)) {
      const name = siteName(site);
      if (!isDecided(name)) this.#decidedBy.set(name, [...round]);
    }
  }

  /** Back to the base: what changed and was changed back leaves no trace. */
  revert(where: string): void {
    const kept = new Map(kinds.map(kind => [kind, new Set(this.#base.rows[kind].map(row => row.id))]));
    const gone = kinds.flatMap(kind =>
      [...this.#reference.network.rows(kind).keys()]
        .filter(id => kept.get(kind)?.has(id) !== true)
        .map((id): RowAfter => ({ kind, id, after: null })),
    );
    this.#advance(where, this.#view.replace(this.#base), [...gone, ...rowsOf(this.#base)]);
  }

  /** Compares everything with a compile that has no past. */
  compareComplete(where: string): void {
    const rows = Object.fromEntries(kinds.map(kind => [kind, this.#view.rows(kind)])) as unknown as Snapshot['rows'];
    const view = new NetworkView();
    const compiler = new Compiler(this.#rules, view, wholeFragments);
    compiler.update(view.replace({ revision: this.#view.revision, rows }));
    const actual = byKey(this.#compiler.fragments());
    const expected = byKey(compiler.fragments());
    this.#compareFragments(`${where}, complete`, [...actual.keys(), ...expected.keys()], actual, expected);
    this.#compareFragments(`${where}, sum of the deltas`, actual.keys(), actual, this.#fragments);
    if (actual.size !== this.#fragments.size) throw new OracleFailure(`${where}: fragments that nothing delivers`);
  }

  report(): Omit<OracleReport, 'steps' | 'fewestPorts'> {
    const { unitsRun, fragmentsChanged } = this.#compiler.stats;
    const sites = new Map(
      [...this.#reference.sites].map(([name, site]) => [name, { site, decidedBy: this.#decidedBy.get(name) ?? null }]),
    );
    if (canonicalFragments(this.#fragments.values()) !== this.#baseText) {
      throw new OracleFailure('after the last revert the text is not that of the base');
    }
    return { unitsRun, fragmentsChanged, sites };
  }

  #advance(
    where: string,
    touched: Touched,
    rows: Iterable<RowAfter>,
    isDecided: (site: string) => boolean = () => true,
  ): readonly ReadSite[] {
    const { keys: reran, decisive } = this.#reference.apply(rows, isDecided);
    const delta = this.#compiler.update(touched);
    this.#take(where, delta);
    const keys = new Set([...reran, ...delta.changes.map(change => change.key)]);
    this.#compareFragments(where, keys, this.#fragments, this.#reference.fragments);
    const { residency, meshes } = delta;
    const residencies = residency.map(each => ({
      id: `${each.datapathId}@${each.hypervisorId}`,
      isThere: each.resident,
    }));
    this.#compareIds(where, 'residencies', this.#residencies, residencies);
    const members = meshes.map(each => ({ id: `${each.meshId}@${each.hypervisorId}`, isThere: each.member }));
    this.#compareIds(where, 'mesh-members', this.#meshMembers, members);
    return decisive;
  }

  #compareFragments(where: string, keys: Iterable<string>, incremental: Fragments, scratch: Fragments): void {
    for (const key of keys) {
      const [actual, expected] = [incremental.get(key), scratch.get(key)];
      if (structurallyEqual(actual, expected)) continue;
      const text = (fragment?: Fragment): string => (fragment === undefined ? 'nothing' : canonicalFragment(fragment));
      throw new OracleFailure(`${where}: ${key}\n  incremental: ${text(actual)}\n  scratch:     ${text(expected)}`);
    }
  }

  #take(where: string, delta: Delta): void {
    for (const { key, before, after } of delta.changes) {
      if (before !== (this.#fragments.get(key) ?? null))
        throw new OracleFailure(`${where}: ${key} was not that before`);
      if (after === null) this.#fragments.delete(key);
      else this.#fragments.set(key, after);
    }
  }

  /** What the deltas add up to is what the rows are. */
  #compareIds(
    where: string,
    kind: 'residencies' | 'mesh-members',
    held: Set<string>,
    changes: readonly { readonly id: string; readonly isThere: boolean }[],
  ): void {
    for (const { id, isThere } of changes) {
      if (held.has(id) === isThere) throw new OracleFailure(`${where}: ${id} of ${kind} has not changed`);
      if (isThere) held.add(id);
      else held.delete(id);
    }
    const expected = this.#reference.network.rows(kind);
    const missing = [...expected.keys()].filter(id => !held.has(id));
    if (missing.length > 0 || expected.size !== held.size) {
      throw new OracleFailure(`${where}: ${kind} differ; missing: ${missing.join(', ')}`);
    }
  }
}

const rowsOf = (snapshot: Snapshot): RowAfter[] =>
  kinds.flatMap(kind => snapshot.rows[kind].map(row => ({ kind, id: row.id, after: row }) as RowAfter));

const byKey = (fragments: Iterable<Fragment>): Fragments =>
  new Map([...fragments].map(fragment => [fragment.key, fragment]));

/** The rules, but what one of them reads at one site is read behind the engine's back. */
function leaking(rules: readonly Rule[], { rule: name, kind, index }: ReadSite, view: NetworkView): readonly Rule[] {
  const untracked = view as unknown as TrackedView;
  return rules.map(rule => {
    if (rule.name !== name) return rule;
    const compile = rule.compile as (subject: unknown, tracked: TrackedView) => unknown;
    const through = (tracked: TrackedView): TrackedView => ({
      get: (asked, id) => (asked === kind && index === null ? untracked : tracked).get(asked, id),
      by: (asked, by, value) => (asked === kind && by === index ? untracked : tracked).by(asked, by, value),
    });
    return { ...rule, compile: (subject: unknown, tracked: TrackedView) => compile(subject, through(tracked)) } as Rule;
  });
}
