/**
 * A Keystone v3 with a few tokens: what `POST /v3/auth/tokens` and `GET /v3/auth/tokens` answer, as the wire contract has it (201 and 200, the token in
 * X-Subject-Token, 401 without a good X-Auth-Token, 404 for a subject that it does not know), and for real clients its versions, projects and a
 * catalogue with the network service.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeToken {
  readonly user: string;
  readonly project: string | null;
  readonly roles: readonly string[];
  readonly expiresInMs?: number;
}

const domain = { id: 'default', name: 'Default' };

export class FakeKeystone {
  /** Tokens that it validates. */
  readonly tokens = new Map<string, FakeToken>();
  /** Who may log in, beside Weft, by name and password alike; the token is then the name. */
  readonly accounts = new Map<string, FakeToken>();
  /** The network service in the catalogue. */
  networkUrl = '';
  readonly asked = { authentications: 0, validations: 0 };
  /** What it answers instead, as if it were ill. */
  illness: number | null = null;
  #own = new Set<string>();
  readonly #server = createServer((request, reply) => this.#answer(request, reply));

  async start(): Promise<string> {
    await new Promise<void>(resolve => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Forgets the tokens of those who ask, as after a restart with other keys. */
  forgetAskers(): void {
    this.#own = new Set();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #answer(request: IncomingMessage, reply: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const [path] = (request.url ?? '').split('?');
      if (this.illness !== null) return this.#send(reply, this.illness, {});
      if (path === '/' || path === '/v3' || path === '/v3/') return this.#tellVersions(path, reply);
      const [, project] = /^\/v3\/projects\/([^/]+)$/.exec(path ?? '') ?? [];
      if (project !== undefined) return this.#send(reply, 200, { project: this.#project(project) });
      if (path !== '/v3/auth/tokens')
        return this.#send(reply, 404, { error: { code: 404, title: 'Not Found', message: 'not here' } });
      if (request.method === 'POST') return this.#authenticate(JSON.parse(Buffer.concat(chunks).toString()), reply);
      return this.#validate(request, reply);
    });
  }

  #authenticate(
    body: { auth?: { identity?: { password?: { user?: { name?: string; password?: string } } } } },
    reply: ServerResponse,
  ): void {
    const user = body.auth?.identity?.password?.user;
    const account = this.accounts.get(user?.name ?? '');
    if (account !== undefined && user?.password === user?.name) {
      const token = `${account.user}-of-${account.project}`;
      this.tokens.set(token, account);
      reply.setHeader('x-subject-token', token);
      return this.#send(reply, 201, { token: { ...this.#describe(account), catalog: this.#catalog() } });
    }
    if (user?.name !== 'weft' || user.password !== 'secret') return this.#send(reply, 401, {});
    this.asked.authentications += 1;
    const token = `own-${this.asked.authentications}`;
    this.#own.add(token);
    reply.setHeader('x-subject-token', token);
    return this.#send(reply, 201, { token: {} });
  }

  #validate(request: IncomingMessage, reply: ServerResponse): void {
    if (!this.#own.has(String(request.headers['x-auth-token']))) return this.#send(reply, 401, {});
    this.asked.validations += 1;
    const found = this.tokens.get(String(request.headers['x-subject-token']));
    if (found === undefined) return this.#send(reply, 404, {});
    return this.#send(reply, 200, { token: this.#describe(found) });
  }

  #describe({ user, project, roles, expiresInMs = 3_600_000 }: FakeToken): Record<string, unknown> {
    return {
      methods: ['password'],
      user: { id: `id-of-${user}`, name: user, domain },
      ...(project === null ? {} : { project: this.#project(project) }),
      roles: roles.map(name => ({ id: `role-${name}`, name })),
      expires_at: new Date(Date.now() + expiresInMs).toISOString(),
      issued_at: new Date().toISOString(),
    };
  }

  #project(id: string): Record<string, unknown> {
    return { id, name: id, domain, domain_id: domain.id, enabled: true };
  }

  get #url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v3/`;
  }

  #catalog(): readonly unknown[] {
    const service = (type: string, name: string, url: string) => {
      const endpoint = { interface: 'public', region: 'RegionOne', region_id: 'RegionOne', url, id: `${type}-public` };
      return { type, name, id: type, endpoints: [endpoint] };
    };
    return [
      service('network', 'neutron', this.networkUrl),
      service('identity', 'keystone', this.#url),
      // The client sets quotas only where it finds these, and asks them nothing.
      service('compute', 'nova', `${this.#url}compute`),
      service('volumev3', 'cinder', `${this.#url}volume`),
    ];
  }

  #tellVersions(path: string, reply: ServerResponse): void {
    const version = {
      id: 'v3.14',
      status: 'stable',
      updated: '2020-04-07T00:00:00Z',
      links: [{ rel: 'self', href: this.#url }],
      'media-types': [],
    };
    if (path === '/') this.#send(reply, 300, { versions: { values: [version] } });
    else this.#send(reply, 200, { version });
  }

  #send(reply: ServerResponse, status: number, body: unknown): void {
    reply.writeHead(status, { 'content-type': 'application/json' });
    reply.end(JSON.stringify(body));
  }
}
