/**
 * The REST server. Its parts are given to it as plain arguments; it owns nothing but the HTTP listener.
 *
 *   request ─► content type ─► caller ─► route ─► store.write / view ─► (wait for the fleet) ─► reply with Weft-Revision
 *                    └───────────┴─────────┴──── WeftError ──► problem details
 */
import { createServer, type Server as HttpsServer } from 'node:https';
import {
  fastify,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerFactory,
  LogController,
} from 'fastify';
import type { Registry } from 'prom-client';
import type { Clock } from '../../src/base/clock.js';
import { WeftError } from '../../src/base/errors.js';
import type { Logger } from '../../src/base/log.js';
import type { Convergence } from '../../src/delivery/convergence.js';
import type { VerdictLog } from '../../src/slow-path/verdict-log.js';
import type { Store } from '../../src/store/store.js';
import type { Question } from '../../src/trace/question.js';
import type { Verdict } from '../../src/trace/verdict.js';
import type { TlsMaterial } from '../../src/trust/tls-files.js';
import { allowedMethods } from './allowed-methods.js';
import { type Caller, enforce, requireRules, type RouteRule } from './access.js';
import { type Authenticator, identify, TooManyRefused } from './authentication.js';
import { registerCollections } from './collections.js';
import { registerCounters } from './counter-routes.js';
import { registerDocumentation } from './documentation.js';
import { FailedAttempts } from './failed-attempts.js';
import { type FrontEnd, isFor } from './front-end.js';
import { type Readiness, registerHealth } from './health.js';
import { registerHypervisorRoutes } from './hypervisor-routes.js';
import { isAcceptedContentType, parseJsonBody } from './json-body.js';
import { registerJoinTokens } from './join-token-routes.js';
import type { NetworkState } from './network-state.js';
import { problemSchema, progressSchema, revisionSchema } from './openapi.js';
import { sendProblem } from './problem.js';
import type { RateLimit } from './rate-limit.js';
import { registerRevisions } from './revision-routes.js';
import { Sight } from './sight.js';
import { registerSouthbound, type SouthboundStatus } from './southbound-status.js';
import { registerTransactions } from './transaction-route.js';
import { registerUsage } from './usage-route.js';
import { registerVerdictLog } from './verdict-log-route.js';
import { registerVerdict } from './verdict-route.js';
import { registerWatch } from './watch-route.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; unset where anyone may ask, and this one did not say. */
    caller: Caller;
    sight: Sight;
  }
  interface FastifyInstance {
    /** Every route with who may use it. */
    rules: readonly (RouteRule & { readonly method: string; readonly url: string })[];
  }
}

/** Everything that the routes stand on. */
export interface RestContext {
  readonly store: Store;
  readonly state: NetworkState;
  readonly convergence: Convergence;
  readonly authenticator: Authenticator;
  /** What a token may send; null: as much as it wants. */
  readonly rateLimit: RateLimit | null;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: Registry;
  readonly readiness: () => Promise<Readiness>;
  /** Whether this Weft holds the lease, and so programs the hypervisors. */
  readonly isActive: () => boolean;
  /** How the listeners for hypervisors fare. */
  readonly southbound: () => SouthboundStatus;
  /** What would become of a packet. */
  readonly verdict: (question: Question) => Verdict;
  /** What was logged of verdicts. */
  readonly verdictLog: Pick<VerdictLog, 'latest'>;
  readonly version: string;
}

/** What REST shows to its clients; it asks them for no certificate. */
type ServerTls = Pick<TlsMaterial, 'cert' | 'key'>;

const bodyLimit = 1024 * 1024;
/** A client that sends its request slower than this is cut off: it holds a connection for nothing. */
const requestTimeoutMs = 30_000;
const methodsWithBody: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** The listener is ours where it is TLS, so it gets the limits that Fastify gives to its own. */
const tlsServer =
  (tls: ServerTls): FastifyServerFactory =>
  handler =>
    createServer({ cert: tls.cert, key: tls.key, requestTimeout: requestTimeoutMs }, handler);

/** Takes new certificates for connections to come, of a server that was built with some. */
export function setRestTls(app: FastifyInstance, { cert, key }: ServerTls): void {
  // Fastify says that it is a plain server whoever made it.
  (app.server as unknown as HttpsServer).setSecureContext({ cert, key });
}

/** The path of a request without its query. */
const pathOf = (url: string): string => url.split('?', 1)[0] ?? '';

