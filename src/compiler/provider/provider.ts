/**
 * Room `provider`: logical switches that are part of a physical network. Each hypervisor has a patch port to it, whose number is the
 * same everywhere; so is nearly all that is said here.
 *
 *   phys_in --(VLAN)--> ls_in_lookup_fdb .. ls_out_delivery --> ports here, and nothing else
 *   ls_out_delivery, floods --> phys_out --(tag)--> phys_send --> patch port, or while there is none an account of it
 *
 * What came from the physical network never returns to it, so hypervisors that share one make no loop; each gives it what its own
 * ports send, once.
 *
 * A logical router is on every hypervisor with one MAC, and the physical network must not see it in several places. So a router on
 * such a switch serves the switch's own ports, to which it sends through tunnels, and does not exist outside: nobody answers for its
 * addresses there, and what comes for it is dropped. A gateway (one hypervisor at a time) is what may speak for a router outside.
 */
import { isGatewayPort } from '../../model/gateway.js';
import { providerOfport } from '../../model/provider-ports.js';
import type { Flow, Group } from '../fragment.js';
import { sharedGroupId } from '../identifiers.js';
import { advance, drop, group, next, output, popTag, pushTag, set, tagPresent } from '../pipeline/actions.js';
import { bucketActions, flow } from '../pipeline/flow.js';
import { physicalPortKey, physIn, physOut, physSend, tunnelMtu } from '../pipeline/physical.js';
import { lsOutDelivery } from '../pipeline/switch-egress.js';
import { lsInL2Unknown, lsInLookupFdb } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

/** Out of ls_out_delivery: above what it says for every switch, below the ports that are here. */
const priority = { routerToNobody: 29, router: 28, fromPhysical: 26, toPhysical: 24 } as const;

/** Exactly the frames of the VLAN; `vlan` null: those without a tag, and those whose tag says only how urgent they are. */
function entryFlows(physicalPort: number, datapath: number, vlan: number | null): readonly Flow[] {
  const enter = [set({ datapath, inPort: physicalPortKey, fromUnderlay: 1 }), advance(lsInLookupFdb)] as const;
  const tagged = flow(physIn, {
    priority: 100,
    match: { physicalPort, vlanVid: exactly(tagPresent | (vlan ?? 0)) },
    actions: [popTag, ...enter],
  });
  if (vlan !== null) return [tagged];
  return [flow(physIn, { priority: 100, match: { physicalPort, vlanVid: exactly(0) }, actions: enter }), tagged];
}

/** vlan_vid with the bit that says whether there is a tag. */
const exactly = (vlanVid: number) => ({ value: BigInt(vlanVid), mask: 0x1fffn });

export const providerSwitch = rule({
  name: 'provider.switch',
  number: 111,
  subjects: 'logical-switches',
  compile: ({ id, datapathKey: datapath, provider, physicalNetworkKey }) => {
    if (provider === null || physicalNetworkKey === null) return null;
    const { vlan } = provider;
    const underlayPort = providerOfport(physicalNetworkKey);
    return {
      scope: { kind: 'datapath', datapathId: id },
      flows: [
        ...entryFlows(underlayPort, datapath, vlan),
        // A MAC that no port owns is somewhere in the physical network.
        flow(lsInL2Unknown, { priority: 20, match: { datapath, outPort: 0 }, actions: [advance(lsOutDelivery)] }),
        flow(lsOutDelivery, {
          priority: priority.fromPhysical,
          match: { datapath, inPort: physicalPortKey },
          actions: [drop('physical_elsewhere')],
        }),
        flow(lsOutDelivery, {
          priority: priority.toPhysical,
          match: { datapath, fromUnderlay: 0, flood: 0 },
          actions: [advance(physOut)],
        }),
        // The copies of a flood that came from outside are for the ports here, and nothing more.
        flow(physOut, { priority: 200, match: { datapath, fromUnderlay: 1 }, actions: [] }),
        flow(physOut, {
          priority: 100,
          match: { datapath },
          actions: [...(vlan === null ? [] : [pushTag(vlan)]), set({ underlayPort }), next],
        }),
      ],
    };
  },
});

/** What a router sends to ports of other hypervisors, which the physical network must not see. */
export const providerRouterPort = rule({
  name: 'provider.router-port',
  number: 112,
  subjects: 'logical-router-ports',
  compile: (port, view) => {
    if (port.logicalSwitchId === null || port.switchPortKey === null) return null;
    const logicalSwitch = view.get('logical-switches', port.logicalSwitchId);
    if (logicalSwitch === null || logicalSwitch.provider === null) return null;
    if (isGatewayPort(view.get('logical-routers', port.logicalRouterId), port)) return null;
    const match = { datapath: logicalSwitch.datapathKey, inPort: port.switchPortKey, fromUnderlay: 0 } as const;
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsOutDelivery, {
          priority: priority.routerToNobody,
          match: { ...match, outHost: 0 },
          actions: [drop('port_not_bound')],
        }),
        flow(lsOutDelivery, { priority: priority.router, match, actions: [advance(tunnelMtu)] }),
      ],
    };
  },
});

/** The groups of a physical network: the way there, and what becomes of packets while it is not. */
const groupsOf = (number: number) => ({ way: sharedGroupId(2 * number), none: sharedGroupId(2 * number + 1) });

/**
 * Whether the port is there the switch itself knows best, at each packet: a host may name a bridge that it has not, or that cannot be
 * joined. A bucket of such a group must watch something: the second one watches the group that it leads to, which is always there.
 */
function wayOut(number: number): readonly Group[] {
  const { way, none } = groupsOf(number);
  const ofport = providerOfport(number);
  const lost = drop('physical_network_unmapped');
  return [
    { id: none, type: 'indirect', buckets: [{ bucketId: 1, actions: bucketActions(physSend, [lost]) }] },
    {
      id: way,
      type: 'fast_failover',
      buckets: [
        { bucketId: 1, watchPort: ofport, actions: bucketActions(physSend, [output(ofport)]) },
        { bucketId: 2, watchGroup: none, actions: bucketActions(physSend, [group(none)]) },
      ],
    },
  ];
}

/** On a hypervisor that needs the physical network: what is of no logical switch, and the way out, if it names a bridge for that. */
export const providerAttachment = rule({
  name: 'provider.attachment',
  number: 113,
  subjects: 'physical-attachments',
  compile: ({ hypervisorId, bridge, number }) => {
    const ofport = providerOfport(number);
    const unknown = flow(physIn, { priority: 50, match: { physicalPort: ofport }, actions: [drop('unknown_vlan')] });
    const scope = { kind: 'hypervisor', hypervisorId } as const;
    if (bridge === null) return { scope, flows: [unknown] };
    const actions = [group(groupsOf(number).way)];
    return {
      scope,
      flows: [unknown, flow(physSend, { priority: 100, match: { underlayPort: ofport }, actions })],
      groups: wayOut(number),
    };
  },
});
