/** Which tunnels to collectors outside a hypervisor needs: those of the mirrors of ports that are there. */
import { type MirrorTunnel, mirrorTunnels } from '../model/tunnel-ports.js';
import type { NetworkReader, Touched } from './network-view.js';
import { all } from './rows.js';

export function mirrorTunnelsOf(view: NetworkReader, hypervisorId: string): readonly MirrorTunnel[] {
  const kinds = new Set<string>();
  for (const { kind, logicalSwitchPortId } of view.by('mirrors', 'remote', all)) {
    if (view.get('bound-ports', logicalSwitchPortId)?.hypervisorId === hypervisorId) kinds.add(kind);
  }
  return mirrorTunnels.filter(kind => kinds.has(kind));
}

/** The hypervisors for which that may have changed. */
export function mirrorTunnelsTouched(view: NetworkReader, { changes }: Touched): ReadonlySet<string> {
  const hypervisorIds = new Set<string>();
  for (const change of changes) {
    if (change.kind === 'mirrors') {
      for (const row of [change.before, change.after]) {
        const bound = row === null || row.kind === 'local' ? null : view.get('bound-ports', row.logicalSwitchPortId);
        if (bound !== null) hypervisorIds.add(bound.hypervisorId);
      }
    } else if (change.kind === 'bound-ports') {
      const mirrors = view.by('mirrors', 'logicalSwitchPortId', change.id);
      if (!mirrors.some(({ kind }) => kind !== 'local')) continue;
      for (const row of [change.before, change.after]) if (row !== null) hypervisorIds.add(row.hypervisorId);
    }
  }
  return hypervisorIds;
}
