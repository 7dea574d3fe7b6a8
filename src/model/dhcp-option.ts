import { optionalReference, required } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { oneOf, text } from './value-types.js';

/** Numbers and forms of options differ between the two. */
export const dhcpProtocols = ['dhcpv4', 'dhcpv6'] as const;
export type DhcpProtocol = (typeof dhcpProtocols)[number];

/** The names and the forms of their values are in dhcp-option-codes.ts. */
export const dhcpOptions = resource({
  kind: 'dhcp-options',
  singular: 'dhcp-option',
  description:
    'An option that DHCP tells a port besides what follows from its subnet, or in its place; of a subnet: tells each of its ports that has none of its own.',
  named: false,
  exposed: true,
  fields: {
    logicalSwitchPortId: optionalReference('logical-switch-ports', 'The port; or else subnet_id.', {
      onDelete: 'cascade',
    }),
    subnetId: optionalReference('subnets', 'The subnet, for each of its ports.', { onDelete: 'cascade' }),
    protocol: required(oneOf(...dhcpProtocols), 'Which of the two tells it.'),
    option: required(
      text({ min: 1, max: 64 }),
      'Name of the option, such as ntp-server, or its number (its value is then hexadecimal).',
    ),
    value: required(text({ max: 1_024 }), 'The value, in the form that the option has.'),
  },
  computed: {
    status: {
      forTenants: true,
      schema: Type.Object({
        active: Type.Boolean(),
        reason: Type.Union([Type.String(), Type.Null()]),
      }),
      description: 'Whether somebody is told it, and if not, what is missing.',
    },
  },
  columns: ['logicalSwitchPortId', 'subnetId', 'protocol', 'option', 'value'],
});
