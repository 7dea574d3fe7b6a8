/**
 * Writes the data files of test/southbound/openflow/messages anew from the installed Open vSwitch:
 * `npm run build && node dist/test/ovs/record-openflow.js`.
 */
import { decodeMessage } from '../../southbound/openflow/message-codec.js';
import { writeSamples, type MessageSample } from '../southbound/openflow/message-samples.js';
import { printWithOvs } from './ovs-ofctl.js';
import { protocols, recordSession } from './openflow-sessions.js';

const longestBytes = 1200;
const samplesOfVersion = 3;

const byKind = new Map<string, MessageSample[]>();
for (const protocol of protocols) {
  const taken = new Map<string, Set<number>>();
  for (const { bytes } of await recordSession(protocol)) {
    const { message } = decodeMessage(bytes);
    const kind = 'body' in message ? `${message.kind}-${message.body.kind}` : message.kind;
    const lengths = taken.get(kind) ?? new Set<number>();
    taken.set(kind, lengths);
    const isWanted = lengths.size < samplesOfVersion && !lengths.has(bytes.length);
    if (!isWanted || bytes.length > longestBytes) continue;
    lengths.add(bytes.length);
    const text = await printWithOvs([bytes]);
    byKind.set(kind, [...(byKind.get(kind) ?? []), { text, bytes }]);
  }
}
for (const [kind, samples] of byKind) writeSamples(kind, samples);
