/**
 * Local ports, which have an interface on each of several hypervisors, all with one MAC and the same addresses, and answer the workloads of
 * their own hypervisor (a metadata service, for instance).
 *
 *   ls_in_l2_lkup --(its IPv4 addresses, whichever MAC)--> ls_out_delivery --> the interface here, or an account of there being none
 *   ls_fdb, ls_neighbour: its MAC and addresses, as of any port, on no hypervisor (outHost 0)
 *
 * What goes for its IPv4 addresses is taken before the MAC is looked at: so a workload reaches it by its default router, too, which would
 * never route to a link-local address. What a local port sends does not leave the hypervisor, through whatever routers it comes: others have
 * the same addresses. It gets no copies of floods; who asks for its addresses is answered by flows.
 */
import type { NetworkRow } from '../../view/rows.js';
import type { Flow } from '../fragment.js';
import { advance, drop, output, set } from '../pipeline/actions.js';
import { ipValue, macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { physIn, physOut, tunnelMtu } from '../pipeline/physical.js';
import { lsOutDelivery } from '../pipeline/switch-egress.js';
import { lsInCheckPortSec, lsInL2Lkup } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

/** Of ls_out_delivery: the interface here, and above whatever else is said of ports that are elsewhere. */
const priority = { here: 100, nowhere: 90 } as const;

/** What there is of it on every hypervisor that holds its switch, beside its MAC and addresses. */
export function localPortFlows(port: NetworkRow<'logical-switch-ports'>, datapath: number): readonly Flow[] {
  if (port.local === null) return [];
  const taken = port.local.addresses.map(ipValue).filter(({ family }) => family === 4);
  const to = { outPort: port.portKey, outHost: 0, ethDst: macValue(port.mac) } as const;
  return [
    ...taken.map(({ value }) =>
      flow(lsInL2Lkup, {
        priority: 110,
        match: { datapath, ipv4Dst: value },
        actions: [set(to), advance(lsOutDelivery)],
      }),
    ),
    flow(lsOutDelivery, {
      priority: priority.nowhere,
      match: { datapath, outPort: port.portKey },
      actions: [drop('no_local_port')],
    }),
  ];
}

/** Its two ends at an interface. */
export const switchingLocalPlace = rule({
  name: 'switching.local-place',
  number: 42,
  subjects: 'local-places',
  compile: ({ portId, hypervisorId, ofport, number: origin }, view) => {
    const port = view.get('logical-switch-ports', portId);
    const logicalSwitch = port === null ? null : view.get('logical-switches', port.logicalSwitchId);
    if (port === null || logicalSwitch === null) return null;
    const scope = { kind: 'hypervisor', hypervisorId } as const;
    const { datapathKey: datapath } = logicalSwitch;
    const entry = { priority: 100, match: { physicalPort: ofport } } as const;
    const delivery = {
      priority: priority.here,
      match: { datapath, outPort: port.portKey, fromUnderlay: 0 },
    } as const;
    if (!port.enabled) {
      return {
        scope,
        flows: [
          flow(physIn, { ...entry, actions: [set({ origin }), drop('port_disabled')] }),
          flow(lsOutDelivery, { ...delivery, actions: [drop('port_disabled')] }),
        ],
      };
    }
    const secured = port.portSecurity ? 1 : 0;
    return {
      scope,
      flows: [
        flow(physIn, {
          ...entry,
          actions: [set({ datapath, inPort: port.portKey, origin, secured }), advance(lsInCheckPortSec)],
        }),
        flow(lsOutDelivery, { ...delivery, actions: [output(ofport)] }),
        ...staysHere(origin),
      ],
    };
  },
});

/** Copies end without a word; what was for one somewhere else is accounted for. */
function staysHere(origin: number): readonly Flow[] {
  return [physOut, tunnelMtu].flatMap(stage => [
    flow(stage, { priority: 150, match: { origin }, actions: [] }),
    flow(stage, { priority: 160, match: { origin, flood: 0 }, actions: [drop('local_port_only')] }),
  ]);
}
