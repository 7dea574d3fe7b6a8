/** Where one port is bound, for whoever marks interfaces and says whether a port is up. */
import type { NetworkReader } from './network-view.js';

export interface PortPlace {
  readonly hypervisorId: string;
  readonly interfaceUuid: string;
  /** The interface is its own, not its parent's. */
  readonly isOwn: boolean;
  /** The binding is newer than what was delivered. */
  readonly isAhead: boolean;
}

export function portPlaces(view: NetworkReader, portId: string, deliveredRevision: number): readonly PortPlace[] {
  const isOwn = (view.get('logical-switch-ports', portId)?.parentId ?? null) === null;
  return view.by('port-bindings', 'logicalSwitchPortId', portId).map(({ hypervisorId, interfaceUuid, revision }) => ({
    hypervisorId,
    interfaceUuid,
    isOwn,
    isAhead: revision > deliveredRevision,
  }));
}
