/** Flow-mod: adds, changes or deletes flows. */
import { enumOf, flagsOf, u16, u32, u64, u8 } from '../../wire/codec.js';
import { instructionsCodec } from '../instruction-codec.js';
import { matchCodec } from '../match-codec.js';
import { Wildcard } from './fields.js';
import { message, type ValueOf } from './message.js';

export const FlowModCommand = { add: 0, modify: 1, modify_strict: 2, delete: 3, delete_strict: 4 } as const;
export const FlowModFlag = {
  send_flow_rem: 1 << 0,
  check_overlap: 1 << 1,
  reset_counts: 1 << 2,
  no_packet_counts: 1 << 3,
  no_byte_counts: 1 << 4,
} as const;

export const FlowMod = message('flowMod', 14, {
  cookie: u64,
  cookieMask: u64,
  tableId: u8,
  command: enumOf(u8, FlowModCommand),
  /** Seconds; 0 is never. */
  idleTimeout: u16,
  hardTimeout: u16,
  priority: u16,
  bufferId: u32,
  outPort: u32,
  outGroup: u32,
  flags: flagsOf(u16, FlowModFlag),
  /** What eviction spares; OpenFlow 1.4 and later, 0 before. */
  importance: u16,
  match: matchCodec,
  instructions: instructionsCodec,
});
export type FlowMod = ValueOf<typeof FlowMod>;

/** A flow-mod that restricts and asks nothing beyond what is given. */
export function flowMod(given: Partial<Omit<FlowMod, 'kind'>> & Pick<FlowMod, 'command' | 'tableId'>): FlowMod {
  return {
    kind: 'flowMod',
    cookie: 0n,
    cookieMask: 0n,
    idleTimeout: 0,
    hardTimeout: 0,
    priority: 0x8000,
    bufferId: Wildcard.buffer,
    outPort: Wildcard.port,
    outGroup: Wildcard.group,
    flags: [],
    importance: 0,
    match: [],
    instructions: [],
    ...given,
  };
}
