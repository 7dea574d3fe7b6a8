/** What the view derives from security groups for the compiler; security-membership.ts keeps these rows. */
import type { Direction } from '../model/index.js';

/** A logical switch port with security groups: those that it names and those that select it by its labels. */
export interface PortGroups {
  /** The id of the logical switch port. */
  readonly id: string;
  /** Ids of its groups, by their numbers. */
  readonly groupIds: readonly string[];
  /** The number of the logical switch port. */
  readonly number: number;
}

/** What the rules of a security group have in common, which changes more rarely than the rules. */
export interface GroupTraits {
  /** The id of the security group. */
  readonly id: string;
  /** Some rule needs connections to be tracked. */
  readonly tracked: boolean;
  /** Directions in which some rule is stateless. */
  readonly stateless: readonly Direction[];
  /** Directions in which its ports are denied what no rule allows. */
  readonly isolates: readonly Direction[];
  /** Something that is decided about its ports is to be logged. */
  readonly logs: boolean;
  /** What its ports are denied because no rule allows it is to be logged. */
  readonly logsDenied: boolean;
  /** A bound of the lookups that it takes to ask its rules about a packet; rounded, so that it changes rarely. */
  readonly lookups: number;
  /** The number of the security group. */
  readonly number: number;
}

/** Sets are counted by so many. */
const setsCounted = 16;

/** Lookups for a group whose rules name so many sets: itself and its rules, each set and the rules about it. */
export function groupLookups(sets: number): number {
  if (sets === 0) return 2;
  return 2 + 2 * setsCounted * Math.ceil(sets / setsCounted);
}

/** So many lookups a packet can afford for the groups of one port: a port whose groups may need more is denied everything. */
export const mostPortLookups = 1_040;

/**
 * Whether connections of a port with these groups are remembered: some rule is about connections; or no rule says anything, and what the
 * port begins in the one direction has answers in the other, in which it is isolated.
 */
export function tracksConnections(groups: readonly Pick<GroupTraits, 'tracked' | 'stateless' | 'isolates'>[]): boolean {
  if (groups.some(({ tracked }) => tracked)) return true;
  // What they let in would be answered by what conntrack calls invalid.
  if (groups.some(({ stateless }) => stateless.length > 0)) return false;
  return new Set(groups.flatMap(({ isolates }) => isolates)).size === 1;
}

/** Whether a packet cannot be asked about to its end: then the port is denied everything. */
export function asksTooMuch(groups: readonly Pick<GroupTraits, 'lookups'>[]): boolean {
  return groups.reduce((sum, { lookups }) => sum + lookups, 0) > mostPortLookups;
}

export type RemoteKind = 'security-groups' | 'address-sets';

/**
 * Some addresses that a rule somewhere has for its other side: of an address set, or of the ports of a security group. Cut into parts by a
 * hash of the address, so that one more among thousands is the business of one part; an address that several ports have is there once.
 */
export interface RemoteAddresses {
  /** `setId/part` */
  readonly id: string;
  readonly setId: string;
  readonly setKind: RemoteKind;
  /** The number of the set or group. */
  readonly setNumber: number;
  /** IP addresses and networks, sorted. */
  readonly addresses: readonly string[];
  /** Of this part: unique among all parts of all sets, and at most 40 bits. */
  readonly number: number;
}

/** Parts of one set. With object numbers of 29 bits, number times parts plus part fits a cookie. */
const remoteParts = 2_048;

export function remoteNumber(setNumber: number, part: number): number {
  return setNumber * remoteParts + part;
}

/** The part that an address belongs to: FNV-1a of its text. */
export function remotePart(address: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < address.length; index += 1) {
    hash = Math.imul(hash ^ address.charCodeAt(index), 0x01000193);
  }
  return (hash >>> 0) % remoteParts;
}

/** What is on every hypervisor with a port that has security groups. */
export const guardScope = 'security-groups';

/** What is on every hypervisor with a port of a group of which some rule has this set or group for its other side. */
export const remoteScope = (setId: string): string => `remote ${setId}`;
