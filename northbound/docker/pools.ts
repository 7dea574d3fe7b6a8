/**
 * The IPAM driver: ranges are subnets, and an address that is handed out is a port without a place, which becomes the port of the container
 * when Docker says which one it is for. So no address is given twice, on whatever host and by whatever way.
 *
 * A range for which nothing says the network (no --ipam-opt) is nobody's until a network is made of it: its id is the range itself.
 */
import { randomBytes } from 'node:crypto';
import { type Cidr, formatIp, lastAddress } from '../../src/base/address.js';
import { WeftError } from '../../src/base/errors.js';
import type { LogicalSwitchPort, Subnet } from '../../src/model/index.js';
import { knownCidr } from '../../src/model/invariants.js';
import { isAuxiliary, isMade, labelOf, pooledSwitchId, roleOf, subnetId } from './names.js';
import {
  ensurePlace,
  ensureSubnet,
  freeRange,
  namedPlace,
  pooledPlace,
  removeIfUnused,
  subnetOfFamily,
} from './places.js';
import {
  addressOf,
  type Body,
  isIpv6,
  networkOf,
  objectOf,
  parsedCidr,
  requiredText,
  textOf,
  weftOptions,
} from './requests.js';
import type { Engine, Scene } from './scene.js';

const poolOptions = ['weft.network', 'weft.subnet', 'weft.subnet6', 'weft.project'] as const;

/** What an id of a pool stands for. */
interface Pool {
  readonly cidr: string;
  /** Where addresses are taken from; null: wherever the subnet has them. */
  readonly range: Cidr | null;
  /** Null while no network was made of the range. */
  readonly subnet: Subnet | null;
}

/** Between the id and the part of the range from which addresses are taken. */
const separator = '|';
/** Further addresses that are tried where others are as quick. */
const mostTries = 64;

export class Pools {
  readonly #scene: Scene;

  constructor(scene: Scene) {
    this.#scene = scene;
  }

  /** What Docker need not say: no MAC address, and nothing again after a restart, since Weft forgets nothing. */
  capabilities(): Body {
    return { RequiresMACAddress: false, RequiresRequestReplay: false };
  }

  addressSpaces(): Body {
    return { LocalDefaultAddressSpace: 'weft-local', GlobalDefaultAddressSpace: 'weft-global' };
  }

  async requestPool(engine: Engine, body: Body): Promise<Body> {
    const options = weftOptions(objectOf(body, 'Options'), poolOptions);
    const isV6 = body['V6'] === true;
    const [asked, part] = [textOf(body, 'Pool'), textOf(body, 'SubPool')];
    if (part !== '' && asked === '')
      throw new WeftError('missing_member', { detail: '--ip-range goes with --subnet.', pointer: '/Pool' });
    const cidr = asked === '' ? null : networkOf(asked);
    const named = options[isV6 ? 'weft.subnet6' : 'weft.subnet'];
    const network = options['weft.network'];
    const project = options['weft.project'];
    if (named !== undefined) return this.#granted(engine, this.#namedSubnet(named, cidr, isV6), part);
    if (network !== undefined)
      return this.#granted(engine, await this.#subnetIn(engine, network, project, cidr, isV6), part);
    const range = cidr ?? (isV6 ? randomRange() : await this.#chosen(engine, project));
    this.#scene.forgetNetwork(engine.hypervisor.id, range);
    return { PoolID: withPart(range, part), Pool: range, Data: {} };
  }

  #granted({ hypervisor }: Engine, { id, cidr, logicalSwitchId }: Subnet, part: string): Body {
    this.#scene.expectNetwork(hypervisor.id, cidr, logicalSwitchId);
    return { PoolID: withPart(id, part), Pool: cidr, Data: {} };
  }

