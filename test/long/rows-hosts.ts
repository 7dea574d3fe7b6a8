/** What hosts do to each other, bundles cut at each of their messages, and everything at once. */
import assert from 'node:assert/strict';
import type { Cut } from '../../lab/chaos-proxy.js';
import { ipBatch, setKernelOptions } from '../../lab/namespaces.js';
import { eventually, words } from '../../lab/processes.js';
import { underlayMac } from '../../lab/addresses.js';
import type { LogicalSwitchPortReply } from '../../lab/weft-client.js';
import type { Direction, WireMessage } from '../../lab/wire-framing.js';
import { SeededRandom } from '../seeded-random.js';
import type { FaultRow } from './fault-row.js';
import { bridge, type FaultSite } from './fault-site.js';

const setSystemId = (site: FaultSite, host: string, systemId: string) =>
  site.hypervisor(host).openVswitch.ovsctl('set', 'Open_vSwitch', '.', `external_ids:system-id=${systemId}`);

/** Plugs an interface that claims a port in on hv3. */
async function claimAlso(site: FaultSite, name: string, portId: string): Promise<void> {
  const added = words(`add-port ${bridge} ${name} -- set Interface ${name} type=internal`);
  await site.hypervisor('hv3').openVswitch.ovsctl(...added, `external_ids:iface-id="${portId}"`);
}

const statusOf = async (site: FaultSite, name: string) =>
  (await site.client.find<LogicalSwitchPortReply>('logical-switch-ports', name)).status;

const identityRows: readonly FaultRow[] = [
  {
    name: 'a second host says that it is hv2, for 3 s',
    mostLost: 0,
    mostFlowMods: 0,
    inject: async site => {
      await setSystemId(site, 'hv3', 'hv2');
      await eventually('the second is named', async () => {
        const { body } = await site.client.request('GET', '/readyz');
        return JSON.stringify((body as { readonly warnings: unknown }).warnings).includes('hv2');
      });
      // The first one stays what it is.
      const hypervisor = await site.client.find('hypervisors', 'hv2');
      assert.deepEqual([hypervisor['state'], hypervisor['connected']], ['ready', true]);
    },
    lastsMs: 3_000,
    heal: site => setSystemId(site, 'hv3', 'hv3').then(() => undefined),
  },
  {
    name: 'iface-id of a port that was asked for elsewhere claimed by another host',
    mostLost: 0,
    mostFlowMods: 0,
    inject: async site => {
      const { id } = await site.client.find('logical-switch-ports', 'b');
      await site.client.patch('logical-switch-ports', id, { hypervisor: 'hv2' }, { appliedWithinMs: 10_000 });
      await claimAlso(site, 'thief', id);
      await eventually('both are named', async () => {
        const { reason, bound_to } = await statusOf(site, 'b');
        return reason?.includes('hv3 (thief)') === true && bound_to === 'hv2';
      });
    },
    lastsMs: 1_000,
    heal: async site => {
      await site.hypervisor('hv3').unplug(['thief']);
      const { id } = await site.client.find('logical-switch-ports', 'b');
      await site.client.patch('logical-switch-ports', id, { hypervisor: null }, { appliedWithinMs: 10_000 });
    },
  },
  {
    name: 'the newest claim takes a port that was asked for nowhere, and gives it back',
    mostLost: null,
    lossIsOf: 'whoever plugged the same port in twice',
    mostFlowMods: null,
    inject: async site => {
      const { id } = await site.client.find('logical-switch-ports', 'b');
      await claimAlso(site, 'newer', id);
      await site.client.portUp(id, 'hv3');
      await site.hypervisor('hv3').unplug(['newer']);
      await site.client.portUp(id, 'hv2');
    },
  },
  {
    name: "a tunnel peer's address changes",
    mostLost: null,
    lossIsOf: 'tunnels: until every sender knows the new address',
    mostFlowMods: null,
    inject: site => moveEncapsulation(site, '192.0.2.12', '192.0.2.99'),
    lastsMs: 1_000,
    heal: site => moveEncapsulation(site, '192.0.2.99', '192.0.2.12'),
  },
];

/** hv2 gets another encapsulation address beside the old one, says so, and loses the old one when all senders know. */
async function moveEncapsulation(site: FaultSite, from: string, to: string): Promise<void> {
  const hypervisor = site.hypervisor('hv2');
  // Else the second address of a network goes with the first.
  await setKernelOptions(hypervisor.namespace ?? '', { 'ipv4/conf/all/promote_secondaries': 1 });
  await ipBatch(hypervisor.namespace, [`addr add ${to}/24 dev br-phy`]);
  for (const name of ['hv1', 'hv3']) {
    await site.hypervisor(name).openVswitch.appctl('tnl/neigh/set', 'br-phy', to, underlayMac(2));
  }
  await hypervisor.openVswitch.ovsctl('set', 'Open_vSwitch', '.', `external_ids:weft-encap-ip=${to}`);
  await eventually('Weft knows', async () => (await site.client.find('hypervisors', 'hv2'))['encap_ip'] === to);
  await site.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
  await site.client.converged();
  await ipBatch(hypervisor.namespace, [`addr del ${from}/24 dev br-phy`]);
}

