/**
 * Whom nouns are for. What a noun does not say otherwise belongs to a project: its members see and write their own objects, and
 * nobody else's. So a new noun is isolated before anybody has thought of it.
 */
import type { Kind } from './kinds.js';

/** What a caller may do: everything; write what its project owns; read. */
export const roles = ['admin', 'member', 'reader'] as const;
export type Role = (typeof roles)[number];

/** Who reads and who writes the objects of a noun. An operator is a caller of no project: an admin, or a reader of everything. */
export interface Audience {
  readonly read: 'project' | 'operator' | 'admin';
  readonly write: 'project' | 'admin';
}

export const ofProjects: Audience = { read: 'project', write: 'project' };

/** What scopes of tokens name besides collections. */
export const otherAreas = ['metrics', 'docker'] as const;

/** Whether the scopes of a token include the area; without any, all is included. */
export function isInScope(scopes: readonly string[], area: string, verb: 'read' | 'write'): boolean {
  return scopes.length === 0 || scopes.includes(area) || (verb === 'read' && scopes.includes(`${area}:read`));
}

/** Stands for every project in a list of those with which an object is shared. */
export const EVERY_PROJECT = '*';

/** What the rule of who sees a row is made of. */
export interface OwnedRow {
  readonly projectId: string;
  /** Nouns that can be shared have it. */
  readonly sharedWith?: readonly string[];
}

/** Whether the owner of the row shares it with the project. */
export function isSharedWith({ sharedWith }: OwnedRow, projectId: string): boolean {
  return sharedWith !== undefined && (sharedWith.includes(projectId) || sharedWith.includes(EVERY_PROJECT));
}

/** The row by whose sharing another is seen as well: a subnet with its logical switch. */
export interface SeenThrough {
  readonly kind: Kind;
  readonly field: string;
}

/** Whether the row belongs to the project or is shared with it. */
export const isOpenTo = (row: OwnedRow, projectId: string): boolean =>
  row.projectId === projectId || isSharedWith(row, projectId);
