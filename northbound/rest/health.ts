/** Liveness, readiness and metrics. */
import type { FastifyInstance } from 'fastify';
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

export function registerHealth(app: FastifyInstance, context: RestContext): void {
  app.get('/healthz', specialRoute('health', 'Is the process alive?'), async () => ({
    alive: true,
    version: context.version,
  }));
  app.get(
    '/readyz',
    specialRoute('health', 'Can it do its work, and how durable is its store?'),
    async (_request, reply) => {
      const readiness = await context.readiness();
      return reply.code(readiness.ready ? 200 : 503).send(readiness);
    },
  );
  app.get('/metrics', specialRoute('health', 'Prometheus metrics'), async (_request, reply) =>
    reply.type(context.metrics.contentType).send(await context.metrics.metrics()),
  );
}
