/** What a request of the OpenStack API sees: rows of the view as far as the caller knows of them, and what is said of them beside. */
import { type Kind, resourceOf, type RowOf } from '../../src/model/index.js';
import type { NeutronAttributes } from '../../src/model/neutron-object.js';
import type { NetworkView } from '../../src/view/network-view.js';
import type { NetworkState } from '../rest/network-state.js';
import type { Sight } from '../rest/sight.js';
import type { Identity } from './identity.js';

const nothing: NeutronAttributes = {};

export class Scene {
  constructor(
    readonly state: NetworkState,
    readonly sight: Sight,
    readonly identity: Identity,
  ) {}

  get view(): NetworkView {
    return this.state.view;
  }

  /** What is said of the object of this id. */
  said(id: string): NeutronAttributes {
    return this.view.get('neutron-objects', id)?.attributes ?? nothing;
  }

  /** Rows of the kind that the caller may know of, in the order of ids. */
  rows<K extends Kind>(kind: K): readonly RowOf<K>[] {
    const { projectId } = this.sight;
    const all = (): readonly RowOf<K>[] => this.view.rows(kind) as unknown as readonly RowOf<K>[];
    if (projectId === null) return all();
    const { audience, seenThrough } = resourceOf(kind);
    if (audience.read === 'project' && seenThrough === null)
      return this.view.rowsOfProject(kind, projectId, { shared: true });
    return all().filter(row => this.sight.sees(kind, row as unknown as RowOf<Kind>));
  }

  get<K extends Kind>(kind: K, id: string): RowOf<K> | null {
    const row = this.view.get(kind, id) as unknown as RowOf<K> | null;
    return row !== null && this.sight.sees(kind, row as unknown as RowOf<Kind>) ? row : null;
  }

  /** Whether the row is the caller's own, or the caller an admin. */
  owns({ projectId }: { readonly projectId: string }): boolean {
    return this.identity.isAdmin || projectId === this.identity.projectId;
  }
}
