/** Switch configuration: treatment of fragments, and how much of a packet a packet-in carries. */
import { enumOf, u16 } from '../../wire/codec.js';
import { message, type ValueOf } from './message.js';

/** `nx_match` is Open vSwitch's: fragments are matched by ip_frag. */
export const FragmentHandling = { normal: 0, drop: 1, reassemble: 2, nx_match: 3 } as const;

const fields = {
  fragmentHandling: enumOf(u16, FragmentHandling),
  /** Bytes of a packet that a packet-in carries by default; 0xffff is all of it. */
  missSendLength: u16,
} as const;

export const GetConfigRequest = message('getConfigRequest', 7, {});
export type GetConfigRequest = ValueOf<typeof GetConfigRequest>;

export const GetConfigReply = message('getConfigReply', 8, fields);
export type GetConfigReply = ValueOf<typeof GetConfigReply>;

export const SetConfig = message('setConfig', 9, fields);
export type SetConfig = ValueOf<typeof SetConfig>;
