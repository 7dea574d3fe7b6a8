/**
 * The types of the client library (northbound/client/api.ts), from the OpenAPI document. A generator of our own: the document uses few
 * constructs, of which each has one form in TypeScript, and one that is unknown here fails.
 */
import { buildRestServer, type RestContext } from '../../northbound/rest/server.js';
import { systemClock } from '../../src/base/clock.js';
import { silentLogger } from '../../src/base/log.js';
import { version } from '../../src/base/version.js';

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly summary?: string;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required?: boolean;
    readonly schema: Json;
  }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Json }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Json }>> }>
  >;
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> };
}

/** The OpenAPI document of this program: its routes are registered, and nothing is behind them. */
export async function openApiDocument(): Promise<unknown> {
  // What registering looks at; requests would find the rest missing.
  const context = {
    log: silentLogger,
    clock: systemClock,
    trustedProxies: [],
    rateLimit: null,
    store: {},
    state: { onMoved: () => () => {} },
    version,
  };
  const app = await buildRestServer(context as unknown as RestContext);
  try {
    return app.swagger();
  } finally {
    await app.close();
  }
}

const header = `/**
 * What the API takes and answers. Written by \`npm run docs\` from the OpenAPI document: not to be edited. Types only: nothing of it is
 * there when a program runs.
 */
`;

/** The text of northbound/client/api.ts. */
export function apiTypes(openApi: unknown): string {
  const { paths, components } = openApi as Document;
  const schemas = Object.entries(components.schemas).map(([name, schema]) => declaration(name, schema));
  const errorCode = "/** Why the controller refuses. */\nexport type ErrorCode = Problem['code'];\n";
  return `${header}\n${schemas.join('\n')}\n${errorCode}\n${routes(paths)}\n${collections(paths)}`;
}

function declaration(name: string, schema: Json): string {
  return `${comment(schema['description'], '')}export interface ${name} ${typeOf(schema, '')}\n`;
}

function comment(description: unknown, indent: string): string {
  return typeof description === 'string' ? `${indent}/** ${description.replaceAll('*/', '* /')} */\n` : '';
}

/** The TypeScript type of a schema, within a declaration that is indented so. */
function typeOf(schema: Json, indent: string): string {
  const { $ref: reference, enum: values, const: constant, anyOf, type, not, items } = schema;
  if (typeof reference === 'string') return reference.slice(reference.lastIndexOf('/') + 1);
  if (Array.isArray(values)) return unionOf(values.map(value => literal(value)));
  if (constant !== undefined) return literal(constant);
  if (Array.isArray(anyOf) && type === undefined) return unionOf((anyOf as Json[]).map(each => typeOf(each, indent)));
  if (not !== undefined) return 'never';
  switch (type) {
    case undefined:
      return 'unknown';
    case 'string':
    case 'boolean':
    case 'null':
    case 'number':
      return type;
    case 'integer':
      return 'number';
    case 'array': {
      const element = typeOf((items ?? {}) as Json, indent);
      return `readonly ${/[ |]/.test(element) && !element.startsWith('{') ? `(${element})` : element}[]`;
    }
    case 'object':
      return objectType(schema, indent);
    default:
      throw new Error(`no TypeScript for ${JSON.stringify(schema)}`);
  }
}

function objectType(schema: Json, indent: string): string {
  const {
    properties,
    additionalProperties: others,
    required = [],
  } = schema as {
    properties?: Readonly<Record<string, Json>>;
    additionalProperties?: Json | boolean;
    required?: readonly string[];
  };
  if (typeof others === 'object') return `Readonly<Record<string, ${typeOf(others, indent)}>>`;
  const inner = `${indent}  `;
  const members = Object.entries(properties ?? {}).map(([name, member]) => {
    const mark = required.includes(name) ? '' : '?';
    return `${comment(member['description'], inner)}${inner}readonly ${key(name)}${mark}: ${typeOf(member, inner)};\n`;
  });
  return members.length === 0 ? 'Readonly<Record<never, never>>' : `{\n${members.join('')}${indent}}`;
}

const key = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : literal(name));
const literal = (value: unknown): string =>
  typeof value === 'string' ? `'${value.replaceAll("'", "\\'")}'` : String(value);
const unionOf = (types: readonly string[]): string => [...new Set(types)].join(' | ');

function routes(paths: Document['paths']): string {
  const members = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => {
      const { query, body, reply } = typesOfOperation(operation);
      const summary = comment(operation.summary, '  ');
      return `${summary}  readonly '${method.toUpperCase()} ${path}': { readonly query: ${query}; readonly body: ${body}; readonly reply: ${reply} };\n`;
    }),
  );
  return `/** What each route takes and answers; \`never\` is a body that there is not, null an answer without one. */\nexport interface Routes {\n${members.join('')}}\n`;
}

function typesOfOperation({ parameters = [], requestBody, responses }: Operation) {
  const query = parameters.filter(each => each.in === 'query');
  const properties = Object.fromEntries(query.map(({ name, schema }) => [name, schema]));
  const required = query.filter(each => each.required === true).map(({ name }) => name);
  const body = requestBody?.content['application/json']?.schema;
  // 202 is what waiting for hypervisors ends with, and an error of the client.
  const replies = ['200', '201', '204'].flatMap(status => {
    const response = responses[status];
    if (response === undefined) return [];
    const schema = response.content?.['application/json']?.schema;
    return [status === '204' ? 'null' : schema === undefined ? 'unknown' : typeOf(schema, '  ')];
  });
  return {
    query: oneLine(objectType({ properties, required }, '')),
    body: body === undefined ? 'never' : oneLine(typeOf(body, '')),
    reply: oneLine(unionOf(replies)),
  };
}

/** Members of an operation have their comments in the document. */
function oneLine(type: string): string {
  return type.replace(/\/\*\*.*?\*\/\n/g, '').replace(/\s*\n\s*/g, ' ');
}

/** The collections: what has all verbs. */
function collections(paths: Document['paths']): string {
  const members = Object.entries(paths).flatMap(([path, { get, post }]) => {
    const [, kind] = /^\/v1\/([a-z-]+)$/.exec(path) ?? [];
    const item = paths[`${path}/{id}`];
    if (kind === undefined || get === undefined || post === undefined || item?.['put'] === undefined) return [];
    const types = {
      object: typesOfOperation(item['get'] ?? get).reply,
      create: typesOfOperation(post).body,
      replace: typesOfOperation(item['put']).body,
      patch: typesOfOperation(item['patch'] ?? post).body,
      filter: typesOfOperation(get).query,
    };
    const entries = Object.entries(types).map(([name, type]) => `    readonly ${name}: ${type};\n`);
    return [`  readonly '${kind}': {\n${entries.join('')}  };\n`];
  });
  return `/** The objects of each collection, and what is asked of them. */\nexport interface Collections {\n${members.join('')}}\n`;
}
