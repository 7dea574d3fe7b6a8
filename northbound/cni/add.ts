/**
 * ADD: the port in Weft, then the devices, then the device on the bridge, then waiting until the flows are there. Each step finds what an
 * earlier call has left of it, and what fails is undone.
 */
import type { LogicalSwitch, LogicalSwitchPort } from '../client/api.js';
import { addressesOf } from './addresses.js';
import { CniError } from './cni-error.js';
import type { Configuration } from './configuration.js';
import { type Context, payDebts, removeAttachment } from './context.js';
import { aliasOf, describeInterface, makePair, type Pair, removePair } from './devices.js';
import { attachmentKeys, type Bridge } from './host-database.js';
import { ensureHostInterface } from './host-interface.js';
import { hostMacOf, type Identity, identityOf } from './identity.js';
import { isObject, type JsonObject, listOf, member, textsOf } from './json.js';
import { withLock } from './lock.js';
import { mapPorts } from './port-mappings.js';
import type { Attachment } from './request.js';
import { interfaceIn, type Made, resultOf } from './result.js';
import { readWishes, type Wishes } from './wishes.js';

/** @throws CniError */
export async function add(context: Context, asked: Attachment): Promise<JsonObject> {
  const { request, configuration, host } = context;
  const previous = isObject(request.config['prevResult']) ? request.config['prevResult'] : null;
  const attachment = ownInterface(configuration, asked, previous);
  if (host.hypervisor === '' || host.bridge === null)
    throw new CniError('tryAgainLater', 'this host has not joined Weft, or Weft has not made its bridge yet');
  const wishes = readWishes(request);
  const identity = identityOf(host.hypervisor, request.network, attachment);
  const { bridge } = host;
  return withLock(identity.portId, configuration.timeoutMs, async () => {
    await refuseSecond(context, identity, attachment);
    const logicalSwitch = await context.controller.logicalSwitch();
    // From here on the port is wanted.
    context.debts.remove(identity.portId);
    try {
      const made = await make(context, bridge, identity, attachment, wishes, logicalSwitch);
      return resultOf(request.version, made, previous);
    } catch (error) {
      // What cannot be undone now is found by its names: by DEL, by the next ADD, or by GC.
      const belongings = {
        groupId: wishes.egressRules === null ? null : identity.egressGroupId,
        mayHaveMappings: wishes.portMappings.length > 0,
      };
      await removeAttachment(context, identity.portId, belongings).catch(() => undefined);
      throw error;
    } finally {
      await payDebts(context);
    }
  });
}

/** Behind another plugin the interface needs a name of its own. */
export function ownInterface(
  { interfaceName }: Pick<Configuration, 'interfaceName'>,
  asked: Attachment,
  previous: JsonObject | null,
): Attachment {
  const ifname = interfaceName ?? asked.ifname;
  if (previous !== null && interfaceIn(previous, ifname) !== null)
    throw new CniError(
      'invalidConfiguration',
      `a plugin before this one has made ${ifname}: name the interface in weft.interfaceName, or add Weft's network by a call of its own`,
    );
  return { ...asked, ifname };
}

/**
 * An ADD that has come to its end is not repeated. What is left of one that has not is cleared away.
 * @throws CniError interfaceExists
 */
async function refuseSecond(
  { database }: Context,
  { hostDevice, portId }: Identity,
  { netns, ifname }: Attachment,
): Promise<void> {
  const known = await database.interface(hostDevice);
  if (known === null) return;
  const inside = netns === null ? null : await describeInterface(netns, ifname);
  if (known.portId === portId && inside !== null)
    throw new CniError('interfaceExists', `${ifname} is there already: ADD without a DEL before it`);
  await database.detach(hostDevice);
  await removePair(hostDevice);
}

