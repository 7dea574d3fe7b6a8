/** What every hypervisor does alike for all switches, and what a switch says as a whole. */
import { advance, call, drop, move, next, set } from '../pipeline/actions.js';
import { multicastMac } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { lsOutDelivery } from '../pipeline/switch-egress.js';
import { lsFdb, lsInArpReply, lsInL2Lkup, lsInL2Unknown } from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';
import { rule } from '../rule.js';
import { forwardingFlows } from './forwarding.js';
import { learningFlows } from './learning.js';
import { responderFlows } from './responder.js';

/** IEEE 802.1D addresses that a bridge keeps to itself. */
const reservedMulticast = { value: 0x0180_c200_0000n, mask: 0xffff_ffff_fff0n } as const;

const lookupFlows: readonly Flow[] = [
  flow(lsInL2Lkup, { priority: 200, match: { ethDst: reservedMulticast }, actions: [drop('reserved_multicast')] }),
  flow(lsInL2Lkup, { priority: 50, match: { ethDst: multicastMac }, actions: [drop('unknown_datapath')] }),
  flow(lsInL2Lkup, {
    priority: 0,
    match: {},
    actions: [set({ outPort: 0, outHost: 0 }), move('ethDst', 'mac'), call(lsFdb), next],
  }),
  flow(lsInL2Unknown, { priority: 10, match: { outPort: 0 }, actions: [drop('unknown_destination')] }),
];

/** A port that is not on this hypervisor. */
const elsewhereFlows: readonly Flow[] = [
  flow(lsOutDelivery, { priority: 20, match: { fromUnderlay: 1 }, actions: [drop('stale_location')] }),
  flow(lsOutDelivery, { priority: 10, match: { outHost: 0 }, actions: [drop('port_not_bound')] }),
];

export const switchingEverywhere = rule({
  name: 'switching.everywhere',
  number: 38,
  subjects: 'fleet',
  compile: () => ({
    scope: { kind: 'everywhere' },
    flows: [...lookupFlows, ...elsewhereFlows, ...forwardingFlows, ...responderFlows, ...learningFlows],
  }),
});

/**
 * Where some port may have addresses that no row names, or a physical network is behind, only asking tells: questions that we cannot answer are passed
 * on. Everywhere else all addresses are known, and such a question ends where it was asked.
 */
export const switchingUnlisted = rule({
  name: 'switching.unlisted',
  number: 39,
  subjects: 'logical-switches',
  compile: (logicalSwitch, view) => {
    const isKnown = (): boolean => view.by('logical-switch-ports', 'unlisted', logicalSwitch.id).length === 0;
    if (logicalSwitch.provider === null && isKnown()) return null;
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsInArpReply, {
          priority: 40,
          match: { datapath: logicalSwitch.datapathKey },
          actions: [advance(lsInL2Lkup)],
        }),
      ],
    };
  },
});
