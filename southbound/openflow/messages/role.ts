/**
 * Roles of several controllers of one switch. The switch refuses a master or slave request whose generation id is
 * older than the newest it has seen: that is the fence against an owner that was paused and came back.
 */
import { enumOf, padding, u32, u64, u8 } from '../../wire/codec.js';
import { opaqueProperties } from './fields.js';
import { message, type ValueOf } from './message.js';

export const ControllerRole = { nochange: 0, equal: 1, master: 2, slave: 3 } as const;
export const RoleStatusReason = { master_request: 0, config: 1, experimenter: 2 } as const;

const fields = { role: enumOf(u32, ControllerRole), gap: padding(4), generationId: u64 } as const;

export const RoleRequest = message('roleRequest', 24, fields);
export type RoleRequest = ValueOf<typeof RoleRequest>;

export const RoleReply = message('roleReply', 25, fields);
export type RoleReply = ValueOf<typeof RoleReply>;

/** Told by the switch when another controller or its configuration changed the role. */
export const RoleStatus = message('roleStatus', 30, {
  role: enumOf(u32, ControllerRole),
  reason: enumOf(u8, RoleStatusReason),
  gap: padding(3),
  generationId: u64,
  properties: opaqueProperties,
});
export type RoleStatus = ValueOf<typeof RoleStatus>;
