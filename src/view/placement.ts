/**
 * Which hypervisor must hold which datapath, and which send to each other. Derived incrementally from switches, routers, router ports, switch
 * ports and bindings:
 *
 *   bound-ports       a logical switch port and its binding, joined
 *   local-places      a local port and each of its bindings; they count for nothing else here
 *   switch-presences  (switch, hypervisor) with at least one bound port
 *   residencies       (datapath, hypervisor) where the hypervisor has a bound port of any switch in the connected
 *                     component; switches and routers are joined by router ports, routers also by peer ports
 *   mesh-members      (component, hypervisor) likewise: who sends to each other through tunnels
 *
 * The port by which a router is outside joins nothing, or everything behind one physical network would be one component: the router
 * reaches it through its gateway. A hypervisor that can be that, or speaks for a floating IP, has both, as if it had ports of them.
 *
 * A binding costs at most one row for each datapath of its component; a link between components, or a cut, walks
 * the components concerned and no other. What must stay true: the rows are a function of the current rows of the
 * model only (test/view/placement.test.ts compares with a computation from scratch after every change).
 */
import { structurallyEqual } from '../base/structural-equality.js';
import type { Kind, RowOf } from '../model/index.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import { isGatewayPort } from '../model/gateway.js';
import type { BoundPort, GatewayPlace, MeshMember, FloatingPlace } from './place-rows.js';
import { localPlaceId, meshMemberId, presenceId, residencyId, type DerivedKind } from './rows.js';

type DatapathKind = 'logical-switches' | 'logical-routers';

/** A logical switch or router, or the name of one that something refers to and that does not exist. */
interface Datapath {
  readonly id: string;
  /** Null while the row does not exist: then it joins nothing and has no rows. */
  live: LiveDatapath | null;
  /** Neighbour and how many router ports make the link. */
  readonly links: Map<Datapath, number>;
  /** Hypervisor id and how many ports of this very switch are bound there; routers for which it can be the gateway, and floating IPs. */
  readonly hosts: Map<string, number>;
  component: Component;
}

interface LiveDatapath {
  readonly kind: DatapathKind;
  readonly number: number;
  /** It is part of a physical network, through which its ports reach each other. */
  readonly isPhysical: boolean;
}

interface Component {
  readonly members: Set<Datapath>;
  /** Hypervisor id and how many members have ports there. */
  readonly hosts: Map<string, number>;
  /** What its mesh is named after; null: it has none. */
  mesh: Pick<MeshMember, 'meshId' | 'number'> | null;
}

const newComponent = (): Component => ({ members: new Set(), hosts: new Map(), mesh: null });

function liveDatapath(kind: DatapathKind, row: RowOf<DatapathKind> | null): LiveDatapath | null {
  return row === null ? null : { kind, number: row.number, isPhysical: 'provider' in row && row.provider !== null };
}

/** Adds to a count; tells whether it came into being or went away. */
function count<T>(counts: Map<T, number>, key: T, by: 1 | -1): 'appeared' | 'disappeared' | 'stayed' {
  const before = counts.get(key) ?? 0;
  const after = before + by;
  if (after === 0) counts.delete(key);
  else counts.set(key, after);
  if (before === 0) return 'appeared';
  return after === 0 ? 'disappeared' : 'stayed';
}

/** A hypervisor that speaks for a router outside, or for a floating IP of it. */
type Place = Pick<GatewayPlace | FloatingPlace, 'logicalRouterId' | 'logicalSwitchId' | 'hypervisorId'>;

export class Placement {
  readonly #view: NetworkReader;
  readonly #datapaths = new Map<string, Datapath>();
  /** Router port id -> the two ends that it links. */
  readonly #links = new Map<string, readonly [Datapath, Datapath]>();
  /** By id, each hypervisor that can be a gateway, or has a floating IP, as it is counted. */
  readonly #places = new Map<string, Place>();
  #dirty = new Set<Component>();
  #output: RowAfter<DerivedKind>[] = [];

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already. Returns the derived rows, oldest first. */
  apply(
    changes: readonly RowChange<Kind>[],
    places: readonly RowAfter<'gateway-places' | 'floating-places'>[] = [],
  ): readonly RowAfter<DerivedKind>[] {
    this.#dirty = new Set();
    this.#output = [];
    const routerPorts = new Set<string>();
    const switchPorts = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'logical-switches' || change.kind === 'logical-routers') {
        this.#setDatapath(change.id, liveDatapath(change.kind, change.after));
        if (change.kind === 'logical-routers' && outsideOf(change.before) !== outsideOf(change.after)) {
          for (const port of this.#view.by('logical-router-ports', 'logicalRouterId', change.id))
            routerPorts.add(port.id);
        }
      } else if (change.kind === 'logical-router-ports') {
        routerPorts.add(change.id);
        for (const peer of this.#view.by('logical-router-ports', 'peerId', change.id)) routerPorts.add(peer.id);
      } else if (change.kind === 'logical-switch-ports') {
        switchPorts.add(change.id);
      } else if (change.kind === 'port-bindings') {
        for (const row of [change.before, change.after]) if (row !== null) switchPorts.add(row.logicalSwitchPortId);
      }
    }
    for (const id of routerPorts) this.#setLink(id);
    this.#rebuild();
    for (const id of switchPorts) this.#setBoundPort(id);
    for (const { id, after } of places) this.#setPlace(id, after);
    return this.#output;
  }

