/**
 * Groups by which hypervisors change the gateway by themselves. Their buckets watch the tunnels to those that can be the gateway
 * (model/gateway-tunnels.ts), in the order of preference; Open vSwitch takes the first whose BFD is up.
 *
 *   a sender            to the first that lives; where BFD says of none that it does, to the preferred one
 *   one that can be it  to the first before it that lives; else it is the gateway itself: out by its own port, in from there, and answers
 *
 * A bucket is a set of actions: of each kind Open vSwitch does one, so there is one way on, and what else is to be done is a flow there.
 */
import { gatewayTunnelOfport, MAX_WATCHED_KEY } from '../../model/gateway-tunnels.js';
import { TUNNEL_OFPORTS } from '../../model/tunnel-ports.js';
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import type { Action } from '../../../southbound/openflow/action.js';
import type { Group } from '../fragment.js';
import { groupId } from '../identifiers.js';
import { advance, pushTag, set } from '../pipeline/actions.js';
import { bucketActions } from '../pipeline/flow.js';
import { tunnelMtu } from '../pipeline/physical.js';
import { lrInArpResolve, lrInGateway } from '../pipeline/router-ingress.js';
import { lsOutDelivery, lsOutGateway } from '../pipeline/switch-egress.js';
import { lsInArpReply, lsInGateway, lsInL2Lkup } from '../pipeline/switch-ingress.js';

type Place = NetworkRow<'gateway-places'>;

/** Slots of the groups of a router port. */
const slot = { redirect: 0, leave: 1, enter: 2, answer: 3 } as const;

/** Those that can be the gateway of the router, the preferred one first. */
export function placesOf(routerId: string, view: TrackedView): readonly Place[] {
  return view.by('gateway-places', 'logicalRouterId', routerId).toSorted((a, b) => a.rank - b.rank);
}

interface Choice {
  readonly watchPort: number;
  readonly actions: readonly Action[];
}

function firstAlive(portNumber: number, slotNumber: number, choices: readonly Choice[]): Group {
  const buckets = choices.map((choice, index) => ({ bucketId: index + 1, ...choice }));
  return { id: groupId(portNumber, slotNumber), type: 'fast_failover', buckets };
}

const watched = (places: readonly Place[], actions: (place: Place) => readonly Action[]): readonly Choice[] =>
  places
    .filter(({ hypervisorKey }) => hypervisorKey <= MAX_WATCHED_KEY)
    .map(place => ({ watchPort: gatewayTunnelOfport(place.hypervisorKey), actions: actions(place) }));

const redirected = ({ hypervisorKey }: Place): readonly Action[] =>
  bucketActions(lrInArpResolve, [set({ outPort: 0, outHost: hypervisorKey }), advance(tunnelMtu)]);

/** At whoever can not be the gateway. Ports that no BFD watches are always up. */
export function redirectGroup(portNumber: number, places: readonly Place[]): Group {
  const preferred = places
    .slice(0, 1)
    .flatMap(place => Object.values(TUNNEL_OFPORTS).map(watchPort => ({ watchPort, actions: redirected(place) })));
  return firstAlive(portNumber, slot.redirect, [...watched(places, redirected), ...preferred]);
}

/** One of those that can be the gateway, and those before it. */
export interface Standby {
  /** The number of the router's port outside. */
  readonly portNumber: number;
  readonly before: readonly Place[];
  /** Its own port to the physical network. */
  readonly uplink: number;
  readonly vlan: number | null;
}

/** What is to be in its place when all before it are gone: where packets leave, come in, and are answered. */
export function standbyGroups({ portNumber, before, uplink, vlan }: Standby) {
  const own = (actions: readonly Action[]): Choice => ({ watchPort: uplink, actions });
  return {
    leave: firstAlive(portNumber, slot.leave, [
      ...watched(before, redirected),
      own(bucketActions(lrInArpResolve, [advance(lrInGateway)])),
    ]),
    enter: firstAlive(portNumber, slot.enter, [
      ...watched(before, () => bucketActions(lsOutDelivery, [advance(lsOutGateway)])),
      own(bucketActions(lsOutDelivery, [set({ permitted: 1 }), advance(lsOutGateway)])),
    ]),
    answer: firstAlive(portNumber, slot.answer, [
      ...watched(before, () => bucketActions(lsInGateway, [advance(lsInL2Lkup)])),
      own(bucketActions(lsInGateway, [...(vlan === null ? [] : [pushTag(vlan)]), advance(lsInArpReply)])),
    ]),
  };
}
