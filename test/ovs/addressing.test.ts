/** Addresses and names as real clients get them: udhcpc and dhclient, the kernel's SLAAC, dig. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { startCapture } from '../../lab/capture.js';
import { ping } from '../../lab/probe.js';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { RestObject } from '../../lab/weft-client.js';
import type { Workload } from '../../lab/workload.js';
import { dhcpv4, dnsQuery, routerSolicitation } from '../fixtures/addressing-messages.js';
import { dhclient, udhcpc } from '../fixtures/dhcp-clients.js';
import { ethernet, etherType, ipv4, ipv6, protocol } from '../fixtures/frames.js';
import { requires } from '../fixtures/requires.js';
import { create, planRouter, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { answering, ask } from './answering.js';

const domain = 'web.example.org';

describe('addresses and names', function () {
  this.timeout(120_000);
  before(function () {
    requires(this, { root: true, tools: ['busybox', 'dhclient', 'dig'] });
  });
  const weftLab = usesSharedWeftLab();

  /** Takes what the lab has configured away again. */
  async function unconfigure(workload: Workload): Promise<void> {
    const { device } = workload.record;
    await workload.exec(['ip', 'addr', 'flush', 'dev', device, 'scope', 'global']);
    await workload.exec(['ip', '-6', 'route', 'flush', 'default'], { allowFailure: true });
  }

  const firstOf = (cidr: string | undefined): string => cidr?.split('/')[0] ?? '';

  /** What dig says in short; '' where nobody answers. */
  async function dig(from: Workload, gateway: string | undefined, ...question: readonly string[]): Promise<string> {
    const command = ['dig', `@${firstOf(gateway)}`, '+short', '+time=2', '+tries=2', ...question];
    const { stdout } = await from.exec(command, { allowFailure: true });
    return stdout.includes('timed out') || stdout.includes('no servers') ? '' : stdout.trim();
  }

  it('DHCPv4: udhcpc and dhclient get the address of the port and the options of rows; any other address is refused', async () => {
    const guarding = randomUUID();
    const plan = planSwitch({
      name: 'web',
      value: { dns_domain: domain },
      ports: { a: {}, b: { security_groups: [guarding] } },
    });
    const built = await weftLab().build([
      create('security-groups', { name: 'closed' }, guarding),
      ...plan.operations,
      ...planRouter('r', [plan]).operations,
    ]);
    const gateway = firstOf(plan.gateways[0]);
    await weftLab().build([
      create('dhcp-options', {
        logical_switch_port_id: built.get('a')?.id,
        protocol: 'dhcpv4',
        option: 'ntp-server',
        value: '192.0.2.123',
      }),
    ]);
    // The one without any rule gets its address too.
    const workloads = await weftLab().plug({ a: 'hv1', b: 'hv2' });
    await Promise.all(
      workloads.map(async workload => {
        const address = workload.address(4);
        await unconfigure(workload);
        const small = (await udhcpc(workload)) ?? assert.fail('udhcpc got no lease');
        const of = (name: string) => small.values.get(name);
        assert.deepEqual(
          [of('ip'), of('router'), of('mtu'), of('domain'), of('dns'), of('lease'), of('serverid'), of('ntpsrv')],
          [
            address,
            gateway,
            '1450',
            domain,
            gateway,
            '86400',
            gateway,
            workload.name === 'a' ? '192.0.2.123' : undefined,
          ],
          small.text,
        );
        const wrong = address.replace(/\d+$/, '250');
        const large = (await dhclient(workload, 4, leaseOf(workload, wrong))) ?? assert.fail('dhclient got no lease');
        assert.match(large.text, /DHCPNAK/);
        assert.equal(large.values.get('new_ip_address'), address, large.text);
        assert.equal(large.values.get('new_interface_mtu'), '1450');
        assert.equal(large.values.get('new_host_name'), workload.name);
      }),
    );
  });

  it('metadata: one address on every host, answered by what is on the host of whoever asks', async () => {
    const addresses = ['169.254.169.254', 'fe80::a9fe:a9fe'];
    const plan = planSwitch({ name: 'web', ports: { a: {}, b: {}, c: {}, metadata: { local: { addresses } } } });
    await weftLab().build([...plan.operations, ...planRouter('r', [plan]).operations]);
    const { client, lab } = weftLab();
    const [a, b, c] = await weftLab().plug({ a: 'hv1', b: 'hv2', c: 'hv3' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const port = await client.workloadPort('metadata');
    const own = { ...port, addresses: [...port.addresses, '169.254.169.254/32', 'fe80::a9fe:a9fe/64'] };
    const ending: (() => Promise<void>)[] = [];
    try {
      for (const host of ['hv1', 'hv2']) {
        const proxy = await lab.addWorkload(host, { ...own, name: `proxy-${host}` });
        ending.push(await answering(proxy, 80));
      }
      await eventually('the port is up on both', async () => {
        const { status } = (await client.get('logical-switch-ports', port.portId)) as RestObject & {
          readonly status: { readonly bound_to: string | null; readonly up: boolean; readonly reason: string };
        };
        const isUp = status.bound_to === 'hv1, hv2' && status.up;
        if (isUp) assert.match(status.reason, /ports on hv3/);
        return isUp;
      });
      await client.converged();
      for (const [from, answer] of [
        [a, 'proxy-hv1:80'],
        [b, 'proxy-hv2:80'],
      ] as const) {
        // By its default router; by the link, as DHCP tells it; over IPv6; by the address of its subnet.
        assert.deepEqual(await ask(from, 'tcp', '169.254.169.254', 80, 3), { [answer]: 3 });
        await from.exec(['ip', 'route', 'add', '169.254.169.254/32', 'dev', from.record.device]);
        assert.deepEqual(await ask(from, 'tcp', '169.254.169.254', 80, 3), { [answer]: 3 });
        const scoped = `fe80::a9fe:a9fe%${from.record.device}`;
        assert.deepEqual(await ask(from, 'tcp', scoped, 80, 3), { [answer]: 3 });
        assert.deepEqual(await ask(from, 'tcp', firstOf(port.addresses[0]), 80, 1), { [answer]: 1 });
      }
      assert.equal((await ping(c, '169.254.169.254', { count: 1 })).received, 0, 'no interface claims it there');
      const told = (await udhcpc(a))?.values.get('staticroutes');
      assert.equal(told, `169.254.169.254/32 0.0.0.0 0.0.0.0/0 ${firstOf(plan.gateways[0])}`);
    } finally {
      for (const end of ending) await end();
    }
  });

  it('IPv6: the kernel makes itself the address of the port and a way out; where there are others, dhclient is told', async () => {
    const web = planSwitch({ name: 'web', ports: { a: {} }, value: { dns_domain: domain } });
    const db = planSwitch({ name: 'db', ports: { c: {} } });
    const six = randomUUID();
    await weftLab().build([
      ...[web, db].flatMap(({ operations }) => operations),
      ...planRouter('r', [web, db]).operations,
      create('logical-switches', { name: 'six', dns_domain: domain }, six),
      create('subnets', {
        logical_switch_id: six,
        cidr: 'fd00:dead::/64',
        gateway_ip: 'fd00:dead::1',
        allocation_pools: [{ start: 'fd00:dead::100', end: 'fd00:dead::1ff' }],
        dns_servers: ['2001:db8::53'],
      }),
      create('logical-switch-ports', { name: 'd', logical_switch_id: six }),
    ]);
    const [a, c, d] = await weftLab().plug({ a: 'hv1', c: 'hv2', d: 'hv3' });
    assert.ok(a !== undefined && c !== undefined && d !== undefined);
    const { device } = a.record;
    await unconfigure(a);
    await a.exec(['ip', 'link', 'set', device, 'down']);
    await a.exec(['sysctl', '-q', '-w', `net.ipv6.conf.${device}.accept_ra=2`, `net.ipv6.conf.${device}.autoconf=1`]);
    // The device is down, so the capture is of all.
    const capture = await startCapture(weftLab().lab.state, { namespace: a.namespace, device: 'any' }, 'icmp6');
    await a.exec(['ip', 'link', 'set', device, 'up']);
    await eventually('the kernel has its address', async () => {
      const { stdout } = await a.exec(['ip', '-6', '-o', 'addr', 'show', 'dev', device, 'scope', 'global']);
      return stdout.includes(`${a.address(6)}/64`);
    });
    const { stdout: routes } = await a.exec(['ip', '-6', 'route', 'show', 'default']);
    assert.match(routes, /default via fe80::\S+ .*proto ra/);
    const { stdout: mtu } = await a.exec(['cat', `/proc/sys/net/ipv6/conf/${device}/mtu`]);
    assert.equal(mtu.trim(), '1450');
    const { received, sent, text } = await ping(a, c.address(6));
    assert.equal(received, sent, text);
    // What the kernel leaves to others: the resolver, and where to look names up.
    const advertisement = (await capture.stop()).find(packet => packet.includes('router advertisement'));
    assert.match(advertisement ?? '', new RegExp(`rdnss option .*addr: ${firstOf(web.gateways[1])}`));
    assert.match(advertisement ?? '', new RegExp(`dnssl option .*${domain}`));

    await unconfigure(d);
    const told = (await dhclient(d, 6)) ?? assert.fail('no lease');
    assert.equal(told.values.get('new_ip6_address'), d.address(6), told.text);
    assert.equal(told.values.get('new_dhcp6_name_servers'), 'fd00:dead::1 2001:db8::53');
  });

  it('DNS: dig finds ports and records at the gateway; what rules forbid finds nothing', async () => {
    const [open, closed] = [randomUUID(), randomUUID()];
    const plan = planSwitch({
      name: 'web',
      value: { dns_domain: domain },
      ports: { a: {}, b: { security_groups: [open] }, shut: { security_groups: [closed] } },
    });
    const record = (name: string, type: string, ...values: readonly string[]) =>
      create('dns-records', { name, logical_switch_id: plan.id, type, values });
    await weftLab().build([
      create('security-groups', { name: 'open' }, open),
      create('security-group-rules', { security_group_id: open, direction: 'egress' }),
      create('security-groups', { name: 'closed' }, closed),
      ...plan.operations,
      ...planRouter('r', [plan]).operations,
      record('www.example.org', 'A', '192.0.2.80'),
      record(`_sip._tcp.${domain}`, 'SRV', `10 5 5060 b.${domain}`),
    ]);
    const [a, b, shut] = await weftLab().plug({ a: 'hv1', b: 'hv2', shut: 'hv1' });
    assert.ok(a !== undefined && b !== undefined && shut !== undefined);
    const questions = [
      [`b.${domain}`, 'A'],
      [`A.${domain.toUpperCase()}`, 'AAAA'],
      ['-x', a.address(4)],
      ['-x', b.address(6)],
      ['www.example.org', 'A'],
      [`_sip._tcp.${domain}`, 'SRV'],
    ];
    const answers = [
      b.address(4),
      a.address(6),
      `a.${domain}.`,
      `b.${domain}.`,
      '192.0.2.80',
      `10 5 5060 b.${domain}.`,
    ];
    await Promise.all(
      plan.gateways.flatMap(gateway => [
        ...[a, b].map(async from => assert.equal(await dig(from, gateway, ...questions.flat()), answers.join('\n'))),
        (async () => assert.equal(await dig(shut, gateway, '+time=1', '+tries=1', `b.${domain}`), ''))(),
      ]),
    );
    const { stdout } = await a.exec(['dig', `@${firstOf(plan.gateways[0])}`, 'example.com']);
    assert.match(stdout, /status: REFUSED/);
  });

  it('one that floods takes nobody the turn; a lease outlives Weft, and the next one gives out the same', async () => {
    const plan = planSwitch({ name: 'web', value: { dns_domain: domain }, ports: { noisy: {}, calm: {}, b: {} } });
    await weftLab().build([...plan.operations, ...planRouter('r', [plan]).operations]);
    const [noisy, calm, b] = await weftLab().plug({ noisy: 'hv1', calm: 'hv1', b: 'hv2' });
    assert.ok(noisy !== undefined && calm !== undefined && b !== undefined);
    const gateway = firstOf(plan.gateways[0]);
    await ping(noisy, gateway);
    const { stdout } = await noisy.exec(['ip', 'neigh', 'show', gateway]);
    const gatewayMac = /lladdr (\S+)/.exec(stdout)?.[1] ?? assert.fail(stdout);
    const { mac } = noisy.record;
    const frames = [
      ethernet(
        { src: mac, dst: 'ff:ff:ff:ff:ff:ff' },
        etherType.ipv4,
        ipv4({ src: '0.0.0.0', dst: '255.255.255.255' }, protocol.udp, dhcpv4({ type: 1, mac })),
      ),
      ethernet(
        { src: mac, dst: gatewayMac },
        etherType.ipv4,
        ipv4({ src: noisy.address(4), dst: gateway }, protocol.udp, dnsQuery(`b.${domain}`, 1)),
      ),
      ethernet(
        { src: mac, dst: '33:33:00:00:00:02' },
        etherType.ipv6,
        ipv6({ src: noisy.address(6), dst: 'ff02::2' }, protocol.icmpv6, routerSolicitation(mac)),
      ),
    ];
    const before = await punts();
    const flood = sendFrames(noisy, Array.from({ length: 1_000 }, () => frames).flat(), { isPaced: true });
    assert.ok((await udhcpc(calm)) !== null);
    assert.equal(await dig(calm, gateway, `b.${domain}`), b.address(4));
    await flood;
    const after = await punts();
    assert.ok(after.received - before.received < 1_500, `${after.received - before.received} of 3000 came to Weft`);
    assert.ok(after.limited > before.limited, 'and not all of them were answered');

    await weftLab().weft.stop();
    assert.equal(await udhcpc(calm, { attempts: 1 }), null);
    const { received, sent, text } = await ping(calm, b.address(4));
    assert.equal(received, sent, text);
    await weftLab().weft.start();
    await eventually(
      'a lease is given out again',
      async () => (await udhcpc(calm, { attempts: 1 }))?.values.get('ip') === calm.address(4),
      40_000,
    );
  });

  /** Packets that came to Weft, and those of them that were one too many. */
  async function punts(): Promise<{ readonly received: number; readonly limited: number }> {
    const text = await (await fetch(`${weftLab().weft.client.url}/metrics`)).text();
    const total = (pattern: RegExp): number =>
      [...text.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0);
    return {
      received: total(/^weft_punts_total\{[^}]*\} (\S+)$/gm),
      limited: total(/^weft_punts_dropped_total\{[^}]*reason="limit"[^}]*\} (\S+)$/gm),
    };
  }
});

/** What dhclient remembers of an address that it had. */
function leaseOf({ record }: Workload, address: string): string {
  return [
    'lease {',
    `  interface "${record.device}";`,
    `  fixed-address ${address};`,
    '  option subnet-mask 255.255.255.0;',
    ...['renew', 'rebind', 'expire'].map(what => `  ${what} 2 2035/01/01 00:00:00;`),
    '}\n',
  ].join('\n');
}
