import { optional, ownField, sharedWith } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { integer, nullable } from './value-types.js';

/** Datapath keys are tunnel keys: 24 bits, and 0 is none. */
export const MAX_DATAPATH_KEY = 2 ** 24 - 1;

export const logicalSwitches = resource({
  kind: 'logical-switches',
  singular: 'logical-switch',
  description: 'A layer 2 network: one broadcast domain over all hypervisors.',
  named: true,
  exposed: true,
  fields: {
    mtu: optional(
      nullable(integer(576, 65_521)),
      'Largest IP packet in bytes. Left out: what the underlay allows, and it follows the underlay.',
      { default: null },
    ),
    sharedWith: sharedWith(),
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
    effective_mtu: {
      schema: Type.Integer(),
      forTenants: true,
      description: 'The MTU in force, in bytes: the one set, or what the underlay allows if that is less.',
    },
  },
  shorthands: {
    subnets: {
      kind: 'subnets',
      via: 'logicalSwitchId',
      description: 'The subnets of the logical switch. May be given at creation, without logical_switch_id.',
    },
  },
  columns: ['mtu'],
});
