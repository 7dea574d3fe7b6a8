/**
 * The REST server. Its parts are given to it as plain arguments; it owns nothing but the HTTP listener.
 *
 *   request ─► content type ─► caller ─► route ─► store.write / view ─► (wait for the fleet) ─► reply with Weft-Revision
 *                    └───────────┴─────────┴──── WeftError ──► problem details
 */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { fastify } from 'fastify';
import type { Registry } from 'prom-client';
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import type { Logger } from '../../src/base/log.js';
import type { Convergence } from '../../src/delivery/convergence.js';
import type { Store } from '../../src/store/store.js';
import type { Authenticator, Caller } from './authentication.js';
import { registerCollections } from './collections.js';
import { registerDocumentation } from './documentation.js';
import { type Readiness, registerHealth } from './health.js';
import { registerHypervisorRoutes } from './hypervisor-routes.js';
import { isAcceptedContentType, parseJsonBody } from './json-body.js';
import type { NetworkState } from './network-state.js';
import { problemSchema, progressSchema } from './openapi.js';
import { sendProblem } from './problem.js';
import { registerRevisions } from './revision-routes.js';
import { registerTransactions } from './transaction-route.js';
import { registerWatch } from './watch-route.js';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}

/** Everything that the routes stand on. */
export interface RestContext {
  readonly store: Store;
  readonly state: NetworkState;
  readonly convergence: Convergence;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly readiness: () => Readiness;
  readonly version: string;
}

export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
}

const bodyLimit = 1024 * 1024;
/** A client that sends its request slower than this is cut off: it holds a connection for nothing. */
const requestTimeoutMs = 30_000;
const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);
/** What anyone may ask: liveness, readiness and the documents that say how to authenticate. */
const openPaths: readonly string[] = ['/healthz', '/readyz', '/openapi.json', '/docs'];

export async function buildRestServer(context: RestContext, tls: TlsMaterial | null = null): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: context.log.child({ part: 'rest' }),
    disableRequestLogging: true,
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: true,
    routerOptions: { caseSensitive: true },
    ...(tls === null ? {} : { https: tls }),
  } as Parameters<typeof fastify>[0]) as unknown as FastifyInstance;

  // Documentation only: bodies are checked by the model, replies are plain JSON.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => data => JSON.stringify(data));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    async (_request: FastifyRequest, text: string) => parseJsonBody(text),
  );
  app.decorateRequest('caller');
  app.addSchema(problemSchema);
  app.addSchema(progressSchema);

  app.addHook('onRequest', async request => {
    if (
      methodsWithBody.has(request.method) &&
      !isAcceptedContentType(request.headers['content-type'], request.method)
    ) {
      const given = request.headers['content-type'] ?? 'none';
      throw new WeftError('unsupported_media_type', { detail: `The content type is ${given.slice(0, 80)}.` });
    }
    if (!openPaths.some(path => request.url === path || request.url.startsWith(`${path}/`))) {
      request.caller = context.authenticator.authenticate(request.headers.authorization);
    }
  });
  app.addHook('onResponse', async (request, reply) => {
    if (!methodsWithBody.has(request.method) && request.method !== 'DELETE') return;
    const { method, url, id } = request;
    const entry = { method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime), request_id: id };
    context.log.info(entry, 'write request');
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, context.log));
  app.setNotFoundHandler((request, reply) => {
    const detail = `There is no ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}; see /docs.`;
    return sendProblem(new WeftError('not_found', { detail }), request, reply, context.log);
  });

  await registerDocumentation(app, context.version);
  registerCollections(app, context);
  registerHypervisorRoutes(app, context);
  registerTransactions(app, context);
  registerRevisions(app, context);
  registerWatch(app, context);
  registerHealth(app, context);
  await app.ready();
  return app;
}
