/** What must hold: on every change of a switch, whenever convergence is claimed, and at rest. */
import { structurallyEqual } from '../../src/base/structural-equality.js';
import { Compiler } from '../../src/compiler/compiler.js';
import { decodeCookie } from '../../src/compiler/identifiers.js';
import { rules } from '../../src/compiler/rules.js';
import type { Controller } from '../../src/controller.js';
import { encodeFragment, type EncodedFragment } from '../../src/delivery/encoded-fragment.js';
import { bundleAddBytes, imageOfAdd, lengthOfMessage, messageImage, meterMod } from '../../src/delivery/encoding.js';
import { installedKey } from '../../src/delivery/ovsdb-ownership.js';
import { sentinelTable } from '../../src/delivery/sentinel.js';
import { kinds } from '../../src/model/kinds.js';
import { guaranteeOf } from '../../src/model/port-features.js';
import { NetworkView, type Snapshot } from '../../src/view/network-view.js';
import { contentOfFlows, type Content, type Reference } from './reference.js';
import type { SimulatedHost } from './simulated-host.js';
import type { SimulatedDatabase } from './simulated-store.js';

/** An invariant that did not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
}

const shortened = (text: string): string => (text.length > 600 ? `${text.slice(0, 600)}...` : text);
const readable = (content: Content): string =>
  content === ''
    ? 'nothing'
    : shortened(
        content
          .split('\n')
          .map(line => Buffer.from(line, 'latin1').toString('hex'))
          .join(' '),
      );

/** The lines of one that the other has not. */
function without(content: Content, other: Content): Content {
  const held = new Set(other.split('\n'));
  return content
    .split('\n')
    .filter(line => !held.has(line))
    .join('\n');
}

/** No switch holds a mixture of two versions of a fragment, or something that never was. */
export function checkUnmixed(reference: Reference, host: SimulatedHost, hypervisorId: string): void {
  for (const cookie of host.tables.touched.cookies) {
    if (decodeCookie(cookie).kind !== 'fragment' || host.edited.has(cookie)) continue;
    const content = host.contentOf(cookie);
    if (reference.wasEver(hypervisorId, cookie, content, 0)) {
      host.displaced.delete(cookie);
      continue;
    }
    // What the switch refuses stays as it was, with whatever depends on it, and loses flows to what takes their place; nothing else.
    const lost = host.refused.size > 0 ? host.displaced.get(cookie) : undefined;
    const held = host.tables.flowsWith(cookie);
    if (lost !== undefined && reference.wasEverBut(hypervisorId, cookie, held, lost)) continue;
    const newest = reference.current(hypervisorId, cookie);
    throw new Violation(
      `${host.name} holds of ${cookie.toString(16)} what never was one version: ${readable(without(content, newest))} is not in the newest, ${readable(without(newest, content))} is lacking`,
    );
  }
}

/** No port gets a conntrack zone that another has, or that holds connections of before. */
export function checkZones(host: SimulatedHost, database: SimulatedDatabase): void {
  const misuse = host.zones.check(host.tables, database.tables, database.hypervisorId(host.name));
  if (misuse !== null) throw new Violation(`on ${host.name} ${misuse}`);
}

/** Of these cookies nothing is missing any more that somebody took away. */
export function forgetEdits(
  reference: Reference,
  host: SimulatedHost,
  hypervisorId: string,
  cookies: Iterable<bigint>,
): void {
  for (const cookie of cookies) {
    const isWhole =
      decodeCookie(cookie).kind === 'sentinel'
        ? [...host.tables.flows.values()].some(flow => flow.tableId === sentinelTable)
        : host.contentOf(cookie) === reference.current(hypervisorId, cookie);
    if (isWhole) host.edited.delete(cookie);
  }
}

/** What a controller says to be applied is on all the switches that it has a connection to. */
export function checkClaim(
  reference: Reference,
  hosts: readonly SimulatedHost[],
  database: SimulatedDatabase,
  { fleet }: Controller,
  step: number,
): void {
  const failures = fleet.convergence.failures();
  for (const host of hosts) {
    const id = database.hypervisorId(host.name);
    const state = id === null ? null : fleet.status(id)?.state;
    // Until a new connection has read the sentinel, what the switch acknowledged before counts.
    if (id === null || !(state === 'idle' || state === 'delivering' || state === 'comparing')) continue;
    const failed = failures.filter(({ name }) => name === host.name);
    const failing = new Set(failed.flatMap(({ key }) => [...reference.cookiesOf(key)]));
    checkApplied(reference, host, id, step, failing);
  }
}

/**
 * What was said to be applied is on the switch: what the step changed there, as it was then or later.
 *
 * @param failing cookies of what the controller says that this switch has refused, or lacks because of what it refused
 */
