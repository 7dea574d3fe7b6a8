/**
 * Who belongs to which security group, which addresses that makes for rules of other groups, and which hypervisors must know of it. Derived
 * incrementally from groups, rules, address sets, ports and where ports are bound:
 *
 *   port-groups       the groups of a port, named or selected by labels
 *   group-traits      what a group's rules have in common
 *   remote-addresses  the addresses of every set or group that some rule has for its other side
 *   residencies       (group, hypervisor) with a bound port of the group; (set, hypervisor) with a bound port of a group whose rules
 *                     name the set; and one for every hypervisor with any port that has groups
 *
 * A port that joins a group of thousands costs its own rows. A change of a selector looks at the ports with a label that it wants, or if it
 * wants none, at those of its project. What must stay true:
 * the rows are a function of the current rows of the model only.
 */
import { structurallyEqual } from '../base/structural-equality.js';
import { hostOrNetwork } from '../model/address-set.js';
import { type Direction, directions, type Kind, type LogicalSwitchPort, type SecurityGroup } from '../model/index.js';
import { type PortSelector, selects } from '../model/port-selector.js';
import { Counts } from './counts.js';
import type { NetworkReader, RowAfter, RowChange } from './network-view.js';
import { residencyId, type DerivedKind } from './rows.js';
import { compareIds } from './row-order.js';
import { groupLookups, guardScope, remoteNumber, remotePart, remoteScope, type RemoteKind } from './security-rows.js';

interface Group {
  readonly id: string;
  row: SecurityGroup | null;
  readonly members: Set<string>;
  /** Hypervisors of bound members. */
  readonly hosts: Counts<string>;
  /** Sets that its rules name. */
  readonly remotes: Counts<string>;
  readonly rules: Counts<'tracked' | 'logged' | Direction>;
}

/** A set or group that rules have for their other side. */
interface Remote {
  readonly id: string;
  readonly kind: RemoteKind;
  /** Groups whose rules name it. */
  readonly users: Set<string>;
  readonly hosts: Counts<string>;
  readonly parts: Map<number, Counts<string>>;
}

/** A port that has groups, as it was counted. */
interface Member {
  readonly groupIds: readonly string[];
  readonly addresses: readonly string[];
  readonly host: string | null;
}

export class SecurityMembership {
  readonly #view: NetworkReader;
  readonly #groups = new Map<string, Group>();
  readonly #remotes = new Map<string, Remote>();
  readonly #members = new Map<string, Member>();
  readonly #hosts = new Counts<string>();
  readonly #hostOf = new Map<string, string>();
  /** Ports by project, and by project and label. */
  readonly #portsAt = new Map<string, Set<string>>();
  /** Groups with a selector, by project. */
  readonly #selectors = new Map<string, Set<Group>>();
  /** Addresses counted for each address set. */
  readonly #listed = new Map<string, readonly string[]>();
  /** What may have changed, and is said at the end. */
  #dirtyGroups = new Set<string>();
  #dirtyPorts = new Set<string>();
  #dirtyParts = new Map<string, Set<number>>();
  #dirtyPlaces = new Map<string, Set<string>>();

  constructor(view: NetworkReader) {
    this.#view = view;
  }

