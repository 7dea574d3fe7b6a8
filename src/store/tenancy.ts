/**
 * What a tenant's transaction may touch, for every noun alike, from what its declaration says: its own objects, and where a
 * reference allows it those that others share with it. Of all else it learns nothing: not that it exists, nor who depends on whom.
 * For whoever is no tenant all of this costs nothing.
 */
import { isDeepStrictEqual } from 'node:util';
import { pointerTo, WeftError } from '../base/errors.js';
import { isInScope, isSharedWith, type OwnedRow } from '../model/audience.js';
import { type CommonRow, type Kind, resourceOf, type RowOf } from '../model/index.js';
import { snakeCase } from '../model/letter-case.js';
import { isObject, refuse } from '../model/value-types.js';
import { fieldOf, toWire } from '../model/wire.js';
import { inUse, referencesOf, sharedReferrersOf } from './references.js';
import type { UnitOfWork } from './unit-of-work.js';
import type { WriteContext } from './write-operations.js';

type Values = Readonly<Record<string, unknown>>;

/** The ids that a member refers to: one, several, or none. */
function idsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter(each => typeof each === 'string') : [];
}

export class Tenancy {
  readonly #unit: UnitOfWork;
  readonly #context: WriteContext;

  constructor(unit: UnitOfWork, context: WriteContext) {
    this.#unit = unit;
    this.#context = context;
  }

  /** Refuses what the caller may not write whatever object it is. Throws `forbidden`. */
  admit(kind: Kind): void {
    const { projectId, scopes = [] } = this.#context;
    if (projectId !== undefined && resourceOf(kind).audience.write === 'admin')
      throw new WeftError('forbidden', { detail: `Only an admin writes ${kind}.` });
    if (!isInScope(scopes, kind, 'write'))
      throw new WeftError('forbidden', { detail: `The scopes of the token do not include writing ${kind}.` });
  }

  /** Whether the caller knows of the object: its own, one shared with it, or what belongs to such a one. */
  async sees(kind: Kind, row: CommonRow): Promise<boolean> {
    if (this.#unit.isOpen(row)) return true;
    const { seenThrough } = resourceOf(kind);
    if (seenThrough === null) return false;
    const parentId = (row as unknown as Values)[seenThrough.field];
    const parent = typeof parentId === 'string' ? await this.#unit.get(seenThrough.kind, parentId) : null;
    return parent !== null && this.sees(seenThrough.kind, parent);
  }

  /** Refuses to change an object that is only shared with the caller. */
  requireOwn(kind: Kind, row: CommonRow): void {
    if (this.#unit.owns(row)) return;
    const { singular } = resourceOf(kind);
    throw new WeftError('forbidden', {
      detail: `The ${singular} ${row.id} is shared with you, and belongs to others.`,
    });
  }

  /**
   * The body with what only operators set as it is, so that a tenant that replaces an object leaves it alone. A tenant that names
   * such a member is refused.
   */
  withOperatorMembers<K extends Kind>(kind: K, body: unknown, current: RowOf<K> | null): unknown {
    if (this.#context.projectId === undefined || !isObject(body)) return body;
    const hidden = operatorMembers(kind);
    if (hidden.length === 0) return body;
    const given = hidden.find(member => Object.hasOwn(body, member));
    if (given !== undefined) refuse('forbidden', pointerTo('', given), `Only an operator sets ${given}.`);
    if (current === null) return body;
    const shown = toWire(kind, current);
    return { ...body, ...Object.fromEntries(hidden.map(member => [member, shown[member]])) };
  }

  /**
   * Refuses references to what the caller does not see, or may not use, with the words for what is not there. Those that the object
   * has already stay: an admin may have made them.
   */
  async checkReferences(kind: Kind, input: Values, current: Values | null): Promise<void> {
    if (this.#context.projectId === undefined) return;
    this.#unit.grantOnly(referencesOf(kind).flatMap(({ field }) => idsIn(current?.[field])));
    for (const reference of referencesOf(kind)) {
      const kept = new Set(idsIn(current?.[reference.field]));
      for (const id of idsIn(input[reference.field])) {
        if (!kept.has(id)) await this.#checkReference(reference, id);
      }
    }
  }

  async #checkReference(reference: ReturnType<typeof referencesOf>[number], id: string): Promise<void> {
    const { kind, wire, acrossProjects } = reference;
    const row = await this.#unit.get(kind, id);
    if (row !== null && (this.#unit.owns(row) || (acrossProjects && this.#unit.isOpen(row)))) return;
    throw new WeftError('reference_not_found', { detail: `There is no ${kind} ${id}.`, pointer: pointerTo('', wire) });
  }

  /** Refuses to share an object no more with projects that still use it, whoever asks. */
  async keepSharing<K extends Kind>(kind: K, before: RowOf<K>, after: RowOf<K>): Promise<void> {
    const [had, has]: OwnedRow[] = [before, after];
    if (had?.sharedWith === undefined || has === undefined || isDeepStrictEqual(had.sharedWith, has.sharedWith)) return;
    for (const { kind: by, field } of sharedReferrersOf(kind)) {
      const users = await this.#unit.children(by, field as 'id', before.id);
      const losing = users.filter(
        ({ projectId }) =>
          projectId !== '' &&
          projectId !== has.projectId &&
          isSharedWith(had, projectId) &&
          !isSharedWith(has, projectId),
      );
      if (losing.length > 0) throw inUse(kind, before.id, by, losing).at('/shared_with');
    }
  }

  async #ownOf(related: WeftError['related']): Promise<WeftError['related']> {
    const own: WeftError['related'][number][] = [];
    for (const kind of new Set(related.map(each => each.kind as Kind))) {
      const ofKind = related.filter(each => each.kind === kind);
      // The transaction may have failed in the database: what cannot be read is not named.
      await this.#unit.prefetch(kind, ofKind.map(({ id }) => id).toSorted()).catch(() => undefined);
      for (const each of ofKind) {
        const row = await this.#unit.get(kind, each.id).catch(() => null);
        if (row !== null && this.#unit.owns(row)) own.push(each);
      }
    }
    return own;
  }

  /** The error without what the caller does not see: objects of others that it names, and their number. */
  async censored(error: unknown): Promise<unknown> {
    if (this.#context.projectId === undefined || !(error instanceof WeftError) || error.related.length === 0)
      return error;
    const related = await this.#ownOf(error.related);
    if (related.length === error.related.length) return error;
    return new WeftError(error.code, {
      detail: `${error.entry.title} Objects of others are concerned.`,
      related,
      ...(error.pointer === undefined ? {} : { pointer: error.pointer }),
      ...(error.operation === undefined ? {} : { operation: error.operation }),
      cause: error,
    });
  }
}

/** Wire names of the members that only operators know. */
export function operatorMembers(kind: Kind): readonly string[] {
  let members = membersByKind.get(kind);
  if (members === undefined) {
    const noun = resourceOf(kind);
    members = noun.fieldNames.filter(name => fieldOf(noun, name).operatorOnly).map(snakeCase);
    membersByKind.set(kind, members);
  }
  return members;
}

const membersByKind = new Map<Kind, readonly string[]>();
