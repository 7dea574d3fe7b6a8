/** What OpenAPI says of each route. Fastify validates nothing with these: the model does (see collections.ts). */
import type { FastifySchema, RouteShorthandOptions } from 'fastify';
import { errorTable } from '../../src/base/errors.js';
import { type Kind, resourceOf } from '../../src/model/index.js';
import { Type } from '../../src/model/json-schema.js';
import { schemasOf } from '../../src/model/schemas.js';
import { type RouteRule, ruleOf } from './access.js';
import { filtersOf } from './listing.js';

const transactionBodyLimit = 16 * 1024 * 1024;

const waitParameters = {
  wait: Type.Optional(
    Type.Enum(['applied'], {
      description: 'Hold the reply until every connected hypervisor concerned has acknowledged the write.',
    }),
  ),
  timeout_ms: Type.Optional(
    Type.String({ description: 'For how long, in milliseconds; default 5000. Then 202 tells who has not.' }),
  ),
};

const revisionParameter = {
  min_revision: Type.Optional(Type.String({ description: 'Do not answer from a state older than this revision.' })),
};

const idParameter = Type.Object({ id: Type.String({ format: 'uuid' }) });

export const problemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.Enum(Object.keys(errorTable), {
      description: 'Stable; a later version may have more. See the table of errors in docs/api.md.',
    }),
    detail: Type.String(),
    help: Type.String({ description: 'What to do about it.' }),
    pointer: Type.Optional(Type.String({ description: 'JSON pointer of the member at fault.' })),
    operation: Type.Optional(Type.Integer({ description: 'The operation of a transaction at fault, from 0.' })),
    related: Type.Optional(
      Type.Array(Type.Object({ kind: Type.String(), id: Type.String(), name: Type.Optional(Type.String()) })),
    ),
    request_id: Type.String(),
  },
  { $id: 'Problem', description: 'RFC 9457 problem details.' },
);

const count = Type.Integer({ description: 'How many, which is what a tenant is told.' });

export const progressSchema = Type.Object(
  {
    revision: Type.Integer(),
    applied: Type.Integer({ description: 'Connected hypervisors that lack nothing of the revision.' }),
    disconnected: Type.Optional(
      Type.Integer({ description: 'For a tenant: how many hypervisors are away, which nothing waits for.' }),
    ),
    pending: Type.Union([Type.Array(Type.Object({ name: Type.String(), reason: Type.String() })), count]),
    failed: Type.Union([
      Type.Array(Type.Object({ name: Type.String(), error: Type.String(), kind: Type.String(), id: Type.String() })),
      count,
    ]),
    object: Type.Optional(Type.Unknown({ description: 'The object written.' })),
  },
  { $id: 'Progress', description: 'How far a revision has come.' },
);

/** What a revision is, and how far it has come. */
export const revisionSchema = Type.Object(
  {
    revision: Type.Integer(),
    at: Type.String({ description: 'When it was written.' }),
    by: Type.Union([Type.String(), Type.Null()], {
      description: 'Who wrote it; null for a tenant where it was not its doing.',
    }),
    from: Type.Optional(
      Type.Object({
        subject: Type.String(),
        project_id: Type.String(),
        remote_address: Type.String(),
        source: Type.String(),
      }),
    ),
    changes: Type.Integer({ description: 'How many objects it changed, of those that the caller sees.' }),
    hypervisors: Type.Object({
      applied: progressSchema.properties['applied'] ?? count,
      disconnected: Type.Optional(count),
      pending: progressSchema.properties['pending'] ?? count,
      failed: progressSchema.properties['failed'] ?? count,
    }),
  },
  { $id: 'RevisionReport', description: 'Who wrote a revision, and which hypervisors have it.' },
);

const ref = (name: string) => Type.Ref(`${name}#`);

type ReadVerb = 'list' | 'read';
type WriteVerb = 'create' | 'replace' | 'patch' | 'delete';

function route(access: RouteRule, schema: FastifySchema): RouteShorthandOptions {
  // What anyone may ask needs no token.
  return { schema: access.who === 'anyone' ? { ...schema, security: [] } : schema, config: { access } };
}

