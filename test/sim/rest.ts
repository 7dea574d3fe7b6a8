/** When nothing happens any more: whether everything is said to be in force, and whether it is. */
import type { Controller } from '../../src/controller.js';
import {
  checkBindings,
  checkHostDatabase,
  checkNothingLost,
  checkQueues,
  ScratchCompile,
  Violation,
} from './invariants.js';
import type { SimulatedHost } from './simulated-host.js';
import type { SimulatedDatabase } from './simulated-store.js';

export interface Resting {
  readonly hosts: readonly SimulatedHost[];
  readonly database: SimulatedDatabase;
  /** The one in charge. */
  readonly controller: Controller | null;
}

/** Why it is not at rest, by what the controller says; null if it is. */
export function unrest({ hosts, database, controller }: Resting): string | null {
  if (controller === null) return 'nobody is in charge';
  const { convergence } = controller.fleet;
  if (controller.view.revision !== database.revision) return 'the view is behind';
  if (!convergence.isApplied(database.revision)) return 'not everything is applied';
  for (const { name, key, error } of convergence.failures()) return `${name} has refused ${key}: ${error}`;
  for (const host of hosts) {
    const id = database.hypervisorId(host.name) ?? '';
    const delivery = controller.fleet.status(id);
    if (delivery?.connected !== true || delivery.state !== 'idle') {
      return `${host.name} is ${delivery?.state ?? 'not known'}: ${delivery?.lastError ?? ''}`;
    }
    const rows = controller.hosts.status(id)?.database.kind;
    if (rows !== 'joined') return `the database of ${host.name} is ${rows}`;
  }
  return null;
}

/** @throws Violation */
export function checkRest({ hosts, database, controller }: Resting): void {
  if (controller === null) throw new Violation('nobody is in charge at rest');
  checkNothingLost(controller, database);
  checkBindings(hosts, database);
  const scratch = new ScratchCompile(database.snapshot());
  for (const host of hosts) {
    const id = database.hypervisorId(host.name);
    if (id === null) throw new Violation(`${host.name} is not known at rest`);
    scratch.check(host, id);
    checkHostDatabase(host, id, database);
    checkQueues(host, id, database);
  }
}
