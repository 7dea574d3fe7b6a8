/**
 * When ports are told of routers without having asked (RFC 4861, section 6.2.4): each in its turn, spread evenly over the interval by its number, so
 * that nothing has to be remembered and no two Wefts have to agree.
 */
import type { NetworkReader, Touched } from '../view/network-view.js';
import type { ViewRow } from '../view/rows.js';

/** MaxRtrAdvInterval of RFC 4861. Hosts ask when they start, so this only renews what they know. */
export const announcementIntervalMs = 600_000;
/** How often it is looked whose turn it is. */
export const announcementSweepMs = 5_000;
/** More are not sent in one sweep, however long it took to come: those left have their turn in the next interval. */
const mostInASweep = 2_000;

/** Neighbouring numbers are far apart in time. */
const stride = 0x9e37_79b1;

function phaseMs(number: number): number {
  return (Math.imul(number, stride) >>> 0) % announcementIntervalMs;
}

/** Whether the port has its turn after `sinceMs`, and not after `nowMs`. */
export function isDue(number: number, sinceMs: number, nowMs: number): boolean {
  const turn = (atMs: number): number => Math.floor((atMs + phaseMs(number)) / announcementIntervalMs);
  return turn(nowMs) > turn(sinceMs);
}

/** The ports of a hypervisor that have their turn, and those of switches that have changed. */
export function portsDue(
  view: NetworkReader,
  hypervisorId: string,
  {
    sinceMs,
    nowMs,
    changed,
  }: { readonly sinceMs: number; readonly nowMs: number; readonly changed: { has(logicalSwitchId: string): boolean } },
): readonly ViewRow<'bound-ports'>[] {
  return view
    .by('bound-ports', 'hypervisorId', hypervisorId)
    .filter(({ number, logicalSwitchId }) => changed.has(logicalSwitchId) || isDue(number, sinceMs, nowMs))
    .slice(0, mostInASweep);
}

/** A logical switch whose advertisements may say something else now. */
export interface ChangedSwitch {
  readonly id: string;
  /** The MAC of a router port as it was: whoever has heard of it must hear if it is no way out any more. */
  readonly formerRouter: string | null;
}

export function switchesChanged(view: NetworkReader, { changes }: Pick<Touched, 'changes'>): readonly ChangedSwitch[] {
  const of = (id: string | null | undefined, formerRouter: string | null = null): readonly ChangedSwitch[] =>
    id === null || id === undefined ? [] : [{ id, formerRouter }];
  return changes.flatMap(change => {
    switch (change.kind) {
      case 'logical-switches':
        return of(change.id);
      case 'subnets':
        return of((change.after ?? change.before)?.logicalSwitchId);
      case 'logical-router-ports':
        return [...of(change.before?.logicalSwitchId, change.before?.mac), ...of(change.after?.logicalSwitchId)];
      case 'logical-routers':
        return view.by('logical-router-ports', 'logicalRouterId', change.id).flatMap(port => of(port.logicalSwitchId));
      default:
        return [];
    }
  });
}
