/**
 * A noun, declared once. From the declaration follow the TypeScript row, the JSON schemas of REST, the columns of its table,
 * the filters of its collection and the shape of its commands.
 */
import { type Audience, ofProjects, type SeenThrough } from './audience.js';
import { type Field, nameText, optional, ownField } from './fields.js';
import type { Kind } from './kinds.js';
import { type Labels, labels } from './labels.js';
import type { JsonSchema } from './json-schema.js';
import { camelCase, snakeCase } from './letter-case.js';
import { integer, text, timestamp, uuid } from './value-types.js';

/** Object numbers fit 29 bits, so that number times 8 plus a slot is a valid OpenFlow group id. */
export const MAX_OBJECT_NUMBER = 2 ** 29 - 1;

const commonFields = {
  id: ownField(uuid(), 'Identity; any UUID may be chosen at creation.', { access: 'read-only' }),
  name: optional(text({ max: 255 }), 'Name for people; not unique.', { default: '', indexed: true }),
  projectId: optional(text({ max: 255 }), 'The project (tenant) that owns the object.', { default: '', indexed: true }),
  labels: optional(labels(), 'Key-value pairs for the use of the caller.', { default: {} }),
  createdAt: ownField(timestamp(), 'When the object was created.', { access: 'read-only' }),
  updatedAt: ownField(timestamp(), 'When the object was last changed.', { access: 'read-only' }),
  revision: ownField(integer(0, Number.MAX_SAFE_INTEGER), 'The revision that last changed the object.', {
    access: 'read-only',
  }),
  number: ownField(integer(1, MAX_OBJECT_NUMBER), 'Names the object in cookies and group ids; never used twice.', {
    access: 'internal',
    unique: true,
  }),
} as const;

export type Fields = Readonly<Record<string, Field<unknown, unknown>>>;

/** What every row has. */
export interface CommonRow {
  readonly id: string;
  readonly name: string;
  readonly projectId: string;
  readonly labels: Labels;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly revision: number;
  readonly number: number;
}

type OwnRow<F> = { readonly [K in keyof F]: F[K] extends Field<infer Value, infer _Input> ? Value : never };
type OwnInput<F> = {
  readonly [K in keyof F]: F[K] extends Field<infer _Value, infer Input> ? Input | undefined : never;
};

/** A row as the store keeps it and the view holds it. */
export type RowOfFields<F> = CommonRow & OwnRow<F>;

/** What a request asks for: `undefined` where it leaves an allocated field out. */
export type InputOfFields<F> = OwnInput<F> & Pick<CommonRow, 'name' | 'projectId' | 'labels'>;

/** A member of the reply that is computed when asked for and never stored. */
export interface ComputedMember {
  readonly schema: JsonSchema;
  readonly description: string;
  /** Whether tenants are shown it too; it then names no hypervisor and nothing of others. */
  readonly forTenants?: boolean;
  /** Whether it is in the reply to the creation alone. */
  readonly shownOnce?: boolean;
}

/** Rows of another kind that may be given at creation, and are shown, as a list within this one. */
export interface Shorthand {
  readonly kind: Kind;
  /** The field of the other kind that refers to this one. */
  readonly via: string;
  readonly description: string;
}

export interface Declaration<K extends Kind, F> {
  readonly kind: K;
  readonly singular: string;
  readonly description: string;
  /** Whether the caller must give a name. */
  readonly named: boolean;
  /** Whether REST and the command line have the collection. */
  readonly exposed: boolean;
  readonly fields: F;
  /** Who reads and writes the objects; default: the project that owns each. */
  readonly audience?: Audience;
  /** A field that refers to an object: whoever sees that one sees this one. */
  readonly seenThrough?: string & keyof F;
  /** Wire names of the computed members. */
  readonly computed?: Readonly<Record<string, ComputedMember>>;
  /** Wire names of the shorthands. */
  readonly shorthands?: Readonly<Record<string, Shorthand>>;
  /** Fields that a list shows on the command line, besides the id and the name. */
  readonly columns: readonly (string & keyof F)[];
}

export interface Resource<K extends Kind = Kind, F = Fields> {
  readonly kind: K;
  readonly singular: string;
  /** The name of the TypeScript row type and of the schemas: `LogicalSwitch`. */
  readonly typeName: string;
  readonly table: string;
  readonly description: string;
  readonly exposed: boolean;
  readonly audience: Audience;
  readonly seenThrough: SeenThrough | null;
  readonly fields: Readonly<Record<string, Field<unknown, unknown>>> & typeof commonFields & F;
  /** Names of all fields, the common ones first; their order is that of columns and members. */
  readonly fieldNames: readonly string[];
  readonly computed: Readonly<Record<string, ComputedMember>>;
  readonly shorthands: Readonly<Record<string, Shorthand>>;
  /** Fields with a secondary index in the view and a filter in REST. */
  readonly indexes: readonly string[];
  /** Wire names of the members that the command line lists. */
  readonly columns: readonly string[];
}

/** Declares a noun. */
export function resource<K extends Kind, const F extends Fields>(declaration: Declaration<K, F>): Resource<K, F> {
  const { kind, singular, description, exposed, named, columns } = declaration;
  const name = named
    ? { ...commonFields.name, type: nameText, presence: 'required' as const, defaultValue: undefined }
    : commonFields.name;
  const fields = { ...commonFields, name, ...declaration.fields } as Resource<K, F>['fields'];
  const fieldNames = Object.keys(fields);
  const typeName = camelCase(`_${singular.replaceAll('-', '_')}`);
  const { seenThrough } = declaration;
  const through = seenThrough === undefined ? null : fields[seenThrough]?.reference;
  return {
    kind,
    singular,
    typeName,
    table: kind.replaceAll('-', '_'),
    description,
    exposed,
    audience: declaration.audience ?? ofProjects,
    seenThrough: through && seenThrough !== undefined ? { kind: through.kind, field: seenThrough } : null,
    fields,
    fieldNames,
    computed: declaration.computed ?? {},
    shorthands: declaration.shorthands ?? {},
    indexes: fieldNames.filter(each => fields[each]?.indexed === true),
    columns: ['id', 'name', ...columns.map(snakeCase)],
  };
}
