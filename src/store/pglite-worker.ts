/**
 * The worker thread in which PGlite lives. It would stop the main thread's event loop for the length of each query, so it is
 * reached over a Unix socket like any Postgres.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { EmbeddedMessage, EmbeddedOptions } from './embedded.js';

if (parentPort === null) throw new Error('this module runs in a worker thread');
const port = parentPort;
const { dataDirectory, socketPath } = workerData as EmbeddedOptions;

const database = await PGlite.create({
  dataDir: dataDirectory,
  startParams: [...PGlite.defaultStartParams, '-c', 'shared_buffers=16MB'],
});
const server = new PGLiteSocketServer({ db: database, path: socketPath, maxConnections: 4 });
await server.start();
port.once('message', (message: EmbeddedMessage) => {
  if (message !== 'stop') return;
  void server
    .stop()
    .then(() => database.close())
    .then(() => {
      port.postMessage('stopped' satisfies EmbeddedMessage);
      port.close();
    });
});
port.postMessage('started' satisfies EmbeddedMessage);
