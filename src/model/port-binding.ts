import { ownField, reference } from './fields.js';
import { resource } from './resource.js';
import { integer, nullable, text, uuid } from './value-types.js';

/**
 * Conntrack zones have 16 bits; 0 is the one of packets that name none. Each port has two: this one, and that with the highest bit set, for
 * connections to load balancers. Those between are for logical routers (logical-router.ts).
 */
export const MAX_CT_ZONE = 0x5fff;

/** The bit, from the right, by which the two differ. Flows set it and clear it. */
export const BALANCED_ZONE_BIT = 15;

/** The zone of a port's connections to load balancers. */
export function balancedZoneOf(ctZone: number): number {
  return ctZone | (1 << BALANCED_ZONE_BIT);
}

/**
 * Where a logical switch port is: the store writes it from what hypervisors report, so that it goes the way of every other
 * change. Not in REST except through the status of the port.
 */
export const portBindings = resource({
  kind: 'port-bindings',
  singular: 'port-binding',
  description: 'Which interface of which hypervisor a logical switch port is bound to.',
  named: false,
  exposed: false,
  audience: { read: 'operator', write: 'admin' },
  fields: {
    logicalSwitchPortId: reference(
      'logical-switch-ports',
      'The port: once, or once on each hypervisor if it is local.',
      {
        onDelete: 'cascade',
        access: 'internal',
      },
    ),
    hypervisorId: reference('hypervisors', 'The hypervisor.', { onDelete: 'cascade', access: 'internal' }),
    interfaceName: ownField(text({ max: 255 }), 'Name of the interface on the hypervisor.', { access: 'internal' }),
    interfaceUuid: ownField(uuid(), 'UUID of its row in the Interface table of the hypervisor.', {
      access: 'internal',
    }),
    ofport: ownField(integer(1, 65_279), 'OpenFlow port number of the interface.', { access: 'internal' }),
    ctZone: ownField(
      integer(1, MAX_CT_ZONE),
      'Conntrack zone of the port on that hypervisor; of no other port there.',
      { access: 'internal', formerly: 0 },
    ),
    reason: ownField(nullable(text({ max: 1024 })), 'Why this claim won, if there were several.', {
      access: 'internal',
    }),
  },
  columns: ['logicalSwitchPortId', 'hypervisorId', 'interfaceName'],
});
