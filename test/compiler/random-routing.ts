/** Random policy routes, static neighbours and virtual addresses: a part of random-fields.ts, which is the one to import it. */
import { cidrContains, parseCidr, parseIp } from '../../src/base/address.js';
import type { Kind, RowOf } from '../../src/model/index.js';
import { policyActions } from '../../src/model/policy-route.js';
import { hasPorts } from '../../src/model/protocol.js';
import type { CommonRow } from '../../src/model/resource.js';
import type { Draft } from './consistent-rule.js';
import { anyIp, cidr, type Context, ipv4, ipv6, mac, maybe, refer, several } from './random-fields.js';

type FieldsOf<K extends Kind> = {
  readonly [F in Exclude<keyof RowOf<K>, keyof CommonRow>]: (context: Context, row: RowOf<K>) => RowOf<K>[F];
};

/** Often the address of some router port: what a next hop is in a network that works. */
export function nextHop(context: Context, isIpv6: boolean): string {
  const addresses = [...context.tables['logical-router-ports'].values()]
    .flatMap(port => port.networks.map(network => network.slice(0, network.indexOf('/'))))
    .filter(address => address.includes(':') === isIpv6);
  if (addresses.length > 0 && context.random.chance(0.6)) return context.random.pick(addresses);
  return isIpv6 ? ipv6(context) : ipv4(context);
}

/** Mostly a port of the switch. */
function portOfSwitch(context: Context, switchId: string): string {
  const own = [...context.tables['logical-switch-ports'].values()].filter(port => port.logicalSwitchId === switchId);
  return own.length === 0 || context.random.chance(0.1)
    ? refer(context, 'logical-switch-ports')
    : context.random.pick(own).id;
}

export const policyFields: FieldsOf<'policy-routes'> = {
  logicalRouterId: context => refer(context, 'logical-routers'),
  priority: ({ random }) => random.pick([100, 200, 32_767]),
  source: context => maybe(context, 0.4, () => cidr(context)),
  destination: context => maybe(context, 0.3, () => cidr(context)),
  protocol: context => maybe(context, 0.5, () => context.random.pick(['tcp', 'udp', 'icmp', 'icmpv6', '89'])),
  portMin: context => maybe(context, 0.6, () => 1 + context.random.below(8)),
  portMax: (context, row) => (row.portMin === null ? null : row.portMin + context.random.below(8)),
  mark: context =>
    maybe(context, 0.3, () => ({ value: context.random.below(4), mask: maybe(context, 0.5, () => 0xff) })),
  action: ({ random }) => random.pick([...policyActions, 'reroute', 'reroute'] as const),
  nextHops: (context, { source, destination }) => {
    const isIpv6 = (source ?? destination)?.includes(':') ?? context.random.chance(0.3);
    return [...new Set([nextHop(context, isIpv6), ...several(context, 2, () => nextHop(context, isIpv6))])];
  },
};

export const neighbourFields: FieldsOf<'static-neighbours'> = {
  logicalRouterPortId: context => refer(context, 'logical-router-ports'),
  ip: context => anyIp(context),
  mac: context => mac(context),
};

/** Next hops of routes and policies of the port's router that the port leads to. */
function nextHopsOn(context: Context, port: RowOf<'logical-router-ports'>): readonly string[] {
  const { tables } = context;
  const isOwn = ({ logicalRouterId }: { readonly logicalRouterId: string }): boolean =>
    logicalRouterId === port.logicalRouterId;
  const networks = port.networks.flatMap(network => parseCidr(network) ?? []);
  return [
    ...[...tables['static-routes'].values()].filter(isOwn).flatMap(({ nextHop: hop }) => hop ?? []),
    ...[...tables['policy-routes'].values()].filter(isOwn).flatMap(({ nextHops }) => nextHops),
  ].filter(hop => {
    const address = parseIp(hop);
    return address !== null && networks.some(network => cidrContains(network, address));
  });
}

/** Mostly one that a next hop is behind, so that routes follow what was found. */
function watchingPort(context: Context): string {
  const ports = [...context.tables['logical-router-ports'].values()];
  const useful = ports.filter(port => nextHopsOn(context, port).length > 0);
  return useful.length === 0 || context.random.chance(0.2)
    ? refer(context, 'logical-router-ports')
    : context.random.pick(useful).id;
}

function watchedIp(context: Context, routerPortId: string): string {
  const port = context.tables['logical-router-ports'].get(routerPortId);
  const nextHops = port === undefined ? [] : nextHopsOn(context, port);
  return nextHops.length === 0 || context.random.chance(0.1) ? anyIp(context) : context.random.pick(nextHops);
}

export const bfdFields: FieldsOf<'bfd-sessions'> = {
  logicalRouterPortId: context => watchingPort(context),
  ip: (context, { logicalRouterPortId }) => watchedIp(context, logicalRouterPortId),
  minTxMs: ({ random }) => random.pick([300, 1_000]),
  minRxMs: ({ random }) => random.pick([300, 1_000]),
  detectMultiplier: ({ random }) => 1 + random.below(5),
  enabled: ({ random }) => random.chance(0.9),
  finding: context =>
    maybe(context, 0.8, () => ({
      isUp: context.random.chance(0.3),
      diagnostic: context.random.below(9),
      since: '2026-11-22T08:00:00.000Z',
    })),
};

export const virtualAddressFields: FieldsOf<'virtual-addresses'> = {
  logicalSwitchId: context => refer(context, 'logical-switches'),
  ip: context => anyIp(context),
  logicalSwitchPortIds: context => [refer(context, 'logical-switch-ports')],
  holderId: (context, { logicalSwitchId }) => maybe(context, 0.8, () => portOfSwitch(context, logicalSwitchId)),
};

/** One family, which is that of the source or else of the destination. */
export function consistentPolicy(row: Draft): Draft {
  const isSix = (text: unknown): boolean => typeof text === 'string' && text.includes(':');
  const named = row['source'] ?? row['destination'];
  const nextHops = row['action'] === 'reroute' ? (row['nextHops'] as readonly string[]) : [];
  const [first] = nextHops;
  const protocol = row['protocol'] as string | null;
  const isFour = !isSix(named ?? first) && (named !== null || first !== undefined);
  const ports = hasPorts(protocol) && row['portMin'] !== null;
  const min = ports ? Number(row['portMin']) : null;
  return {
    ...row,
    destination:
      row['source'] === null || isSix(row['destination']) === isSix(row['source']) ? row['destination'] : null,
    protocol: protocol === 'icmpv6' && isFour ? 'icmp' : protocol,
    portMin: min,
    portMax: min === null ? null : Math.max(min, Number(row['portMax'] ?? min)),
    nextHops: nextHops.filter(each => isSix(each) === isSix(named ?? first)),
  };
}
