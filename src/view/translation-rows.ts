/** What translation of addresses needs of the view; translation.ts keeps its rows. */

/** What is on every hypervisor that can be the gateway of a router that translates. */
export const natScope = (logicalRouterId: string): string => `nat ${logicalRouterId}`;

/** The value of index `calledInside` of NAT rules: those by which an address inside is called from outside of its router. */
export const logicalAddress = (logicalRouterId: string, ip: string): string => `${logicalRouterId} ${ip}`;

/** The value of index `external` of NAT rules: those of a router that share an address outside. */
export const sharedExternal = (logicalRouterId: string, externalIp: string): string =>
  `${logicalRouterId} ${externalIp}`;
