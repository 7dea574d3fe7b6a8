/**
 * BFD control packets (RFC 5880, section 4.1), as one hop carries them: UDP to port 3784, from a high port, with a TTL of 255 (RFC 5881).
 * Without authentication, which nobody here has keys for.
 */
import { Reader } from '../../../southbound/wire/reader.js';
import { Writer } from '../../../southbound/wire/writer.js';
import { readSafely } from './read-safely.js';

/** In the order of their numbers. */
export const bfdStates = ['admin_down', 'down', 'init', 'up'] as const;
export type BfdState = (typeof bfdStates)[number];

/** Where control packets go, where they come from, and the TTL that says that nobody has forwarded them (RFC 5881, sections 4 and 5). */
export const bfdPorts = { control: 3784, firstSource: 49_152, sources: 16_384 } as const;
export const bfdTtl = 255;

/** Times are in microseconds. */
export interface ControlPacket {
  /** Why the sender left the state `up` last: a code of section 4.1. */
  readonly diagnostic: number;
  readonly state: BfdState;
  /** Asks for a packet with `final`, at once. */
  readonly poll: boolean;
  readonly final: boolean;
  /** The sender's BFD outlives its control plane. */
  readonly controlPlaneIndependent: boolean;
  /** The sender wants to get nothing while both ends are up. */
  readonly demand: boolean;
  /** So many packets missing in a row say that the sender is gone. */
  readonly detectMultiplier: number;
  readonly myDiscriminator: number;
  /** 0: the sender has heard nothing yet. */
  readonly yourDiscriminator: number;
  readonly desiredMinTxUs: number;
  /** 0: the sender wants to get nothing. */
  readonly requiredMinRxUs: number;
  readonly requiredMinEchoRxUs: number;
}

const version = 1;
const bytes = 24;
const flag = {
  poll: 0x20,
  final: 0x10,
  controlPlaneIndependent: 0x08,
  authentication: 0x04,
  demand: 0x02,
  multipoint: 1,
};

const has = (flags: number, bit: number): boolean => (flags & bit) !== 0;

export function encodeControl(packet: ControlPacket): Uint8Array {
  const writer = new Writer(0, bytes);
  const flags =
    (packet.poll ? flag.poll : 0) |
    (packet.final ? flag.final : 0) |
    (packet.controlPlaneIndependent ? flag.controlPlaneIndependent : 0) |
    (packet.demand ? flag.demand : 0);
  writer.u8((version << 5) | packet.diagnostic);
  writer.u8((bfdStates.indexOf(packet.state) << 6) | flags);
  writer.u8(packet.detectMultiplier);
  writer.u8(bytes);
  writer.u32(packet.myDiscriminator);
  writer.u32(packet.yourDiscriminator);
  writer.u32(packet.desiredMinTxUs);
  writer.u32(packet.requiredMinRxUs);
  writer.u32(packet.requiredMinEchoRxUs);
  return writer.finish();
}

/**
 * What a datagram says; null for all that section 6.8.6 has discarded for what is in it: another version, too short, authenticated,
 * for many, of no discriminator, or for nobody although the sender has heard somebody.
 */
export function parseControl(payload: Uint8Array): ControlPacket | null {
  return readSafely(() => {
    const reader = new Reader(payload);
    const first = reader.u8();
    const flags = reader.u8();
    const detectMultiplier = reader.u8();
    const length = reader.u8();
    const state = bfdStates[flags >> 6];
    const packet = {
      diagnostic: first & 0x1f,
      poll: has(flags, flag.poll),
      final: has(flags, flag.final),
      controlPlaneIndependent: has(flags, flag.controlPlaneIndependent),
      demand: has(flags, flag.demand),
      detectMultiplier,
      myDiscriminator: reader.u32(),
      yourDiscriminator: reader.u32(),
      desiredMinTxUs: reader.u32(),
      requiredMinRxUs: reader.u32(),
      requiredMinEchoRxUs: reader.u32(),
    };
    if (first >> 5 !== version || length < bytes || length > payload.length || state === undefined) return null;
    if (has(flags, flag.authentication) || has(flags, flag.multipoint)) return null;
    if (detectMultiplier === 0 || packet.myDiscriminator === 0) return null;
    const isFirst = packet.yourDiscriminator === 0;
    return isFirst && state !== 'down' && state !== 'admin_down' ? null : { ...packet, state };
  });
}
