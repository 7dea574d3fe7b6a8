/**
 * The host's own interface on a logical network: an internal port of Open vSwitch with a port of Weft. By it processes of the host reach containers
 * (health checks), and mapped ports of the host lead to them.
 */
import type { LogicalSwitch } from '../client/api.js';
import { CniError } from './cni-error.js';
import type { Context } from './context.js';
import { addressesOf } from './addresses.js';
import { attachmentKeys, type Bridge } from './host-database.js';
import { hostPortIdOf } from './identity.js';
import { withLock } from './lock.js';
import { hostInterfacePrefix } from './port-mappings.js';
import { shell } from './shell.js';

/** At most 15 characters. */
export function hostInterfaceOf(portId: string): string {
  return `${hostInterfacePrefix}${portId.replaceAll('-', '').slice(0, 10)}`;
}

/** The device comes with the next round of ovs-vswitchd. Where IPv6 is off on the host, it has no such address. */
const script = `
tries=0
until ip link show dev "$DEVICE" > /dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 250 ] || { echo "Open vSwitch does not make $DEVICE" >&2; exit 1; }
  sleep 0.02
done
ip link set dev "$DEVICE" address "$MAC" mtu "$MTU" up
for address in $ADDRESSES; do
  case "$address" in
    *:*) [ "$(cat "/proc/sys/net/ipv6/conf/$DEVICE/disable_ipv6" 2> /dev/null || echo 1)" = 0 ] || continue
      ip addr replace "$address" dev "$DEVICE" nodad ;;
    *) ip addr replace "$address" dev "$DEVICE" ;;
  esac
done`;

/** Sees to it that the host has its interface. What ovs-vswitchd has made anew gets its addresses again. @throws CniError */
export async function ensureHostInterface(
  context: Context,
  bridge: Bridge,
  logicalSwitch: LogicalSwitch,
): Promise<void> {
  const { request, configuration, database, host, controller } = context;
  const portId = hostPortIdOf(host.hypervisor, request.network, logicalSwitch.id);
  const device = hostInterfaceOf(portId);
  await withLock(portId, configuration.timeoutMs, async () => {
    const port = await controller.createHostPort(logicalSwitch, portId, host.hypervisor, request.network);
    const known = await database.interface(device);
    if (known?.portId !== portId) {
      const ids = new Map([
        ['iface-id', portId],
        ['attached-mac', port.mac],
        [attachmentKeys.hostInterface, request.network],
      ]);
      await database.attach(bridge, device, ids, 'internal');
    }
    await database.installed(device, configuration.timeoutMs);
    const { status, err } = await shell(script, {
      DEVICE: device,
      MAC: port.mac,
      MTU: String(logicalSwitch.effective_mtu),
      ADDRESSES: addressesOf(logicalSwitch, port)
        .map(({ address }) => address)
        .join(' '),
    });
    if (status !== 0) throw new CniError('commandFailed', `the host's interface ${device} cannot be set up`, err);
  });
}

/** Takes the host's interfaces on networks of the runtime away. */
export async function removeHostInterfaces({
  request,
  configuration,
  database,
  host,
  controller,
}: Context): Promise<void> {
  for (const { id } of await controller.hostPorts(host.hypervisor, request.network)) {
    await withLock(id, configuration.timeoutMs, async () => {
      await database.detach(hostInterfaceOf(id));
      await controller.deletePort(id);
    });
  }
}
