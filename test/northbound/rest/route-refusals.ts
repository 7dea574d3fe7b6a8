/** What the fields of static and policy routes, static neighbours and virtual addresses refuse: a part of the table in refusals.ts. */
import { randomUUID } from 'node:crypto';
import { each, notBooleans, notIps, notMacs, notNetworks, type Refusal, reference, refusal } from './refusals.js';

function policyRefusals(commonRefusals: readonly Refusal[]): readonly Refusal[] {
  const notNetworksNorNull = notNetworks.filter(value => value !== null);
  return [
    ...commonRefusals,
    ...reference('logical_router_id'),
    ...each('priority', 'missing_member', undefined),
    ...each('priority', 'invalid_value', '1', null),
    ...each('priority', 'out_of_range', -1, 32_768),
    ...each('source', 'invalid_value', ...notNetworksNorNull),
    ...each('destination', 'invalid_value', ...notNetworksNorNull),
    refusal({ destination: 'fd00::/64' }, 'family_mismatch', '/destination'),
    ...each('protocol', 'invalid_value', 'xyz', true),
    ...each('port_min', 'out_of_range', 0, 65_536),
    ...each('port_max', 'out_of_range', 0, 65_536, 79),
    ...each('mark', 'invalid_value', 5, 'x', []),
    refusal({ mark: { value: 256, mask: 255 } }, 'contradiction', '/mark/value'),
    ...each('action', 'missing_member', undefined),
    ...each('action', 'invalid_value', 'deny', 5, null),
    ...each('next_hops', 'invalid_value', 5, '10.0.0.254', {}),
    refusal({ next_hops: ['192.0.2.1'] }, 'next_hop_unreachable', '/next_hops/0'),
    refusal({ next_hops: [] }, 'missing_member', '/next_hops'),
    refusal({}, 'policy_route_in_use', '/priority'),
  ];
}

function neighbourRefusals(commonRefusals: readonly Refusal[]): readonly Refusal[] {
  return [
    ...commonRefusals,
    ...reference('logical_router_port_id'),
    ...each('ip', 'missing_member', undefined),
    ...each('ip', 'invalid_value', ...notIps),
    refusal({ ip: '192.0.2.1' }, 'next_hop_unreachable', '/ip'),
    ...each('mac', 'missing_member', undefined),
    ...each('mac', 'invalid_value', ...notMacs),
    refusal({}, 'static_neighbour_in_use', '/ip'),
  ];
}

function bfdRefusals(commonRefusals: readonly Refusal[]): readonly Refusal[] {
  return [
    ...commonRefusals,
    ...reference('logical_router_port_id'),
    ...each('ip', 'missing_member', undefined),
    ...each('ip', 'invalid_value', ...notIps),
    refusal({ ip: '192.0.2.1' }, 'next_hop_unreachable', '/ip'),
    refusal({ ip: '10.0.0.1' }, 'next_hop_unreachable', '/ip'),
    ...['min_tx_ms', 'min_rx_ms'].flatMap(member => [
      ...each(member, 'invalid_value', '300', 0.5, null),
      ...each(member, 'out_of_range', 99, 60_001),
    ]),
    ...each('detect_multiplier', 'invalid_value', '3', null),
    ...each('detect_multiplier', 'out_of_range', 0, 256),
    ...each('enabled', 'invalid_value', ...notBooleans),
    refusal({}, 'bfd_session_in_use', '/ip'),
  ];
}

function virtualAddressRefusals(commonRefusals: readonly Refusal[]): readonly Refusal[] {
  const ports = 'logical_switch_port_ids';
  return [
    ...commonRefusals,
    ...reference('logical_switch_id'),
    ...each('ip', 'missing_member', undefined),
    ...each('ip', 'invalid_value', ...notIps),
    ...each('ip', 'address_in_use', '10.0.0.1', '10.0.0.20', '10.0.0.200'),
    ...each('ip', 'address_reserved', '224.0.0.1'),
    ...each(ports, 'missing_member', undefined),
    ...each(ports, 'invalid_value', 5, 'x', {}, null),
    ...each(ports, 'out_of_range', []),
    refusal({ [ports]: [randomUUID()] }, 'reference_not_found', `/${ports}/0`),
  ];
}

function staticRouteRefusals(commonRefusals: readonly Refusal[]): readonly Refusal[] {
  return [
    ...commonRefusals,
    ...reference('logical_router_id'),
    ...each('destination', 'missing_member', undefined),
    ...each('destination', 'invalid_value', ...notNetworks),
    ...each('next_hop', 'invalid_value', ...notIps),
    refusal({ next_hop: '192.0.2.1' }, 'next_hop_unreachable', '/next_hop'),
    refusal({ next_hop: 'fd00::1' }, 'family_mismatch', '/next_hop'),
    ...each('discard', 'invalid_value', ...notBooleans),
    refusal({ discard: true }, 'contradiction', '/next_hop'),
    refusal({ next_hop: null }, 'missing_member', '/next_hop'),
    refusal({}, 'route_in_use', '/destination'),
  ];
}

export function routingRefusals(commonRefusals: readonly Refusal[]) {
  return {
    'static-routes': staticRouteRefusals(commonRefusals),
    'policy-routes': policyRefusals(commonRefusals),
    'static-neighbours': neighbourRefusals(commonRefusals),
    'bfd-sessions': bfdRefusals(commonRefusals),
    'virtual-addresses': virtualAddressRefusals(commonRefusals),
  } as const;
}
