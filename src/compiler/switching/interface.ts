/**
 * The two ends of a logical switch port at its interface: packets in, packets out. A sub-port shares that of its parent: the VLAN tag of a
 * packet says whose it is, and is there between the interface and the workload only.
 */
import { learnsMacs } from '../../model/port-addresses.js';
import { BALANCED_ZONE_BIT, balancedZoneOf } from '../../model/port-binding.js';
import { copies, guaranteeOf, treatmentOf } from '../../model/port-features.js';
import {
  advance,
  drop,
  enter,
  move,
  output,
  outputBack,
  outputTagged,
  popTag,
  pushTag,
  set,
  tagPresent,
} from '../pipeline/actions.js';
import { virtualMac } from '../pipeline/balancing.js';
import { flow } from '../pipeline/flow.js';
import type { DropReason } from '../pipeline/drop-reasons.js';
import { physIn } from '../pipeline/physical.js';
import type { Stage } from '../pipeline/stage.js';
import {
  lsOutAclDone,
  lsOutDelivery,
  lsOutInterface,
  lsOutLb,
  lsOutMirror,
  lsOutPreAcl,
  lsOutQos,
} from '../pipeline/switch-egress.js';
import { lsInArpReply, lsInCheckPortSec, lsInLbHairpin, lsInMirror, lsInQos } from '../pipeline/switch-ingress.js';
import type { Flow, OwnZone } from '../fragment.js';
import { rule } from '../rule.js';
import type { NetworkRow } from '../../view/rows.js';
import { asksTooMuch, tracksConnections } from '../../view/security-rows.js';
import type { TrackedView } from '../../view/tracked-view.js';

/** Where the packets of the port go first, and which stages they pass last: none, for most. */
function wayOf(
  port: NetworkRow<'logical-switch-ports'>,
  isBalanced: boolean,
  view: TrackedView,
): { readonly entrance: Stage; readonly exit: Stage | null } {
  const ofPort = view.by('qos-rules', 'logicalSwitchPortId', port.id);
  const ofSwitch = view.by('qos-rules', 'logicalSwitchId', port.logicalSwitchId);
  const mirrors = view.by('mirrors', 'logicalSwitchPortId', port.id);
  const isQueued = guaranteeOf(ofPort, ofSwitch) !== null && view.get('egress-queues', port.id) !== null;
  const isTreated = isQueued || treatmentOf('egress', ofPort, ofSwitch) !== null;
  const entrance = mirrors.some(mirror => copies(mirror, 'out')) ? lsInMirror : isTreated ? lsInQos : lsInCheckPortSec;
  if (isBalanced) return { entrance, exit: lsOutLb };
  if (treatmentOf('ingress', ofPort, ofSwitch) !== null) return { entrance, exit: lsOutQos };
  return { entrance, exit: mirrors.some(mirror => copies(mirror, 'in')) ? lsOutMirror : null };
}

/** What security groups have to know of a port that has some. */
interface Guard {
  readonly ctZone: number;
  readonly tracks: 0 | 1;
  readonly stateless: 0 | 1;
}

function guardOf(bound: NetworkRow<'bound-ports'>, view: TrackedView): Guard | null | 'asks too much' {
  const groups = view.get('port-groups', bound.id);
  if (groups === null) return null;
  const traits = groups.groupIds.flatMap(id => view.get('group-traits', id) ?? []);
  if (asksTooMuch(traits)) return 'asks too much';
  return {
    ctZone: bound.ctZone,
    tracks: tracksConnections(traits) ? 1 : 0,
    stateless: traits.some(each => each.stateless.length > 0) ? 1 : 0,
  };
}

/** How the packets of a port come and go. */
interface Wire {
  readonly ofport: number;
  /** The tag of a sub-port. */
  readonly vlan: number | null;
  /** It is the parent of others. */
  readonly isTrunk: boolean;
}

/** What comes in for the port: of a trunk also tagged frames, unless a flow above says whose they are. */
function entryOf({ ofport, vlan }: Wire) {
  if (vlan === null) return { priority: 100, match: { physicalPort: ofport } } as const;
  const vlanVid = { value: BigInt(tagPresent | vlan), mask: 0x1fffn };
  return { priority: 110, match: { physicalPort: ofport, vlanVid } } as const;
}

/** Out of the interface. */
const leave = ({ ofport, vlan, isTrunk }: Wire) =>
  vlan === null && !isTrunk ? output(ofport) : outputTagged(ofport, vlan);

const out = (wire: Wire, exit: Stage | null) => (exit === null ? leave(wire) : advance(exit));

/** The zone of a guarded port, with the flow behind its security groups: there is no such flow for another zone. */
function zoneOf({ ctZone }: Guard, wire: Wire, exit: Stage | null): OwnZone {
  const shownBy = flow(lsOutAclDone, { priority: 100, match: { ctZone }, actions: [out(wire, exit)] });
  return { zone: ctZone, shownBy };
}

const zoneOfPort = (1n << BigInt(BALANCED_ZONE_BIT)) - 1n;

/** Its zone for connections to load balancers, with the flow behind those: it is for one zone too, whose highest bit may be set by then. */
function balancedZoneFor(
  at: { readonly datapath: number; readonly outPort: number },
  ctZone: number,
  wire: Wire,
): OwnZone {
  const shownBy = flow(lsOutInterface, {
    priority: 100,
    match: { ...at, ctZone: { value: BigInt(ctZone), mask: zoneOfPort } },
    actions: [leave(wire)],
  });
  return { zone: balancedZoneOf(ctZone), shownBy };
}

