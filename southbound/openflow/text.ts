/**
 * Flows and groups as `ovs-ofctl --no-stats dump-flows` and `dump-groups` print them at OpenFlow 1.5: what goldens,
 * logs and explanations show, and what ovs-ofctl takes as input.
 */
import type { Action } from './action.js';
import { formatActions } from './action-text.js';
import type { Instruction } from './instructions.js';
import { canonicalInstructions, instructionsFor } from './instructions.js';
import { canonicalFieldSet } from './match.js';
import { formatMatch } from './match-text.js';
import type { Match } from './oxm.js';
import type { TextOptions } from './value-text.js';
import { formatPort, formatTable, formatValue, hex } from './value-text.js';

export { formatActions } from './action-text.js';
export { formatMatch } from './match-text.js';
export type { TextOptions } from './value-text.js';

const DEFAULT_PRIORITY = 0x8000;

/** What the text of a flow is made of. Timeouts are in seconds, 0 or absent for none. */
export interface FlowText {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  /** One of the two: the instructions, or the actions of a flow that has no other instruction. */
  readonly instructions?: readonly Instruction[];
  readonly actions?: readonly Action[];
  readonly cookie?: bigint;
  readonly idleTimeout?: number;
  readonly hardTimeout?: number;
  readonly importance?: number;
  /** In ovs-ofctl's words: send_flow_rem, check_overlap, reset_counts, no_packet_counts, no_byte_counts. */
  readonly flags?: readonly string[];
}

export interface BucketText {
  readonly bucketId: number;
  readonly weight?: number | null;
  readonly watchPort?: number | null;
  readonly watchGroup?: number | null;
  readonly actions: readonly Action[];
}

export interface GroupText {
  readonly id: number;
  readonly type: 'all' | 'select' | 'indirect' | 'fast_failover';
  readonly buckets: readonly BucketText[];
  readonly selectionMethod?: {
    readonly name: string;
    readonly parameter?: bigint;
    /** The values are the masks of what is hashed. */
    readonly fields?: Match;
  };
}

function formatInstruction(instruction: Instruction, options: TextOptions): string {
  switch (instruction.kind) {
    case 'meter':
      return `meter:${instruction.meterId}`;
    case 'applyActions':
      return formatActions(instruction.actions, options);
    case 'clearActions':
      return 'clear_actions';
    case 'writeActions':
      return `write_actions(${formatActions(instruction.actions, options)})`;
    case 'writeMetadata':
      return `write_metadata:${hex(instruction.value)}${instruction.mask === undefined ? '' : `/${hex(instruction.mask)}`}`;
    case 'gotoTable':
      return `goto_table:${formatTable(instruction.table, options)}`;
    case 'unknown':
      return `unknown_instruction(type=${instruction.type})`;
  }
}

/** Instructions as one list, in the order of their execution; `drop` where there are none. */
export function formatInstructions(instructions: readonly Instruction[], options: TextOptions = {}): string {
  return (
    canonicalInstructions(instructions)
      .map(instruction => formatInstruction(instruction, options))
      .join(',') || 'drop'
  );
}

/** ` cookie=0x5, table=0, priority=5,ip actions=drop` without the leading space. */
export function formatFlow(flow: FlowText, options: TextOptions = {}): string {
  const { cookie = 0n, idleTimeout = 0, hardTimeout = 0, importance = 0, flags = [] } = flow;
  const head = [
    `cookie=0x${cookie.toString(16)}, table=${formatTable(flow.table, options)}, `,
    idleTimeout === 0 ? '' : `idle_timeout=${idleTimeout}, `,
    hardTimeout === 0 ? '' : `hard_timeout=${hardTimeout}, `,
    ...flags.map(flag => `${flag} `),
    importance === 0 ? '' : `importance=${importance}, `,
  ].join('');
  const priority = flow.priority === DEFAULT_PRIORITY ? [] : [`priority=${flow.priority}`];
  const match = [...priority, formatMatch(flow.match, options)].filter(text => text !== '').join(',');
  const instructions = flow.instructions ?? instructionsFor(flow.actions ?? []);
  return `${head}${match}${match === '' ? '' : ' '}actions=${formatInstructions(instructions, options)}`;
}

function formatBucket(bucket: BucketText, type: GroupText['type'], options: TextOptions): string {
  const { bucketId, weight = null, watchPort = null, watchGroup = null, actions } = bucket;
  const plainWeight = type === 'select' ? 1 : 0;
  return [
    `bucket=bucket_id:${bucketId}`,
    ...(weight === null || weight === plainWeight ? [] : [`weight:${weight}`]),
    ...(watchPort === null ? [] : [`watch_port:${formatPort(watchPort, options)}`]),
    ...(watchGroup === null ? [] : [`watch_group:${watchGroup}`]),
    `actions=${formatActions(actions, options)}`,
  ].join(',');
}

function formatSelectionMethod({ name, parameter = 0n, fields = [] }: NonNullable<GroupText['selectionMethod']>) {
  const names = canonicalFieldSet(fields).map(({ field, value }) =>
    value === field.allBits ? field.name : `${field.name}=${formatValue(field, value, undefined, {})}`,
  );
  return [
    `selection_method=${name}`,
    ...(parameter === 0n ? [] : [`selection_method_param=${parameter}`]),
    ...(names.length === 0 ? [] : [names.length === 1 ? `fields=${names[0]}` : `fields(${names.join(',')})`]),
  ].join(',');
}

/** `group_id=1,type=all,bucket=bucket_id:0,actions=output:1`. */
export function formatGroup(group: GroupText, options: TextOptions = {}): string {
  return [
    `group_id=${group.id},type=${group.type === 'fast_failover' ? 'ff' : group.type}`,
    ...(group.selectionMethod === undefined ? [] : [formatSelectionMethod(group.selectionMethod)]),
    ...group.buckets.map(bucket => formatBucket(bucket, group.type, options)),
  ].join(',');
}
