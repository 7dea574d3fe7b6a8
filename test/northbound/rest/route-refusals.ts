/** What the fields of policy routes and static neighbours refuse: a part of the table in refusals.ts. */
import { each, notIps, notMacs, type Refusal, reference, refusal } from './refusals.js';

const notNetworks = ['x', '10.0.0.0', '10.0.0.1/24', 5] as const;

export function policyRefusals(commonRefusals: readonly Refusal[]): readonly Refusal[] {
  return [
    ...commonRefusals,
    ...reference('logical_router_id'),
    ...each('priority', 'missing_member', undefined),
    ...each('priority', 'invalid_value', '1', null),
    ...each('priority', 'out_of_range', -1, 32_768),
    ...each('source', 'invalid_value', ...notNetworks),
    ...each('destination', 'invalid_value', ...notNetworks),
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

export function neighbourRefusals(commonRefusals: readonly Refusal[]): readonly Refusal[] {
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
