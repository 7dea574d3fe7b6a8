/** Small rules with every kind of read that real ones make: by id, by index, through chains, of derived rows. */
import type { Bucket, Flow } from '../../src/compiler/fragment.js';
import { groupId } from '../../src/compiler/identifiers.js';
import { type Rule, rule } from '../../src/compiler/rule.js';
import { all, presenceId, routeDestination } from '../../src/view/rows.js';
import { group, output, setField } from '../../southbound/openflow/actions.js';
import { matchField } from '../../southbound/openflow/match.js';
import { oxm } from '../../southbound/openflow/oxm.js';

const macValue = (mac: string): bigint => BigInt(`0x${mac.replaceAll(':', '')}`);
const bucket = (bucketId: number, key: number): Bucket => ({
  bucketId,
  actions: [setField(oxm.metadata, BigInt(key)), output(1)],
});

/** (switch, mac) -> the host of the port: follows port, switch, binding and hypervisor. */
const forwarding = rule({
  name: 'toy.forwarding',
  number: 1,
  subjects: 'logical-switch-ports',
  compile(port, view) {
    const logicalSwitch = view.get('logical-switches', port.logicalSwitchId);
    if (logicalSwitch === null) return null;
    const bound = view.get('bound-ports', port.id);
    const host = bound === null ? null : view.get('hypervisors', bound.hypervisorId);
    const match = [
      matchField(oxm.metadata, BigInt(logicalSwitch.datapathKey)),
      matchField(oxm.ethDst, macValue(port.mac)),
    ];
    const flows: Flow[] = [
      { table: 1, priority: 100, match, actions: [setField(oxm.metadata, BigInt(host?.hypervisorKey ?? 0))] },
    ];
    for (const { ip } of port.ips) {
      const actions = [setField(oxm.ethDst, BigInt(ip.length)), output(port.portKey)];
      flows.push({ table: 2, priority: port.enabled ? 1 : 2, match, actions });
    }
    const scope = { kind: 'datapath', datapathId: port.logicalSwitchId } as const;
    return { scope, flows, ...(bound === null ? {} : { after: [bound.hypervisorId] }) };
  },
});

/** One bucket for each host with a port of the switch. */
const floodRemote = rule({
  name: 'toy.flood-remote',
  number: 2,
  subjects: 'logical-switches',
  compile(logicalSwitch, view) {
    const buckets: Bucket[] = [];
    for (const presence of view.by('switch-presences', 'logicalSwitchId', logicalSwitch.id)) {
      const host = view.get('hypervisors', presence.hypervisorId);
      if (host?.encapIp) buckets.push(bucket(host.hypervisorKey, logicalSwitch.datapathKey));
    }
    const flooding = view.by('logical-switch-ports', 'learning', logicalSwitch.id).map(port => port.portKey);
    const scope = { kind: 'datapath', datapathId: logicalSwitch.id } as const;
    const flows = flooding.map(key => ({ table: 3, priority: key, match: [], actions: [group(key)] }));
    return { scope, flows, groups: [{ id: groupId(logicalSwitch.number, 0), type: 'all', buckets }] };
  },
});

/** One bucket for each local port of the switch. */
const floodLocal = rule({
  name: 'toy.flood-local',
  number: 3,
  subjects: 'switch-presences',
  compile(presence, view) {
    const buckets: Bucket[] = [];
    const { logicalSwitchId, hypervisorId } = presence;
    for (const bound of view.by('bound-ports', 'presence', presenceId(logicalSwitchId, hypervisorId))) {
      const port = view.get('logical-switch-ports', bound.id);
      if (port?.enabled) buckets.push(bucket(port.portKey, bound.ofport));
    }
    const groups = [{ id: groupId(presence.number, 1), type: 'all', buckets } as const];
    return { scope: { kind: 'hypervisor', hypervisorId }, flows: [], groups };
  },
});

