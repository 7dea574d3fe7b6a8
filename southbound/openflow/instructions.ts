/** Instructions of a flow: what it does with its actions and where the packet goes next. Plain frozen data. */
import type { Action } from './actions.js';

/** `mask` absent writes all 64 bits. */
export interface WriteMetadata {
  readonly kind: 'writeMetadata';
  readonly value: bigint;
  readonly mask?: bigint;
}

export type Instruction =
  | { readonly kind: 'meter'; readonly meterId: number }
  | { readonly kind: 'applyActions'; readonly actions: readonly Action[] }
  | { readonly kind: 'clearActions' }
  | { readonly kind: 'writeActions'; readonly actions: readonly Action[] }
  | WriteMetadata
  | { readonly kind: 'gotoTable'; readonly table: number }
  | { readonly kind: 'unknown'; readonly type: number; readonly bytes: Uint8Array };

export type InstructionKind = Instruction['kind'];
export type InstructionOf<K extends InstructionKind> = Extract<Instruction, { readonly kind: K }>;

/** OpenFlow 1.3 and 1.4 only; in 1.5 metering is an action. */
export function meterInstruction(meterId: number): InstructionOf<'meter'> {
  return Object.freeze({ kind: 'meter', meterId });
}
export function applyActions(actions: readonly Action[]): InstructionOf<'applyActions'> {
  return Object.freeze({ kind: 'applyActions', actions: Object.freeze([...actions]) });
}
export function clearActions(): InstructionOf<'clearActions'> {
  return Object.freeze({ kind: 'clearActions' });
}
export function writeActions(actions: readonly Action[]): InstructionOf<'writeActions'> {
  return Object.freeze({ kind: 'writeActions', actions: Object.freeze([...actions]) });
}
export function writeMetadata(value: bigint, mask?: bigint): WriteMetadata {
  return mask === undefined || mask === 0xffff_ffff_ffff_ffffn
    ? Object.freeze({ kind: 'writeMetadata', value })
    : Object.freeze({ kind: 'writeMetadata', value, mask });
}
export function gotoTable(table: number): InstructionOf<'gotoTable'> {
  return Object.freeze({ kind: 'gotoTable', table });
}

/** The instructions of a flow that only has actions; none for a flow that drops. */
export function instructionsFor(actions: readonly Action[]): readonly Instruction[] {
  return actions.length === 0 ? [] : [applyActions(actions)];
}

/** The order in which a switch executes, and Open vSwitch writes, instructions. */
const executionOrder: readonly InstructionKind[] = [
  'meter',
  'applyActions',
  'clearActions',
  'writeActions',
  'writeMetadata',
  'gotoTable',
  'unknown',
];

/** The instructions in the order of execution, without those that do nothing. */
export function canonicalInstructions(instructions: readonly Instruction[]): readonly Instruction[] {
  const [only, ...others] = instructions;
  if (only?.kind === 'applyActions' && only.actions.length > 0 && others.length === 0) return instructions;
  return instructions
    .filter(instruction => !('actions' in instruction) || instruction.actions.length > 0)
    .toSorted((a, b) => executionOrder.indexOf(a.kind) - executionOrder.indexOf(b.kind));
}
