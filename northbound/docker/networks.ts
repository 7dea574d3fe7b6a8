/** Networks of Docker: which logical switch each is, on which engine. A port that is never bound stands for each and says so. */
import { WeftError } from '../../src/base/errors.js';
import type { LogicalSwitchPort } from '../../src/model/index.js';
import type { Transaction } from '../../src/store/store.js';
import { isAuxiliary, labelOf, networkPortId, pooledSwitchId, roleOf, routerPortId, swarmPortId } from './names.js';
import {
  ensurePlace,
  ensureSubnet,
  namedPlace,
  type Place,
  placeOf,
  pooledPlace,
  removeIfUnused,
  settlePlace,
  type Wish,
} from './places.js';
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

const networkOptions = [
  'weft.network',
  'weft.project',
  'weft.domain',
  'weft.router',
  'weft.gateway',
  'weft.security_groups',
] as const;

/**
 * How containers reach what is outside their network. auto: by the logical router at the gateway address, if there is one and no port is
 * published, else by the host; router, host: always so; none: not at all.
 */
export const gatewayModes = ['auto', 'router', 'host', 'none'] as const;
export type GatewayMode = (typeof gatewayModes)[number];

/** A range of a network, as Docker tells it. */
interface Range {
  readonly cidr: string;
  readonly gatewayIp: string | null;
  /** Addresses that are to be given to nobody. */
  readonly auxiliary: readonly string[];
}

/** What a network is to be. */
interface Wanted extends Wish {
  readonly networkId: string;
  readonly ranges: readonly Range[];
  readonly router: string | undefined;
  readonly gateway: GatewayMode;
  readonly securityGroups: readonly string[];
}

export class Networks {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  async create(engine: Engine, body: Body): Promise<Body> {
    const wanted = wantedOf(body);
    await this.#ensure(engine, wanted, networkPortId(engine.hypervisor.id, wanted.networkId));
    return {};
  }

  /** A network of a swarm, before any of its engines uses it. */
  async allocate(engine: Engine, body: Body): Promise<Body> {
    const wanted = wantedOf(body);
    await this.#ensure(engine, wanted, swarmPortId(wanted.networkId));
    return { Options: {} };
  }

  async delete(engine: Engine, body: Body): Promise<Body> {
    await this.#remove(engine, networkPortId(engine.hypervisor.id, requiredText(body, 'NetworkID')));
    return {};
  }

  async free(engine: Engine, body: Body): Promise<Body> {
    await this.#remove(engine, swarmPortId(requiredText(body, 'NetworkID')));
    return {};
  }

