/**
 * Who is where: for every port of a switch its MAC and its addresses, the same on every hypervisor that holds the
 * switch. A dual-stack port is two flows: its MAC, with the hypervisor, and its IPv4 address. Its IPv6 address needs
 * none when it is the EUI-64 address of the MAC, and its link-local address never does:
 *
 *   address6 --(ls_neighbour: undo EUI-64)--> mac --(ls_fdb)--> euiSubnet --(ls_neighbour_check)--> resolved
 */
import { isGatewayPort } from '../../model/gateway.js';
import { addressesOf } from '../../model/port-addresses.js';
import { eui64, linkLocalOf, prefixMask } from '../../base/address.js';
import { call, move, set, setSlice, slice } from '../pipeline/actions.js';
import { anyOf, cidrValue, ipValue, linkLocalNetwork, macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { lsFdb, lsNeighbour, lsNeighbourCheck } from '../pipeline/switch-ingress.js';
import { lsOutDelivery } from '../pipeline/switch-egress.js';
import { lrInIpInput } from '../pipeline/router-ingress.js';
import { advance } from '../pipeline/actions.js';
import type { Flow } from '../fragment.js';
import { rule } from '../rule.js';
import { localPortFlows } from './local.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';

const explicitPriority = 100;
const derivedPriority = 10;

interface Owner {
  readonly datapath: number;
  readonly mac: bigint;
  readonly isRouter: boolean;
}

/** The answer to "who has this address". */
function neighbourFlow({ datapath, mac, isRouter }: Owner, ip: string): Flow {
  const { family, value } = ipValue(ip);
  const address = family === 4 ? { address4: value } : { address6: value };
  return flow(lsNeighbour, {
    priority: explicitPriority,
    match: { datapath, ...address },
    actions: [set({ mac, resolved: 1, ...(isRouter ? { targetIsRouter: 1 } : {}) })],
  });
}

/** The /64 subnet in which the port has the EUI-64 address of its MAC; the first, if there are several. */
function euiAddressOf(
  port: NetworkRow<'logical-switch-ports'>,
  mac: bigint,
  view: TrackedView,
): { readonly ip: string; readonly subnetNumber: number } | null {
  for (const { ip, subnetId } of port.ips) {
    const { family, value } = ipValue(ip);
    if (family !== 6 || value !== eui64(value & prefixMask(6, 64), mac)) continue;
    const subnet = view.get('subnets', subnetId);
    if (subnet === null) continue;
    const { prefixLength, network } = cidrValue(subnet.cidr);
    if (prefixLength === 64 && network === (value & prefixMask(6, 64))) return { ip, subnetNumber: subnet.number };
  }
  return null;
}

/** A logical switch port, wherever it is bound. */
export const switchingPort = rule({
  name: 'switching.port',
  number: 31,
  subjects: 'logical-switch-ports',
  compile: (port, view) => {
    const logicalSwitch = view.get('logical-switches', port.logicalSwitchId);
    if (logicalSwitch === null) return null;
    const bound = view.get('bound-ports', port.id);
    const place = bound === null ? null : view.get('hypervisor-keys', bound.hypervisorId);
    const mac = macValue(port.mac);
    const owner: Owner = { datapath: logicalSwitch.datapathKey, mac, isRouter: false };
    // Of a port that is nowhere only the MAC is known, so that nobody answers for addresses that another may have taken
    // over (a virtual address that a port without an interface reserves).
    const eui = place === null ? null : euiAddressOf(port, mac, view);
    const linkLocalAddress = linkLocalOf(mac);
    // One that is local answers everywhere.
    const addresses = place === null && port.local === null ? [] : addressesOf(port);
    const explicit = addresses.filter(ip => ip !== eui?.ip && ipValue(ip).value !== linkLocalAddress);
    const location = { outPort: port.portKey, outHost: place?.hypervisorKey ?? 0 };
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsFdb, {
          priority: explicitPriority,
          match: { datapath: owner.datapath, mac },
          actions: [set(eui === null ? location : { ...location, euiSubnet: eui.subnetNumber })],
        }),
        ...explicit.map(ip => neighbourFlow(owner, ip)),
        ...localPortFlows(port, owner.datapath),
      ],
      // Others send there only when the port is ready to receive.
      ...(place === null ? {} : { after: [place.id] }),
    };
  },
});

