/**
 * The OpenStack Networking API v2.0 under /neutron, over the same store and view as REST. The routes of every resource follow from its
 * declaration.
 *
 *   request ─► token ─► resource ─► Act (one transaction) / Scene (the view) ─► reply
 *                 └────────┴─────────────┴──── NeutronFault, WeftError ──► {"NeutronError": ...}
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import type { CommonRow } from '../../src/model/index.js';
import { isObject } from '../../src/model/value-types.js';
import type { WriteContext, WriteOperations } from '../../src/store/write-operations.js';
import type { RouteRule } from '../rest/access.js';
import { FailedAttempts } from '../rest/failed-attempts.js';
import { parseJsonBody } from '../rest/json-body.js';
import { asWeftError } from '../rest/problem.js';
import type { RestContext } from '../rest/server.js';
import { Sight } from '../rest/sight.js';
import { Act } from './act.js';
import { badRequest, type Concern, faultOf, NeutronFault, noSuchResource, notFound } from './faults.js';
import { textIn, type Values } from './forms.js';
import { type Identity, identityOf, type TokenValidator } from './identity.js';
import { fieldsOf, listOf, queryOf } from './listing.js';
import { keptOf, type NeutronResource, notAllowed, readBody, represent, requireWriter } from './resource.js';
import { Scene } from './scene.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** In /neutron: what the caller sees. */
    scene: Scene;
  }
}

export interface NeutronParts {
  readonly context: RestContext;
  readonly keystone: TokenValidator | null;
  /** Where clients get tokens; shown to whoever brings none. */
  readonly keystoneUrl: string | null;
  /** Whether REST lets everyone in. */
  readonly isOpen: boolean;
}

export const neutronPrefix = '/neutron';

/** What a write is allowed to see done: the transaction, and the row that the view has of its object. */
export interface Edge {
  readonly app: FastifyInstance;
  readonly context: RestContext;
  /** Does the work in one transaction and waits until the view has it. */
  readonly write: <T>(
    request: FastifyRequest,
    concern: Concern,
    work: (act: Act) => Promise<T>,
    asOperator?: boolean,
  ) => Promise<T>;
  readonly resourceOf: (path: string) => NeutronResource;
}

export const access = (verb: RouteRule['verb']): { schema: { hide: true }; config: { access: RouteRule } } => ({
  schema: { hide: true },
  config: { access: { who: 'project', verb, area: 'neutron' } },
});
export const open = {
  schema: { hide: true },
  config: { access: { who: 'anyone', verb: 'read', area: 'neutron' } as RouteRule },
};

interface ItemParams {
  readonly id: string;
}

/** Some clients end a path with the format. */
export const idOf = (request: FastifyRequest): string =>
  (request.params as ItemParams).id.replace(/\.json$/, '').toLowerCase();

/** The address of this API as the client called it. */
export const selfOf = (request: FastifyRequest, path = ''): string =>
  `${request.protocol}://${request.host}${neutronPrefix}${path}`;

/** Registers what serves the API: hooks and errors of its own, and the routes of these resources. `extend` adds those of no resource. */
export async function registerNeutron(
  app: FastifyInstance,
  parts: NeutronParts,
  resources: readonly NeutronResource[],
  extend: (edge: Edge) => void,
): Promise<void> {
  await app.register(
    async neutron => {
      prepareServer(neutron, parts);
      const edge: Edge = {
        app: neutron,
        context: parts.context,
        write: (request, concern, work, asOperator = false) => write(parts.context, request, concern, work, asOperator),
        resourceOf: path => {
          const resource = resources.find(each => each.path === path);
          if (resource === undefined) throw new Error(`there is no resource ${path}`);
          return resource;
        },
      };
      for (const resource of resources) registerResource(edge, resource);
      extend(edge);
    },
    { prefix: neutronPrefix },
  );
}

