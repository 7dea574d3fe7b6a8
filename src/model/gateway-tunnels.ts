/**
 * Tunnels that watch: between a hypervisor that holds a router and each that can be its gateway there is, beside the port for all tunnels,
 * one for the two alone, whose BFD (RFC 5880) tells within a second that the other is gone. Its OpenFlow port number follows from the key
 * of the other, so that it is the same on every hypervisor and flows and groups can name it before it is there.
 */
import { type Encapsulation, encapsulations } from './hypervisor.js';
import type { Hypervisor } from './index.js';

/** Hypervisors with a higher key are not watched: no number of an OpenFlow port is left for them. */
export const MAX_WATCHED_KEY = 32_000;

const FIRST_OFPORT = 33_200;

/**
 * How often each side says that it is there, in milliseconds; after three times this without a word it counts as gone. Open vSwitch sends
 * once in a second until both sides are up.
 */
export const BFD_INTERVAL_MS = 250;

/** A tunnel to one other hypervisor. */
export interface GatewayTunnel {
  readonly peerKey: number;
  /** The address of the tunnels of the other. */
  readonly remoteIp: string;
  readonly encapsulation: Encapsulation;
}

/** The port of the tunnel to the hypervisor with the key. */
export function gatewayTunnelOfport(peerKey: number): number {
  return FIRST_OFPORT + peerKey;
}

/** Its name: at most 15 characters. */
export function gatewayTunnelName(peerKey: number): string {
  return `weft-bfd-${peerKey}`;
}

/** Whether a port has a name that only such tunnels have. */
export function isGatewayTunnelName(name: string): boolean {
  return /^weft-bfd-\d+$/.test(name);
}

type End = Pick<Hypervisor, 'encapIp' | 'encapTypes' | 'hypervisorKey'>;

/** The tunnel between two as the first has it; null where there can be none: BFD goes to and fro in one encapsulation. */
export function gatewayTunnelBetween(own: End, peer: End): GatewayTunnel | null {
  if (own.encapIp === null || peer.encapIp === null) return null;
  const common = encapsulations.find(type => own.encapTypes.includes(type) && peer.encapTypes.includes(type));
  if (common === undefined) return null;
  return { peerKey: peer.hypervisorKey, remoteIp: peer.encapIp, encapsulation: common };
}

/** What one end says of the other. */
export interface BfdSession {
  /** Null: not known, for instance because the tunnel has not been up yet. */
  readonly isAlive: boolean | null;
  /** In the words of Open vSwitch: up, down, init, admin_down. */
  readonly state: string;
  /** Why the last change was, in its words. */
  readonly diagnostic: string;
}

/** Reads `Interface.bfd_status`. One that was never up says nothing about the other side. */
export function bfdSessionOf(status: ReadonlyMap<string, string>): BfdSession {
  const forwarding = status.get('forwarding') === 'true';
  const hasBeenUp = Number(status.get('flap_count') ?? 0) > 0;
  const remote = status.get('remote_diagnostic') ?? '';
  const own = status.get('diagnostic') ?? '';
  return {
    isAlive: forwarding ? true : hasBeenUp ? false : null,
    state: status.get('state') ?? 'unknown',
    diagnostic: own === '' || own === 'No Diagnostic' ? remote : own,
  };
}
