/** Addresses of address groups, added and removed. */
import { isObject } from '../../src/model/value-types.js';
import { access, type Edge, idOf, requireRow } from './edge.js';
import { badRequest } from './faults.js';
import { represent, requireWriter } from './resource.js';
import { readAddresses } from './security-groups.js';

export function registerAddressGroupActions(edge: Edge): void {
  const resource = edge.resourceOf('address-groups');
  const change = (
    path: string,
    after: (there: readonly string[], asked: readonly string[]) => readonly string[],
  ): void => {
    edge.app.put(`/v2.0/address-groups/:id/${path}`, access('write'), async request => {
      const { scene } = request;
      const row = requireRow(resource, scene, idOf(request));
      requireWriter(resource, 'update', scene.identity, row);
      if (!isObject(request.body)) throw badRequest("Unable to find 'addresses' in request body");
      const asked = readAddresses(request.body['addresses']);
      await edge.write(request, { title: resource.title, id: row.id }, async act => {
        const there = (await act.tx.get('address-sets', row.id))?.addresses ?? [];
        await act.tx.merge('address-sets', row.id, { addresses: [...new Set(after(there, asked))] });
      });
      return { [resource.member]: represent(resource, scene, requireRow(resource, scene, row.id)) };
    });
  };
  change('add_addresses', (there, asked) => [...there, ...asked]);
  change('remove_addresses', (there, asked) => there.filter(each => !asked.includes(each)));
}
