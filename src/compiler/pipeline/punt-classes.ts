/**
 * Kinds of packets that switches send to Weft for an answer (the slow path): the one table. Codes are what the switch says by, and
 * are never used again for another kind.
 */
export interface PuntClassEntry {
  /** 1 to 15, for ever. */
  readonly code: number;
  /** The field that tells whose packet it is: its lowest bits choose the meter that it counts for. */
  readonly lane: 'origin' | 'ctZone';
  /** So many of one port are answered in a second, and so many at once. More are dropped, and counted. */
  readonly perSecond: number;
  readonly burst: number;
  readonly purpose: string;
}

export const puntClasses = {
  reject: {
    code: 1,
    lane: 'ctZone',
    perSecond: 50,
    burst: 50,
    purpose: 'A rule of a security group rejects it: TCP is reset, the rest is told to be prohibited (ICMP).',
  },
  ttl_exceeded: {
    code: 2,
    lane: 'origin',
    perSecond: 25,
    burst: 50,
    purpose: 'Its TTL was used up at a router (ICMP time exceeded).',
  },
  unreachable: {
    code: 3,
    lane: 'origin',
    perSecond: 25,
    burst: 25,
    purpose:
      'A router has no route or no neighbour for it, or does not serve it itself (ICMP destination unreachable, TCP reset).',
  },
  too_big: {
    code: 4,
    lane: 'origin',
    perSecond: 25,
    burst: 25,
    purpose: 'It does not fit the tunnel that it has to go through (ICMP fragmentation needed, packet too big).',
  },
} as const satisfies Record<string, PuntClassEntry>;

export type PuntClass = keyof typeof puntClasses;

const byCode: ReadonlyMap<number, PuntClass> = new Map(
  (Object.keys(puntClasses) as PuntClass[]).map(name => [puntClasses[name].code, name]),
);

/** The class with this code, or undefined for one of another build. */
export function puntClassByCode(code: number): PuntClass | undefined {
  return byCode.get(code);
}
