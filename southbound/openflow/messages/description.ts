/** Multipart description: who made the switch, and what it is. */
import { fixedString } from '../../wire/codec.js';
import { multipart, type ReplyOf } from './multipart-kind.js';

export const Description = multipart('description', 0, {
  request: {},
  reply: {
    manufacturer: fixedString(256),
    hardware: fixedString(256),
    software: fixedString(256),
    serialNumber: fixedString(32),
    datapath: fixedString(256),
  },
});
export type DescriptionReply = ReplyOf<typeof Description>;
