/** What a fake switch says of itself, but for its datapath id. */
import type { MessageOf } from '../../southbound/openflow/message-codec.js';

export const features: MessageOf<'featuresReply'> = {
  kind: 'featuresReply',
  datapathId: 1n,
  bufferCount: 0,
  tableCount: 254,
  auxiliaryId: 0,
  capabilities: [],
  reserved: 0,
};
