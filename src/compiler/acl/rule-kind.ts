/** Which rules a packet is asked about: values of the register `ruleKind`. */
import type { Direction } from '../../model/index.js';

export function ruleKind(direction: Direction, stateless: boolean): number {
  return (direction === 'ingress' ? 1 : 0) + (stateless ? 2 : 0);
}

/** Stateless rules of both directions. */
export const anyStateless = { value: 2n, mask: 2n } as const;
/** Rules of a direction, stateless or not. */
export const anyOfDirection = {
  egress: { value: 0n, mask: 1n },
  ingress: { value: 1n, mask: 1n },
} as const;

/** Bits of the register `isolates`. */
export const isolation = { ingress: 1, egress: 2 } as const;

/** Values of the register `verdict`. */
export const verdicts = { allow: 1, drop: 2, reject: 3 } as const;

/** In place of the number of a rule: a group was asked that the switch does not hold. No row has this number. */
export const missingRule = 2 ** 29 - 1;
