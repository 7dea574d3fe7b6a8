/**
 * Static neighbours: what the switch says to one router port alone, before what anybody else knows of the address. The gateway of a
 * router asks its switch outside the same way, so it neither asks the neighbour nor heeds what it says.
 */
import { set } from '../pipeline/actions.js';
import { ipValue, macValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { lsNeighbour } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

/** Above what ports say, and what is computed. */
const priority = 200;

export const routingStaticNeighbour = rule({
  name: 'routing.static-neighbour',
  number: 55,
  subjects: 'static-neighbours',
  compile: ({ logicalRouterPortId, ip, mac }, view) => {
    const port = view.get('logical-router-ports', logicalRouterPortId);
    if (port === null || port.logicalSwitchId === null || port.switchPortKey === null) return null;
    const logicalSwitch = view.get('logical-switches', port.logicalSwitchId);
    if (logicalSwitch === null) return null;
    const { family, value } = ipValue(ip);
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsNeighbour, {
          priority,
          match: {
            datapath: logicalSwitch.datapathKey,
            inPort: port.switchPortKey,
            ...(family === 4 ? { address4: value } : { address6: value }),
          },
          actions: [set({ mac: macValue(mac), resolved: 1 })],
        }),
      ],
    };
  },
});