function checkApplied(
  reference: Reference,
  host: SimulatedHost,
  hypervisorId: string,
  step: number,
  failing: ReadonlySet<bigint>,
): void {
  if (host.isDisturbed || host.isContested) return;
  for (const cookie of reference.changedIn(step, hypervisorId)) {
    if (host.edited.has(cookie)) continue;
    const content = host.contentOf(cookie);
    if (reference.wasEver(hypervisorId, cookie, content, step)) continue;
    // What was refused before, and changed and changed back since, has failed with the revision that asked for it first.
    if (failing.has(cookie) && reference.isUndone(hypervisorId, cookie, step)) continue;
    throw new Violation(
      `step ${step} is said to be applied, but ${host.name} holds of ${cookie.toString(16)}: ${readable(content)}`,
    );
  }
}

/** At rest the switch holds what a compile from nothing says, and nothing else. */
export class ScratchCompile {
  readonly #view = new NetworkView();
  readonly #compiler = new Compiler(rules, this.#view, encodeFragment);

  constructor(snapshot: Snapshot) {
    this.#compiler.update(this.#view.replace(snapshot));
  }

  check(host: SimulatedHost, hypervisorId: string): void {
    const flows = new Map<bigint, { identity: string; value: string }[]>();
    const groups: string[] = [];
    const meters: string[] = [];
    for (const fragment of this.#fragmentsOn(hypervisorId)) {
      for (const meter of fragment.meters) meters.push(messageImage(meterMod(meter, 'add')));
      for (const { kind, message } of messagesOf(fragment)) {
        if (kind === 'group') groups.push(message.slice(bundleAddBytes));
        else flows.set(fragment.cookie, [...(flows.get(fragment.cookie) ?? []), imageOfAdd(message)]);
      }
    }
    for (const cookie of new Set([...flows.keys(), ...host.fragments()])) {
      const [actual, expected] = [host.contentOf(cookie), contentOfFlows(flows.get(cookie) ?? [])];
      if (actual === expected) continue;
      throw new Violation(
        `at rest ${host.name} holds of ${JSON.stringify(decodeCookie(cookie))}: ${readable(actual)}\n  should: ${readable(expected)}`,
      );
    }
    const held = [...host.tables.groups.values()].map(group => messageImage({ ...group, command: 'add_or_modify' }));
    if (held.toSorted().join('\n') !== groups.toSorted().join('\n')) {
      throw new Violation(`at rest ${host.name} holds ${held.length} groups, not the ${groups.length} that it should`);
    }
    const limits = [...host.tables.meters.values()].map(meter => messageImage({ ...meter, command: 'add' }));
    if (limits.toSorted().join('\n') !== meters.toSorted().join('\n')) {
      throw new Violation(
        `at rest ${host.name} holds ${limits.length} meters, not the ${meters.length} that it should`,
      );
    }
    const sentinels = [...host.tables.flows.values()].filter(flow => flow.tableId === sentinelTable);
    if (sentinels.length !== 1) throw new Violation(`at rest ${host.name} has ${sentinels.length} sentinels`);
  }

