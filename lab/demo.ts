/**
 * Program: `npm run demo`. Weft, three hypervisors with real Open vSwitch, two logical switches, a router and six
 * workloads that talk, on this machine. Stays up until Ctrl-C. With `--check`: proves each step from what the workloads
 * and the switches say, takes everything down again, and exits 0 or 1.
 */
import { DEMO_WORKLOADS, demoDomain, demoNetwork } from './demo-network.js';
import { Lab } from './lab.js';
import { configureByDhcp, resolve } from './network-clients.js';
import { ping } from './probe.js';
import { eventually } from './processes.js';
import { DEFAULT_CONTROLLER_PORTS, removeLeftovers } from './state.js';
import { differences, readSwitchState, type SwitchState } from './switch-state.js';
import { freeControllerPorts, freePort, WeftProcess } from './weft-process.js';

const HYPERVISORS = 3;
const APPLIED_WITHIN_MS = 20_000;
/** Who moves, and where to, in the demo. */
const MOVED = { name: 'web1', to: 'hv2' };
/** Who asks Weft for its address, and for the name of whom. */
const ASKING = { name: 'web2', network: 'web', for: 'web3' };

interface Demo {
  readonly lab: Lab;
  readonly weft: WeftProcess;
}

/** Runs a step and prints what it did and how long it took. */
async function step<T>(what: string, act: () => Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await act();
  process.stdout.write(`  ✓ ${what} (${((performance.now() - start) / 1000).toFixed(1)} s)\n`);
  return result;
}

async function pingEveryPair(lab: Lab): Promise<void> {
  const faults: string[] = [];
  const ofOne = async (from: Lab['workloads'][number]): Promise<void> => {
    for (const to of lab.workloads.filter(workload => workload !== from)) {
      for (const family of [4, 6] as const) {
        const { sent, received } = await ping(from, to.address(family));
        if (received < sent)
          faults.push(`${from.name} to ${to.name} over IPv${family}: ${sent - received} of ${sent} lost`);
      }
    }
  };
  await Promise.all(lab.workloads.map(ofOne));
  if (faults.length > 0) throw new Error(`lost pings:\n${faults.join('\n')}`);
}

async function proveAddressing(lab: Lab): Promise<void> {
  const asking = lab.workload(ASKING.name);
  const wanted = asking.record.addresses.find(address => !address.includes(':')) ?? '';
  await step(`${ASKING.name} got ${wanted} by DHCP (udhcpc)`, async () => {
    const given = await configureByDhcp(asking);
    if (given !== wanted) throw new Error(`DHCP gave ${ASKING.name} ${given}, and its port has ${wanted}`);
  });
  const name = `${ASKING.for}.${demoDomain(ASKING.network)}`;
  await step(`${name} found by DNS (dig), over IPv4 and IPv6`, async () => {
    const named = lab.workload(ASKING.for);
    for (const server of asking.record.gateways) {
      const found = await Promise.all(['A', 'AAAA'].map(type => resolve(asking, server, name, type)));
      const expected = [named.address(4), named.address(6)];
      if (found.join() !== expected.join()) throw new Error(`${name} is ${found.join()}, not ${expected.join()}`);
    }
  });
}

/** Brings everything up. Returns what each hypervisor held when it had joined and there was no network yet. */
async function bringUp({ lab, weft }: Demo): Promise<ReadonlyMap<string, SwitchState>> {
  const { client } = weft;
  await step(`Weft is up at ${client.url}`, () => weft.start());
  await step(`${HYPERVISORS} hypervisors joined, each by one ovs-vsctl command`, async () => {
    await lab.join();
    await client.hypervisorsReady(lab.hypervisors.map(hypervisor => hypervisor.name));
    await client.converged();
  });
  const empty = new Map<string, SwitchState>();
  for (const hypervisor of lab.hypervisors) empty.set(hypervisor.name, await readSwitchState(hypervisor));
  await step('two logical switches, a router and six ports made by one POST /v1/transactions', () =>
    client.transaction(demoNetwork(), { appliedWithinMs: APPLIED_WITHIN_MS }),
  );
  await step('six workloads plugged in', async () => {
    await Promise.all(
      DEMO_WORKLOADS.map(async ({ name, hypervisor }) => {
        const port = await client.workloadPort(name);
        await lab.addWorkload(hypervisor, port);
        await client.portUp(port.portId, hypervisor);
      }),
    );
    await client.converged();
  });
  await proveAddressing(lab);
  await step('every pair pings over IPv4 and IPv6 without loss', () => pingEveryPair(lab));
  await step(`${MOVED.name} moved live to ${MOVED.to}`, async () => {
    await lab.moveWorkload(MOVED.name, MOVED.to);
    await client.portUp(lab.workload(MOVED.name).record.portId, MOVED.to);
    await client.converged();
  });
  await step('every pair pings again', () => pingEveryPair(lab));
  return empty;
}

