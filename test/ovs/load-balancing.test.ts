/**
 * Load balancers on real Open vSwitch with real connections: on a switch and behind a router, on one host and across hosts, with security
 * groups. `WEFT_BALANCED_CONNECTIONS` says how many connections are counted.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { eventually } from '../../lab/processes.js';
import type { Workload } from '../../lab/workload.js';
import { LAST_BALANCED_PORT } from '../../src/model/load-balancer.js';
import { create, planRouter, planSwitch, type PlannedSwitch, type Value } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { answering, ask } from './answering.js';
import { serve, Stream, tryReach } from './streams.js';

const applied = { appliedWithinMs: APPLIED_WITHIN_MS } as const;
const CONNECTIONS = Number(process.env['WEFT_BALANCED_CONNECTIONS'] ?? 1_000);
const BACKENDS = 50;
/** Chi-square of 49 degrees of freedom exceeds this once in a million times: each connection has a source port of its own. */
const MOST_CHI_SQUARE = 112;
const VIP = { 4: '10.96.0.1', 6: 'fd00:96::1' } as const;

const backend = (workload: Workload, port: number, family: 4 | 6 = 4): Value => ({
  ip: workload.address(family),
  port,
});

/** An address of the network of a switch that no port has. */
const addressOn = (logicalSwitch: PlannedSwitch, family: 4 | 6): string =>
  family === 4
    ? (logicalSwitch.cidrs[0] ?? '').replace(/0\/24$/, '200')
    : (logicalSwitch.cidrs[1] ?? '').replace(/\/64$/, 'c8');

