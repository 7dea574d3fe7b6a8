/**
 * JSON schemas as plain objects, built from functions that nest as the schemas do. They are what OpenAPI shows, and nothing is checked
 * with them: values are read by their types (value-types.ts).
 */

/** A schema of JSON Schema 2020-12, which OpenAPI 3.1 uses. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ObjectSchema extends JsonSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** Members that objects need not have. It is no part of the schema itself, and so not of its copies. */
const optionalMembers = new WeakSet<JsonSchema>();

export const Type = {
  Null: (): JsonSchema => ({ type: 'null' }),
  Boolean: (options: JsonSchema = {}): JsonSchema => ({ type: 'boolean', ...options }),
  Integer: (options: JsonSchema = {}): JsonSchema => ({ type: 'integer', ...options }),
  Number: (options: JsonSchema = {}): JsonSchema => ({ type: 'number', ...options }),
  String: (options: JsonSchema = {}): JsonSchema => ({ type: 'string', ...options }),
  /** Anything. */
  Unknown: (options: JsonSchema = {}): JsonSchema => ({ ...options }),
  /** Nothing. */
  Never: (): JsonSchema => ({ not: {} }),
  /** One of these values. */
  Enum: (values: readonly string[], options: JsonSchema = {}): JsonSchema => ({ enum: [...values], ...options }),
  /** Exactly this value. */
  Literal: (value: string | number | boolean, options: JsonSchema = {}): JsonSchema => ({ const: value, ...options }),
  Union: (schemas: readonly JsonSchema[], options: JsonSchema = {}): JsonSchema => ({
    anyOf: [...schemas],
    ...options,
  }),
  Array: (items: JsonSchema, options: JsonSchema = {}): JsonSchema => ({ type: 'array', items, ...options }),
  /** An object whose members are all alike; the key is text with a pattern. */
  Record: (key: JsonSchema, value: JsonSchema, options: JsonSchema = {}): JsonSchema => ({
    type: 'object',
    patternProperties: { [typeof key['pattern'] === 'string' ? key['pattern'] : '^.*$']: value },
    ...options,
  }),
  /** Every member is required that is not `Optional`. */
  Object: (properties: Readonly<Record<string, JsonSchema>>, options: JsonSchema = {}): ObjectSchema => {
    const required = Object.keys(properties).filter(name => !optionalMembers.has(properties[name] ?? {}));
    return { type: 'object', ...(required.length === 0 ? {} : { required }), properties, ...options };
  },
  Optional: (schema: JsonSchema): JsonSchema => {
    const copy = { ...schema };
    optionalMembers.add(copy);
    return copy;
  },
  /** Another schema by its `$id`. */
  Ref: (id: string): JsonSchema => ({ $ref: id }),
} as const;
