/** One call of the plugin: what the runtime says in the environment and on standard input. */
import { CniError } from './cni-error.js';
import { isObject, type JsonObject, listOf, parseObject, textOf } from './json.js';

export const commands = ['ADD', 'DEL', 'CHECK', 'VERSION', 'STATUS', 'GC'] as const;
export type Command = (typeof commands)[number];

/** Versions of the specification, oldest first. */
export const versions = ['0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const;
export type Version = (typeof versions)[number];

/** The first version that has the command. */
const since: Readonly<Partial<Record<Command, Version>>> = { CHECK: '0.4.0', STATUS: '1.1.0', GC: '1.1.0' };

/** Whether a version is at least another. */
export function isAtLeast(version: Version, other: Version): boolean {
  return versions.indexOf(version) >= versions.indexOf(other);
}

/** An interface of a container: what ADD makes and DEL removes. */
export interface Attachment {
  readonly containerId: string;
  /** Path of its network namespace; null where the runtime does not know it any more. */
  readonly netns: string | null;
  readonly ifname: string;
}

export interface Request {
  readonly command: Command;
  readonly version: Version;
  /** The name of the network in the runtime's configuration. */
  readonly network: string;
  readonly config: JsonObject;
  /** Pairs of CNI_ARGS. */
  readonly args: ReadonlyMap<string, string>;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** @throws CniError invalidEnvironment */
export function commandOf(environment: Environment): Command {
  const name = environment['CNI_COMMAND'] ?? '';
  const command = commands.find(each => each === name);
  if (command === undefined)
    throw new CniError('invalidEnvironment', `CNI_COMMAND is "${name}"; it must be one of ${commands.join(', ')}`);
  return command;
}

/**
 * Reads what every command but VERSION needs.
 * @throws CniError undecodable, incompatibleVersion, invalidConfiguration
 */
export function readRequest(command: Command, environment: Environment, input: string): Request {
  const config = parseObject(input, 'the network configuration');
  const version = versionOf(config);
  const first = since[command];
  if (first !== undefined && !isAtLeast(version, first))
    throw new CniError('incompatibleVersion', `${command} needs cniVersion ${first}; the configuration has ${version}`);
  const network = textOf(config['name']);
  if (network === null || !/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(network))
    throw new CniError('invalidConfiguration', `name is ${JSON.stringify(config['name'])}; it must name the network`);
  return { command, version, network, config, args: parseArgs(environment['CNI_ARGS'] ?? '') };
}

/** @throws CniError incompatibleVersion */
export function versionOf(config: JsonObject): Version {
  // What is left out is the oldest, by the specification.
  const written = config['cniVersion'] ?? '0.1.0';
  const version = versions.find(each => each === written);
  if (version === undefined)
    throw new CniError(
      'incompatibleVersion',
      `cniVersion is ${JSON.stringify(written)}; this plugin speaks ${versions.join(', ')}`,
    );
  return version;
}

/** `K=V;K=V`. What has no `=` is left out: runtimes may send what plugins do not know. */
export function parseArgs(text: string): ReadonlyMap<string, string> {
  const pairs = text.split(';').flatMap(pair => {
    const at = pair.indexOf('=');
    return at < 1 ? [] : [[pair.slice(0, at), pair.slice(at + 1)] as const];
  });
  return new Map(pairs);
}

const containerIdForm = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** What Linux allows as the name of a device, and what `ip` reads as one word. */
const ifnameForm = /^[A-Za-z0-9_.@-]{1,15}$/;

/**
 * The container and interface that ADD, CHECK and DEL are about.
 * @throws CniError invalidEnvironment naming the variables
 */
export function attachmentOf(command: Command, environment: Environment): Attachment {
  const containerId = environment['CNI_CONTAINERID'] ?? '';
  const ifname = environment['CNI_IFNAME'] ?? '';
  const netns = environment['CNI_NETNS'] ?? '';
  const wrong = [
    ...(containerIdForm.test(containerId) && containerId.length <= 255 ? [] : ['CNI_CONTAINERID']),
    ...(ifnameForm.test(ifname) && ifname !== '.' && ifname !== '..' ? [] : ['CNI_IFNAME']),
    ...(netns === '' && command !== 'DEL' ? ['CNI_NETNS'] : []),
  ];
  if (wrong.length > 0) throw new CniError('invalidEnvironment', `missing or not valid: ${wrong.join(', ')}`);
  return { containerId, netns: netns === '' ? null : netns, ifname };
}

/** What the runtime says is still there. Null where it does not say: then nothing is to be collected. */
export function validAttachments(config: JsonObject): readonly Pick<Attachment, 'containerId' | 'ifname'>[] | null {
  const list = config['cni.dev/valid-attachments'] ?? config['cni.dev/attachments'];
  if (!Array.isArray(list)) return null;
  return listOf(list)
    .filter(isObject)
    .map(each => ({ containerId: textOf(each['containerID']) ?? '', ifname: textOf(each['ifname']) ?? '' }));
}
