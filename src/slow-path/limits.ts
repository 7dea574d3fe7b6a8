/** How much of what switches send is looked at, waits, and is answered. */
import { mostLogged, mostPunts, puntClassEntries } from '../compiler/punts/punted-packet.js';
import type { Rate } from './allowance.js';

/**
 * Packets of one hypervisor that are looked at: more than the meters of an honest switch let through. One that sends more is read no
 * further until it has some again, so TCP holds it back, and it forgets the rest. Answers to others would wait then, so what tenants
 * have logged is never a reason: what is more than may be is left out, and only a flood of it that no meter can have let through counts.
 */
export const hostRates: Readonly<Record<'asked' | 'health' | 'bfd' | 'logged' | 'leftOut', Rate>> = {
  asked: mostPunts,
  health: mostPunts,
  bfd: mostPunts,
  logged: mostLogged,
  leftOut: mostPunts,
};
/** So long one that sends more is not read. */
export const holdMs = 50;

/** Waiting packets: of one port (what all classes with answers allow it at once), of the ports of one hypervisor, and of all. */
export const queueLimits = {
  member: Object.values(puntClassEntries).reduce((sum, { burst, lanes }) => (lanes === null ? sum : sum + burst), 0),
  group: 512,
  all: 2_048,
} as const;
/** Whoever has waited longer has sent the packet again, or given up. */
export const latestMs = 1_000;
/** So many are answered before others get their turn: flow updates are under way in the same process. */
export const answersATurn = 32;
