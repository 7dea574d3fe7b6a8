/** Port-status: a port came, went or changed. */
import { enumOf, padding, u8 } from '../../wire/codec.js';
import { message, type ValueOf } from './message.js';
import { Port } from './port.js';

export const PortStatusReason = { add: 0, delete: 1, modify: 2 } as const;

export const PortStatus = message('portStatus', 12, {
  reason: enumOf(u8, PortStatusReason),
  gap: padding(7),
  port: Port,
});
export type PortStatus = ValueOf<typeof PortStatus>;
