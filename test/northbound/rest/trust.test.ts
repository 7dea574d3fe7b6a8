/** What tenants could learn or take beside the objects themselves: counts, the past of what is shared, streams, wider tokens. */
import assert from 'node:assert/strict';
import { type ServerEvent, WeftClient } from '../../../northbound/client/client.js';
import { TokenAuthenticator } from '../../../northbound/rest/token-authenticator.js';
import { WatchPlaces } from '../../../northbound/rest/watch-places.js';
import { systemClock } from '../../../src/base/clock.js';
import { bearers } from './bearers.js';
import { assertProblem, type Json, type RestFixture, startRest } from './rest-fixture.js';

const firstToken = 'the-token-of-the-file-that-is-long';

describe('REST: trust', function () {
  this.timeout(60_000);
  let rest: RestFixture;
  before(async () => {
    rest = await startRest({
      authenticator: view =>
        new TokenAuthenticator({ view, clock: systemClock, firstToken, onUse: () => undefined, foreign: null }),
      store: { auth: 'token' },
    });
  });
  after(() => rest.close());

  const { as, admin, make, token, member } = bearers(() => rest, firstToken);

  it('does not tell how many objects of others stand in the way', async () => {
    const [owner, guest] = [await member('landlord'), await member('lodger')];
    const lan = await make('/v1/logical-switches', { name: 'lan', shared_with: ['lodger'] }, owner);
    const ports = (id: string) => ({ id, logical_switch_id: lan.id, name: 'p' });
    for (let n = 0; n < 11; n += 1)
      await make('/v1/logical-switch-ports', ports(`00000000-0000-4000-8000-0000000000${10 + n}`), owner);
    const path = `/v1/logical-switches/${lan.id}`;
    const alone = await owner('DELETE', path);
    assert.match(String(assertProblem(alone, 409, 'in_use')['detail']), /used by 11 logical-switch-ports/);
    assert.equal((alone.body['related'] as Json[]).length, 10);
    for (let n = 0; n < 2; n += 1)
      await make('/v1/logical-switch-ports', { logical_switch_id: lan.id, name: 'q' }, guest);
    const beside = await owner('DELETE', path);
    assert.doesNotMatch(String(assertProblem(beside, 409, 'in_use')['detail']), /\d/);
    assert.equal((beside.body['related'] as Json[]).length, 10);
  });

  it('names no object of others where one collides with it', async () => {
    const tenant = await member('collides');
    const lan = await make('/v1/logical-switches', { name: 'lan' }, tenant);
    const router = await make('/v1/logical-routers', { name: 'r' }, tenant);
    const group = await make('/v1/security-groups', { name: 'g' }, tenant);
    const other = await make('/v1/logical-routers', { name: 'other' }, tenant);
    // An operator has put something of its own on each of them.
    const leg = { logical_router_id: router.id, logical_switch_id: lan.id, networks: ['10.9.0.1/24'] };
    const route = { logical_router_id: router.id, destination: '192.0.2.0/24', next_hop: '10.9.0.9' };
    const policy = { logical_router_id: router.id, priority: 7, action: 'drop' };
    const operators = [
      await make('/v1/logical-router-ports', { ...leg, name: 'leg' }),
      await make('/v1/static-routes', { ...route, name: 'route' }),
      await make('/v1/policy-routes', policy),
      await make('/v1/security-group-rules', { security_group_id: group.id, direction: 'ingress' }),
    ];
    const joined = await make('/v1/logical-router-ports', {
      logical_router_id: router.id,
      name: 'peer',
      networks: ['172.16.0.1/24'],
    });
    const far = await make('/v1/logical-router-ports', {
      logical_router_id: other.id,
      name: 'far',
      peer_id: joined.id,
      networks: ['172.16.0.2/24'],
      project_id: 'collides',
    });
    const secret = new RegExp([...operators, joined].map(({ id }) => id).join('|'));
    for (const [path, value, code] of [
      ['subnets', { logical_switch_id: lan.id, cidr: '10.9.0.0/16' }, 'subnet_overlap'],
      ['logical-router-ports', { logical_router_id: router.id, networks: ['10.9.0.7/24'] }, 'network_overlap'],
      ['static-routes', route, 'route_in_use'],
      ['policy-routes', policy, 'policy_route_in_use'],
      ['static-routes', { logical_router_id: router.id, destination: '192.0.2.0/24', discard: true }, 'contradiction'],
      ['security-group-rules', { security_group_id: group.id, direction: 'ingress' }, 'rule_in_use'],
    ] as const) {
      const answer = await tenant('POST', `/v1/${path}`, { name: 'x', ...value });
      assert.equal(answer.body['code'], code, answer.text);
      assert.doesNotMatch(answer.text, secret);
      assert.doesNotMatch(answer.text, /10\.9\.0\.1\b/);
    }
    const router2 = await make('/v1/logical-routers', { name: 'third' }, tenant);
    const joining = { name: 'x', logical_router_id: router2.id, peer_id: far.id, networks: ['172.16.0.3/24'] };
    const answer = await tenant('POST', '/v1/logical-router-ports', joining);
    assertProblem(answer, 409, 'peer_conflict');
    assert.doesNotMatch(answer.text, secret);
  });

  /** Reads so many events of a bearer's stream, then ends it. */
  async function read(secret: string, query: string, count: number): Promise<readonly string[]> {
    const told: string[] = [];
    const client = new WeftClient({ url: await rest.listen(), token: secret });
    for await (const { event, data } of client.events(`/v1/watch?${query}`) as AsyncIterable<ServerEvent>) {
      const { kind, id } = data as Json;
      told.push(`${event} ${String(kind)} ${String(id)}`);
      if (told.length === count) break;
    }
    return told;
  }

  it('watch shows what is seen through a shared switch from the sharing on, and no longer', async () => {
    const owner = await member('sharer');
    const { secret } = await token({ role: 'member', project_id: 'visitor' });
    const since = await rest.store.currentRevision();
    const lan = await make('/v1/logical-switches', { name: 'lan' }, owner);
    const path = `/v1/logical-switches/${lan.id}`;
    const subnet = async (cidr: string) =>
      (await make('/v1/subnets', { logical_switch_id: lan.id, cidr, name: 'net' }, owner)).id;
    const share = (...projects: readonly string[]) => owner('PATCH', path, { shared_with: projects });
    const past = await subnet('10.1.0.0/24');
    await owner('DELETE', `/v1/subnets/${past}`);
    const kept = await subnet('10.2.0.0/24');
    const shared = Number((await share('visitor')).headers['weft-revision']);
    await owner('PATCH', `/v1/subnets/${kept}`, { name: 'known' });
    const gone = await subnet('10.3.0.0/24');
    await owner('DELETE', `/v1/subnets/${gone}`);
    const unshared = Number((await share()).headers['weft-revision']);
    await owner('PATCH', `/v1/subnets/${kept}`, { name: 'secret' });
    const hidden = await subnet('10.4.0.0/24');
    await share('visitor');
    await owner('DELETE', `${path}?cascade=true`);
    const ofSwitch = `logical-switches ${lan.id}`;
    const expected = [
      `created ${ofSwitch}`,
      `updated subnets ${kept}`,
      `created subnets ${gone}`,
      `deleted subnets ${gone}`,
      `deleted ${ofSwitch}`,
      `deleted subnets ${kept}`,
      `created ${ofSwitch}`,
    ];
    const told = await read(secret, `since=${since}`, 12);
    assert.deepEqual(told.slice(0, expected.length), expected);
    const end = ['created', 'deleted'].flatMap(event => [kept, hidden].map(id => `${event} subnets ${id}`));
    assert.deepEqual(told.slice(expected.length).toSorted(), [...end, `deleted ${ofSwitch}`].toSorted());
    assert.ok(!told.join().includes(past));

    const asked = async (revision: number) => (await as(secret)('GET', `/v1/revisions/${revision}`)).status;
    assert.deepEqual(
      [await asked(shared - 1), await asked(shared), await asked(shared + 1), await asked(unshared + 1)],
      [404, 200, 200, 404],
    );
  });

  it('watch shows subnets as they come and go with the sharing, while it is open', async () => {
    const owner = await member('live');
    const { secret } = await token({ role: 'member', project_id: 'guest' });
    const lan = await make('/v1/logical-switches', { name: 'lan', subnets: [{ cidr: '10.1.0.0/24' }] }, owner);
    const [subnet] = lan['subnets'] as Json[];
    const told = read(secret, `since=${await rest.store.currentRevision()}`, 4);
    for (const projects of [['guest'], []])
      await owner('PATCH', `/v1/logical-switches/${lan.id}`, { shared_with: projects });
    const names = [`logical-switches ${lan.id}`, `subnets ${String(subnet?.['id'])}`];
    assert.deepEqual(
      await told,
      ['created', 'deleted'].flatMap(event => names.map(name => `${event} ${name}`)),
    );
  });

  it('a watch ends with what its token was', async () => {
    const url = await rest.listen();
    for (const end of [
      (id: string) => admin('DELETE', `/v1/tokens/${id}`),
      (id: string) => admin('PATCH', `/v1/tokens/${id}`, { expires_at: new Date().toISOString() }),
      (id: string) => admin('PATCH', `/v1/tokens/${id}`, { project_id: 'another' }),
    ]) {
      const { id, secret } = await token({ role: 'member', project_id: 'watcher' });
      const response = await fetch(`${url}/v1/watch`, { headers: { authorization: `Bearer ${secret}` } });
      assert.equal(response.status, 200);
      assert.ok((await end(id)).status < 300);
      // It would go on for ever.
      await response.text();
    }
  });

  it('one token or project cannot have all watches', () => {
    const places = new WatchPlaces();
    const open = (projectId: string | null, subject: string, most: number): readonly (() => void)[] => {
      const left: (() => void)[] = [];
      for (let n = 0; n < most; n += 1) left.push(places.enter({ projectId, subject }));
      assert.throws(() => places.enter({ projectId, subject }), /watch streams are open, the most there may be/);
      return left;
    };
    const [leave] = open('a', 'a1', 16);
    leave?.();
    leave?.();
    open('a', 'a1', 1);
    for (const subject of ['a2', 'a3', 'a4']) open('a', subject, 16);
    assert.throws(() => places.enter({ projectId: 'a', subject: 'a5' }), /Of this project, 64/);
    open('b', 'b1', 16);
    // All tenants together leave room for operators.
    for (const project of ['b', 'c']) for (let n = 2; n < 5; n += 1) open(project, `${project}${n}`, 16);
    open('c', 'c1', 16);
    assert.throws(() => places.enter({ projectId: 'd', subject: 'd1' }), /Of all projects, 192/);
    open(null, 'operator', 64);
  });

  it('a mirror ends with the port that it copies and with its collector, whoever made it, and keeps neither', async () => {
    const tenant = await member('mirrored');
    const lan = await make('/v1/logical-switches', { name: 'lan' }, tenant);
    const port = async () =>
      (await make('/v1/logical-switch-ports', { logical_switch_id: lan.id, name: 'p' }, tenant)).id;
    for (const by of [tenant, admin]) {
      for (const gone of ['collector', 'copied'] as const) {
        const ports = { copied: await port(), collector: await port() };
        const value = {
          name: 'm',
          kind: 'local',
          logical_switch_port_id: ports.copied,
          collector_port_id: ports.collector,
        };
        const mirror = await make('/v1/mirrors', value, by);
        const deleted = await tenant('DELETE', `/v1/logical-switch-ports/${ports[gone]}`);
        assert.deepEqual([deleted.status, deleted.text], [204, '']);
        assertProblem(await admin('GET', `/v1/mirrors/${mirror.id}`), 404, 'not_found');
      }
    }
  });

  it('nobody makes a token that is for more than the own one', async () => {
    const scoped = as((await token({ role: 'admin', scopes: ['tokens', 'subnets', 'metrics:read'] })).secret);
    const made = (scopes: readonly string[]) => scoped('POST', '/v1/tokens', { name: 't', role: 'admin', scopes });
    for (const scopes of [[], ['tokens', 'logical-routers'], ['metrics'], ['logical-switches:read']])
      assertProblem(await made(scopes), 403, 'forbidden');
    for (const scopes of [['tokens'], ['subnets', 'metrics:read'], ['subnets:read']])
      assert.equal((await made(scopes)).status, 201);
    const misspelt = await admin('POST', '/v1/tokens', {
      name: 't',
      role: 'admin',
      scopes: ['subnets', 'subnet:read'],
    });
    assertProblem(misspelt, 400, 'invalid_value', '/scopes/1');
  });

  it('every area that a route names is one that a scope may name', async () => {
    const mixed = ['transactions', 'watch', 'revisions', 'health', 'docs'];
    for (const area of new Set(rest.app.rules.map(rule => rule.area))) {
      if (mixed.includes(area)) continue;
      const answer = await admin('POST', '/v1/tokens', { name: 't', role: 'admin', scopes: [area] });
      assert.equal(answer.status, 201, area);
    }
  });
});
