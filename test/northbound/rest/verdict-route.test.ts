import assert from 'node:assert/strict';
import { fastify, type FastifyInstance } from 'fastify';
import type { RestContext } from '../../../northbound/rest/server.js';
import { Sight } from '../../../northbound/rest/sight.js';
import { registerVerdict } from '../../../northbound/rest/verdict-route.js';
import { WeftError } from '../../../src/base/errors.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { ManualClock } from '../../fakes/manual-clock.js';
import { AskedNetwork } from '../../trace/asked-network.js';
import type { Json } from './rest-fixture.js';

const mac = (last: number): string => `02:00:00:00:00:0${last}`;
const owned = (projectId: string, securityGroups: readonly string[] = []) => ({ projectId, securityGroups });
const allowed = (cidr: string) => ({ allowedAddresses: [{ cidr, mac: null }] });

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
    .port('away of bob', 'public', mac(7), ['10.2.0.15'], undefined, owned('bob'))
    .port('off of bob', 'public', mac(8), ['10.2.0.16'], ['secret-host', 8], { ...owned('bob'), enabled: false })
    .port('floating of bob', 'public', mac(9), ['10.2.0.17'], ['secret-host', 9], {
      ...owned('bob'),
      ...allowed('10.2.0.32/30'),
    })
    .port('idle', 'public', '02:00:00:00:01:01', ['10.2.0.21'], undefined, owned('alice', ['web']))
    .port('greedy', 'public', '02:00:00:00:01:02', ['10.2.0.22'], ['secret-host', 10], {
      ...owned('alice'),
      ...allowed('10.2.0.0/24'),
    })
    .logicalSwitch('behind', '10.3.0.0/24')
    .port('inside', 'behind', '02:00:00:00:01:03', ['10.3.0.11'], ['secret-host', 11], owned('alice'))
    .router('router', { projectId: 'alice' })
    .attach('inner leg', 'router', 'behind', '02:00:00:00:01:04', ['10.3.0.1/24'])
    .attach('outer leg', 'router', 'public', '02:00:00:00:01:05', ['10.2.0.1/24'])
    .router('router of bob', { projectId: 'bob' })
    .attach('leg of bob', 'router of bob', 'public', '02:00:00:00:01:06', ['10.2.0.2/24']);
  const { rows } = builder.snapshot();
  const owners: Readonly<Record<string, object>> = {
    private: { projectId: 'alice' },
    behind: { projectId: 'alice' },
    public: { projectId: 'operators', sharedWith: ['*'] },
  };
  for (const row of rows['logical-switches']) Object.assign(row, owners[row.id]);
  for (const row of rows['logical-router-ports']) {
    Object.assign(row, { projectId: row.logicalRouterId === 'router' ? 'alice' : 'bob' });
  }
  for (const row of rows.subnets) if (row.logicalSwitchId === 'behind') Object.assign(row, { gatewayIp: '10.3.0.1' });
  return builder;
}

