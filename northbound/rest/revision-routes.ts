/** `GET /v1/revisions/{n}`: who wrote it, and which hypervisors have it. */
import type { FastifyInstance } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import type { RowOf, Kind } from '../../src/model/index.js';
import type { RevisionRecord } from '../../src/store/change-log.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';
import { PastSharing } from './past-sharing.js';
import type { Parents, Sight } from './sight.js';
import { progressMembers } from './waiting.js';

export function registerRevisions(app: FastifyInstance, context: RestContext): void {
  app.get<{ Params: { n: string } }>(
    '/v1/revisions/:n',
    specialRoute(
      { who: 'project', verb: 'read', area: 'revisions' },
      'How far a revision has come',
      {},
      'RevisionReport',
    ),
    async (request, reply) => {
      const { n } = request.params;
      if (!/^\d{1,15}$/.test(n))
        throw new WeftError('revision_unknown', { detail: `"${n.slice(0, 40)}" is not a revision.` });
      const written = await context.store.revision(Number(n));
      if (written === null) throw new WeftError('revision_unknown', { detail: `There is no revision ${n}.` });
      const own = request.sight.isPartial ? await ownChanges(context, written, request.sight) : null;
      // One with nothing of the caller's is to it as one that is not there.
      if (own === 0) throw new WeftError('revision_unknown', { detail: `There is no revision ${n}.` });
      const { revision: _, ...hypervisors } = progressMembers(
        context.convergence.pending(written.revision),
        context.isActive(),
        request.sight,
      );
      void reply.header('weft-revision', context.state.revision);
      const { revision, at, by, subject, remoteAddress, projectId, source, changes } = written;
      if (own === null) {
        const from = { subject, project_id: projectId, remote_address: remoteAddress, source };
        return { revision, at, by, from, changes, hypervisors };
      }
      // Who of others (an admin, Weft itself) changed what is the tenant's, is not its business.
      const isOwn = projectId === (request.caller.projectId ?? '');
      return { revision, at, by: isOwn ? by : null, changes: own, hypervisors };
    },
  );
}

/** How many objects that the caller may read and sees, or saw before, the revision changed. */
async function ownChanges({ store, state }: RestContext, { revision }: RevisionRecord, sight: Sight): Promise<number> {
  const changes = await store.changesOf(revision);
  await state.reach(revision);
  const sharing = await PastSharing.of(store, state.view, revision, changes);
  const isSeen = (kind: Kind, row: RowOf<Kind> | null, parents: Parents): boolean =>
    row !== null && sight.reads(kind) && sight.sees(kind, row, parents);
  const [before, after] = [sharing.before(revision), sharing.after(revision)];
  return changes.filter(
    change => isSeen(change.kind, change.before, before) || isSeen(change.kind, change.after, after),
  ).length;
}
