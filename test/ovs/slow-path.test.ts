/** What Weft answers for the network: rejected connections, routers' ICMP errors, path MTU discovery; with real clients. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ping, traceroute } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { Workload } from '../../lab/workload.js';
import { ethernet, etherType, ipv4, udp } from '../fixtures/frames.js';
import { metric as metricOf } from '../fixtures/metrics.js';
import { create, planRouter, planSwitch, type Value } from '../fixtures/topology.js';
import { APPLIED_WITHIN_MS, usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { requires } from '../fixtures/requires.js';
import { type Outcome, serve, tryReach } from './streams.js';

const FAMILIES = [4, 6] as const;
/** As little as ping waits for each packet; what is answered is answered long before. */
const PATIENCE_MS = 5_000;

const rule = (groupId: string, value: Value) =>
  create('security-group-rules', { security_group_id: groupId, ...value });

describe('the slow path', function () {
  this.timeout(90_000);
  before(function () {
    requires(this, { root: true, tools: ['traceroute'] });
  });
  const weftLab = usesSharedWeftLab();
  const ending: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ending.splice(0)) await end();
  });

  async function expect(from: Workload, to: Workload, transport: 'tcp' | 'udp', port: number, outcome: Outcome) {
    const withinMs = outcome === 'silence' ? 1_000 : PATIENCE_MS;
    const found = await Promise.all(
      FAMILIES.map(family => tryReach(from, transport, to.address(family), port, withinMs)),
    );
    assert.deepEqual(found, [outcome, outcome], `${from.name} to ${to.name}, ${transport} ${port}`);
  }

  async function pinged(from: Workload, address: string, ...options: readonly string[]): Promise<string> {
    const command = ['ping', '-n', '-c', '2', '-i', '0.2', '-W', '2', ...options, address];
    const { stdout, stderr } = await from.exec(command, { allowFailure: true });
    return stdout + stderr;
  }

  const metric = (name: string, label = ''): Promise<number> => metricOf(weftLab().weft.client.url, name, label);

  /** Changes what a port may send, again and again: half of the changes are in its switch within this time, and all within that. */
  async function updatesMs(name: string, count: number): Promise<string> {
    const { id } = await weftLab().client.find('logical-switch-ports', name);
    const tookMs: number[] = [];
    for (let turn = 0; turn < count; turn += 1) {
      const value = { allowed_addresses: [{ cidr: `198.51.100.${turn}/32` }] };
      const beganAt = performance.now();
      await weftLab().client.patch('logical-switch-ports', id, value, { appliedWithinMs: APPLIED_WITHIN_MS });
      tookMs.push(performance.now() - beganAt);
    }
    const sorted = tookMs.toSorted((a, b) => a - b).map(Math.round);
    return `median ${sorted[count >> 1]} ms, most ${sorted.at(-1)} ms`;
  }

  it('refuses at once what a rule rejects, at the receiver and at the sender, on one host and across hosts', async () => {
    const [servers, clients] = [randomUUID(), randomUUID()];
    const plan = planSwitch({
      name: 's',
      ports: {
        here: { security_groups: [servers] },
        far: { security_groups: [servers] },
        guarded: { security_groups: [clients] },
        open: {},
      },
    });
    const reject = { action: 'reject', priority: 2_000 } as const;
    await weftLab().build([
      create('security-groups', { name: 'servers' }, servers),
      rule(servers, { direction: 'ingress' }),
      rule(servers, { direction: 'egress' }),
      rule(servers, { direction: 'ingress', protocol: 'tcp', port_min: 81, port_max: 81, ...reject }),
      rule(servers, { direction: 'ingress', protocol: 'udp', port_min: 81, port_max: 81, ...reject }),
      rule(servers, { direction: 'ingress', protocol: 'icmp', ...reject }),
      create('security-groups', { name: 'clients' }, clients),
      rule(clients, { direction: 'egress' }),
      rule(clients, { direction: 'egress', protocol: 'tcp', port_min: 82, port_max: 82, ...reject }),
      rule(clients, { direction: 'egress', protocol: 'udp', port_min: 82, port_max: 82, ...reject }),
      ...plan.operations,
    ]);
    const [here, far, guarded, open] = await weftLab().plug({ here: 'hv1', far: 'hv2', guarded: 'hv1', open: 'hv1' });
    assert.ok(here !== undefined && far !== undefined && guarded !== undefined && open !== undefined);
    for (const server of [here, far]) ending.push(await serve(server, 80, 81, 82));
    for (const server of [here, far]) {
      for (const client of [guarded, open]) {
        await expect(client, server, 'tcp', 80, 'answered');
        await expect(client, server, 'tcp', 81, 'refused');
        await expect(client, server, 'udp', 81, 'refused');
        for (const family of FAMILIES) {
          const text = await pinged(client, server.address(family));
          assert.match(text, family === 4 ? /Packet filtered/ : /Administratively prohibited/, text);
        }
      }
      // The sender's own rules.
      await expect(guarded, server, 'tcp', 82, 'refused');
      await expect(guarded, server, 'udp', 82, 'refused');
      await expect(open, server, 'tcp', 82, 'answered');
    }
    assert.ok((await metric('weft_punts_answered_total')) > 0);
  });

  it('tells of used-up TTLs, missing routes and neighbours, and ports that routers do not serve', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    const [first, last] = [planRouter('first', [web]), planRouter('last', [db])];
    const link = [randomUUID(), randomUUID()] as const;
    const linkPort = (own: 0 | 1, routerId: string) =>
      create(
        'logical-router-ports',
        {
          name: `link-${own}`,
          logical_router_id: routerId,
          networks: [`172.31.0.${own}/31`, `fd00:31::${own}/127`],
          ...(own === 1 ? { peer_id: link[0] } : {}),
        },
        link[own],
      );
    const route = (routerId: string, destination: string, nextHop: string) =>
      create('static-routes', { logical_router_id: routerId, destination, next_hop: nextHop });
    await weftLab().build([
      ...web.operations,
      ...db.operations,
      ...first.operations,
      ...last.operations,
      linkPort(0, first.id),
      linkPort(1, last.id),
      { op: 'merge', kind: 'logical-router-ports', id: link[0], value: { peer_id: link[1] } },
      ...db.cidrs.map(cidr => route(first.id, cidr, cidr.includes(':') ? 'fd00:31::1' : '172.31.0.1')),
      ...web.cidrs.map(cidr => route(last.id, cidr, cidr.includes(':') ? 'fd00:31::' : '172.31.0.0')),
    ]);
    const [a, c] = await weftLab().plug({ a: 'hv1', c: 'hv2' });
    assert.ok(a !== undefined && c !== undefined);
    for (const [index, family] of FAMILIES.entries()) {
      const gateway = web.gateways[index]?.split('/')[0] ?? '';
      const hops = await traceroute(a, c.address(family));
      assert.deepEqual(hops, [gateway, family === 4 ? '172.31.0.1' : 'fd00:31::1', c.address(family)]);
      const nobody = c.address(family).replace(/[^.:]+$/, family === 4 ? '250' : 'fafa');
      const unreachable = await pinged(a, nobody);
      assert.match(unreachable, family === 4 ? /Destination Host Unreachable/ : /Address unreachable/);
      const nowhere = await pinged(a, family === 4 ? '192.0.2.200' : '2001:db8:77::1');
      assert.match(nowhere, family === 4 ? /Destination Net Unreachable/ : /No route/);
      for (const transport of ['tcp', 'udp'] as const) {
        assert.equal(await tryReach(a, transport, gateway, 9, PATIENCE_MS), 'refused');
      }
      const { received, sent, text } = await ping(a, c.address(family));
      assert.equal(received, sent, text);
    }
  });

  it('says nothing for another: of a frame for a MAC that nobody is known to have, whoever gets a copy', async () => {
    const rejecting = randomUUID();
    const bystander = { unknown_macs: true, port_security: false, security_groups: [rejecting] };
    const plan = planSwitch({ name: 's', ports: { a: {}, near: bystander, far: bystander } });
    await weftLab().build([
      create('security-groups', { name: 'rejecting' }, rejecting),
      rule(rejecting, { direction: 'ingress', action: 'reject' }),
      ...plan.operations,
    ]);
    const [a, near, far] = await weftLab().plug({ a: 'hv1', near: 'hv1', far: 'hv2' });
    assert.ok(a !== undefined && near !== undefined && far !== undefined);
    const notForThem = () => metric('weft_punts_dropped_total', 'reason="not_to_be_answered"');
    const before = { silent: await notForThem(), answered: await metric('weft_punts_answered_total') };
    const packet = ipv4({ src: a.address(4), dst: near.address(4) }, 17, udp(1_000, 2_000));
    const frame = ethernet({ src: a.record.mac, dst: '02:99:99:99:99:99' }, etherType.ipv4, packet);
    // Neither of the two gets more than it may be answered for.
    const count = 8;
    await sendFrames(
      a,
      Array.from({ length: count }, () => frame),
    );
    await eventually('all copies came to Weft', async () => (await notForThem()) >= before.silent + 2 * count, 10_000);
    assert.equal(await metric('weft_punts_answered_total'), before.answered);
    // The same, for the one that it is for.
    assert.equal(await tryReach(a, 'udp', near.address(4), 2_000, PATIENCE_MS), 'refused');
  });

  it('tells a sender how much fits, switched and routed, so that TCP and UDP get through', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    await weftLab().build([...web.operations, ...db.operations, ...planRouter('r', [web, db]).operations]);
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv2', c: 'hv3' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    // A workload that sends more than it was told.
    await a.exec(['ip', 'link', 'set', a.record.device, 'mtu', '1500']);
    const { openVswitch } = weftLab().lab.hypervisor('hv1');
    await openVswitch.inside(['ip', 'link', 'set', a.record.interfaceName, 'mtu', '1500']);
    for (const to of [b, c]) {
      for (const family of FAMILIES) {
        const address = to.address(family);
        const text = await pinged(a, address, '-M', 'do', '-s', String(1_500 - (family === 4 ? 28 : 48)));
        assert.match(text, /mtu[ =]*1450/, text);
        const { stdout } = await a.exec(['ip', `-${family}`, 'route', 'get', address]);
        assert.match(stdout, /mtu 1450/, `the kernel of ${a.name} has learned it`);
      }
    }
  });

  it('does not let one that floods take the turn of others, and changes nothing while Weft is away', async () => {
    const rejecting = randomUUID();
    const web = planSwitch({ name: 'web', ports: { noisy: {}, calm: {} } });
    const db = planSwitch({ name: 'db', ports: { c: { security_groups: [rejecting] } } });
    await weftLab().build([
      create('security-groups', { name: 'rejecting' }, rejecting),
      rule(rejecting, { direction: 'ingress' }),
      rule(rejecting, { direction: 'egress' }),
      rule(rejecting, { direction: 'ingress', protocol: 'tcp', action: 'reject', priority: 2_000 }),
      ...web.operations,
      ...db.operations,
      ...planRouter('r', [web, db]).operations,
    ]);
    const [noisy, calm, c] = await weftLab().plug({ noisy: 'hv1', calm: 'hv1', c: 'hv2' });
    assert.ok(noisy !== undefined && calm !== undefined && c !== undefined);
    const gateway = web.gateways[0]?.split('/')[0] ?? '';
    await ping(noisy, gateway);
    const { stdout } = await noisy.exec(['ip', 'neigh', 'show', gateway]);
    const gatewayMac = /lladdr (\S+)/.exec(stdout)?.[1] ?? assert.fail(stdout);
    const packet = ipv4({ src: noisy.address(4), dst: c.address(4) }, 17, udp(1_000, 2_000)).replace(
      /^(.{16})40/,
      '$101',
    );
    const frame = ethernet({ src: noisy.record.mac, dst: gatewayMac }, etherType.ipv4, packet);
    const alone = await updatesMs('calm', 8);
    const received = await metric('weft_punts_total');
    const beganAt = performance.now();
    const flood = sendFrames(
      noisy,
      Array.from({ length: 8_000 }, () => frame),
      { isPaced: true },
    );
    await sleep(300);
    for (const family of FAMILIES) {
      const text = await pinged(calm, c.address(family), '-t', '1');
      assert.match(text, /exceeded/i, text);
    }
    const beside = await updatesMs('calm', 8);
    process.stdout.write(
      `    a change of a port of that hypervisor until it is applied: ${alone} alone, ${beside} beside the flood\n`,
    );
    await flood;
    const punted = (await metric('weft_punts_total')) - received;
    const tookS = (performance.now() - beganAt) / 1_000;
    assert.ok(punted < 100 * (tookS + 3), `${punted} of 8000 packets came to Weft in ${tookS} s`);

    assert.equal(await tryReach(calm, 'tcp', c.address(4), 80, PATIENCE_MS), 'refused');
    await weftLab().weft.stop();
    assert.equal(await tryReach(calm, 'tcp', c.address(4), 80, 1_000), 'silence');
    const { received: answered, sent, text } = await ping(calm, c.address(4));
    assert.equal(answered, sent, text);
    await weftLab().weft.start();
    const names = weftLab().lab.hypervisors.map(({ name }) => name);
    await eventually(
      'every hypervisor has its connection for punts again',
      async () => {
        const hypervisors = await weftLab().client.hypervisorsReady(names, 40_000);
        return [...hypervisors.values()].every(hypervisor => hypervisor['punt_connected'] === true);
      },
      40_000,
    );
    assert.equal(await tryReach(calm, 'tcp', c.address(4), 80, PATIENCE_MS), 'refused');
  });
});
