/** What can happen to the Open vSwitch of a hypervisor, and what others do to it. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { ping } from '../../lab/probe.js';
import { eventually, words } from '../../lab/processes.js';
import type { FaultRow } from './fault-row.js';
import { bridge, type FaultSite } from './fault-site.js';

/** No packet of the streams goes over it then: hv2 holds the receiver of the switched one. */
const hit = 'hv2';

const ovsctl = (site: FaultSite, ...args: readonly string[]) => site.hypervisor(hit).openVswitch.ovsctl(...args);
const ofctl = (site: FaultSite, ...args: readonly string[]) => site.hypervisor(hit).openVswitch.ofctl(...args);

const forwardingIsInTheProcess = 'Open vSwitch: its userspace datapath forwards in ovs-vswitchd';
const noDatabaseNoForwarding = 'Open vSwitch: without ovsdb-server, ovs-vswitchd does nothing';

export const switchRows: readonly FaultRow[] = [
  {
    name: 'kill -9 of ovs-vswitchd',
    inject: site => site.hypervisor(hit).openVswitch.stopDaemon('ovs-vswitchd', 0),
    heal: site => site.restartSwitch(site.hypervisor(hit)),
    mostLost: null,
    lossIsOf: forwardingIsInTheProcess,
    mostFlowMods: null,
    isQuick: true,
  },
  {
    name: 'orderly restart of ovs-vswitchd',
    inject: site => site.hypervisor(hit).openVswitch.stopDaemon('ovs-vswitchd'),
    heal: site => site.restartSwitch(site.hypervisor(hit)),
    mostLost: null,
    lossIsOf: forwardingIsInTheProcess,
    mostFlowMods: null,
  },
  {
    name: 'kill -9 of ovsdb-server, back at once',
    inject: site => site.hypervisor(hit).openVswitch.stopDaemon('ovsdb-server', 0),
    heal: site => site.hypervisor(hit).openVswitch.startDatabase(),
    mostLost: null,
    lossIsOf: noDatabaseNoForwarding,
    mostFlowMods: 0,
  },
  {
    name: 'kill -9 of ovsdb-server, away for 3 s',
    inject: site => site.hypervisor(hit).openVswitch.stopDaemon('ovsdb-server', 0),
    lastsMs: 3_000,
    heal: site => site.hypervisor(hit).openVswitch.startDatabase(),
    mostLost: null,
    lossIsOf: noDatabaseNoForwarding,
    mostFlowMods: 0,
  },
  {
    name: 'SIGSTOP of ovs-vswitchd for 3 s',
    inject: async site => signalSwitch(site, 'SIGSTOP'),
    lastsMs: 3_000,
    heal: async site => signalSwitch(site, 'SIGCONT'),
    mostLost: null,
    lossIsOf: forwardingIsInTheProcess,
    mostFlowMods: 0,
  },
  {
    name: 'host rebooted: conf.db empty, other port numbers, other datapath',
    inject: rebootWithEmptyDatabase,
    mostLost: null,
    lossIsOf: 'Open vSwitch: nothing forwards while the host boots',
    mostFlowMods: null,
    check: site => reaches(site),
  },
  {
    name: 'port deleted, its number taken by another tenant, and plugged in again',
    inject: portNumberReused,
    mostLost: null,
    lossIsOf: 'the port was unplugged',
    mostFlowMods: null,
    check: site => reaches(site),
  },
  {
    name: 'ports renumbered: deleted and added again in another order',
    inject: portsRenumbered,
    mostLost: null,
    lossIsOf: 'the ports were unplugged',
    mostFlowMods: null,
    check: site => reaches(site),
  },
  {
    name: 'OVSDB rows of ours changed by somebody else',
    inject: async site => {
      await ovsctl(site, 'set', 'Bridge', bridge, 'protocols=OpenFlow13,OpenFlow15');
      await ovsctl(site, 'set', 'Bridge', bridge, 'fail_mode=standalone');
      await eventually('secure again', async () => {
        const text = await ovsctl(site, 'get', 'Bridge', bridge, 'fail_mode', 'protocols');
        return text.includes('secure') && text.includes('OpenFlow15') && text;
      });
    },
    mostLost: null,
    lossIsOf: 'whoever set fail_mode: Open vSwitch re-makes its tables',
    mostFlowMods: null,
  },
  {
    name: 'tunnel port deleted by somebody else',
    inject: async site => {
      const ports = (await ovsctl(site, 'list-ports', bridge)).trim().split('\n');
      const tunnels = ports.filter(port => !port.startsWith('tap'));
      assert.ok(tunnels.length > 0);
      for (const tunnel of tunnels) await ovsctl(site, 'del-port', bridge, tunnel);
      await eventually('tunnel port is back', async () => {
        const now = (await ovsctl(site, 'list-ports', bridge)).trim().split('\n');
        return tunnels.every(tunnel => now.includes(tunnel));
      });
    },
    mostLost: null,
    lossIsOf: 'whoever deleted it: until it is there again',
    mostFlowMods: null,
  },
];

