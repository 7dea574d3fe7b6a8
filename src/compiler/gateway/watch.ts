/** Rule `gateway.watch`: what comes by the tunnel to one hypervisor is what would come by the tunnel for all, were there only that. */
import { gatewayTunnelOfport } from '../../model/gateway-tunnels.js';
import { TUNNEL_OFPORTS } from '../../model/tunnel-ports.js';
import { enterAs } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { physIn } from '../pipeline/physical.js';
import { rule } from '../rule.js';

/** Open vSwitch gives what a peer sends to the port that names the peer, whichever port of its own that has sent it by. */
export const gatewayWatch = rule({
  name: 'gateway.watch',
  number: 153,
  subjects: 'gateway-pairs',
  compile: ({ hypervisorId, peerKey }) => ({
    scope: { kind: 'hypervisor', hypervisorId },
    flows: [
      flow(physIn, {
        priority: 100,
        match: { physicalPort: gatewayTunnelOfport(peerKey) },
        // Both encapsulations are treated alike from here on.
        actions: [enterAs(TUNNEL_OFPORTS.geneve, physIn)],
      }),
    ],
  }),
});
