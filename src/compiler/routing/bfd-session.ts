/**
 * BFD of a neighbour whose liveness is watched: from its address, to that of the router port by which Weft speaks to it, and with a TTL that
 * says that nobody has forwarded it (RFC 5881, section 5). It goes to Weft, as much of it as a meter of the session lets through on each
 * hypervisor, so who floods it loses his own session and nobody else's.
 */
import { sourceTowards } from '../../model/bfd-session.js';
import { meterId, meterSlot } from '../identifiers.js';
import { set, toController } from '../pipeline/actions.js';
import { ipValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { puntClasses, puntControllerId } from '../pipeline/punt-classes.js';
import { lrInOwnAddress } from '../pipeline/router-ingress.js';
import { rule } from '../rule.js';

const udp = 17;
const controlPort = 3784;
const ttl = 255;
/** A control packet with all headers, and some more. */
const maxBytes = 128;
/** Beside what comes by itself: answers to polls, and what is said at once. */
const beside = 10;

/** Where a data path has no meters the flow is refused, nothing of the neighbour comes, and so it is down. */
export const routingBfdSession = rule({
  name: 'routing.bfd-session',
  number: 56,
  subjects: 'bfd-sessions',
  compile: (session, view) => {
    const port = view.get('logical-router-ports', session.logicalRouterPortId);
    const router = port === null ? null : view.get('logical-routers', port.logicalRouterId);
    const own = port === null || port.logicalSwitchId === null ? null : sourceTowards(port.networks, session.ip);
    if (!session.enabled || port === null || router === null || own === null) return null;
    const { family, value } = ipValue(session.ip);
    const rate = Math.ceil(2_000 / session.minRxMs) + beside;
    const limit = { id: meterId(session.number, meterSlot.bfd), unit: 'pktps', rate, burst: rate } as const;
    return {
      scope: { kind: 'datapath', datapathId: router.id },
      flows: [
        flow(lrInOwnAddress, {
          priority: 200,
          match: {
            datapath: router.datapathKey,
            inPort: port.portKey,
            ...(family === 4 ? { ipv4Src: value, ipv4Dst: own.value } : { ipv6Src: value, ipv6Dst: own.value }),
            ipProto: udp,
            udpDst: controlPort,
            ipTtl: ttl,
          },
          actions: [
            set({ puntClass: puntClasses.bfd.code }),
            toController(puntControllerId, { meterId: limit.id, maxBytes }),
          ],
        }),
      ],
      meters: [limit],
      isOptional: true,
    };
  },
});
