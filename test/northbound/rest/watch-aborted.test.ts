/** Readers that hang up before their watch has begun leave nothing behind. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { fastify, type FastifyInstance } from 'fastify';
import type { RestContext } from '../../../northbound/rest/server.js';
import { Sight } from '../../../northbound/rest/sight.js';
import { registerWatch } from '../../../northbound/rest/watch-route.js';
import { WeftError } from '../../../src/base/errors.js';
import { createLogger } from '../../../src/base/log.js';
import { ManualClock } from '../../fakes/manual-clock.js';

const caller = { name: 'n', subject: 's', role: 'admin', projectId: 'alice', scopes: [], expiresAtMs: null } as const;
/** More than one token may have open. */
const readers = 20;

describe('REST: a watch whose reader hangs up early', () => {
  const clock = new ManualClock();
  const listeners = new Set<() => void>();
  let app: FastifyInstance;
  let port: number;
  /** Where the next request is held back until its reader is gone. */
  let heldAt: 'authentication' | 'first read' | null = null;
  let response: ServerResponse | null = null;

  async function hold(place: typeof heldAt): Promise<void> {
    if (heldAt !== place || response === null) return;
    const closed = once(response, 'close');
    arrived();
    await closed;
  }
  let arrived: () => void = () => undefined;

  before(async () => {
    app = fastify({ forceCloseConnections: true });
    app.decorateRequest('sight');
    app.decorateRequest('caller');
    app.addHook('onRequest', async (request, reply) => {
      Object.assign(request, { caller, sight: new Sight({} as never, caller) });
      response = reply.raw;
      await hold('authentication');
    });
    app.setErrorHandler((error, _, reply) =>
      reply.code(error instanceof WeftError ? error.entry.status : 500).send({ code: (error as WeftError).code }),
    );
    const onMoved = (listener: () => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    };
    const changesSince = async () => {
      await hold('first read');
      return { revision: 1, changes: [] };
    };
    registerWatch(app, {
      state: { revision: 1, onMoved, reach: async () => undefined, view: {} },
      store: { changesSince },
      authenticator: { isStillValid: () => true },
      clock,
      log: createLogger('fatal'),
    } as unknown as RestContext);
    await app.listen({ port: 0, host: '127.0.0.1' });
    ({ port } = app.server.address() as AddressInfo);
  });
  after(() => app.close());

  async function hangUp(): Promise<void> {
    const isHeld = new Promise<void>(resolve => (arrived = resolve));
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /v1/watch HTTP/1.1\r\nHost: weft\r\n\r\n');
    await isHeld;
    const closed = once(response ?? assert.fail(), 'close');
    socket.resetAndDestroy();
    await closed;
    await new Promise(setImmediate);
  }

  for (const place of ['authentication', 'first read'] as const) {
    it(`during its ${place}: no place, no listener and no timer is kept`, async () => {
      const before = listeners.size;
      heldAt = place;
      for (let count = 0; count < readers; count += 1) await hangUp();
      heldAt = null;
      assert.deepEqual([listeners.size - before, clock.pending], [0, 0]);
      const aborter = new AbortController();
      const next = await fetch(`http://127.0.0.1:${port}/v1/watch`, { signal: aborter.signal });
      assert.equal(next.status, 200);
      const closed = once(response ?? assert.fail(), 'close');
      aborter.abort();
      await closed;
      assert.deepEqual([listeners.size - before, clock.pending], [0, 0]);
    });
  }
});