async function make(
  context: Context,
  bridge: Bridge,
  identity: Identity,
  attachment: Attachment,
  wishes: Wishes,
  logicalSwitch: LogicalSwitch,
): Promise<Made> {
  const { request, configuration, database, host, controller } = context;
  const deadline = performance.now() + configuration.timeoutMs;
  const owner = { hypervisor: host.hypervisor, network: request.network, attachment };
  const port = await controller.createPort(logicalSwitch, identity, owner, wishes);
  const alias = aliasOf(request.network, attachment);
  const pair = { ...pairOf(configuration, bridge, identity, attachment, logicalSwitch, port), alias };
  const defaultRoutes = await makeAnew(pair);
  const externalIds = new Map([
    ['iface-id', port.id],
    ['attached-mac', port.mac],
    ['iface-status', 'active'],
    [attachmentKeys.network, request.network],
    [attachmentKeys.container, attachment.containerId],
    [attachmentKeys.ifname, attachment.ifname],
  ]);
  await database.attach(bridge, pair.hostDevice, externalIds);
  await inForce(context, identity, deadline);
  const { portMappings } = wishes;
  if (configuration.hostInterface || portMappings.length > 0) await ensureHostInterface(context, bridge, logicalSwitch);
  const ips = port.ips.map(({ ip }) => ip);
  if (portMappings.length > 0) await mapPorts(port.id, portMappings, ips);
  return {
    ...pair,
    ips: addressesOf(logicalSwitch, port).map(({ address, gateway }) => ({ address, gateway })),
    routes: [...pair.routes, ...defaultRoutes],
    dns: dnsOf(logicalSwitch, port, wishes),
  };
}

/** A device of an ADD that was killed before it was on the bridge is replaced. */
async function makeAnew(pair: Pair): Promise<Pair['defaultRoutes']> {
  try {
    return await makePair(pair);
  } catch (error) {
    if (!(error instanceof CniError) || error.kind !== 'interfaceExists') throw error;
    await removePair(pair.hostDevice);
    return makePair(pair);
  }
}

async function inForce(
  { configuration, database, controller }: Context,
  identity: Identity,
  deadline: number,
): Promise<void> {
  const { waitFor } = configuration;
  if (waitFor === 'nothing') return;
  const left = (): number => Math.max(0, Math.round(deadline - performance.now()));
  try {
    await database.installed(identity.hostDevice, left());
  } catch (error) {
    if (!(error instanceof CniError) || error.kind !== 'tryAgainLater') throw error;
    // Weft knows why: another host has the port, the host is not approved, its switch has refused the flows.
    const { status } = await controller.port(identity.portId);
    throw new CniError('tryAgainLater', error.message, `the port is ${status.state}: ${status.reason ?? ''}`, {
      cause: error,
    });
  }
  if (waitFor === 'applied') await controller.applied(identity.portId, left());
}

function pairOf(
  configuration: Configuration,
  bridge: Bridge,
  { hostDevice }: Identity,
  { netns, ifname }: Attachment,
  logicalSwitch: LogicalSwitch,
  port: LogicalSwitchPort,
): Omit<Pair, 'alias'> {
  const addresses = addressesOf(logicalSwitch, port);
  const gateways = (configuration.defaultRoute === false ? [] : addresses).flatMap(({ gateway }) => gateway ?? []);
  const firstOf = (isSix: boolean): readonly string[] => gateways.filter(gw => gw.includes(':') === isSix).slice(0, 1);
  return {
    hostDevice,
    hostMac: hostMacOf(port.mac),
    netns: netns ?? '',
    ifname,
    mac: port.mac,
    mtu: configuration.mtu ?? logicalSwitch.effective_mtu,
    addresses: addresses.map(({ address }) => address),
    routes: addresses.flatMap(({ subnet }) =>
      subnet.host_routes.map(({ destination, next_hop: gw }) => ({ dst: destination, gw })),
    ),
    defaultRoutes: [
      ...firstOf(false).map(gw => ({ dst: '0.0.0.0/0', gw })),
      ...firstOf(true).map(gw => ({ dst: '::/0', gw })),
    ],
    replacesDefault: configuration.defaultRoute === true,
    isUserspace: bridge.isUserspace,
  };
}

/** What the runtime wants (capability dns) comes before what the network has. */
function dnsOf(logicalSwitch: LogicalSwitch, port: LogicalSwitchPort, { dns }: Wishes): JsonObject {
  if (dns !== null) {
    const own = (name: string): readonly string[] => textsOf(listOf(member(dns, name)));
    return { nameservers: own('servers'), search: own('searches'), options: own('options') };
  }
  const { dns_domain: domain } = logicalSwitch;
  const addresses = addressesOf(logicalSwitch, port);
  const named = [...new Set(addresses.flatMap(({ subnet }) => subnet.dns_servers))];
  // A network with a domain has names of its own, for which Weft answers at the gateway address.
  const nameservers = named.length > 0 || domain === null ? named : addresses.flatMap(({ gateway }) => gateway ?? []);
  return {
    ...(nameservers.length === 0 ? {} : { nameservers }),
    ...(domain === null ? {} : { domain, search: [domain] }),
  };
}
