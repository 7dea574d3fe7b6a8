/**
 * Room `dhcp`: on logical switches whose subnets have DHCP, what ports ask for their addresses goes to Weft, and nowhere else. As security
 * groups let it through anyway, it is taken before they are asked; port security has seen it.
 */
import { cidrValue } from '../pipeline/addresses.js';
import { flow, type MatchOf } from '../pipeline/flow.js';
import { puntSteps } from '../pipeline/punting.js';
import { lsInApplyPortSec } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

const udp = 17;
const routerSolicitation = 133;

/** Below what is refused, above everything that is let through. */
const priority = 95;

type Asked = MatchOf<'ethType' | 'ipProto' | 'udpSrc' | 'udpDst' | 'icmpv6Type'>;

const asked = {
  dhcpv4: { ethType: 0x0800, ipProto: udp, udpSrc: 68, udpDst: 67 },
  dhcpv6: { ethType: 0x86dd, ipProto: udp, udpSrc: 546, udpDst: 547 },
  router_solicitation: { icmpv6Type: routerSolicitation },
} as const satisfies Record<string, Asked>;

export const dhcpSwitch = rule({
  name: 'dhcp.switch',
  number: 120,
  subjects: 'logical-switches',
  compile: (logicalSwitch, view) => {
    const served = view.by('subnets', 'logicalSwitchId', logicalSwitch.id).filter(({ dhcp }) => dhcp);
    const families = new Set(served.map(({ cidr }) => cidrValue(cidr).family));
    if (families.size === 0) return null;
    const datapath = logicalSwitch.datapathKey;
    const taken = [
      ...(families.has(4) ? (['dhcpv4'] as const) : []),
      ...(families.has(6) ? (['dhcpv6'] as const) : []),
      // Outside there are routers that are not ours: they speak for themselves.
      ...(families.has(6) && logicalSwitch.provider === null ? (['router_solicitation'] as const) : []),
    ];
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: taken.map(puntClass =>
        flow(lsInApplyPortSec, {
          priority,
          match: { datapath, ...asked[puntClass] },
          actions: puntSteps(puntClass, 'askers'),
        }),
      ),
    };
  },
});
