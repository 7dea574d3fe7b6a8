/**
 * Ports of the host that lead to a container: nftables rules that are there once, and maps with an element for each mapping, whose comment says
 * whose it is. What comes is sent to the container through the host's own interface on the logical network (host-interface.ts) and in its name,
 * so that answers come back the same way.
 */
import { CniError } from './cni-error.js';
import { isObject, type JsonObject, listOf, member, numberOf, parseObject, textOf } from './json.js';
import { shell } from './shell.js';

export interface PortMapping {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostPort: number;
  readonly containerPort: number;
  /** Canonical; null: any address of the host. */
  readonly hostIp: string | null;
}

const protocols = ['tcp', 'udp', 'sctp'] as const;
const isPort = (value: number | null): value is number =>
  value !== null && Number.isInteger(value) && value > 0 && value < 65_536;

/** @throws CniError invalidConfiguration */
export function readPortMappings(list: readonly unknown[], readIp: (text: string) => string): readonly PortMapping[] {
  return list.filter(isObject).flatMap(mapping => {
    const hostPort = numberOf(member(mapping, 'hostPort'));
    // Kubernetes names ports that are not to be mapped too.
    if (hostPort === null || hostPort === 0) return [];
    const containerPort = numberOf(member(mapping, 'containerPort'));
    const protocol = protocols.find(each => each === (textOf(member(mapping, 'protocol')) ?? 'tcp').toLowerCase());
    const hostIp = textOf(member(mapping, 'hostIP'));
    if (protocol === undefined || !isPort(hostPort) || !isPort(containerPort))
      throw new CniError('invalidConfiguration', `portMappings has ${JSON.stringify(mapping)}`);
    const isAny = hostIp === null || hostIp === '0.0.0.0' || hostIp === '::';
    return [{ protocol, hostPort, containerPort, hostIp: isAny ? null : readIp(hostIp) }];
  });
}

/** Devices of host-interface.ts. */
export const hostInterfacePrefix = 'wefth';

const table = 'inet weft-cni';
const families = [
  { number: 4, type: 'ipv4_addr', header: 'ip' },
  { number: 6, type: 'ipv6_addr', header: 'ip6' },
] as const;

/** All of the table but the elements of the maps; doing it again changes nothing. */
function foundation(): readonly string[] {
  const maps = protocols.flatMap(protocol =>
    families.flatMap(({ number, type }) => [
      `add map ${table} ${protocol}${number} { type inet_service : ${type} . inet_service ; }`,
      `add map ${table} ${protocol}at${number} { type ${type} . inet_service : ${type} . inet_service ; }`,
    ]),
  );
  const rules = (chain: string): readonly string[] =>
    protocols.flatMap(protocol =>
      families.flatMap(({ number, header }) => [
        `add rule ${table} ${chain} fib daddr type local dnat ${header} to ${header} daddr . ${protocol} dport map @${protocol}at${number}`,
        `add rule ${table} ${chain} fib daddr type local dnat ${header} to ${protocol} dport map @${protocol}${number}`,
      ]),
    );
  const chains = [
    ['arriving', 'prerouting', 'dstnat', rules('arriving')],
    ['local', 'output', '-100', rules('local')],
    [
      'leaving',
      'postrouting',
      'srcnat',
      [`add rule ${table} leaving oifname "${hostInterfacePrefix}*" ct status dnat masquerade`],
    ],
  ] as const;
  return [
    `add table ${table}`,
    ...maps,
    ...chains.flatMap(([name, hook, priority, own]) => [
      `add chain ${table} ${name} { type nat hook ${hook} priority ${priority} ; }`,
      `flush chain ${table} ${name}`,
      ...own,
    ]),
  ];
}

const isSix = (address: string): boolean => address.includes(':');

/** The elements of mappings to a container with these addresses: one for each family that it has. */
export function elementsOf(
  portId: string,
  mappings: readonly PortMapping[],
  ips: readonly string[],
): readonly string[] {
  return families.flatMap(({ number }) => {
    const ip = ips.find(each => isSix(each) === (number === 6));
    if (ip === undefined) return [];
    return mappings
      .filter(({ hostIp }) => hostIp === null || isSix(hostIp) === (number === 6))
      .map(({ protocol, hostPort, containerPort, hostIp }) => {
        const map = `${protocol}${hostIp === null ? '' : 'at'}${number}`;
        const key = hostIp === null ? `${hostPort}` : `${hostIp} . ${hostPort}`;
        return `add element ${table} ${map} { ${key} comment "${portId}" : ${ip} . ${containerPort} }`;
      });
  });
}

const nftScript = `
case "$FORWARD" in yes) echo 1 > /proc/sys/net/ipv4/ip_forward ;; esac
printf '%s\\n' "$RULES" | nft -f -`;

/** @throws CniError refused where a port of the host is another's */
export async function mapPorts(
  portId: string,
  mappings: readonly PortMapping[],
  ips: readonly string[],
): Promise<void> {
  const rules = [...foundation(), ...elementsOf(portId, mappings, ips)].join('\n');
  const { status, err } = await shell(nftScript, { RULES: rules, FORWARD: 'yes' });
  if (/File exists/.test(err))
    throw new CniError('refused', `a port of the host is taken: ${JSON.stringify(mappings)}`, err);
  if (status !== 0)
    throw new CniError('commandFailed', 'the ports of the host cannot be mapped (nftables is needed)', err);
}

/** Between reading and deleting, another call may have deleted. */
const attempts = 5;

/** Takes the mappings of a port away, of which there need be none. */
export async function unmapPorts(portId: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const { status, out } = await shell(`exec nft -j list table ${table}`, {});
    // There is no such table, or not even nftables: nothing has been mapped.
    if (status !== 0) return;
    const deletions = deletionsOf(parseObject(out, 'what nft says'), portId);
    if (deletions.length === 0) return;
    const deleted = await shell(nftScript, { RULES: deletions.join('\n'), FORWARD: '' });
    if (deleted.status === 0) return;
    if (attempt === attempts)
      throw new CniError('commandFailed', 'mapped ports of the host cannot be removed', deleted.err);
  }
}

/** What deletes the elements of a port from a table, as `nft -j` lists it. */
export function deletionsOf({ nftables }: JsonObject, portId: string): readonly string[] {
  return listOf(nftables).flatMap(entry => {
    const map = isObject(entry) && isObject(entry['map']) ? entry['map'] : {};
    const name = textOf(map['name']) ?? '';
    return listOf(map['elem']).flatMap(pair => {
      const [key] = listOf(pair);
      const element = isObject(key) && isObject(key['elem']) ? key['elem'] : {};
      return element['comment'] === portId ? [`delete element ${table} ${name} { ${keyText(element['val'])} }`] : [];
    });
  });
}

function keyText(value: unknown): string {
  const parts = isObject(value) ? listOf(value['concat']) : [value];
  return parts.map(String).join(' . ');
}