/** Further routes of REST, under the same rules. */
export type MoreRoutes = (app: FastifyInstance, context: RestContext) => void;

export async function buildRestServer(
  context: RestContext,
  tls: ServerTls | null = null,
  frontEnds: readonly FrontEnd[] = [],
  moreRoutes: readonly MoreRoutes[] = [],
): Promise<FastifyInstance> {
  const logger: FastifyBaseLogger = context.log.child({ part: 'rest' });
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    ...(context.trustedProxies.length === 0 ? {} : { trustProxy: [...context.trustedProxies] }),
    forceCloseConnections: true,
    routerOptions: { caseSensitive: true },
    // What the router itself cannot read, such as a broken percent-encoding.
    frameworkErrors: (error, request, reply) => {
      void sendProblem(error, request, reply, context.log);
    },
    ...(tls === null ? {} : { serverFactory: tlsServer(tls) }),
  });

  // Documentation only: bodies are checked by the model, replies are plain JSON.
  app.setValidatorCompiler(() => () => true);
  app.setSerializerCompiler(() => data => JSON.stringify(data));
  app.removeAllContentTypeParsers();
  app.addContentTypeParser(
    ['application/json', 'application/merge-patch+json'],
    { parseAs: 'string' },
    // Some clients name a content type on every request, those without a body too.
    async (request: FastifyRequest, text: string) =>
      text === '' && !methodsWithBody.has(request.method) ? undefined : parseJsonBody(text),
  );
  app.decorateRequest('caller');
  app.decorateRequest('sight');
  app.addSchema(problemSchema);
  app.addSchema(progressSchema);
  app.addSchema(revisionSchema);

  const failed = new FailedAttempts(context.clock);
  const methodsOf = allowedMethods(app);
  app.decorate('rules', requireRules(app));
  app.addHook('onRequest', async (request, reply) => {
    if (frontEnds.some(each => isFor(each, request.url))) return;
    const { access } = request.routeOptions.config;
    // A path that does not exist is told to callers only.
    const isRequired = access?.who !== 'anyone';
    const caller = await identify(context.authenticator, failed, request, isRequired).catch((error: unknown) => {
      if (error instanceof TooManyRefused) void reply.header('retry-after', error.comeAgainInS);
      throw error;
    });
    if (caller !== null) {
      request.caller = caller;
      request.sight = new Sight(context.state.view, caller);
      const comeAgainInS = context.rateLimit?.take(caller.subject) ?? 0;
      if (comeAgainInS > 0) {
        void reply.header('retry-after', comeAgainInS);
        throw new WeftError('rate_limited', { detail: 'The token has sent more requests than it may.' });
      }
      if (access !== undefined) enforce(access, caller);
    }
    if (
      methodsWithBody.has(request.method) &&
      !isAcceptedContentType(request.headers['content-type'], request.method)
    ) {
      const given = request.headers['content-type'] ?? 'none';
      throw new WeftError('unsupported_media_type', { detail: `The content type is ${given.slice(0, 80)}.` });
    }
  });
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('weft-revision')) void reply.header('weft-revision', context.state.revision);
  });
  app.addHook('onResponse', async (request, reply) => {
    if (!methodsWithBody.has(request.method) && request.method !== 'DELETE') return;
    const { method, url, id } = request;
    const entry = { method, url, status: reply.statusCode, ms: Math.round(reply.elapsedTime), request_id: id };
    context.log.info(entry, 'write request');
  });
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply, context.log));
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const detail = `There is no ${request.method} ${path.slice(0, 200)}; see /docs.`;
    const methods = methodsOf(path);
    if (methods.length === 0) return sendProblem(new WeftError('not_found', { detail }), request, reply, context.log);
    void reply.header('allow', methods.join(', '));
    return sendProblem(new WeftError('method_not_allowed', { detail }), request, reply, context.log);
  });

  await registerDocumentation(app, context.version);
  registerCollections(app, context);
  registerHypervisorRoutes(app, context);
  registerCounters(app, context);
  registerVerdict(app, context);
  registerVerdictLog(app, context);
  registerSouthbound(app, context);
  registerJoinTokens(app, context);
  registerTransactions(app, context);
  registerRevisions(app, context);
  registerUsage(app, context);
  registerWatch(app, context);
  registerHealth(app, context);
  for (const register of moreRoutes) register(app, context);
  for (const frontEnd of frontEnds) await frontEnd.register(app);
  await app.ready();
  return app;
}
