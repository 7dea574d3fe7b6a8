/**
 * Addresses that move between ports. Whoever announces one to everybody on the switch (gratuitous ARP, an unsolicited advertisement) is
 * heard by Weft too, and from then on has it for routers, wherever they are. Ports of the switch itself ask the holder, as on any network:
 * so they follow while Weft is not there.
 */
import { advance, enter, set } from '../pipeline/actions.js';
import { ipValue, macValue, multicastMac } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { puntSteps } from '../pipeline/punting.js';
import { lsInArpRsp, lsInL2Lkup, lsNeighbour } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

export const switchingVirtualAddress = rule({
  name: 'switching.virtual-address',
  number: 41,
  subjects: 'virtual-addresses',
  compile: (row, view) => {
    const logicalSwitch = view.get('logical-switches', row.logicalSwitchId);
    if (logicalSwitch === null) return null;
    const holder = row.holderId === null ? null : view.get('logical-switch-ports', row.holderId);
    const { datapathKey: datapath } = logicalSwitch;
    const { family, value } = ipValue(row.ip);
    const local = { datapath, fromUnderlay: 0 } as const;
    // Once Weft has been told, it goes the way of all that is for everybody.
    const untold = { ...local, ethDst: multicastMac, puntClass: 0 } as const;
    const found = family === 4 ? { address4: value } : { address6: value };
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [
        flow(lsInArpRsp, {
          priority: 110,
          match: family === 4 ? { ...local, arpOp: 1, arpTpa: value } : { ...local, icmpv6Type: 135, ndTarget: value },
          actions: [advance(lsInL2Lkup)],
        }),
        flow(lsInL2Lkup, {
          priority: 150,
          match: family === 4 ? { ...untold, arpSpa: value } : { ...untold, icmpv6Type: 136, ndTarget: value },
          actions: [...puntSteps('virtual_address', 'askers'), enter(lsInL2Lkup)],
        }),
        ...(holder === null || holder.logicalSwitchId !== logicalSwitch.id
          ? []
          : [
              flow(lsNeighbour, {
                priority: 100,
                match: { datapath, ...found },
                actions: [set({ mac: macValue(holder.mac), resolved: 1 })],
              }),
            ]),
      ],
    };
  },
});
