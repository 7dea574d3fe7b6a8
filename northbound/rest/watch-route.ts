/** `GET /v1/watch`: see watch.ts. */
import type { FastifyInstance } from 'fastify';
import { WeftError } from '../../src/base/errors.js';
import { isKind, type Kind, resourceOf, type RowOf } from '../../src/model/index.js';
import type { Query } from './listing.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';
import { sharedSource, sinceOf, type WatchedChange, type WatchSource, WatchStream } from './watch.js';

/** Each holds a socket and what it has not read yet. */
const mostStreams = 256;
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

/**
 * The log as subscribers see it. A binding is not an object of its own in REST: it shows as a change of its port's status.
 */
function sourceOf(context: RestContext): WatchSource {
  const { store, state } = context;
  const shown = (kind: Kind, row: RowOf<Kind>): unknown => state.represent(kind, row);
  return {
    // The feed polls for the whole process: when the view has moved, there is more to read.
    onCommit: listener => state.onMoved(listener),
    async read(revision) {
      const read = await store.changesSince(revision, revisionsARead);
      if (typeof read === 'string') return 'trimmed';
      await state.reach(read.revision);
      const changes: WatchedChange[] = [];
      for (const { kind, id, before, after, revision: at } of read.changes) {
        if (kind === 'port-bindings') {
          const portId = ((after ?? before) as RowOf<'port-bindings'>).logicalSwitchPortId;
          const port = state.view.get('logical-switch-ports', portId);
          if (port !== null) {
            const object = shown('logical-switch-ports', port as RowOf<'logical-switch-ports'>);
            changes.push({ revision: at, kind: 'logical-switch-ports', operation: 'updated', id: portId, object });
          }
        } else if (resourceOf(kind).exposed) {
          const operation = before === null ? 'created' : after === null ? 'deleted' : 'updated';
          changes.push({ revision: at, kind, operation, id, object: after === null ? null : shown(kind, after) });
        }
      }
      return { upTo: read.revision, changes };
    },
  };
}

export function registerWatch(app: FastifyInstance, context: RestContext): void {
  const source = sharedSource(sourceOf(context));
  const open = new Set<WatchStream>();
  app.addHook('preClose', async () => {
    for (const stream of open) stream.close();
  });
  const route = specialRoute('watch', 'Changes as server-sent events, resumable by revision', {
    since: 'Events after this revision; default: from now on.',
    kinds: 'Collections, comma separated; default: all.',
  });
  app.get('/v1/watch', route, async (request, reply) => {
    if (open.size >= mostStreams)
      throw new WeftError('rate_limited', {
        detail: `${open.size} watch streams are open, which is as many as are served.`,
      });
    const query = request.query as Query;
    const kinds = kindsOf(query);
    const lastEventId = request.headers['last-event-id'];
    const since = sinceOf(
      query['since'] as string | undefined,
      lastEventId as string | undefined,
      context.state.revision,
    );
    if (typeof (await context.store.changesSince(since, 1)) === 'string') {
      throw new WeftError('log_trimmed', { detail: `The log no longer has the revisions after ${since}.` });
    }
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'weft-revision': String(since),
      'x-accel-buffering': 'no',
    });
    // The reader learns at once that it is watching, though nothing may happen for long.
    response.flushHeaders();
    const stream = new WatchStream(response, source, kinds, since, context.clock, context.log);
    open.add(stream);
    response.on('close', () => open.delete(stream));
    stream.start();
  });
}
