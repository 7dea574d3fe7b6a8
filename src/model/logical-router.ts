import { optional, ownField } from './fields.js';
import { MAX_DATAPATH_KEY } from './logical-switch.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { boolean, integer, list, nullable, object, text, uuid } from './value-types.js';

/** Conntrack zones of logical routers with a gateway, beside those of ports (port-binding.ts): 16,384 in the whole database. */
export const natZoneRanges = [
  { first: 0x6000, last: 0x7fff },
  { first: 0xe000, last: 0xffff },
] as const;

/** Hypervisors that a gateway can name. */
export const MAX_GATEWAY_HYPERVISORS = 8;

export const logicalRouters = resource({
  kind: 'logical-routers',
  singular: 'logical-router',
  description: 'A router between logical switches and other logical routers, distributed over the hypervisors.',
  named: true,
  exposed: true,
  fields: {
    enabled: optional(boolean(), 'Administrative state; a disabled router drops everything.', { default: true }),
    gateway: optional(
      nullable(
        object({
          logicalSwitchId: uuid(),
          hypervisors: nullable(
            list(text({ min: 1, max: 255 }), { min: 1, max: MAX_GATEWAY_HYPERVISORS, distinct: true }),
          ),
        }),
      ),
      'The logical switch of a physical network on which one hypervisor at a time speaks for the router: the first of these that can; left out: of those with gateway=true. The addresses are those of the router port there.',
      { default: null, operatorOnly: true },
    ),
    gatewaySwitchId: ownField(nullable(uuid()), 'The logical switch of the gateway.', {
      access: 'internal',
      indexed: true,
    }),
    natZone: ownField(
      nullable(integer(1, 0xffff)),
      'Conntrack zone of translated connections, on whatever hypervisor; of no other router or port. With a gateway only.',
      { access: 'internal', unique: true },
    ),
    datapathKey: ownField(
      integer(1, MAX_DATAPATH_KEY),
      'Tunnel key, unique among logical switches and logical routers.',
      {
        access: 'internal',
        unique: true,
      },
    ),
  },
  computed: {
    gateway_status: {
      schema: Type.Union([
        Type.Object({
          hypervisor: Type.Union([Type.String(), Type.Null()]),
          candidates: Type.Array(
            Type.Object({
              hypervisor: Type.String(),
              active: Type.Boolean(),
              reason: Type.String(),
              used_by: Type.Integer(),
              lost_by: Type.Array(Type.Object({ hypervisor: Type.String(), reason: Type.String() })),
            }),
          ),
        }),
        Type.Null(),
      ]),
      description:
        'Which hypervisor speaks for the router outside, which others may, and why it is that one; how many hypervisors send to each, and who has lost it by BFD (ten at most).',
    },
  },
  columns: ['enabled', 'gateway'],
});
