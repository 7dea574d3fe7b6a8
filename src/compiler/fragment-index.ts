/** Fragments by where they belong, for delivery: what must a hypervisor hold that has just connected? */
import { compareIds } from '../view/table.js';
import type { Fragment, Scope } from './fragment.js';

export class FragmentIndex {
  readonly #everywhere = new Set<Fragment>();
  readonly #datapaths = new Map<string, Set<Fragment>>();
  readonly #hypervisors = new Map<string, Set<Fragment>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(fragment: Fragment): void {
    this.#bucket(fragment.scope, true)?.add(fragment);
    this.#size += 1;
  }

  remove(fragment: Fragment): void {
    const bucket = this.#bucket(fragment.scope, false);
    if (bucket?.delete(fragment) !== true) throw new Error(`fragment ${fragment.key} is not in the index`);
    this.#size -= 1;
    if (bucket.size > 0) return;
    if (fragment.scope.kind === 'datapath') this.#datapaths.delete(fragment.scope.datapathId);
    if (fragment.scope.kind === 'hypervisor') this.#hypervisors.delete(fragment.scope.hypervisorId);
  }

  /** The fragments of exactly this scope, sorted by key. */
  of(scope: Scope): readonly Fragment[] {
    return [...(this.#bucket(scope, false) ?? [])].sort((left, right) => compareIds(left.key, right.key));
  }

  #bucket(scope: Scope, make: boolean): Set<Fragment> | undefined {
    if (scope.kind === 'everywhere') return this.#everywhere;
    const [buckets, id] =
      scope.kind === 'datapath' ? [this.#datapaths, scope.datapathId] : [this.#hypervisors, scope.hypervisorId];
    let bucket = buckets.get(id);
    if (bucket === undefined && make) buckets.set(id, (bucket = new Set()));
    return bucket;
  }
}
