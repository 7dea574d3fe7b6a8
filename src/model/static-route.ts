import { optional, reference, required } from './fields.js';
import { resource } from './resource.js';
import { boolean, cidr, ip, nullable } from './value-types.js';

export const staticRoutes = resource({
  kind: 'static-routes',
  singular: 'static-route',
  description: 'A route of a logical router. Several next hops for one destination share its traffic (ECMP).',
  named: false,
  exposed: true,
  fields: {
    logicalRouterId: reference('logical-routers', 'The logical router.', { onDelete: 'restrict', access: 'immutable' }),
    destination: required(cidr('network'), 'The destination; of several that match the longest prefix wins.'),
    nextHop: optional(nullable(ip()), 'Where to send it: an address in a network of a port of the router.', {
      default: null,
    }),
    discard: optional(boolean(), 'Drop what matches, instead of a next hop.', { default: false }),
  },
  columns: ['logicalRouterId', 'destination', 'nextHop', 'discard'],
});
