/**
 * Looks at the part of a switch that others are said to have touched, and no more: the flows with the cookies in question, the
 * fragments that own them or want a flow in a place where somebody put one, and groups and meters when one of those was touched.
 */
import { nextTurn } from '../base/next-turn.js';
import type { SwitchChange } from './bundle-plan.js';
import { SwitchComparison } from './comparison.js';
import type { PlacedFragment } from './desired-state.js';
import type { Suspicion } from './drift-watch.js';
import { flowMessages } from './encoded-fragment.js';
import { identityOf, imageOfAdd } from './encoding.js';
import { decodeCookie } from '../compiler/identifiers.js';
import type { Switch } from './switch.js';

/** A fragment that has to be looked at; `wholly`: its flows too, not only its groups and meters. */
export interface Suspect {
  readonly placed: PlacedFragment;
  readonly wholly: boolean;
}

const fragmentsATurn = 200;
/** Dumps asked for at a time. */
const dumpsAtOnce = 32;
/** Open vSwitch's own, with flows of cookie 0: only a dump by cookie shows them. */
const internalTable = 254;
const wholeCookie = 0xffff_ffff_ffff_ffffn;

/** Which fragments of a switch are concerned. */
export async function findSuspects(
  suspicion: Suspicion,
  fragments: readonly PlacedFragment[],
): Promise<readonly Suspect[]> {
  const { cookies, groupsAndMeters } = suspicion;
  const identities = new Set(suspicion.places.map(identityOf));
  const suspects: Suspect[] = [];
  for (const [index, placed] of fragments.entries()) {
    const { fragment } = placed;
    const wholly =
      cookies.has(fragment.cookie) ||
      (identities.size > 0 && flowMessages(fragment).some(message => identities.has(imageOfAdd(message).identity)));
    if (wholly || (groupsAndMeters && fragment.groups.length + fragment.meters.length > 0)) {
      suspects.push({ placed, wholly });
    }
    if (index % fragmentsATurn === fragmentsATurn - 1) await nextTurn();
  }
  return suspects;
}

/** What it takes to bring the suspects in order, and what is there that belongs to nobody. */
export async function compareSuspects(
  target: Switch,
  suspicion: Suspicion,
  suspects: readonly Suspect[],
  fragments: readonly PlacedFragment[],
): Promise<readonly SwitchChange[]> {
  const { groupsAndMeters } = suspicion;
  const comparison = new SwitchComparison();
  const cookies = new Set([...suspicion.cookies].filter(cookie => decodeCookie(cookie).kind !== 'sentinel'));
  for (const { placed, wholly } of suspects) {
    const { fragment } = placed;
    comparison.want(fragment, true, { flows: wholly, groupsAndMeters });
    if (wholly) cookies.add(fragment.cookie);
  }
  for (const { fragment } of fragments) for (const cookie of fragment.learnedCookies) cookies.delete(cookie);
  if (groupsAndMeters) {
    comparison.addGroups(await target.readGroups());
    comparison.addMeters(await target.readMeters());
  }
  const asked = [...cookies];
  for (let start = 0; start < asked.length; start += dumpsAtOnce) {
    const dumps = asked.slice(start, start + dumpsAtOnce).map(cookie =>
      target.readFlows({ tableId: null, cookie, cookieMask: wholeCookie }, async flows => {
        for (const flow of flows) {
          if (flow.table !== internalTable && comparison.addFlow(flow)) await nextTurn();
        }
      }),
    );
    await Promise.all(dumps);
  }
  return comparison.finish();
}

/** Somebody touched the flow that says what the switch holds. */
export function touchesSentinel({ cookies }: Suspicion): boolean {
  for (const cookie of cookies) if (decodeCookie(cookie).kind === 'sentinel') return true;
  return false;
}

const namesLogged = 10;

/** For the log: which fragments had to be put right, and how much. */
export function describeRepair(changes: readonly SwitchChange[]): Record<string, unknown> {
  const keys = changes.map(change => change.key);
  return {
    fragments: keys.slice(0, namesLogged),
    ...(keys.length > namesLogged ? { further: keys.length - namesLogged } : {}),
    flows: changes.reduce((sum, change) => sum + change.flowCount, 0),
    groups: changes.reduce((sum, change) => sum + change.groupCount, 0),
    meters: changes.reduce((sum, change) => sum + change.metersBefore.length + change.metersAfter.length, 0),
  };
}