  #namedSubnet(idOrName: string, cidr: string | null, isV6: boolean): Subnet {
    const subnet = this.#scene.require('subnets', idOrName);
    if (isIpv6(subnet.cidr) !== isV6 || (cidr !== null && subnet.cidr !== cidr))
      throw new WeftError('contradiction', { detail: `The subnet ${idOrName} is ${subnet.cidr}.` });
    return subnet;
  }

  /** The subnet of the range on a logical switch, made if need be; without a range the first of the family. */
  async #subnetIn(
    engine: Engine,
    network: string,
    project: string | undefined,
    cidr: string | null,
    isV6: boolean,
  ): Promise<Subnet> {
    const scene = this.#scene;
    const place = namedPlace(scene, network, { project });
    if (cidr === null) {
      const first = subnetOfFamily(scene.subnetsOf(place.id), isV6);
      if (first !== null) return first;
      const family = isV6 ? 'IPv6' : 'IPv4';
      throw new WeftError('missing_member', { detail: `${network} has no ${family} subnet: give one with --subnet.` });
    }
    const id = await scene.write(engine, async transaction => {
      await ensurePlace(transaction, place);
      return ensureSubnet(scene, transaction, place, { cidr, gatewayIp: null });
    });
    return scene.require('subnets', id);
  }

  /** A range that is free. The logical switch of it is made at once, so that two engines never choose the same. */
  async #chosen(engine: Engine, project: string | undefined): Promise<string> {
    const scene = this.#scene;
    const cidr = freeRange(scene);
    const place = pooledPlace(scene, cidr, { project });
    const isOurs = await scene.write(engine, async transaction => {
      if ((await transaction.get('logical-switches', place.id)) !== null) return false;
      await ensurePlace(transaction, place);
      await ensureSubnet(scene, transaction, place, { cidr, gatewayIp: firstOf(parsedCidr(cidr)) });
      return true;
    });
    return isOurs ? cidr : this.#chosen(engine, project);
  }

  async releasePool(engine: Engine, body: Body): Promise<Body> {
    const subnet = this.#pool(engine, requiredText(body, 'PoolID'))?.subnet ?? null;
    if (subnet !== null) await removeIfUnused(this.#scene, engine, subnet.logicalSwitchId);
    return {};
  }

  async requestAddress(engine: Engine, body: Body): Promise<Body> {
    const pool = this.#pool(engine, requiredText(body, 'PoolID'));
    if (pool === null) throw new WeftError('not_found', { detail: 'The subnet of this pool was deleted.' });
    const asked = textOf(body, 'Address');
    const ip = asked === '' ? null : addressOf(asked);
    const isGateway = textOf(objectOf(body, 'Options'), 'RequestAddressType') === 'com.docker.network.gateway';
    const given = isGateway ? await this.#gateway(engine, pool, ip) : await this.#address(engine, pool, ip);
    return { Address: `${given}/${knownCidr(pool.cidr).prefixLength}`, Data: {} };
  }

  async #gateway(engine: Engine, { cidr, subnet }: Pool, asked: string | null): Promise<string> {
    const range = knownCidr(cidr);
    // Of a range that is nobody's yet: the network that is made of it takes it from there.
    if (subnet === null) return asked ?? firstOf(range);
    const present = subnet.gatewayIp;
    if (present !== null) {
      if (asked === null || asked === present) return present;
      throw new WeftError('address_in_use', { detail: `The gateway of ${cidr} is ${present}, not ${asked}.` });
    }
    // Docker wants one for every network. A subnet of somebody else's stays as it is, and Docker is told an address that is no station's.
    if (!isMade(subnet)) return asked ?? formatIp(range.family, range.network);
    const gatewayIp = asked ?? firstOf(range);
    await this.#scene.write(engine, tx => tx.merge('subnets', subnet.id, { gateway_ip: gatewayIp }));
    return gatewayIp;
  }

  async #address(engine: Engine, { cidr, range, subnet }: Pool, asked: string | null): Promise<string> {
    // An auxiliary address of a range that is nobody's yet; the network that is made of it keeps it.
    if (subnet === null && asked !== null) return asked;
    if (subnet === null)
      throw new WeftError('not_found', { detail: `This engine has no network of the range ${cidr}.` });
    if (asked !== null) {
      const holder = this.#scene.portWith(subnet.logicalSwitchId, asked);
      if (holder !== null && isAgain(engine, holder)) return asked;
      return this.#reserve(engine, subnet, asked);
    }
    return range === null ? this.#reserve(engine, subnet, null) : this.#reserveIn(engine, subnet, range);
  }

  async #reserve(engine: Engine, subnet: Subnet, ip: string | null): Promise<string> {
    const { projectId } = this.#scene.logicalSwitch(subnet.logicalSwitchId);
    const row = await this.#scene.write(engine, async transaction => {
      const request = ip === null ? { subnet_id: subnet.id } : { subnet_id: subnet.id, ip };
      const { row: port } = await transaction.create('logical-switch-ports', {
        name: ip ?? 'docker address',
        project_id: projectId,
        logical_switch_id: subnet.logicalSwitchId,
        ips: [request],
        hypervisor: engine.hypervisor.name,
        labels: { [labelOf.address]: 'given' },
      });
      return port;
    });
    const [address] = row.ips;
    if (address === undefined) throw new Error('a port that was asked for with an address has none');
    return address.ip;
  }

  /** An address of a part of the subnet, which the engine was told to keep to. */
  async #reserveIn(engine: Engine, subnet: Subnet, range: Cidr): Promise<string> {
    const taken = new Set(this.#scene.portsOn(subnet.logicalSwitchId).flatMap(({ ips }) => ips.map(({ ip }) => ip)));
    const whole = knownCidr(subnet.cidr);
    let tries = 0;
    for (let value = range.network; value <= lastAddress(range) && tries < mostTries; value += 1n) {
      const ip = formatIp(range.family, value);
      const isReserved = value === whole.network || (range.family === 4 && value === lastAddress(whole));
      if (isReserved || ip === subnet.gatewayIp || taken.has(ip)) continue;
      tries += 1;
      try {
        return await this.#reserve(engine, subnet, ip);
      } catch (error) {
        if (!(error instanceof WeftError) || error.code !== 'address_in_use') throw error;
      }
    }
    throw new WeftError('addresses_exhausted', {
      detail: `No address is left in the part of ${subnet.cidr} asked for.`,
    });
  }

  async releaseAddress(engine: Engine, body: Body): Promise<Body> {
    const subnet = this.#pool(engine, requiredText(body, 'PoolID'))?.subnet ?? null;
    const asked = textOf(body, 'Address');
    if (subnet === null || asked === '') return {};
    const ip = addressOf(asked);
    const holder = this.#scene.portWith(subnet.logicalSwitchId, ip);
    if (holder === null || !isOfEngine(engine, holder)) return {};
    const left = holder.ips.filter(each => each.ip !== ip);
    await this.#scene.write(engine, async transaction => {
      const { id } = holder;
      if ((await transaction.get('logical-switch-ports', id)) === null) return;
      // A container has it still: it was asked for twice, and refused to the other, or Weft was not told that the container has ended. It
      // goes with the container.
      if (roleOf(holder) === 'endpoint')
        await transaction.merge('logical-switch-ports', id, { labels: { [labelOf.address]: null } });
      else if (left.length === 0) await transaction.delete('logical-switch-ports', id);
      else await transaction.merge('logical-switch-ports', id, { ips: left.map(each => each.ip) });
    });
    return {};
  }

  /** Null: it was a subnet that is gone. */
  #pool(engine: Engine, poolId: string): Pool | null {
    const [name = '', part] = poolId.split(separator, 2);
    const range = part === undefined ? null : parsedCidr(part);
    if (!name.includes('/')) {
      const subnet = this.#scene.view.get('subnets', name);
      return subnet === null ? null : { cidr: subnet.cidr, range, subnet };
    }
    const cidr = networkOf(name);
    return { cidr, range, subnet: this.#subnetOfRange(engine, cidr) };
  }

  /** The subnet of this range on a network of the engine; null while it has none. */
  #subnetOfRange(engine: Engine, cidr: string): Subnet | null {
    return (
      this.#scene.subnetOfRange(engine, cidr) ?? this.#scene.view.get('subnets', subnetId(pooledSwitchId(cidr), cidr))
    );
  }
}

