/**
 * What the OpenStack API answers when it refuses: `{"NeutronError": {type, message, detail}}`. Clients tell the types apart by name, so a type
 * and its status belong together here. The only place where an error of Weft becomes one of that API.
 */
import { WeftError } from '../../src/base/errors.js';

export class NeutronFault extends Error {
  override readonly name = 'NeutronFault';
  constructor(
    readonly status: number,
    /** The class that clients know it by, such as `NetworkNotFound`. */
    readonly type: string,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }

  get body() {
    return { NeutronError: { type: this.type, message: this.message, detail: '' } };
  }
}

export const badRequest = (message: string): NeutronFault => new NeutronFault(400, 'HTTPBadRequest', message);
/** As the resource of that name words it: `router`, `floatingip`. */
export const badRequestOf = (resource: string, message: string): NeutronFault =>
  new NeutronFault(400, 'BadRequest', `Bad ${resource} request: ${message}`);
export const invalidInput = (message: string): NeutronFault => new NeutronFault(400, 'InvalidInput', message);
export const forbidden = (rule: string): NeutronFault =>
  new NeutronFault(403, 'PolicyNotAuthorized', `rule:${rule} is disallowed by policy`);

/** `title` is what the type begins with: `Network`. */
export const notFound = (title: string, id: string): NeutronFault =>
  new NeutronFault(404, `${title}NotFound`, `${wordsOf(title)} ${id.slice(0, 64)} could not be found.`);

export const noSuchResource = (): NeutronFault =>
  new NeutronFault(404, 'HTTPNotFound', 'The resource could not be found.');

const wordsOf = (title: string): string => title.replace(/(?<=[a-z])[A-Z]/g, letter => ` ${letter.toLowerCase()}`);

/** What a request was about, by which an error of the store gets its type. */
export interface Concern {
  /** `Network` */
  readonly title: string;
  readonly id: string | null;
}

/** By the member at fault: what a reference that leads nowhere refers to. */
const referred: readonly (readonly [RegExp, string])[] = [
  [/logical_switch_id$/, 'Network'],
  [/security_group/, 'SecurityGroup'],
  [/remote_group_id/, 'SecurityGroup'],
  [/remote_address_set_id/, 'AddressGroup'],
  [/subnet_id$/, 'Subnet'],
  [/logical_router_id$/, 'Router'],
  [/port_id$/, 'Port'],
];

/** The error as a fault. @returns null for what is none of the caller's doing */
export function faultOf(error: unknown, { title, id }: Concern): NeutronFault | null {
  if (error instanceof NeutronFault) return error;
  if (!(error instanceof WeftError)) return null;
  const { code, detail, entry } = error;
  const fault = (status: number, type: string, message = detail): NeutronFault =>
    new NeutronFault(status, type, message, error);
  switch (code) {
    case 'not_found':
      return notFound(title, id ?? '');
    case 'reference_not_found':
      return fault(404, `${referredTitle(error) ?? title}NotFound`);
    case 'in_use':
      return fault(409, `${title}InUse`, `${wordsOf(title)} ${id ?? ''} is in use. ${detail}`);
    case 'id_in_use':
      return fault(409, 'Conflict');
    case 'address_in_use':
      return fault(409, 'IpAddressAlreadyAllocated', `IP address already in use: ${detail}`);
    case 'mac_in_use':
      return fault(409, 'MacAddressInUse');
    case 'addresses_exhausted':
      return fault(409, 'IpAddressGenerationFailure', `No more IP addresses available on network. ${detail}`);
    case 'address_outside_subnet':
    case 'address_reserved':
      return fault(400, 'InvalidIpForSubnet');
    case 'pool_contains_gateway':
      return fault(409, 'GatewayConflictWithAllocationPools');
    case 'pool_overlap':
      return fault(409, 'OverlappingAllocationPools');
    case 'subnet_overlap':
      return fault(400, 'InvalidInput', `Invalid input for operation: ${detail}`);
    case 'quota_exceeded':
      return fault(409, 'OverQuota', `Quota exceeded for resources. ${detail}`);
    case 'segment_in_use':
      return fault(409, 'VlanIdInUse');
    case 'nat_rule_in_use':
      return fault(409, title === 'FloatingIP' ? 'FloatingIPPortAlreadyAssociated' : 'Conflict');
    case 'vlan_in_use':
      return fault(409, 'DuplicateSubPort');
    case 'rule_in_use':
      return fault(
        409,
        'SecurityGroupRuleExists',
        `Security group rule already exists. Rule id is ${error.related[0]?.id ?? ''}.`,
      );
    case 'next_hop_unreachable':
      return fault(400, 'InvalidRoutes', `Invalid format for routes: ${detail}`);
    case 'network_overlap':
      return fault(400, 'BadRequest', `Bad router request: ${detail}`);
    case 'revision_mismatch':
      return fault(412, 'RevisionNumberConstraintFailed', `Constrained to another revision. ${detail}`);
    case 'forbidden':
      return fault(403, 'PolicyNotAuthorized', `${detail} It is disallowed by policy.`);
    case 'rate_limited':
      return fault(429, 'TooManyRequests');
    case 'body_too_large':
      return fault(413, 'HTTPRequestEntityTooLarge');
    case 'malformed_body':
    case 'unsupported_media_type':
      return fault(400, 'HTTPBadRequest');
    default:
      if (entry.status === 400) return fault(400, 'InvalidInput', `Invalid input for operation: ${detail}`);
      if (entry.status === 409) return fault(409, 'Conflict');
      return entry.status < 500 || entry.retry ? fault(entry.status, 'ServiceUnavailable') : null;
  }
}

function referredTitle({ pointer = '' }: WeftError): string | null {
  return referred.find(([form]) => form.test(pointer))?.[1] ?? null;
}
