/** `GET /v1/usage`: how many objects a project has, and may have. */
import type { FastifyInstance } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import type { Query } from './listing.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';

export function registerUsage(app: FastifyInstance, { store }: RestContext): void {
  const route = specialRoute(
    { who: 'project', verb: 'read', area: 'quotas' },
    'How many objects a project has, and may have; nothing is counted with WEFT_AUTH=none',
    { project_id: 'The project; that of the token if it is of one.' },
  );
  app.get('/v1/usage', route, async request => {
    const { projectId: own } = request.caller;
    const asked = (request.query as Query)['project_id'] ?? own;
    if (typeof asked !== 'string' || asked === '')
      throw new WeftError('invalid_query', { detail: 'project_id must name one project.' });
    // Of another project there is nothing to tell, whether or not it exists.
    const items = own !== null && asked !== own ? [] : await store.usage(asked);
    return { items: items.map(({ projectId, kind, used, limit }) => ({ project_id: projectId, kind, used, limit })) };
  });
}
