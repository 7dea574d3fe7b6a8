/**
 * Floating IPs: one address outside for one workload. The gateway speaks for it with the MAC of the router; or the hypervisor of the workload
 * does, with a MAC that is the rule's own, so that the physical network sees that in one place:
 *
 *   workload ─► lr_in_arp_resolve (by its source address) ─► lr_out_un_dnat ─► lr_out_snat ─► lr_out_delivery ─► .. ─► phys_out
 *   phys_in ─► ls_in_l2_lkup (by that MAC) ─► lr_in_un_nat ─► lr_in_dnat ─► lr_in_ip_input ─► .. ─► workload
 */
import { logicalNetworkOf } from '../../model/nat-invariants.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Flow, FragmentBody } from '../fragment.js';
import { advance, call, decTtl, pushTag, set } from '../pipeline/actions.js';
import { macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { answerFlows } from '../pipeline/outside-answers.js';
import { lrOutUnDnat } from '../pipeline/router-egress.js';
import { lrInArpResolve, lrInUnNat } from '../pipeline/router-ingress.js';
import { lsInArpReply, lsInGateway, lsInL2Lkup, lsNeighbour, lsNeighbourLearned } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';
import { calledFlows, externalCalledFlows } from './called.js';
import { callerFlows, translatedFlows } from './caller.js';
import { calledConnections, callerConnections } from './connections.js';
import { callerPriority, source } from './matches.js';
import { speakerOf, translating, type Translating } from './outside.js';

/** Whether the hypervisor of the workload speaks for the floating IP. */
export function isAtWorkload({ id }: NetworkRow<'nat-rules'>, view: TrackedView): boolean {
  return view.get('floating-places', id) !== null;
}

/** Whom a floating IP is asked for, on the logical switch outside. */
export function neighbourFlow({ external, outside }: Translating, mac: bigint): Flow {
  const address = external.family === 4 ? { address4: external.value } : { address6: external.value };
  return flow(lsNeighbour, {
    priority: 110,
    match: { datapath: outside.datapath, ...address },
    actions: [set({ mac, resolved: 1, targetIsRouter: 1 })],
  });
}

/** What who asks outside for it is told, where ls_in_gateway lets it. */
function answersOf({ external, outside }: Translating, mac: bigint): readonly Flow[] {
  const speaker = { datapath: outside.datapath, mac, number: outside.switchNumber };
  return answerFlows(speaker, { family: external.family, address: external.value }, []);
}

type Rendered = Required<Pick<FragmentBody, 'flows' | 'connections'>>;

function translationOf(translation: Translating): Rendered {
  const network = logicalNetworkOf(translation.rule);
  return {
    flows: [...calledFlows(translation), ...callerFlows(translation, network, callerPriority.address)],
    connections: [...calledConnections(translation), ...callerConnections(translation)],
  };
}

/** By the gateway. */
export function floatingIp(translation: Translating): Rendered {
  const { flows, connections } = translationOf(translation);
  const { mac } = translation.port;
  return { flows: [...flows, neighbourFlow(translation, mac), ...answersOf(translation, mac)], connections };
}

/** Above what a gateway, or who is none, does with what leaves. */
const ownWayPriority = 300;
/** Above what looks for the port that owns a MAC. */
const ownMacPriority = 150;

/** From the workload to the outside, and back. */
function wayFlows({ rule: row, external, outside, port }: Translating, mac: bigint): readonly Flow[] {
  const { datapath, router } = outside;
  return [
    flow(lrInArpResolve, {
      priority: ownWayPriority,
      match: {
        datapath: router,
        outPort: port.portKey,
        ...source(external.family, logicalNetworkOf(row).address),
      },
      actions: [
        decTtl,
        set({ ethSrc: mac, datapath, inPort: port.switchPortKey, outPort: 0, resolved: 0, fromUnderlay: 0 }),
        call(lsNeighbour),
        call(lsNeighbourLearned),
        advance(lrOutUnDnat),
      ],
    }),
    flow(lsInL2Lkup, {
      priority: ownMacPriority,
      match: { datapath, ethDst: mac },
      actions: [set({ datapath: router, inPort: port.portKey, outPort: 0, fromUnderlay: 0 }), advance(lrInUnNat)],
    }),
  ];
}

/** On the hypervisor of the workload. */
export const natFloatingPlace = rule({
  name: 'nat.floating-place',
  number: 164,
  subjects: 'floating-places',
  compile: (place, view) => {
    const { hypervisorId } = place;
    const row = speakerOf(place, view);
    const translation = row?.id === place.id ? translating(row, view) : null;
    if (row === null || row.externalMac === null || translation === null) return null;
    const mac = macValue(row.externalMac);
    const { outside } = translation;
    const { flows, connections } = translationOf(translation);
    return {
      scope: { kind: 'hypervisor', hypervisorId },
      flows: [
        ...flows,
        ...externalCalledFlows(translation),
        ...translatedFlows(translation),
        ...wayFlows(translation, mac),
        ...answersOf(translation, mac),
        flow(lsInGateway, {
          priority: 100,
          match: { datapath: outside.datapath, mac },
          actions: [...(outside.vlan === null ? [] : [pushTag(outside.vlan)]), advance(lsInArpReply)],
        }),
      ],
      connections,
    };
  },
});
