/**
 * The network as the oracle sees it: the same questions as the real view, answered without any of its code. Indexes
 * are built anew from all rows of a kind, and placement from all rows, after every change. Rows and lists that come
 * out equal keep their identity, so that "same object" means "same answer".
 */
import { structurallyEqual } from '../../src/base/structural-equality.js';
import { MAX_WATCHED_KEY } from '../../src/model/gateway-tunnels.js';
import { gatewayCandidates } from '../../src/model/gateway.js';
import type { Hypervisor, LogicalSwitch } from '../../src/model/index.js';
import type { RowAfter } from '../../src/view/network-view.js';
import { balancingOf } from './reference-balancing.js';
import { components } from './reference-components.js';
import { queuesOf } from './reference-queues.js';
import { securityOf } from './reference-security.js';
import {
  type DerivedKind,
  fleetOf,
  indexes,
  type IndexValue,
  type ViewKind,
  type ViewRow,
} from '../../src/view/rows.js';

type AnyRow = ViewRow<ViewKind>;
type Rows = ReadonlyMap<string, AnyRow>;

const viewKinds = Object.keys(indexes) as ViewKind[];
type Members = { readonly [K in ViewKind]?: readonly (keyof ViewRow<K>)[] };

/** The members that placement is a function of. */
const placementMembers: Members = {
  'logical-switches': ['number', 'provider'],
  'logical-routers': ['number', 'gateway'],
  'logical-switch-ports': ['number', 'logicalSwitchId', 'parent', 'local'],
  'logical-router-ports': ['logicalRouterId', 'logicalSwitchId', 'peerId'],
  'port-bindings': ['logicalSwitchPortId', 'hypervisorId', 'ofport', 'ctZone'],
};
/** The members that security groups are a function of, beside placement. */
const securityMembers: Members = {
  'logical-switch-ports': ['number', 'projectId', 'labels', 'securityGroups', 'ips', 'allowedAddresses'],
  'security-groups': ['number', 'projectId', 'portSelector', 'isolates', 'logDenied'],
  'address-sets': ['number', 'addresses'],
  'security-group-rules': [
    ...(['securityGroupId', 'direction', 'stateless', 'log'] as const),
    ...(['remoteGroupId', 'remoteAddressSetId'] as const),
  ],
};

/** The members that load balancers' rows are a function of, beside placement. */
const balancingMembers: Members = {
  'load-balancers': ['number', 'logicalSwitchIds', 'logicalRouterIds'],
  'logical-switches': ['number'],
};

/** The members that rows about translation are a function of, beside the places of gateways. */
const translationMembers: Members = { 'nat-rules': ['logicalRouterId'] };

function moves(members: Members, kind: ViewKind, before: AnyRow | null, after: AnyRow | null): boolean {
  const concerned = members[kind] as readonly (keyof AnyRow)[] | undefined;
  if (concerned === undefined) return false;
  return before === null || after === null || concerned.some(member => before[member] !== after[member]);
}

const sortedById = (rows: Iterable<AnyRow>): AnyRow[] => [...rows].sort((left, right) => (left.id < right.id ? -1 : 1));

export class ReferenceNetwork {
  readonly #rows = new Map<ViewKind, Map<string, AnyRow>>(viewKinds.map(kind => [kind, new Map()]));
  readonly #indexes = new Map<string, Map<IndexValue, readonly AnyRow[]>>();

