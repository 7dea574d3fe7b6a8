/**
 * Network namespaces by iproute2. Links are created straight inside the namespaces that hold their two ends, so that
 * nothing of a lab (no device, address or route) ever appears in the machine's own network.
 */
import { existsSync, readdirSync } from 'node:fs';
import { type CommandOptions, type CommandResult, run } from './processes.js';

const NETNS_DIRECTORY = '/run/netns';

export function namespaceExists(name: string): boolean {
  return existsSync(`${NETNS_DIRECTORY}/${name}`);
}

/** Names of all network namespaces of the machine that iproute2 knows. */
export function listNamespaces(): readonly string[] {
  return existsSync(NETNS_DIRECTORY) ? readdirSync(NETNS_DIRECTORY) : [];
}

export async function createNamespace(name: string): Promise<void> {
  await run(['ip', 'netns', 'add', name]);
  await ipBatch(name, ['link set lo up']);
}

/** Removes a namespace, and with it every device in it; nothing happens when there is none of the name. */
export async function deleteNamespace(name: string): Promise<void> {
  if (namespaceExists(name)) await run(['ip', 'netns', 'del', name]);
}

/** Runs `ip` commands, one a line, in a namespace (null: where we are) as one process. The first failure throws. */
export async function ipBatch(namespace: string | null, lines: readonly string[]): Promise<void> {
  await runInNamespace(namespace, ['ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/**
 * The command line that runs `command` inside a namespace. Not by `ip netns exec` or `ip -n`, which make a mount namespace for each command
 * too, and wait for the kernel to have it and to be rid of it: so below /sys the command sees the devices of the machine.
 */
export function inNamespace(namespace: string | null, command: readonly string[]): readonly string[] {
  return namespace === null ? command : ['nsenter', `--net=${NETNS_DIRECTORY}/${namespace}`, ...command];
}

export function runInNamespace(
  namespace: string | null,
  command: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return run(inNamespace(namespace, command), options);
}

/** Writes kernel settings below /proc/sys/net in a namespace: `{'ipv6/conf/eth0/accept_dad': 0}`. */
export async function setKernelOptions(namespace: string, options: Readonly<Record<string, number>>): Promise<void> {
  const script = Object.entries(options).map(([path, value]) => `echo ${value} > /proc/sys/net/${path}`);
  await runInNamespace(namespace, ['sh', '-ec', script.join('\n')]);
}
