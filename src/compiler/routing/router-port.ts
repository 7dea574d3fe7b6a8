/** A port of a router: its own addresses, the networks that it is connected to, and the way out by it. */
import { linkLocalOf } from '../../base/address.js';
import { isGatewayPort } from '../../model/gateway.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow } from '../fragment.js';
import { advance, call, drop, enter, move, next, set } from '../pipeline/actions.js';
import { anyOf, cidrValue, macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { lrOutDelivery } from '../pipeline/router-egress.js';
import { lrInArpResolve, lrInIpInput, lrInIpRouting } from '../pipeline/router-ingress.js';
import { lsNeighbour } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { routePriority } from './route-priority.js';
import { forward, inputPriority } from './router.js';
import type { Cidr } from '../../base/address.js';

type RouterPort = NetworkRow<'logical-router-ports'>;
type Router = NetworkRow<'logical-routers'>;

const hostLength = { 4: 32, 6: 128 } as const;

function destinationOf(network: Pick<Cidr, 'family' | 'network' | 'prefixLength'>) {
  return network.family === 4 ? { ipv4Dst: anyOf(network) } : { ipv6Dst: anyOf(network) };
}

/** The destination itself is what to resolve. */
const toDestination = { 4: move('ipv4Dst', 'address4'), 6: move('ipv6Dst', 'address6') } as const;

function distinctFlows(flows: readonly Flow[]): readonly Flow[] {
  const key = ({ table, priority, match }: Flow): string =>
    `${table} ${priority} ${match.map(({ field, value, mask }) => `${field.name}=${value}/${mask ?? ''}`).join()}`;
  return [...new Map(flows.map(item => [key(item), item])).values()];
}

function ownAddressFlows(router: Router, port: RouterPort, networks: readonly Cidr[]): readonly Flow[] {
  const mac = macValue(port.mac);
  const own = networks.map(({ family, address }) => (family === 4 ? { ipv4Dst: address } : { ipv6Dst: address }));
  return [
    ...own.map(match =>
      flow(lrInIpInput, {
        priority: inputPriority.ownAddress,
        match: { datapath: router.datapathKey, ...match },
        actions: [next],
      }),
    ),
    // Every link has its own link-local addresses.
    flow(lrInIpInput, {
      priority: inputPriority.ownAddress,
      match: { datapath: router.datapathKey, inPort: port.portKey, ipv6Dst: linkLocalOf(mac) },
      actions: [next],
    }),
  ];
}

function connectedFlows(router: Router, port: RouterPort, networks: readonly Cidr[]): readonly Flow[] {
  const flows = networks.map(network =>
    flow(lrInIpRouting, {
      priority: routePriority(network.prefixLength, 'connected'),
      match: { datapath: router.datapathKey, ...destinationOf(network) },
      actions: forward(port.portKey, toDestination[network.family], isGatewayPort(router, port)),
    }),
  );
  // Several addresses of one network are one connection.
  return distinctFlows(flows);
}

/** Nobody is on a link between two routers but these: an address of neither would go to and fro between them. */
function peerFlows(router: Router, port: RouterPort, peer: RouterPort | null): readonly Flow[] {
  const linkFlows = port.networks.map(cidrValue).map(network =>
    flow(lrInIpRouting, {
      priority: routePriority(network.prefixLength, 'connected'),
      match: { datapath: router.datapathKey, ...destinationOf(network) },
      actions: [drop('neighbour_unresolved')],
    }),
  );
  const peerAddresses = (peer?.networks ?? []).map(cidrValue).map(({ family, address }) =>
    flow(lrInIpRouting, {
      priority: routePriority(hostLength[family], 'connected'),
      match: {
        datapath: router.datapathKey,
        ...destinationOf({ family, network: address, prefixLength: hostLength[family] }),
      },
      actions: forward(port.portKey, toDestination[family]),
    }),
  );
  return distinctFlows([...linkFlows, ...peerAddresses]);
}

/** Out by a port that is on a switch: the switch says who has the address. */
function resolveFlow(router: Router, port: RouterPort, datapath: number, switchPortKey: number): Flow {
  return flow(lrInArpResolve, {
    priority: 100,
    match: { datapath: router.datapathKey, outPort: port.portKey },
    actions: [
      set({ ethSrc: macValue(port.mac), datapath, inPort: switchPortKey, outPort: 0, resolved: 0 }),
      call(lsNeighbour),
      advance(lrOutDelivery),
    ],
  });
}

/** Out by a port that has a peer: straight into the other router. */
function peerResolveFlow(router: Router, port: RouterPort, peer: RouterPort, peerRouter: Router): Flow {
  return flow(lrInArpResolve, {
    priority: 100,
    match: { datapath: router.datapathKey, outPort: port.portKey },
    actions: [set({ datapath: peerRouter.datapathKey, inPort: peer.portKey, outPort: 0 }), enter(lrInIpInput)],
  });
}

function flowsOfLink(router: Router, port: RouterPort, view: TrackedView): readonly Flow[] {
  const networks = port.networks.map(cidrValue);
  const logicalSwitch = port.logicalSwitchId === null ? null : view.get('logical-switches', port.logicalSwitchId);
  // Where it is outside is for room `gateway` to say.
  if (isGatewayPort(router, port)) return connectedFlows(router, port, networks);
  if (logicalSwitch !== null && port.switchPortKey !== null) {
    return [
      ...connectedFlows(router, port, networks),
      resolveFlow(router, port, logicalSwitch.datapathKey, port.switchPortKey),
    ];
  }
  const peer = port.peerId === null ? null : view.get('logical-router-ports', port.peerId);
  const peerRouter = peer === null ? null : view.get('logical-routers', peer.logicalRouterId);
  return [
    ...peerFlows(router, port, peer),
    ...(peer === null || peerRouter === null ? [] : [peerResolveFlow(router, port, peer, peerRouter)]),
  ];
}

export const routingRouterPort = rule({
  name: 'routing.router-port',
  number: 52,
  subjects: 'logical-router-ports',
  compile: (port, view) => {
    const router = view.get('logical-routers', port.logicalRouterId);
    if (router === null) return null;
    return {
      scope: { kind: 'datapath', datapathId: router.id },
      flows: [...ownAddressFlows(router, port, port.networks.map(cidrValue)), ...flowsOfLink(router, port, view)],
    };
  },
});
