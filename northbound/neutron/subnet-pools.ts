/**
 * Subnet pools, and address scopes that group them: what no noun of Weft knows. A pool keeps which subnet has which part of it; whoever takes
 * one holds the row of the pool, so that no two get the same.
 */
import { cidrContains, cidrsOverlap, formatCidr, formatIp, lastAddress } from '../../src/base/address.js';
import type { NeutronObject } from '../../src/model/index.js';
import { knownCidr } from '../../src/model/invariants.js';
import { isObject } from '../../src/model/value-types.js';
import type { Act } from './act.js';
import { given, kept, shown, standard } from './attributes.js';
import { badRequest, NeutronFault, notFound } from './faults.js';
import { boolean, cidr, integer, list, nullable, refuseValue, text, uuid, type Values, textIn } from './forms.js';
import { neutronResource } from './resource.js';
import type { Scene } from './scene.js';

type Range = ReturnType<typeof knownCidr>;

export interface PoolRequest {
  /** Null: the default pool of the family. */
  readonly poolId: string | null;
  /** The range wanted; null: the first one that is free. */
  readonly network: string | null;
  readonly prefixLength: number | null;
  readonly family: 4 | 6 | undefined;
  readonly scene: Scene;
}

/** Objects of the collection that the caller may know of: its own, and those that are for everybody. */
export function aloneRows(scene: Scene, collection: string): readonly NeutronObject[] {
  const rows = scene.view.by('neutron-objects', 'collection', collection);
  return rows.filter(row => scene.owns(row) || row.attributes['shared'] === true);
}

export function findAlone(scene: Scene, collection: string, id: string): NeutronObject | null {
  const row = scene.view.get('neutron-objects', id);
  if (row === null || row.collection !== collection) return null;
  return scene.owns(row) || row.attributes['shared'] === true ? row : null;
}

/** The ranges of a pool, as few as they can be: neighbours become one. */
function compacted(prefixes: readonly string[]): string[] {
  let ranges = prefixes
    .map(knownCidr)
    .toSorted((a, b) => (a.network < b.network ? -1 : a.network > b.network ? 1 : a.prefixLength - b.prefixLength));
  for (let merged = true; merged; ) {
    merged = false;
    const next: Range[] = [];
    for (const range of ranges) {
      const before = next.at(-1);
      if (before !== undefined && cidrContains(before, { family: range.family, value: range.network })) merged = true;
      else if (before !== undefined && areHalves(before, range)) {
        next[next.length - 1] = knownCidr(`${formatIp(before.family, before.network)}/${before.prefixLength - 1}`);
        merged = true;
      } else next.push(range);
    }
    ranges = next;
  }
  return ranges.map(range => formatCidr({ ...range, address: range.network }));
}

/** Whether two ranges, the lower one first, are the halves of one. */
function areHalves(low: Range, high: Range): boolean {
  if (low.prefixLength !== high.prefixLength || lastAddress(low) + 1n !== high.network) return false;
  const size = lastAddress(low) - low.network + 1n;
  return low.network % (size * 2n) === 0n;
}

const prefixesOf = ({ attributes }: NeutronObject): readonly string[] => (attributes['prefixes'] ?? []) as string[];

/** Which subnet has which part. */
function allocationsOf({ attributes }: NeutronObject): Readonly<Record<string, string>> {
  const { allocations } = attributes;
  return isObject(allocations) ? (allocations as Readonly<Record<string, string>>) : {};
}

const familyOf = (pool: NeutronObject): 4 | 6 => knownCidr(prefixesOf(pool)[0] ?? '0.0.0.0/0').family;
const lengthOf = (pool: NeutronObject, name: string): number => Number(pool.attributes[name]);

const refusal = (message: string): NeutronFault =>
  new NeutronFault(409, 'SubnetAllocationError', `Failed to allocate subnet: ${message}.`);

/** The pool that is meant, held by this transaction. */
async function requirePool(act: Act, { poolId, family, scene }: PoolRequest): Promise<NeutronObject> {
  const id =
    poolId ??
    aloneRows(scene, 'subnetpools').find(
      row => row.attributes['is_default'] === true && familyOf(row) === (family ?? 4),
    )?.id;
  if (id === undefined) throw badRequest(`No default subnetpool found for IPv${family ?? 4}`);
  if (findAlone(scene, 'subnetpools', id) === null) throw notFound('SubnetPool', id);
  const row = await act.tx.get('neutron-objects', id);
  if (row === null) throw notFound('SubnetPool', id);
  return row;
}

