/** Which interface a logical switch port is bound to: pure, from what hypervisors claim. */
import type { LogicalSwitchPort } from '../model/index.js';
import { looksLikeUuid } from '../model/value-types.js';

/** An interface of a hypervisor that carries an iface-id. */
export interface InterfaceClaim {
  readonly hypervisorId: string;
  readonly hypervisorName: string;
  readonly interfaceUuid: string;
  readonly interfaceName: string;
  /** The id of a logical switch port, or its name where names are accepted. */
  readonly ifaceId: string;
  readonly ofport: number;
  /** Larger is newer. */
  readonly order: number;
}

export type ArbitratedPort = Pick<LogicalSwitchPort, 'id' | 'name' | 'hypervisor'>;

export interface Verdict {
  /** The claim that has the port; null if it is not bound. */
  readonly winner: InterfaceClaim | null;
  /** Why, where there is something to say: no claim, an ambiguous name, or several claims. */
  readonly reason: string | null;
}

/**
 * Judges the claims on one port. `claims` are those by its id and by its name; `namesakes` counts the ports that have its name,
 * itself included. By id beats by name; then the requested hypervisor wins, else the newest claim.
 */
export function arbitrate(
  port: ArbitratedPort,
  claims: readonly InterfaceClaim[],
  namesakes: number,
  acceptNames: boolean,
): Verdict {
  const byId = claims.filter(claim => claim.ifaceId.toLowerCase() === port.id);
  const byName = claims.filter(claim => claim.ifaceId === port.name && claim.ifaceId.toLowerCase() !== port.id);
  const nameCounts = acceptNames && namesakes === 1 && !looksLikeUuid(port.name);
  const valid = byId.length > 0 ? byId : nameCounts ? byName : [];
  if (valid.length === 0) return { winner: null, reason: whyUnbound(port, byName, namesakes, acceptNames) };
  const requested = valid.filter(claim => claim.hypervisorName === port.hypervisor);
  const ranked = (requested.length > 0 ? requested : valid).toSorted((a, b) => b.order - a.order);
  const [winner = null] = ranked;
  const losers = valid.filter(claim => claim !== winner);
  if (winner === null || losers.length === 0) return { winner, reason: null };
  const why = requested.length > 0 ? 'the requested hypervisor' : 'the newest claim';
  const others = losers.map(describeClaim).toSorted().slice(0, 5).join(', ');
  return { winner, reason: `claimed by ${describeClaim(winner)}, which has it as ${why}, and by ${others}` };
}

function describeClaim(claim: InterfaceClaim): string {
  return `${claim.hypervisorName} (${claim.interfaceName})`;
}

function whyUnbound(
  port: ArbitratedPort,
  byName: readonly InterfaceClaim[],
  namesakes: number,
  acceptNames: boolean,
): string {
  const [claim] = byName;
  if (claim === undefined) return 'no hypervisor reports an interface with this iface-id';
  const where = describeClaim(claim);
  if (!acceptNames) return `claimed by name on ${where}, but only ids are accepted while authentication is on`;
  if (namesakes > 1) return `claimed by name on ${where}, but ${namesakes} ports are named ${port.name}`;
  return `claimed by name on ${where}, but the name looks like a UUID`;
}
