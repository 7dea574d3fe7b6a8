/** Logical switches and subnets for networks of Docker: found by what a request says, or made. */
import { WeftError } from '../../src/base/errors.js';
import type { LogicalSwitch, Subnet } from '../../src/model/index.js';
import { looksLikeUuid } from '../../src/model/value-types.js';
import type { Transaction } from '../../src/store/store.js';
import { isMade, labelOf, namedSwitchId, pooledSwitchId, roleOf, subnetId } from './names.js';
import { isIpv6 } from './requests.js';
import type { Engine, Scene } from './scene.js';

/** What is to be there of a logical switch: the row that is, or the body of one to be made. */
export interface Place {
  readonly id: string;
  readonly projectId: string;
  /** Null for one that is there. */
  readonly toMake: Readonly<Record<string, unknown>> | null;
}

export interface Wish {
  /** `weft.network`: id or name. */
  readonly network?: string | undefined;
  /** `weft.project` */
  readonly project?: string | undefined;
  /** `weft.domain` */
  readonly domain?: string | undefined;
  /** Bytes; null where nothing is asked. */
  readonly mtu?: number | null;
}

/** What is said of a logical switch besides which it is. */
const settingsOf = ({ domain, mtu = null }: Wish): Readonly<Record<string, unknown>> => ({
  ...(mtu === null ? {} : { mtu }),
  ...(domain === undefined ? {} : { dns_domain: domain }),
});

export const placeOf = ({ id, projectId }: LogicalSwitch): Place => ({ id, projectId, toMake: null });

function toMake(id: string, name: string, wish: Wish): Place {
  const { project = '' } = wish;
  const body = { id, name, project_id: project, labels: { [labelOf.made]: 'yes' }, ...settingsOf(wish) };
  return { id, projectId: project, toMake: body };
}

/** The logical switch of this id or name. A name that there is not becomes one: the same on whichever engine it is said first. */
export function namedPlace(scene: Scene, network: string, wish: Wish): Place {
  const { project } = wish;
  const found = scene.find('logical-switches', network);
  if (found === null && looksLikeUuid(network)) scene.require('logical-switches', network);
  if (found === null) return toMake(namedSwitchId(project ?? '', network), network, wish);
  if (project !== undefined && found.projectId !== project)
    throw new WeftError('contradiction', {
      detail: `The logical switch ${network} is not of project ${project}: say its id, or another name.`,
    });
  return placeOf(found);
}

/** The logical switch of all networks that say nothing but this range. */
export function pooledPlace(scene: Scene, cidr: string, wish: Wish): Place {
  const id = pooledSwitchId(cidr);
  const found = scene.view.get('logical-switches', id);
  return found === null ? toMake(id, `docker ${cidr}`, wish) : placeOf(found);
}

export async function ensurePlace(transaction: Transaction, { toMake: body }: Place): Promise<void> {
  if (body !== null && (await transaction.get('logical-switches', String(body['id']))) === null)
    await transaction.create('logical-switches', body);
}

/**
 * What is said with the first network on a logical switch that was made for its range alone, before it came to the network. Who comes later,
 * and where the logical switch is somebody's, finds it as it is.
 */
export async function settlePlace(scene: Scene, transaction: Transaction, { id }: Place, wish: Wish): Promise<void> {
  const row = scene.view.get('logical-switches', id);
  const settings = settingsOf(wish);
  if (row === null || !isMade(row) || Object.keys(settings).length === 0) return;
  if (scene.portsOn(id).some(port => roleOf(port) === 'network')) return;
  await transaction.merge('logical-switches', id, settings);
}

/** The subnet of the range on the logical switch, made if there is none. DHCP is off: Docker tells containers their addresses. */
export async function ensureSubnet(
  scene: Scene,
  transaction: Transaction,
  place: Place,
  { cidr, gatewayIp }: { readonly cidr: string; readonly gatewayIp: string | null },
): Promise<string> {
  const found = scene.subnetsOf(place.id).find(subnet => subnet.cidr === cidr);
  if (found !== undefined) return found.id;
  const id = subnetId(place.id, cidr);
  if ((await transaction.get('subnets', id)) === null)
    await transaction.create('subnets', {
      id,
      project_id: place.projectId,
      logical_switch_id: place.id,
      cidr,
      gateway_ip: gatewayIp,
      dhcp: false,
      labels: { [labelOf.made]: 'yes' },
    });
  return id;
}

/** The IPv4 ranges to choose from where nobody says any: 10.192.0.0/10 in parts of /24. */
const rangeCount = 16_384;

/** A range of which no network of Docker was made. */
export function freeRange(scene: Scene): string {
  for (let index = 0; index < rangeCount; index += 1) {
    const cidr = `10.${192 + (index >> 8)}.${index & 0xff}.0/24`;
    if (scene.view.get('logical-switches', pooledSwitchId(cidr)) === null) return cidr;
  }
  throw new WeftError('addresses_exhausted', { detail: 'No range is left to choose from: give one with --subnet.' });
}

/**
 * Deletes a logical switch that was made for Docker, with what goes with it, if nobody else is on it: neither a network of another engine,
 * nor anything that was not made for Docker.
 */
export async function removeIfUnused(scene: Scene, engine: Engine, logicalSwitchId: string): Promise<void> {
  const row = scene.view.get('logical-switches', logicalSwitchId);
  if (row === null || !isMade(row)) return;
  const ports = scene.portsOn(logicalSwitchId);
  const routerPorts = scene.view.by('logical-router-ports', 'logicalSwitchId', logicalSwitchId);
  if (ports.some(port => roleOf(port) !== 'address') || !routerPorts.every(isMade)) return;
  const subnets = scene.subnetsOf(logicalSwitchId);
  if (!subnets.every(isMade)) return;
  try {
    await scene.write(engine, async transaction => {
      for (const { id } of routerPorts) await transaction.delete('logical-router-ports', id);
      for (const { id } of ports) await transaction.delete('logical-switch-ports', id);
      for (const { id } of subnets) await transaction.delete('subnets', id);
      await transaction.delete('logical-switches', logicalSwitchId);
    });
  } catch (error) {
    // Somebody else came onto it, or was as quick.
    if (!(error instanceof WeftError) || (error.code !== 'in_use' && error.code !== 'not_found')) throw error;
  }
}

/** The first subnet of the family. */
export function subnetOfFamily(subnets: readonly Subnet[], isV6: boolean): Subnet | null {
  return subnets.filter(({ cidr }) => isIpv6(cidr) === isV6).toSorted((a, b) => a.number - b.number)[0] ?? null;
}