describe('REST: the dry verdict', () => {
  let app: FastifyInstance;
  const asked = new AskedNetwork(network());
  const clock = new ManualClock();
  /** How long an answer keeps the process busy. */
  let takesMs = 0;
  before(() => {
    app = fastify();
    app.decorateRequest('sight');
    app.decorateRequest('caller');
    app.addHook('onRequest', async request => {
      const projectId = String(request.headers['x-project'] ?? '') || null;
      const caller = { name: 'n', subject: 's', role: 'admin', projectId, scopes: [], expiresAtMs: null } as const;
      request.caller = caller;
      request.sight = new Sight(asked.network.view, caller);
    });
    app.setErrorHandler((error, _, reply) =>
      reply.code(error instanceof WeftError ? error.entry.status : 500).send({ code: (error as WeftError).code }),
    );
    const verdict: RestContext['verdict'] = question => {
      clock.advance(takesMs);
      return asked.verdict(question);
    };
    registerVerdict(app, { state: asked.state, verdict, clock } as unknown as RestContext);
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

  it('answers alike whoever has the address on a shared network, and if nobody has', async () => {
    const addresses = {
      nobody: '10.2.0.99',
      bound: '10.2.0.13',
      closed: '10.2.0.14',
      unbound: '10.2.0.15',
      disabled: '10.2.0.16',
      allowed: '10.2.0.33',
      'router leg': '10.2.0.2',
    };
    const questions: readonly (readonly [from: string, query: Readonly<Record<string, string>>])[] = [
      ['among', https],
      ['among', { protocol: 'udp', port: '53' }],
      ['among', { ...https, source_mac: '02:00:00:00:00:99' }],
      ['among', { ...https, to_port_id: 'among too' }],
      ['among', { ...https, to_port_id: 'greedy' }],
      ['among', { ...https, to_port_id: 'idle' }],
      ['idle', https],
      ['idle', { protocol: 'udp', port: '53' }],
      ['inside', https],
      ['inside', { ...https, to_port_id: 'among too' }],
      ['inside', { ...https, to_port_id: 'greedy' }],
    ];
    for (const [from, query] of questions) {
      const answers = new Map<string, string[]>();
      for (const [who, ip] of Object.entries(addresses)) {
        const answer = JSON.stringify(await ask('alice', from, { ...query, to_ip: ip })).replace(
          /"destination_ip":"[^"]+"/,
          '',
        );
        answers.set(answer, [...(answers.get(answer) ?? []), who]);
      }
      const said = `${from} ${JSON.stringify(query)}: ${JSON.stringify([...answers])}`;
      assert.equal(answers.size, 1, said);
      assert.match(said, /reason/);
    }
  });

  it('tells it what it knows anyway: its own ports, and its own router', async () => {
    const mine = await ask('alice', 'among', { to_ip: '10.2.0.12', ...https });
    assert.deepEqual([mine['reason'], (mine['packet'] as Json)['destination_mac']], ['delivered', mac(4)]);
    const denied = await ask('alice', 'among', { to_ip: '10.2.0.12', protocol: 'udp', port: '53' });
    assert.deepEqual([denied['reason'], (denied['packet'] as Json)['destination_mac']], ['acl_default', mac(4)]);
    const unbound = await ask('alice', 'among', { to_port_id: 'idle', ...https });
    assert.equal(unbound['reason'], 'port_not_bound');
    const through = await ask('alice', 'inside', { to_port_id: 'among too' });
    assert.deepEqual([through['verdict'], through['reason']], ['allow', 'delivered']);
    assert.equal((await ask('alice', 'inside', { to_ip: '192.0.2.1' }))['reason'], 'no_route');
  });

  it('answers one at a time with rests in between, and has not more waiting than a few of a project', async () => {
    takesMs = 80;
    const beganMs = clock.nowMs();
    const answers = Array.from({ length: 12 }, () => ask('alice', 'own', { to_ip: '10.1.0.12' }));
    const other = ask('bob', 'open of bob', { to_ip: '10.2.0.99' });
    const settled = Promise.all([...answers, other]);
    let isOver = false;
    void settled.finally(() => (isOver = true));
    while (!isOver || clock.pending > 0) {
      await new Promise(setImmediate);
      if (clock.pending > 0) clock.advance(10);
    }
    takesMs = 0;
    const told = await settled;
    const codes = told.map(answer => answer['code'] ?? answer['reason']);
    assert.equal(codes.at(-1), 'beyond', 'others have their turn');
    const answered = codes.filter(code => code === 'delivered').length;
    assert.ok(answered === 8 || answered === 9, `${answered} answered: eight wait, and one may be answered already`);
    assert.equal(codes.filter(code => code === 'rate_limited').length, 12 - answered);
    assert.ok(clock.nowMs() - beganMs >= (answered + 1) * 4 * 80, 'a quarter of the time is for answers');
  });

  it('knows no port of another project', async () => {
    assert.deepEqual(await ask('alice', 'open of bob', { to_ip: '10.2.0.11' }), { code: 'not_found' });
    assert.deepEqual(await ask('alice', 'among', { to_port_id: 'open of bob' }), { code: 'not_found' });
  });
});
