/** Barrier: its reply comes after everything sent before the request has been acted on. */
import { message, type ValueOf } from './message.js';

export const BarrierRequest = message('barrierRequest', 20, {});
export type BarrierRequest = ValueOf<typeof BarrierRequest>;

export const BarrierReply = message('barrierReply', 21, {});
export type BarrierReply = ValueOf<typeof BarrierReply>;
