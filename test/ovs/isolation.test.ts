/**
 * Two tenants with the same addresses and MACs on the same hypervisors, each with its own token: every workload tries every address
 * of both, and what it sends is heard by its own tenant's workloads alone. Then both have asked for whatever a random sequence of requests
 * asks for, and it is the same.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { type LogicalSwitchPortReply, type RestObject, WeftClient, WeftReplyError } from '../../lab/weft-client.js';
import type { Workload } from '../../lab/workload.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, WeftLab } from '../fixtures/weft-lab.js';
import type { Ask } from '../northbound/rest/callers.js';
import { TenantTrace } from '../northbound/rest/tenant-trace.js';

const FAMILIES = [4, 6] as const;
const TENANTS = ['red', 'blue'] as const;
type Tenant = (typeof TENANTS)[number];

/** Where each port is, and its address in its network; `only` is one that the other tenant does not have. */
const PLACES = { a: 'hv1', b: 'hv2', c: 'hv1' } as const;

/** Requests of each tenant, and how many of the ports that are there in the end are plugged in. */
const STEPS = 70;
const RANDOM_PORTS = 3;

/** Asks as the client does; a refusal is an answer. */
function askingAs(client: WeftClient): Ask {
  const answer = (status: number, body: unknown, headers = new Headers()): Awaited<ReturnType<Ask>> => ({
    status,
    headers: Object.fromEntries(headers),
    body: typeof body === 'object' && body !== null ? { ...body } : {},
    text: JSON.stringify(body),
  });
  return async (method, path, value) => {
    try {
      const { status, body, headers } = await client.request(method, path, value);
      return answer(status, body, headers);
    } catch (error) {
      if (error instanceof WeftReplyError) return answer(error.status, error.body);
      throw error;
    }
  };
}

/** Echo requests that the workload has heard, of both families. */
async function echoesHeard(workload: Workload): Promise<number> {
  const { stdout } = await workload.exec(['sh', '-c', 'cat /proc/net/snmp /proc/net/snmp6']);
  const [heads = '', values = ''] = stdout.split('\n').filter(line => line.startsWith('Icmp:'));
  const four = Number(values.split(' ')[heads.split(' ').indexOf('InEchos')]);
  const six = Number(/^Icmp6InEchos\s+(\d+)/m.exec(stdout)?.[1]);
  assert.ok(Number.isInteger(four) && Number.isInteger(six), stdout);
  return four + six;
}

