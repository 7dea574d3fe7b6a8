/**
 * The network between the hypervisors, in a namespace of its own: one Linux bridge that carries the tunnels and one for
 * management. Beside it runs the management relay, through which hypervisors reach a controller that listens on the
 * machine's loopback (see management-relay.ts).
 */
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CONTROLLER_ADDRESS } from './addresses.js';
import { createNamespace, ipBatch, setKernelOptions } from './namespaces.js';
import { commandEnvironment } from './processes.js';
import type { LabState } from './state.js';

/** The bridge that carries the tunnels: capture here to see what is between the hypervisors. */
export const UNDERLAY_BRIDGE = 'underlay';
export const MANAGEMENT_BRIDGE = 'management';

export function underlayNamespace(state: LabState): string {
  return state.namespaceName('underlay');
}

/** Makes the underlay's namespace with both bridges. */
export async function createUnderlay(state: LabState, mtu: number): Promise<void> {
  const namespace = underlayNamespace(state);
  state.intendNamespace(namespace);
  await createNamespace(namespace);
  await setKernelOptions(namespace, { 'ipv6/conf/default/disable_ipv6': 1, 'ipv6/conf/all/disable_ipv6': 1 });
  await ipBatch(namespace, [
    `link add ${UNDERLAY_BRIDGE} mtu ${mtu} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set ${UNDERLAY_BRIDGE} up`,
    `link add ${MANAGEMENT_BRIDGE} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`,
    `link set ${MANAGEMENT_BRIDGE} up`,
    `addr add ${CONTROLLER_ADDRESS}/24 dev ${MANAGEMENT_BRIDGE}`,
  ]);
}

/** Starts the management relay as a daemon and returns when it listens. `ports`: those inside, and where each leads to. */
export async function startManagementRelay(state: LabState, ports: ReadonlyMap<number, number>): Promise<void> {
  const log = openSync(join(state.directory, 'management-relay.log'), 'a');
  const program = fileURLToPath(new URL('management-relay.js', import.meta.url));
  const pairs = [...ports].map(([listen, dial]) => `${listen}=${dial}`).join(',');
  const child = spawn(process.execPath, [program, underlayNamespace(state), CONTROLLER_ADDRESS, pairs], {
    env: commandEnvironment(state.mark),
    stdio: ['ignore', log, log, 'ipc'],
    detached: true,
  });
  await new Promise<void>((resolve, reject) => {
    child.once('message', () => resolve());
    child.once('error', reject);
    child.once('exit', status =>
      reject(new Error(`the management relay ended with ${status}: see ${state.directory}/management-relay.log`)),
    );
  });
  if (child.pid !== undefined) state.recordProcess(child.pid, 'management relay');
  child.removeAllListeners('exit');
  child.disconnect();
  child.unref();
}
