/** `weft lab …`: the lab for people. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { isIP } from 'node:net';
import { Command, Option } from 'commander';
import { Lab } from './lab.js';
import { inNamespace } from './namespaces.js';
import { commandEnvironment } from './processes.js';
import { DEFAULT_CONTROLLER_PORTS, LabState, listLabs } from './state.js';
import { WeftClient } from './weft-client.js';
import { tracePing } from './workload-trace.js';

const say = (text: string): void => void process.stdout.write(`${text}\n`);

function integer(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`not a whole number above 0: ${text}`);
  return value;
}

/** Weft as the command line client finds it. */
function client(): WeftClient {
  return new WeftClient(process.env['WEFT_URL'] ?? 'http://127.0.0.1:8080', process.env['WEFT_TOKEN'] ?? null);
}

/** Commands that follow each other name their lab once, in the environment. */
const nameOption = (): Option => new Option('--name <lab>', 'name of the lab').env('WEFT_LAB').default('lab');

const portOption = (use: keyof typeof DEFAULT_CONTROLLER_PORTS): Option =>
  new Option(`--${use}-port <port>`, 'of Weft on 127.0.0.1')
    .env(`WEFT_LAB_${use.toUpperCase()}_PORT`)
    .argParser(integer)
    .default(DEFAULT_CONTROLLER_PORTS[use]);

interface UpOptions {
  readonly name: string;
  readonly hypervisors: number;
  readonly mtu: number;
  readonly encapTypes: string;
  readonly ovsdbPort: number;
  readonly openflowPort: number;
  readonly puntPort: number;
  readonly join: boolean;
}

async function up(options: UpOptions): Promise<void> {
  const lab = await Lab.create({
    name: options.name,
    hypervisors: options.hypervisors,
    underlayMtu: options.mtu,
    encapTypes: options.encapTypes.split(','),
    controller: { ovsdb: options.ovsdbPort, openflow: options.openflowPort, punt: options.puntPort },
  });
  if (options.join) await Promise.all(lab.hypervisors.map(hypervisor => hypervisor.join()));
  const names = lab.hypervisors.map(hypervisor => hypervisor.name).join(', ');
  say(`Lab ${options.name} is up: ${names}.`);
  if (options.join)
    say(`They dial Weft at 127.0.0.1:${options.ovsdbPort}; weft list hypervisors shows them when it runs.`);
  say('Next: make a logical switch port, and  weft lab plug PORT --hypervisor hv1');
}

async function status(name: string): Promise<void> {
  const names = listLabs();
  if (names.length === 0) say('There is no lab. weft lab up makes one.');
  for (const found of names.filter(other => name === '' || other === name)) {
    const state = new LabState(found);
    const record = state.read();
    if (record === null) {
      say(`${found}: half made; weft lab down --name ${found} removes it`);
      continue;
    }
    say(`${found}: ${record.hypervisors} hypervisors (${record.mode}), since ${record.createdAt}, ${state.directory}`);
    for (const process of state.processes()) say(`  process ${process.pid}  ${process.role}`);
    for (const workload of state.workloads()) {
      say(
        `  workload ${workload.name} on ${workload.hypervisor} (${workload.interfaceName}): ${workload.addresses.join(' ')}`,
      );
    }
  }
}

/** The namespace of a hypervisor, a workload or a host outside, and the environment of commands there. */
function placeOf(lab: Lab, where: string) {
  const environment = lab.state.mark;
  const workload = lab.workloads.find(found => found.name === where);
  if (workload !== undefined) return { namespace: workload.namespace, environment };
  const outside = lab.state.namespaceName(where);
  const isHypervisor = lab.hypervisors.some(found => found.name === where);
  if (!isHypervisor && lab.state.namespaces().includes(outside)) return { namespace: outside, environment };
  const { namespace, openVswitch } = lab.hypervisor(where);
  return { namespace, environment: { ...environment, OVS_RUNDIR: openVswitch.directory } };
}

