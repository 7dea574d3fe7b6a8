/** Endpoints of Docker: each is a logical switch port, whose id follows from that of the endpoint. */
import { WeftError } from '../../src/base/errors.js';
import { internalInterfaceName } from '../../src/model/internal-interface.js';
import type { LogicalSwitchPort, Subnet } from '../../src/model/index.js';
import { knownCidr } from '../../src/model/invariants.js';
import { endpointPortId, isAuxiliary, labelOf, roleOf } from './names.js';
import { type GatewayMode, gatewayModes } from './networks.js';
import {
  addressOf,
  type Body,
  isIpv6,
  namesIn,
  networkOf,
  objectOf,
  objectsOf,
  requiredText,
  textOf,
  weftOptions,
} from './requests.js';
import type { Engine, Scene } from './scene.js';

/** How long Docker waits for a container to be connected, and how often is looked. */
const connectedWithinMs = 10_000;
const lookEveryMs = 15;

const endpointOptions = ['weft.name', 'weft.security_groups'] as const;

/** What libnetwork puts before the number of the interface in the container. */
const interfacePrefix = 'eth';

/** A route of a kind that has a next hop, in libnetwork's numbers. */
const viaNextHop = 0;

/** What a process on the host has to know to make the device; Docker is not told it. */
export interface DeviceWish {
  readonly port_id: string;
  readonly mac: string;
  readonly mtu: number;
}

export class Endpoints {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** Docker takes in an answer only what it did not say itself. */
  async create(engine: Engine, body: Body): Promise<Body> {
    const scene = this.#scene;
    const network = this.#network(engine, body);
    const endpointId = requiredText(body, 'EndpointID');
    const asked = objectOf(body, 'Interface');
    const given = ['Address', 'AddressIPv6'].map(member => textOf(asked, member)).filter(text => text !== '');
    const mac = textOf(asked, 'MacAddress').toLowerCase();
    const options = weftOptions(objectOf(body, 'Options'), endpointOptions);
    const groups = namesIn(options['weft.security_groups']).map(each => scene.require('security-groups', each).id);
    const ips = given.map(addressOf);
    const held = this.#held(engine, network.logicalSwitchId, ips);
    const id = endpointPortId(endpointId);
    const kept = held.find(port => port.ips.some(({ ip }) => isIpv6(ip))) ?? held[0];
    const port = await scene.write(engine, async transaction => {
      // Asked again: the answer got lost.
      const present = await transaction.get('logical-switch-ports', id);
      if (present !== null) return present;
      for (const each of held) await transaction.delete('logical-switch-ports', each.id);
      const chosenMac = mac === '' ? kept?.mac : mac;
      const { row } = await transaction.create('logical-switch-ports', {
        id,
        name: options['weft.name'] ?? `docker ${endpointId.slice(0, 12)}`,
        project_id: scene.logicalSwitch(network.logicalSwitchId).projectId,
        logical_switch_id: network.logicalSwitchId,
        ...(chosenMac === undefined ? {} : { mac: chosenMac }),
        ...(ips.length === 0 ? {} : { ips }),
        security_groups: [...new Set([...network.securityGroups, ...groups])],
        hypervisor: engine.hypervisor.name,
        internal_interface: engine.attach === 'internal',
        labels: {
          [labelOf.network]: network.labels[labelOf.network] ?? '',
          [labelOf.endpoint]: endpointId,
          ...(held.length === 0 ? {} : { [labelOf.address]: 'given' }),
        },
      });
      return row;
    });
    return { Interface: this.#added(port, asked) };
  }

  /** What Docker did not say, and is told now. */
  #added(port: LogicalSwitchPort, asked: Body): Body {
    const added: Record<string, string> = {};
    if (textOf(asked, 'MacAddress') === '') added['MacAddress'] = port.mac;
    for (const { ip, subnetId } of port.ips) {
      const member = isIpv6(ip) ? 'AddressIPv6' : 'Address';
      if (textOf(asked, 'Address') !== '' || textOf(asked, 'AddressIPv6') !== '') continue;
      added[member] = `${ip}/${this.#prefixLength(subnetId)}`;
    }
    return added;
  }

  #prefixLength(subnetId: string): number {
    return knownCidr(this.#scene.require('subnets', subnetId).cidr).prefixLength;
  }

  /** The ports that keep these addresses for Docker. */
  #held({ hypervisor, scope }: Engine, logicalSwitchId: string, ips: readonly string[]): readonly LogicalSwitchPort[] {
    const ports = ips.flatMap(ip => this.#scene.portWith(logicalSwitchId, ip) ?? []);
    const isOurs = (port: LogicalSwitchPort): boolean => scope === 'global' || port.hypervisor === hypervisor.name;
    return [...new Set(ports)].filter(port => roleOf(port) === 'address' && isOurs(port) && !isAuxiliary(port));
  }

  async join(engine: Engine, body: Body): Promise<Body> {
    const network = this.#network(engine, body);
    const port = this.#endpoint(body);
    const isPublished = objectsOf(objectOf(body, 'Options'), 'com.docker.network.portmap').length > 0;
    const way = this.#way(network, port, isPublished);
    if (engine.attach === 'internal') {
      await this.#connected(port.id);
      return { InterfaceName: { SrcName: internalInterfaceName(port.id), DstPrefix: interfacePrefix }, ...way };
    }
    const mtu = this.#scene.state.effectiveMtu(this.#scene.logicalSwitch(port.logicalSwitchId));
    const device: DeviceWish = { port_id: port.id, mac: port.mac, mtu };
    return { ...way, Device: device };
  }

