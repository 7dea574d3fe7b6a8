/** JWTs of an identity provider that a local server plays: what is accepted, as whom, and what is refused. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { IdentityProvider } from '../../../northbound/rest/identity-provider.js';
import { WeftError } from '../../../src/base/errors.js';

const audience = 'weft';
const free = (): void => {};

describe('JWTs of an identity provider', () => {
  let server: Server;
  let issuer = '';
  let pair: Awaited<ReturnType<typeof generateKeyPair>>;
  let keysAsked = 0;
  let isDown = false;
  let skewMs = 0;

  before(async () => {
    pair = await generateKeyPair('ES256');
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' };
    server = createServer(({ url }, reply) => {
      if (isDown) reply.statusCode = 503;
      if (url === '/keys') keysAsked += 1;
      reply.setHeader('content-type', 'application/json');
      reply.end(JSON.stringify(url === '/keys' ? { keys: [jwk] } : { issuer, jwks_uri: `${issuer}/keys` }));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  const clock = { wallTime: () => new Date(Date.now() + skewMs) };
  const provider = (jwksUrl: string | null = null, settings = {}) =>
    new IdentityProvider(
      { issuer, audience, jwksUrl, projectClaim: 'project', roleClaim: 'realm.roles', ...settings },
      clock,
    );
  const claims = { project: 'web', realm: { roles: ['other', 'member'] }, preferred_username: 'ann\u0007e' };
  const sign = (
    payload: Readonly<Record<string, unknown>> = {},
    key = pair.privateKey,
    header = { alg: 'ES256', kid: 'one' },
  ) => {
    const nowS = Math.floor(clock.wallTime().getTime() / 1_000);
    const standard = { iss: issuer, aud: audience, sub: 'u1', iat: nowS, exp: nowS + 60 };
    return new SignJWT({ ...standard, ...claims, ...payload } as JWTPayload).setProtectedHeader(header).sign(key);
  };
  const refusedWith = (code: string, token: Promise<string> | string, by = provider()) =>
    assert.rejects(
      async () => by.verify(await token, free),
      (error: unknown) => error instanceof WeftError && error.code === code && error.detail !== '',
    );

  it('are accepted with the project and the role of their claims, and checked once', async () => {
    const found = provider();
    const token = await sign();
    assert.ok(found.recognizes(token) && !found.recognizes('weft_abc'));
    const { expiresAtMs, ...caller } = await found.verify(token, free);
    assert.deepEqual(caller, { name: 'anne', subject: `${issuer}#u1`, role: 'member', projectId: 'web', scopes: [] });
    assert.ok(expiresAtMs !== null && expiresAtMs > Date.now());
    const asked = keysAsked;
    isDown = true;
    assert.equal((await found.verify(token, free)).projectId, 'web');
    isDown = false;
    assert.equal(keysAsked, asked);
  });

  it('are checked only where that is let be; what was found good before is good without', async () => {
    const found = provider();
    const token = await sign();
    await found.verify(token, free);
    const never = (): never => {
      throw new WeftError('rate_limited', { detail: 'Not now.' });
    };
    assert.equal((await found.verify(token, never)).projectId, 'web');
    await assert.rejects(found.verify(await sign({ sub: 'u2' }), never), /Not now/);
  });

  it('make nobody an operator who is of a project', async () => {
    const roleOf = async (payload: Readonly<Record<string, unknown>>) => {
      const { role, projectId } = await provider(`${issuer}/keys`).verify(await sign(payload), free);
      return [role, projectId];
    };
    const [admin, reader] = [{ realm: { roles: 'admin' } }, { realm: { roles: ['reader'] } }];
    assert.deepEqual(await roleOf(admin), ['member', 'web']);
    assert.deepEqual(await roleOf({ ...admin, project: '*' }), ['admin', null]);
    assert.deepEqual(await roleOf(reader), ['reader', 'web']);
    assert.deepEqual(await roleOf({ ...reader, project: '*' }), ['reader', null]);
    for (const payload of [
      { realm: { roles: ['root'] } },
      { realm: 'admin' },
      { realm: { roles: ['member'] }, project: '*' },
      { ...reader, project: undefined },
      { project: ['web'] },
      { project: '' },
      ...[undefined, null, '', 7, {}, [], ['web'], ['*'], 'x'.repeat(256), 'a\u0000', '\ud800'].flatMap(project => [
        { ...admin, project },
        { ...reader, project },
      ]),
    ])
      await refusedWith('forbidden', sign(payload));
    // Nor where the claim is not what the settings say.
    for (const org of [undefined, 'x', {}, { name: 'web' }])
      await refusedWith('forbidden', sign({ ...admin, org }), provider(null, { projectClaim: 'org.project' }));
  });

  it('are refused from another issuer, for another audience, expired, forged or unsigned', async () => {
    const other = await generateKeyPair('ES256');
    const shared = new TextEncoder().encode(await exportSPKI(pair.publicKey));
    const soonS = Math.floor(Date.now() / 1_000);
    const [head = '', , tail = ''] = (await sign()).split('.');
    const body = Buffer.from(JSON.stringify({ iss: issuer, aud: audience, sub: 'u1', exp: soonS + 60 })).toString(
      'base64url',
    );
    for (const token of [
      sign({ iss: 'https://elsewhere.example' }),
      sign({ aud: 'another' }),
      sign({ exp: soonS - 60 }),
      sign({ nbf: soonS + 600 }),
      sign({ exp: undefined }),
      sign({ sub: undefined }),
      sign({}, other.privateKey),
      sign({}, other.privateKey, { alg: 'ES256', kid: 'two' }),
      new SignJWT({ ...claims, iss: issuer, aud: audience, sub: 'u1', exp: soonS + 60 })
        .setProtectedHeader({ alg: 'HS256', kid: 'one' })
        .sign(shared),
      new UnsecuredJWT({ ...claims, iss: issuer, aud: audience, sub: 'u1', exp: soonS + 60 }).encode(),
      `${head}.${body}.${tail}`,
      'a.b.c',
    ])
      await refusedWith('unauthenticated', token);
  });

  it('are refused once they have expired, though they were accepted before', async () => {
    const found = provider();
    const token = await sign();
    await found.verify(token, free);
    skewMs = 120_000;
    await refusedWith('unauthenticated', token, found);
    skewMs = 0;
  });

  it('cannot be checked while the provider is away, and can be when it is back', async () => {
    const found = provider();
    isDown = true;
    await refusedWith('identity_provider_unavailable', sign(), found);
    await refusedWith('identity_provider_unavailable', sign(), provider(`${issuer}/keys`));
    isDown = false;
    assert.equal((await found.verify(await sign(), free)).role, 'member');
    await refusedWith('identity_provider_unavailable', sign(), provider(null, { issuer: `${issuer}/realm` }));
  });
});
