/**
 * What is wanted of one interface, from all the places where runtimes say it: `runtimeConfig` (capabilities), `args` of the configuration
 * (Multus, Mesos), and CNI_ARGS (podman, Kubernetes). The first beats the second, and that the third.
 */
import { formatIp, formatMac, parseCidr, parseIp, parseMac } from '../../src/base/address.js';
import { CniError } from './cni-error.js';
import { type EgressRule, readEgressRules } from './egress-rules.js';
import { isObject, type JsonObject, listOf, member, numberOf, objectOf, textOf, textsOf } from './json.js';
import { type PortMapping, readPortMappings } from './port-mappings.js';
import type { Request } from './request.js';

/** Rates in kilobits a second, bursts in kilobits; null: no limit, or Weft's own burst. */
export interface RateLimit {
  readonly maxKbps: number;
  readonly maxBurstKbps: number | null;
}

export interface Wishes {
  /** Name of the workload, for people and DNS; null: none is known. */
  readonly name: string | null;
  /** Canonical addresses without prefix length. */
  readonly ips: readonly string[];
  readonly mac: string | null;
  readonly labels: Readonly<Record<string, string>>;
  /** What the container gets, and what it sends. */
  readonly ingress: RateLimit | null;
  readonly egress: RateLimit | null;
  readonly portMappings: readonly PortMapping[];
  /** The only traffic that it may begin; null: it is not limited. */
  readonly egressRules: readonly EgressRule[] | null;
  /** DNS that the runtime wants for it, as it is. */
  readonly dns: JsonObject | null;
}

/** @throws CniError invalidConfiguration, unsupportedField */
export function readWishes(request: Request): Wishes {
  const { config, args } = request;
  const runtime = objectOf(config['runtimeConfig']);
  const given = objectOf(config['args']);
  const cni = objectOf(given['cni']);
  const mesos = objectOf(objectOf(given['org.apache.mesos'])['network_info']);
  const inArgs = (args.get('IP') ?? '').split(',').filter(text => text !== '');
  const ips = [textsOf(member(runtime, 'ips')), textsOf(member(cni, 'ips'))].find(list => list.length > 0) ?? inArgs;
  const mac = textOf(member(runtime, 'mac')) ?? textOf(member(cni, 'mac')) ?? textOf(args.get('MAC'));
  const bandwidth = objectOf(member(runtime, 'bandwidth'));
  const dns = member(runtime, 'dns');
  const egressRules = member(runtime, 'netOutRules');
  return {
    name: args.get('K8S_POD_NAME') ?? textOf(mesos['name']),
    ips: ips.map(readIp),
    mac: mac === null ? null : readMac(mac),
    labels: {
      ...podLabels(args),
      ...cloudFoundryLabels(config),
      ...labelsOf(mesos['labels']),
      ...labelsOf(cni['labels']),
    },
    ingress: rateOf(bandwidth, 'ingress'),
    egress: rateOf(bandwidth, 'egress'),
    portMappings: readPortMappings([...listOf(member(runtime, 'portMappings')), ...mesosPorts(request)], readIp),
    egressRules: Array.isArray(egressRules) ? readEgressRules(listOf(egressRules)) : null,
    dns:
      isObject(dns) && Object.values(dns).some(value => listOf(value).length > 0 || textOf(value) !== null)
        ? dns
        : null,
  };
}

/** Of Mesos, whose runtime says ports there. */
export function mesosPorts({ config }: Pick<Request, 'config'>): readonly unknown[] {
  const { network_info: info } = objectOf(objectOf(config['args'])['org.apache.mesos']);
  return listOf(member(objectOf(info), 'portMappings'));
}

function readIp(text: string): string {
  const parsed = parseIp(text.split('/')[0] ?? '');
  if (parsed === null || (text.includes('/') && parseCidr(text) === null))
    throw new CniError('invalidConfiguration', `${JSON.stringify(text)} is not an IP address`);
  return formatIp(parsed.family, parsed.value);
}

function readMac(text: string): string {
  const parsed = parseMac(text.replaceAll('-', ':'));
  if (parsed === null) throw new CniError('invalidConfiguration', `${JSON.stringify(text)} is not a MAC address`);
  return formatMac(parsed);
}

/** What CRI fills in where only a rate is given. */
const noBurst = 2 ** 32 - 1;

/** Runtimes say bits. */
function rateOf(bandwidth: JsonObject, direction: 'ingress' | 'egress'): RateLimit | null {
  const rate = numberOf(member(bandwidth, `${direction}Rate`)) ?? 0;
  if (rate <= 0) return null;
  const burst = numberOf(member(bandwidth, `${direction}Burst`)) ?? 0;
  const kilobits = (bits: number): number => Math.max(1, Math.round(bits / 1000));
  return { maxKbps: kilobits(rate), maxBurstKbps: burst <= 0 || burst >= noBurst ? null : kilobits(burst) };
}

/** What labels of Weft can be (src/model/labels.ts); others are left out, for they are the runtime's and not required to be understood. */
const labelKey = /^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$/;
const longestValue = 255;

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  // `[{key, value}]`, in Mesos within an object with a list of the same name, or a plain object.
  const list = isObject(value) && Array.isArray(value['labels']) ? value['labels'] : value;
  const pairs = Array.isArray(list)
    ? listOf(list)
        .filter(isObject)
        .map(({ key, value: text }) => [key, text] as const)
    : Object.entries(objectOf(list));
  return Object.fromEntries(
    pairs.filter(
      (pair): pair is [string, string] =>
        typeof pair[0] === 'string' &&
        typeof pair[1] === 'string' &&
        labelKey.test(pair[0]) &&
        pair[1].length <= longestValue,
    ),
  );
}

/** By these security groups select pods: their names are those of kubelet's own labels. */
function podLabels(args: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  return labelsOf({
    'io.kubernetes.pod.namespace': args.get('K8S_POD_NAMESPACE'),
    'io.kubernetes.pod.name': args.get('K8S_POD_NAME'),
    'io.kubernetes.pod.uid': args.get('K8S_POD_UID'),
  });
}

/** `metadata` of Cloud Foundry: the application, space and organization, and the group that its policies are about. */
function cloudFoundryLabels({ metadata }: JsonObject): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(metadata)).map(([key, value]) => [`cloudfoundry.org/${key}`, value] as const);
  return labelsOf(Object.fromEntries(entries));
}
