/**
 * The numbers by which switches know our objects. All are pure functions of numbers that live in Postgres rows,
 * so every replica and every restart derives the same ones.
 *
 *   cookie of a flow      | 0x5e | rule number (16)  | object number (40)  |
 *   cookie of a learned   | 0x5d | rule number (16)  | object number (40)  |
 *   cookie of the sentinel| 0x5f | revision (32)     | check (24)          |
 *   group, meter id       | object number (29)  | slot (3) |
 *   shared meter id       the 256 that come after those of objects
 *   shared group id       the 4096 that come after those of objects
 */

/** The top eight bits of every cookie of ours. A flow with another value was made by someone else. */
export const cookieNamespace = { learned: 0x5d, fragment: 0x5e, sentinel: 0x5f } as const;

export type CookieNamespace = keyof typeof cookieNamespace;

/** What a cookie says, taken apart again. `foreign`: not made by Weft. */
export type CookieParts =
  | { readonly kind: 'fragment' | 'learned'; readonly ruleNumber: number; readonly objectNumber: number }
  | { readonly kind: 'sentinel'; readonly revision: number; readonly check: number }
  | { readonly kind: 'foreign' };

/** Match any cookie of one namespace: `cookie=namespaceCookie(n)/namespaceMask`. */
export const namespaceMask = 0xff00_0000_0000_0000n;

/** Match the cookies of one rule: namespace and rule number. */
export const ruleMask = 0xffff_ff00_0000_0000n;

const maxRuleNumber = 0xffff;
const maxObjectNumber = 2 ** 40 - 1;
const maxRevision = 2 ** 32 - 1;
const maxCheck = 2 ** 24 - 1;
const groupSlots = 8;
const sharedGroups = 4096;
/** OFPG_MAX is 0xffffff00; an object number up to this stays under it with every slot, and so do those that are shared. */
const maxGroupObject = 2 ** 29 - 33 - sharedGroups / groupSlots;
const firstSharedGroup = (maxGroupObject + 1) * groupSlots;
const sharedMeters = 256;
const maxMeterObject = 2 ** 29 - 8193 - sharedMeters / groupSlots;
const firstSharedMeter = (maxMeterObject + 1) * groupSlots;

function inRange(name: string, value: number, max: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0 || value > max) {
    throw new RangeError(`${name} must be an integer from 0 to ${max}, not ${value}`);
  }
  return BigInt(value);
}

function objectCookie(namespace: number, ruleNumber: number, objectNumber: number): bigint {
  const rule = inRange('rule number', ruleNumber, maxRuleNumber);
  const object = inRange('object number', objectNumber, maxObjectNumber);
  return (BigInt(namespace) << 56n) | (rule << 40n) | object;
}

/** The lowest cookie of a namespace, for use with `namespaceMask`. */
export function namespaceCookie(namespace: CookieNamespace): bigint {
  return BigInt(cookieNamespace[namespace]) << 56n;
}

/** The cookie of every flow of a fragment. Throws RangeError on numbers that do not fit. */
export function fragmentCookie(ruleNumber: number, objectNumber: number): bigint {
  return objectCookie(cookieNamespace.fragment, ruleNumber, objectNumber);
}

/** The cookie of flows that a `learn` action of this rule makes on the switch for this object. */
export function learnedCookie(ruleNumber: number, objectNumber: number): bigint {
  return objectCookie(cookieNamespace.learned, ruleNumber, objectNumber);
}

/** The cookie of the sentinel flow: the revision that a host holds and that revision's random check. */
export function sentinelCookie(revision: number, check: number): bigint {
  const revisionBits = inRange('revision', revision, maxRevision);
  const checkBits = inRange('check', check, maxCheck);
  return (BigInt(cookieNamespace.sentinel) << 56n) | (revisionBits << 24n) | checkBits;
}

export function decodeCookie(cookie: bigint): CookieParts {
  const namespace = Number(cookie >> 56n);
  if (namespace === cookieNamespace.sentinel) {
    return {
      kind: 'sentinel',
      revision: Number((cookie >> 24n) & 0xffff_ffffn),
      check: Number(cookie & 0xff_ffffn),
    };
  }
  if (namespace !== cookieNamespace.fragment && namespace !== cookieNamespace.learned) return { kind: 'foreign' };
  return {
    kind: namespace === cookieNamespace.fragment ? 'fragment' : 'learned',
    ruleNumber: Number((cookie >> 40n) & 0xffffn),
    objectNumber: Number(cookie & 0xff_ffff_ffffn),
  };
}

/** The id of a group of this object. `slot` (0 to 7) tells its several groups apart. */
export function groupId(objectNumber: number, slot: number): number {
  inRange('object number of a group', objectNumber, maxGroupObject);
  inRange('group slot', slot, groupSlots - 1);
  return objectNumber * groupSlots + slot;
}

/** The id of a group that is of no object. `index` is 0 to 4095. */
export function sharedGroupId(index: number): number {
  inRange('index of a shared group', index, sharedGroups - 1);
  return firstSharedGroup + index;
}

/**
 * The id of a meter of this object. `slot` (0 to 7) tells its several meters apart. Numbers from 0xffff0000 on are Open vSwitch's own.
 */
export function meterId(objectNumber: number, slot: number): number {
  inRange('object number of a meter', objectNumber, maxMeterObject);
  inRange('meter slot', slot, groupSlots - 1);
  return objectNumber * groupSlots + slot;
}

/** What each meter of an object is for; the object is a port, and of the last ones a security group, a load balancer and a BFD session. */
export const meterSlot = {
  egressKbps: 0,
  egressPktps: 1,
  ingressKbps: 2,
  ingressPktps: 3,
  verdictLog: 4,
  healthCheck: 5,
  bfd: 6,
} as const;

/** The id of a meter that is of no object. `index` is 0 to 255. */
export function sharedMeterId(index: number): number {
  inRange('index of a shared meter', index, sharedMeters - 1);
  return firstSharedMeter + index;
}

/** The object and slot that a meter id was made from; null: it is of no object. */
export function decodeMeterId(id: number): { readonly objectNumber: number; readonly slot: number } | null {
  return id >= firstSharedMeter ? null : decodeGroupId(id);
}

/** The object and slot that a group id was made from. */
export function decodeGroupId(id: number): { readonly objectNumber: number; readonly slot: number } {
  return { objectNumber: Math.floor(id / groupSlots), slot: id % groupSlots };
}