export function readRoute(kind: Kind, verb: ReadVerb): RouteShorthandOptions {
  const { singular, description } = resourceOf(kind);
  const { reply } = schemasOf(kind);
  const problems = { '4xx': ref('Problem') };
  const access = ruleOf(kind, 'read');
  if (verb === 'read') {
    return route(access, {
      tags: [kind],
      summary: `Read one ${singular}`,
      params: idParameter,
      querystring: Type.Object(revisionParameter),
      response: { 200: ref(reply.$id), ...problems },
    });
  }
  const filters = Object.fromEntries([...filtersOf(kind).keys()].map(name => [name, Type.Optional(Type.String())]));
  return route(access, {
    tags: [kind],
    summary: `List ${kind}`,
    description,
    querystring: Type.Object({
      ...filters,
      label: Type.Optional(Type.String({ description: 'key=value; may be repeated.' })),
      limit: Type.Optional(Type.String({ description: 'Objects a page, 1 to 10000; default 1000.' })),
      after: Type.Optional(Type.String({ description: 'The `next` of the page before.' })),
      ...revisionParameter,
    }),
    response: {
      200: Type.Object({ items: Type.Array(ref(reply.$id)), next: Type.Optional(Type.String()) }),
      ...problems,
    },
  });
}

export function writeRoute(kind: Kind, verb: WriteVerb): RouteShorthandOptions {
  const { singular } = resourceOf(kind);
  const schemas = schemasOf(kind);
  const late = { 202: ref('Progress'), '4xx': ref('Problem'), '5xx': ref('Problem') };
  const item = { tags: [kind], params: idParameter };
  const querystring = Type.Object(waitParameters);
  const access = ruleOf(kind, 'write');
  switch (verb) {
    case 'create':
      return route(access, {
        tags: [kind],
        summary: `Create a ${singular}`,
        description: 'With the id of an object that has the same members nothing is written, and the reply is 200.',
        querystring,
        body: ref(schemas.create.$id),
        response: { 200: ref(schemas.reply.$id), 201: ref(schemas.reply.$id), ...late },
      });
    case 'replace':
      return route(access, {
        ...item,
        summary: `Create or replace a ${singular}`,
        querystring,
        body: ref(schemas.replace.$id),
        response: { 200: ref(schemas.reply.$id), 201: ref(schemas.reply.$id), ...late },
      });
    case 'patch':
      return route(access, {
        ...item,
        summary: `Change a ${singular} (RFC 7396)`,
        querystring,
        body: ref(schemas.mergePatch.$id),
        response: { 200: ref(schemas.reply.$id), ...late },
      });
    case 'delete':
      return route(access, {
        ...item,
        summary: `Delete a ${singular}`,
        querystring: Type.Object({
          ...waitParameters,
          cascade: Type.Optional(Type.String({ description: 'true: delete what depends on it too.' })),
        }),
        response: { 204: Type.Null(), ...late },
      });
  }
}

export const transactionRoute: RouteShorthandOptions = {
  bodyLimit: transactionBodyLimit,
  config: { access: { who: 'project', verb: 'write', area: 'transactions' } },
  schema: {
    tags: ['transactions'],
    summary: 'Several writes, all or nothing, one revision',
    querystring: Type.Object(waitParameters),
    body: Type.Object({
      operations: Type.Array(
        Type.Object({
          op: Type.Enum(['create', 'replace', 'merge', 'delete']),
          kind: Type.String({ description: 'The name of a collection.' }),
          id: Type.Optional(Type.String({ format: 'uuid' })),
          value: Type.Optional(Type.Unknown()),
          cascade: Type.Optional(Type.Boolean()),
        }),
      ),
    }),
    response: {
      200: Type.Object({ revision: Type.Integer(), results: Type.Array(Type.Unknown()) }),
      202: ref('Progress'),
      '4xx': ref('Problem'),
    },
  },
};

/** A route that is not of a noun. `replySchema` is the `$id` of what it answers, where that is declared. */
export function specialRoute(
  access: RouteRule,
  summary: string,
  querystring: Readonly<Record<string, string>> = {},
  replySchema: string | null = null,
): RouteShorthandOptions {
  const parameters = Object.entries(querystring).map(([name, description]) => [
    name,
    Type.Optional(Type.String({ description })),
  ]);
  return route(access, {
    tags: [access.area],
    summary,
    querystring: Type.Object(Object.fromEntries(parameters)),
    ...(replySchema === null ? {} : { response: { 200: ref(replySchema), '4xx': ref('Problem') } }),
  });
}
