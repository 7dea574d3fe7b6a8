/** The one place where longest prefix match becomes flow priorities. */

/** Routes of equal length: the higher rank wins. */
const rank = { static: 2, connected: 4 } as const;

export type RouteSource = keyof typeof rank;

/** Room for ranks below one prefix length. */
const step = 8;
const lowest = 100;

/** The priority of a route in lr_in_ip_routing: 100 to 1131. Families do not meet, as flows match one of them. */
export function routePriority(prefixLength: number, source: RouteSource): number {
  return lowest + prefixLength * step + rank[source];
}

/** Above every route. */
export const abovePriority = lowest + 129 * step;
