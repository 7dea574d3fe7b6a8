/** Physical networks with real packets: hosts outside and workloads on two hypervisors, flat and with VLANs. */
import assert from 'node:assert/strict';
import { ping } from '../../lab/probe.js';
import type { OutsideHost, PhysicalNetwork } from '../../lab/physical-network.js';
import { eventually } from '../../lab/processes.js';
import { sendFrames } from '../../lab/raw-frames.js';
import type { RestObject } from '../../lab/weft-client.js';
import type { Workload } from '../../lab/workload.js';
import { arp, ethernet, etherType, ipv4, protocol, udp } from '../fixtures/frames.js';
import { changesSent } from '../fixtures/metrics.js';
import { planRouter, planSwitch, type SwitchPlan } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';
import { GatewaySite, lossLine } from '../long/gateway-site.js';

const BROADCAST = 'ff:ff:ff:ff:ff:ff';
const flat = { provider: { physical_network: 'physnet1' } } as const;
const vlan100 = { provider: { physical_network: 'physnet1', vlan: 100 } } as const;
const otherVlan100 = { provider: { physical_network: 'physnet2', vlan: 100 } } as const;
/** The networks outside, and the addresses of workloads in them. */
const cidrs = {
  flat: ['198.18.1.0/24', 'fd00:f1::/64'],
  tagged: ['198.18.2.0/24', 'fd00:f2::/64'],
} as const;
/** Of 2,500 and more: none where a machine does nothing else, or those of less than a second (test/long/gateway-failover.test.ts). */
const mostLost = 2_000;
const at4 = (host: number): string => `198.18.2.${host}`;

type Station = Workload | OutsideHost;
interface HypervisorReply extends RestObject {
  readonly physical_networks: readonly {
    readonly physical_network: string;
    readonly connected: boolean;
    readonly reason: string | null;
  }[];
}

