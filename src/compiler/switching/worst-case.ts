/**
 * How many resubmits one packet can cost. Open vSwitch gives up at 4096, silently for whoever has not got a copy yet.
 * test/ovs/pipeline/visits.test.ts measures that real packets stay below these figures.
 */

/** Where Open vSwitch stops. */
export const maxResubmits = 4096;

/**
 * The longest way from an interface to the flood groups: port security twice, learning, the responder, both lookups, and
 * both ways of a packet whose size decides (Open vSwitch follows both).
 */
const ingressResubmits = 32;
/** The longest way through one router, and through the switch that it leaves into. */
const routerResubmits = 16;
/** A copy for a local port: ls_out_delivery, and where it has security groups two stages more, up to conntrack, which begins anew. */
const localCopyResubmits = 3;
/** A copy for a hypervisor: two tunnel stages, the second both ways. */
const remoteCopyResubmits = 3;

export interface WorstCaseInput {
  /** Ports of the switch that are bound on the hypervisor. */
  readonly localPorts: number;
  /** Hypervisors that have ports of the switch. */
  readonly hypervisors: number;
  /** Routers on the way, one after another; 0 within a switch. */
  readonly routers: number;
  /** Whether local copies are output by the group itself. */
  readonly directOutputs: boolean;
}

/** An upper bound of the resubmits of one packet that ends in a flood of the switch. */
export function worstCaseResubmits({ localPorts, hypervisors, routers, directOutputs }: WorstCaseInput): number {
  const local = directOutputs ? 0 : localPorts * localCopyResubmits;
  return ingressResubmits + routers * routerResubmits + local + hypervisors * remoteCopyResubmits;
}

/** So many routers in a row are allowed for when a flood is sized. */
const routersAllowedFor = 8;
/** Below this many local ports no number of hypervisors that Weft is made for comes near the limit. */
const neverTooMany = 500;

/**
 * Whether the copies for local ports must skip ls_out_delivery, so that a flood stays below the limit. `hypervisors`
 * is asked only when there are many ports.
 */
export function needsDirectOutputs(localPorts: number, hypervisors: () => number): boolean {
  if (localPorts <= neverTooMany) return false;
  const shape = { localPorts, hypervisors: hypervisors(), routers: routersAllowedFor };
  return worstCaseResubmits({ ...shape, directOutputs: false }) > maxResubmits;
}
