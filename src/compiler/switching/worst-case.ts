/**
 * How many resubmits one packet can cost. Open vSwitch gives up at 4096: then nobody gets a copy, and nothing counts it.
 * test/ovs/pipeline/visits.test.ts measures that real packets stay below these figures.
 */
import { type GroupTraits, mostPortLookups } from '../../view/security-rows.js';

/** Where Open vSwitch stops. */
export const maxResubmits = 4096;

/**
 * The longest way from an interface to the flood groups: port security twice, learning, the responder, both lookups, and
 * both ways of a packet whose size decides (Open vSwitch follows both).
 */
const ingressResubmits = 32;
/** The longest way through one router, and through the switch that it leaves into. */
const routerResubmits = 16;
/** A copy for a hypervisor: two tunnel stages, the second both ways. */
const remoteCopyResubmits = 3;
/** So many routers in a row are allowed for when a flood is sized. */
const routersAllowedFor = 8;

/** From ls_out_delivery to an interface: by ls_out_lb, ls_out_qos, ls_out_mirror and ls_out_interface, for ports that have them. */
const plainCopyResubmits = 5;
/**
 * With security groups: by their stages too, up to conntrack, which begins anew, or past it for what no rule is asked about. What no
 * rule is about is judged at once, and counted where it is dropped.
 */
const guardedCopyResubmits = { asked: 7, judged: 13 } as const;

/** A bound of the resubmits of one copy for a local port with these security groups; null: it has none. */
export function localCopyResubmits(
  groups: readonly Pick<GroupTraits, 'tracked' | 'stateless' | 'lookups'>[] | null,
): number {
  if (groups === null) return plainCopyResubmits;
  const stateless = groups.filter(each => each.stateless.length > 0);
  const isJudged = stateless.length > 0 || !groups.some(({ tracked }) => tracked);
  const lookups = stateless.reduce((sum, each) => sum + each.lookups, 0);
  return isJudged ? guardedCopyResubmits.judged + lookups : guardedCopyResubmits.asked;
}

/**
 * What the copies for ports here may cost in the first pass of a packet that has come through `routers` routers, and goes on to others. In
 * the same pass, once conntrack has looked at it, the groups of its sender are asked.
 */
export function localBudget(hypervisors: number, routers: number = routersAllowedFor): number {
  const others = mostPortLookups + routers * routerResubmits + hypervisors * remoteCopyResubmits;
  return Math.max(0, maxResubmits - ingressResubmits - others);
}

/** What they may cost in each pass of its own. */
export const passBudget = maxResubmits - ingressResubmits;
