/** Liveness, readiness and metrics. */
import type { FastifyInstance } from 'fastify';
import type { RouteRule } from './access.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';

/** Whether this controller can do its work now, and what stands behind it. */
export interface Readiness {
  readonly ready: boolean;
  /** Why not, or what an operator should know though it is. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** What an acknowledged write survives: `full`, or `process-crash` with the embedded store. */
  readonly durability: string;
  /** `active` holds the lease and programs the hypervisors; `standby` waits for it. */
  readonly role: 'active' | 'standby';
  readonly revision: number;
}

const open: RouteRule = { who: 'anyone', verb: 'read', area: 'health' };
const metrics: RouteRule = { who: 'operator', verb: 'read', area: 'metrics' };

export function registerHealth(app: FastifyInstance, context: RestContext): void {
  app.get('/healthz', specialRoute(open, 'Is the process alive?'), async () => ({
    alive: true,
    version: context.version,
  }));
  app.get(
    '/readyz',
    specialRoute(open, 'Can it do its work, and how durable is its store?'),
    async (request, reply) => {
      const readiness = await context.readiness();
      // Problems and warnings name hosts and the database: that is for operators.
      const { problems: _, warnings: __, ...anyone } = readiness;
      const isOperator = request.caller?.projectId === null;
      return reply.code(readiness.ready ? 200 : 503).send(isOperator ? readiness : anyone);
    },
  );
  app.get('/metrics', specialRoute(metrics, 'Prometheus metrics'), async (_request, reply) =>
    reply.type(context.metrics.contentType).send(await context.metrics.metrics()),
  );
}