  *#fragmentsOn(hypervisorId: string): Generator<EncodedFragment> {
    const resident = new Set(this.#view.by('residencies', 'hypervisorId', hypervisorId).map(row => row.datapathId));
    const meshes = this.#view.by('mesh-members', 'hypervisorId', hypervisorId);
    const peers = new Set(
      meshes.flatMap(({ meshId }) => this.#view.by('mesh-members', 'meshId', meshId).map(row => row.hypervisorId)),
    );
    peers.delete(hypervisorId);
    for (const fragment of this.#compiler.fragments()) {
      const { scope } = fragment;
      if (scope.kind === 'datapath' && !resident.has(scope.datapathId)) continue;
      if (scope.kind === 'hypervisor' && scope.hypervisorId !== hypervisorId) continue;
      if (scope.kind === 'peers' && !peers.has(scope.hypervisorId)) continue;
      yield fragment;
    }
  }
}

function* messagesOf({ messages, groups }: EncodedFragment): Generator<{ kind: 'group' | 'flow'; message: string }> {
  let at = 0;
  for (const { bytes } of groups) {
    yield { kind: 'group', message: messages.slice(at, at + bytes) };
    at += bytes;
  }
  while (at < messages.length) {
    const length = lengthOfMessage(messages, at);
    yield { kind: 'flow', message: messages.slice(at, at + length) };
    at += length;
  }
}

/** At rest a host's database says where its tunnels end, and marks exactly the interfaces that are bound. */
export function checkHostDatabase(host: SimulatedHost, hypervisorId: string, database: SimulatedDatabase): void {
  const { bridge, database: rows } = host.hypervisor;
  if (bridge === null) throw new Violation(`at rest ${host.name} has no bridge`);
  const bound = new Set(
    [...database.tables['port-bindings'].values()]
      .filter(row => row.hypervisorId === hypervisorId)
      .map(row => row.interfaceUuid),
  );
  for (const row of rows.rows('Interface').values()) {
    const isMarked = row.external_ids.get(installedKey) === 'true';
    if (isMarked !== bound.has(row._uuid)) {
      throw new Violation(`at rest ${row.name} of ${host.name} is ${isMarked ? '' : 'not '}marked as installed`);
    }
    const localIp = row.type === 'geneve' ? row.options.get('local_ip') : host.encapIp;
    if (localIp !== host.encapIp) throw new Violation(`at rest the tunnels of ${host.name} end at ${localIp}`);
  }
}

/** At rest each interface that is named for it has a queue for each port of the host that is guaranteed bandwidth, and there is no row more. */
export function checkQueues(host: SimulatedHost, hypervisorId: string, database: SimulatedDatabase): void {
  const rows = host.hypervisor.database;
  const rules = [...database.tables['qos-rules'].values()];
  const wanted: string[] = [];
  for (const { logicalSwitchPortId, ofport, hypervisorId: at } of database.tables['port-bindings'].values()) {
    const port = database.tables['logical-switch-ports'].get(logicalSwitchPortId);
    if (at !== hypervisorId || port === undefined) continue;
    const minKbps = guaranteeOf(
      rules.filter(rule => rule.logicalSwitchPortId === port.id),
      rules.filter(rule => rule.logicalSwitchId === port.logicalSwitchId),
    );
    if (minKbps !== null) wanted.push(`${ofport}:${minKbps * 1000}`);
  }
  const named = [...rows.rows('Port').values()].filter(port =>
    port.interfaces.some(uuid => rows.rows('Interface').get(uuid)?.external_ids.has('weft-egress-iface')),
  );
  const expected = wanted.length === 0 ? [] : named.map(port => `${port.name} ${wanted.toSorted().join()}`);
  const held = [...rows.rows('Port').values()].flatMap(port => {
    const qos = port.qos === null ? undefined : rows.rows('QoS').get(port.qos);
    if (qos === undefined) return [];
    const queues = [...qos.queues].map(
      ([number, uuid]) => `${number}:${rows.rows('Queue').get(uuid)?.other_config.get('min-rate')}`,
    );
    return [`${port.name} ${queues.toSorted().join()}`];
  });
  const counts = [rows.rows('QoS').size, rows.rows('Queue').size].join();
  const expectedCounts = [expected.length, expected.length === 0 ? 0 : wanted.length].join();
  if (held.toSorted().join(' | ') !== expected.toSorted().join(' | ') || counts !== expectedCounts) {
    const [is, should] = [held, expected].map(list => list.toSorted().join(' | '));
    throw new Violation(
      `at rest ${host.name} has the queues ${is} in ${counts} rows, not ${should} in ${expectedCounts}`,
    );
  }
}

/** At rest every claim of an interface that exists has been heard: bindings are what the hosts and the ports say. */
export function checkBindings(hosts: readonly SimulatedHost[], database: SimulatedDatabase): void {
  const ports = database.tables['logical-switch-ports'];
  const claimed = new Set(hosts.flatMap(host => [...host.plugged.values()]).filter(id => ports.has(id)));
  const bound = new Set([...database.tables['port-bindings'].values()].map(row => row.logicalSwitchPortId));
  for (const id of claimed) if (!bound.has(id)) throw new Violation(`at rest port ${id} is plugged and not bound`);
  for (const id of bound) if (!claimed.has(id)) throw new Violation(`at rest port ${id} is bound and not plugged`);
}

/** At rest the controller's view is the database, so nothing that was acknowledged is lost. */
export function checkNothingLost(controller: Controller, database: SimulatedDatabase): void {
  if (controller.view.revision !== database.revision) {
    throw new Violation(`at rest the view is at ${controller.view.revision}, the database at ${database.revision}`);
  }
  const byId = (left: { id: string }, right: { id: string }): number => (left.id < right.id ? -1 : 1);
  for (const kind of kinds) {
    const rows = [...database.tables[kind].values()].toSorted(byId);
    const held = controller.view.rows(kind);
    if (structurallyEqual(held, rows)) continue;
    const text = (these: readonly object[]): string => shortened(JSON.stringify(these));
    const other = (these: readonly object[], those: readonly object[]): readonly object[] =>
      these.filter(row => !those.some(each => structurallyEqual(each, row)));
    throw new Violation(
      `at rest the view holds other ${kind} than the database: ${text(other(held, rows))}, not ${text(other(rows, held))}`,
    );
  }
}
