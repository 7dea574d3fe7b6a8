/**
 * What hypervisors have beyond the routes of every noun. DELETE does not forget a hypervisor: it cleans the host up and refuses it
 * until it is allowed again, because a host that still points at us would otherwise be back in a second.
 */
import type { FastifyInstance } from 'fastify';
import { ruleOf } from './access.js';
import { finishWrite, requiredRevision, writeContextOf } from './collections.js';
import { specialRoute, writeRoute } from './openapi.js';
import type { RestContext } from './server.js';
import { waitRequestOf } from './waiting.js';

interface ItemParams {
  readonly id: string;
}

export function registerHypervisorRoutes(app: FastifyInstance, context: RestContext): void {
  const { state, store } = context;

  app.get<{ Params: ItemParams }>(
    '/v1/hypervisors/:id/drops',
    specialRoute(ruleOf('hypervisors', 'read'), 'Packets dropped there, by reason and port, read from the switch now'),
    async (request, reply) => {
      const row = state.row('hypervisors', request.params.id.toLowerCase(), request.sight);
      const items = await state.drops(row.id);
      void reply.header('weft-revision', state.revision);
      return { items };
    },
  );

  app.delete<{ Params: ItemParams }>(
    '/v1/hypervisors/:id',
    writeRoute('hypervisors', 'delete'),
    async (request, reply) => {
      const wait = waitRequestOf(request.query as Record<string, string>);
      const id = request.params.id.toLowerCase();
      const ifRevision = requiredRevision(request.headers['if-match']);
      const options = ifRevision === undefined ? {} : { ifRevision };
      const { revision } = await store.write(writeContextOf(request), tx => tx.delete('hypervisors', id, options));
      if (wait !== null && !(await state.fleet.awaitRemoval(id, wait.timeoutMs))) {
        void reply.header('weft-revision', revision);
        const name = state.view.get('hypervisors', id)?.name ?? id;
        return reply
          .code(202)
          .send({ revision, applied: 0, pending: [{ name, reason: 'not_cleaned_up' }], failed: [] });
      }
      return finishWrite(context, request, reply, { revision, status: 204, body: () => null });
    },
  );
}
