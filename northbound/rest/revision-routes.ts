/** `GET /v1/revisions/{n}`: who wrote it, and which hypervisors have it. */
import type { FastifyInstance } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';
import { progressMembers } from './waiting.js';

export function registerRevisions(app: FastifyInstance, context: RestContext): void {
  app.get<{ Params: { n: string } }>(
    '/v1/revisions/:n',
    specialRoute('revisions', 'How far a revision has come'),
    async (request, reply) => {
      const { n } = request.params;
      if (!/^\d{1,15}$/.test(n))
        throw new WeftError('revision_unknown', { detail: `"${n.slice(0, 40)}" is not a revision.` });
      const written = await context.store.revision(Number(n));
      if (written === null) throw new WeftError('revision_unknown', { detail: `There is no revision ${n}.` });
      const { revision: _, ...hypervisors } = progressMembers(
        context.convergence.pending(written.revision),
        context.isActive(),
      );
      void reply.header('weft-revision', context.state.revision);
      return { revision: written.revision, at: written.at, by: written.by, changes: written.changes, hypervisors };
    },
  );
}
