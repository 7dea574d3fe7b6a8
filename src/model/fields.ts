/** Fields of the nouns: a type of value and everything else that Weft must know of it, declared once. */
import type { Kind } from './kinds.js';
import { list, nullable, text, uuid, type ValueType } from './value-types.js';

/**
 * Who may set a field:
 * writable: the caller, at any time; immutable: the caller, at creation; read-only: Weft, shown to the caller;
 * internal: Weft, not shown.
 */
export type Access = 'writable' | 'immutable' | 'read-only' | 'internal';

/**
 * What happens when a request leaves the field out. A default is written; an allocated field gets a value from the store at
 * creation and keeps the one that it has afterwards.
 */
export type Presence = 'required' | 'default' | 'allocated';

/** What the deletion of the target does: refused unless asked to cascade, deletes this row too, or sets the field to null. */
export type OnDelete = 'restrict' | 'cascade' | 'clear';

export interface Reference {
  readonly kind: Kind;
  readonly onDelete: OnDelete;
  /** Whether a tenant may refer to an object that another project shares with it; else only to its own. */
  readonly acrossProjects: boolean;
}

export interface Field<Value = unknown, Input = Value> {
  readonly type: ValueType<Value, Input>;
  readonly description: string;
  readonly access: Access;
  readonly presence: Presence;
  /** Set exactly if `presence` is `default`. */
  readonly defaultValue: Input | undefined;
  /** What a row has that was logged before there was the field, where that is neither null nor the default. */
  readonly formerly: Value | undefined;
  readonly reference: Reference | null;
  /** The view keeps a secondary index on it, and REST a filter. */
  readonly indexed: boolean;
  /** No two rows of the kind have the same value (null excepted). */
  readonly unique: boolean;
  /** Names what no tenant should know, such as hypervisors: hidden from tenants, who cannot set it either. */
  readonly operatorOnly: boolean;
}

interface Common {
  readonly indexed?: boolean;
  readonly unique?: boolean;
  readonly operatorOnly?: boolean;
}

function make<V, I>(
  type: ValueType<V, I>,
  description: string,
  rest: Pick<Field<V, I>, 'access' | 'presence' | 'defaultValue'>,
  common: Common,
): Field<V, I> {
  return {
    type,
    description,
    reference: null,
    formerly: undefined,
    indexed: common.indexed ?? false,
    unique: common.unique ?? false,
    operatorOnly: common.operatorOnly ?? false,
    ...rest,
  };
}

/** A field that the caller may leave out: it then has the default. */
export function optional<V, I>(
  type: ValueType<V, I>,
  description: string,
  options: Common & { default: NoInfer<I>; access?: 'writable' | 'immutable' },
): Field<V, I> {
  const { access = 'writable', default: defaultValue } = options;
  return make(type, description, { access, presence: 'default', defaultValue }, options);
}

/** A field that the caller must give. */
export function required<V, I>(
  type: ValueType<V, I>,
  description: string,
  options: Common & { access?: 'writable' | 'immutable' } = {},
): Field<V, I> {
  const { access = 'writable' } = options;
  return make(type, description, { access, presence: 'required', defaultValue: undefined }, options);
}

/** A field that the caller may give and that the store fills otherwise. */
export function allocated<V, I>(type: ValueType<V, I>, description: string, options: Common = {}): Field<V, I> {
  return make(type, description, { access: 'writable', presence: 'allocated', defaultValue: undefined }, options);
}

/** A field that only Weft sets. One that is added to a noun and is never null says what the rows `formerly` had. */
export function ownField<V>(
  type: ValueType<V>,
  description: string,
  options: Common & { access: 'read-only' | 'internal'; formerly?: NoInfer<V> },
): Field<V> {
  const { access, formerly } = options;
  return { ...make(type, description, { access, presence: 'allocated', defaultValue: undefined }, options), formerly };
}

/** The id of another row, which must exist. */
export function reference(
  kind: Kind,
  description: string,
  options: { onDelete: OnDelete; access?: Exclude<Access, 'read-only'>; acrossProjects?: boolean },
): Field<string> {
  const { access = 'writable', onDelete, acrossProjects = false } = options;
  const rest = { access, presence: access === 'internal' ? 'allocated' : 'required', defaultValue: undefined } as const;
  return { ...make(uuid(), description, rest, { indexed: true }), reference: { kind, onDelete, acrossProjects } };
}

/** The id of another row, or null. */
export function optionalReference(
  kind: Kind,
  description: string,
  options: { onDelete: OnDelete; acrossProjects?: boolean },
): Field<string | null> {
  const rest = { access: 'writable', presence: 'default', defaultValue: null } as const;
  return {
    ...make(nullable(uuid()), description, rest, { indexed: true }),
    reference: { kind, onDelete: options.onDelete, acrossProjects: options.acrossProjects ?? false },
  };
}

/** The projects with which the owner of an object shares it: they see it, and refer to it where references may cross projects. */
export function sharedWith(): Field<readonly string[]> {
  return optional(
    list(text({ min: 1, max: 255 }), { max: 1_000, distinct: true }),
    'Projects that see it and use it beside its own; "*" is every project.',
    { default: [] },
  );
}

/** A name that people gave: not unique, and free of control characters. */
export const nameText: ValueType<string> = text({ min: 1, max: 255 });
