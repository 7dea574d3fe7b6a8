/**
 * Who may speak for a logical router on a physical network: a function of rows alone, so that every Weft and every restart comes to the
 * same answer. Which of them does at the moment the hypervisors find out among themselves.
 */
import type { Hypervisor, LogicalRouter, LogicalRouterPort } from './index.js';
import { MAX_GATEWAY_HYPERVISORS } from './logical-router.js';
import { bridgeFor } from './provider-ports.js';

export interface GatewayCandidate {
  readonly name: string;
  /** Null: no hypervisor has the name, or several have it. */
  readonly hypervisorId: string | null;
  /** Why it cannot be the gateway; null if it can. */
  readonly obstacle: string | null;
  /** It is the gateway only where no other can be: it comes after all others. */
  readonly isDrained: boolean;
}

type Gatewayed = Pick<LogicalRouter, 'number' | 'gateway'>;

/** Whether the port is the one by which the router is outside: there it is not on every hypervisor. */
export function isGatewayPort(
  router: Pick<LogicalRouter, 'gateway'> | null,
  port: Pick<LogicalRouterPort, 'logicalSwitchId'>,
): boolean {
  const gateway = router?.gateway ?? null;
  return gateway !== null && gateway.logicalSwitchId === port.logicalSwitchId;
}

/**
 * The hypervisors that the router names, or else all with gateway=true, the preferred ones first and drained ones last. Without names each
 * router has an order of its own, so that the gateways of many are spread. `physicalNetwork` null: its logical switch is part of none.
 */
export function gatewayCandidates(
  router: Gatewayed,
  physicalNetwork: string | null,
  hypervisors: readonly Hypervisor[],
): readonly GatewayCandidate[] {
  const found = inOrder(router, physicalNetwork, hypervisors);
  return [...found.filter(each => !each.isDrained), ...found.filter(each => each.isDrained)].slice(
    0,
    MAX_GATEWAY_HYPERVISORS,
  );
}

function inOrder(
  { number, gateway }: Gatewayed,
  physicalNetwork: string | null,
  hypervisors: readonly Hypervisor[],
): readonly GatewayCandidate[] {
  if (gateway === null) return [];
  if (gateway.hypervisors === null) {
    return hypervisors
      .filter(row => row.gateway)
      .map(row => ({ row, rank: mix(number, row.hypervisorKey) }))
      .toSorted((a, b) => a.rank - b.rank || a.row.hypervisorKey - b.row.hypervisorKey)
      .map(({ row }) => candidate(row, physicalNetwork));
  }
  return gateway.hypervisors.map(name => {
    const [row, ...others] = hypervisors.filter(each => each.name === name);
    const nobody = { name, hypervisorId: null, isDrained: false } as const;
    if (row === undefined) return { ...nobody, obstacle: 'there is no such hypervisor' };
    if (others.length > 0) return { ...nobody, obstacle: 'several hypervisors have this name' };
    return candidate(row, physicalNetwork);
  });
}

function candidate(row: Hypervisor, physicalNetwork: string | null): GatewayCandidate {
  const { name, id: hypervisorId, drain: isDrained } = row;
  return { name, hypervisorId, obstacle: obstacleOf(row, physicalNetwork), isDrained };
}

function obstacleOf(row: Hypervisor, physicalNetwork: string | null): string | null {
  if (!row.allowed || !row.approved) return 'it is no member';
  if (!row.gateway) return 'its gateway is false';
  if (row.encapIp === null) return 'it has no tunnel address';
  if (physicalNetwork === null) return 'the logical switch is part of no physical network';
  if (bridgeFor(row.bridgeMappings, physicalNetwork) === null) return `it names no bridge for ${physicalNetwork}`;
  return null;
}

/** One that can be the gateway, with its place in the order: 0 is preferred. */
interface Place {
  readonly hypervisorId: string;
  readonly hypervisorKey: number;
  readonly rank: number;
}

/**
 * Which of them is the gateway now, as the hypervisors find out among themselves: each is as soon as it sees all before it gone. Null
 * where there are none.
 * @param isGone whether the first has lost the one with the key
 */
export function actingGateway<P extends Place>(
  places: readonly P[],
  isGone: (hypervisorId: string, peerKey: number) => boolean,
): P | null {
  const ordered = places.toSorted((a, b) => a.rank - b.rank);
  const takes = (place: P): boolean =>
    ordered.every(other => other.rank >= place.rank || isGone(place.hypervisorId, other.hypervisorKey));
  return ordered.findLast(takes) ?? null;
}

/** A hash of both numbers (FNV-1a over their bytes, then mixed): the order that it gives is another for every router. */
function mix(router: number, hypervisor: number): number {
  let hash = 0x811c9dc5;
  for (const value of [router, hypervisor]) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((value >>> shift) & 0xff), 0x01000193) >>> 0;
  }
  return (hash ^ (hash >>> 15)) >>> 0;
}
