/** `GET /v1/watch`: see watch.ts. */
import type { FastifyInstance } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import { isKind, type Kind, resourceOf } from '../../src/model/index.js';
import type { Query } from './listing.js';
import { specialRoute } from './openapi.js';
import { PastSharing } from './past-sharing.js';
import type { RestContext } from './server.js';
import type { Sight } from './sight.js';
import { eventsOf } from './watch-events.js';
import { WatchPlaces } from './watch-places.js';
import { sharedSource, sinceOf, type WatchedChange, type WatchEvent, type WatchSource, WatchStream } from './watch.js';

/** Revisions read at once for one subscriber. */
const revisionsARead = 200;

function kindsOf(query: Query): ReadonlySet<Kind> | null {
  const text = query['kinds'];
  if (text === undefined || text === '') return null;
  const names = String(text).split(',');
  const unknown = names.find(name => !isKind(name) || !resourceOf(name).exposed);
  if (unknown !== undefined)
    throw new WeftError('invalid_query', { detail: `kinds has "${unknown.slice(0, 60)}", which is not a collection.` });
  return new Set(names.filter(isKind));
}

/** The log as subscribers see it; what all operators see alike is made once for them. */
function sourceOf(context: RestContext): WatchSource {
  const { store, state } = context;
  return {
    // The feed polls for the whole process: when the view has moved, there is more to read.
    onCommit: listener => state.onMoved(listener),
    async read(revision) {
      const read = await store.changesSince(revision, revisionsARead);
      if (typeof read === 'string') return 'trimmed';
      await state.reach(read.revision);
      const sharing = await PastSharing.of(store, state.view, read.revision, read.changes);
      const changes = read.changes.map((change): WatchedChange => {
        let ofOperators: readonly WatchEvent[] | undefined;
        const show = (sight: Sight) => eventsOf(state, sharing, change, sight);
        return {
          revision: change.revision,
          show: ({ sight }) => (sight.isLimited ? show(sight) : (ofOperators ??= show(sight))),
        };
      });
      return { upTo: read.revision, changes };
    },
  };
}

export function registerWatch(app: FastifyInstance, context: RestContext): void {
  const source = sharedSource(sourceOf(context));
  const open = new Set<WatchStream>();
  const places = new WatchPlaces();
  app.addHook('preClose', async () => {
    for (const stream of open) stream.close();
  });
  const route = specialRoute(
    { who: 'project', verb: 'read', area: 'watch' },
    'Changes as server-sent events, resumable by revision',
    {
      since: 'Events after this revision; default: from now on.',
      kinds: 'Collections, comma separated; default: all.',
    },
  );
  app.get('/v1/watch', route, async (request, reply) => {
    const query = request.query as Query;
    const { sight } = request;
    const kinds = kindsOf(query);
    const unreadable = [...(kinds ?? [])].find(kind => !sight.reads(kind));
    if (unreadable !== undefined)
      throw new WeftError('forbidden', { detail: `The token does not allow reading ${unreadable}.` });
    const lastEventId = request.headers['last-event-id'];
    const since = sinceOf(
      query['since'] as string | undefined,
      lastEventId as string | undefined,
      context.state.revision,
    );
    const response = reply.raw;
    // A response that is closed tells nobody of that any more: whoever hung up meanwhile has no place, and no stream is begun.
    if (response.destroyed) return reply.hijack();
    const leave = places.enter(request.caller);
    response.once('close', leave);
    try {
      if (typeof (await context.store.changesSince(since, 1)) === 'string')
        throw new WeftError('log_trimmed', { detail: `The log no longer has the revisions after ${since}.` });
    } catch (error) {
      leave();
      throw error;
    }
    reply.hijack();
    if (response.destroyed) return reply;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'weft-revision': String(since),
      'x-accel-buffering': 'no',
    });
    // The reader learns at once that it is watching, though nothing may happen for long.
    response.flushHeaders();
    const stream = new WatchStream(
      response,
      source,
      { sight, kinds, isAdmitted: () => context.authenticator.isStillValid(request.caller) },
      since,
      context.clock,
      context.log,
    );
    open.add(stream);
    response.on('close', () => open.delete(stream));
    stream.start();
    return reply;
  });
}
