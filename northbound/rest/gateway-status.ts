/** What a router shows of its gateway: who speaks for it outside, why, and who sends to whom. */
import { actingGateway, gatewayCandidates } from '../../src/model/gateway.js';
import type { BfdSession } from '../../src/model/gateway-tunnels.js';
import type { LogicalRouter } from '../../src/model/index.js';
import type { NetworkReader } from '../../src/view/network-view.js';
import { all, type ViewRow } from '../../src/view/rows.js';

type Place = ViewRow<'gateway-places'>;
type Watched = (hypervisorId: string) => ReadonlyMap<number, BfdSession>;

export interface GatewayCandidateStatus {
  readonly hypervisor: string;
  readonly active: boolean;
  readonly reason: string;
  /** How many hypervisors send to it what is to leave: those that Weft is connected to, itself included. */
  readonly used_by: number;
  /** Who has lost it by BFD; ten at most. */
  readonly lost_by: readonly { readonly hypervisor: string; readonly reason: string }[];
}

export interface GatewayStatus {
  /** The name of the hypervisor that speaks for the router outside; null: none can. */
  readonly hypervisor: string | null;
  /** The preferred ones first. */
  readonly candidates: readonly GatewayCandidateStatus[];
}

const mostNamed = 10;

/** Null for a router that is not outside. */
export function gatewayStatus(
  view: NetworkReader,
  router: Pick<LogicalRouter, 'id' | 'number' | 'gateway'>,
  watched: Watched,
): GatewayStatus | null {
  if (router.gateway === null) return null;
  const logicalSwitch = view.get('logical-switches', router.gateway.logicalSwitchId);
  const network = logicalSwitch?.provider?.physicalNetwork ?? null;
  const found = gatewayCandidates(router, network, view.by('hypervisors', 'all', all));
  const places = view.by('gateway-places', 'logicalRouterId', router.id).toSorted((a, b) => a.rank - b.rank);
  const acting = actingGateway(places, (id, key) => watched(id).get(key)?.isAlive === false);
  const nameOf = (hypervisorId: string): string => view.get('hypervisors', hypervisorId)?.name ?? hypervisorId;
  const holders = view.by('residencies', 'datapathId', router.id).map(({ hypervisorId }) => hypervisorId);
  const uses = new Map<string, number>();
  for (const holder of holders) {
    const chosen = chosenBy(holder, places, watched);
    if (chosen !== null) uses.set(chosen.hypervisorId, (uses.get(chosen.hypervisorId) ?? 0) + 1);
  }
  return {
    hypervisor: acting === null ? null : nameOf(acting.hypervisorId),
    candidates: found.map(({ name, hypervisorId, obstacle, isDrained }) => {
      const place = places.find(each => each.hypervisorId === hypervisorId) ?? null;
      const active = place !== null && place.id === acting?.id;
      const lostBy = place === null ? [] : lossesOf(place, holders, watched);
      const before = acting === null ? [] : places.filter(({ rank }) => rank < acting.rank);
      const lost = lostBy.find(each => each.by === acting?.hypervisorId);
      const reason = ((): string => {
        if (obstacle !== null) return obstacle;
        if (active && before.length > 0)
          return `it has lost ${before.map(each => nameOf(each.hypervisorId)).join(' and ')}`;
        if (active) return isDrained ? 'it is drained, and no other can' : 'the first that can';
        if (lost !== undefined) return `lost by ${nameOf(lost.by)}: ${lost.reason}`;
        if (isDrained) return 'it is drained';
        return `next, should ${acting === null ? 'nobody' : nameOf(acting.hypervisorId)} not`;
      })();
      return {
        hypervisor: name,
        active,
        reason,
        used_by: uses.get(hypervisorId ?? '') ?? 0,
        lost_by: lostBy.slice(0, mostNamed).map(each => ({ hypervisor: nameOf(each.by), reason: each.reason })),
      };
    }),
  };
}

/** To which of them a hypervisor sends, as the groups there choose; null: it does not say. */
function chosenBy(hypervisorId: string, places: readonly Place[], watched: Watched): Place | null {
  const [preferred] = places;
  if (preferred === undefined || places.length === 1) return preferred ?? null;
  const sessions = watched(hypervisorId);
  if (sessions.size === 0) return null;
  const chosen = places.find(
    place => place.hypervisorId === hypervisorId || sessions.get(place.hypervisorKey)?.isAlive === true,
  );
  return chosen ?? preferred;
}

/** Who has lost it, and what BFD says of that. */
function lossesOf(
  { hypervisorKey }: Place,
  holders: readonly string[],
  watched: Watched,
): readonly { readonly by: string; readonly reason: string }[] {
  return holders.flatMap(by => {
    const session = watched(by).get(hypervisorKey);
    if (session === undefined || session.isAlive !== false) return [];
    return [{ by, reason: `BFD ${session.state}${session.diagnostic === '' ? '' : `, ${session.diagnostic}`}` }];
  });
}