/** The end of a router port in the switch: it owns its MAC and addresses, and leads into the router. */
export const switchingRouterPort = rule({
  name: 'switching.router-port',
  number: 32,
  subjects: 'logical-router-ports',
  compile: (port, view) => {
    if (port.logicalSwitchId === null || port.switchPortKey === null) return null;
    const logicalSwitch = view.get('logical-switches', port.logicalSwitchId);
    const router = view.get('logical-routers', port.logicalRouterId);
    if (logicalSwitch === null || router === null || isGatewayPort(router, port)) return null;
    const mac = macValue(port.mac);
    const owner: Owner = { datapath: logicalSwitch.datapathKey, mac, isRouter: true };
    const addresses = port.networks.map(network => network.slice(0, network.indexOf('/')));
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsFdb, {
          priority: explicitPriority,
          match: { datapath: owner.datapath, mac },
          actions: [set({ outPort: port.switchPortKey, targetIsRouter: 1 })],
        }),
        ...[...new Set(addresses)].map(ip => neighbourFlow(owner, ip)),
        // The hypervisor where a packet enters does all the routing, so a tunnel never leads into a router.
        flow(lsOutDelivery, {
          priority: 100,
          match: { datapath: owner.datapath, outPort: port.switchPortKey, fromUnderlay: 0 },
          actions: [set({ datapath: router.datapathKey, inPort: port.portKey, outPort: 0 }), advance(lrInIpInput)],
        }),
      ],
    };
  },
});

/** EUI-64 addresses of a subnet count when the owner of the MAC is known to have one there. */
export const switchingSubnet = rule({
  name: 'switching.subnet',
  number: 33,
  subjects: 'subnets',
  compile: subnet => {
    const network = cidrValue(subnet.cidr);
    if (network.family !== 6 || network.prefixLength !== 64) return null;
    return {
      scope: { kind: 'datapath', datapathId: subnet.logicalSwitchId },
      flows: [
        flow(lsNeighbourCheck, {
          priority: 100,
          match: { euiSubnet: subnet.number, address6: anyOf(network) },
          actions: [set({ resolved: 1 })],
        }),
      ],
    };
  },
});

/** The middle of an EUI-64 interface identifier, and the universal/local bit that it turns over. */
const euiMiddle = { value: 0xff_fe00_0000n, mask: 0xff_ff00_0000n } as const;
const universalBit = 1n << 57n;
const macUniversalBit = slice('mac', 41, 1);

function undoEui64(isUniversal: boolean): Flow {
  return flow(lsNeighbour, {
    priority: derivedPriority,
    match: {
      address6: {
        value: euiMiddle.value | (isUniversal ? universalBit : 0n),
        mask: euiMiddle.mask | universalBit,
      },
    },
    actions: [
      move(slice('address6', 40, 24), slice('mac', 24, 24)),
      move(slice('address6', 0, 24), slice('mac', 0, 24)),
      setSlice(macUniversalBit, isUniversal ? 0 : 1),
      set({ outPort: 0, euiSubnet: 0 }),
      call(lsFdb),
      call(lsNeighbourCheck),
    ],
  });
}

export const forwardingFlows: readonly Flow[] = [
  undoEui64(true),
  undoEui64(false),
  // Nobody has the MAC.
  flow(lsNeighbourCheck, { priority: 200, match: { outPort: 0 }, actions: [] }),
  flow(lsNeighbourCheck, { priority: 50, match: { address6: linkLocalNetwork }, actions: [set({ resolved: 1 })] }),
];
