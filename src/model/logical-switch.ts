import { optional, ownField, sharedWith } from './fields.js';
import { domainName } from './domain-name.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { MAX_PHYSICAL_NETWORK_KEY } from './provider-ports.js';
import { integer, nullable, object, plainText } from './value-types.js';

/** Datapath keys are tunnel keys: 24 bits, and 0 is none. */
export const MAX_DATAPATH_KEY = 2 ** 24 - 1;

/** VLAN ids that a frame can carry; 0 and 4095 are reserved (IEEE 802.1Q). */
const MAX_VLAN = 4094;

/** The names that hosts give bridges for, in a list with colons and commas. */
const physicalNetworkName = plainText(
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
  'the name of a physical network: 1 to 64 letters, digits, dots, hyphens and underscores',
);

export const logicalSwitches = resource({
  kind: 'logical-switches',
  singular: 'logical-switch',
  description: 'A layer 2 network: one broadcast domain over all hypervisors.',
  named: true,
  exposed: true,
  fields: {
    mtu: optional(
      nullable(integer(576, 65_521)),
      'Largest IP packet in bytes. Left out: what the underlay allows, and it follows the underlay. That of a physical network is not known to Weft: what is set counts.',
      { default: null },
    ),
    provider: optional(
      nullable(object({ physicalNetwork: physicalNetworkName, vlan: nullable(integer(1, MAX_VLAN)) })),
      'The physical network that it is part of, instead of tunnels: with vlan as that VLAN, without one untagged. Hosts name the bridge that leads there in external_ids:weft-bridge-mappings.',
      { default: null, operatorOnly: true },
    ),
    dnsDomain: optional(
      nullable(domainName()),
      'The domain of its ports: Weft then answers DNS at the gateway address, for PORT_NAME.DOMAIN and its dns-records. Null: no DNS.',
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
    physicalNetworkKey: ownField(
      nullable(integer(1, MAX_PHYSICAL_NETWORK_KEY)),
      'Number of its physical network, the same for all logical switches of that network.',
      { access: 'internal' },
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
  columns: ['mtu', 'provider', 'dnsDomain'],
});
