/** Where Docker engines ask straight: the protocol on the wire, in plain and with certificates. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Driver } from '../../../northbound/docker/driver.js';
import { DockerListener, type DockerTls } from '../../../northbound/docker/listener.js';
import { certificateOf, namesHost } from '../../../southbound/hypervisor/certificate.js';
import { silentLogger } from '../../../src/base/log.js';
import type { Hypervisor } from '../../../src/model/index.js';
import { issueCertificate, type KeyAndCertificate, makeAuthority } from '../../../src/trust/authority.js';

const hosts = ['hv1', 'hv2'].map(
  name => ({ id: name, name, systemId: name, allowed: true, approved: true }) as Hypervisor,
);
const day = 86_400_000;
const [notBefore, notAfter] = [new Date(Date.now() - day), new Date(Date.now() + day)];

describe('The listener for Docker engines', () => {
  const asked: unknown[] = [];
  const driver: Pick<Driver, 'answer'> = {
    answer: async ({ hypervisor, attach, scope }, method, body) => {
      asked.push([hypervisor.name, attach, scope, method, body]);
      return method === 'NetworkDriver.Strange' ? null : { Err: 'no' };
    },
  };
  const listener = new DockerListener({
    driver: driver as Driver,
    known: () => ({ hypervisors: hosts, at: () => [], names: namesHost }),
    certificateNames: socket => certificateOf(socket).names,
    log: silentLogger,
  });
  let plain = 0;
  let secure = 0;
  let authority: KeyAndCertificate;

  const issue = (commonName: string, by = authority, more: readonly string[] = []): Promise<KeyAndCertificate> =>
    issueCertificate(by, {
      commonName,
      names: { dns: [commonName, ...more], ips: ['127.0.0.1'] },
      usages: ['client', 'server'],
      notBefore,
      notAfter,
    });

  before(async () => {
    authority = await makeAuthority('of hosts', notBefore, notAfter);
    const { key, certificate } = await issue('weft', authority, ['hv2']);
    const tls: DockerTls = { cert: certificate, key, ca: authority.certificate };
    plain = await listener.listen({ transport: 'tcp', host: '127.0.0.1', port: 0 }, null);
    secure = await listener.listen({ transport: 'ssl', host: '127.0.0.1', port: 0 }, tls);
  });
  after(() => listener.close());
  beforeEach(() => {
    asked.length = 0;
  });

  async function post(path: string, host: string, body: string | undefined, method = 'POST') {
    const outgoing = plainRequest({ host: '127.0.0.1', port: plain, path, method, headers: { host } });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    const type = String(incoming.headers['content-type']);
    return {
      status: incoming.statusCode,
      type,
      body: JSON.parse(await text(incoming)) as Readonly<Record<string, unknown>>,
    };
  }

  it('reads bodies without a content type, absent ones too, and answers in the type of plugins', async () => {
    const { status, type, body } = await post('/NetworkDriver.Leave', 'hv2.weft.example:9001', '{"EndpointID":"e"}');
    assert.deepEqual([status, body], [200, { Err: 'no' }]);
    assert.match(type, /^application\/vnd\.docker\.plugins/);
    await post('/Plugin.Activate', 'hv1', undefined);
    await post('/Plugin.Activate', 'hv1', 'null');
    assert.deepEqual(asked, [
      ['hv2', 'internal', 'local', 'NetworkDriver.Leave', { EndpointID: 'e' }],
      ['hv1', 'internal', 'local', 'Plugin.Activate', {}],
      ['hv1', 'internal', 'local', 'Plugin.Activate', {}],
    ]);
  });

  it('refuses what is not of the protocol', async () => {
    assert.equal((await post('/NetworkDriver.Strange', 'hv1', '{}')).status, 404);
    assert.equal((await post('/Plugin.Activate', 'hv1', undefined, 'GET')).status, 405);
    assert.equal((await post('/Plugin.Activate', 'hv1', '{"a"')).status, 400);
    assert.equal((await post('/Plugin.Activate', 'hv1', '[1]')).status, 400);
    assert.equal((await post('/Plugin.Activate', 'hv1', `"${'x'.repeat(1024 * 1024)}"`)).status, 400);
    const stranger = await post('/Plugin.Activate', 'weft.example', '{}');
    assert.equal(stranger.status, 403);
    assert.match(String(stranger.body['Err']), /does not know this host/);
  });

  it('knows a host by its certificate, and lets in nobody without one of our authority', async () => {
    const ask = async (by: KeyAndCertificate | null): Promise<number | undefined> => {
      const shown = by === null ? {} : { key: by.key, cert: by.certificate };
      const target = { host: '127.0.0.1', port: secure, path: '/Plugin.Activate', method: 'POST' };
      const outgoing = tlsRequest({ ...target, ...shown, ca: authority.certificate, headers: { host: 'hv2' } });
      outgoing.end();
      const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
      incoming.resume();
      return incoming.statusCode;
    };
    assert.equal(await ask(await issue('hv1')), 200);
    assert.deepEqual(asked, [['hv1', 'internal', 'local', 'Plugin.Activate', {}]], 'not by what it says');
    assert.equal(await ask(await issue('hv7')), 403);
    await assert.rejects(ask(null));
    const stranger = await makeAuthority('of hosts', notBefore, notAfter);
    await assert.rejects(ask(await issue('hv1', stranger)));
  });
});
