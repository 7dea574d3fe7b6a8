/** Devices of the host and of containers, by iproute2 and nsenter. */
import { existsSync } from 'node:fs';
import { CniError } from './cni-error.js';
import { isObject, type JsonObject, listOf } from './json.js';
import type { Attachment } from './request.js';
import { shell } from './shell.js';

export interface Pair {
  readonly hostDevice: string;
  readonly hostMac: string;
  /** Whose it is: see `aliasOf`. */
  readonly alias: string;
  /** Path of the container's network namespace. */
  readonly netns: string;
  readonly ifname: string;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly routes: readonly { readonly dst: string; readonly gw: string }[];
  readonly defaultRoutes: readonly { readonly dst: string; readonly gw: string }[];
  /** Whether default routes take the place of those that the container has; else they are skipped there. */
  readonly replacesDefault: boolean;
  /** Whether the container has to compute its checksums itself. */
  readonly isUserspace: boolean;
}

/**
 * The pair is made where the container's end belongs, so that its name meets no device of the host. Then what the container needs: IPv6 is
 * on and hears no router advertisements (addresses and routes are told by Weft), and no address is looked for twice. Exit 17 is a device
 * that was there before.
 */
const makeScript = `
if ! said=$(printf '%s\\n' "$PAIR" | ip -batch - 2>&1); then
  printf '%s\\n' "$said" >&2
  case "$said" in *'File exists'*) exit 17 ;; esac
  exit 1
fi
exec nsenter --net="$NETNS" sh -euc '
conf=/proc/sys/net/ipv6/conf/$IFNAME
if [ -d "$conf" ]; then
  echo 0 > "$conf/accept_ra"
  [ -z "$IPV6" ] || echo 0 > "$conf/disable_ipv6"
fi
[ -z "$TX_OFF" ] || ethtool -K "$IFNAME" tx off > /dev/null
printf "%s\\n" "$INSIDE" | ip -batch -
printf "%s" "$DEFAULTS" | while read -r family route; do
  if said=$(ip "$family" route "$VERB" $route 2>&1); then
    printf "%s\\n" "$family"
    continue
  fi
  case "$said" in *"File exists"*) ;; *) printf "%s\\n" "$said" >&2; exit 1 ;; esac
done'`;

/**
 * Makes the two devices, with addresses and routes. Gives the default routes that the container has got.
 * @throws CniError interfaceExists, unknownContainer, commandFailed
 */
export async function makePair(pair: Pair): Promise<Pair['defaultRoutes']> {
  const { hostDevice, hostMac, alias, netns, ifname, mac, mtu } = pair;
  if (!existsSync(netns)) throw new CniError('unknownContainer', `there is no network namespace ${netns}`);
  if (/\s/.test(netns)) throw new CniError('invalidEnvironment', 'CNI_NETNS has blanks');
  const { status, out, err } = await shell(makeScript, {
    PAIR: [
      `link add ${hostDevice} address ${hostMac} mtu ${mtu} type veth peer name ${ifname} address ${mac} mtu ${mtu} netns ${netns}`,
      `link set ${hostDevice} alias ${alias} up`,
    ].join('\n'),
    NETNS: netns,
    IFNAME: ifname,
    IPV6: pair.addresses.some(address => address.includes(':')) ? 'yes' : '',
    TX_OFF: pair.isUserspace ? 'yes' : '',
    INSIDE: insideLines(pair).join('\n'),
    VERB: pair.replacesDefault ? 'replace' : 'add',
    DEFAULTS: pair.defaultRoutes.map(({ dst, gw }) => `${familyOf(gw)} ${dst} via ${gw} dev ${ifname}\n`).join(''),
  });
  if (status === 17) throw new CniError('interfaceExists', `${ifname} or ${hostDevice} exists already`, err);
  if (status !== 0) throw new CniError('commandFailed', `the devices of ${ifname} cannot be made`, err);
  const families = new Set(out.split('\n'));
  return pair.defaultRoutes.filter(({ gw }) => families.has(familyOf(gw)));
}

function insideLines({ ifname, addresses, routes }: Pair): readonly string[] {
  return [
    `link set ${ifname} up`,
    ...addresses.map(address => `addr add ${address} dev ${ifname}${address.includes(':') ? ' nodad' : ''}`),
    ...routes.map(({ dst, gw }) => `route add ${dst} via ${gw} dev ${ifname}`),
  ];
}

const familyOf = (address: string): string => (address.includes(':') ? '-6' : '-4');

const aliasMark = 'weft-cni';
/** What Linux takes (IFALIASZ). */
const longestAlias = 255;

/** None of the three has a slash. */
export function aliasOf(network: string, { containerId, ifname }: Pick<Attachment, 'containerId' | 'ifname'>): string {
  const alias = [aliasMark, network, containerId, ifname].join('/');
  return alias.length <= longestAlias ? alias : aliasMark;
}

/** Attachments of a network that have a device on the host: that of a killed ADD may have nothing else. */
export async function attachmentsOnHost(
  network: string,
): Promise<readonly Pick<Attachment, 'containerId' | 'ifname'>[]> {
  const { status, out, err } = await shell('exec ip -j link show type veth', {});
  if (status !== 0) throw new CniError('commandFailed', 'the devices of the host cannot be listed', err);
  return listOf(JSON.parse(out === '' ? '[]' : out)).flatMap(link => {
    const alias = isObject(link) && typeof link['ifalias'] === 'string' ? link['ifalias'] : '';
    const [mark, name, containerId, ifname] = alias.split('/');
    const isOurs = mark === aliasMark && name === network && containerId !== undefined && ifname !== undefined;
    return isOurs ? [{ containerId, ifname }] : [];
  });
}

/** Removes the pair: both ends go with the one on the host. */
export async function removePair(hostDevice: string): Promise<void> {
  const { status, err } = await shell('ip link del dev "$DEVICE"', { DEVICE: hostDevice });
  if (status !== 0 && !/Cannot find device/.test(err))
    throw new CniError('commandFailed', `${hostDevice} cannot be removed`, err);
}

/** What a container's interface is: null where there is none, or no such namespace. */
export async function describeInterface(
  netns: string,
  ifname: string,
): Promise<{ readonly mac: string; readonly isUp: boolean; readonly addresses: readonly string[] } | null> {
  if (!existsSync(netns)) return null;
  const { status, out } = await shell('exec nsenter --net="$NETNS" ip -j addr show dev "$DEVICE"', {
    NETNS: netns,
    DEVICE: ifname,
  });
  const [found] = status === 0 ? (JSON.parse(out) as readonly JsonObject[]) : [];
  if (found === undefined) return null;
  const addresses = listOf(found['addr_info'])
    .filter(isObject)
    .map(({ local, prefixlen }) => `${String(local)}/${String(prefixlen)}`);
  return { mac: String(found['address']), isUp: listOf(found['flags']).includes('UP'), addresses };
}
