/**
 * Program: `npm run demo`. Weft, three hypervisors with real Open vSwitch, two logical switches, a router, six workloads
 * that talk, and a host outside, on this machine. Proves each step from what the workloads and the host say, and stays up
 * until Ctrl-C. With `--check`: takes everything down again, which it proves from the switches, and exits 0 or 1.
 */
import { DEMO_WORKLOADS, demoDomain, demoNetwork } from './demo-network.js';
import {
  appointGateways,
  BACKENDS,
  browse,
  FLOATING,
  makeOutside,
  outsideAddresses,
  outsideNetwork,
  serveWeb,
} from './demo-outside.js';
import { Lab } from './lab.js';
import { configureByDhcp, resolve } from './network-clients.js';
import type { OutsideHost } from './physical-network.js';
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
/** How often the host outside calls the load balancer: that one of three backends gets none of so many is one in a million. */
const CALLS = 36;

interface Demo {
  readonly lab: Lab;
  readonly weft: WeftProcess;
  readonly outside: OutsideHost;
}

/** Runs a step and prints what it did, what came out where `said` tells it, and how long it took. Throws, naming the step, when it fails. */
async function step<T>(what: string, act: () => Promise<T>, said: (result: T) => string = () => ''): Promise<T> {
  const start = performance.now();
  try {
    const result = await act();
    const text = said(result);
    const took = ((performance.now() - start) / 1000).toFixed(1);
    process.stdout.write(`  ✓ ${what}${text === '' ? '' : `: ${text}`} (${took} s)\n`);
    return result;
  } catch (cause) {
    throw new Error(`${what}: failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
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

/** Has somebody ask a web server, and throws unless it is answered so. */
async function expectAnswer(from: Parameters<typeof browse>[0], address: string, expected: string): Promise<string> {
  const [answer = ''] = await browse(from, address);
  if (answer !== expected) throw new Error(`${address} has told ${from.name} "${answer}", not "${expected}"`);
  return answer;
}

const quoted = (answer: string): string => `"${answer}"`;

async function proveFloating({ outside }: Demo): Promise<string> {
  const expected = `${FLOATING} saw ${outsideAddresses.host}`;
  let last: unknown = null;
  // Who has just moved is announced outside, and known there a moment later.
  return eventually(`the host outside is told "${expected}"`, () =>
    expectAnswer(outside, outsideAddresses.floating, expected).catch((error: unknown) => {
      last = error;
      return false as const;
    }),
  ).catch((cause: unknown) => {
    throw new Error(`${String(cause)}; the last time: ${String(last)}`, { cause });
  });
}

/** Calls the load balancer from outside. Returns how often each backend has answered; throws where one never has. */
async function callShop({ outside }: Demo): Promise<ReadonlyMap<string, number>> {
  const answered = new Map<string, number>(BACKENDS.map(name => [name, 0]));
  for (const answer of await browse(outside, outsideAddresses.shop, CALLS)) {
    const name = BACKENDS.find(each => answer === `${each} saw ${outsideAddresses.host}`);
    if (name === undefined) throw new Error(`${outsideAddresses.shop} has answered "${answer}"`);
    answered.set(name, (answered.get(name) ?? 0) + 1);
  }
  const idle = BACKENDS.filter(name => answered.get(name) === 0);
  if (idle.length > 0) throw new Error(`${idle.join()} got none of ${CALLS} calls`);
  return answered;
}

/** Joins the router with the world outside, and goes there and back by each way there is. */
async function proveOutside(demo: Demo): Promise<void> {
  const { lab, weft, outside } = demo;
  const { client } = weft;
  const { host, router, floating, shop, virtual } = outsideAddresses;
  const asking = lab.workload(ASKING.name);
  await step('gateways hv2 and hv3, SNAT, floating IPs and a load balancer made by another POST', async () => {
    await client.transaction(await outsideNetwork(client), { appliedWithinMs: APPLIED_WITHIN_MS });
  });
  serveWeb(lab, [...[FLOATING, ...BACKENDS].map(name => lab.workload(name)), outside]);
  await step(
    `${ASKING.name} (${asking.address(4)}) calls the host outside at ${host}, which sees the router (SNAT)`,
    () => expectAnswer(asking, host, `outside saw ${router}`),
    quoted,
  );
  await step(`the host outside calls ${FLOATING} by floating IP ${floating}`, () => proveFloating(demo), quoted);
  await step(
    `the host outside calls the load balancer ${shop} ${CALLS} times, and finds each backend`,
    () => callShop(demo),
    answered => [...answered].map(([name, count]) => `${name} ${count}`).join(', '),
  );
  await step(
    `${ASKING.name} calls the load balancer from inside, ${virtual}`,
    async () => {
      const [answer = ''] = await browse(asking, virtual);
      if (!BACKENDS.some(name => answer === `${name} saw ${asking.address(4)}`)) throw new Error(answer);
      return answer;
    },
    quoted,
  );
  await step('the host outside pings db1 over IPv6, routed as it is', () =>
    eventually('no ping is lost', async () => {
      const { sent, received } = await ping(outside, lab.workload('db1').address(6));
      return sent === received;
    }),
  );
}

/** Brings everything up. Returns what each hypervisor held when it had joined and there was no network yet. */
async function bringUp(demo: Demo): Promise<ReadonlyMap<string, SwitchState>> {
  const { lab, weft } = demo;
  const { client } = weft;
  await step(`Weft is up at ${client.url}`, () => weft.start());
  await step(`${HYPERVISORS} hypervisors joined, each by one ovs-vsctl command`, async () => {
    await lab.join();
    await client.hypervisorsReady(lab.hypervisors.map(hypervisor => hypervisor.name));
    await appointGateways(client);
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
  await proveOutside(demo);
  await step(`${MOVED.name} moved live to ${MOVED.to}`, async () => {
    await lab.moveWorkload(MOVED.name, MOVED.to);
    await client.portUp(lab.workload(MOVED.name).record.portId, MOVED.to);
    await client.converged();
  });
  await step('every pair pings again', () => pingEveryPair(lab));
  await step(`floating IP ${outsideAddresses.floating} has moved along`, () => proveFloating(demo), quoted);
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
  npx weft lab exec --name ${name} outside -- curl -s http://${outsideAddresses.shop}/
  npx weft lab exec --name ${name} outside -- curl -s http://${outsideAddresses.floating}/
  npx weft lab exec --name ${name} web2 -- curl -s http://${outsideAddresses.host}/
  ${cli} set hypervisor hv2 --drain true
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
  const lab = await step('a lab of three hypervisors in namespaces', () =>
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
    const outside = await step('a physical network, with a host outside that knows nothing of Weft', () =>
      makeOutside(lab),
    );
    const demo = { lab, weft, outside };
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
