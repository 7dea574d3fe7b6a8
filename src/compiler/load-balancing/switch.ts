/** A logical switch whose ports reach load balancers: whom they are asked of, and how what is not on the switch leaves it. */
import type { NetworkRow } from '../../view/rows.js';
import type { TrackedView } from '../../view/tracked-view.js';
import { advance, call, set } from '../pipeline/actions.js';
import { macValue } from '../pipeline/addresses.js';
import { lsLb, lsLbDomains, virtualMac } from '../pipeline/balancing.js';
import { flow } from '../pipeline/flow.js';
import { lsInLbDone, lsInLbNextHop } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

function keysOf({ domains }: NetworkRow<'balanced-switches'>, view: TrackedView): readonly number[] {
  return domains.flatMap(id => {
    const datapath = view.get('logical-switches', id) ?? view.get('logical-routers', id);
    return datapath === null ? [] : [datapath.datapathKey];
  });
}

/** The router that backends elsewhere are reached by: the oldest on the switch. */
function routerMac(switchId: string, view: TrackedView): bigint | null {
  const ports = view.by('logical-router-ports', 'logicalSwitchId', switchId);
  const [first] = ports.toSorted((a, b) => a.number - b.number);
  return first === undefined ? null : macValue(first.mac);
}

export const balancingSwitch = rule({
  name: 'load-balancing.switch',
  number: 131,
  subjects: 'balanced-switches',
  compile: (balanced, view) => {
    const logicalSwitch = view.get('logical-switches', balanced.id);
    if (logicalSwitch === null) return null;
    const datapath = logicalSwitch.datapathKey;
    const router = routerMac(balanced.id, view);
    return {
      scope: { kind: 'datapath', datapathId: balanced.id },
      flows: [
        flow(lsLbDomains, {
          priority: 100,
          match: { datapath },
          actions: [...keysOf(balanced, view).flatMap(key => [set({ datapath: key }), call(lsLb)]), set({ datapath })],
        }),
        ...(router === null
          ? []
          : [
              flow(lsInLbNextHop, {
                priority: 50,
                match: { datapath, ethDst: virtualMac },
                actions: [set({ ethDst: router }), advance(lsInLbDone)],
              }),
            ]),
      ],
    };
  },
});
