/** How rows about one neighbour of a router port are found. */

/** The value of index `neighbour` of BFD sessions. */
export const neighbourPlace = (logicalRouterPortId: string, ip: string): string => `${logicalRouterPortId} ${ip}`;
