/**
 * Room `tunnels`: one flow-based tunnel port for each encapsulation, on every hypervisor under the same number. The
 * key names the datapath and nothing else: the receiver looks the destination up again.
 */
import { tunnelMtu as tunnelMtuOf } from '../../model/effective-mtu.js';
import { TUNNEL_OFPORTS } from '../../model/tunnel-ports.js';
import { fleetId } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import { groupId } from '../identifiers.js';
import { advance, checkLarger, drop, group, move, next, onCopy, output, outputTo, set } from '../pipeline/actions.js';
import { ipValue } from '../pipeline/addresses.js';
import { bucketActions, flow } from '../pipeline/flow.js';
import { physIn, tunnelFlood, tunnelMtu, tunnelOut, tunnelSend, tunnelSource } from '../pipeline/physical.js';
import { lsInLookupFdb } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

/** check_pkt_larger counts the Ethernet header of the inner frame; an MTU does not. */
const ethernetHeaderBytes = 14;

/**
 * Where the size of a packet decides, Open vSwitch counts it on both ways, also on the one that it does not go. So what is
 * too big goes through a group that hashes: that takes it through the data path once more, and only what really comes
 * by there is counted as dropped. The fleet has the number 0, and this is its only group.
 */
const tooBigGroup = groupId(0, 1);

/** From tunnels into datapaths, and what both kinds of way out have in common. */
export const tunnelsEverywhere = rule({
  name: 'tunnels.everywhere',
  number: 10,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'everywhere' },
    flows: [
      ...Object.values(TUNNEL_OFPORTS).map(ofport =>
        flow(physIn, {
          priority: 100,
          match: { physicalPort: ofport },
          actions: [move('tunnelId', 'datapath'), set({ fromUnderlay: 1 }), advance(lsInLookupFdb)],
        }),
      ),
      // The copies of a flood that came through a tunnel are for the ports here, and nothing more.
      flow(tunnelMtu, { priority: 200, match: { fromUnderlay: 1 }, actions: [] }),
      flow(tunnelFlood, { priority: 200, match: { tooBig: 1 }, actions: [group(tooBigGroup)] }),
      // One of several copies may end so. On a copy, or Open vSwitch 3.1 resumes it with the check of an earlier receiver.
      flow(tunnelSend, { priority: 200, match: { tooBig: 1 }, actions: [onCopy(group(tooBigGroup))] }),
      flow(tunnelSend, { priority: 0, match: {}, actions: [move('datapath', 'tunnelId'), outputTo('underlayPort')] }),
    ],
    groups: [
      {
        id: tooBigGroup,
        type: 'select',
        selectionMethod: { name: 'dp_hash' },
        buckets: [{ bucketId: 1, weight: 1, actions: bucketActions(tunnelFlood, [drop('too_big')]) }],
      },
    ],
  }),
});

/** A host that was installed anew may have the address of its former self: packets from there are the newer one's. */
function isNewestAt(encapIp: string, { number }: { readonly number: number }, view: TrackedView): boolean {
  return view.by('hypervisors', 'encapIp', encapIp).every(other => other.number <= number);
}

/**
 * How those that have something to send reach this hypervisor, and know it by. Nothing while it has no address, nor once it is removed. Its
 * own side of the underlay is looked at only where it carries less than that of another: what the sender's side carries
 * was seen before.
 */
export const tunnelsToHypervisor = rule({
  name: 'tunnels.to-hypervisor',
  number: 11,
  subjects: 'hypervisors',
  compile: (hypervisor, view) => {
    if (!hypervisor.allowed || hypervisor.encapIp === null) return null;
    const { family, value } = ipValue(hypervisor.encapIp);
    const underlayPort = TUNNEL_OFPORTS[hypervisor.encapTypes[0] ?? 'geneve'];
    const toAddress = set(family === 4 ? { tunnelDestination4: value } : { tunnelDestination6: value });
    const source = family === 4 ? { tunnelSource4: value } : { tunnelSource6: value };
    const capacity = tunnelMtuOf(hypervisor);
    const isNarrow = capacity < (view.get('fleet', fleetId)?.largestTunnelMtu ?? capacity);
    return {
      scope: { kind: 'peers', hypervisorId: hypervisor.id },
      isAskedByOthers: true,
      flows: [
        flow(tunnelOut, {
          priority: 100,
          match: { outHost: hypervisor.hypervisorKey },
          actions: isNarrow
            ? [toAddress, set({ underlayPort }), checkLarger(capacity + ethernetHeaderBytes, 'tooBig'), next]
            : [toAddress, move('datapath', 'tunnelId'), output(underlayPort)],
        }),
        ...(isNewestAt(hypervisor.encapIp, hypervisor, view)
          ? [flow(tunnelSource, { priority: 100, match: source, actions: [set({ inHost: hypervisor.hypervisorKey })] })]
          : []),
      ],
    };
  },
});

/** On the hypervisor itself: what its side of the underlay carries, and no tunnel to itself. */
export const tunnelsOfHypervisor = rule({
  name: 'tunnels.of-hypervisor',
  number: 12,
  subjects: 'hypervisors',
  compile: hypervisor => {
    const self = { outHost: hypervisor.hypervisorKey };
    return {
      scope: { kind: 'hypervisor', hypervisorId: hypervisor.id },
      flows: [
        flow(tunnelMtu, {
          priority: 100,
          match: {},
          actions: [checkLarger(tunnelMtuOf(hypervisor) + ethernetHeaderBytes, 'tooBig'), advance(tunnelFlood)],
        }),
        flow(tunnelOut, { priority: 300, match: { ...self, flood: 0 }, actions: [drop('port_not_bound')] }),
        // Flood groups name every hypervisor, this one too, so that they are the same everywhere.
        flow(tunnelOut, { priority: 200, match: self, actions: [] }),
      ],
    };
  },
});
