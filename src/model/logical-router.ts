import { optional, ownField } from './fields.js';
import { MAX_DATAPATH_KEY } from './logical-switch.js';
import { resource } from './resource.js';
import { boolean, integer } from './value-types.js';

export const logicalRouters = resource({
  kind: 'logical-routers',
  singular: 'logical-router',
  description: 'A router between logical switches and other logical routers, distributed over the hypervisors.',
  named: true,
  exposed: true,
  fields: {
    enabled: optional(boolean(), 'Administrative state; a disabled router drops everything.', { default: true }),
    datapathKey: ownField(
      integer(1, MAX_DATAPATH_KEY),
      'Tunnel key, unique among logical switches and logical routers.',
      {
        access: 'internal',
        unique: true,
      },
    ),
  },
  columns: ['enabled'],
});
