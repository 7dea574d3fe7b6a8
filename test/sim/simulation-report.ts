/** What a simulation is asked to do, and what it tells at its end. */
import type { Controller } from '../../src/controller.js';
import type { FaultKind } from './faults.js';

export interface SimulationOptions {
  readonly operations?: number;
  readonly faults?: number;
  /** Is given each thing that happens, for people. */
  readonly trace?: (line: string) => void;
  /** For planted faults: may spoil a controller before it starts. */
  readonly spoil?: (controller: Controller) => void;
}

export interface SimulationReport {
  readonly seed: number;
  readonly operations: ReadonlyMap<string, number>;
  readonly faults: ReadonlyMap<FaultKind, number>;
  /** Claims of convergence that were looked at. */
  readonly claims: number;
  readonly revisions: number;
  /** Packets sent through the tables while they changed, and those of them to ports just bound and through a router. */
  readonly walks: number;
  readonly walksToNew: number;
  readonly walksRouted: number;
  /** Of those packets, the ones of which security groups said what becomes of them. */
  readonly walksJudged: number;
  /** Conntrack zones that somebody had who was not the first. */
  readonly zonesReused: number;
  readonly virtualMs: number;
  /** Over everything that happened: two runs of one seed have the same. */
  readonly hash: string;
}