/** From the switch to the interface: past its security groups, and through the stages that it has besides. */
function deliveryFlows(
  at: { readonly datapath: number; readonly outPort: number },
  wire: Wire,
  guard: Guard | null,
  exit: Stage | null,
  balancedZone: number | null,
): readonly Flow[] {
  const unguarded = balancedZone === null ? [] : [set({ ctZone: balancedZone })];
  const onwards = guard === null ? [...unguarded, out(wire, exit)] : [set({ ...guard }), advance(lsOutPreAcl)];
  return [
    flow(lsOutDelivery, { priority: 100, match: at, actions: onwards }),
    // It gets no copy of what it floods itself: Open vSwitch would see to that only at the interface.
    ...(guard === null && exit === null && wire.vlan === null && !wire.isTrunk
      ? []
      : [flow(lsOutDelivery, { priority: 105, match: { ...at, inPort: at.outPort }, actions: [] })]),
    ...(exit === null || balancedZone !== null
      ? []
      : [flow(lsOutInterface, { priority: 100, match: at, actions: [leave(wire)] })]),
  ];
}

/** Nothing comes in or goes out. */
function closedFlows(
  at: { readonly datapath: number; readonly outPort: number },
  wire: Wire,
  origin: number,
  reason: DropReason,
): readonly Flow[] {
  return [
    flow(physIn, { ...entryOf(wire), actions: [set({ origin }), drop(reason)] }),
    flow(lsOutDelivery, { priority: 100, match: at, actions: [drop(reason)] }),
  ];
}

/** What a trunk sends with a tag of no sub-port. */
function strangeTagFlow({ ofport }: Wire, origin: number): Flow {
  const vlanVid = { value: BigInt(tagPresent), mask: BigInt(tagPresent) };
  return flow(physIn, {
    priority: 105,
    match: { physicalPort: ofport, vlanVid },
    actions: [set({ origin }), drop('no_sub_port')],
  });
}

/** What goes back out of the interface at once, without a look at the port: answers of the switch, and a backend that has reached itself. */
function returnFlows({ vlan }: Wire, origin: number, isBalanced: boolean): readonly Flow[] {
  if (vlan === null) return [];
  return [
    // Below what is no answer but goes its way; what is one still has its kind, and is asked again for that.
    flow(lsInArpReply, {
      priority: 140,
      match: { origin, resolved: 1, vlanVid: { value: 0n, mask: BigInt(tagPresent) } },
      actions: [pushTag(vlan), enter(lsInArpReply)],
    }),
    ...(isBalanced
      ? [
          flow(lsInLbHairpin, {
            priority: 100,
            match: { origin },
            actions: [move('ethSrc', 'ethDst'), set({ ethSrc: virtualMac }), pushTag(vlan), outputBack],
          }),
        ]
      : []),
  ];
}

export const switchingInterface = rule({
  name: 'switching.interface',
  number: 30,
  subjects: 'bound-ports',
  compile: (bound, view) => {
    const port = view.get('logical-switch-ports', bound.id);
    const logicalSwitch = view.get('logical-switches', bound.logicalSwitchId);
    if (port === null || logicalSwitch === null) return null;
    const guard = guardOf(bound, view);
    const datapath = logicalSwitch.datapathKey;
    const origin = port.number;
    const at = { datapath, outPort: port.portKey };
    const scope = { kind: 'hypervisor', hypervisorId: bound.hypervisorId } as const;
    const wire: Wire = { ...bound, isTrunk: view.by('logical-switch-ports', 'parentId', port.id).length > 0 };
    if (guard === 'asks too much') return { scope, flows: closedFlows(at, wire, origin, 'acl_too_many') };
    if (!port.enabled) return { scope, flows: closedFlows(at, wire, origin, 'port_disabled') };
    // Its load balancers know the port by its zone too, guarded or not.
    const balancedZone = view.get('balanced-switches', logicalSwitch.id) === null ? null : bound.ctZone;
    const { entrance, exit } = wayOf(port, balancedZone !== null, view);
    const zones = [
      ...(guard === null ? [] : [zoneOf(guard, wire, exit)]),
      ...(balancedZone === null ? [] : [balancedZoneFor(at, balancedZone, wire)]),
    ];
    return {
      scope,
      flows: [
        flow(physIn, {
          ...entryOf(wire),
          actions: [
            ...(wire.vlan === null ? [] : [popTag]),
            set({ datapath, inPort: port.portKey, origin }),
            set({ secured: port.portSecurity ? 1 : 0, learns: learnsMacs(port) ? 1 : 0 }),
            ...(guard === null ? [] : [set({ guarded: 1, ...guard })]),
            ...(balancedZone === null ? [] : [set({ balanced: 1, ctZone: balancedZone })]),
            advance(entrance),
          ],
        }),
        ...(wire.isTrunk ? [strangeTagFlow(wire, origin)] : []),
        ...returnFlows(wire, origin, balancedZone !== null),
        ...deliveryFlows(at, wire, guard, exit, balancedZone),
        ...zones.map(({ shownBy }) => shownBy),
        // Open vSwitch never sends a packet back by itself; a flood leaves the sender out, anything else is an account.
        flow(lsOutDelivery, {
          priority: 110,
          match: { ...at, inPort: port.portKey, flood: 0 },
          actions: [drop('reflection')],
        }),
      ],
      ...(zones.length === 0 ? {} : { ctZones: zones }),
    };
  },
});
