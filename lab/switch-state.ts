/** What a hypervisor's integration bridge holds, read from the switch itself and made comparable. */
import type { Hypervisor } from './hypervisor.js';

export interface SwitchState {
  readonly flows: readonly string[];
  readonly groups: readonly string[];
  readonly meters: readonly string[];
}

/**
 * The sentinel flow by the highest byte of its cookie. Its cookie names the revision and the last bytes of its note count bundles;
 * the note's digest of everything else stays in.
 */
const SENTINEL = /^cookie=0x5f[0-9a-f]{14}(.*note:(?:[0-9a-f]{2}\.){28})(?:[0-9a-f]{2}\.){4}/;

/** Reads everything that is in force, without counters; the sentinel's revision and count of bundles are left out. */
export async function readSwitchState(
  hypervisor: Pick<Hypervisor, 'flows' | 'groups' | 'meters'>,
): Promise<SwitchState> {
  const [flows, groups, meters] = await Promise.all([
    hypervisor.flows('--no-stats'),
    hypervisor.groups(),
    hypervisor.meters(),
  ]);
  return {
    flows: sorted(flows.map(flow => flow.replace(SENTINEL, 'cookie=sentinel$1'))),
    groups: sorted(groups),
    meters: sorted(meters),
  };
}

function sorted(lines: readonly string[]): readonly string[] {
  return [...lines].sort((a, b) => (a < b ? -1 : Number(a > b)));
}

/** One line for each difference: `+` is only in `now`, `-` only in `before`. */
export function differences(before: SwitchState, now: SwitchState): readonly string[] {
  return (['flows', 'groups', 'meters'] as const).flatMap(part => {
    const old = new Set(before[part]);
    const current = new Set(now[part]);
    return [
      ...now[part].filter(line => !old.has(line)).map(line => `+ ${line}`),
      ...before[part].filter(line => !current.has(line)).map(line => `- ${line}`),
    ];
  });
}
