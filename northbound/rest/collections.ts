/**
 * The routes of every noun, from its declaration: list, read, create, replace, patch, delete. Bodies are read and checked by the
 * model and the store alone, so that REST, transactions and every other edge refuse the same things with the same words.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import { type Kind, kinds, resourceOf, type RowOf } from '../../src/model/index.js';
import { schemasOf } from '../../src/model/schemas.js';
import { listingOf, page, type Query } from './listing.js';
import { readRoute, writeRoute } from './openapi.js';
import type { RestContext } from './server.js';
import { isOffered, type WritableKind } from '../../src/model/kinds.js';
import type { Outcome, WriteContext, WriteOperations } from '../../src/store/write-operations.js';
import { awaitApplied, progressMembers, waitRequestOf } from './waiting.js';

interface ItemParams {
  readonly id: string;
}

/** Strong validator: an object is what its revision made of it. */
const etagOf = (row: RowOf<Kind>): string => `"${row.revision}"`;

/** The revision that `If-Match` insists on; undefined for none or `*`. @throws WeftError invalid_query */
export function requiredRevision(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === '*') return undefined;
  const [, digits] = /^\s*"(\d{1,15})"\s*$/.exec(header) ?? [];
  if (digits === undefined)
    throw new WeftError('invalid_query', { detail: 'If-Match must be one ETag as it was received, or *.' });
  return Number(digits);
}

export function writeContextOf({ caller, ip }: FastifyRequest): WriteContext {
  return {
    actor: caller.name,
    subject: caller.subject,
    remoteAddress: ip,
    source: 'rest',
    scopes: caller.scopes,
    ...(caller.projectId === null ? {} : { projectId: caller.projectId }),
  };
}

/** `?min_revision=`: what a read must reflect at least. @throws WeftError invalid_query */
export function minimumRevision(query: Query): number {
  const text = query['min_revision'];
  if (text === undefined) return 0;
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text)) {
    throw new WeftError('invalid_query', { detail: 'min_revision must be a revision.' });
  }
  return Number(text);
}

/**
 * Ends a write: the revision in the header and, with `?wait=applied`, the reply held until the fleet has it. At the timeout the
 * status becomes 202 and the body tells who has not; the write itself stands.
 */
export async function finishWrite(
  context: RestContext,
  request: FastifyRequest,
  reply: FastifyReply,
  written: { readonly revision: number; readonly status: number; readonly body: () => unknown },
): Promise<FastifyReply> {
  const { revision, status, body } = written;
  context.state.acknowledged(revision);
  void reply.header('weft-revision', revision);
  const wait = waitRequestOf(request.query as Record<string, string>);
  if (wait !== null) {
    const { isApplied, progress } = await awaitApplied(context, revision, wait, request.sight);
    if (!isApplied) {
      const members = progressMembers(progress, context.isActive(), request.sight);
      return reply.code(202).send({ ...members, object: body() ?? null });
    }
  }
  if (status === 204) return reply.code(204).send();
  // The reply shows the object with its computed members, which need the view.
  await context.state.reachWritten(revision);
  return reply.code(status).send(body());
}

export function registerCollections(app: FastifyInstance, context: RestContext): void {
  for (const kind of kinds) {
    const resource = resourceOf(kind);
    if (!resource.exposed || !isOffered(kind)) continue;
    for (const schema of Object.values(schemasOf(kind))) app.addSchema(schema);
    registerReads(app, context, kind);
    registerWrites(app, context, kind);
    if (kind !== 'hypervisors') registerDelete(app, context, kind);
  }
}

