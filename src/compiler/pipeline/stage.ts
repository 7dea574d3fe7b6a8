/**
 * A stage is one flow table, declared once, with the fields that its flows read and write. Its number is in
 * tables.ts; nothing else may name it. A flow that matches or sets a field which its
 * stage does not declare does not compile: see flow.ts and test/types.
 */
import type { DropReason } from './drop-reasons.js';
import type { FieldName } from './registers.js';

/**
 * What becomes of a packet that no flow of the stage wants: on to the next stage of the same pipeline, on to a later
 * one, or dropped for a reason. A subroutine that finds nothing returns. `never`: a room has a flow of priority 0 for
 * everything. There is no other outcome, so no table misses silently: room `drops` turns them into flows.
 */
export type Miss = 'next' | 'return' | 'never' | { readonly advance: Stage } | { readonly drop: DropReason };

/**
 * `stage`: packets flow through. `subroutine`: called by other stages, gives its answer in registers and returns.
 * `learned`: a subroutine whose flows the switch itself makes by `learn`.
 */
export type StageKind = 'stage' | 'subroutine' | 'learned';

export interface Stage<Reads extends FieldName = FieldName, Writes extends FieldName = FieldName> {
  readonly name: string;
  readonly kind: StageKind;
  /** One sentence for the map of the pipeline. */
  readonly purpose: string;
  readonly reads: readonly Reads[];
  readonly writes: readonly Writes[];
  readonly onMiss: Miss;
}

interface StageDeclaration<Reads extends readonly FieldName[], Writes extends readonly FieldName[]> {
  readonly purpose: string;
  readonly reads: Reads;
  readonly writes: Writes;
}

/** Declares a stage. The tuples (not just their element types) are inferred, so that `[]` means "none", not "any". */
export function stage<const Reads extends readonly FieldName[], const Writes extends readonly FieldName[]>(
  name: string,
  { onMiss, ...declaration }: StageDeclaration<Reads, Writes> & { readonly onMiss: Exclude<Miss, 'return'> },
): Stage<Reads[number], Writes[number]> {
  return Object.freeze({ name, kind: 'stage', onMiss, ...declaration });
}

/** Declares a stage that others call, and that gives its answer in registers. */
export function subroutine<const Reads extends readonly FieldName[], const Writes extends readonly FieldName[]>(
  name: string,
  declaration: StageDeclaration<Reads, Writes>,
): Stage<Reads[number], Writes[number]> {
  return Object.freeze({ name, kind: 'subroutine', onMiss: 'return', ...declaration });
}

/** Declares a table that only `learn` actions fill. */
export function learnedStage<const Reads extends readonly FieldName[], const Writes extends readonly FieldName[]>(
  name: string,
  declaration: StageDeclaration<Reads, Writes>,
): Stage<Reads[number], Writes[number]> {
  return Object.freeze({ name, kind: 'learned', onMiss: 'return', ...declaration });
}

/** Stages in the order in which a packet meets them. */
export interface Pipeline {
  readonly name: string;
  readonly purpose: string;
  readonly stages: readonly Stage[];
}
