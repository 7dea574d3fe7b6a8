/** The part of the network configuration that is Weft's own: the object `weft` of the plugin's entry in a conflist. */
import { readFileSync } from 'node:fs';
import { CniError } from './cni-error.js';
import { isObject, type JsonObject, numberOf, objectOf, textOf, textsOf } from './json.js';

export interface Configuration {
  readonly url: string;
  /** File with the token; null: none. */
  readonly tokenFile: string | null;
  /** File with the PEM of the authority behind an https URL; null: those that Node.js trusts. */
  readonly caFile: string | null;
  /** Name or id of the logical switch. */
  readonly logicalSwitch: string;
  /** Subnets to take addresses from: name, id or CIDR; empty: any of the logical switch. */
  readonly subnets: readonly string[];
  /** Names or ids of security groups. */
  readonly securityGroups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** For operators: the project of the ports. Null: that of the token. */
  readonly project: string | null;
  /** The name of the interface where the plugin is chained behind one that made CNI_IFNAME. */
  readonly interfaceName: string | null;
  /** Bytes; null: that of the logical switch. */
  readonly mtu: number | null;
  /** Whether the interface gets the default route; `auto`: of each family that has none yet. */
  readonly defaultRoute: boolean | 'auto';
  /** Whether the host gets an interface of its own on the logical network, to reach containers. */
  readonly hostInterface: boolean;
  /** What ADD waits for: the flows of this host, those of all hosts, or nothing. */
  readonly waitFor: 'installed' | 'applied' | 'nothing';
  /** For how long ADD and CHECK wait, and the controller may say nothing, milliseconds. */
  readonly timeoutMs: number;
  /** Where the host's ovsdb-server listens. */
  readonly ovsdb: string;
  /** Where the plugin writes down what it could not tell the controller. */
  readonly stateDirectory: string;
}

/** Stands for the identity of the host in names: one configuration for all hosts. */
const hostMark = '{hypervisor}';

const defaults = {
  url: 'http://127.0.0.1:8080',
  timeoutMs: 30_000,
  ovsdb: 'unix:/var/run/openvswitch/db.sock',
  stateDirectory: '/var/lib/weft-cni',
} as const;

const known = {
  url: isText,
  tokenFile: isText,
  caFile: isText,
  logicalSwitch: isText,
  subnets: isTexts,
  securityGroups: isTexts,
  labels: (value: unknown) => isObject(value) && Object.values(value).every(each => typeof each === 'string'),
  project: isText,
  interfaceName: (value: unknown) => typeof value === 'string' && /^[A-Za-z0-9_.@-]{1,15}$/.test(value),
  mtu: isSize,
  defaultRoute: (value: unknown) => typeof value === 'boolean' || value === 'auto',
  hostInterface: (value: unknown) => typeof value === 'boolean',
  waitFor: (value: unknown) => value === 'installed' || value === 'applied' || value === 'nothing',
  timeoutMs: isSize,
  ovsdb: (value: unknown) => typeof value === 'string' && /^(unix|tcp):./.test(value),
  stateDirectory: isText,
} as const satisfies Record<keyof Configuration, (value: unknown) => boolean>;

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function isSize(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0;
}

/**
 * Reads and checks the object `weft`. A member that nobody knows is a mistake that would otherwise show only in what is missing.
 * @throws CniError unsupportedField, invalidConfiguration
 */
export function readConfiguration(config: JsonObject): Configuration {
  const own = config['weft'];
  if (!isObject(own)) throw new CniError('invalidConfiguration', 'the configuration has no object "weft"');
  for (const [name, value] of Object.entries(own)) {
    const isRight = Object.hasOwn(known, name) ? known[name as keyof Configuration] : null;
    if (isRight === null) throw new CniError('unsupportedField', `weft.${name} is not known: ${JSON.stringify(value)}`);
    if (!isRight(value)) throw new CniError('invalidConfiguration', `weft.${name} cannot be ${JSON.stringify(value)}`);
  }
  const logicalSwitch = textOf(own['logicalSwitch']);
  if (logicalSwitch === null) throw new CniError('invalidConfiguration', 'weft.logicalSwitch is missing');
  return {
    url: textOf(own['url']) ?? defaults.url,
    tokenFile: textOf(own['tokenFile']),
    caFile: textOf(own['caFile']),
    logicalSwitch,
    subnets: textsOf(own['subnets']),
    securityGroups: textsOf(own['securityGroups']),
    labels: objectOf(own['labels']) as Readonly<Record<string, string>>,
    project: textOf(own['project']),
    interfaceName: textOf(own['interfaceName']),
    mtu: numberOf(own['mtu']),
    defaultRoute: (own['defaultRoute'] as boolean | 'auto' | undefined) ?? 'auto',
    hostInterface: own['hostInterface'] === true,
    waitFor: (own['waitFor'] as Configuration['waitFor'] | undefined) ?? 'installed',
    timeoutMs: numberOf(own['timeoutMs']) ?? defaults.timeoutMs,
    ovsdb: textOf(own['ovsdb']) ?? defaults.ovsdb,
    stateDirectory: textOf(own['stateDirectory']) ?? defaults.stateDirectory,
  };
}

/** The same with the host's identity where names ask for it: a logical switch or a subnet for each host (Flannel's habit). */
export function onHost(configuration: Configuration, hypervisor: string): Configuration {
  const filled = (text: string): string => text.replaceAll(hostMark, hypervisor);
  return {
    ...configuration,
    logicalSwitch: filled(configuration.logicalSwitch),
    subnets: configuration.subnets.map(filled),
  };
}

/** The first line of a file, such as a token. @throws CniError invalidConfiguration */
export function readSecret(path: string): string {
  return readConfigured(path).trim();
}

/** @throws CniError invalidConfiguration */
export function readConfigured(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CniError('invalidConfiguration', `${path} cannot be read`, (error as Error).message, { cause: error });
  }
}