function registerReads(app: FastifyInstance, context: RestContext, kind: Kind): void {
  const { state } = context;
  app.get(`/v1/${kind}`, readRoute(kind, 'list'), async (request, reply) => {
    const query = request.query as Query;
    const listing = listingOf(kind, query, request.sight);
    await state.reach(minimumRevision(query));
    const { rows, next } = page(state, kind, listing, request.sight);
    void reply.header('weft-revision', state.revision);
    return { items: rows.map(row => state.represent(kind, row, request.sight)), ...(next === null ? {} : { next }) };
  });
  app.get<{ Params: ItemParams }>(`/v1/${kind}/:id`, readRoute(kind, 'read'), async (request, reply) => {
    await state.reach(minimumRevision(request.query as Query));
    const row = state.row(kind, request.params.id.toLowerCase(), request.sight);
    void reply.header('weft-revision', state.revision).header('etag', etagOf(row));
    return state.represent(kind, row, request.sight);
  });
}

function registerWrites(app: FastifyInstance, context: RestContext, kind: WritableKind): void {
  const { store, state } = context;
  type Written = { readonly row: RowOf<Kind>; readonly once: Readonly<Record<string, unknown>> };
  const shown =
    ({ row, once }: Written, { sight }: FastifyRequest) =>
    () => ({ ...state.represent(kind, row, sight), ...once });
  const made = async (tx: WriteOperations, work: Promise<Outcome<typeof kind>>) => {
    const outcome = await work;
    return { ...outcome, once: tx.shownOnce(outcome.row.id) };
  };

  app.post(`/v1/${kind}`, writeRoute(kind, 'create'), async (request, reply) => {
    waitRequestOf(request.query as Record<string, string>);
    const { revision, result } = await store.write(writeContextOf(request), tx =>
      made(tx, tx.create(kind, request.body)),
    );
    const { row, outcome } = result;
    void reply.header('etag', etagOf(row)).header('location', `/v1/${kind}/${row.id}`);
    return finishWrite(context, request, reply, {
      revision,
      status: outcome === 'created' ? 201 : 200,
      body: shown(result, request),
    });
  });

  app.put<{ Params: ItemParams }>(`/v1/${kind}/:id`, writeRoute(kind, 'replace'), async (request, reply) => {
    waitRequestOf(request.query as Record<string, string>);
    const ifRevision = requiredRevision(request.headers['if-match']);
    const options = ifRevision === undefined ? {} : { ifRevision };
    const { revision, result } = await store.write(writeContextOf(request), tx =>
      made(tx, tx.replace(kind, request.params.id, request.body, options)),
    );
    void reply.header('etag', etagOf(result.row));
    return finishWrite(context, request, reply, {
      revision,
      status: result.outcome === 'created' ? 201 : 200,
      body: shown(result, request),
    });
  });

  app.patch<{ Params: ItemParams }>(`/v1/${kind}/:id`, writeRoute(kind, 'patch'), async (request, reply) => {
    waitRequestOf(request.query as Record<string, string>);
    const ifRevision = requiredRevision(request.headers['if-match']);
    const options = ifRevision === undefined ? {} : { ifRevision };
    const { revision, result } = await store.write(writeContextOf(request), tx =>
      made(tx, tx.merge(kind, request.params.id, request.body, options)),
    );
    void reply.header('etag', etagOf(result.row));
    return finishWrite(context, request, reply, { revision, status: 200, body: shown(result, request) });
  });
}

function registerDelete(app: FastifyInstance, context: RestContext, kind: WritableKind): void {
  app.delete<{ Params: ItemParams; Querystring: { cascade?: string } }>(
    `/v1/${kind}/:id`,
    writeRoute(kind, 'delete'),
    async (request, reply) => {
      const { cascade: cascadeText } = request.query;
      waitRequestOf(request.query as Record<string, string>);
      if (cascadeText !== undefined && cascadeText !== 'true' && cascadeText !== 'false') {
        throw new WeftError('invalid_query', { detail: 'cascade must be true or false.' });
      }
      const ifRevision = requiredRevision(request.headers['if-match']);
      const options = { cascade: cascadeText === 'true', ...(ifRevision === undefined ? {} : { ifRevision }) };
      const { revision } = await context.store.write(writeContextOf(request), tx =>
        tx.delete(kind, request.params.id, options),
      );
      return finishWrite(context, request, reply, { revision, status: 204, body: () => null });
    },
  );
}
