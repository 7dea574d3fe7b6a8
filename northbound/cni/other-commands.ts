/** DEL, CHECK, STATUS and GC. */
import { setTimeout as sleep } from 'node:timers/promises';
import { CniError } from './cni-error.js';
import { type Context, payDebts, removeAttachment } from './context.js';
import { portLabels } from './controller.js';
import { attachmentsOnHost, describeInterface } from './devices.js';
import { attachmentKeys } from './host-database.js';
import { hostDeviceOf, identityOf } from './identity.js';
import { isObject, objectOf, listOf, member } from './json.js';
import { removeHostInterfaces } from './host-interface.js';
import { withLock } from './lock.js';
import { type Attachment, validAttachments } from './request.js';
import { interfaceIn } from './result.js';
import { mesosPorts } from './wishes.js';

/** Removes an attachment; succeeds where nothing of it is left, and where Weft is away. @throws CniError */
export async function remove(context: Context, asked: Attachment): Promise<void> {
  const { request, configuration, host } = context;
  // A host without identity has never had any.
  if (host.hypervisor === '') return;
  const ifname = configuration.interfaceName ?? asked.ifname;
  const identity = identityOf(host.hypervisor, request.network, { ...asked, ifname });
  const { capabilities, runtimeConfig } = request.config;
  const may = (capability: string): boolean =>
    objectOf(capabilities)[capability] === true || listOf(member(objectOf(runtimeConfig), capability)).length > 0;
  const belongings = {
    groupId: may('netOutRules') ? identity.egressGroupId : null,
    mayHaveMappings: may('portMappings') || mesosPorts(request).length > 0,
  };
  await withLock(identity.portId, configuration.timeoutMs, () =>
    removeAttachment(context, identity.portId, belongings),
  );
  await payDebts(context);
}

const convergencePollMs = 100;

/** Whether an attachment is as ADD left it. It may be asked right after ADD. @throws CniError notAsExpected */
export async function check(context: Context, asked: Attachment): Promise<void> {
  const { request, configuration, database, host } = context;
  const { prevResult: previous } = request.config;
  if (!isObject(previous)) throw new CniError('invalidConfiguration', 'CHECK needs prevResult');
  const ifname = configuration.interfaceName ?? asked.ifname;
  const expected = interfaceIn(previous, ifname);
  if (expected === null) throw new CniError('invalidConfiguration', `prevResult has no interface ${ifname}`);
  const inside = asked.netns === null ? null : await describeInterface(asked.netns, ifname);
  if (inside === null) throw new CniError('notAsExpected', `the container has no ${ifname}`);
  if (!inside.isUp) throw new CniError('notAsExpected', `${ifname} is down`);
  if (expected.mac !== null && inside.mac.toLowerCase() !== expected.mac.toLowerCase())
    throw new CniError('notAsExpected', `${ifname} has the MAC ${inside.mac} instead of ${expected.mac}`);
  const missing = expected.addresses.filter(address => !inside.addresses.includes(address));
  if (missing.length > 0) throw new CniError('notAsExpected', `${ifname} has lost ${missing.join(', ')}`);

  const { hostDevice, portId } = identityOf(host.hypervisor, request.network, { ...asked, ifname });
  const deadline = performance.now() + configuration.timeoutMs;
  for (;;) {
    const known = await database.interface(hostDevice);
    if (known?.portId === portId && known.isInstalled && known.error === '') break;
    if (known === null || performance.now() > deadline) {
      const why = known === null ? 'is not on the bridge' : known.error === '' ? 'is not in force' : known.error;
      throw new CniError('notAsExpected', `${hostDevice} (the host's end of ${ifname}) ${why}`);
    }
    await sleep(convergencePollMs);
  }
  await checkPort(context, portId);
}

/** What is there goes on while Weft is away; so that is no fault of the container. */
async function checkPort({ controller }: Context, portId: string): Promise<void> {
  try {
    const { status } = await controller.port(portId);
    if (!status.up) throw new CniError('notAsExpected', `the port is ${status.state}: ${status.reason ?? ''}`);
  } catch (error) {
    if (error instanceof CniError && error.kind === 'tryAgainLater') return;
    throw error;
  }
}

/** Whether ADD would work now. @throws CniError notAvailable */
export async function status(context: Context): Promise<void> {
  const { host, controller } = context;
  if (host.hypervisor === '' || host.bridge === null)
    throw new CniError('notAvailable', 'this host has not joined Weft, or Weft has not made its bridge yet');
  try {
    await Promise.all([controller.ready(), controller.logicalSwitch()]);
  } catch (error) {
    if (!(error instanceof CniError)) throw error;
    throw new CniError('notAvailable', error.message, error.details, { cause: error });
  }
  await payDebts(context);
}

/** Removes what belongs to attachments of the network that the runtime does not have any more. @throws CniError of the first that stays */
export async function collect(context: Context): Promise<void> {
  const { request, configuration, database, host, controller } = context;
  const valid = validAttachments(request.config);
  if (valid === null || host.hypervisor === '') return;
  const { network } = request;
  // Where the interface has a name of its own, the runtime still says CNI_IFNAME.
  const isValid = (containerId: string | undefined, ifname: string | undefined): boolean =>
    valid.some(each => each.containerId === containerId && (configuration.interfaceName ?? each.ifname) === ifname);
  const [made, devices, onHost] = await Promise.all([
    controller.made(host.hypervisor, network),
    database.attachedTo(network),
    attachmentsOnHost(network),
  ]);
  const stale = new Set<string>();
  for (const { id, labels } of made.ports)
    if (!isValid(labels[portLabels.container], labels[portLabels.ifname])) stale.add(id);
  for (const { name, portId, externalIds } of devices) {
    const isOurs = portId !== '' && name === hostDeviceOf(portId);
    if (isOurs && !isValid(externalIds.get(attachmentKeys.container), externalIds.get(attachmentKeys.ifname)))
      stale.add(portId);
  }
  for (const each of onHost)
    if (!isValid(each.containerId, each.ifname)) stale.add(identityOf(host.hypervisor, network, each).portId);
  const work = [...stale].map(
    portId => () =>
      withLock(portId, configuration.timeoutMs, () =>
        removeAttachment(context, portId, { groupId: null, mayHaveMappings: true }),
      ),
  );
  const groups = made.groups.filter(({ labels }) => !isValid(labels[portLabels.container], labels[portLabels.ifname]));
  work.push(
    ...groups.map(
      ({ id }) =>
        () =>
          controller.deleteGroup(id),
    ),
  );
  // With its last container the host's own interface has no purpose.
  if (valid.length === 0) work.push(() => removeHostInterfaces(context));
  let first: unknown = null;
  for (const each of work) await each().catch((error: unknown) => (first ??= error));
  if (first !== null) throw first;
  await payDebts(context);
}