const withPart = (id: string, part: string): string => (part === '' ? id : `${id}${separator}${networkOf(part)}`);

/** What a router usually gets. */
const firstOf = ({ family, network }: Cidr): string => formatIp(family, network + 1n);

/** A range of unique local addresses that nobody else has: its 40 random bits are those of RFC 4193. */
function randomRange(): string {
  const hex = randomBytes(5).toString('hex');
  return networkOf(`fd${hex.slice(0, 2)}:${hex.slice(2, 6)}:${hex.slice(6, 10)}::/64`);
}

/** Whether the address is this engine's to give back; the addresses of a swarm are given out and back by whichever of its engines leads it. */
function isOfEngine({ hypervisor, scope }: Engine, port: LogicalSwitchPort): boolean {
  if (port.labels[labelOf.address] === undefined || isAuxiliary(port)) return false;
  return scope === 'global' || port.hypervisor === hypervisor.name;
}

/**
 * Whether an address is asked for again by who has it: an engine that was started again, the new leader of a swarm, or each engine that has
 * the network with its auxiliary addresses. Docker does not say whether one of those is meant for a container; its endpoint is refused.
 */
function isAgain(engine: Engine, port: LogicalSwitchPort): boolean {
  if (isAuxiliary(port)) return true;
  return isOfEngine(engine, port) && (engine.scope === 'global' || roleOf(port) === 'address');
}
