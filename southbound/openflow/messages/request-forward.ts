/** Request-forward: another controller's group-mod or meter-mod, told by the switch. `request` is the whole message. */
import { restBytes } from '../../wire/codec.js';
import { message, type ValueOf } from './message.js';

export const RequestForward = message('requestForward', 32, { request: restBytes });
export type RequestForward = ValueOf<typeof RequestForward>;