interface CutPoint {
  readonly direction: Direction;
  readonly name: string;
  readonly detail?: string;
  /** Only in a bundle that asks before it commits: the first of each connection. */
  readonly isAsked?: true;
  /** The how manieth of a bundle's such messages. */
  readonly nth?: number;
}

/** Each message of a delivery, both ways. */
const cutPoints: readonly CutPoint[] = [
  { direction: 'toClient', name: 'bundle_control', detail: 'open_request', isAsked: true },
  { direction: 'toClient', name: 'bundle_add', nth: 1 },
  { direction: 'toClient', name: 'bundle_add', nth: 2 },
  { direction: 'toClient', name: 'bundle_control', detail: 'commit_request' },
  { direction: 'toServer', name: 'bundle_control', detail: 'open_reply', isAsked: true },
  { direction: 'toServer', name: 'bundle_control', detail: 'commit_reply' },
  { direction: 'toServer', name: 'barrier_reply', isAsked: true },
];

/** Matches the nth message of a kind. */
function messageAt({ name, detail, nth = 1 }: CutPoint): (message: WireMessage) => boolean {
  let seen = 0;
  return message => {
    if (message.name !== name || (detail !== undefined && message.detail !== detail)) return false;
    seen += 1;
    return seen === nth;
  };
}

/** Changes, each cut at another message and place. At rest each has arrived everywhere, and then its opposite. */
async function cutBundles(site: FaultSite, how: 'reset' | 'end', places: readonly Cut['place'][]): Promise<void> {
  const [{ id: routerId } = { id: '' }] = await site.client.list('logical-routers');
  const route = { logical_router_id: routerId, destination: '203.0.113.0/24', discard: true };
  const { openflow } = site.proxies;
  for (const point of cutPoints) {
    for (const place of places) {
      if (point.isAsked === true) {
        const { acceptedCount } = openflow;
        openflow.resetAll();
        await eventually('they are back', async () => openflow.acceptedCount >= acceptedCount + 3);
        await site.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
        await site.client.converged();
      }
      const fired = openflow.cut({ direction: point.direction, matches: messageAt(point), place, how });
      const { id } = await site.client.create('static-routes', route);
      await fired;
      await site.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
      await site.client.converged();
      for (const hypervisor of site.lab.hypervisors) {
        const extra = (await site.wrongOn(hypervisor)).filter(line => !line.includes('cookie=sentinel'));
        assert.ok(extra.length > 0 && extra.every(line => line.startsWith('+')), extra.join('\n'));
      }
      await site.client.delete('static-routes', id);
      await site.allRight();
    }
  }
}

const bundleRows: readonly FaultRow[] = [
  {
    name: 'bundle reset at each message: before, inside and after it',
    mostLost: 0,
    mostFlowMods: null,
    inject: site => cutBundles(site, 'reset', ['before', 'inside', 'after']),
  },
  {
    name: 'bundle ended inside each message',
    mostLost: 0,
    mostFlowMods: null,
    inject: site => cutBundles(site, 'end', ['inside']),
  },
];

/** Kills everything, and starts it in an order of chance. */
function powerCut(seed: number): FaultRow {
  return {
    name: `everything killed at once, started in order ${seed} of chance`,
    mostLost: null,
    lossIsOf: 'Open vSwitch: nothing forwards without it',
    mostFlowMods: null,
    inject: async site => {
      await Promise.all([
        site.weft.stop('SIGKILL'),
        site.cluster.shutDown('immediate'),
        ...site.lab.hypervisors.flatMap(({ openVswitch }) => [
          openVswitch.stopDaemon('ovs-vswitchd', 0),
          openVswitch.stopDaemon('ovsdb-server', 0),
        ]),
      ]);
    },
    heal: async site => {
      const parts = [
        () => site.cluster.start(),
        // Like an operator's service manager: it is started until it stays.
        () => eventually('Weft stays', () => startWeft(site), 120_000, 500),
        ...site.lab.hypervisors.map(hypervisor => async () => {
          await hypervisor.openVswitch.startDatabase();
          await site.restartSwitch(hypervisor);
        }),
      ];
      await Promise.all(shuffled(parts, new SeededRandom(seed)).map(start => start()));
    },
  };
}

async function startWeft(site: FaultSite): Promise<boolean> {
  try {
    await site.weft.start();
    return true;
  } catch {
    await site.weft.stop('SIGKILL');
    return false;
  }
}

function shuffled<T>(items: readonly T[], random: SeededRandom): readonly T[] {
  return items
    .map(item => ({ item, place: random.below(1 << 30) }))
    .toSorted((left, right) => left.place - right.place)
    .map(({ item }) => item);
}

export const hostRows: readonly FaultRow[] = [...identityRows, ...bundleRows, powerCut(1), powerCut(2), powerCut(3)];