/** Repaired by the flow monitor or, without a notice, by the audit a minute later. */
export const driftRows: readonly FaultRow[] = [
  {
    name: 'foreign flow that swallows packets, in a table of ours',
    inject: site => ofctl(site, 'add-flow', bridge, 'table=0,priority=65000,ip,actions=drop').then(() => undefined),
    mostLost: null,
    lossIsOf: 'whoever wrote the flow: until it is mended',
    mostFlowMods: null,
  },
  {
    name: 'a tenth of our flows deleted by somebody else',
    inject: async site => {
      const flows = await site.hypervisor(hit).flows('--no-stats');
      const some = flows.filter((_, index) => index % 10 === 3);
      for (const flow of some) {
        const match = (/priority=[^ ]*/.exec(flow)?.[0] ?? '').replace(/,$/, '');
        const table = /table=\d+/.exec(flow)?.[0] ?? 'table=0';
        await ofctl(site, '--strict', 'del-flows', bridge, `${table},${match}`);
      }
    },
    mostLost: null,
    lossIsOf: 'whoever deleted them: until they are mended',
    mostFlowMods: null,
  },
  {
    name: 'all flows deleted by somebody else',
    inject: site => ofctl(site, 'del-flows', bridge).then(() => undefined),
    mostLost: null,
    lossIsOf: 'whoever deleted them: until they are mended',
    mostFlowMods: null,
  },
  {
    name: 'all groups deleted by somebody else',
    inject: site => ofctl(site, 'del-groups', bridge).then(() => undefined),
    mostLost: null,
    lossIsOf: 'whoever deleted them: until they are mended',
    mostFlowMods: null,
  },
];

function signalSwitch(site: FaultSite, signal: NodeJS.Signals): void {
  process.kill(site.hypervisor(hit).openVswitch.daemon('ovs-vswitchd').pid, signal);
}

/** Packets go everywhere, and nowhere else. */
async function reaches(site: FaultSite): Promise<void> {
  const a = site.workload('a');
  for (const to of ['b', 'c']) assert.equal((await ping(a, site.workload(to).address(4))).received, 3, to);
}

/** The interface by which a workload is plugged in, with what its row says. */
function claimOf(site: FaultSite, name: string) {
  const { interfaceName, portId, mac } = site.workload(name).record;
  return { interfaceName, portId, mac };
}

async function rebootWithEmptyDatabase(site: FaultSite): Promise<void> {
  const hypervisor = site.hypervisor(hit);
  const { openVswitch } = hypervisor;
  await openVswitch.stopDaemon('ovs-vswitchd', 0);
  await openVswitch.stopDaemon('ovsdb-server', 0);
  await hypervisor.startAnew();
  // Something else is plugged in first and takes the low port numbers.
  await hypervisor.join();
  await hypervisor.provisioned();
  const internal = (name: string): string[] => ['--', 'add-port', bridge, name, '--', 'set', 'Interface', name];
  await openVswitch.ovsctl(...['x0', 'x1', 'x2'].flatMap(name => [...internal(name), 'type=internal']).slice(1));
  await hypervisor.plug([claimOf(site, 'b')]);
  await openVswitch.ovsctl(...words(`del-port ${bridge} x0 -- del-port ${bridge} x1 -- del-port ${bridge} x2`));
  await site.client.portUp(claimOf(site, 'b').portId, hit);
  await rememberPortNumbers(site);
}

/** Flows of the physical stages name port numbers: those that a hypervisor has now are right, once all has settled. */
async function rememberPortNumbers(site: FaultSite): Promise<void> {
  await site.client.hypervisorsReady([hit]);
  await site.client.converged();
  await sleep(500);
  await site.remember();
}

async function portNumberReused(site: FaultSite): Promise<void> {
  const hypervisor = site.hypervisor(hit);
  const b = claimOf(site, 'b');
  const other = await site.otherTenantPort();
  const stranger = await site.lab.addWorkload(hit, other);
  await site.client.portUp(other.portId, hit);
  const strangers = { interfaceName: stranger.record.interfaceName, portId: other.portId, mac: other.mac };
  const before = await receivedPackets(site, 'other');
  for (let round = 0; round < 10; round += 1) {
    const numbers = [await hypervisor.ofport(b.interfaceName), await hypervisor.ofport(strangers.interfaceName)];
    const swap = [b, strangers].flatMap(({ interfaceName, portId, mac }, index) => [
      ...words(`-- del-port ${bridge} ${interfaceName} -- add-port ${bridge} ${interfaceName}`),
      ...words(`-- set Interface ${interfaceName} ofport_request=${numbers[1 - index] ?? 0}`),
      `external_ids:iface-id="${portId}"`,
      `external_ids:attached-mac="${mac}"`,
    ]);
    await hypervisor.openVswitch.ovsctl(...swap.slice(1));
    await sleep(150);
  }
  await site.client.portUp(b.portId, hit);
  await site.client.portUp(other.portId, hit);
  assert.equal((await receivedPackets(site, 'other')) - before, 0, "another tenant's packets came to the wrong port");
  await site.lab.removeWorkload('other');
  await site.removeOtherTenant();
  await rememberPortNumbers(site);
}

/** UDP packets that came in at a workload. */
async function receivedPackets(site: FaultSite, name: string): Promise<number> {
  const { stdout } = await site.lab.workload(name).exec(['cat', '/proc/net/snmp']);
  const [, counts = ''] = stdout.split('\n').filter(line => line.startsWith('Udp:'));
  const [, delivered = '0', toNoPort = '0'] = counts.split(' ');
  return Number(delivered) + Number(toNoPort);
}

async function portsRenumbered(site: FaultSite): Promise<void> {
  const hypervisor = site.hypervisor(hit);
  const b = claimOf(site, 'b');
  await hypervisor.unplug([b.interfaceName]);
  await hypervisor.openVswitch.ovsctl(...words(`add-port ${bridge} x0 -- set Interface x0 type=internal`));
  await hypervisor.plug([b]);
  await site.client.portUp(b.portId, hit);
  await hypervisor.openVswitch.ovsctl('del-port', bridge, 'x0');
  await rememberPortNumbers(site);
}
