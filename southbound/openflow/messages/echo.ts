/** Echo: either side asks whether the other still answers; the reply carries the data of the request. */
import { restBytes } from '../../wire/codec.js';
import { message, type ValueOf } from './message.js';

export const EchoRequest = message('echoRequest', 2, { data: restBytes });
export type EchoRequest = ValueOf<typeof EchoRequest>;

export const EchoReply = message('echoReply', 3, { data: restBytes });
export type EchoReply = ValueOf<typeof EchoReply>;
