/** Frames of Weft on their way into a switch. */
import type { OpenFlowChannel } from '../../southbound/hypervisor/openflow-channel.js';
import { packetOut } from '../../southbound/openflow/messages/packet-out.js';
import { injectionActions } from '../compiler/punts/punted-packet.js';
import type { Answer } from './answer.js';

/** A switch that does not read is given no more: what it asks for is late anyway. */
export function isReady({ connection }: OpenFlowChannel): boolean {
  return connection.state.kind === 'open' && connection.writable;
}

export function send({ connection }: OpenFlowChannel, answers: readonly Answer[]): void {
  for (const { frame, into } of answers) connection.send(packetOut(frame, injectionActions(into)));
}
