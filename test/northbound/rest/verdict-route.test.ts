import assert from 'node:assert/strict';
import { fastify, type FastifyInstance } from 'fastify';
import type { RestContext } from '../../../northbound/rest/server.js';
import { Sight } from '../../../northbound/rest/sight.js';
import { registerVerdict } from '../../../northbound/rest/verdict-route.js';
import { WeftError } from '../../../src/base/errors.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { AskedNetwork } from '../../trace/asked-network.js';
import type { Json } from './rest-fixture.js';

const mac = (last: number): string => `02:00:00:00:00:0${last}`;
const owned = (projectId: string, securityGroups: readonly string[] = []) => ({ projectId, securityGroups });

/** A network of alice alone, and one that everybody may use, with ports of alice and of bob. */
function network(): NetworkBuilder {
  const builder = new NetworkBuilder()
    .hypervisor('secret-host')
    .logicalSwitch('private', '10.1.0.0/24')
    .logicalSwitch('public', '10.2.0.0/24')
    .securityGroup('closed', { projectId: 'bob' })
    .securityGroup('web', { projectId: 'alice', isolates: ['egress'] })
    .rule('https', 'web', 'egress', { projectId: 'alice', protocol: 'tcp', portMin: 443 })
    .port('own', 'private', mac(1), ['10.1.0.11'], ['secret-host', 1], owned('alice'))
    .port('own too', 'private', mac(2), ['10.1.0.12'], ['secret-host', 2], owned('alice'))
    .port('among', 'public', mac(3), ['10.2.0.11'], ['secret-host', 3], owned('alice', ['web']))
    .port('among too', 'public', mac(4), ['10.2.0.12'], ['secret-host', 4], owned('alice'))
    .port('open of bob', 'public', mac(5), ['10.2.0.13'], ['secret-host', 5], owned('bob'))
    .port('closed of bob', 'public', mac(6), ['10.2.0.14'], ['secret-host', 6], owned('bob', ['closed']))
    .port('away of bob', 'public', mac(7), ['10.2.0.15'], undefined, owned('bob'));
  const { rows } = builder.snapshot();
  const owners: Readonly<Record<string, object>> = {
    private: { projectId: 'alice' },
    public: { projectId: 'operators', sharedWith: ['*'] },
  };
  for (const row of rows['logical-switches']) Object.assign(row, owners[row.id]);
  return builder;
}

describe('REST: the dry verdict', () => {
  let app: FastifyInstance;
  const asked = new AskedNetwork(network());
  before(() => {
    app = fastify();
    app.decorateRequest('sight');
    app.addHook('onRequest', async request => {
      const projectId = String(request.headers['x-project'] ?? '') || null;
      const caller = { name: 'n', subject: 's', role: 'admin', projectId, scopes: [], expiresAtMs: null } as const;
      request.sight = new Sight(asked.network.view, caller);
    });
    app.setErrorHandler((error, _, reply) =>
      reply.code(error instanceof WeftError ? error.entry.status : 500).send({ code: (error as WeftError).code }),
    );
    const verdict: RestContext['verdict'] = question => asked.verdict(question);
    registerVerdict(app, { state: asked.state, verdict } as RestContext);
  });
  after(() => app.close());

  async function ask(project: string, from: string, query: Readonly<Record<string, string>>): Promise<Json> {
    const url = `/v1/logical-switch-ports/${encodeURIComponent(from)}/verdict?${new URLSearchParams(query).toString()}`;
    const { body } = await app.inject({ method: 'GET', url, headers: { 'x-project': project } });
    return JSON.parse(body) as Json;
  }
  const https = { protocol: 'tcp', port: '443' } as const;

  it('tells an operator everything, the path among it', async () => {
    const told = await ask('', 'among', { to_port_id: 'closed of bob', ...https, explain: 'true' });
    assert.deepEqual(
      [told['verdict'], told['reason'], told['dropped_at']],
      ['drop', 'acl_default', 'ls_out_acl_action'],
    );
    assert.match(String(told['help']), /isolates/);
    assert.deepEqual(told['ports'], [
      {
        port: { id: 'among', name: 'among' },
        direction: 'egress',
        verdict: 'allow',
        decided_by: 'rule',
        rule: { id: 'https', priority: 1000, security_group: { id: 'web', name: 'web' } },
      },
      {
        port: { id: 'closed of bob', name: 'closed of bob' },
        direction: 'ingress',
        verdict: 'drop',
        decided_by: 'default_deny',
        rule: null,
      },
    ]);
    const [hop] = told['path'] as readonly { readonly hypervisor: string; readonly stages: readonly Json[] }[];
    assert.equal(hop?.hypervisor, 'secret-host');
    assert.ok((hop?.stages.length ?? 0) > 10);
  });

  it('tells a tenant everything of a network of its own', async () => {
    const passes = await ask('alice', 'own', { to_ip: '10.1.0.12', explain: 'true' });
    assert.deepEqual([passes['verdict'], passes['reason']], ['allow', 'delivered']);
    assert.deepEqual(passes['delivered_to'], [{ id: 'own too', name: 'own too' }]);
    assert.doesNotMatch(JSON.stringify(passes), /secret-host|path/);
    assert.equal((await ask('alice', 'own', { to_ip: '10.1.0.99' }))['reason'], 'unknown_neighbour');
  });

  it('tells it of a shared network what its own port may send, and nothing of who else is there', async () => {
    const answers = await Promise.all(
      ['10.2.0.13', '10.2.0.14', '10.2.0.15', '10.2.0.99'].map(ip => ask('alice', 'among', { to_ip: ip, ...https })),
    );
    for (const answer of answers) {
      assert.deepEqual([answer['verdict'], answer['reason']], ['allow', 'beyond']);
      const told = JSON.stringify(answer).replace(/"destination_ip":"[^"]+"/, '');
      assert.equal(told, JSON.stringify(answers[0]).replace(/"destination_ip":"[^"]+"/, ''));
      assert.match(told, /"rule":\{"id":"https"/);
    }
    const denied = await ask('alice', 'among', { to_ip: '10.2.0.13', protocol: 'udp', port: '53' });
    assert.deepEqual([denied['verdict'], denied['reason']], ['drop', 'acl_default']);
    const spoofed = await ask('alice', 'among', { to_ip: '10.2.0.13', source_ip: '10.2.0.13' });
    assert.equal(spoofed['reason'], 'port_security_ipv4');
    const own = await ask('alice', 'among', { to_ip: '10.2.0.12', ...https });
    assert.equal(own['reason'], 'delivered');
  });

  it('knows no port of another project', async () => {
    assert.deepEqual(await ask('alice', 'open of bob', { to_ip: '10.2.0.11' }), { code: 'not_found' });
    assert.deepEqual(await ask('alice', 'among', { to_port_id: 'open of bob' }), { code: 'not_found' });
  });
});
