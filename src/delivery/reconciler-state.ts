/**
 * The states of one hypervisor's reconciler, as data.
 *
 *   disconnected -> standby -> claiming -> reading -> comparing -> idle <-> delivering
 *                                 |  ^                  ^            |
 *                                 v  | newer term       +------------+  audit, or the switch said something odd
 *                               fenced
 * Every state may go to disconnected.
 */
export type ReconcilerState =
  /** No OpenFlow connection. The switch goes on with what it has. */
  | 'disconnected'
  /** Connected, but this Weft does not hold the lease: it only watches. */
  | 'standby'
  /** Asking for the MASTER role with the lease's term. */
  | 'claiming'
  /** The switch has seen a newer term: it takes nothing from us until the lease has a newer one still. */
  | 'fenced'
  /** Reading the sentinel. */
  | 'reading'
  /** Dumping the switch, comparing it, and sending the difference. */
  | 'comparing'
  /** Nothing to send, or everything left is held back or was refused. */
  | 'idle'
  /** A round is in flight. */
  | 'delivering';

export const reconcilerMoves: { readonly [State in ReconcilerState]: readonly ReconcilerState[] } = {
  disconnected: ['standby', 'claiming'],
  standby: ['disconnected', 'claiming'],
  claiming: ['disconnected', 'standby', 'fenced', 'reading', 'idle'],
  fenced: ['disconnected', 'standby', 'claiming'],
  reading: ['disconnected', 'fenced', 'comparing', 'idle'],
  comparing: ['disconnected', 'fenced', 'idle'],
  idle: ['disconnected', 'standby', 'claiming', 'comparing', 'delivering'],
  delivering: ['disconnected', 'fenced', 'idle'],
};
