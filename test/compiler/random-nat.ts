/** Random NAT rules: a part of random-fields.ts, which is the one to import it. */
import type { RowOf } from '../../src/model/index.js';
import { mappedProtocols, natKinds } from '../../src/model/nat-rule.js';
import type { CommonRow } from '../../src/model/resource.js';
import { anyIp, type Context, ipv4, ipv6, mac, maybe, prefix4, refer, several } from './random-fields.js';

type NatRule = RowOf<'nat-rules'>;
type Own = Exclude<keyof NatRule, keyof CommonRow>;

/** Mostly what the router can have outside: an address of a port of it, or a neighbour of one. */
function externalIp(context: Context, routerId: string, isFloating: boolean): string {
  const { random, tables } = context;
  const outside = tables['logical-routers'].get(routerId)?.gateway?.logicalSwitchId;
  const networks = [...tables['logical-router-ports'].values()]
    .filter(port => port.logicalRouterId === routerId && port.logicalSwitchId === outside)
    .flatMap(port => port.networks);
  if (networks.length === 0 || random.chance(0.2)) return anyIp(context);
  const network = random.pick(networks);
  const address = network.slice(0, network.indexOf('/'));
  return isFloating ? address.replace(/[^.:]*$/, `${1 + random.below(99)}`) : address;
}

/** Mostly a router that has a port where its gateway is. */
function routerOutside(context: Context): string {
  const { random, tables } = context;
  const outside = [...tables['logical-router-ports'].values()].filter(
    port =>
      port.logicalSwitchId !== null &&
      port.logicalSwitchId === tables['logical-routers'].get(port.logicalRouterId)?.gateway?.logicalSwitchId,
  );
  return outside.length === 0 || random.chance(0.2)
    ? refer(context, 'logical-routers')
    : random.pick(outside).logicalRouterId;
}

/** A router of a load balancer: often one that rules can lead to. */
export function balancedRouter(context: Context): string {
  return context.random.chance(0.5) ? routerOutside(context) : refer(context, 'logical-routers');
}

/** Virtual addresses of the load balancers of a router. */
function virtualAddresses({ tables }: Context, routerId: string, isSix: boolean): readonly string[] {
  return [...tables['load-balancers'].values()]
    .filter(({ vip, logicalRouterIds }) => vip.includes(':') === isSix && logicalRouterIds.includes(routerId))
    .map(({ vip }) => vip);
}

/** Hypervisors by name, and sometimes one that there is not. */
export function gatewayNames({ random, tables }: Context): readonly string[] {
  const names = [...tables.hypervisors.values()].map(({ name }) => name);
  return [random.pick([...names, 'nobody']), random.pick([...names, 'nobody'])];
}

/** Mostly a port that is bound where there are physical networks. */
function boundPort(context: Context): string {
  const { random, tables } = context;
  const bound = [...tables['port-bindings'].values()].filter(
    ({ hypervisorId }) => (tables.hypervisors.get(hypervisorId)?.bridgeMappings.length ?? 0) > 0,
  );
  return bound.length === 0 || random.chance(0.2)
    ? refer(context, 'logical-switch-ports')
    : random.pick(bound).logicalSwitchPortId;
}

export const natFields: { readonly [F in Own]: (context: Context, row: NatRule) => NatRule[F] } = {
  logicalRouterId: context => routerOutside(context),
  kind: ({ random }) => random.pick([...natKinds, 'floating_ip', 'floating_ip'] as const),
  externalIp: (context, { logicalRouterId, kind }) => externalIp(context, logicalRouterId, kind === 'floating_ip'),
  logicalIp: (context, { kind, logicalRouterId, externalIp: external }) => {
    const isSix = external.includes(':');
    const virtual = virtualAddresses(context, logicalRouterId, isSix);
    if (kind !== 'snat' && virtual.length > 0 && context.random.chance(0.5)) return context.random.pick(virtual);
    if (kind === 'snat' && context.random.chance(0.7)) return isSix ? 'fd00::/16' : `${prefix4(context)}.0/24`;
    return isSix ? ipv6(context) : ipv4(context);
  },
  exemptedDestinations: (context, { kind, externalIp: external }) =>
    kind === 'dnat' ? [] : several(context, 1, () => (external.includes(':') ? 'fd00:9::/64' : '10.0.0.0/8')),
  portMap: (context, { kind }) =>
    kind !== 'dnat'
      ? null
      : maybe(context, 0.7, () => ({
          protocol: context.random.pick(mappedProtocols),
          externalPort: context.random.pick([80, 443]),
          externalPortMax: null,
          logicalPort: maybe(context, 0.5, () => context.random.pick([80, 8080])),
        })),
  logicalSwitchPortId: (context, { kind }) =>
    kind === 'floating_ip' ? maybe(context, 0.9, () => boundPort(context)) : null,
  externalMac: (context, { logicalSwitchPortId }) => (logicalSwitchPortId === null ? null : mac(context)),
  outsideSwitchId: () => null,
};