  /** Resolves when packets of the port pass. @throws WeftError not_connected */
  async #connected(portId: string): Promise<void> {
    const { clock, state } = this.#scene;
    const deadlineMs = clock.nowMs() + connectedWithinMs;
    for (;;) {
      const port = this.#scene.port(portId);
      if (port === null) throw new WeftError('not_found', { detail: 'The endpoint was deleted meanwhile.' });
      const { state: has, reason } = state.fleet.port(port);
      if (has === 'up' || has === 'isolated') return;
      if (has === 'failed' || clock.nowMs() >= deadlineMs)
        throw new WeftError('not_connected', { detail: `The port of the container is not up: ${reason ?? has}.` });
      await new Promise<void>(resolve => clock.after(lookEveryMs, resolve));
    }
  }

  /**
   * How the container reaches what is outside. Docker adds an interface on a bridge of the host (docker_gwbridge), with its own NAT and
   * published ports, unless it is told a gateway or not to.
   */
  #way(network: LogicalSwitchPort, port: LogicalSwitchPort, isPublished: boolean): Body {
    const mode = modeOf(network);
    const subnets = port.ips.flatMap(({ subnetId }) => this.#scene.view.get('subnets', subnetId) ?? []);
    const routes = subnets.flatMap(({ hostRoutes }) =>
      hostRoutes.map(({ destination, nextHop }) => routeTo(destination, nextHop)),
    );
    if (mode === 'none') return { DisableGatewayService: true, StaticRoutes: routes };
    const routed = subnets.filter(subnet => this.#routerAt(subnet) !== null);
    if (mode === 'router' && isPublished)
      throw new WeftError('contradiction', {
        detail:
          'A network with weft.gateway=router publishes no ports on the host: leave the option out, or use a NAT rule or a load balancer of Weft.',
      });
    const isByRouter = mode === 'router' || (mode === 'auto' && routed.length > 0 && !isPublished);
    if (!isByRouter) return { StaticRoutes: [...routes, ...routed.flatMap(subnet => this.#routesThrough(subnet))] };
    const [v4, v6] = [false, true].map(isV6 => routed.find(({ cidr }) => isIpv6(cidr) === isV6)?.gatewayIp);
    return {
      ...(v4 === undefined || v4 === null ? {} : { Gateway: v4 }),
      ...(v6 === undefined || v6 === null ? {} : { GatewayIPv6: v6 }),
      DisableGatewayService: true,
      StaticRoutes: routes,
    };
  }

  /** The logical router that has the gateway address of the subnet; null: none has. */
  #routerAt({ logicalSwitchId, gatewayIp }: Subnet): string | null {
    const ports = this.#scene.view.by('logical-router-ports', 'logicalSwitchId', logicalSwitchId);
    const port = ports.find(({ networks }) => networks.some(network => network.split('/')[0] === gatewayIp));
    return port?.logicalRouterId ?? null;
  }

  /** Routes to what is behind the router of a subnet, for a container whose default route is another. */
  #routesThrough(subnet: Subnet): readonly Body[] {
    const { gatewayIp, cidr } = subnet;
    const routerId = this.#routerAt(subnet);
    if (routerId === null || gatewayIp === null) return [];
    const networks = this.#scene.view.by('logical-router-ports', 'logicalRouterId', routerId);
    return networks
      .flatMap(port => port.networks)
      .map(networkOf)
      .filter(network => network !== cidr && isIpv6(network) === isIpv6(cidr))
      .map(network => routeTo(network, gatewayIp));
  }

  /** The addresses stay Docker's until it gives them back. */
  async delete(engine: Engine, body: Body): Promise<Body> {
    const id = endpointPortId(requiredText(body, 'EndpointID'));
    const port = this.#scene.port(id);
    if (port === null) return {};
    const { logicalSwitchId, projectId, ips, mac } = port;
    await this.#scene.write(engine, async transaction => {
      if ((await transaction.get('logical-switch-ports', id)) === null) return;
      await transaction.delete('logical-switch-ports', id);
      if (port.labels[labelOf.address] === undefined) return;
      await transaction.create('logical-switch-ports', {
        name: ips[0]?.ip ?? 'docker address',
        project_id: projectId,
        logical_switch_id: logicalSwitchId,
        mac,
        ips: ips.map(({ ip, subnetId }) => ({ ip, subnet_id: subnetId })),
        hypervisor: port.hypervisor,
        labels: { [labelOf.address]: 'given' },
      });
    });
    return {};
  }

  operationalInfo(body: Body): Body {
    const port = this.#scene.port(endpointPortId(requiredText(body, 'EndpointID')));
    return { Value: port === null ? {} : { 'weft.port': port.id } };
  }

  #network(engine: Engine, body: Body): LogicalSwitchPort {
    const networkId = requiredText(body, 'NetworkID');
    const port = this.#scene.networkPort(engine, networkId);
    if (port === null)
      throw new WeftError('not_found', {
        detail: `Weft knows no network ${networkId.slice(0, 12)} of ${engine.hypervisor.name}: create it anew.`,
      });
    return port;
  }

  #endpoint(body: Body): LogicalSwitchPort {
    const endpointId = requiredText(body, 'EndpointID');
    const port = this.#scene.port(endpointPortId(endpointId));
    if (port === null)
      throw new WeftError('not_found', { detail: `Weft knows no endpoint ${endpointId.slice(0, 12)}.` });
    return port;
  }
}

function modeOf({ labels }: LogicalSwitchPort): GatewayMode {
  return gatewayModes.find(mode => mode === labels[labelOf.gateway]) ?? 'auto';
}

function routeTo(destination: string, nextHop: string): Body {
  return { Destination: destination, RouteType: viaNextHop, NextHop: nextHop };
}
