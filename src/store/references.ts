/** Which members of a kind refer to others, and which rows refer to one. */
import { WeftError } from '../base/errors.js';
import { type CommonRow, type Kind, kinds, resourceOf } from '../model/index.js';
import type { OnDelete } from '../model/fields.js';
import { snakeCase } from '../model/letter-case.js';
import { fieldOf } from '../model/wire.js';

export interface ReferringMember {
  /** The kind referred to. */
  readonly kind: Kind;
  readonly field: string;
  readonly wire: string;
  readonly acrossProjects: boolean;
}

const referencesByKind = new Map<Kind, readonly ReferringMember[]>();

/** The members of a kind that refer to others. */
export function referencesOf(kind: Kind): readonly ReferringMember[] {
  let references = referencesByKind.get(kind);
  if (references === undefined) {
    const noun = resourceOf(kind);
    references = noun.fieldNames.flatMap(field => {
      const { reference } = fieldOf(noun, field);
      if (reference === null) return [];
      return [{ kind: reference.kind, field, wire: snakeCase(field), acrossProjects: reference.acrossProjects }];
    });
    referencesByKind.set(kind, references);
  }
  return references;
}

export interface Referrer {
  readonly kind: Kind;
  readonly field: string;
}

/**
 * Which fields refer to the kind and stand in the way of a deletion, those furthest from it first. Bindings and peers are
 * settled at the end.
 */
export function referrersOf(target: Kind): Referrer[] {
  return referrers(target, 'restrict');
}

/** Which fields refer to the kind in rows that go with it, whoever owns them: what is said of an object ends with it. */
export function companionsOf(target: Kind): Referrer[] {
  return referrers(target, 'cascade').filter(({ kind }) => kind !== 'port-bindings');
}

function referrers(target: Kind, onDelete: OnDelete): Referrer[] {
  return kinds.toReversed().flatMap(kind => {
    const noun = resourceOf(kind);
    return noun.fieldNames
      .filter(field => {
        const { reference } = fieldOf(noun, field);
        return reference?.kind === target && reference.onDelete === onDelete;
      })
      .map(field => ({ kind, field }));
  });
}

/** Which fields may refer to an object of the kind that another project shares. */
export function sharedReferrersOf(target: Kind): Referrer[] {
  return kinds.flatMap(kind => {
    const noun = resourceOf(kind);
    return noun.fieldNames
      .filter(field => {
        const { reference } = fieldOf(noun, field);
        return reference?.kind === target && reference.acrossProjects;
      })
      .map(field => ({ kind, field }));
  });
}

export function inUse(kind: Kind, id: string, by: Kind, rows: readonly CommonRow[]): WeftError {
  return new WeftError('in_use', {
    detail: `${kind} ${id} is used by ${rows.length} ${by}, such as ${rows[0]?.id ?? ''}.`,
    related: rows.map(row => ({ kind: by, id: row.id, name: row.name })),
  });
}
