/** What a caller sees: the one place where REST decides whether an object, or a member of one, is shown. */
import { EVERY_PROJECT, isInScope, isOpenTo } from '../../src/model/audience.js';
import { type Kind, resourceOf, type RowOf } from '../../src/model/index.js';
import type { NetworkView } from '../../src/view/network-view.js';
import { type Caller, isEntitled, ruleOf } from './access.js';

/** Finds the object through which another is seen. */
export type Parents = (kind: Kind, id: string) => RowOf<Kind> | null;

export class Sight {
  readonly #view: NetworkView;
  readonly #caller: Caller;
  /** The project of a tenant; null for an operator. */
  readonly projectId: string | null;

  constructor(view: NetworkView, caller: Caller) {
    this.#view = view;
    this.#caller = caller;
    this.projectId = caller.projectId;
  }

  /** Whether it is that of a tenant, who is told nothing of hypervisors and of others. */
  get isTenant(): boolean {
    return this.projectId !== null;
  }

  /** Whether it is that of a tenant, or of an operator whose scopes leave something out. */
  get isPartial(): boolean {
    return this.isTenant || this.#caller.scopes.length > 0;
  }

  /** Whether it is less than everything. */
  get isLimited(): boolean {
    return this.isPartial || this.#caller.role !== 'admin';
  }

  /** Whether the caller may read the collection at all. */
  reads(kind: Kind): boolean {
    return isEntitled(this.#caller, ruleOf(kind, 'read')) && isInScope(this.#caller.scopes, kind, 'read');
  }

  /** Whether the caller knows of the object: its own, one that is shared with it, or what belongs to such a one (now, or then). */
  sees(kind: Kind, row: RowOf<Kind>, parents: Parents = this.#parents): boolean {
    if (this.projectId === null) return true;
    const { audience, seenThrough } = resourceOf(kind);
    if (audience.read !== 'project') return false;
    if (isOpenTo(row, this.projectId)) return true;
    if (seenThrough === null) return false;
    const parentId = (row as unknown as Readonly<Record<string, unknown>>)[seenThrough.field];
    const parent = parents(seenThrough.kind, String(parentId));
    return parent !== null && this.sees(seenThrough.kind, parent, parents);
  }

  readonly #parents: Parents = (kind, id) => this.#view.get(kind, id) as RowOf<Kind> | null;

  /** Whether the caller knows of the object of this id; a tenant only of one that is there. */
  knows({ kind, id }: { readonly kind: Kind; readonly id: string }): boolean {
    if (this.projectId === null) return true;
    const row = this.#view.get(kind, id) as RowOf<Kind> | null;
    return row !== null && this.sees(kind, row);
  }

  /** Whether a port that the caller knows of is on the hypervisor. */
  hasPortOn(hypervisorId: string): boolean {
    return this.#view
      .by('bound-ports', 'hypervisorId', hypervisorId)
      .some(({ id }) => this.knows({ kind: 'logical-switch-ports', id }));
  }

  /** Whether the caller may know that the object is shared with the project: its owner knows of all, others of themselves. */
  knowsOfSharing({ projectId }: RowOf<Kind>, project: string): boolean {
    const own = this.projectId;
    return own === null || own === projectId || project === own || project === EVERY_PROJECT;
  }
}
