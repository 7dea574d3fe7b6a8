/**
 * Room `nat`: addresses that a router has outside for those inside. All of it is done where the router is outside, on its gateway, in one
 * conntrack zone: what leaves gets its address after it was routed, what comes back gets rid of it before.
 *
 *   outside ─► ls_out_delivery ─► lr_in_un_nat ─(conntrack)─► lr_in_dnat ─► lr_in_ip_input ─► ..
 *   .. ─► lr_in_arp_resolve ─► lr_out_un_dnat ─(conntrack)─► lr_out_snat ─► lr_out_delivery ─► outside
 *
 * A workload that calls an address outside of its own router leaves to the logical switch outside, whose own port the router is: so it comes
 * back, translated twice, in two connections of the zone.
 */
import type { NatKind } from '../../model/nat-rule.js';
import { logicalNetworkOf } from '../../model/nat-invariants.js';
import type { FragmentBody } from '../fragment.js';
import { advance, drop, forgetConnection, next, trackTranslated } from '../pipeline/actions.js';
import { macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { puntSteps } from '../pipeline/punting.js';
import { lrOutDelivery, lrOutSnat, lrOutUnDnat } from '../pipeline/router-egress.js';
import {
  lrInDnat,
  lrInIpInput,
  lrInIpRouting,
  lrInPolicy,
  lrInUnNat,
  policyPriority,
} from '../pipeline/router-ingress.js';
import { rule } from '../rule.js';
import { calledFlows, externalCalledFlows } from './called.js';
import { callerFlows, hairpinFlows, translatedFlows } from './caller.js';
import { calledConnections, callerConnections } from './connections.js';
import { floatingIp, isAtWorkload, neighbourFlow } from './floating-ip.js';
import { calledPriority, callerPriority, destination } from './matches.js';
import { outsideOf, speaks, translating, type Translating } from './outside.js';

const routed = [0x0800, 0x86dd] as const;

/** The way through the stages, for a router that has any rule. */
export const natRouter = rule({
  name: 'nat.router',
  number: 160,
  subjects: 'logical-routers',
  compile: (router, view) => {
    if (view.by('nat-rules', 'logicalRouterId', router.id).length === 0) return null;
    const outside = outsideOf(router, view);
    if (outside === null) return null;
    const { zone, datapath } = outside;
    // Says which zone it is, and nothing else.
    const shownBy = flow(lrInDnat, {
      priority: calledPriority.zone,
      match: { datapath: outside.router, ctZone: zone },
      actions: [next],
    });
    return {
      scope: outside.scope,
      flows: [
        shownBy,
        flow(lrInUnNat, { priority: 0, match: { datapath: outside.router }, actions: [advance(lrInIpInput)] }),
        flow(lrInDnat, { priority: 0, match: { datapath: outside.router }, actions: [next] }),
        ...outside.ports.flatMap(({ switchPortKey: inPort }) => [
          ...routed.map(ethType =>
            flow(lrOutUnDnat, {
              priority: 100,
              match: { datapath, inPort, ethType },
              actions: [forgetConnection, trackTranslated(zone, lrOutSnat)],
            }),
          ),
          flow(lrOutSnat, { priority: 0, match: { datapath, inPort }, actions: [advance(lrOutDelivery)] }),
          // Where floating IPs are: below what a gateway says of itself.
          flow(lrOutDelivery, {
            priority: 49,
            match: { datapath, inPort },
            actions: [...puntSteps('neighbour', 'senders'), drop('neighbour_awaited')],
          }),
        ]),
      ],
      ctZones: [{ zone, shownBy }],
    };
  },
});

type Rendered = Required<Pick<FragmentBody, 'flows' | 'connections'>>;
type Renderer = (translation: Translating) => Rendered;

const renderers: Readonly<Record<NatKind, Renderer>> = {
  snat: translation => {
    const network = logicalNetworkOf(translation.rule);
    return {
      flows: callerFlows(translation, network, callerPriority.network(network.prefixLength)),
      connections: callerConnections(translation),
    };
  },
  dnat: translation => ({ flows: calledFlows(translation), connections: calledConnections(translation) }),
  floating_ip: floatingIp,
};

/** A rule, on all hypervisors that can be the gateway; of a floating IP that the hypervisor of its workload speaks for, where it is. */
export const natRule = rule({
  name: 'nat.rule',
  number: 161,
  subjects: 'nat-rules',
  compile: (row, view) => {
    const translation = translating(row, view);
    if (translation === null) return null;
    const { scope } = translation.outside;
    const isSpeaker = speaks(row, view);
    if (isAtWorkload(row, view)) {
      const mac = macValue(row.externalMac ?? '');
      return { scope, flows: isSpeaker ? [...hairpinFlows(translation), neighbourFlow(translation, mac)] : [] };
    }
    const { flows, connections } = renderers[row.kind](translation);
    const shared = [externalCalledFlows, translatedFlows, hairpinFlows] as const;
    return { scope, flows: [...flows, ...(isSpeaker ? shared.flatMap(each => each(translation)) : [])], connections };
  },
});

/** Of lr_in_ip_input, above the router's own addresses; martian sources are above. */
const insidePriority = { echo: 216, outside: 215, inside: 210 } as const;
const echoRequests = { 4: { icmpv4Type: 8 }, 6: { icmpv6Type: 128 } } as const;

/**
 * The addresses of the router itself that it translates: what comes for them from inside, wherever, is a matter of the gateway. An echo is
 * answered at once; and what has come by the gateway, and is no connection, is for the router.
 */
export const natInside = rule({
  name: 'nat.inside',
  number: 162,
  subjects: 'nat-rules',
  compile: (row, view) => {
    const translation = row.kind === 'floating_ip' || !speaks(row, view) ? null : translating(row, view);
    if (translation === null) return null;
    const { external, outside } = translation;
    const { family, value } = external;
    const match = { datapath: outside.router, ...destination(family, value) };
    return {
      scope: { kind: 'datapath', datapathId: row.logicalRouterId },
      flows: [
        flow(lrInIpInput, {
          priority: insidePriority.echo,
          match: { ...match, ...echoRequests[family] },
          actions: [next],
        }),
        ...outside.ports.map(({ portKey: inPort }) =>
          flow(lrInIpInput, { priority: insidePriority.outside, match: { ...match, inPort }, actions: [next] }),
        ),
        flow(lrInIpInput, { priority: insidePriority.inside, match, actions: [advance(lrInIpRouting)] }),
        // The gateway asks the policies of what comes through a tunnel, of all but this.
        flow(lrInPolicy, { priority: policyPriority.above, match, actions: [next] }),
      ],
    };
  },
});
