import { cidrContains, type IpAddress, parseCidr, parseIp } from '../base/address.js';
import { optional, ownField, reference, required } from './fields.js';
import { Type } from './json-schema.js';
import { resource } from './resource.js';
import { boolean, integer, ip, nullable, object, timestamp } from './value-types.js';

/** Between packets, in milliseconds: what a controller that is busy elsewhere can keep, and what is still of use. */
const LEAST_INTERVAL_MS = 100;
const LONGEST_INTERVAL_MS = 60_000;
const MAX_MULTIPLIER = 255;

/** By the code of a packet (RFC 5880, section 4.1): why the sender left the state `up` last. */
export const bfdDiagnostics = [
  'no diagnostic',
  'control detection time expired',
  'echo function failed',
  'neighbor signaled session down',
  'forwarding plane reset',
  'path down',
  'concatenated path down',
  'administratively down',
  'reverse concatenated path down',
] as const;

const MAX_DIAGNOSTIC = 31;

export const bfdStatuses = ['admin_down', 'unknown', 'down', 'up'] as const;

const interval = integer(LEAST_INTERVAL_MS, LONGEST_INTERVAL_MS);

export const bfdSessions = resource({
  kind: 'bfd-sessions',
  singular: 'bfd-session',
  description:
    'Liveness of a neighbour of a router port, by BFD (RFC 5880, 5881): while it is down, static and policy routes of the router do not use it as their next hop.',
  named: false,
  exposed: true,
  fields: {
    logicalRouterPortId: reference('logical-router-ports', 'The router port, which is on a logical switch.', {
      onDelete: 'cascade',
      access: 'immutable',
    }),
    ip: required(ip(), 'The address of the neighbour, in a network of the router port.', { access: 'immutable' }),
    minTxMs: optional(interval, 'The router sends no more often than every so many milliseconds.', { default: 1_000 }),
    minRxMs: optional(interval, 'The neighbour is to send no more often.', { default: 1_000 }),
    detectMultiplier: optional(
      integer(1, MAX_MULTIPLIER),
      'So many packets in a row that are missing say that the other end is gone.',
      { default: 3 },
    ),
    enabled: optional(
      boolean(),
      'Administrative state; of one that is disabled the neighbour is told so, and it counts as alive.',
      { default: true },
    ),
    finding: ownField(
      nullable(object({ isUp: boolean(), diagnostic: integer(0, MAX_DIAGNOSTIC), since: timestamp() })),
      'What was found last; null: nothing yet.',
      { access: 'internal' },
    ),
  },
  computed: {
    status: {
      schema: Type.Object({
        state: Type.Enum(bfdStatuses),
        diagnostic: Type.Union([Type.String(), Type.Null()]),
        since: Type.Union([Type.String({ format: 'date-time' }), Type.Null()]),
        hypervisor: Type.Union([Type.String(), Type.Null()]),
        reason: Type.Union([Type.String(), Type.Null()]),
      }),
      description:
        'The session: admin_down, unknown (not found out yet), down or up; why it went down and since when it is as it is; the hypervisor on which it runs, and if on none, why.',
      forTenants: true,
    },
  },
  columns: ['logicalRouterPortId', 'ip', 'enabled'],
});

/** The address of a router port by which it speaks to that neighbour: of the longest of its networks that has it; null: none has. */
export function sourceTowards(networks: readonly string[], neighbour: string): IpAddress | null {
  const address = parseIp(neighbour);
  if (address === null) return null;
  const [longest] = networks
    .flatMap(network => parseCidr(network) ?? [])
    .filter(network => cidrContains(network, address))
    .toSorted((a, b) => b.prefixLength - a.prefixLength);
  return longest === undefined ? null : { family: longest.family, value: longest.address };
}
