/** The process on a Docker host, before a Weft of this process that comes and goes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceNames } from '../../../northbound/docker/host/devices.js';
import { Plugin } from '../../../northbound/docker/host/plugin.js';

interface Seen {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** What Weft would answer; what it is asked is kept. */
class StandIn {
  readonly seen: Seen[] = [];
  answers: Readonly<Record<string, { readonly status: number; readonly body: unknown }>> = {};
  #server: Server | null = null;
  port = 0;

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      void text(request).then(content => {
        const path = request.url ?? '';
        this.seen.push({ path, authorization: request.headers.authorization, body: JSON.parse(content) });
        const [, method = ''] = /\/([^/?]+)\?/.exec(path) ?? [];
        const { status, body } = this.answers[method] ?? { status: 200, body: {} };
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      });
    });
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.close();
    server?.closeAllConnections();
    if (server !== null) await once(server, 'close');
  }
}

describe('weft docker-plugin', () => {
  const directory = mkdtempSync(join(tmpdir(), 'weft-docker-'));
  const socket = join(directory, 'plugins', 'weft.sock');
  const weft = new StandIn();
  let plugin: Plugin;

  const start = (): Promise<Plugin> =>
    Plugin.start({
      url: `http://127.0.0.1:${weft.port}`,
      token: 'secret',
      hypervisor: 'hv 1',
      bridge: null,
      attach: 'internal',
      scope: 'local',
      socket,
      stateDirectory: join(directory, 'state'),
      vsctlArguments: [],
      log: () => {},
    });

  async function ask(method: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const outgoing = httpRequest({ socketPath: socket, path: `/${method}`, method: 'POST' });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const content = await text(incoming);
    assert.match(String(incoming.headers['content-type']), /^application\/vnd\.docker\.plugins/);
    return { status: incoming.statusCode ?? 0, body: JSON.parse(content) };
  }

  before(async () => {
    await weft.start();
    plugin = await start();
  });
  after(async () => {
    await plugin.stop();
    await weft.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    weft.seen.length = 0;
    weft.answers = {};
  });

  it('passes requests on with the token and the host, and refusals back in the words of the protocol', async () => {
    weft.answers = {
      'IpamDriver.RequestPool': { status: 200, body: { PoolID: 'p', Pool: '10.1.0.0/24', Data: {} } },
      'NetworkDriver.CreateNetwork': { status: 400, body: { detail: 'no such router' } },
      'NetworkDriver.Strange': { status: 404, body: { detail: 'no such method' } },
    };
    const pool = await ask('IpamDriver.RequestPool', { Pool: '10.1.0.0/24' });
    assert.deepEqual(pool, { status: 200, body: { PoolID: 'p', Pool: '10.1.0.0/24', Data: {} } });
    assert.deepEqual(weft.seen, [
      {
        path: '/docker/v1/hv%201/IpamDriver.RequestPool?attach=internal&scope=local',
        authorization: 'Bearer secret',
        body: { Pool: '10.1.0.0/24' },
      },
    ]);
    const refused = await ask('NetworkDriver.CreateNetwork', { NetworkID: 'n' });
    assert.deepEqual(refused, { status: 200, body: { Err: 'Weft refuses: no such router' } });
    assert.equal((await ask('NetworkDriver.Strange')).status, 404);
  });

  it('answers a Docker that starts without Weft', async () => {
    await weft.stop();
    assert.deepEqual((await ask('Plugin.Activate')).body, { Implements: ['NetworkDriver', 'IpamDriver'] });
    const { body } = await ask('NetworkDriver.GetCapabilities');
    assert.deepEqual(body, { Scope: 'local', ConnectivityScope: 'global' });
    await weft.start();
  });

  it('waits for a Weft that is being started again', async () => {
    await weft.stop();
    const answered = ask('IpamDriver.RequestAddress', { PoolID: 'p' });
    await new Promise(resolve => setTimeout(resolve, 150));
    await weft.start();
    assert.equal((await answered).status, 200);
    assert.equal(weft.seen.length, 1);
  });

  it('keeps what takes away until Weft is back, over its own end too, and sends it before anything new', async () => {
    await weft.stop();
    assert.deepEqual((await ask('NetworkDriver.DeleteEndpoint', { EndpointID: 'e' })).body, {});
    assert.deepEqual((await ask('IpamDriver.ReleaseAddress', { PoolID: 'p', Address: '10.1.0.5' })).body, {});
    await plugin.stop();
    plugin = await start();
    await weft.start();
    await ask('IpamDriver.RequestAddress', { PoolID: 'p', Address: '10.1.0.5' });
    const methods = weft.seen.map(({ path }) => /\/([^/?]+)\?/.exec(path)?.[1]);
    assert.deepEqual(methods, [
      'NetworkDriver.DeleteEndpoint',
      'IpamDriver.ReleaseAddress',
      'IpamDriver.RequestAddress',
    ]);
    await plugin.stop();
    plugin = await start();
    await ask('IpamDriver.RequestAddress', { PoolID: 'p' });
    assert.equal(weft.seen.length, 4, 'what was sent waits no more');
  });

  it('gives devices names that Linux takes and that follow from the endpoint', () => {
    const names = deviceNames('7d3f0c5a9b1e22fd00aa');
    assert.deepEqual(names, { host: 'wfh-7d3f0c5a9b1', container: 'wfc-7d3f0c5a9b1' });
    assert.ok(names.host.length <= 15);
  });
});