/** Takes a part of a pool for a subnet. */
export async function allocateFrom(
  act: Act,
  request: PoolRequest,
  { subnetId, networkId }: { subnetId: string; networkId: string; projectId: string },
): Promise<{ readonly cidr: string; readonly poolId: string }> {
  const pool = await requirePool(act, request);
  const family = familyOf(pool);
  if (request.family !== undefined && request.family !== family)
    throw badRequest(`IP version ${request.family} does not match that of subnet pool ${pool.id}`);
  requireAffinity(act.scene, networkId, family, pool.id);
  const kept = await standing(act, allocationsOf(pool));
  const taken = Object.values(kept).map(knownCidr);
  const free =
    request.network === null ? firstFree(pool, request.prefixLength, taken) : checked(pool, request.network, taken);
  await act.say('subnetpools', pool, { allocations: { ...kept, [subnetId]: free } });
  return { cidr: free, poolId: pool.id };
}

/** Those whose subnets are still there. */
async function standing(act: Act, allocations: Readonly<Record<string, string>>): Promise<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [subnetId, network] of Object.entries(allocations)) {
    // What the view does not have yet, or not any more, the transaction knows.
    if (act.scene.view.get('subnets', subnetId) !== null || (await act.tx.get('subnets', subnetId)) !== null)
      kept[subnetId] = network;
  }
  return kept;
}

/** All subnets of a network and family come from one pool, or from none. */
function requireAffinity(scene: Scene, networkId: string, family: 4 | 6, poolId: string): void {
  const others = scene.view
    .by('subnets', 'logicalSwitchId', networkId)
    .filter(row => knownCidr(row.cidr).family === family);
  if (others.some(row => scene.said(row.id)['subnetpool_id'] !== poolId))
    throw new NeutronFault(
      400,
      'NetworkSubnetPoolAffinityError',
      'Subnets hosted on the same network must be allocated from the same subnet pool.',
    );
}

function checked(pool: NeutronObject, network: string, taken: readonly Range[]): string {
  const range = knownCidr(network);
  const isInside = prefixesOf(pool)
    .map(knownCidr)
    .some(
      each =>
        each.family === range.family &&
        each.prefixLength <= range.prefixLength &&
        cidrContains(each, { family: range.family, value: range.network }),
    );
  if (!isInside || taken.some(each => cidrsOverlap(each, range)))
    throw refusal('Cannot allocate requested subnet from the available set of prefixes');
  requireLength(pool, range.prefixLength);
  return network;
}

function requireLength(pool: NeutronObject, length: number): void {
  const [min, max] = [lengthOf(pool, 'min_prefixlen'), lengthOf(pool, 'max_prefixlen')];
  if (length < min)
    throw new NeutronFault(
      400,
      'MinPrefixSubnetAllocationError',
      `Unable to allocate subnet with prefix length ${length}, minimum allowed prefix is ${min}.`,
    );
  if (length > max)
    throw new NeutronFault(
      400,
      'MaxPrefixSubnetAllocationError',
      `Unable to allocate subnet with prefix length ${length}, maximum allowed prefix is ${max}.`,
    );
}

/** The first range of the length that nobody has: what is taken is stepped over, however large the pool is. */
function firstFree(pool: NeutronObject, asked: number | null, taken: readonly Range[]): string {
  const length = asked ?? lengthOf(pool, 'default_prefixlen');
  requireLength(pool, length);
  for (const prefix of prefixesOf(pool).map(knownCidr)) {
    if (prefix.prefixLength > length) continue;
    const size = 1n << BigInt((prefix.family === 4 ? 32 : 128) - length);
    const within = taken
      .filter(each => cidrsOverlap(each, prefix))
      .toSorted((a, b) => (a.network < b.network ? -1 : 1));
    let candidate = prefix.network;
    for (const each of within) {
      if (candidate + size - 1n < each.network) break;
      const after = lastAddress(each) + 1n;
      if (after > candidate) candidate = ((after + size - 1n) / size) * size;
    }
    if (candidate + size - 1n <= lastAddress(prefix)) return `${formatIp(prefix.family, candidate)}/${length}`;
  }
  throw refusal(`Insufficient prefix space to allocate subnet size /${length}`);
}

