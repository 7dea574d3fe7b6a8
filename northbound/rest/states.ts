/** The states that hypervisors and ports show, with what they mean and what to do; docs/api.md has the same table. */

export const hypervisorStates = {
  ready: 'Its switch holds the newest revision.',
  synchronizing: 'Its switch is being read, or brought up to the newest revision. `reason` says what it waits for.',
  joining: 'It is connected and its bridge is being made, or its switch is awaited.',
  pending:
    'It wants to join and is not approved: set `approved` to true (`weft hypervisor approve NAME`), or delete it.',
  refused:
    'Its bridge belongs to somebody else. Empty the bridge, name another in `external_ids:weft-bridge`, or set `adopt` to true.',
  'flows-only':
    'Only OpenFlow is connected; flows are kept as they were. Look at ovsdb-server and the manager target on the host.',
  disconnected: 'Neither connection is there. The switch goes on with what it has, and is compared when it is back.',
  standby: 'It is connected to this Weft, but another one holds the lease and programs it.',
  fenced: 'The switch has seen a newer owner than this Weft; the lease is raised above it, and it is claimed again.',
  leaving: 'It was deleted, and what Weft made on it is being removed.',
  removed: 'It was deleted. It is cleaned up, or will be when it connects; set `allowed` to true to let it join again.',
} as const;

export type HypervisorState = keyof typeof hypervisorStates;

export const portStates = {
  up: 'Bound, and its flows are acknowledged.',
  pending: 'Bound; its hypervisor has not acknowledged its flows yet.',
  unbound: 'No interface claims it, or none that may. `reason` says what is missing.',
  disabled: 'Bound, with `enabled` false: everything is dropped.',
  unknown: 'Bound to a hypervisor that is not connected: how it fares cannot be told.',
  failed: 'The switch refused its flows; `reason` has the words of the switch.',
  isolated:
    'Its flows are acknowledged, and its hypervisor has no way to the physical network of its logical switch. `reason` says what is missing.',
} as const;

export type PortState = keyof typeof portStates;