/** Deletes everything through REST and reads from the switches that nothing is left. */
async function proveDeletion(
  { lab, weft }: Demo,
  empty: ReadonlyMap<string, SwitchState>,
  databases: readonly string[],
) {
  const { client } = weft;
  await step('everything deleted: the switches hold what they held when they had just joined', async () => {
    await client.deleteNetworks({ appliedWithinMs: APPLIED_WITHIN_MS });
    for (const hypervisor of lab.hypervisors) {
      const before = empty.get(hypervisor.name);
      if (before === undefined) throw new Error(`${hypervisor.name} was not read when it had joined`);
      const left = differences(before, await readSwitchState(hypervisor));
      if (left.length > 0) throw new Error(`${hypervisor.name} holds other things than before:\n${left.join('\n')}`);
    }
  });
  await step('hypervisors deleted: no flow, group or meter, and the databases as before joining', async () => {
    for (const workload of lab.workloads) await lab.removeWorkload(workload.name);
    for (const hypervisor of await client.list('hypervisors')) await client.delete('hypervisors', hypervisor.id);
    for (const [index, hypervisor] of lab.hypervisors.entries()) {
      await eventually(`${hypervisor.name} is cleaned up`, async () => {
        const { flows, groups, meters } = await readSwitchState(hypervisor);
        return flows.length + groups.length + meters.length === 0;
      });
      await hypervisor.openVswitch.ovsctl('del-manager');
      const now = await hypervisor.openVswitch.configuration();
      const before = databases[index] ?? '';
      if (now !== before)
        throw new Error(`${hypervisor.name}: the database before joining\n${before}\nand now\n${now}`);
    }
  });
}

function printWhatNext({ lab, weft }: Demo): void {
  const { url } = weft.client;
  const cli = `WEFT_URL=${url} npx weft`;
  const { name } = lab.record;
  process.stdout.write(`
Weft is running. Press Ctrl-C to take everything down.

  API and its documentation   ${url}/docs
  metrics                     ${url}/metrics
  log                         ${weft.logFile}

Try:
  curl -s ${url}/v1/logical-switch-ports?name=web1
  ${cli} list logical-switch-ports
  npx weft lab status --name ${name}
  npx weft lab exec --name ${name} web1 -- ping -c 3 ${lab.workload('db3').address(4)}
  npx weft lab exec --name ${name} web1 -- dig @${lab.workload('web1').record.gateways[0] ?? ''} web3.${demoDomain('web')}
  npx weft lab trace --name ${name} web1 db3
  npx weft lab move --name ${name} web1 hv3
`);
}

function interrupted(): Promise<'interrupted'> {
  return new Promise(resolve => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve('interrupted'));
  });
}

async function main(): Promise<void> {
  const check = process.argv.includes('--check');
  if (process.getuid?.() !== 0) throw new Error('the demo makes network namespaces: run it as root');
  await removeLeftovers();
  const ports = check ? await freeControllerPorts() : await freeControllerPorts(DEFAULT_CONTROLLER_PORTS);
  const httpPort = check ? await freePort() : await freePort(8080);
  const stop = interrupted();
  const lab = await step('a lab of three hypervisors', () =>
    Lab.create({
      hypervisors: HYPERVISORS,
      name: check ? `check-${process.pid}` : 'demo',
      controller: ports,
      ephemeral: true,
    }),
  );
  try {
    const directory = lab.state.createDirectory('weft');
    const weft = new WeftProcess({ directory, httpPort, controller: ports, environment: lab.state.mark });
    const demo = { lab, weft };
    for (const hypervisor of lab.hypervisors) await hypervisor.join('beforeManager');
    const databases = await Promise.all(lab.hypervisors.map(hypervisor => hypervisor.openVswitch.configuration()));
    const run = async (): Promise<void> => {
      const empty = await bringUp(demo);
      if (check) await proveDeletion(demo, empty, databases);
      else printWhatNext(demo);
    };
    try {
      const ended = await Promise.race([run(), stop]);
      if (check && ended === 'interrupted') throw new Error('interrupted');
      if (!check) await stop;
    } catch (error) {
      process.stderr.write(`\nThe end of Weft's log:\n${weft.logTail()}\n`);
      throw error;
    }
    await weft.stop();
  } finally {
    await step('everything taken down', () => lab.remove());
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`\n  ✗ ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
