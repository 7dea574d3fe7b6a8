/** What the fields of NAT rules refuse: a part of the table in refusals.ts. */
import { randomUUID } from 'node:crypto';
import { each, notIps, reference, refusal, type Refusal } from './refusals.js';

export function natRefusals(common: readonly Refusal[]): readonly Refusal[] {
  return [
    ...common,
    ...reference('logical_router_id'),
    ...each('kind', 'missing_member', undefined),
    ...each('kind', 'invalid_value', 'masquerade', 5, null),
    ...each('external_ip', 'missing_member', undefined),
    ...each('external_ip', 'invalid_value', ...notIps, null),
    ...each('logical_ip', 'missing_member', undefined),
    ...each('logical_ip', 'invalid_value', 'x', '10.0.0.1/24', 5, null),
    refusal({ logical_ip: '10.0.0.0/24' }, 'contradiction', '/logical_ip'),
    ...each('exempted_destinations', 'invalid_value', 5, {}, null),
    refusal({ exempted_destinations: ['fd00::/8'] }, 'family_mismatch', '/exempted_destinations/0'),
    ...each('port_map', 'invalid_value', 'x', 5, []),
    refusal({ port_map: { protocol: 'tcp', external_port: 80 } }, 'contradiction', '/port_map'),
    ...each('logical_switch_port_id', 'invalid_value', 'x', 5),
    ...each('logical_switch_port_id', 'reference_not_found', randomUUID()),
    refusal({}, 'address_in_use', '/external_ip'),
  ];
}