/** Runs a command there with this terminal, and ends as it does. */
async function exec(name: string, where: string, command: readonly string[]): Promise<void> {
  const { namespace, environment } = placeOf(Lab.attach(name), where);
  const [file = '', ...args] = inNamespace(namespace, command.length === 0 ? ['bash'] : command);
  const child = spawn(file, args, { env: commandEnvironment(environment), stdio: 'inherit' });
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
}

async function trace(name: string, from: string, to: string): Promise<void> {
  const lab = Lab.attach(name);
  const workload = lab.workloads.find(found => found.name === from);
  if (workload === undefined) {
    say((await lab.hypervisor(from).trace(to)).text);
    return;
  }
  const family = workload.record.addresses.some(address => !address.includes(':')) ? 4 : 6;
  const address = isIP(to) === 0 ? lab.workload(to).address(family) : to;
  const result = await tracePing(lab, workload, address);
  say(result.text);
  say(`Table visits: ${result.tableVisits}`);
}

async function plug(name: string, port: string, hypervisor: string): Promise<void> {
  const lab = Lab.attach(name);
  const spec = await client().workloadPort(port);
  await lab.hypervisor(hypervisor).provisioned();
  await lab.addWorkload(hypervisor, spec);
  await client().portUp(spec.portId, hypervisor);
  say(
    `${spec.name} is up on ${hypervisor}: ${spec.addresses.join(' ')}. Try  weft lab exec ${spec.name} -- ip address`,
  );
}

async function down(name: string, all: boolean): Promise<void> {
  const names = all ? listLabs() : [name];
  for (const found of names) {
    const state = new LabState(found);
    const known = listLabs().includes(found);
    await state.remove();
    say(known ? `Lab ${found} is removed.` : `There is no lab named ${found}.`);
  }
}

/** The `lab` command with its subcommands, for the command line client. */
export function labCommand(): Command {
  const lab = new Command('lab').description('hypervisors and workloads on this machine, to try Weft on (needs root)');
  const named = (usage: string, description: string): Command =>
    lab.command(usage).description(description).addOption(nameOption());
  named('up', 'make hypervisors, each with its own Open vSwitch in a network namespace, and join them to Weft')
    .option('--hypervisors <n>', 'how many', integer, 3)
    .option('--mtu <bytes>', 'MTU of the network between them', integer, 1500)
    .option('--encap-types <types>', 'tunnel encapsulations that they accept: geneve, vxlan, or both', 'geneve')
    .addOption(portOption('ovsdb'))
    .addOption(portOption('openflow'))
    .addOption(portOption('punt'))
    .option('--no-join', 'leave the joining to you: ovs-vsctl … set-manager')
    .action((options: UpOptions) => up(options));
  lab
    .command('status')
    .description('what runs, in all labs or one')
    .option('--name <lab>', 'name of the lab', '')
    .action((options: { name: string }) => status(options.name));
  named('plug <port>', 'make a workload for a logical switch port (id or name)')
    .option('--hypervisor <name>', 'where', 'hv1')
    .action((port: string, options: { name: string; hypervisor: string }) =>
      plug(options.name, port, options.hypervisor),
    );
  named('unplug <workload>', 'remove a workload').action((workload: string, options: { name: string }) =>
    Lab.attach(options.name).removeWorkload(workload),
  );
  named('move <workload> <hypervisor>', 'move a workload to another hypervisor')
    .option('--cold', 'stop it here and start it there, instead of live')
    .action((workload: string, hypervisor: string, options: { name: string; cold?: boolean }) =>
      Lab.attach(options.name).moveWorkload(workload, hypervisor, options.cold === true ? 'cold' : 'live'),
    );
  named(
    'exec <where> [command...]',
    'run a command (default: bash) in a workload, a hypervisor or a host outside',
  ).action((where: string, command: readonly string[], options: { name: string }) =>
    exec(options.name, where, command),
  );
  named(
    'trace <from> <to>',
    'follow a ping from a workload to a workload or address, or a flow through a hypervisor',
  ).action((from: string, to: string, options: { name: string }) => trace(options.name, from, to));
  named('down', 'stop and remove everything that a lab made')
    .option('--all', 'all labs of this machine')
    .action((options: { name: string; all?: boolean }) => down(options.name, options.all === true));
  return lab;
}
