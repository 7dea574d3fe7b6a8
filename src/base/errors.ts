/**
 * The one closed table of operational errors. Every part of Weft refuses, gives up or reports with one of these codes; only
 * the edges translate them (REST to problem details, the command line to an exit status). A programmer's error is not in here:
 * it is an assertion that crashes.
 */

export interface ErrorEntry {
  /** HTTP status at the REST edge. */
  readonly status: number;
  /** Whether the same request may succeed later without a change by the caller. */
  readonly retry: boolean;
  /** One short sentence, the same for every occurrence (RFC 9457 `title`). */
  readonly title: string;
  /** What to do about it. */
  readonly help: string;
}

const TABLE = {
  // The shape of a request.
  malformed_body: refused(400, 'The body is not valid JSON.', 'Send one JSON document in UTF-8.'),
  unknown_member: refused(400, 'The object has no such member.', 'Remove the member, or correct its name.'),
  missing_member: refused(400, 'A required member is missing.', 'Add the member.'),
  invalid_value: refused(
    400,
    'The value does not have the right form.',
    'Correct the value as described in the API reference.',
  ),
  out_of_range: refused(400, 'The value is outside the range allowed.', 'Choose a value within the range stated.'),
  duplicate_value: refused(400, 'The list names the same thing twice.', 'Remove one of the two.'),
  read_only: refused(400, 'The member is read-only.', 'Leave it out, or send it back unchanged.'),
  immutable: refused(400, 'The member cannot be changed after creation.', 'Delete the object and create it anew.'),
  unknown_kind: refused(
    400,
    'There is no collection of this name.',
    'Use the name of a collection, such as "logical-switches".',
  ),
  invalid_query: refused(400, 'A query parameter is not valid.', 'Correct or remove the parameter.'),
  id_mismatch: refused(400, 'The id in the body is not the id in the path.', 'Leave the id out of the body.'),
  unsupported_media_type: refused(
    415,
    'The content type is not supported.',
    'Send application/json (application/merge-patch+json for PATCH).',
  ),
  body_too_large: refused(413, 'The body is too large.', 'Send fewer objects in one request.'),
  method_not_allowed: refused(405, 'The method is not allowed here.', 'See the Allow header.'),

  // Who asks.
  unauthenticated: refused(
    401,
    'The request carries no valid token.',
    'Send Authorization: Bearer with a token of this Weft.',
  ),
  forbidden: refused(403, 'The token does not allow this.', 'Use a token with the rights needed.'),
  identity_provider_unavailable: later(
    503,
    'The identity provider cannot be asked whether the token is valid.',
    'Repeat the request, or use a token of this Weft.',
  ),
  rate_limited: later(429, 'Too many requests.', 'Wait as long as Retry-After says.'),

  // Objects and references.
  not_found: refused(404, 'There is no such object.', 'Check the id and the collection.'),
  reference_not_found: refused(400, 'The object referred to does not exist.', 'Create it first, or correct the id.'),
  reference_ambiguous: refused(400, 'The name referred to belongs to several objects.', 'Use a name that is unique.'),
  id_in_use: refused(409, 'The id belongs to another object.', 'Choose another id.'),
  in_use: refused(409, 'Other objects depend on this one.', 'Delete those first, or repeat with ?cascade=true.'),
  quota_exceeded: refused(
    409,
    'The project has as many of these objects as its quota allows.',
    'Delete some, or ask an admin for a larger quota.',
  ),
  quota_exists: refused(409, 'The project has a quota already.', 'Change that one.'),
  revision_mismatch: refused(412, 'The object has changed meanwhile.', 'Read it again and repeat the edit.'),

  // Networks that contradict each other or themselves.
  subnet_overlap: refused(
    409,
    'The subnet overlaps another one of the same logical switch.',
    'Choose a range that is free.',
  ),
  address_outside_subnet: refused(400, 'The address is not inside the subnet.', 'Choose an address of the subnet.'),
  address_reserved: refused(
    400,
    'The address cannot be given to a port.',
    'Choose another; network, broadcast, multicast and unspecified addresses are reserved.',
  ),
  address_in_use: refused(
    409,
    'The address is already in use on the logical switch.',
    'Choose another, or leave it out to have one allocated.',
  ),
  addresses_exhausted: refused(
    409,
    'No address is left in the pools of the subnet.',
    'Add a subnet or enlarge the pools.',
  ),
  mac_in_use: refused(
    409,
    'The MAC address is already in use on the logical switch.',
    'Choose another, or leave it out to have one allocated.',
  ),
  pool_overlap: refused(400, 'Two allocation pools overlap.', 'Make the pools disjoint.'),
  pool_contains_gateway: refused(
    400,
    'An allocation pool contains the gateway address.',
    'Leave the gateway out of the pools.',
  ),
  family_mismatch: refused(400, 'IPv4 and IPv6 are mixed.', 'Use addresses of one family.'),
  network_overlap: refused(
    409,
    'The network overlaps another one of the same logical router.',
    'Choose networks that do not overlap.',
  ),
  network_outside_subnets: refused(
    400,
    'The network of the router port is not a subnet of the logical switch.',
    'Use an address and prefix length of one of its subnets.',
  ),
  peer_conflict: refused(
    409,
    'The peer cannot be joined with this router port.',
    'Peers are two router ports of two routers, each free and on no logical switch.',
  ),
  next_hop_unreachable: refused(
    400,
    'No port of the logical router has the next hop in its network.',
    'Add the router port first, or correct the next hop.',
  ),
  route_in_use: refused(409, 'The logical router has this route already.', 'Delete the other route first.'),
  policy_route_in_use: refused(
    409,
    'Another policy route of the same priority matches some of the same packets.',
    'Give one of them another priority: the higher one decides.',
  ),
  static_neighbour_in_use: refused(
    409,
    'The router port has a static neighbour with this address already.',
    'Change that one, or delete it first.',
  ),
  bfd_session_in_use: refused(
    409,
    'The router port has a BFD session with this neighbour already.',
    'Change that one, or delete it first.',
  ),
  qos_rule_in_use: refused(
    409,
    'The port or logical switch has a rule of this kind and direction already.',
    'Change that rule, or delete it first.',
  ),
  vlan_in_use: refused(
    409,
    'The parent has a sub-port with this VLAN tag already.',
    'Choose another tag, or detach that sub-port first.',
  ),
  segment_in_use: refused(
    409,
    'Another logical switch is this part of the physical network already.',
    'Use another VLAN, or the logical switch that there is.',
  ),
  dhcp_option_in_use: refused(
    409,
    'The port or subnet has this DHCP option already.',
    'Change that one, or delete it first.',
  ),
  dns_record_in_use: refused(
    409,
    'The logical switch has a record of this name and type already.',
    'Add the values to that one, or delete it first.',
  ),
  virtual_port_in_use: refused(
    409,
    'The logical switch or router has a load balancer with this address, protocol and port already.',
    'Choose another port or address, or change that load balancer.',
  ),
  nat_rule_in_use: refused(
    409,
    'The logical router translates this address or port already.',
    'Change that rule, or delete it first.',
  ),
  rule_in_use: refused(409, 'The security group has this rule already.', 'Delete the other rule first.'),
  too_many_sets: refused(
    409,
    'The rules of the security group name as many groups and address sets as they may.',
    'Put addresses together in one address set, or rules into another group.',
  ),
  contradiction: refused(400, 'Two members contradict each other.', 'Set only one of them.'),
  mtu_too_large: refused(
    400,
    'The MTU is larger than the underlay allows.',
    'Lower it, leave it out, or raise the MTU of the underlay.',
  ),
  mtu_too_small: refused(400, 'The MTU is too small for IPv6.', 'Use at least 1280 where a subnet is IPv6.'),
  keys_exhausted: refused(
    409,
    'The numbering space is full.',
    'Delete objects that are not needed, or use another parent.',
  ),

  // Reading.
  log_trimmed: refused(
    410,
    'The change log no longer reaches back that far.',
    'Read the collections again and watch from their revision.',
  ),
  revision_unknown: refused(
    404,
    'There is no such revision.',
    'Revisions are counted from 1; very old ones are trimmed.',
  ),
  revision_not_reached: later(503, 'The revision asked for is not here yet.', 'Repeat the request.'),

  // Hypervisors.
  not_connected: later(409, 'The hypervisor is not connected.', 'Check its manager target and the network between.'),

  // The program and what it stands on.
  invalid_option: refused(500, 'An option is not valid.', 'Correct the option and start again.'),
  data_directory_in_use: refused(
    500,
    'Another process uses the data directory.',
    'Stop it, or choose another WEFT_DATA_DIR.',
  ),
  database_unsupported: refused(500, 'The database is not supported.', 'Use Postgres 15 or later.'),
  schema_too_new: refused(500, 'The database was written by a newer Weft.', 'Start a version at least as new.'),
  store_unavailable: later(
    503,
    'The database cannot be reached.',
    'Repeat the request; it has had no effect unless it says otherwise.',
  ),
  outcome_unknown: later(
    503,
    'The connection to the database broke while the write was being committed.',
    'Read the object, or repeat the write with the same id.',
  ),
  write_conflict: later(503, 'Concurrent writes kept colliding.', 'Repeat the request.'),
  storage_full: later(507, 'The database has no space left.', 'Free space on its disk.'),
  internal: refused(500, 'Weft has failed.', 'Report it with the log lines of this request.'),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof TABLE;

export const errorTable: Readonly<Record<ErrorCode, ErrorEntry>> = TABLE;

function refused(status: number, title: string, help: string): ErrorEntry {
  return { status, retry: false, title, help };
}

function later(status: number, title: string, help: string): ErrorEntry {
  return { status, retry: true, title, help };
}

export interface WeftErrorOptions {
  /** What is wrong in this case, with the values concerned; shown to the caller. */
  readonly detail: string;
  /** JSON pointer (RFC 6901) of the member at fault, within the object or the request. */
  readonly pointer?: string;
  /** Position of the operation at fault in a transaction, counted from 0. */
  readonly operation?: number;
  /** Objects that the caller should know of: by whom something is in use. */
  readonly related?: readonly { readonly kind: string; readonly id: string; readonly name?: string }[];
  readonly cause?: unknown;
}

/** An operational error: something that can happen to a correct program, named by a code of the table. */
export class WeftError extends Error {
  override readonly name = 'WeftError';
  readonly code: ErrorCode;
  readonly detail: string;
  readonly pointer: string | undefined;
  readonly operation: number | undefined;
  readonly related: NonNullable<WeftErrorOptions['related']>;

  constructor(code: ErrorCode, options: WeftErrorOptions) {
    super(`${code}: ${options.detail}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.pointer = options.pointer;
    this.operation = options.operation;
    this.related = options.related ?? [];
  }

  get entry(): ErrorEntry {
    return TABLE[this.code];
  }

  /** The same error seen from one level further out: `prefix` goes before the pointer. */
  within(prefix: string, operation?: number): WeftError {
    return this.at(`${prefix}${this.pointer ?? ''}`, operation);
  }

  /** The same error with another pointer. */
  at(pointer: string, operation = this.operation): WeftError {
    return new WeftError(this.code, {
      detail: this.detail,
      pointer,
      related: this.related,
      ...(operation === undefined ? {} : { operation }),
      cause: this.cause,
    });
  }
}

/** Appends one member name or index to a JSON pointer, escaped as RFC 6901 asks. */
export function pointerTo(base: string, member: string | number): string {
  return `${base}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