/** Gives back what a subnet had. */
export async function releaseTo(act: Act, subnetId: string): Promise<void> {
  const poolId = act.scene.said(subnetId)['subnetpool_id'];
  const pool = typeof poolId === 'string' ? await act.tx.get('neutron-objects', poolId) : null;
  if (pool === null) return;
  const { [subnetId]: _, ...rest } = allocationsOf(pool);
  await act.say('subnetpools', pool, { allocations: rest });
}

const bounds = { 4: { min: 8, max: 32 }, 6: { min: 64, max: 128 } } as const;

/** The lengths of what the pool gives out, completed and checked. */
function lengthsOf(prefixes: readonly string[], values: Values): Record<string, number> {
  const family = knownCidr(prefixes[0] ?? '0.0.0.0/0').family;
  const { min, max } = bounds[family];
  const least = Number(values['min_prefixlen'] ?? min);
  const most = Number(values['max_prefixlen'] ?? max);
  const usual = Number(values['default_prefixlen'] ?? least);
  if (least > most || most > max)
    throw new NeutronFault(
      400,
      'IllegalSubnetPoolPrefixBounds',
      `Illegal prefix bounds: min_prefixlen=${least}, max_prefixlen=${most}.`,
    );
  if (usual < least || usual > most)
    throw new NeutronFault(
      400,
      'IllegalSubnetPoolPrefixBounds',
      `Illegal prefix bounds: default_prefixlen=${usual}, min_prefixlen=${least}, max_prefixlen=${most}.`,
    );
  return { min_prefixlen: least, max_prefixlen: most, default_prefixlen: usual };
}

function requireOneFamily(prefixes: readonly string[]): void {
  if (prefixes.length === 0) throw new NeutronFault(400, 'EmptySubnetPoolPrefixList', 'Empty subnet pool prefix list.');
  if (new Set(prefixes.map(each => knownCidr(each).family)).size > 1)
    throw new NeutronFault(400, 'PrefixVersionMismatch', 'Cannot mix IPv4 and IPv6 prefixes in a subnet pool.');
}

function requireScope(scene: Scene, values: Values, family: 4 | 6): void {
  const id = values['address_scope_id'];
  if (typeof id !== 'string') return;
  const scope = findAlone(scene, 'address_scopes', id);
  if (scope === null) throw notFound('AddressScope', id);
  if (scope.attributes['ip_version'] !== family)
    throw new NeutronFault(
      400,
      'IllegalSubnetPoolIpVersionAssociationToAddressScope',
      `Illegal subnetpool association: address scope ${id} is of another IP version.`,
    );
}

async function createPool(act: Act, values: Values, projectId: string): Promise<string> {
  const asked = values['prefixes'] as readonly string[];
  requireOneFamily(asked);
  const prefixes = compacted(asked);
  const family = knownCidr(prefixes[0] ?? '').family;
  requireScope(act.scene, values, family);
  if (values['is_default'] === true) requireNoDefault(act.scene, family, null);
  const id = act.newId();
  const object = { id, name: textIn(values, 'name'), projectId };
  await act.establish('subnetpools', object, { prefixes, ...lengthsOf(prefixes, values), allocations: {} });
  return id;
}

function requireNoDefault(scene: Scene, family: 4 | 6, own: string | null): void {
  const other = scene.view
    .by('neutron-objects', 'collection', 'subnetpools')
    .find(row => row.id !== own && row.attributes['is_default'] === true && familyOf(row) === family);
  if (other !== undefined)
    throw refuseValue(
      'is_default',
      `default subnetpool for this IP family has already been set. Only one default may exist per IP family`,
    );
}

async function updatePool(act: Act, row: NeutronObject, values: Values): Promise<void> {
  const changes: Record<string, unknown> = {};
  const current = (await act.tx.get('neutron-objects', row.id)) ?? row;
  let prefixes = prefixesOf(current);
  if (values['prefixes'] !== undefined) {
    prefixes = compacted(values['prefixes'] as readonly string[]);
    requireOneFamily(prefixes);
    const after = prefixes.map(knownCidr);
    const isKept = (each: Range): boolean =>
      after.some(
        range =>
          range.family === each.family &&
          range.prefixLength <= each.prefixLength &&
          cidrContains(range, { family: each.family, value: each.network }),
      );
    // What was given out stays in the pool, and so does what it had.
    if (!prefixesOf(current).map(knownCidr).every(isKept))
      throw new NeutronFault(
        400,
        'IllegalSubnetPoolPrefixUpdate',
        'Illegal update to prefixes: existing prefixes must be a subset of the new prefixes.',
      );
    changes['prefixes'] = prefixes;
  }
  requireScope(act.scene, values, familyOf(current));
  if (values['is_default'] === true) requireNoDefault(act.scene, familyOf(current), row.id);
  Object.assign(changes, lengthsOf(prefixes, { ...current.attributes, ...values }));
  await rename(act, current, values);
  await act.say('subnetpools', current, changes);
}