function prepareServer(app: FastifyInstance, { context, keystone, keystoneUrl, isOpen }: NeutronParts): void {
  const failed = new FailedAttempts(context.clock);
  const identityParts = { authenticator: context.authenticator, keystone, isOpen, failed };
  app.removeAllContentTypeParsers();
  // Clients name a content type, or none, with a body or without.
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: FastifyRequest, text: string) =>
    text === '' ? undefined : parseJsonBody(text),
  );
  app.decorateRequest('scene');
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-openstack-request-id', `req-${crypto.randomUUID()}`);
    if (request.routeOptions.config.access?.who === 'anyone') return;
    const token = request.headers['x-auth-token'];
    const identity = await identityOf(identityParts, {
      token: Array.isArray(token) ? token[0] : token,
      ip: request.ip,
    });
    if ((context.rateLimit?.take(identity.caller.subject) ?? 0) > 0)
      throw new WeftError('rate_limited', { detail: 'The token has sent more requests than it may.' });
    request.caller = identity.caller;
    request.sight = new Sight(context.state.view, identity.caller);
    request.scene = new Scene(context.state, request.sight, identity);
    await context.state.reach(0);
  });
  app.setErrorHandler((error, request, reply) => {
    const known = error instanceof NeutronFault ? error : asWeftError(error);
    if (known instanceof WeftError && known.code === 'unauthenticated') {
      void reply.header('www-authenticate', `Keystone uri="${keystoneUrl ?? selfOf(request)}"`);
      return reply.code(401).send({ error: { code: 401, title: 'Unauthorized', message: known.detail } });
    }
    const fault = faultOf(known, { title: 'Resource', id: null });
    if (fault === null || fault.status >= 500)
      context.log.error(
        { err: error, request_id: request.id, method: request.method, url: request.url },
        'request failed',
      );
    const answer =
      fault ??
      new NeutronFault(
        500,
        'HTTPInternalServerError',
        'Request Failed: internal server error while processing your request.',
      );
    return reply.code(answer.status).send(answer.body);
  });
  app.setNotFoundHandler((_request, reply) => {
    const { status, body } = noSuchResource();
    return reply.code(status).send(body);
  });
}

/** In the name of the caller or, once it is known to be the caller's to do, of the operator. */
function writeContextOf({ caller, ip }: FastifyRequest, identity: Identity, asOperator: boolean): WriteContext {
  return {
    actor: caller.name,
    subject: caller.subject,
    remoteAddress: ip,
    source: 'neutron',
    ...(identity.isAdmin || asOperator ? {} : { projectId: identity.projectId }),
  };
}

async function write<T>(
  { store, state }: RestContext,
  request: FastifyRequest,
  concern: Concern,
  work: (act: Act) => Promise<T>,
  asOperator: boolean,
): Promise<T> {
  const { scene } = request;
  // Kept apart from what the store makes of errors: it knows those of Weft and of databases.
  let told: NeutronFault | null = null;
  const attempt = async (tx: WriteOperations): Promise<T> => {
    told = null;
    try {
      return await work(new Act(tx, scene));
    } catch (error) {
      if (error instanceof NeutronFault) told = error;
      throw error;
    }
  };
  try {
    const { revision, result } = await store.write(writeContextOf(request, scene.identity, asOperator), attempt);
    state.acknowledged(revision);
    await state.reachWritten(revision);
    return result;
  } catch (error) {
    throw told ?? faultOf(error, concern) ?? error;
  }
}

/** The row of an object that the caller knows of. @throws NeutronFault 404 */
export function requireRow(resource: NeutronResource, scene: Scene, id: string): CommonRow {
  const row = resource.find(scene, id);
  if (row === null) throw notFound(resource.title, id);
  return row;
}

/** `If-Match: revision_number=3` */
function expectedRevision(request: FastifyRequest): number | null {
  const header = request.headers['if-match'];
  if (header === undefined) return null;
  const [, digits] = /^\s*"?revision_number=(\d{1,15})"?\s*$/.exec(header) ?? [];
  if (digits === undefined) throw badRequest('Invalid value for If-Match header');
  return Number(digits);
}

/** Fails unless the object is as the caller believes, if he says so. */
export async function checkRevision(
  act: Act,
  resource: NeutronResource,
  request: FastifyRequest,
  row: CommonRow,
): Promise<void> {
  const expected = expectedRevision(request);
  if (expected === null) return;
  await act.requireRevision({ kind: resource.kindOf(row), id: row.id, projectId: row.projectId }, expected);
}

function registerResource(edge: Edge, resource: NeutronResource): void {
  const { app } = edge;
  const { collection, member, path } = resource;
  app.get(`/v2.0/${path}`, access('read'), async request => {
    await prepare(edge, resource, request, null);
    const { items, links } = listOf(resource, request.scene, queryOf(request.url), selfOf(request, `/v2.0/${path}`));
    return links === null || links.length === 0
      ? { [collection]: items }
      : { [collection]: items, [`${collection}_links`]: links };
  });
  app.get(`/v2.0/${path}/:id`, access('read'), async request => {
    const row = requireRow(resource, request.scene, idOf(request));
    return { [member]: represent(resource, request.scene, row, fieldsOf(queryOf(request.url))) };
  });
  app.post(`/v2.0/${path}`, access('write'), (request, reply) => create(edge, resource, request, reply));
  app.put(`/v2.0/${path}/:id`, access('write'), request => update(edge, resource, request));
  app.delete(`/v2.0/${path}/:id`, access('write'), async (request, reply) => {
    const { remove, title } = resource;
    if (remove === undefined) throw notAllowed();
    const row = requireRow(resource, request.scene, idOf(request));
    requireWriter(resource, 'delete', request.scene.identity, row);
    await edge.write(
      request,
      { title, id: row.id },
      async act => {
        await checkRevision(act, resource, request, row);
        await remove(act, row);
      },
      resource.asOperator?.(null, row, request.scene),
    );
    return reply.code(204).send();
  });
}