  #placement: PlacementRows = {
    boundPorts: new Map(),
    localPlaces: new Map(),
    presences: new Map(),
    residencies: new Map(),
    meshMembers: new Map(),
  };

  constructor() {
    this.#replace('fleet', this.#fleet());
  }

  get(kind: ViewKind, id: string): AnyRow | null {
    return this.rows(kind).get(id) ?? null;
  }

  by(kind: ViewKind, index: string, value: IndexValue): readonly AnyRow[] {
    return this.#indexes.get(`${kind} ${index}`)?.get(value) ?? none;
  }

  rows(kind: ViewKind): Rows {
    return this.#table(kind);
  }

  /** Takes the rows over; returns the kinds of which some row is another now. */
  apply(rows: Iterable<RowAfter>): ReadonlySet<ViewKind> {
    const changed = new Set<ViewKind>();
    let hasMoved = false;
    let isDerivedAnew = false;
    for (const { kind, id, after } of rows) {
      const table = this.#table(kind);
      const before = table.get(id) ?? null;
      if (before === after) continue;
      hasMoved ||= moves(placementMembers, kind, before, after);
      isDerivedAnew ||= [securityMembers, balancingMembers, translationMembers].some(members =>
        moves(members, kind, before, after),
      );
      if (after === null) table.delete(id);
      else table.set(id, after);
      changed.add(kind);
    }
    // The order among candidates is the model's; which rows come of it is found here, from all of them.
    const mayMoveGateways = (['hypervisors', 'logical-switches', 'logical-routers'] as const).some(kind =>
      changed.has(kind),
    );
    if (mayMoveGateways && this.#replace('gateway-places', gatewayPlacesOf(this))) {
      changed.add('gateway-places');
      hasMoved = true;
    }
    if (this.#replace('floating-places', floatingPlacesOf(this))) {
      changed.add('floating-places');
      hasMoved = true;
    }
    if (hasMoved) this.#placement = placementOf(this);
    if (hasMoved || isDerivedAnew) {
      for (const [kind, derived] of this.#derived()) if (this.#replace(kind, derived)) changed.add(kind);
    }
    if (changed.has('hypervisors')) {
      if (this.#replace('fleet', this.#fleet())) changed.add('fleet');
      const keys = rowsOf(this, 'hypervisors').map(({ id, hypervisorKey, number }) => ({ id, hypervisorKey, number }));
      if (this.#replace('hypervisor-keys', new Map(keys.map(row => [row.id, row])))) changed.add('hypervisor-keys');
    }
    if (['hypervisors', 'logical-switches', 'switch-presences'].some(kind => changed.has(kind as ViewKind))) {
      if (this.#replace('physical-attachments', this.#attachments())) changed.add('physical-attachments');
    }
    if (['hypervisors', 'gateway-places', 'residencies'].some(kind => changed.has(kind as ViewKind))) {
      if (this.#replace('gateway-pairs', gatewayPairsOf(this))) changed.add('gateway-pairs');
    }
    if (['hypervisors', 'qos-rules', 'bound-ports'].some(kind => changed.has(kind as ViewKind))) {
      const queues = queuesOf(kind => rowsOf(this, kind));
      if (this.#replace('egress-queues', queues)) changed.add('egress-queues');
    }
    for (const kind of changed) this.#buildIndexes(kind);
    return changed;
  }

  /** How a router translates is known where it can have its gateway. */
  #translations(): readonly (readonly [string, AnyRow])[] {
    const routers = new Map(rowsOf(this, 'logical-routers').map(row => [row.id, row.number]));
    const translating = new Set(rowsOf(this, 'nat-rules').map(row => row.logicalRouterId));
    const places = [...rowsOf(this, 'gateway-places'), ...rowsOf(this, 'floating-places')];
    return places.flatMap(({ logicalRouterId, hypervisorId }) => {
      const number = routers.get(logicalRouterId);
      if (number === undefined || !translating.has(logicalRouterId)) return [];
      const datapathId = `nat ${logicalRouterId}`;
      const id = `${datapathId}@${hypervisorId}`;
      return [[id, { id, datapathId, datapathKind: 'nat-rules', hypervisorId, number }] as const];
    });
  }

  #derived(): ReadonlyMap<DerivedKind, Rows> {
    const { boundPorts, localPlaces, presences, residencies, meshMembers } = this.#placement;
    const placeOf = new Map([...boundPorts].map(([id, { hypervisorId }]) => [id, hypervisorId]));
    const security = securityOf(kind => rowsOf(this, kind), placeOf);
    const balancing = balancingOf(kind => rowsOf(this, kind), residencies);
    const scopes = [security, balancing].flatMap(rows => [...(rows.get('residencies') ?? [])]);
    return new Map<DerivedKind, Rows>([
      ...security,
      ...balancing,
      ['residencies', new Map([...residencies, ...scopes, ...this.#translations()])],
      ['switch-presences', presences],
      ['mesh-members', meshMembers],
      ['bound-ports', boundPorts],
      ['local-places', localPlaces],
    ]);
  }

  #fleet(): Rows {
    const row = fleetOf(rowsOf(this, 'hypervisors'));
    return new Map([[row.id, row]]);
  }

  /** Every port of a switch that is part of a physical network needs that network where it is. */
  #attachments(): Rows {
    const found = new Map<string, AnyRow>();
    for (const { logicalSwitchId, hypervisorId } of rowsOf(this, 'switch-presences')) {
      const { provider, physicalNetworkKey } = this.#table('logical-switches').get(logicalSwitchId) as LogicalSwitch;
      if (provider === null || physicalNetworkKey === null) continue;
      const { physicalNetwork } = provider;
      const host = this.#table('hypervisors').get(hypervisorId) as Hypervisor | undefined;
      const mapping = host?.bridgeMappings.filter(each => each.physicalNetwork === physicalNetwork)[0];
      const id = `${physicalNetworkKey}@${hypervisorId}`;
      const bridge = mapping === undefined ? null : mapping.bridge;
      found.set(id, { id, hypervisorId, physicalNetwork, bridge, number: physicalNetworkKey });
    }
    return found;
  }

  #table(kind: ViewKind): Map<string, AnyRow> {
    const table = this.#rows.get(kind);
    if (table === undefined) throw new Error(`no kind ${kind}`);
    return table;
  }

  #replace(kind: ViewKind, rows: Rows): boolean {
    const table = this.#table(kind);
    let changed = false;
    for (const id of table.keys()) if (!rows.has(id)) changed = table.delete(id);
    for (const [id, row] of rows) {
      if (structurallyEqual(table.get(id), row)) continue;
      table.set(id, row);
      changed = true;
    }
    return changed;
  }

  #buildIndexes(kind: ViewKind): void {
    const rows = sortedById(this.rows(kind).values());
    for (const [name, valuesOf] of Object.entries(indexes[kind]) as [
      string,
      (row: AnyRow) => readonly IndexValue[],
    ][]) {
      const buckets = new Map<IndexValue, AnyRow[]>();
      for (const row of rows) {
        for (const value of new Set(valuesOf(row))) {
          const bucket = buckets.get(value);
          if (bucket === undefined) buckets.set(value, [row]);
          else bucket.push(row);
        }
      }
      const former = this.#indexes.get(`${kind} ${name}`);
      const built = new Map<IndexValue, readonly AnyRow[]>();
      for (const [value, bucket] of buckets) {
        const held = former?.get(value);
        const same = held?.length === bucket.length && held.every((row, place) => row === bucket[place]);
        built.set(value, same ? held : bucket);
      }
      this.#indexes.set(`${kind} ${name}`, built);
    }
  }
}

const none: readonly AnyRow[] = Object.freeze([]);

function rowsOf<K extends ViewKind>(network: ReferenceNetwork, kind: K): readonly ViewRow<K>[] {
  return [...network.rows(kind).values()] as unknown as readonly ViewRow<K>[];
}

interface PlacementRows {
  readonly boundPorts: ReadonlyMap<string, ViewRow<'bound-ports'>>;
  readonly localPlaces: Rows;
  readonly presences: Rows;
  readonly residencies: Rows;
  readonly meshMembers: Rows;
}

function gatewayPlacesOf(network: ReferenceNetwork): Rows {
  const hypervisors = sortedById(network.rows('hypervisors').values()) as ViewRow<'hypervisors'>[];
  const switches = new Map(rowsOf(network, 'logical-switches').map(row => [row.id, row]));
  const places = rowsOf(network, 'logical-routers').flatMap(router => {
    const logicalSwitchId = router.gateway?.logicalSwitchId ?? '';
    const network = switches.get(logicalSwitchId)?.provider?.physicalNetwork ?? null;
    const able = gatewayCandidates(router, network, hypervisors).filter(each => each.obstacle === null);
    return able.flatMap(({ hypervisorId }, rank) => {
      if (hypervisorId === null) return [];
      const id = `${router.id}@${hypervisorId}`;
      const { hypervisorKey } = hypervisors.find(row => row.id === hypervisorId) ?? { hypervisorKey: 0 };
      return [
        { id, logicalRouterId: router.id, logicalSwitchId, hypervisorId, hypervisorKey, rank, number: router.number },
      ];
    });
  });
  return new Map(places.map(row => [row.id, row]));
}

/** Whoever holds a router watches all that can be its gateway, and they it, where there are several. */
function gatewayPairsOf(network: ReferenceNetwork): Rows {
  const hypervisors = new Map(rowsOf(network, 'hypervisors').map(row => [row.id, row]));
  const residencies = rowsOf(network, 'residencies');
  const places = rowsOf(network, 'gateway-places');
  const found = new Map<string, AnyRow>();
  for (const { logicalRouterId, hypervisorId: place } of places) {
    if (places.filter(each => each.logicalRouterId === logicalRouterId).length < 2) continue;
    for (const { datapathId, hypervisorId: holder } of residencies) {
      if (datapathId !== logicalRouterId || holder === place) continue;
      for (const [hypervisorId, peerId] of [
        [holder, place],
        [place, holder],
      ] as const) {
        const peer = hypervisors.get(peerId);
        const own = hypervisors.get(hypervisorId);
        if (peer === undefined || own === undefined) continue;
        if (Math.max(peer.hypervisorKey, own.hypervisorKey) > MAX_WATCHED_KEY) continue;
        const id = `${hypervisorId} ${peerId}`;
        const { hypervisorKey: peerKey, number } = peer;
        found.set(id, { id, hypervisorId, peerId, peerKey, number });
      }
    }
  }
  return found;
}

function floatingPlacesOf(network: ReferenceNetwork): Rows {
  const bindings = sortedById(network.rows('port-bindings').values()) as ViewRow<'port-bindings'>[];
  const places = rowsOf(network, 'nat-rules').flatMap(rule => {
    const { id, logicalRouterId, externalIp, logicalSwitchPortId: port, externalMac, number } = rule;
    if (port === null || externalMac === null) return [];
    const workload = network.get('logical-switch-ports', port) as ViewRow<'logical-switch-ports'> | null;
    if (workload?.local !== null) return [];
    const router = network.get('logical-routers', logicalRouterId) as ViewRow<'logical-routers'> | null;
    const logicalSwitchId = router?.gateway?.logicalSwitchId ?? '';
    const outside = network.get('logical-switches', logicalSwitchId) as ViewRow<'logical-switches'> | null;
    const hypervisorId = bindings.find(each => each.logicalSwitchPortId === port)?.hypervisorId ?? '';
    const host = network.get('hypervisors', hypervisorId) as ViewRow<'hypervisors'> | null;
    const isMapped = host?.bridgeMappings.some(each => each.physicalNetwork === outside?.provider?.physicalNetwork);
    if (isMapped !== true || host?.allowed !== true || !host.approved) return [];
    return [{ id, logicalRouterId, externalIp, logicalSwitchId, hypervisorId, number }];
  });
  return new Map(places.map(row => [row.id, row]));
}

/** Placement as its definition says it, from all rows: flood fill over every link, then every (datapath, host) pair. */
function placementOf(network: ReferenceNetwork): PlacementRows {
  const switches = new Map(rowsOf(network, 'logical-switches').map(row => [row.id, row]));
  const routers = new Map(rowsOf(network, 'logical-routers').map(row => [row.id, row]));
  const ports = new Map(rowsOf(network, 'logical-switch-ports').map(row => [row.id, row]));
  const boundPorts = new Map<string, ViewRow<'bound-ports'>>();
  const localPlaces = new Map<string, AnyRow>();
  const presences = new Map<string, AnyRow>();
  const hosts = new Map<string, Set<string>>();
  // Two bindings of one port do not exist in a store; here the first by id counts, as in the view.
  for (const binding of sortedById(network.rows('port-bindings').values()) as ViewRow<'port-bindings'>[]) {
    const port = ports.get(binding.logicalSwitchPortId);
    if (port === undefined) continue;
    if (port.local !== null) {
      const id = `${port.id}@${binding.hypervisorId}`;
      const { hypervisorId, ofport } = binding;
      // Of two interfaces of one host there is one binding in a store; here the last one counts, as in the view.
      localPlaces.set(id, { id, portId: port.id, hypervisorId, ofport, number: port.number });
      continue;
    }
    if (boundPorts.has(port.id)) continue;
    const { logicalSwitchId, number } = port;
    const { hypervisorId, ofport, ctZone } = binding;
    const vlan = port.parent === null ? null : port.parent.vlan;
    boundPorts.set(port.id, { id: port.id, logicalSwitchId, hypervisorId, ofport, vlan, ctZone, number });
    const logicalSwitch = switches.get(logicalSwitchId);
    if (logicalSwitch === undefined) continue;
    const id = `${logicalSwitchId}@${hypervisorId}`;
    presences.set(id, { id, logicalSwitchId, hypervisorId, number: logicalSwitch.number });
    hosts.set(logicalSwitchId, (hosts.get(logicalSwitchId) ?? new Set()).add(hypervisorId));
  }
  for (const { logicalRouterId, logicalSwitchId, hypervisorId } of [
    ...rowsOf(network, 'gateway-places'),
    ...rowsOf(network, 'floating-places'),
  ]) {
    const { number } = switches.get(logicalSwitchId) as LogicalSwitch;
    const id = `${logicalSwitchId}@${hypervisorId}`;
    presences.set(id, { id, logicalSwitchId, hypervisorId, number });
    for (const datapathId of [logicalRouterId, logicalSwitchId])
      hosts.set(datapathId, (hosts.get(datapathId) ?? new Set()).add(hypervisorId));
  }
  const residencies = new Map<string, AnyRow>();
  const meshMembers = new Map<string, AnyRow>();
  const datapaths = [...switches.keys(), ...routers.keys()];
  for (const members of components(datapaths, rowsOf(network, 'logical-router-ports'), [...routers.values()])) {
    const reached = new Set(members.flatMap(member => [...(hosts.get(member) ?? [])]));
    for (const datapathId of members) {
      const number = switches.get(datapathId)?.number ?? routers.get(datapathId)?.number ?? 0;
      const datapathKind = switches.has(datapathId) ? 'logical-switches' : 'logical-routers';
      for (const hypervisorId of reached) {
        const id = `${datapathId}@${hypervisorId}`;
        residencies.set(id, { id, datapathId, datapathKind, hypervisorId, number });
      }
    }
    const numberOf = (id: string): number => switches.get(id)?.number ?? routers.get(id)?.number ?? 0;
    const [meshId = ''] = members.toSorted((left, right) => numberOf(left) - numberOf(right));
    if (members.length === 1 && (switches.get(meshId)?.provider ?? null) !== null) continue;
    for (const hypervisorId of reached) {
      const id = `${meshId}@${hypervisorId}`;
      meshMembers.set(id, { id, meshId, hypervisorId, number: numberOf(meshId) });
    }
  }
  return { boundPorts, localPlaces, presences, residencies, meshMembers };
}
