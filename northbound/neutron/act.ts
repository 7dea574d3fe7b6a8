/** One write of the OpenStack API: a transaction of the store in which objects are made and changed together with what is said of them. */
import { randomUUID } from 'node:crypto';
import type { Kind } from '../../src/model/index.js';
import type { NeutronAttributes, NeutronCollection } from '../../src/model/neutron-object.js';
import type { WriteOperations } from '../../src/store/write-operations.js';
import { NeutronFault } from './faults.js';
import type { Values } from './forms.js';
import type { Scene } from './scene.js';

/** An object of the API as the write knows it: its row is of that noun. */
export interface Subject {
  readonly kind: Kind;
  readonly id: string;
  readonly projectId: string;
}

export class Act {
  constructor(
    readonly tx: WriteOperations,
    readonly scene: Scene,
  ) {}

  /** The id of an object to be made. */
  newId(): string {
    return randomUUID();
  }

  /** What is said of the object now, in this transaction. */
  async said(id: string): Promise<NeutronAttributes> {
    return (await this.tx.get('neutron-objects', id))?.attributes ?? {};
  }

  /**
   * Changes what is said of an object; `undefined` takes an attribute out. Where nothing is left to say, and nothing was said before,
   * nothing is written.
   */
  async say(
    collection: NeutronCollection,
    { id, projectId }: Pick<Subject, 'id' | 'projectId'>,
    changes: Values,
  ): Promise<void> {
    const before = await this.tx.get('neutron-objects', id);
    const merged = { ...before?.attributes, ...changes };
    const attributes = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
    if (before === null && Object.keys(attributes).length === 0) return;
    const name = before?.name ?? '';
    await this.tx.replace('neutron-objects', id, { name, project_id: projectId, collection, attributes });
  }

  /** Makes an object that no other noun knows. */
  async establish(
    collection: NeutronCollection,
    object: { id: string; name: string; projectId: string },
    attributes: Values,
  ): Promise<void> {
    const { id, name, projectId } = object;
    await this.tx.create('neutron-objects', { id, name, project_id: projectId, collection, attributes });
  }

  /** Fails unless the object is still the one that the caller has read, by its revision number. */
  async requireRevision({ kind, id }: Subject, expected: number): Promise<void> {
    const [row, said] = [await this.tx.get(kind, id), await this.tx.get('neutron-objects', id)];
    const revision = Math.max(row?.revision ?? 0, said?.revision ?? 0);
    if (revision !== expected)
      throw new NeutronFault(
        412,
        'RevisionNumberConstraintFailed',
        `Constrained to ${expected}, but current revision is ${revision}`,
      );
  }
}