/** The objects of a body: one, or several in a list. */
function bodiesOf(
  { collection, member }: NeutronResource,
  body: unknown,
): { bodies: readonly unknown[]; isBulk: boolean } {
  if (!isObject(body)) throw badRequest('Resource body required');
  const many = body[collection];
  if (Array.isArray(many)) return { bodies: many, isBulk: true };
  const one = body[member];
  if (one === undefined) throw badRequest(`Unable to find '${member}' in request body`);
  return { bodies: [one], isBulk: false };
}

/** Somebody else may be making the same: it has the same id then, and is there. */
async function prepare(
  edge: Edge,
  { prepare: plan, title }: NeutronResource,
  request: FastifyRequest,
  values: Values | null,
): Promise<void> {
  const work = plan?.(request.scene, values) ?? null;
  if (work === null) return;
  try {
    await edge.write(request, { title, id: null }, work, true);
  } catch (error) {
    if (!(error instanceof NeutronFault) || error.status !== 409) throw error;
  }
}

/** Objects that one request may make. */
const mostAtOnce = 1_000;

async function create(
  edge: Edge,
  resource: NeutronResource,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { create: make, said, title, collection, member } = resource;
  if (make === undefined) throw notAllowed();
  const { scene } = request;
  requireWriter(resource, 'create', scene.identity, null);
  const { bodies, isBulk } = bodiesOf(resource, request.body);
  if (bodies.length === 0 || bodies.length > mostAtOnce) throw badRequest(`A request makes 1 to ${mostAtOnce} objects`);
  const asked = bodies.map(body => readWithTags(resource, body, scene.identity));
  for (const { values } of asked) await prepare(edge, resource, request, values);
  const ids = await edge.write(
    request,
    { title, id: null },
    async act => {
      const made: string[] = [];
      for (const { values, tags } of asked) {
        const projectId = textIn(values, 'project_id', scene.identity.projectId);
        const id = await make(act, values, projectId);
        const keep = { ...keptOf(resource, values), ...(tags.length > 0 ? { tags } : {}) };
        if (said !== null) await act.say(said, { id, projectId }, keep);
        made.push(id);
      }
      return made;
    },
    asked.some(({ values }) => resource.asOperator?.(values, null, scene) === true),
  );
  const shown = ids.map(id => represent(resource, scene, requireRow(resource, scene, id)));
  return reply.code(201).send(isBulk ? { [collection]: shown } : { [member]: shown[0] });
}

/** Ports may bring their tags along. */
function readWithTags(
  resource: NeutronResource,
  body: unknown,
  identity: Identity,
): { values: Values; tags: readonly string[] } {
  if (resource.hasTags !== true || !isObject(body) || body['tags'] === undefined)
    return { values: readBody(resource, body, 'create', identity), tags: [] };
  const { tags, ...rest } = body;
  return { values: readBody(resource, rest, 'create', identity), tags: readTags(tags) };
}

const longestTag = 255;
const mostTags = 50;

/** Tags as they are kept: each once, sorted. */
export function readTags(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length > mostTags || !value.every(isTag))
    throw badRequest(
      `Invalid input for tags. Reason: it is not a list of at most ${mostTags} texts of 1 to ${longestTag} characters`,
    );
  return [...new Set(value)].toSorted();
}

export function isTag(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length > 0 &&
    value.length <= longestTag &&
    !/\p{Control}|\p{Surrogate}/u.test(value)
  );
}

async function update(edge: Edge, resource: NeutronResource, request: FastifyRequest): Promise<unknown> {
  const { said, title, member } = resource;
  if (resource.update === undefined) throw notAllowed();
  const { scene } = request;
  const row = requireRow(resource, scene, idOf(request));
  requireWriter(resource, 'update', scene.identity, row);
  const body = isObject(request.body) ? request.body[member] : undefined;
  if (body === undefined) throw badRequest(`Unable to find '${member}' in request body`);
  const values = readBody(resource, body, 'update', scene.identity);
  await edge.write(
    request,
    { title, id: row.id },
    async act => {
      await checkRevision(act, resource, request, row);
      await resource.update?.(act, row, values);
      const keep = keptOf(resource, values);
      if (said !== null && Object.keys(keep).length > 0) await act.say(said, row, keep);
    },
    resource.asOperator?.(values, row, scene),
  );
  return { [member]: represent(resource, scene, requireRow(resource, scene, row.id)) };
}
