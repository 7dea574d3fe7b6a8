/**
 * Attributes of the resources of the OpenStack API, declared once: who may send and see them, of what form they are, what they are when left
 * out, and where they live. From that follow what bodies may say, replies, filters and orders.
 */
import type { CommonRow } from '../../src/model/index.js';
import type { Form } from './forms.js';
import { text } from './forms.js';
import type { Scene } from './scene.js';

export interface Attribute<R = CommonRow> {
  /** How a body says it; null: Weft alone does. */
  readonly form: Form | null;
  readonly inCreation: boolean;
  readonly inUpdate: boolean;
  readonly isRequired: boolean;
  /** What a creation has that leaves it out; undefined: the resource decides. */
  readonly initial: unknown;
  /** Whether it lives beside the nouns, as it was sent. */
  readonly isKept: boolean;
  readonly adminSees: boolean;
  readonly adminSets: boolean;
  readonly isFilter: boolean;
  readonly read: (scene: Scene, row: R) => unknown;
}

interface Options {
  readonly initial?: unknown;
  readonly required?: boolean;
  /** When bodies may say it; default: always. */
  readonly only?: 'creation' | 'update';
  /** `set`: only admins send it; `all`: only they see it, too. */
  readonly admin?: 'set' | 'all';
  readonly filter?: boolean;
}

function attribute<R>(
  form: Form | null,
  read: Attribute<R>['read'],
  isKept: boolean,
  { initial, required = false, only, admin, filter = true }: Options,
): Attribute<R> {
  return {
    form,
    inCreation: form !== null && only !== 'update',
    inUpdate: form !== null && only !== 'creation',
    isRequired: required,
    initial,
    isKept,
    adminSees: admin === 'all',
    adminSets: admin !== undefined,
    isFilter: filter,
    read,
  };
}

/** What only Weft says. */
export function shown<R>(read: Attribute<R>['read'], options: Pick<Options, 'admin' | 'filter'> = {}): Attribute<R> {
  return attribute(null, read, false, options);
}

/** What lives in a noun: `read` finds it there, and the resource writes it there. */
export function given<R>(form: Form, read: Attribute<R>['read'], options: Options = {}): Attribute<R> {
  return attribute(form, read, false, options);
}

/** What nothing but this API knows: kept beside the noun. */
export function kept<R extends CommonRow>(
  name: string,
  form: Form,
  initial: unknown,
  options: Omit<Options, 'initial'> = {},
): Attribute<R> {
  return attribute(form, (scene, { id }) => scene.said(id)[name] ?? initial, true, { ...options, initial });
}

export type Attributes<R> = Readonly<Record<string, Attribute<R>>>;

/** To the second, as OpenStack has it. */
export const secondsOf = (time: string): string => time.replace(/\.\d+Z$/, 'Z');

const later = (a: string, b: string | undefined): string => (b !== undefined && b > a ? b : a);

/** The number that grows with every change of the object, and of what is said of it. */
export function revisionNumberOf(scene: Scene, row: CommonRow): number {
  return Math.max(row.revision, scene.view.get('neutron-objects', row.id)?.revision ?? 0);
}

/** An object that the caller of REST or Weft has given no name shows none: its name is then its id. */
export const nameOf = ({ id, name }: Pick<CommonRow, 'id' | 'name'>): string => (name === id ? '' : name);

/** What every resource has. */
export function standard<R extends CommonRow>(): Attributes<R> {
  const project: Attribute<R> = given(text(), (_scene, { projectId }) => projectId, { only: 'creation' });
  return {
    id: shown((_scene, { id }) => id),
    tenant_id: project,
    project_id: project,
    description: kept('description', text(), ''),
    tags: shown((scene, { id }) => scene.said(id)['tags'] ?? [], { filter: false }),
    created_at: shown((_scene, { createdAt }) => secondsOf(createdAt)),
    updated_at: shown((scene, { id, updatedAt }) =>
      secondsOf(later(updatedAt, scene.view.get('neutron-objects', id)?.updatedAt)),
    ),
    revision_number: shown(revisionNumberOf),
  };
}

/** A name, which may be empty and need not be unique. */
export function named<R extends CommonRow>(): Attribute<R> {
  return given(text(), (_scene, row) => nameOf(row), { initial: '' });
}