  async #ensure(engine: Engine, wanted: Wanted, id: string): Promise<void> {
    const scene = this.#scene;
    const present = scene.port(id);
    if (present !== null) return;
    const isNamed = wanted.ranges.some(({ cidr }) => scene.expectedNetwork(engine.hypervisor.id, cidr) !== null);
    const place = this.#place(engine, wanted);
    if (!isNamed) this.#refuseSameRange(engine, place, wanted);
    const groups = wanted.securityGroups.map(each => scene.require('security-groups', each).id);
    const router = wanted.router === undefined ? null : scene.require('logical-routers', wanted.router);
    await scene.write(engine, async transaction => {
      await ensurePlace(transaction, place);
      await settlePlace(scene, transaction, place, wanted);
      for (const range of wanted.ranges) await this.#ensureRange(engine, transaction, place, range);
      if (router !== null) await this.#ensureRouterPort(transaction, place, router.id, wanted.ranges);
      if ((await transaction.get('logical-switch-ports', id)) !== null) return;
      await transaction.create('logical-switch-ports', {
        id,
        name: `docker network ${wanted.networkId.slice(0, 12)}`,
        logical_switch_id: place.id,
        ips: [],
        enabled: false,
        security_groups: groups,
        hypervisor: engine.hypervisor.name,
        labels: {
          [labelOf.network]: wanted.networkId,
          [labelOf.gateway]: wanted.gateway,
          ...(isNamed ? { [labelOf.named]: 'yes' } : {}),
        },
      });
    });
    for (const { cidr } of wanted.ranges) {
      scene.forgetNetwork(engine.hypervisor.id, cidr);
      const pooled = pooledSwitchId(cidr);
      if (pooled !== place.id) await removeIfUnused(scene, engine, pooled);
    }
  }

  /** Which logical switch it is to be. */
  #place(engine: Engine, wanted: Wanted): Place {
    const scene = this.#scene;
    const ofSwarm = scene.port(swarmPortId(wanted.networkId));
    if (ofSwarm !== null) return placeOf(scene.logicalSwitch(ofSwarm.logicalSwitchId));
    if (wanted.network !== undefined) {
      const place = namedPlace(scene, wanted.network, wanted);
      this.#refuseStrayRange(place, wanted);
      return place;
    }
    for (const { cidr } of wanted.ranges) {
      const expected = scene.expectedNetwork(engine.hypervisor.id, cidr);
      if (expected !== null) return placeOf(expected);
    }
    const [first] = wanted.ranges;
    if (first === undefined)
      throw new WeftError('missing_member', {
        detail: 'Nothing says which network it is: give -o weft.network=NAME, or a range with --subnet.',
      });
    return pooledPlace(scene, first.cidr, wanted);
  }

  /** A range that was chosen because nobody gave one must not become a second one of a network that has its own. */
  #refuseStrayRange(place: Place, { network, ranges }: Wanted): void {
    const scene = this.#scene;
    const subnets = scene.subnetsOf(place.id);
    for (const { cidr } of ranges) {
      const chosen = scene.view.get('logical-switches', pooledSwitchId(cidr));
      const isChosen = chosen !== null && !scene.portsOn(chosen.id).some(port => roleOf(port) === 'network');
      const own = subnets.filter(subnet => isIpv6(subnet.cidr) === isIpv6(cidr)).map(subnet => subnet.cidr);
      if (!isChosen || own.length === 0 || own.includes(cidr)) continue;
      throw new WeftError('contradiction', {
        detail: `${network} has the range ${own.join(', ')}: say so with --subnet, or with --ipam-opt weft.network=${network}.`,
      });
    }
  }

  /** An address of a range that two networks of an engine have would be nobody knows whose. */
  #refuseSameRange(engine: Engine, place: Place, { ranges }: Wanted): void {
    for (const { cidr } of ranges) {
      const other = this.#scene.subnetOfRange(engine, cidr);
      if (other === null || other.logicalSwitchId === place.id) continue;
      throw new WeftError('subnet_overlap', {
        detail: `This engine has a network of ${cidr} already: tell them apart by --ipam-opt weft.network=NAME.`,
      });
    }
  }

  async #ensureRange(
    { hypervisor }: Engine,
    transaction: Transaction,
    place: Place,
    { cidr, gatewayIp, auxiliary }: Range,
  ): Promise<void> {
    const present = this.#scene.subnetsOf(place.id).find(subnet => subnet.cidr === cidr);
    const gateway = present?.gatewayIp ?? null;
    if (gateway !== null && gatewayIp !== null && gateway !== gatewayIp)
      throw new WeftError('contradiction', {
        detail: `The gateway of ${cidr} is ${gateway}, not ${gatewayIp}: say so with --gateway.`,
      });
    const subnet = await ensureSubnet(this.#scene, transaction, place, { cidr, gatewayIp });
    const labels = { [labelOf.address]: 'auxiliary' };
    for (const ip of auxiliary) {
      const holder = this.#scene.portWith(place.id, ip);
      if (holder === null)
        await transaction.create('logical-switch-ports', {
          name: ip,
          project_id: place.projectId,
          logical_switch_id: place.id,
          ips: [{ ip, subnet_id: subnet }],
          labels,
        });
      // Docker asked for it just before, where the subnet was there already. Anybody else's port is what the address is kept for.
      else if (roleOf(holder) === 'address' && holder.hypervisor === hypervisor.name)
        await transaction.merge('logical-switch-ports', holder.id, { hypervisor: null, labels });
    }
  }

  async #ensureRouterPort(
    transaction: Transaction,
    place: Place,
    routerId: string,
    ranges: readonly Range[],
  ): Promise<void> {
    const present = this.#scene.view.by('logical-router-ports', 'logicalSwitchId', place.id);
    if (present.some(({ logicalRouterId }) => logicalRouterId === routerId)) return;
    const networks = ranges.flatMap(({ cidr, gatewayIp }) =>
      gatewayIp === null ? [] : [`${gatewayIp}/${cidr.split('/')[1] ?? ''}`],
    );
    const id = routerPortId(routerId, place.id);
    if ((await transaction.get('logical-router-ports', id)) !== null) return;
    await transaction.create('logical-router-ports', {
      id,
      name: 'docker',
      project_id: place.projectId,
      logical_router_id: routerId,
      logical_switch_id: place.id,
      networks,
      labels: { [labelOf.made]: 'yes' },
    });
  }

  /** With the network goes what the engine has left behind on it, and the logical switch if it was the last. */
  async #remove(engine: Engine, id: string): Promise<void> {
    const port = this.#scene.port(id);
    if (port === null) return;
    const leftovers = this.#leftovers(engine, port);
    await this.#scene.write(engine, async transaction => {
      for (const each of [...leftovers, port])
        if ((await transaction.get('logical-switch-ports', each.id)) !== null)
          await transaction.delete('logical-switch-ports', each.id);
    });
    await removeIfUnused(this.#scene, engine, port.logicalSwitchId);
  }

  /**
   * Endpoints of the network that the engine did not end, and, with its last network on the logical switch, addresses that it did not give
   * back. Those of a swarm may be another engine's. With the last of all go the addresses that nobody was to have.
   */
  #leftovers({ hypervisor, scope }: Engine, network: LogicalSwitchPort): readonly LogicalSwitchPort[] {
    const ports = this.#scene.portsOn(network.logicalSwitchId);
    const others = ports.filter(port => roleOf(port) === 'network' && port.id !== network.id);
    const isLast = !others.some(port => port.hypervisor === hypervisor.name);
    return ports.filter(port => {
      if (isAuxiliary(port)) return others.length === 0;
      if (port.hypervisor !== hypervisor.name) return false;
      if (roleOf(port) === 'address') return isLast && scope === 'local';
      return roleOf(port) === 'endpoint' && port.labels[labelOf.network] === network.labels[labelOf.network];
    });
  }

  /** Gives up everything that an engine has: one that is gone, or that has lost what it knew. */
  async forget(engine: Engine): Promise<Body> {
    const { view } = this.#scene;
    const { name } = engine.hypervisor;
    const own = view.by('logical-switch-ports', 'hypervisor', name).filter(port => roleOf(port) !== 'other');
    for (const { id } of own.filter(port => roleOf(port) === 'network')) await this.#remove(engine, id);
    const left = own.flatMap(({ id }) => this.#scene.port(id) ?? []);
    if (left.length === 0) return { Forgotten: own.length };
    await this.#scene.write(engine, async transaction => {
      for (const { id } of left)
        if ((await transaction.get('logical-switch-ports', id)) !== null)
          await transaction.delete('logical-switch-ports', id);
    });
    for (const switchId of new Set(left.map(port => port.logicalSwitchId)))
      await removeIfUnused(this.#scene, engine, switchId);
    return { Forgotten: own.length };
  }
}