describe('physical networks', function () {
  this.timeout(120_000);
  const weftLab = usesSharedWeftLab();
  let networks: readonly PhysicalNetwork[] = [];
  let outsideFlat: OutsideHost;
  let outside: OutsideHost;
  let otherOutside: OutsideHost;
  let databases: readonly string[];

  const mapped = { physnet1: 'br-ex', physnet2: 'br-ex2' } as const;

  before(async () => {
    const { lab } = weftLab();
    const first = await lab.addPhysicalNetwork('physnet1', 'br-ex');
    const second = await lab.addPhysicalNetwork('physnet2', 'br-ex2');
    networks = [first, second];
    outsideFlat = await first.addHost('outside-flat', { addresses: ['198.18.1.200/24', 'fd00:f1::200/64'] });
    outside = await first.addHost('outside', { vlan: 100, addresses: [`${at4(200)}/24`, 'fd00:f2::200/64'] });
    otherOutside = await second.addHost('outside-other', {
      vlan: 100,
      addresses: [`${at4(200)}/24`, 'fd00:f2::200/64'],
    });
    for (const name of ['hv1', 'hv2']) await lab.hypervisor(name).mapBridges(mapped);
    databases = await readDatabases();
  });
  after(async () => {
    for (const hypervisor of weftLab().lab.hypervisors) await hypervisor.mapBridges({});
    for (const network of networks) await network.remove();
  });
  // The lab has been emptied before this.
  afterEach(() =>
    eventually(
      'the databases of the hosts are as before',
      async () => (await readDatabases()).join('\n') === databases.join('\n'),
    ),
  );

  /** What is configured on each host, but for the mappings that tests change. */
  async function readDatabases(): Promise<readonly string[]> {
    return Promise.all(
      weftLab().lab.hypervisors.map(async ({ openVswitch }) => {
        const tables = await Promise.all([
          openVswitch.ovsctl('--columns=name,ports,fail_mode,other_config,external_ids,protocols', 'list', 'Bridge'),
          openVswitch.ovsctl('--columns=_uuid,name,tag,trunks,external_ids,other_config', 'list', 'Port'),
          openVswitch.ovsctl('--columns=name,type,options,external_ids', 'list', 'Interface'),
        ]);
        return tables
          .map(table =>
            table
              .split('\n\n')
              .map(row => row.trim())
              .toSorted()
              .join('\n'),
          )
          .join('\n');
      }),
    );
  }

  async function build(...plans: readonly SwitchPlan[]): Promise<void> {
    await weftLab().build(plans.flatMap(plan => planSwitch(plan).operations));
  }

  async function plug(where: Readonly<Record<string, string>>): Promise<readonly [Workload, Workload]> {
    const [a, b] = await weftLab().plug(where);
    assert.ok(a !== undefined && b !== undefined);
    return [a, b];
  }

  async function assertReaches(from: Station, to: Station, families: readonly (4 | 6)[] = [4, 6]): Promise<void> {
    for (const family of families) {
      const { sent, received, text } = await ping(from, to.address(family));
      assert.equal(received, sent, `${from.name} to ${to.name} over IPv${family}:\n${text}`);
    }
  }

  /** So that whoever speaks next has to ask. */
  async function forgetNeighbours(...stations: readonly Station[]): Promise<void> {
    for (const station of stations) await station.exec(['ip', 'neigh', 'flush', 'dev', station.record.device]);
  }

  for (const [title, value, addresses, host] of [
    ['untagged', flat, cidrs.flat, () => outsideFlat],
    ['with a VLAN', vlan100, cidrs.tagged, () => outside],
  ] as const) {
    it(`join workloads of two hypervisors and a host outside, ${title}: both ask and both answer, and no tunnel carries it`, async () => {
      await build({ name: 's', cidrs: addresses, value, ports: { a: {}, b: {} } });
      const [a, b] = await plug({ a: 'hv1', b: 'hv2' });
      const tunnels = await weftLab().lab.capture('udp port 6081');
      for (const [from, to] of [
        [host(), a],
        [a, host()],
        [host(), b],
        [b, host()],
        [a, b],
        [b, a],
      ] as const) {
        await forgetNeighbours(a, b, host());
        await assertReaches(from, to);
      }
      assert.deepEqual(await tunnels.stop(), []);
    });
  }

  it('carry whole packets of the underlay, and answer for nobody', async () => {
    await build({ name: 's', cidrs: cidrs.tagged, value: vlan100, ports: { a: {}, b: {} } });
    const [a] = await plug({ a: 'hv1', b: 'hv2' });
    const { sent, received, text } = await ping(outside, a.address(4), { packetBytes: 1500 });
    assert.equal(received, sent, text);
    // The address of a workload is answered for once, by itself.
    await forgetNeighbours(outside);
    const first = networks[0];
    assert.ok(first !== undefined);
    const capture = await weftLab().lab.captureOn(first, 'vlan 100 and arp');
    await assertReaches(outside, a, [4]);
    const answers = (await capture.stop()).filter(packet => /Reply/.test(packet));
    assert.ok(answers.length > 0 && answers.every(packet => packet.includes(a.record.mac)), answers.join('\n'));
  });

  it('deliver a broadcast once to everybody, from either side, and let nothing go round', async () => {
    await build({ name: 's', cidrs: cidrs.tagged, value: vlan100, ports: { a: {}, b: {}, c: {} } });
    const workloads = await weftLab().plug({ a: 'hv1', b: 'hv1', c: 'hv2' });
    for (const sender of [...workloads, outside]) {
      const mac = sender.record.mac;
      const frame = ethernet(
        { src: mac, dst: BROADCAST },
        etherType.ipv4,
        ipv4({ src: sender.address(4), dst: '255.255.255.255' }, protocol.udp, udp(4000, 4001)),
      );
      const others = [...workloads, outside].filter(each => each !== sender);
      const captures = await Promise.all(others.map(each => weftLab().lab.captureAt(each, 'udp dst port 4001')));
      const own = await weftLab().lab.captureAt(sender, 'udp dst port 4001');
      await sendFrames(sender, [frame]);
      const seen = await Promise.all(captures.map(capture => capture.stopFrames()));
      assert.deepEqual(
        seen,
        others.map(() => [frame]),
        `each has one copy of what ${sender.name} sent`,
      );
      assert.deepEqual(await own.stopFrames(), [frame], `${sender.name} sees only what it sent`);
    }
  });

  it('keep one VLAN of two networks apart, with the same addresses in both', async () => {
    await build(
      { name: 's', cidrs: cidrs.tagged, value: vlan100, ports: { a: {} } },
      { name: 't', cidrs: cidrs.tagged, value: otherVlan100, ports: { b: {} } },
    );
    const [a, b] = await plug({ a: 'hv1', b: 'hv1' });
    assert.equal(a.address(4), b.address(4));
    const heard = await weftLab().lab.captureAt(otherOutside, 'icmp');
    await assertReaches(a, outside);
    assert.deepEqual(await heard.stop(), []);
    await assertReaches(b, otherOutside);
    await assertReaches(otherOutside, b);
  });

  it('say at port and hypervisor what is missing, count it, and are there once it is not', async () => {
    await build({ name: 's', cidrs: cidrs.tagged, value: vlan100, ports: { a: {}, b: {} } });
    const { lab, client } = weftLab();
    const port = await client.workloadPort('a');
    const workload = await lab.addWorkload('hv3', port);
    const status = async (): Promise<{ state: string; up: boolean; reason: string | null }> =>
      (
        await client.get<RestObject & { status: { state: string; up: boolean; reason: string | null } }>(
          'logical-switch-ports',
          port.portId,
        )
      ).status;
    const missing =
      'hv3 names no bridge for physical network physnet1: set external_ids:weft-bridge-mappings=physnet1:BRIDGE there';
    await eventually('the port says that it is isolated', async () => (await status()).state === 'isolated');
    assert.deepEqual([(await status()).up, (await status()).reason], [false, missing]);
    const { id } = await client.find('hypervisors', 'hv3');
    const hypervisor = async () => (await client.get<HypervisorReply>('hypervisors', id)).physical_networks;
    assert.deepEqual(await hypervisor(), [
      { physical_network: 'physnet1', bridge: null, connected: false, reason: missing },
    ]);
    await client.converged();
    assert.equal((await ping(workload, outside.address(4), { count: 2 })).received, 0);
    const lost = async (): Promise<number> => {
      const { body } = await client.request('GET', `/v1/hypervisors/${id}/drops`);
      const { items } = body as { readonly items: readonly { reason: string; packets: number }[] };
      return items.reduce((sum, each) => sum + (each.reason === 'physical_network_unmapped' ? each.packets : 0), 0);
    };
    await eventually('what is lost is counted', async () => (await lost()) > 0);
    const unmapped = await lost();

    // Named, and not there: another reason. Then it is there.
    await lab.hypervisor('hv3').mapBridges({ physnet1: 'br-missing' });
    await eventually('the port names the bridge', async () => (await status()).reason?.includes('br-missing') === true);
    await client.converged();
    assert.equal((await ping(workload, outside.address(4), { count: 2 })).received, 0);
    await eventually('what is lost there is counted, too', async () => (await lost()) > unmapped);
    await lab.hypervisor('hv3').mapBridges(mapped);
    await client.portUp(port.portId, 'hv3');
    await client.converged();
    assert.deepEqual(
      (await hypervisor()).map(({ physical_network, connected }) => [physical_network, connected]),
      [
        ['physnet1', true],
        ['physnet2', false],
      ],
    );
    // The data path may take a moment more to see that the port is there, and drops until then.
    await eventually(
      'the workload is joined',
      async () => (await ping(workload, outside.address(4), { count: 2 })).received === 2,
    );
    await assertReaches(workload, outside);
    await lab.hypervisor('hv3').mapBridges({});
    await eventually('the port is isolated again', async () => (await status()).state === 'isolated');
  });

  it('do not see a logical router, which serves their ports on every hypervisor', async () => {
    const provider = planSwitch({ name: 's', cidrs: cidrs.tagged, value: vlan100, ports: { a: {} } });
    const overlay = planSwitch({ name: 'inside', ports: { b: {} } });
    const router = planRouter('r', [provider, overlay]);
    await weftLab().build([...provider.operations, ...overlay.operations, ...router.operations]);
    const [a, b] = await plug({ a: 'hv1', b: 'hv2' });
    const routerPorts = (await weftLab().client.list<RestObject & { mac: string }>('logical-router-ports')) ?? [];
    const filter = routerPorts.map(({ mac }) => `ether src ${mac}`).join(' or ');
    const first = networks[0];
    assert.ok(first !== undefined && filter !== '');
    const capture = await weftLab().lab.captureOn(first, filter);
    await assertReaches(a, b);
    await assertReaches(b, a);
    const request = { operation: 1, sha: outside.record.mac, spa: outside.address(4), tpa: at4(1) } as const;
    const question = ethernet({ src: outside.record.mac, dst: BROADCAST }, etherType.arp, arp(request));
    const answers = await weftLab().lab.captureAt(outside, 'arp[6:2] = 2');
    await sendFrames(outside, [question]);
    assert.deepEqual(await answers.stop(), []);
    assert.deepEqual(await capture.stop(), []);
  });

  it('are reached by a logical router through its gateway, which is another when that is drained, or lost while Weft is away', async () => {
    await weftLab().lab.hypervisor('hv3').mapBridges(mapped);
    const ground = { provider: vlan100.provider, outside, cidrs: cidrs.tagged };
    const site = await GatewaySite.create(weftLab(), ground);
    const first = weftLab().lab.hypervisor('hv2');
    /** Whoever spoke to the former gateway finds the new one; a new neighbour is asked for, and its first packet lost. */
    const passes = async (): Promise<void> => {
      for (const [from, to] of [
        [outside, site.workload],
        [site.workload, outside],
      ] as const) {
        for (const family of [4, 6] as const) await assertReaches(from, to, [family]);
      }
    };
    await passes();
    await site.reachesByPolicy('198.18.77.1', at4(222));
    const drained = await site.under(() => site.drain('hv2', true), 1_500);
    process.stdout.write(lossLine('gateway drained', drained));
    assert.equal((await site.status()).hypervisor, 'hv3');
    assert.ok(drained.out.lost < mostLost && drained.in.lost < mostLost);
    await passes();
    await site.drain('hv2', false);
    await site.settled();
    // Nobody says that it is lost, and Weft is away: back again, it sees what has happened, and has nothing to write.
    const { weft, client } = weftLab();
    await weft.stop('SIGKILL');
    const lost = await site.under(() => first.cable('underlay', 'out'), 2_500);
    process.stdout.write(lossLine('the cable of its tunnels out, Weft away', lost));
    await weft.start();
    await client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
    await client.converged();
    assert.equal(await changesSent(client.url), 0);
    const { hypervisor, candidates } = await site.status();
    assert.equal(hypervisor, 'hv3', JSON.stringify(candidates));
    assert.equal(candidates[1]?.reason, 'it has lost hv2');
    assert.match(candidates[0]?.reason ?? '', /^lost by hv3: BFD down, /);
    assert.ok(lost.out.lost < mostLost && lost.in.lost < mostLost);
    await passes();
    await first.cable('underlay', 'in');
    await site.settled();
    await site.remove();
    await weftLab().lab.hypervisor('hv3').mapBridges({});
  });
});
