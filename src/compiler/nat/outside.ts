/** Where a router translates: its ports outside, and the conntrack zone that it has on every hypervisor. */
import { type Cidr, cidrContains, type IpAddress, type IpFamily } from '../../base/address.js';
import { isGatewayPort } from '../../model/gateway.js';
import { logicalNetworkOf } from '../../model/nat-invariants.js';
import { natScope, sharedExternal } from '../../view/translation-rows.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Scope } from '../fragment.js';
import { cidrValue, ipValue, macValue } from '../pipeline/addresses.js';

/** A port of the router outside. */
export interface OutsidePort {
  readonly mac: bigint;
  /** Its key in the router, and in the logical switch. */
  readonly portKey: number;
  readonly switchPortKey: number;
  readonly networks: readonly Cidr[];
}

export interface Outside {
  /** Key of the router. */
  readonly router: number;
  readonly zone: number;
  /** Key, number and VLAN of the logical switch. */
  readonly datapath: number;
  readonly switchNumber: number;
  readonly vlan: number | null;
  readonly ports: readonly OutsidePort[];
  readonly scope: Scope;
}

/** Null while the router has no gateway, or no port there. */
export function outsideOf(router: NetworkRow<'logical-routers'>, view: TrackedView): Outside | null {
  if (router.gateway === null || router.natZone === null) return null;
  const { logicalSwitchId } = router.gateway;
  const logicalSwitch = view.get('logical-switches', logicalSwitchId);
  if (logicalSwitch === null) return null;
  const ports = view.by('logical-router-ports', 'logicalRouterId', router.id).flatMap((port): readonly OutsidePort[] =>
    !isGatewayPort(router, port) || port.switchPortKey === null
      ? []
      : [
          {
            mac: macValue(port.mac),
            portKey: port.portKey,
            switchPortKey: port.switchPortKey,
            networks: port.networks.map(cidrValue),
          },
        ],
  );
  if (ports.length === 0) return null;
  return {
    router: router.datapathKey,
    zone: router.natZone,
    datapath: logicalSwitch.datapathKey,
    switchNumber: logicalSwitch.number,
    vlan: logicalSwitch.provider?.vlan ?? null,
    ports,
    scope: { kind: 'datapath', datapathId: natScope(router.id) },
  };
}

/** The port that has the address as its own. */
export function ownerOf({ ports }: Outside, { family, value }: IpAddress): OutsidePort | null {
  return ports.find(({ networks }) => networks.some(each => each.family === family && each.address === value)) ?? null;
}

/** The port in a network of which the address is, and not the port's own. */
export function neighbourOf(outside: Outside, address: IpAddress): OutsidePort | null {
  if (ownerOf(outside, address) !== null) return null;
  return outside.ports.find(({ networks }) => networks.some(each => cidrContains(each, address))) ?? null;
}

/** The first address that the router has outside in the family. */
export function ownAddress({ ports }: Outside, family: IpFamily): bigint | null {
  return ports.flatMap(({ networks }) => networks).find(each => each.family === family)?.address ?? null;
}

/** A rule in force. */
export interface Translating {
  readonly rule: NetworkRow<'nat-rules'>;
  readonly external: IpAddress;
  readonly outside: Outside;
  /** The port that has the external address, or a network with it. */
  readonly port: OutsidePort;
}

/** Null for a rule that cannot be in force: its address is not one of those that its router can have outside. */
export function translating(rule: NetworkRow<'nat-rules'>, view: TrackedView): Translating | null {
  const router = view.get('logical-routers', rule.logicalRouterId);
  const outside = router === null ? null : outsideOf(router, view);
  if (outside === null) return null;
  const external = ipValue(rule.externalIp);
  if (logicalNetworkOf(rule).family !== external.family) return null;
  const port = rule.kind === 'floating_ip' ? neighbourOf(outside, external) : ownerOf(outside, external);
  return port === null ? null : { rule, external, outside, port };
}

type Shared = Pick<NetworkRow<'nat-rules'>, 'logicalRouterId' | 'externalIp'>;

/** Of the rules that share an address outside, the first by id speaks for all. */
export function speakerOf({ logicalRouterId, externalIp }: Shared, view: TrackedView): NetworkRow<'nat-rules'> | null {
  return view.by('nat-rules', 'external', sharedExternal(logicalRouterId, externalIp))[0] ?? null;
}

export function speaks(rule: NetworkRow<'nat-rules'>, view: TrackedView): boolean {
  return speakerOf(rule, view)?.id === rule.id;
}