/** Equal-cost routes: the first of a destination speaks for all. */
const route = rule({
  name: 'toy.route',
  number: 4,
  subjects: 'static-routes',
  compile(subject, view) {
    const router = view.get('logical-routers', subject.logicalRouterId);
    const routes = view.by(
      'static-routes',
      'destination',
      routeDestination(subject.logicalRouterId, subject.destination),
    );
    if (router === null || routes[0]?.id !== subject.id) return null;
    const hops = routes.flatMap(({ nextHop }) => (nextHop === null ? [] : [nextHop]));
    const out = view
      .by('logical-router-ports', 'logicalRouterId', router.id)
      .filter(port => port.networks.some(network => hops.some(hop => network.startsWith(hop.slice(0, 5)))));
    const buckets = out.map(port => bucket(port.portKey, router.datapathKey));
    const flows = router.enabled ? [{ table: 4, priority: hops.length, match: [], actions: [group(1)] }] : [];
    const groups = [{ id: groupId(subject.number, 0), type: 'select', buckets } as const];
    return { scope: { kind: 'datapath', datapathId: router.id }, flows, groups };
  },
});

/** Where a router port leads: to its switch, or to the router of its peer. */
const routerPort = rule({
  name: 'toy.router-port',
  number: 5,
  subjects: 'logical-router-ports',
  compile(port, view) {
    const peer = port.peerId === null ? null : view.get('logical-router-ports', port.peerId);
    const beyond =
      port.logicalSwitchId === null
        ? peer && view.get('logical-routers', peer.logicalRouterId)
        : view.get('logical-switches', port.logicalSwitchId);
    const subnets = port.logicalSwitchId === null ? [] : view.by('subnets', 'logicalSwitchId', port.logicalSwitchId);
    if (beyond === null) return null;
    const actions = [setField(oxm.metadata, BigInt(beyond.datapathKey)), output(peer?.portKey ?? 0)];
    const flows = subnets.map(subnet => ({ table: 5, priority: subnet.cidr.length, match: [], actions }));
    const scope = { kind: 'datapath', datapathId: port.logicalRouterId } as const;
    return { scope, flows: [...flows, { table: 5, priority: 1, match: [], actions }] };
  },
});

/** A port where it is. */
const physical = rule({
  name: 'toy.physical',
  number: 6,
  subjects: 'bound-ports',
  compile(bound, view) {
    const port = view.get('logical-switch-ports', bound.id);
    const logicalSwitch = view.get('logical-switches', bound.logicalSwitchId);
    if (port === null || logicalSwitch === null) return null;
    const actions = [setField(oxm.metadata, BigInt(logicalSwitch.datapathKey)), output(port.portKey)];
    const flows = [{ table: 0, priority: 1, match: [matchField(oxm.inPort16, BigInt(bound.ofport))], actions }];
    return { scope: { kind: 'hypervisor', hypervisorId: bound.hypervisorId }, flows };
  },
});

/** The tunnel to each host, and the smallest MTU of all. */
const tunnel = rule({
  name: 'toy.tunnel',
  number: 7,
  subjects: 'hypervisors',
  compile(host, view) {
    if (host.encapIp === null) return null;
    const mtus = view.by('hypervisors', 'all', all).map(other => other.underlayMtu);
    const actions = [output(Math.min(...mtus))];
    return { scope: { kind: 'everywhere' }, flows: [{ table: 6, priority: host.hypervisorKey, match: [], actions }] };
  },
});

/** What a host needs of a datapath that it holds, whatever its kind. */
const residency = rule({
  name: 'toy.residency',
  number: 8,
  subjects: 'residencies',
  compile({ hypervisorId, datapathId, datapathKind }, view) {
    if (datapathKind !== 'logical-switches' && datapathKind !== 'logical-routers') return null;
    const datapath = view.get(datapathKind, datapathId);
    const others = view.by('residencies', 'datapathId', datapathId).length;
    if (datapath === null) return null;
    const actions = [setField(oxm.metadata, BigInt(datapath.datapathKey)), output(others)];
    return { scope: { kind: 'hypervisor', hypervisorId }, flows: [{ table: 7, priority: 1, match: [], actions }] };
  },
});

export const toyRules: readonly Rule[] = [
  forwarding,
  floodRemote,
  floodLocal,
  route,
  routerPort,
  physical,
  tunnel,
  residency,
];
