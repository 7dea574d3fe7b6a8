/**
 * Room `tunnels`: one flow-based tunnel port for each encapsulation, on every hypervisor under the same number. The
 * key names the datapath and nothing else: the receiver looks the destination up again.
 */
import type { Encapsulation } from '../../model/index.js';
import { tunnelMtu as tunnelMtuOf, tunnelOverhead } from '../../model/effective-mtu.js';
import { TUNNEL_OFPORTS } from '../../model/tunnel-ports.js';
import { advance, checkLarger, drop, move, outputTo, set, type Step } from '../pipeline/actions.js';
import { ipValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { physIn, tunnelMtu, tunnelOut, tunnelSend, tunnelSource } from '../pipeline/physical.js';
import { lsInLookupFdb } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

/** check_pkt_larger counts the Ethernet header of the inner frame; an MTU does not. */
const ethernetHeaderBytes = 14;

/** From tunnels into datapaths, and out through the tunnel that the receiver wants. */
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
          actions: [move('tunnelId', 'datapath'), set({ fromTunnel: 1 }), advance(lsInLookupFdb)],
        }),
      ),
      flow(tunnelSend, {
        priority: 100,
        match: { tooBig: 0 },
        actions: [move('datapath', 'tunnelId'), outputTo('tunnelPort')],
      }),
    ],
  }),
});

/** How every hypervisor reaches this one, and knows it by. Nothing while it has no address. */
export const tunnelsToHypervisor = rule({
  name: 'tunnels.to-hypervisor',
  number: 11,
  subjects: 'hypervisors',
  compile: hypervisor => {
    if (hypervisor.encapIp === null) return null;
    const { family, value } = ipValue(hypervisor.encapIp);
    const encapsulation: Encapsulation = hypervisor.encapTypes[0] ?? 'geneve';
    const destination: Step<never, 'tunnelDestination4' | 'tunnelDestination6'> =
      family === 4 ? set({ tunnelDestination4: value }) : set({ tunnelDestination6: value });
    const source = family === 4 ? { tunnelSource4: value } : { tunnelSource6: value };
    return {
      scope: { kind: 'everywhere' },
      flows: [
        flow(tunnelOut, {
          priority: 100,
          match: { outHost: hypervisor.hypervisorKey },
          actions: [
            destination,
            set({ tunnelPort: TUNNEL_OFPORTS[encapsulation], outerIpv6: family === 6 ? 1 : 0 }),
            checkLarger(tunnelMtuOf(hypervisor) + ethernetHeaderBytes, 'tooBig'),
            advance(tunnelMtu),
          ],
        }),
        flow(tunnelSource, { priority: 100, match: source, actions: [set({ inHost: hypervisor.hypervisorKey })] }),
      ],
    };
  },
});

/** On the hypervisor itself: no tunnel to itself, and what its own side of the underlay carries. */
export const tunnelsOfHypervisor = rule({
  name: 'tunnels.of-hypervisor',
  number: 12,
  subjects: 'hypervisors',
  compile: hypervisor => {
    const own = { outHost: hypervisor.hypervisorKey };
    const limit = (family: 4 | 6): number =>
      hypervisor.underlayMtu - tunnelOverhead('geneve', family) + ethernetHeaderBytes;
    return {
      scope: { kind: 'hypervisor', hypervisorId: hypervisor.id },
      flows: [
        // Flood groups name every hypervisor, this one too, so that they are the same everywhere.
        flow(tunnelOut, { priority: 300, match: { ...own, flood: 1 }, actions: [] }),
        flow(tunnelOut, { priority: 200, match: own, actions: [drop('port_not_bound')] }),
        ...([4, 6] as const).map(family =>
          flow(tunnelMtu, {
            priority: 100,
            match: { tooBig: 0, outerIpv6: family === 6 ? 1 : 0 },
            actions: [checkLarger(limit(family), 'tooBig'), advance(tunnelSend)],
          }),
        ),
      ],
    };
  },
});