function wantedOf(body: Body): Wanted {
  const options = objectOf(body, 'Options');
  // A swarm gives the options of its network as they are, an engine under a name of their own.
  const said = { ...options, ...objectOf(options, 'com.docker.network.generic') };
  const own = weftOptions(said, networkOptions);
  const isInternal = String(options['com.docker.network.internal']) === 'true';
  const mode = own['weft.gateway'] ?? 'auto';
  const gateway = gatewayModes.find(each => each === mode);
  if (gateway === undefined)
    throw new WeftError('invalid_value', { detail: `weft.gateway is one of ${gatewayModes.join(', ')}, not ${mode}.` });
  const mtu = textOf(said, 'com.docker.network.driver.mtu');
  if (!/^\d{0,5}$/.test(mtu)) throw new WeftError('invalid_value', { detail: `The MTU ${mtu} is no number of bytes.` });
  return {
    networkId: requiredText(body, 'NetworkID'),
    ranges: [...objectsOf(body, 'IPv4Data'), ...objectsOf(body, 'IPv6Data')].flatMap(rangeOf),
    network: own['weft.network'],
    project: own['weft.project'],
    domain: own['weft.domain'],
    mtu: mtu === '' ? null : Number(mtu),
    router: own['weft.router'],
    gateway: isInternal ? 'none' : gateway,
    securityGroups: namesIn(own['weft.security_groups']),
  };
}

function rangeOf(data: Body): readonly Range[] {
  const pool = textOf(data, 'Pool');
  if (pool === '') return [];
  const cidr = networkOf(pool);
  const gateway = textOf(data, 'Gateway');
  const gatewayIp = gateway === '' ? null : addressOf(gateway);
  const auxiliary = Object.values(objectOf(data, 'AuxAddresses')).filter(each => typeof each === 'string');
  const [network = ''] = cidr.split('/', 1);
  // What Docker was told where a subnet has none.
  return [{ cidr, gatewayIp: gatewayIp === network ? null : gatewayIp, auxiliary: auxiliary.map(addressOf) }];
}
