/** Values of the registers of load balancers. */
import { BALANCED_ZONE_BIT } from '../../model/port-binding.js';
import { setSlice, slice } from '../pipeline/actions.js';

const zoneBit = slice('ctZone', BALANCED_ZONE_BIT, 1);
/** To the zone of the port for this: that which it is known by, with the highest bit set. */
export const ownZone = setSlice(zoneBit, 1);
/** Back to the zone that it is known by. */
export const zoneOfPort = setSlice(zoneBit, 0);

/** Values of register `balancerQuestion`. */
export const questions = { address: 0, port: 1, answer: 2, check: 3 } as const;

/** In register `balancer`: some load balancer, where it does not matter which. */
export const found = 1;
