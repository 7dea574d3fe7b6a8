/** What every router takes, answers and refuses, and the router as a whole. */
import { advance, decTtl, drop, enter, move, next, set, type Step } from '../pipeline/actions.js';
import { linkLocal } from '../pipeline/addresses.js';
import { flow, type Masked } from '../pipeline/flow.js';
import { lrOutDelivery } from '../pipeline/router-egress.js';
import { lrInArpResolve, lrInIpInput, lrInIpRouting, lrInOwnAddress, lrInPolicy } from '../pipeline/router-ingress.js';
import { lsInL2Lkup } from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';
import type { NetworkRow } from '../../view/rows.js';
import { rule } from '../rule.js';
import { abovePriority } from './route-priority.js';

const etherType = { ipv4: 0x0800, ipv6: 0x86dd } as const;
const icmpv4 = { echoRequest: 8, echoReply: 0 } as const;
const icmpv6 = { echoRequest: 128, echoReply: 129 } as const;
const replyTtl = 255;

/** Priorities of lr_in_ip_input. */
export const inputPriority = {
  disabled: 400,
  multicast: 300,
  martian: 250,
  ownAddress: 200,
  linkLocal: 150,
  ttl: 100,
  policies: 20,
  accept: 10,
} as const;

function ipv4Prefix(firstByte: number, prefixLength: number): Masked {
  return { value: BigInt(firstByte) << 24n, mask: ((1n << BigInt(prefixLength)) - 1n) << BigInt(32 - prefixLength) };
}

/** Multicast, and the reserved and broadcast addresses above it. */
const multicastIpv4 = ipv4Prefix(224, 3);
const multicastIpv6: Masked = { value: 0xffn << 120n, mask: 0xffn << 120n };

const refusalFlows: readonly Flow[] = [
  ...[{ ipv4Dst: multicastIpv4 }, { ipv6Dst: multicastIpv6 }].map(match =>
    flow(lrInIpInput, { priority: inputPriority.multicast, match, actions: [drop('router_multicast')] }),
  ),
  ...[
    ...[multicastIpv4, ipv4Prefix(127, 8), ipv4Prefix(0, 8)].map(ipv4Src => ({ ipv4Src })),
    ...[multicastIpv6, 0, 1].map(ipv6Src => ({ ipv6Src })),
  ].map(match => flow(lrInIpInput, { priority: inputPriority.martian, match, actions: [drop('martian_source')] })),
  // A default route is for what lies elsewhere, and these are nowhere.
  ...[
    ...[ipv4Prefix(127, 8), ipv4Prefix(0, 8)].map(ipv4Dst => ({ ipv4Dst })),
    ...[0, 1].map(ipv6Dst => ({ ipv6Dst })),
  ].map(match =>
    flow(lrInIpInput, { priority: inputPriority.martian - 1, match, actions: [drop('martian_destination')] }),
  ),
  ...[{ ipv6Src: linkLocal }, { ipv6Dst: linkLocal }].map(match =>
    flow(lrInIpInput, { priority: inputPriority.linkLocal, match, actions: [drop('link_local_not_routed')] }),
  ),
  ...Object.values(etherType).flatMap(ethType =>
    [0, 1].map(ipTtl =>
      flow(lrInIpInput, {
        priority: inputPriority.ttl,
        match: { ethType, ipTtl },
        actions: [drop('ttl_exceeded')],
      }),
    ),
  ),
];

const acceptFlows: readonly Flow[] = Object.values(etherType).map(ethType =>
  flow(lrInIpInput, { priority: inputPriority.accept, match: { ethType }, actions: [advance(lrInIpRouting)] }),
);

/** The reply goes through routing like any packet, past the policies; its TTL is one less on the way. */
const echoFlows: readonly Flow[] = [
  flow(lrInOwnAddress, {
    priority: 100,
    match: { icmpv4Type: icmpv4.echoRequest, icmpv4Code: 0 },
    actions: [
      move('ipv4Src', 'address4'),
      move('ipv4Dst', 'ipv4Src'),
      move('address4', 'ipv4Dst'),
      set({
        icmpv4Type: icmpv4.echoReply,
        ipTtl: replyTtl,
      }),
      advance(lrInIpRouting),
    ],
  }),
  flow(lrInOwnAddress, {
    priority: 100,
    match: { icmpv6Type: icmpv6.echoRequest, icmpv6Code: 0 },
    actions: [
      move('ipv6Src', 'address6'),
      move('ipv6Dst', 'ipv6Src'),
      move('address6', 'ipv6Dst'),
      set({
        icmpv6Type: icmpv6.echoReply,
        ipTtl: replyTtl,
      }),
      advance(lrInIpRouting),
    ],
  }),
];

const deliveryFlows: readonly Flow[] = [
  // Only replies of the router itself come here with a link-local destination: back to where the question came from.
  flow(lrInIpRouting, {
    priority: abovePriority,
    match: { ipv6Dst: linkLocal },
    actions: [move('inPort', 'outPort'), move('ipv6Dst', 'address6'), next],
  }),
  flow(lrOutDelivery, {
    priority: 100,
    match: { resolved: 1 },
    actions: [move('mac', 'ethDst'), set({ physicalPort16: 0 }), enter(lsInL2Lkup)],
  }),
];

export const routingEverywhere = rule({
  name: 'routing.everywhere',
  number: 50,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'everywhere' },
    flows: [...refusalFlows, ...acceptFlows, ...echoFlows, ...deliveryFlows],
  }),
});

function disabledFlow({ datapathKey: datapath }: NetworkRow<'logical-routers'>): Flow {
  return flow(lrInIpInput, {
    priority: inputPriority.disabled,
    match: { datapath },
    actions: [drop('router_disabled')],
  });
}

/** Of a router with policies, what it takes meets those first. */
function policyFlows({ datapathKey: datapath }: NetworkRow<'logical-routers'>): readonly Flow[] {
  return Object.values(etherType).map(ethType =>
    flow(lrInIpInput, {
      priority: inputPriority.policies,
      match: { datapath, ethType },
      actions: [advance(lrInPolicy)],
    }),
  );
}

/** Administrative state, and whether there are policies. */
export const routingRouter = rule({
  name: 'routing.router',
  number: 51,
  subjects: 'logical-routers',
  compile: (router, view) => {
    const hasPolicies = view.by('policy-routes', 'logicalRouterId', router.id).length > 0;
    const flows = [...(router.enabled ? [] : [disabledFlow(router)]), ...(hasPolicies ? policyFlows(router) : [])];
    return flows.length === 0 ? null : { scope: { kind: 'datapath', datapathId: router.id }, flows };
  },
});

/** What routing finds out. */
export type Routed = 'outPort' | 'address4' | 'address6' | 'ipTtl';

/**
 * The TTL is used where the packet leaves the router: here, or for a port outside on its gateway, where it is routed once more
 * (room `gateway`).
 */
export const useTtl = (isOutside: boolean): readonly Step<never, never>[] => (isOutside ? [] : [decTtl]);

/** The end of a route: the TTL is used, and what to resolve is known. Used by routes of every kind. */
export function forward(
  outPort: number,
  nextHop: Step<'ipv4Dst' | 'ipv6Dst', 'address4' | 'address6'>,
  isOutside = false,
): readonly Step<'ipv4Dst' | 'ipv6Dst', Routed>[] {
  return [...useTtl(isOutside), nextHop, set({ outPort }), advance(lrInArpResolve)];
}
