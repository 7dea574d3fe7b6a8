/** What can happen to Weft itself and to its connections to the hypervisors. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../lab/processes.js';
import type { FaultRow } from './fault-row.js';
import type { FaultSite } from './fault-site.js';

const southbound = (site: FaultSite) => Object.values(site.proxies);

/** The switch finds a dead peer after two probe intervals; this is more. */
const longerThanProbesMs = 12_000;

export const controllerRows: readonly FaultRow[] = [
  {
    name: 'nothing, for comparison',
    inject: () => sleep(3_000).then(() => undefined),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'kill -9 of Weft',
    inject: ({ weft }) => weft.stop('SIGKILL'),
    lastsMs: 1_000,
    heal: ({ weft }) => weft.start(),
    mostLost: 0,
    mostFlowMods: 0,
    isQuick: true,
  },
  {
    name: 'orderly restart of Weft',
    inject: ({ weft }) => weft.stop('SIGTERM'),
    heal: ({ weft }) => weft.start(),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'SIGSTOP of Weft for 5 s',
    inject: async ({ weft }) => void process.kill(weft.pid, 'SIGSTOP'),
    lastsMs: 5_000,
    heal: async ({ weft }) => void process.kill(weft.pid, 'SIGCONT'),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'SIGSTOP of Weft for 20 s: switches hang up',
    inject: async ({ weft }) => void process.kill(weft.pid, 'SIGSTOP'),
    lastsMs: 20_000,
    heal: async ({ weft }) => void process.kill(weft.pid, 'SIGCONT'),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'every southbound connection reset',
    inject: async site => southbound(site).forEach(proxy => proxy.resetAll()),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'every southbound connection ended',
    inject: async site => southbound(site).forEach(proxy => proxy.endAll()),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'southbound refused for 5 s',
    inject: async site => {
      for (const proxy of southbound(site)) {
        await proxy.refuse();
        proxy.resetAll();
      }
    },
    lastsMs: 5_000,
    heal: site => healAll(site),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'southbound one byte at a time, after a reconnect',
    inject: async site => {
      for (const proxy of southbound(site)) {
        proxy.shape({ sliceBytes: 1 });
        proxy.resetAll();
      }
      await site.allRight();
    },
    heal: site => healAll(site),
    mostLost: 0,
    mostFlowMods: 0,
    isQuick: true,
  },
  {
    name: 'southbound in lumps of 64 KB with 50 ms of latency, after a reconnect',
    inject: async site => {
      for (const proxy of southbound(site)) {
        proxy.shape({ joinBytes: 64 * 1024, latencyMs: 50, jitterMs: 20 });
        proxy.resetAll();
      }
      await site.allRight();
    },
    heal: site => healAll(site),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'flipped bits in what switches send, for 3 s',
    inject: async site => {
      for (const proxy of southbound(site)) proxy.shape({ flipEveryBytes: 300 }, ['toServer']);
    },
    lastsMs: 3_000,
    heal: async site => {
      for (const proxy of southbound(site)) proxy.resetAll();
      await healAll(site);
    },
    mostLost: 0,
    // A damaged dump is told from the truth only by what it leads to: the same flows once more.
    mostFlowMods: null,
  },
  {
    name: 'black hole southbound, both directions, until noticed',
    inject: async site => {
      for (const proxy of southbound(site)) proxy.blackHole();
      await noticed(site);
    },
    heal: site => healAll(site),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: 'switches stop reading, until noticed',
    inject: async site => {
      for (const proxy of southbound(site)) proxy.stall(['toClient']);
      await noticed(site);
    },
    heal: site => healAll(site),
    mostLost: 0,
    mostFlowMods: 0,
  },
  {
    name: "a hypervisor's management cable pulled for 12 s",
    inject: async site => {
      const putBack = await site.pullCable('hv2');
      await sleep(longerThanProbesMs);
      await isNotReady(site, ['hv2']);
      await putBack();
    },
    mostLost: 0,
    mostFlowMods: 0,
  },
];

async function healAll(site: FaultSite): Promise<void> {
  for (const proxy of site.allProxies) await proxy.heal();
}

/** Weft says of these hypervisors that they are not there. */
async function isNotReady(site: FaultSite, names: readonly string[]): Promise<void> {
  await eventually(
    `${names.join()} is shown as lost`,
    async () => {
      const hypervisors = await site.client.list('hypervisors');
      const lost = hypervisors.filter(({ connected }) => connected !== true).map(({ name }) => name);
      return names.every(name => lost.includes(name));
    },
    20_000,
    100,
  );
}

const noticed = (site: FaultSite) => isNotReady(site, ['hv1', 'hv2', 'hv3']);
