import type { Behaviour } from './behaviour.js';
import { datapathKeyClaim } from './logical-switch.js';

export const logicalRouterBehaviour: Behaviour<'logical-routers'> = {
  async complete(unit, request, current, common) {
    const datapathKey = current?.datapathKey ?? (await unit.allocator.datapathKey());
    return { ...common, enabled: request.enabled ?? true, datapathKey };
  },
  claims: row => [datapathKeyClaim(row)],
};
