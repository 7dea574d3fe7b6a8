/** What a call stands on: the request, the host's Open vSwitch, the controller; and the removal of an attachment, which several commands need. */
import { CniError } from './cni-error.js';
import { type Configuration, onHost, readConfiguration } from './configuration.js';
import { Controller } from './controller.js';
import { Debts } from './debts.js';
import { removePair } from './devices.js';
import { type Host, HostDatabase } from './host-database.js';
import { hostDeviceOf } from './identity.js';
import { ifUnlocked } from './lock.js';
import { unmapPorts } from './port-mappings.js';
import type { Request } from './request.js';

export interface Context {
  readonly request: Request;
  readonly configuration: Configuration;
  readonly database: HostDatabase;
  readonly host: Host;
  readonly controller: Controller;
  readonly debts: Debts;
}

/** Does the work with the host's database open. @throws CniError */
export async function withContext<T>(request: Request, work: (context: Context) => Promise<T>): Promise<T> {
  const general = readConfiguration(request.config);
  const database = await HostDatabase.open(general.ovsdb);
  try {
    const host = await database.host();
    const configuration = onHost(general, host.hypervisor);
    const controller = new Controller(configuration);
    const debts = new Debts(configuration.stateDirectory);
    return await work({ request, configuration, database, host, controller, debts });
  } finally {
    database.close();
  }
}

/** What an attachment may have besides port and devices. */
export interface Belongings {
  /** Its own security group. */
  readonly groupId: string | null;
  /** Ports of the host. */
  readonly mayHaveMappings: boolean;
}

/**
 * Removes all of an attachment, of which nothing need be there. The port goes last: as long as it is there, GC finds the rest. Where Weft does
 * not answer, the port is owed and the removal has succeeded.
 */
export async function removeAttachment(
  { database, controller, debts }: Context,
  portId: string,
  { groupId, mayHaveMappings }: Belongings,
): Promise<void> {
  const device = hostDeviceOf(portId);
  if (mayHaveMappings) await unmapPorts(portId);
  await database.detach(device);
  await removePair(device);
  try {
    await controller.deletePort(portId);
    if (groupId !== null) await controller.deleteGroup(groupId);
    debts.remove(portId);
  } catch (error) {
    if (!(error instanceof CniError) || error.kind !== 'tryAgainLater') throw error;
    debts.add(portId);
  }
}

/** Tells the controller of ports that it could not be told of before. A port that is being made again is left alone. */
export async function payDebts({ controller, debts }: Pick<Context, 'controller' | 'debts'>): Promise<void> {
  for (const portId of debts.list()) {
    await ifUnlocked(portId, async () => {
      // What is still refused stays owed, and hinders nobody.
      await controller.deletePort(portId).then(
        () => debts.remove(portId),
        () => undefined,
      );
    });
  }
}