  /** Call when the view's own rows hold `changes` already; `placed` are the rows that placement has derived from them. */
  apply(
    changes: readonly RowChange<Kind>[],
    placed: readonly RowAfter<DerivedKind>[],
  ): readonly RowAfter<DerivedKind>[] {
    this.#dirtyGroups = new Set();
    this.#dirtyPorts = new Set();
    this.#dirtyParts = new Map();
    this.#dirtyPlaces = new Map();
    const ports = new Set<string>();
    for (const change of changes) {
      if (change.kind === 'security-groups') this.#setGroup(change, ports);
      else if (change.kind === 'address-sets') this.#setAddresses(change.id);
      else if (change.kind === 'security-group-rules') {
        for (const [row, by] of [
          [change.after, 1],
          [change.before, -1],
        ] as const)
          if (row !== null) this.#countRule(row, by);
      } else if (change.kind === 'logical-switch-ports') {
        this.#setPlaces(change.before, change.after);
        ports.add(change.id);
      }
    }
    for (const row of placed) {
      if (row.kind !== 'bound-ports') continue;
      if (row.after === null) this.#hostOf.delete(row.id);
      else this.#hostOf.set(row.id, row.after.hypervisorId);
      ports.add(row.id);
    }
    for (const id of ports) this.#setPort(id);
    return [...this.#output()];
  }

  #group(id: string): Group {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = { id, row: null, members: new Set(), hosts: new Counts(), remotes: new Counts(), rules: new Counts() };
      this.#groups.set(id, group);
    }
    return group;
  }

  #forget(group: Group): void {
    if (group.row === null && group.rules.size === 0 && group.members.size === 0) this.#groups.delete(group.id);
  }

  #setGroup({ id, before, after }: RowChange<'security-groups'>, ports: Set<string>): void {
    const group = this.#group(id);
    group.row = after;
    this.#dirtyGroups.add(id);
    if (before?.number !== after?.number) this.#renumber(group);
    const selectsAsBefore =
      before?.projectId === after?.projectId && structurallyEqual(before?.portSelector, after?.portSelector);
    for (const row of selectsAsBefore ? [] : [before, after]) {
      if (row === null || row.portSelector === null) continue;
      for (const port of this.#portsAt.get(placeOfSelector(row.projectId, row.portSelector)) ?? []) ports.add(port);
    }
    if (before !== null && before.portSelector !== null) this.#selectorsOf(before.projectId).delete(group);
    if (after !== null && after.portSelector !== null) this.#selectorsOf(after.projectId).add(group);
    if ((before === null) !== (after === null) || before?.number !== after?.number) {
      for (const port of group.members) ports.add(port);
      for (const port of this.#view.by('logical-switch-ports', 'securityGroups', id)) ports.add(port.id);
    }
    this.#forget(group);
  }

  /** Its number is in all rows about it. */
  #renumber(group: Group): void {
    for (const host of group.hosts.keys()) this.#place(group.id, host);
    for (const port of group.members) this.#dirtyPorts.add(port);
    const remote = this.#remotes.get(group.id);
    if (remote !== undefined) this.#sayAgain(remote);
  }

  #sayAgain(remote: Remote): void {
    for (const part of remote.parts.keys()) this.#part(remote.id, part);
    for (const host of remote.hosts.keys()) this.#place(remoteScope(remote.id), host);
  }

  #selectorsOf(project: string): Set<Group> {
    let groups = this.#selectors.get(project);
    if (groups === undefined) this.#selectors.set(project, (groups = new Set()));
    return groups;
  }

  /** Under its project, and under each label there: where selectors look. */
  #setPlaces(before: LogicalSwitchPort | null, after: LogicalSwitchPort | null): void {
    const places = new Set(after === null ? [] : placesOf(after));
    for (const each of before === null ? [] : placesOf(before))
      if (!places.delete(each)) this.#leave(each, before?.id ?? '');
    if (after === null) return;
    for (const each of places) {
      const ports = this.#portsAt.get(each);
      if (ports === undefined) this.#portsAt.set(each, new Set([after.id]));
      else ports.add(after.id);
    }
  }

  #leave(at: string, portId: string): void {
    const ports = this.#portsAt.get(at);
    ports?.delete(portId);
    if (ports?.size === 0) this.#portsAt.delete(at);
  }

  #countRule(row: NonNullable<RowChange<'security-group-rules'>['after']>, by: 1 | -1): void {
    const group = this.#group(row.securityGroupId);
    if (group.rules.add(row.stateless ? row.direction : 'tracked', by)) this.#dirtyGroups.add(group.id);
    if (row.log && group.rules.add('logged', by)) this.#dirtyGroups.add(group.id);
    const setId = row.remoteGroupId ?? row.remoteAddressSetId;
    const kind = row.remoteGroupId === null ? 'address-sets' : 'security-groups';
    const lookups = groupLookups(group.remotes.size);
    if (setId !== null && group.remotes.add(setId, by)) {
      if (groupLookups(group.remotes.size) !== lookups) this.#dirtyGroups.add(group.id);
      const remote = this.#remote(setId, kind);
      if (by === 1) remote.users.add(group.id);
      else remote.users.delete(group.id);
      for (const host of group.hosts.keys()) this.#countRemoteHost(remote, host, by);
      if (remote.users.size === 0) this.#dropRemote(remote);
    }
    this.#forget(group);
  }

  /** The set with everything that it holds; made when the first rule names it. */
  #remote(id: string, kind: RemoteKind): Remote {
    const held = this.#remotes.get(id);
    if (held !== undefined) return held;
    const remote: Remote = { id, kind, users: new Set(), hosts: new Counts(), parts: new Map() };
    this.#remotes.set(id, remote);
    if (kind === 'address-sets') this.#setAddresses(id);
    else {
      for (const port of this.#groups.get(id)?.members ?? [])
        for (const address of this.#members.get(port)?.addresses ?? []) this.#countAddress(remote, address, 1);
    }
    return remote;
  }

  #dropRemote(remote: Remote): void {
    for (const part of remote.parts.keys()) this.#part(remote.id, part);
    this.#remotes.delete(remote.id);
    this.#listed.delete(remote.id);
  }

  #setAddresses(id: string): void {
    const remote = this.#remotes.get(id);
    if (remote === undefined || remote.kind !== 'address-sets') return;
    const addresses = this.#view.get('address-sets', id)?.addresses ?? [];
    for (const address of addresses) this.#countAddress(remote, address, 1);
    for (const address of this.#listed.get(id) ?? []) this.#countAddress(remote, address, -1);
    this.#listed.set(id, addresses);
    // Deleted and made anew under its id it has another number.
    this.#sayAgain(remote);
  }

  #countAddress(remote: Remote, address: string, by: 1 | -1): void {
    const part = remotePart(address);
    let addresses = remote.parts.get(part);
    if (addresses === undefined) remote.parts.set(part, (addresses = new Counts()));
    if (addresses.add(address, by)) this.#part(remote.id, part);
    if (addresses.size === 0) remote.parts.delete(part);
  }

  #countRemoteHost(remote: Remote, host: string, by: 1 | -1): void {
    if (remote.hosts.add(host, by)) this.#place(remoteScope(remote.id), host);
  }

  #part(setId: string, part: number): void {
    const parts = this.#dirtyParts.get(setId);
    if (parts === undefined) this.#dirtyParts.set(setId, new Set([part]));
    else parts.add(part);
  }

  #place(scope: string, host: string): void {
    const hosts = this.#dirtyPlaces.get(scope);
    if (hosts === undefined) this.#dirtyPlaces.set(scope, new Set([host]));
    else hosts.add(host);
  }

  #setPort(id: string): void {
    const held = this.#members.get(id);
    const now = this.#memberOf(id);
    if (held === undefined && now === null) return;
    this.#dirtyPorts.add(id);
    if (now !== null) this.#countMember(now, 1);
    if (held !== undefined) this.#countMember(held, -1);
    if (now === null) this.#members.delete(id);
    else this.#members.set(id, now);
    for (const groupId of now?.groupIds ?? []) this.#groups.get(groupId)?.members.add(id);
    for (const groupId of held?.groupIds ?? []) {
      if (now?.groupIds.includes(groupId) === true) continue;
      const group = this.#group(groupId);
      group.members.delete(id);
      this.#forget(group);
    }
  }

  #memberOf(id: string): Member | null {
    const port = this.#view.get('logical-switch-ports', id);
    if (port === null) return null;
    const groups = new Set<Group>();
    for (const groupId of port.securityGroups) {
      const group = this.#groups.get(groupId);
      if (group !== undefined && group.row !== null) groups.add(group);
    }
    for (const group of this.#selectors.get(port.projectId) ?? []) {
      const selector = group.row?.portSelector ?? null;
      if (selector !== null && selects(selector, port.labels)) groups.add(group);
    }
    if (groups.size === 0) return null;
    const addresses = [
      ...port.ips.map(({ ip }) => ip),
      ...port.allowedAddresses.map(({ cidr }) => hostOrNetwork(cidr)),
    ];
    return {
      groupIds: [...groups]
        .toSorted((a, b) => (a.row?.number ?? 0) - (b.row?.number ?? 0) || compareIds(a.id, b.id))
        .map(group => group.id),
      addresses: [...new Set(addresses)],
      host: this.#hostOf.get(id) ?? null,
    };
  }

  #countMember({ groupIds, addresses, host }: Member, by: 1 | -1): void {
    if (host !== null && this.#hosts.add(host, by)) this.#place(guardScope, host);
    for (const groupId of groupIds) {
      const group = this.#group(groupId);
      const remote = this.#remotes.get(groupId);
      if (remote?.kind === 'security-groups') for (const address of addresses) this.#countAddress(remote, address, by);
      if (host === null || !group.hosts.add(host, by)) continue;
      this.#place(groupId, host);
      for (const setId of group.remotes.keys()) {
        const named = this.#remotes.get(setId);
        if (named !== undefined) this.#countRemoteHost(named, host, by);
      }
    }
  }

  *#output(): Generator<RowAfter<DerivedKind>> {
    for (const id of this.#dirtyPorts) yield { kind: 'port-groups', id, after: this.#portGroups(id) };
    for (const id of this.#dirtyGroups) yield { kind: 'group-traits', id, after: this.#traits(id) };
    for (const [setId, parts] of this.#dirtyParts) yield* this.#partRows(setId, parts);
    for (const [scope, hosts] of this.#dirtyPlaces) {
      for (const host of hosts) yield this.#residency(scope, host);
    }
  }

  #portGroups(id: string) {
    const member = this.#members.get(id);
    const port = this.#view.get('logical-switch-ports', id);
    return member === undefined || port === null ? null : { id, groupIds: member.groupIds, number: port.number };
  }

  #traits(id: string) {
    const group = this.#groups.get(id);
    if (group === undefined || group.row === null) return null;
    const stateless = directions.filter(direction => group.rules.has(direction));
    const { isolates, number, logDenied: logsDenied } = group.row;
    const lookups = groupLookups(group.remotes.size);
    const [tracked, logged] = [group.rules.has('tracked'), group.rules.has('logged')];
    return { id, tracked, stateless, isolates, logs: logged || logsDenied, logsDenied, lookups, number };
  }

  *#partRows(setId: string, parts: ReadonlySet<number>): Generator<RowAfter<DerivedKind>> {
    const remote = this.#remotes.get(setId);
    const setNumber = remote === undefined ? null : this.#numberOf(remote);
    for (const part of parts) {
      const id = `${setId}/${part}`;
      const addresses = remote?.parts.get(part);
      if (remote === undefined || setNumber === null || addresses === undefined) {
        yield { kind: 'remote-addresses', id, after: null };
        continue;
      }
      const number = remoteNumber(setNumber, part);
      const sorted = [...addresses.keys()].sort(compareIds);
      const after = { id, setId, setKind: remote.kind, setNumber, addresses: sorted, number };
      yield { kind: 'remote-addresses', id, after };
    }
  }

  #numberOf({ id, kind }: Pick<Remote, 'id' | 'kind'>): number | null {
    return this.#view.get(kind, id)?.number ?? null;
  }

  #residency(scope: string, hypervisorId: string): RowAfter<'residencies'> {
    const id = residencyId(scope, hypervisorId);
    const gone = { kind: 'residencies', id, after: null } as const;
    const row = { id, datapathId: scope, datapathKind: 'security-groups', hypervisorId } as const;
    if (scope === guardScope) return this.#hosts.has(hypervisorId) ? { ...gone, after: { ...row, number: 0 } } : gone;
    const group = this.#groups.get(scope);
    if (group !== undefined)
      return group.hosts.has(hypervisorId) && group.row !== null
        ? { ...gone, after: { ...row, number: group.row.number } }
        : gone;
    const remote = this.#remotes.get(scope.slice(remoteScope('').length));
    const number = remote === undefined ? null : this.#numberOf(remote);
    return remote?.hosts.has(hypervisorId) === true && number !== null ? { ...gone, after: { ...row, number } } : gone;
  }
}

const place = (projectId: string, label = '', value = ''): string => JSON.stringify([projectId, label, value]);

function placesOf({ projectId, labels }: LogicalSwitchPort): readonly string[] {
  return [place(projectId), ...Object.entries(labels).map(([label, value]) => place(projectId, label, value))];
}

/** Where all ports are that a selector can select: under a label that it wants, or in the whole project. */
function placeOfSelector(projectId: string, { matchLabels }: PortSelector): string {
  const [first] = Object.entries(matchLabels);
  return first === undefined ? place(projectId) : place(projectId, ...first);
}