describe('isolation of tenants', function () {
  this.timeout(180_000);
  let weftLab: WeftLab | null = null;
  const clients = new Map<Tenant, WeftClient>();
  const workloads = new Map<Tenant, Map<string, Workload>>();

  const lab = (): WeftLab => weftLab ?? assert.fail('no lab');
  const clientOf = (tenant: Tenant): WeftClient => clients.get(tenant) ?? assert.fail(tenant);
  const all = (): readonly (readonly [Tenant, Workload])[] =>
    TENANTS.flatMap(tenant => [...(workloads.get(tenant)?.values() ?? [])].map(each => [tenant, each] as const));

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS] });
    weftLab = await WeftLab.create({ hypervisors: 2, token: 'the-admin-token-of-this-test-0123456789' });
    for (const tenant of TENANTS) {
      const token = await lab().client.create('tokens', { name: tenant, role: 'member', project_id: tenant });
      clients.set(tenant, new WeftClient(lab().client.url, String(token['secret'])));
    }
  });
  after(async () => {
    await weftLab?.remove();
  });
  afterEach(function () {
    if (this.currentTest?.state === 'failed') process.stderr.write(`\n${weftLab?.weft.logTail() ?? ''}\n`);
  });

  it('lets each make the same networks, and tells neither of the other', async () => {
    for (const tenant of TENANTS) {
      const port = (name: string, place: number) => ({ [`${tenant}-${name}`]: { mac: `02:00:00:00:00:0${place}` } });
      const left = planSwitch({
        name: 'left',
        cidrs: ['10.77.0.0/24', 'fd00:77::/64'],
        ports: { ...port('a', 1), ...port('b', 2) },
      });
      const right = planSwitch({ name: 'right', cidrs: ['10.78.0.0/24', 'fd00:78::/64'], ports: port('c', 3) });
      const router = planRouter('router', [left, right]);
      const operations = [...left.operations, ...right.operations, ...router.operations];
      await clientOf(tenant).transaction(operations, { appliedWithinMs: APPLIED_WITHIN_MS });
    }
    for (const tenant of TENANTS) {
      const ports = await clientOf(tenant).list<RestObject>('logical-switch-ports');
      assert.deepEqual(
        ports.map(({ name }) => name).toSorted(),
        ['a', 'b', 'c'].map(name => `${tenant}-${name}`),
      );
      await assert.rejects(
        clientOf(tenant).list('hypervisors'),
        (error: unknown) => error instanceof WeftReplyError && error.status === 403,
      );
    }
  });

  it('carries packets between the workloads of one tenant, and none to the other', async () => {
    for (const tenant of TENANTS) {
      const plugged = await lab().plug(
        Object.fromEntries(Object.entries(PLACES).map(([name, hypervisor]) => [`${tenant}-${name}`, hypervisor])),
      );
      workloads.set(tenant, new Map(plugged.map(workload => [workload.name, workload])));
    }
    assert.equal(all().length, 6);
    for (const [tenant, from] of all()) {
      for (const to of workloads.get(tenant)?.values() ?? []) {
        if (to === from) continue;
        const before = await Promise.all(all().map(([, workload]) => echoesHeard(workload)));
        for (const family of FAMILIES) {
          const { sent, received, text } = await ping(from, to.address(family), { count: 2 });
          assert.equal(received, sent, `${from.name} to ${to.name}:\n${text}`);
        }
        const heard = await Promise.all(all().map(([, workload]) => echoesHeard(workload)));
        const hearers = all().flatMap(([, { name }], place) => (heard[place] === before[place] ? [] : [name]));
        assert.deepEqual(hearers, [to.name], `${from.name} sent to ${to.name}`);
      }
    }
  });

  it('routes the packets of one by its own policies, neighbours and addresses', async () => {
    const red = clientOf('red');
    const [router] = await red.list<RestObject>('logical-routers');
    const [port] = await red.list<RestObject>('logical-router-ports', { name: 'router-right' });
    assert.ok(router !== undefined && port !== undefined);
    const [a, b] = (['red', 'blue'] as const).map(tenant => workloads.get(tenant)?.get(`${tenant}-a`));
    const to = workloads.get('red')?.get('red-c')?.address(4) ?? '';
    assert.ok(a !== undefined && b !== undefined);
    const received = async () => [
      (await ping(a, to, { count: 2 })).received,
      (await ping(b, to, { count: 2 })).received,
    ];
    const applied = { appliedWithinMs: APPLIED_WITHIN_MS } as const;
    const policy = { logical_router_id: router.id, priority: 1, source: `${a.address(4)}/32`, action: 'drop' };
    const made = await red.create('policy-routes', policy, applied);
    assert.deepEqual(await received(), [0, 2]);
    await red.delete('policy-routes', made.id, applied);
    const nobody = { logical_router_port_id: port.id, ip: to, mac: '02:00:00:00:66:66' };
    const neighbour = await red.create('static-neighbours', nobody, applied);
    assert.deepEqual(await received(), [0, 2]);
    await red.delete('static-neighbours', neighbour.id, applied);
    assert.deepEqual(await received(), [2, 2]);
    // What another tenant says of them is refused as if they were not there.
    for (const [kind, value] of [
      ['policy-routes', policy],
      ['static-neighbours', nobody],
      ['bfd-sessions', { logical_router_port_id: port.id, ip: to }],
    ] as const) {
      await assert.rejects(
        clientOf('blue').create(kind, value),
        (error: unknown) => error instanceof WeftReplyError && error.status === 400,
      );
    }
  });

  it('loses what is sent to addresses that only the other tenant has', async () => {
    const red = clientOf('red');
    const { logical_switch_id: id } = await red
      .workloadPort('red-a')
      .then(({ portId }) => red.get('logical-switch-ports', portId));
    await red.create('logical-switch-ports', { name: 'red-only', logical_switch_id: id, ips: ['10.77.0.99'] });
    const [only] = await lab().plug({ 'red-only': 'hv2' });
    assert.ok(only !== undefined);
    const [a, b] = (['red', 'blue'] as const).map(tenant => workloads.get(tenant)?.get(`${tenant}-a`));
    assert.ok(a !== undefined && b !== undefined);
    assert.equal((await ping(a, '10.77.0.99', { count: 2 })).received, 2);
    const before = await echoesHeard(only);
    assert.equal((await ping(b, '10.77.0.99', { count: 2 })).received, 0);
    assert.equal(await echoesHeard(only), before);
  });

  it('is the same whatever both have asked for at random, with ids of each other', async () => {
    const traces = TENANTS.map((tenant, index) => new TenantTrace(21 + index, tenant, askingAs(clientOf(tenant))));
    const nobody = [randomUUID()];
    for (let step = 0; step < STEPS; step += 1) {
      for (const [index, trace] of traces.entries()) {
        const foreign = traces[1 - index]?.ids ?? [];
        await trace.step(foreign.length === 0 ? nobody : foreign);
      }
    }
    for (const tenant of TENANTS) {
      const mine = workloads.get(tenant) ?? assert.fail(tenant);
      const ports = await clientOf(tenant).list<LogicalSwitchPortReply>('logical-switch-ports');
      const random = ports.filter(({ name, ips }) => /^(n\d|port|merged)$/.test(name) && ips.length > 0);
      for (const [index, { id }] of random.slice(0, RANDOM_PORTS).entries()) {
        const known = await lab().client.workloadPort(id);
        const hypervisor = `hv${1 + (index % 2)}`;
        const workload = await lab().lab.addWorkload(hypervisor, { ...known, name: `${tenant}-${index}` });
        await lab().client.portUp(id, hypervisor);
        mine.set(workload.name, workload);
      }
      assert.ok(mine.size > Object.keys(PLACES).length, `${tenant} has a port that it has made at random`);
    }
    await lab().client.converged();
    const heardBy = (tenant: Tenant): Promise<readonly (readonly [string, number])[]> =>
      Promise.all(
        [...(workloads.get(tenant)?.values() ?? [])].map(async each => [each.name, await echoesHeard(each)] as const),
      );
    for (const [tenant, other] of [TENANTS, TENANTS.toReversed()] as const) {
      assert.ok(tenant !== undefined && other !== undefined);
      const before = await heardBy(other);
      const targets = new Set(
        [...(workloads.get(other)?.values() ?? [])].flatMap(({ record }) =>
          record.addresses.map(address => address.slice(0, address.indexOf('/'))),
        ),
      );
      await Promise.all(
        [...(workloads.get(tenant)?.values() ?? [])].map(from =>
          Promise.all([...targets].map(address => ping(from, address, { count: 1 }))),
        ),
      );
      assert.deepEqual(await heardBy(other), before, `${other} heard what ${tenant} sent`);
    }
  });

  it('binds an interface by the id of its port only, never by a name', async () => {
    const blue = clientOf('blue');
    const [port] = await blue.list<RestObject>('logical-switch-ports', { name: 'blue-a' });
    const named = await blue.create('logical-switch-ports', {
      name: 'by-name',
      logical_switch_id: String(port?.['logical_switch_id']),
    });
    const known = await lab().client.workloadPort('by-name');
    await lab().lab.addWorkload('hv1', { ...known, portId: 'by-name' });
    await eventually('the claim by name is seen', async () => {
      const { status } = (await lab().client.get('logical-switch-ports', named.id)) as RestObject & {
        readonly status: { readonly state: string; readonly reason: string };
      };
      assert.equal(status.state, 'unbound');
      return /claimed by name on hv1 .* only ids are accepted/.test(status.reason);
    });
    // Its tenant is not told where somebody tried.
    assert.doesNotMatch(JSON.stringify(await blue.get('logical-switch-ports', named.id)), /hv1/);
  });
});