describe('load balancers', function () {
  this.timeout(300_000);
  const weftLab = usesSharedWeftLab();
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0)) await end();
  });

  /** A client and a backend on one switch, another backend on a second one behind a router. */
  async function network(port: Value = {}) {
    const front = planSwitch({ name: 'front', ports: { client: port, near: port } });
    const back = planSwitch({ name: 'back', ports: { far: port } });
    const router = planRouter('r', [front, back]);
    await weftLab().build([...front.operations, ...back.operations, ...router.operations]);
    const [client, near, far] = await weftLab().plug({ client: 'hv1', near: 'hv1', far: 'hv2' });
    assert.ok(client !== undefined && near !== undefined && far !== undefined);
    return { front, router, client, near, far };
  }

  async function balance(value: Value, id: string = randomUUID()): Promise<string> {
    await weftLab().client.transaction([create('load-balancers', { name: 'shop', ...value }, id)], applied);
    return id;
  }

  async function change(id: string, value: Value): Promise<void> {
    await weftLab().client.transaction([{ op: 'merge', kind: 'load-balancers', id, value }], applied);
  }

  it(`spread ${CONNECTIONS} connections over ${BACKENDS} backends as chance does, and those of one client to one`, async () => {
    const { router, client, near, far } = await network();
    const ports = Array.from({ length: BACKENDS / 2 }, (_, index) => 8_000 + index);
    for (const workload of [near, far]) ending.push(await answering(workload, ...ports));
    const backends = [near, far].flatMap(workload => ports.map(each => backend(workload, each)));
    const id = await balance({ vip: VIP[4], port: 80, backends, logical_router_ids: [router.id] });
    const answers = await ask(client, 'tcp', VIP[4], 80, CONNECTIONS);
    assert.equal(
      Object.keys(answers).find(each => each.startsWith('failed')),
      undefined,
      JSON.stringify(answers),
    );
    const expected = CONNECTIONS / BACKENDS;
    const counts = [near, far].flatMap(({ name }) => ports.map(each => answers[`${name}:${each}`] ?? 0));
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    process.stdout.write(
      `    ${CONNECTIONS} connections, ${BACKENDS} backends: ${Math.min(...counts)} to ${Math.max(...counts)} each, chi-square ${chiSquare.toFixed(1)}\n`,
    );
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      CONNECTIONS,
    );
    assert.ok(chiSquare < MOST_CHI_SQUARE, `${chiSquare}: ${counts.join(' ')}`);
    await change(id, { affinity_timeout_s: 3_600 });
    assert.deepEqual(Object.values(await ask(client, 'tcp', VIP[4], 80, 40)), [40]);
    // One of weight 3 among one of weight 1.
    const weighted = [
      { ...backend(near, 8_000), weight: 3 },
      { ...backend(far, 8_001), weight: 1 },
    ];
    await change(id, { affinity_timeout_s: null, backends: weighted });
    const shares = await ask(client, 'tcp', VIP[4], 80, 400);
    const heavy = shares[`${near.name}:8000`] ?? 0;
    assert.equal(heavy + (shares[`${far.name}:8001`] ?? 0), 400);
    assert.ok(heavy > 240 && heavy < 360, JSON.stringify(shares));
  });

  it('answer on their switch and behind a router, in both families, to a backend itself too, and security groups see who it really is', async () => {
    const group = randomUUID();
    const rules = ['ingress', 'egress'].map(direction =>
      create('security-group-rules', { security_group_id: group, direction, remote_group_id: group }),
    );
    await weftLab().build([create('security-groups', { name: 'workloads' }, group), ...rules]);
    const { front, router, client, near, far } = await network({ security_groups: [group] });
    for (const workload of [near, far]) ending.push(await answering(workload, 8_080));
    for (const family of [4, 6] as const) {
      const here = addressOn(front, family);
      const backends = [near, far].map(workload => backend(workload, 8_080, family));
      for (const protocol of ['tcp', 'udp'] as const) {
        await balance({ vip: here, protocol, port: 80, backends, logical_switch_ids: [front.id] });
        await balance({ vip: VIP[family], protocol, port: 81, backends, logical_router_ids: [router.id] });
        for (const [vip, port] of [
          [here, 80],
          [VIP[family], 81],
        ] as const) {
          for (const from of [client, near]) {
            // A backend that calls itself may do so from a port like those that checks come from, too.
            const ports = from === near ? [LAST_BALANCED_PORT - 100] : [];
            const answers = await ask(from, protocol, vip, port, 30, ports);
            const found = Object.keys(answers).sort();
            assert.deepEqual(
              found,
              [`${far.name}:8080`, `${near.name}:8080`],
              `${from.name} ${protocol} ${vip} ${port}`,
            );
          }
        }
      }
    }
  });

  it('take out a backend that fails its checks within an interval, and bring it back', async () => {
    const group = randomUUID();
    const rules = ['ingress', 'egress'].map(direction =>
      create('security-group-rules', { security_group_id: group, direction, remote_group_id: group }),
    );
    // Checks pass the rules, which let nobody else in than workloads.
    await weftLab().build([create('security-groups', { name: 'workloads' }, group), ...rules]);
    const { front, router, client, near, far } = await network({ security_groups: [group] });
    ending.push(await answering(near, 8_080));
    let stopFar = await answering(far, 8_080);
    ending.push(() => stopFar());
    const check = { interval_s: 2, timeout_s: 2, fall: 2, rise: 2 } as const;
    const backends = (family: 4 | 6) => [near, far].map(workload => backend(workload, 8_080, family));
    const attached = { port: 80, logical_router_ids: [router.id] };
    const shops = [
      [VIP[4], await balance({ vip: VIP[4], backends: backends(4), health_check: check, ...attached })],
      [VIP[6], await balance({ vip: VIP[6], backends: backends(6), health_check: check, ...attached })],
      [
        addressOn(front, 4),
        await balance({
          vip: addressOn(front, 4),
          port: 80,
          logical_switch_ids: [front.id],
          health_check: check,
          backends: [backend(near, 8_080), backend(far, 8_080)],
        }),
      ],
    ] as const;
    const [, routed] = shops[0];
    const healthOf = async (id: string): Promise<readonly string[]> => {
      const { body } = await weftLab().client.request('GET', `/v1/load-balancers/${id}`);
      const { backend_status: status } = body as { readonly backend_status: readonly { readonly health: string }[] };
      return status.map(({ health }) => health);
    };
    const becomes = async (id: string, ...health: readonly string[]): Promise<number> => {
      const sinceMs = performance.now();
      await eventually(`${health.join()} of ${id}`, async () => (await healthOf(id)).join() === health.join(), 60_000);
      return performance.now() - sinceMs;
    };
    await stopFar();
    const outMs = await becomes(routed, 'passing', 'failing');
    await becomes(shops[1][1], 'passing', 'failing');
    for (const [vip] of shops.slice(0, 2))
      assert.deepEqual(Object.keys(await ask(client, 'tcp', vip, 80, 30)), [`${near.name}:8080`], vip);
    // What is elsewhere than on its switch is not checked, and stays.
    assert.deepEqual(await healthOf(shops[2][1]), ['passing', 'unchecked']);
    stopFar = await answering(far, 8_080);
    const backMs = await becomes(routed, 'passing', 'passing');
    process.stdout.write(
      `    checked every 2 s, 2 of 2: a killed backend is out after ${(outMs / 1000).toFixed(1)} s, back after ${(backMs / 1000).toFixed(1)} s\n`,
    );
    assert.equal(Object.keys(await ask(client, 'tcp', VIP[4], 80, 30)).length, 2);
    // They speak no HTTP, and answer datagrams.
    await change(routed, { health_check: { ...check, protocol: 'http', path: '/ready' } });
    await becomes(routed, 'failing', 'failing');
    assert.equal(await tryReach(client, 'tcp', VIP[4], 80, 8_000), 'refused');
    await change(routed, { health_check: { ...check, protocol: 'udp' } });
    await becomes(routed, 'passing', 'passing');
    await change(routed, { health_check: { ...check, protocol: 'udp', port: 9 } });
    await becomes(routed, 'failing', 'failing');
    await change(routed, { health_check: null });
    assert.deepEqual(await healthOf(routed), ['unchecked', 'unchecked']);
    assert.equal(Object.keys(await ask(client, 'tcp', VIP[4], 80, 30)).length, 2);
  });

  it('send nothing to a backend that is gone, end its connections, and leave those of one that drains', async () => {
    const { router, client, near, far } = await network();
    for (const workload of [near, far]) ending.push(await serve(workload, 8_080));
    const only = (workload: Workload, value: Value = {}): Value => ({ ...backend(workload, 8_080), ...value });
    for (const transport of ['tcp', 'udp'] as const) {
      const attached = { protocol: transport, port: 80, logical_router_ids: [router.id] };
      const id = await balance({ vip: VIP[4], backends: [only(near)], ...attached });
      const stream = await Stream.watch(client, transport, VIP[4], 80);
      ending.push(() => stream.stop());
      assert.ok(await stream.flows());
      await change(id, { backends: [only(near, { state: 'draining' }), only(far)] });
      assert.ok(await stream.flows(), `${transport}: what drains keeps its connections`);
      assert.equal(await tryReach(client, transport, VIP[4], 80, 8_000), 'answered');
      await change(id, { backends: [only(near, { state: 'down' }), only(far)] });
      const conntrack = await weftLab().lab.hypervisor('hv1').openVswitch.appctl('dpctl/dump-conntrack');
      const kept = conntrack
        .split('\n')
        .filter(line => line.includes(`dst=${VIP[4]}`) && line.includes(`src=${near.address(4)}`));
      assert.deepEqual(kept, [], `${transport}: connections to what is down are forgotten`);
      await change(id, { backends: [] });
      for (const port of [80, 81])
        assert.equal(await tryReach(client, transport, VIP[4], port, 10_000), 'refused', `${transport} ${port}`);
    }
  });
});
