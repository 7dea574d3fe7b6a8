/** JSON schemas of the nouns for REST and OpenAPI, derived from their declarations. */
import type { Field } from './fields.js';
import { type Kind, resourceOf } from './index.js';
import { type JsonSchema, type ObjectSchema, Type } from './json-schema.js';
import { snakeCase } from './letter-case.js';
import { fieldOf, isGivenByCaller } from './wire.js';

/** An object schema with a name, to which OpenAPI refers. */
export type NamedSchema = ObjectSchema & { readonly $id: string; readonly additionalProperties: false };

export interface ResourceSchemas {
  /** Body of a creation. `$id` is the noun's name and `Create`. */
  readonly create: NamedSchema;
  /** Body of a replacement: as a creation, read-only members allowed. `$id`: `Replace`. */
  readonly replace: NamedSchema;
  /** Body of a merge patch: every member optional, null allowed. `$id`: `Patch`. */
  readonly mergePatch: NamedSchema;
  /** An object in a reply. `$id`: the noun's name. */
  readonly reply: NamedSchema;
}

const made = new Map<Kind, ResourceSchemas>();

/** The schemas of a kind; the same objects at each call, so that references between them hold. */
export function schemasOf(kind: Kind): ResourceSchemas {
  let schemas = made.get(kind);
  if (schemas === undefined) made.set(kind, (schemas = makeSchemas(kind)));
  return schemas;
}

type Members = Record<string, JsonSchema>;

function makeSchemas(kind: Kind): ResourceSchemas {
  const noun = resourceOf(kind);
  const fields = noun.fieldNames.map(name => ({ name, wire: snakeCase(name), field: fieldOf(noun, name) }));
  const given = fields.filter(({ field }) => isGivenByCaller(field));
  const shown = fields.filter(({ field }) => field.access !== 'internal');

  const create: Members = { id: Type.Optional(describe(noun.fields.id.type.schema, noun.fields.id.description)) };
  for (const { wire, field } of given) create[wire] = inputMember(field);
  const reply: Members = Object.fromEntries(
    shown.map(({ wire, field }) => {
      const member = describe(field.type.schema, field.description, field.access === 'read-only');
      return [wire, field.operatorOnly ? Type.Optional(member) : member];
    }),
  );
  // Tenants are not shown every member, of nouns that they see at all.
  const isForTenants = noun.audience.read === 'project';
  for (const [member, { schema, description, forTenants = false, shownOnce = false }] of Object.entries(
    noun.computed,
  )) {
    const described = describe(schema, description, true);
    reply[member] = shownOnce || (isForTenants && !forTenants) ? Type.Optional(described) : described;
  }
  const mergePatch: Members = Object.fromEntries(
    given.map(({ wire, field }) => [wire, Type.Optional(describe(orNull(field), field.description))]),
  );
  for (const [member, { kind: other, via, description }] of Object.entries(noun.shorthands)) {
    const { create: element, reply: shownElement } = schemasOf(other);
    create[member] = Type.Optional(describe(Type.Array(withoutMember(element, via)), description));
    reply[member] = describe(Type.Array(anonymous(shownElement)), description);
  }
  const readBack: Members = Object.fromEntries(
    Object.entries(reply)
      .filter(([member]) => create[member] === undefined)
      .map(([member, schema]) => [member, Type.Optional(schema)]),
  );
  for (const member of Object.keys(noun.shorthands)) {
    readBack[member] = Type.Optional(Type.Union([create[member] ?? Type.Never(), reply[member] ?? Type.Never()]));
  }
  return {
    create: named(create, `${noun.typeName}Create`),
    replace: named({ ...create, ...readBack }, `${noun.typeName}Replace`),
    mergePatch: named({ ...readBack, ...mergePatch }, `${noun.typeName}Patch`),
    reply: named(reply, noun.typeName, noun.description),
  };
}

function named(members: Members, $id: string, description?: string): NamedSchema {
  const options = { additionalProperties: false, $id } as const;
  return Object.assign(Type.Object(members, description === undefined ? {} : { description }), options);
}

function describe(schema: JsonSchema, description: string, readOnly = false): JsonSchema {
  return { ...schema, description, ...(readOnly ? { readOnly: true } : {}) };
}

function inputMember(field: Field): JsonSchema {
  const schema = describe(field.type.inputSchema, field.description);
  if (field.presence === 'required') return schema;
  return Type.Optional(field.presence === 'default' ? { ...schema, default: field.defaultValue } : schema);
}

function orNull(field: Field): JsonSchema {
  return field.type.nullable ? field.type.inputSchema : Type.Union([field.type.inputSchema, Type.Null()]);
}

/** The same object schema without its name, to be nested in another. */
function anonymous(schema: ObjectSchema): JsonSchema {
  return Type.Object(schema.properties, { additionalProperties: false });
}

function withoutMember(schema: ObjectSchema, field: string): JsonSchema {
  const { [snakeCase(field)]: _, ...properties } = schema.properties;
  return Type.Object(properties, { additionalProperties: false });
}
