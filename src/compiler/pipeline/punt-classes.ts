/**
 * Kinds of packets that switches send to Weft for an answer (the slow path): the one table, and the lanes in which they come. Codes are
 * what the switch says by, and are never used again for another kind.
 */

/** What punting flows and the connections that take their packets have in common. No other connection gets any. */
export const puntControllerId = 1;

/** Each group of lanes has so many, a meter each. */
export const lanesOfGroup = 16;

export interface LaneGroup {
  /** 0 to 2, for ever. */
  readonly code: number;
  /** The field whose lowest bits choose one of its lanes. */
  readonly of: 'origin' | 'ctZone';
  /** So many packets a second does a lane let through, and so many at once. */
  readonly perSecond: number;
  readonly burst: number;
  /** So much of each packet comes to Weft, in bytes. */
  readonly maxBytes: number;
}

/** Frames that an error shows whole: it has room for at most 1,280 bytes. */
const quotedFrame = 1_536;
/** More than any question is that fits an honest link: DHCP, router solicitations, and DNS by UDP. */
const question = 2_048;

export const laneGroups = {
  /** Whoever sends pays. */
  senders: { code: 0, of: 'origin', perSecond: 100, burst: 100, maxBytes: quotedFrame },
  /** The sender is on another hypervisor and not known: the port whose rules judged. */
  receivers: { code: 1, of: 'ctZone', perSecond: 100, burst: 100, maxBytes: quotedFrame },
  /** What ports ask Weft itself, apart from errors: neither is late for the other. */
  askers: { code: 2, of: 'origin', perSecond: 100, burst: 200, maxBytes: question },
} as const satisfies Record<string, LaneGroup>;

export type LaneGroupName = keyof typeof laneGroups;

/** Never a lane of a group: of packets that have a meter of their own. */
export const noLane = 63;

/** What all that is logged on a hypervisor has together, beside the meter of each security group: those are as many as tenants make. */
export const allLogged = { perSecond: 250, burst: 250 } as const;

interface Limit {
  readonly perSecond: number;
  readonly burst: number;
}

/** Above what meters let through by so much: who sends that does not keep them. */
const above = ({ perSecond, burst }: Limit): Limit => {
  const margin = 1.25;
  return { perSecond: Math.ceil(margin * perSecond), burst: Math.ceil(margin * burst) };
};

/** More than all lanes of a hypervisor let through. */
export const mostPunts = ((): Limit => {
  const groups: readonly LaneGroup[] = Object.values(laneGroups);
  const sum = (of: keyof Limit): number => groups.reduce((total, group) => total + lanesOfGroup * group[of], 0);
  return above({ perSecond: sum('perSecond'), burst: sum('burst') });
})();

/** More than is logged on a hypervisor. */
export const mostLogged = above(allLogged);

export interface PuntClassEntry {
  /** 1 to 31, for ever. */
  readonly code: number;
  /** Null: a meter of its own lets through what comes. */
  readonly lanes: LaneGroupName | null;
  /** Of packets that entered the hypervisor through a tunnel; absent: they are not answered there. */
  readonly lanesFromElsewhere?: LaneGroupName;
  /** So many of one port are answered in a second, and so many at once. More are dropped, and counted. */
  readonly perSecond: number;
  readonly burst: number;
  /** The same for each of eight parts of the senders elsewhere (`senderParts`): by the port that judged, or the router that is outside here. */
  readonly fromElsewhere?: { readonly perSecond: number; readonly burst: number };
  readonly purpose: string;
}

export const puntClasses = {
  reject: {
    code: 1,
    lanes: 'senders',
    lanesFromElsewhere: 'receivers',
    perSecond: 50,
    burst: 50,
    fromElsewhere: { perSecond: 10, burst: 10 },
    purpose:
      'A rule of a security group rejects it, or no load balancer takes it: TCP is reset, UDP told that the port is unreachable, the rest that it is prohibited (ICMP).',
  },
  ttl_exceeded: {
    code: 2,
    lanes: 'senders',
    perSecond: 25,
    burst: 50,
    fromElsewhere: { perSecond: 10, burst: 10 },
    purpose: 'Its TTL was used up at a router (ICMP time exceeded).',
  },
  unreachable: {
    code: 3,
    lanes: 'senders',
    perSecond: 25,
    burst: 25,
    fromElsewhere: { perSecond: 10, burst: 10 },
    purpose:
      'A router has no route or no neighbour for it, or does not serve it itself (ICMP destination unreachable, TCP reset).',
  },
  too_big: {
    code: 4,
    lanes: 'senders',
    perSecond: 25,
    burst: 25,
    fromElsewhere: { perSecond: 10, burst: 10 },
    purpose: 'It does not fit the tunnel that it has to go through (ICMP fragmentation needed, packet too big).',
  },
  dhcpv4: {
    code: 5,
    lanes: 'askers',
    perSecond: 10,
    burst: 20,
    purpose: 'DHCPv4 of a port on a switch whose subnets have DHCP (offer, acknowledgement, refusal).',
  },
  dhcpv6: {
    code: 6,
    lanes: 'askers',
    perSecond: 10,
    burst: 20,
    purpose: 'DHCPv6, the same (advertisement, reply).',
  },
  router_solicitation: {
    code: 7,
    lanes: 'askers',
    perSecond: 5,
    burst: 10,
    purpose: 'A router solicitation on such a switch (router advertisements).',
  },
  dns: {
    code: 8,
    lanes: 'askers',
    perSecond: 50,
    burst: 100,
    purpose: 'DNS for the gateway address of a switch with a domain (the names of its ports, its records).',
  },
  neighbour: {
    code: 9,
    lanes: 'senders',
    perSecond: 5,
    burst: 10,
    purpose:
      'The gateway of a router does not know the MAC of a neighbour outside, and asks for it (ARP, neighbour solicitation).',
  },
  health: {
    code: 10,
    lanes: null,
    perSecond: 800,
    burst: 800,
    purpose: 'The answer of a backend to a check (TCP, UDP, HTTP).',
  },
  virtual_address: {
    code: 11,
    lanes: 'askers',
    perSecond: 5,
    burst: 10,
    purpose: 'A port announces a virtual address (gratuitous ARP, neighbour advertisement): it holds it from now on.',
  },
  bfd: {
    code: 12,
    lanes: null,
    perSecond: 50,
    burst: 50,
    purpose: 'A neighbour whose liveness is watched says that it is there (BFD).',
  },
  verdict: {
    code: 16,
    lanes: null,
    perSecond: 25,
    burst: 50,
    purpose: 'A copy of what a security group wants logged: a line in the log, and no answer.',
  },
} as const satisfies Record<string, PuntClassEntry>;

export type PuntClass = keyof typeof puntClasses;

/** The classes with all that they may have. */
export const puntClassEntries: Readonly<Record<PuntClass, PuntClassEntry>> = puntClasses;

const byCode: ReadonlyMap<number, PuntClass> = new Map(
  (Object.keys(puntClasses) as PuntClass[]).map(name => [puntClasses[name].code, name]),
);

/** The class with this code, or undefined for one of another build. */
export function puntClassByCode(code: number): PuntClass | undefined {
  return byCode.get(code);
}