  #datapath(id: string): Datapath {
    let found = this.#datapaths.get(id);
    if (found === undefined) {
      found = { id, live: null, links: new Map(), hosts: new Map(), component: newComponent() };
      this.#datapaths.set(id, found);
    }
    return found;
  }

  #setDatapath(id: string, live: LiveDatapath | null): void {
    const datapath = this.#datapath(id);
    if (structurallyEqual(datapath.live, live)) return;
    const { component } = datapath;
    // Withdrawn here and said again by the rebuild, with the new number or not at all.
    this.#dirty.add(component);
    for (const neighbour of datapath.links.keys()) this.#dirty.add(neighbour.component);
    for (const hypervisorId of component.hosts.keys()) this.#setResidency(datapath, hypervisorId, false);
    for (const hypervisorId of datapath.hosts.keys()) this.#setPresence(datapath, hypervisorId, false);
    component.members.delete(datapath);
    datapath.live = live;
    datapath.component = newComponent();
    datapath.component.members.add(datapath);
    this.#dirty.add(datapath.component);
    if (live === null) return this.#forget(datapath);
    for (const hypervisorId of datapath.hosts.keys()) this.#setPresence(datapath, hypervisorId, true);
  }

  /** Drops a datapath that does not exist and that nothing refers to. */
  #forget(datapath: Datapath): void {
    if (datapath.live !== null || datapath.links.size > 0 || datapath.hosts.size > 0) return;
    this.#datapaths.delete(datapath.id);
  }

  #setLink(portId: string): void {
    const held = this.#links.get(portId);
    const ends = this.#endsOf(portId);
    if (held !== undefined && ends !== null && held[0].id === ends[0] && held[1].id === ends[1]) return;
    if (held !== undefined) this.#countLink(held[0], held[1], -1);
    if (ends === null) this.#links.delete(portId);
    else {
      const link = [this.#datapath(ends[0]), this.#datapath(ends[1])] as const;
      this.#links.set(portId, link);
      this.#countLink(link[0], link[1], 1);
    }
    if (held !== undefined) for (const end of held) this.#forget(end);
  }

  #endsOf(portId: string): readonly [string, string] | null {
    const port = this.#view.get('logical-router-ports', portId);
    if (port === null) return null;
    if (isGatewayPort(this.#view.get('logical-routers', port.logicalRouterId), port)) return null;
    if (port.logicalSwitchId !== null) return [port.logicalRouterId, port.logicalSwitchId];
    const peer = port.peerId === null ? null : this.#view.get('logical-router-ports', port.peerId);
    return peer === null ? null : [port.logicalRouterId, peer.logicalRouterId];
  }

  #countLink(left: Datapath, right: Datapath, by: 1 | -1): void {
    count(right.links, left, by);
    const effect = count(left.links, right, by);
    const joins = effect === 'appeared' && left.component !== right.component;
    if (!joins && effect !== 'disappeared') return;
    this.#dirty.add(left.component);
    this.#dirty.add(right.component);
  }

  /** Finds the components anew among the members of those that a link or a datapath has changed. */
  #rebuild(): void {
    const found = new Set<Component>();
    for (const old of this.#dirty) this.#setMesh(old, false);
    for (const old of this.#dirty) {
      for (const member of old.members) {
        if (member.live !== null && !found.has(member.component)) found.add(this.#component(member, found));
      }
    }
  }

  #component(start: Datapath, found: ReadonlySet<Component>): Component {
    const component = newComponent();
    const previous = new Map<Datapath, Component>();
    const queue = [start];
    component.members.add(start);
    for (const datapath of queue) {
      if (found.has(datapath.component)) throw new Error(`datapath ${datapath.id} is in two components`);
      previous.set(datapath, datapath.component);
      for (const hypervisorId of datapath.hosts.keys()) count(component.hosts, hypervisorId, 1);
      for (const neighbour of datapath.links.keys()) {
        if (neighbour.live === null || component.members.has(neighbour)) continue;
        component.members.add(neighbour);
        queue.push(neighbour);
      }
    }
    const differences = new Map<Component, readonly (readonly [string, boolean])[]>();
    for (const [datapath, old] of previous) {
      let difference = differences.get(old);
      if (difference === undefined) differences.set(old, (difference = hostDifference(old, component)));
      for (const [hypervisorId, resident] of difference) this.#setResidency(datapath, hypervisorId, resident);
      datapath.component = component;
    }
    component.mesh = meshOf(component);
    this.#setMesh(component, true);
    return component;
  }

  #setBoundPort(portId: string): void {
    const held = this.#view.get('bound-ports', portId);
    const port = this.#view.get('logical-switch-ports', portId);
    const bindings = this.#view.by('port-bindings', 'logicalSwitchPortId', portId);
    const [binding] = bindings;
    let bound: BoundPort | null = null;
    this.#setLocalPlaces(portId, port === null || port.local === null ? null : port.number, bindings);
    if (port?.local === null && binding !== undefined) {
      const { logicalSwitchId, number, parent } = port;
      const { hypervisorId, ofport, ctZone } = binding;
      bound = { id: portId, logicalSwitchId, hypervisorId, ofport, vlan: parent?.vlan ?? null, ctZone, number };
    }
    this.#output.push({ kind: 'bound-ports', id: portId, after: bound });
    if (bound !== null) this.#countPort(bound, 1);
    if (held !== null) this.#countPort(held, -1);
  }

  /** A local port is nowhere as far as placement goes: it comes where the workloads of its switch are. `number` null: it is none. */
  #setLocalPlaces(portId: string, number: number | null, bindings: readonly RowOf<'port-bindings'>[]): void {
    const gone = new Set(this.#view.by('local-places', 'portId', portId).map(({ id }) => id));
    for (const { hypervisorId, ofport } of number === null ? [] : bindings) {
      const id = localPlaceId(portId, hypervisorId);
      if (number !== null)
        this.#output.push({ kind: 'local-places', id, after: { id, portId, hypervisorId, ofport, number } });
      gone.delete(id);
    }
    for (const id of gone) this.#output.push({ kind: 'local-places', id, after: null });
  }

  #setPlace(id: string, place: Place | null): void {
    const held = this.#places.get(id);
    if (place === null) this.#places.delete(id);
    else this.#places.set(id, place);
    if (place !== null) this.#countPlace(place, 1);
    if (held !== undefined) this.#countPlace(held, -1);
  }

  #countPlace({ logicalRouterId, logicalSwitchId, hypervisorId }: Place, by: 1 | -1): void {
    this.#countHost(logicalRouterId, hypervisorId, by);
    this.#countHost(logicalSwitchId, hypervisorId, by);
  }

  #countPort({ logicalSwitchId, hypervisorId }: BoundPort, by: 1 | -1): void {
    this.#countHost(logicalSwitchId, hypervisorId, by);
  }

  #countHost(datapathId: string, hypervisorId: string, by: 1 | -1): void {
    const datapath = this.#datapath(datapathId);
    const atDatapath = count(datapath.hosts, hypervisorId, by);
    if (atDatapath === 'stayed') return;
    if (datapath.live === null) return this.#forget(datapath);
    this.#setPresence(datapath, hypervisorId, by === 1);
    const atComponent = count(datapath.component.hosts, hypervisorId, by);
    if (atComponent === 'stayed') return;
    for (const member of datapath.component.members) this.#setResidency(member, hypervisorId, by === 1);
    this.#setMember(datapath.component, hypervisorId, by === 1);
  }

  #setMesh(component: Component, isThere: boolean): void {
    for (const hypervisorId of component.hosts.keys()) this.#setMember(component, hypervisorId, isThere);
  }

  #setMember({ mesh }: Component, hypervisorId: string, isMember: boolean): void {
    if (mesh === null) return;
    const id = meshMemberId(mesh.meshId, hypervisorId);
    this.#output.push({ kind: 'mesh-members', id, after: isMember ? { id, ...mesh, hypervisorId } : null });
  }

  #setResidency({ id: datapathId, live }: Datapath, hypervisorId: string, resident: boolean): void {
    if (live === null) return;
    const id = residencyId(datapathId, hypervisorId);
    const row = { id, datapathId, datapathKind: live.kind, hypervisorId, number: live.number };
    this.#output.push({ kind: 'residencies', id, after: resident ? row : null });
  }

  #setPresence({ id: logicalSwitchId, live }: Datapath, hypervisorId: string, present: boolean): void {
    if (live?.kind !== 'logical-switches') return;
    const id = presenceId(logicalSwitchId, hypervisorId);
    const row = { id, logicalSwitchId, hypervisorId, number: live.number };
    this.#output.push({ kind: 'switch-presences', id, after: present ? row : null });
  }
}

/** Named after the oldest datapath, so that what joins later changes no name. */
function meshOf({ members }: Component): Component['mesh'] {
  let oldest: { readonly meshId: string; readonly number: number } | null = null;
  let needsTunnels = members.size > 1;
  for (const { id, live } of members) {
    if (live === null) continue;
    needsTunnels ||= !live.isPhysical;
    if (oldest === null || live.number < oldest.number) oldest = { meshId: id, number: live.number };
  }
  return needsTunnels ? oldest : null;
}

/** The logical switch on which the router is outside. */
function outsideOf(router: Pick<RowOf<'logical-routers'>, 'gateway'> | null): string | null {
  return router?.gateway?.logicalSwitchId ?? null;
}

/** What becoming a member of `now` after having been one of `before` changes: hypervisor, and whether it joined. */
function hostDifference(before: Component, now: Component): readonly (readonly [string, boolean])[] {
  const difference: [string, boolean][] = [];
  for (const hypervisorId of before.hosts.keys())
    if (!now.hosts.has(hypervisorId)) difference.push([hypervisorId, false]);
  for (const hypervisorId of now.hosts.keys())
    if (!before.hosts.has(hypervisorId)) difference.push([hypervisorId, true]);
  return difference;
}