/** Gives an object that no other noun knows another name. */
export async function rename(act: Act, row: NeutronObject, { name }: Values): Promise<void> {
  if (name !== undefined) await act.tx.merge('neutron-objects', row.id, { name });
}

async function removePool(act: Act, row: NeutronObject): Promise<void> {
  const pool = (await act.tx.get('neutron-objects', row.id)) ?? row;
  if (Object.keys(await standing(act, allocationsOf(pool))).length > 0)
    throw new NeutronFault(
      400,
      'SubnetPoolDeleteError',
      `Unable to delete subnet pool: Subnet pool has existing allocations.`,
    );
  await act.tx.delete('neutron-objects', row.id);
}

const length = integer(0, 128);
/** Lengths are texts on the wire. */
const lengthText = (name: string) => (_scene: Scene, row: NeutronObject) => String(lengthOf(row, name));

export const subnetPools = neutronResource<NeutronObject>({
  collection: 'subnetpools',
  member: 'subnetpool',
  title: 'SubnetPool',
  said: 'subnetpools',
  kindOf: () => 'neutron-objects',
  rows: scene => aloneRows(scene, 'subnetpools'),
  find: (scene, id) => findAlone(scene, 'subnetpools', id),
  hasTags: true,
  attributes: {
    ...standard<NeutronObject>(),
    name: given(text(), (_scene, { name }) => name, { required: true }),
    prefixes: given(list(cidr, 256), (_scene, row) => prefixesOf(row), { required: true }),
    min_prefixlen: given(nullable(length), lengthText('min_prefixlen')),
    max_prefixlen: given(nullable(length), lengthText('max_prefixlen')),
    default_prefixlen: given(nullable(length), lengthText('default_prefixlen')),
    ip_version: shown((_scene, row) => familyOf(row)),
    default_quota: kept('default_quota', nullable(integer(0, 2 ** 31 - 1)), null),
    address_scope_id: kept('address_scope_id', nullable(uuid), null),
    shared: kept('shared', boolean, false, { admin: 'set', only: 'creation' }),
    is_default: kept('is_default', boolean, false, { admin: 'set' }),
  },
  create: createPool,
  update: updatePool,
  remove: removePool,
});

export const addressScopes = neutronResource<NeutronObject>({
  collection: 'address_scopes',
  member: 'address_scope',
  title: 'AddressScope',
  said: 'address_scopes',
  kindOf: () => 'neutron-objects',
  rows: scene => aloneRows(scene, 'address_scopes'),
  find: (scene, id) => findAlone(scene, 'address_scopes', id),
  attributes: {
    ...standard<NeutronObject>(),
    name: given(text(), (_scene, { name }) => name, { required: true }),
    ip_version: given(integer(4, 6), (_scene, row) => row.attributes['ip_version'], {
      required: true,
      only: 'creation',
    }),
    shared: kept('shared', boolean, false, { admin: 'set' }),
  },
  create: async (act, values, projectId) => {
    const id = act.newId();
    if (values['ip_version'] === 5) refuseValue('ip_version', "'5' is not in [4, 6]");
    await act.establish(
      'address_scopes',
      { id, name: textIn(values, 'name'), projectId },
      { ip_version: values['ip_version'] },
    );
    return id;
  },
  update: rename,
  remove: async (act, { id }) => {
    if (
      act.scene.view
        .by('neutron-objects', 'collection', 'subnetpools')
        .some(pool => pool.attributes['address_scope_id'] === id)
    )
      throw new NeutronFault(
        409,
        'AddressScopeInUse',
        `Unable to complete operation on address scope ${id}. There are one or more subnet pools in use on the address scope.`,
      );
    await act.tx.delete('neutron-objects', id);
  },
});
