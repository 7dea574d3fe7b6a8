/** Security groups over real Open vSwitch with real TCP, UDP and ICMP: both families, on one host and across hosts. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ping } from '../../lab/probe.js';
import type { Operation } from '../../lab/weft-client.js';
import type { Workload } from '../../lab/workload.js';
import { create, planSwitch, type Value } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { type Outcome, serve, Stream, tryReach } from './streams.js';

const FAMILIES = [4, 6] as const;
const applied = { appliedWithinMs: APPLIED_WITHIN_MS } as const;

/** A group with its rules; each rule has an id of its own. */
function planGroup(name: string, rules: readonly Value[], value: Value = {}) {
  const id = randomUUID();
  const made = rules.map(rule => create('security-group-rules', { security_group_id: id, ...rule }));
  return {
    id,
    ruleIds: made.map(each => each.id ?? ''),
    operations: [create('security-groups', { name, ...value }, id), ...made],
  };
}

const tcp = (port: number, to = port): Value => ({ protocol: 'tcp', port_min: port, port_max: to });
const udp = (port: number): Value => ({ protocol: 'udp', port_min: port, port_max: port });
const ingress = { direction: 'ingress' } as const;
const egress = { direction: 'egress' } as const;

describe('security groups', function () {
  this.timeout(90_000);
  const weftLab = usesSharedWeftLab();
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0)) await end();
  });

  async function serving(...workloads: readonly Workload[]): Promise<void> {
    for (const workload of workloads) ending.push(await serve(workload, 80, 81, 82));
  }

  async function watching(from: Workload, transport: 'tcp' | 'udp', to: string, port: number): Promise<Stream> {
    const stream = await Stream.watch(from, transport, to, port);
    ending.push(() => stream.stop());
    return stream;
  }

  async function network(
    ports: Readonly<Record<string, Value>>,
    groups: readonly Operation[],
    where: Readonly<Record<string, string>>,
  ): Promise<readonly Workload[]> {
    const plan = planSwitch({ name: 's', ports });
    await weftLab().build([...groups, ...plan.operations]);
    return weftLab().plug(where);
  }

  async function expect(from: Workload, to: Workload, transport: 'tcp' | 'udp', port: number, outcome: Outcome) {
    const withinMs = outcome === 'silence' ? 1_500 : 10_000;
    const reach = (family: 4 | 6) => tryReach(from, transport, to.address(family), port, withinMs);
    const found = await Promise.all(FAMILIES.map(reach));
    assert.deepEqual(found, [outcome, outcome], `${from.name} to ${to.name}, ${transport} ${port}`);
  }

  async function expectPing(from: Workload, to: Workload, answers: boolean) {
    for (const family of FAMILIES) {
      const { sent, received, text } = await ping(from, to.address(family), { count: 2 });
      assert.equal(received, answers ? sent : 0, `${from.name} pings ${to.name} over IPv${family}:\n${text}`);
    }
  }

  it('allow what a rule says, and its replies and errors, on one host and across hosts; everything else ends', async () => {
    const clients = planGroup('clients', [egress]);
    const servers = planGroup('servers', [
      { ...ingress, ...tcp(80), remote_group_id: clients.id },
      { ...ingress, ...udp(81), remote_group_id: clients.id },
      { ...ingress, ...udp(7777) },
      { ...ingress, protocol: 'icmp' },
    ]);
    const [near, here, far, outside] = await network(
      {
        near: { security_groups: [clients.id] },
        here: { security_groups: [servers.id] },
        far: { security_groups: [servers.id] },
        outside: {},
      },
      [...clients.operations, ...servers.operations],
      { near: 'hv1', here: 'hv1', far: 'hv2', outside: 'hv2' },
    );
    assert.ok(near !== undefined && here !== undefined && far !== undefined && outside !== undefined);
    await serving(near, here, far, outside);
    for (const server of [here, far]) {
      await expect(near, server, 'tcp', 80, 'answered');
      await expect(near, server, 'udp', 81, 'answered');
      await expect(near, server, 'tcp', 81, 'silence');
      await expect(near, server, 'udp', 80, 'silence');
      // Nobody listens there: the ICMP error about it comes back.
      await expect(near, server, 'udp', 7777, 'refused');
      await expect(outside, server, 'tcp', 80, 'silence');
      await expectPing(outside, server, true);
      // Servers may not open connections.
      await expect(server, outside, 'tcp', 80, 'silence');
      await expectPing(server, outside, false);
    }
    await expect(near, outside, 'tcp', 82, 'answered');
    await expect(outside, near, 'tcp', 82, 'silence');
    const { body } = await weftLab().client.request(
      'GET',
      `/v1/hypervisors/${(await weftLab().client.find('hypervisors', 'hv1')).id}/drops`,
    );
    assert.match(JSON.stringify(body), /acl_default/);
  });

  it('cut what a tightened rule no longer allows, also what only replies; a loosened rule cuts nothing', async () => {
    const clients = planGroup('clients', [egress]);
    const servers = planGroup('servers', [
      { ...ingress, ...tcp(80) },
      { ...ingress, ...udp(80) },
    ]);
    const [client, server] = await network(
      { client: { security_groups: [clients.id] }, server: { security_groups: [servers.id] } },
      [...clients.operations, ...servers.operations],
      { client: 'hv1', server: 'hv2' },
    );
    assert.ok(client !== undefined && server !== undefined);
    await serving(server);
    const [tcpRule = '', udpRule = ''] = servers.ruleIds;
    const streams = [
      await watching(client, 'tcp', server.address(4), 80),
      await watching(client, 'tcp', server.address(6), 80),
      await watching(client, 'udp', server.address(4), 80),
      await watching(client, 'udp', server.address(6), 80),
    ];
    const patch = (id: string, value: Value) => weftLab().client.patch('security-group-rules', id, value, applied);
    for (const id of [tcpRule, udpRule]) await patch(id, { port_max: 90 });
    for (const stream of streams) assert.ok(await stream.flows(), 'a loosened rule cuts nothing');
    for (const id of [tcpRule, udpRule]) await patch(id, { port_min: 85 });
    for (const stream of streams) assert.ok(await stream.ceases(), 'a tightened rule cuts');
    for (const id of [tcpRule, udpRule]) await patch(id, { port_min: 80 });
    for (const stream of streams) assert.ok(await stream.flows(), 'the connection is known still');
    // What the client may open decides as well.
    await weftLab().client.patch(
      'security-group-rules',
      clients.ruleIds[0] ?? '',
      { remote_cidr: '192.0.2.0/24' },
      applied,
    );
    for (const stream of streams) assert.ok(await stream.ceases(), 'cut at the client');
  });

  it('let UDP between fixed ports come back where another rule allows it, and keep closed what is not', async () => {
    const both = planGroup('both', []);
    const [a, b] = await network({ a: { security_groups: [both.id] }, b: {} }, both.operations, { a: 'hv1', b: 'hv2' });
    assert.ok(a !== undefined && b !== undefined);
    const rules = 'security-group-rules';
    const allow = (value: Value) => weftLab().client.create(rules, { security_group_id: both.id, ...value }, applied);
    const forbid = (id: string) => weftLab().client.delete(rules, id, applied);
    const between = async (port: number, first: Workload, second: Workload) => {
      const streams: Stream[] = [];
      for (const [from, to] of [
        [first, second],
        [second, first],
      ] as const) {
        for (const family of FAMILIES) streams.push(await Stream.exchange(from, to.address(family), port));
      }
      ending.push(...streams.map(stream => () => stream.stop()));
      return streams;
    };
    const all = async (streams: readonly Stream[], does: 'flows' | 'ceases', why: string) => {
      for (const stream of streams) assert.ok(await stream[does](), why);
    };
    const out = await allow({ ...egress, ...udp(5_000) });
    const streams = await between(5_000, a, b);
    await all(streams, 'flows', 'begun by the port');
    await forbid(out.id);
    await all(streams, 'ceases', 'neither side may begin it');
    const come = await allow({ ...ingress, ...udp(5_000) });
    await all(streams, 'flows', 'the other side may begin it');
    await forbid(come.id);
    await all(streams, 'ceases', 'and no longer may');
    await allow({ ...egress, ...udp(5_000) });
    await all(streams, 'flows', 'the port may begin it again');
    // What others have begun ends with the ingress rule, though the port may send anything.
    const begun = await allow({ ...ingress, ...udp(6_000) });
    const theirs = await between(6_000, b, a);
    await all(theirs, 'flows', 'begun by the other side');
    await allow({ ...egress, protocol: 'udp' });
    await forbid(begun.id);
    await all(theirs, 'ceases', 'the port keeps sending, and that opens nothing');
  });

  it('of a port that had none leave its sessions alone as far as its rules allow what is sent next', async () => {
    const open = planGroup('open', [egress]);
    const closed = planGroup('closed', []);
    const [client, server] = await network({ client: {}, server: {} }, [...open.operations, ...closed.operations], {
      client: 'hv1',
      server: 'hv2',
    });
    assert.ok(client !== undefined && server !== undefined);
    await serving(server);
    const streams = [
      await watching(client, 'tcp', server.address(4), 80),
      await watching(client, 'udp', server.address(6), 80),
    ];
    const { id } = await weftLab().client.find('logical-switch-ports', 'server');
    const give = (groups: readonly string[]) =>
      weftLab().client.patch('logical-switch-ports', id, { security_groups: groups }, applied);
    await give([open.id]);
    for (const stream of streams) assert.ok(await stream.flows(), 'the server seems to have begun it');
    await expect(client, server, 'tcp', 81, 'silence');
    await give([closed.id]);
    for (const stream of streams) assert.ok(await stream.ceases(), 'nothing allows it');
  });

  it('follow membership, by id and by labels, under traffic', async () => {
    const clients = planGroup('clients', [], { isolates: [], port_selector: { match_labels: { role: 'client' } } });
    const servers = planGroup('servers', [{ ...ingress, ...tcp(80), remote_group_id: clients.id }], {
      isolates: ['ingress'],
    });
    const [client, server] = await network({ client: {}, server: {} }, [...clients.operations, ...servers.operations], {
      client: 'hv1',
      server: 'hv2',
    });
    assert.ok(client !== undefined && server !== undefined);
    await serving(client, server);
    const set = async (name: string, value: Value) => {
      const { id } = await weftLab().client.find('logical-switch-ports', name);
      await weftLab().client.patch('logical-switch-ports', id, value, applied);
    };
    await expect(client, server, 'tcp', 81, 'answered');
    await set('server', { security_groups: [servers.id] });
    await expect(client, server, 'tcp', 80, 'silence');
    await set('client', { labels: { role: 'client' } });
    await expect(client, server, 'tcp', 80, 'answered');
    await expect(client, server, 'tcp', 81, 'silence');
    // Isolated for ingress alone.
    await expect(server, client, 'tcp', 80, 'answered');
    const stream = await watching(client, 'tcp', server.address(4), 80);
    await set('client', { labels: { role: 'guest' } });
    assert.ok(await stream.ceases());
    await set('client', { security_groups: [clients.id] });
    assert.ok(await stream.flows());
    await set('server', { security_groups: [] });
    await expect(client, server, 'tcp', 81, 'answered');
  });

  it('weigh the rules of all groups of a port by priority; stateless rules judge packets one by one', async () => {
    const anything = planGroup('anything', [ingress, egress]);
    const quarantine = planGroup('quarantine', [{ ...ingress, ...tcp(80), action: 'drop', priority: 2000 }]);
    const baseline = planGroup('baseline', [{ ...ingress, ...tcp(80, 82), action: 'drop', priority: 1 }]);
    const oneWay = planGroup('one way', [{ ...ingress, ...udp(80), stateless: true }]);
    const office = randomUUID();
    const sets = planGroup('sets', [{ ...ingress, remote_address_set_id: office }]);
    const groups = [anything, quarantine, baseline, oneWay, sets].flatMap(({ operations }) => operations);
    const [client, server] = await network(
      { client: {}, server: {} },
      [create('address-sets', { name: 'office' }, office), ...groups],
      { client: 'hv1', server: 'hv2' },
    );
    assert.ok(client !== undefined && server !== undefined);
    await serving(client, server);
    const { id } = await weftLab().client.find('logical-switch-ports', 'server');
    const join = (...members: { readonly id: string }[]) =>
      weftLab().client.patch('logical-switch-ports', id, { security_groups: members.map(each => each.id) }, applied);
    await join(anything, baseline);
    await expect(client, server, 'tcp', 80, 'answered');
    await join(anything, baseline, quarantine);
    await expect(client, server, 'tcp', 80, 'silence');
    await expect(client, server, 'tcp', 81, 'answered');
    await join(oneWay);
    await expect(client, server, 'udp', 80, 'silence');
    await weftLab().client.create(
      'security-group-rules',
      { security_group_id: oneWay.id, ...egress, protocol: 'udp', stateless: true },
      applied,
    );
    await expect(client, server, 'udp', 80, 'answered');
    await expect(client, server, 'udp', 81, 'silence');
    await join(sets);
    await expectPing(client, server, false);
    const addresses = [`${client.address(4)}/32`, 'fd00::/8'];
    await weftLab().client.patch('address-sets', office, { addresses }, applied);
    await expectPing(client, server, true);
    await expect(client, server, 'tcp', 82, 'answered');
  });

  it('count what each rule decides, through changes of the rule and of its group', async () => {
    const clients = planGroup('clients', [egress]);
    const servers = planGroup('servers', [
      { ...ingress, ...tcp(80) },
      { ...ingress, ...tcp(81), action: 'drop' },
      { ...ingress, ...udp(81) },
    ]);
    const [client, server] = await network(
      { client: { security_groups: [clients.id] }, server: { security_groups: [servers.id] } },
      [...clients.operations, ...servers.operations],
      { client: 'hv1', server: 'hv2' },
    );
    assert.ok(client !== undefined && server !== undefined);
    await serving(server);
    await expect(client, server, 'tcp', 80, 'answered');
    await expect(client, server, 'tcp', 81, 'silence');
    const [allowing = '', dropping = '', idle = ''] = servers.ruleIds;
    const read = async (path: string) => {
      const { body } = await weftLab().client.request('GET', `/v1/${path}/counters`);
      return body as {
        readonly packets: number;
        readonly bytes: number;
        readonly missing: readonly string[];
        readonly hypervisors: readonly { readonly name: string; readonly packets: number; readonly since: string }[];
        readonly rules: readonly { readonly security_group_rule_id: string; readonly packets: number }[];
      };
    };
    // Open vSwitch reads its caches by and by.
    const settled = async (ruleId: string): Promise<number> => {
      let [before, packets] = [-1, 0];
      for (const deadline = Date.now() + 10_000; Date.now() < deadline && (packets === 0 || packets !== before); ) {
        before = packets;
        await sleep(1_500);
        ({ packets } = await read(`security-group-rules/${ruleId}`));
      }
      return packets;
    };
    const allowed = await settled(allowing);
    // Of each family at least the three packets of a connection that is opened, its end apart.
    assert.ok(allowed >= 6, `${allowed} packets`);
    assert.ok((await settled(dropping)) >= 2);
    const group = await read(`security-groups/${servers.id}`);
    assert.deepEqual(group.missing, []);
    assert.deepEqual(
      group.hypervisors.map(({ name }) => name),
      ['hv2'],
    );
    assert.deepEqual(
      group.rules.map(each => [each.security_group_rule_id, each.packets > 0]),
      [
        [allowing, true],
        [dropping, true],
        [idle, false],
      ],
    );
    assert.equal(
      group.packets,
      group.rules.reduce((sum, { packets }) => sum + packets, 0),
    );
    await weftLab().client.patch('security-group-rules', allowing, { port_max: 90, priority: 1_500 }, applied);
    await weftLab().client.create(
      'security-group-rules',
      { security_group_id: servers.id, ...ingress, ...udp(90) },
      applied,
    );
    assert.ok((await read(`security-group-rules/${allowing}`)).packets >= allowed, 'a changed rule goes on counting');
  });

  it('leave ARP and neighbour discovery alone', async () => {
    const nothing = planGroup('nothing', []);
    const [a, b] = await network(
      { a: { security_groups: [nothing.id] }, b: { security_groups: [nothing.id] } },
      nothing.operations,
      { a: 'hv1', b: 'hv2' },
    );
    assert.ok(a !== undefined && b !== undefined);
    await expectPing(a, b, false);
    const { stdout } = await a.exec(['ip', 'neigh']);
    for (const family of FAMILIES) {
      const line = stdout.split('\n').find(each => each.startsWith(`${b.address(family)} `)) ?? '';
      assert.match(line, new RegExp(b.record.mac), `${b.address(family)} in\n${stdout}`);
    }
  });
});
