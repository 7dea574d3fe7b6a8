/** Whether a backend is well, from one check to the next: as many in a row as the load balancer says change it. */
import type { HealthCheck } from '../../model/load-balancer.js';
import type { Outcome } from './probe.js';

export interface Standing {
  readonly isFailing: boolean;
  /** Checks in a row that say the contrary. */
  readonly contrary: number;
}

type Thresholds = Pick<HealthCheck, 'rise' | 'fall'>;

const thresholdOf = ({ isFailing }: Standing, { rise, fall }: Thresholds): number => (isFailing ? rise : fall);

export function afterOutcome(standing: Standing, outcome: Outcome, thresholds: Thresholds): Standing {
  const { isFailing } = standing;
  if ((outcome === 'down') === isFailing) return { isFailing, contrary: 0 };
  const contrary = standing.contrary + 1;
  return contrary >= thresholdOf(standing, thresholds)
    ? { isFailing: !isFailing, contrary: 0 }
    : { isFailing, contrary };
}

/** From one check to the next, in milliseconds: who is in doubt is known within one interval. */
export function intervalMs(standing: Standing, check: Thresholds & Pick<HealthCheck, 'intervalS'>): number {
  const parts = standing.contrary === 0 ? 1 : thresholdOf(standing, check);
  return Math.ceil((check.intervalS * 1_000) / parts);
}
