import type { Behaviour } from './behaviour.js';

export const addressSetBehaviour: Behaviour<'address-sets'> = {
  complete: (_unit, request, _current, common) => Promise.resolve({ ...common, addresses: request.addresses ?? [] }),
  claims: () => [],
};
