/**
 * Room `dns`: on logical switches with a domain, DNS for the gateway addresses goes to Weft: of ports without security groups as soon as port
 * security has let it through, of others when their rules have allowed it. The answer belongs to that connection.
 */
import { ipValue } from '../pipeline/addresses.js';
import { flow, type MatchOf } from '../pipeline/flow.js';
import { puntSteps } from '../pipeline/punting.js';
import { lsInAclDone, lsInApplyPortSec, lsInLbDone } from '../pipeline/switch-ingress.js';
import { rule } from '../rule.js';

const udp = 17;
const dnsPort = 53;

/** In the first stage security groups come first, with 90. */
const priority = { unguarded: 85, guarded: 90 } as const;

type Query = MatchOf<'ipv4Dst' | 'ipv6Dst' | 'ipProto' | 'udpDst'>;

function queriesTo(address: string): Query {
  const { family, value } = ipValue(address);
  return family === 4
    ? { ipv4Dst: value, ipProto: udp, udpDst: dnsPort }
    : { ipv6Dst: value, ipProto: udp, udpDst: dnsPort };
}

export const dnsSwitch = rule({
  name: 'dns.switch',
  number: 140,
  subjects: 'logical-switches',
  compile: (logicalSwitch, view) => {
    if (logicalSwitch.dnsDomain === null) return null;
    const gateways = view
      .by('subnets', 'logicalSwitchId', logicalSwitch.id)
      .flatMap(({ gatewayIp }) => gatewayIp ?? []);
    if (gateways.length === 0) return null;
    const datapath = logicalSwitch.datapathKey;
    // Where load balancers are asked first.
    const isBalanced = view.get('balanced-switches', logicalSwitch.id) !== null;
    return {
      scope: { kind: 'datapath', datapathId: logicalSwitch.id },
      flows: [...new Set(gateways)].flatMap(address => {
        const match = { datapath, ...queriesTo(address) };
        const actions = puntSteps('dns', 'askers');
        return [
          flow(lsInApplyPortSec, { priority: priority.unguarded, match, actions }),
          flow(lsInAclDone, { priority: priority.guarded, match, actions }),
          ...(isBalanced ? [flow(lsInLbDone, { priority: priority.unguarded, match, actions })] : []),
        ];
      }),
    };
  },
});
