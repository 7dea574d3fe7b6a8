/** What the plugin asks of Weft: the network, the port of an attachment with all that goes with it, and its removal. */
import type { LogicalSwitch, LogicalSwitchPort, LogicalSwitchPortCreate } from '../client/api.js';
import { type Operation, ProblemError, UnreachableError, WeftClient } from '../client/client.js';
import type { Subnet } from './addresses.js';
import { CniError } from './cni-error.js';
import { type Configuration, readConfigured, readSecret } from './configuration.js';
import type { Identity } from './identity.js';
import type { Attachment } from './request.js';
import type { Wishes } from './wishes.js';

/** Labels by which ports of attachments are found again. */
export const portLabels = {
  hypervisor: 'weft-cni/hypervisor',
  network: 'weft-cni/network',
  container: 'weft-cni/container',
  ifname: 'weft-cni/ifname',
  /** Of the host's own port: the network of the runtime. */
  hostInterface: 'weft-cni/host-interface',
} as const;

/** Whose port it is. */
export interface Owner {
  readonly hypervisor: string;
  readonly network: string;
  readonly attachment: Pick<Attachment, 'containerId' | 'ifname'>;
}

const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export class Controller {
  readonly #client: WeftClient;
  readonly #configuration: Configuration;

  /** @throws CniError invalidConfiguration where a file cannot be read */
  constructor(configuration: Configuration) {
    const { url, tokenFile, caFile, timeoutMs } = configuration;
    this.#configuration = configuration;
    this.#client = new WeftClient({
      url,
      token: tokenFile === null ? null : readSecret(tokenFile),
      authority: caFile === null ? null : readConfigured(caFile),
      silenceMs: timeoutMs,
    });
  }

  /** @throws CniError where it does not answer, or cannot do its work */
  async ready(): Promise<void> {
    await asked(() => this.#client.request('GET /readyz'));
  }

  /** The logical switch with its subnets. @throws CniError */
  async logicalSwitch(): Promise<LogicalSwitch> {
    const { logicalSwitch } = this.#configuration;
    if (uuidForm.test(logicalSwitch)) return asked(() => this.#client.get('logical-switches', logicalSwitch));
    return only(
      'logical-switches',
      logicalSwitch,
      await asked(() => this.#client.list('logical-switches', { name: logicalSwitch })),
    );
  }

  async #securityGroups(): Promise<readonly string[]> {
    const resolved = this.#configuration.securityGroups.map(async name =>
      uuidForm.test(name)
        ? name.toLowerCase()
        : only('security-groups', name, await asked(() => this.#client.list('security-groups', { name }))).id,
    );
    return Promise.all(resolved);
  }

  /**
   * Makes the port of an attachment, or finds it as an earlier call has made it. One that an earlier call has made otherwise is made anew.
   * @throws CniError
   */
  async createPort(
    logicalSwitch: LogicalSwitch,
    identity: Identity,
    owner: Owner,
    wishes: Wishes,
  ): Promise<LogicalSwitchPort> {
    const operations = this.#operations(logicalSwitch, identity, owner, wishes, await this.#securityGroups());
    const place = operations.findIndex(({ kind }) => kind === 'logical-switch-ports');
    const create = () => asked(() => this.#client.transaction(operations));
    const { results } = await create().catch(async (error: unknown) => {
      if (!isProblem(error, 'id_in_use')) throw error;
      await this.deletePort(identity.portId);
      await this.deleteGroup(identity.egressGroupId);
      return create();
    });
    return results[place] as LogicalSwitchPort;
  }

  #operations(
    logicalSwitch: LogicalSwitch,
    identity: Identity,
    owner: Owner,
    wishes: Wishes,
    groups: readonly string[],
  ): readonly Operation[] {
    const { project, labels } = this.#configuration;
    const { attachment } = owner;
    const name = nameOf(attachment, wishes.name);
    const common = {
      name,
      labels: { ...labels, ...wishes.labels, ...ownLabels(owner) },
      ...(project === null ? {} : { project_id: project }),
    };
    const ips = addressRequests(logicalSwitch.subnets, this.#configuration.subnets, wishes.ips);
    const value: LogicalSwitchPortCreate = {
      ...common,
      logical_switch_id: logicalSwitch.id,
      ...(wishes.mac === null ? {} : { mac: wishes.mac }),
      ...(ips === null ? {} : { ips }),
      security_groups: wishes.egressRules === null ? groups : [...groups, identity.egressGroupId],
    };
    return [
      ...egressGroup(identity, common, wishes),
      { op: 'create', kind: 'logical-switch-ports', id: identity.portId, value },
      ...rateLimits(identity, project, wishes),
    ];
  }

  /** The port of the host itself, made if need be. @throws CniError */
  async createHostPort(
    logicalSwitch: LogicalSwitch,
    portId: string,
    hypervisor: string,
    network: string,
  ): Promise<LogicalSwitchPort> {
    const { project } = this.#configuration;
    const value: LogicalSwitchPortCreate = {
      id: portId,
      name: `host-${hypervisor}`.slice(0, 255),
      logical_switch_id: logicalSwitch.id,
      labels: { [portLabels.hypervisor]: hypervisor, [portLabels.hostInterface]: network },
      ...(project === null ? {} : { project_id: project }),
    };
    return asked(() => this.#client.create('logical-switch-ports', value)).catch((error: unknown) => {
      // It is there, and somebody has changed it since.
      if (isProblem(error, 'id_in_use')) return this.port(portId);
      throw error;
    });
  }

  /** Ports of the host itself on a network of the runtime. */
  async hostPorts(hypervisor: string, network: string): Promise<readonly LogicalSwitchPort[]> {
    const label = [`${portLabels.hypervisor}=${hypervisor}`, `${portLabels.hostInterface}=${network}`];
    return asked(() => this.#client.list('logical-switch-ports', { label }));
  }

  /** Removes the port, and what cannot be without it. @throws CniError tryAgainLater where Weft does not answer */
  async deletePort(portId: string): Promise<void> {
    await asked(() => this.#client.delete('logical-switch-ports', portId, { cascade: true }));
  }

  async deleteGroup(groupId: string): Promise<void> {
    await asked(() => this.#client.delete('security-groups', groupId, { cascade: true }));
  }

  /** @throws CniError refused where there is none */
  async port(portId: string): Promise<LogicalSwitchPort> {
    return asked(() => this.#client.get('logical-switch-ports', portId));
  }

  /** Ids of ports and of security groups that were made for a network of the runtime on this host. */
  async made(
    hypervisor: string,
    network: string,
  ): Promise<{ readonly ports: readonly LogicalSwitchPort[]; readonly groups: readonly LabelledGroup[] }> {
    const label = [`${portLabels.hypervisor}=${hypervisor}`, `${portLabels.network}=${network}`];
    const [ports, groups] = await asked(() =>
      Promise.all([
        this.#client.list('logical-switch-ports', { label }),
        this.#client.list('security-groups', { label }),
      ]),
    );
    return { ports, groups };
  }

  /** Waits until what Weft knows of the port is in force on every connected host. @throws CniError tryAgainLater */
  async applied(portId: string, withinMs: number): Promise<void> {
    const { revision } = await asked(() =>
      this.#client.request('GET /v1/logical-switch-ports/{id}', { path: { id: portId } }),
    );
    if (revision === null) return;
    const applied = await asked(() => this.#client.applied(revision, withinMs)).catch((error: unknown) => {
      // A tenant knows its own revisions only: the newest one is another's then.
      if (!isProblem(error, 'revision_unknown')) throw error;
      return { isApplied: true };
    });
    if (!applied.isApplied)
      throw new CniError('tryAgainLater', `revision ${revision} is not in force on every host within ${withinMs} ms`);
  }
}

interface LabelledGroup {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

export function ownLabels({ hypervisor, network, attachment }: Owner): Readonly<Record<string, string>> {
  return {
    [portLabels.hypervisor]: hypervisor,
    [portLabels.network]: network,
    [portLabels.container]: attachment.containerId,
    [portLabels.ifname]: attachment.ifname,
  };
}

/** What people and DNS call the port: the first interface of a workload goes by the name of the workload. */
export function nameOf(
  { containerId, ifname }: Pick<Attachment, 'containerId' | 'ifname'>,
  workload: string | null,
): string {
  const name = workload ?? containerId.slice(0, 12);
  return (ifname === 'eth0' ? name : `${name}-${ifname}`).slice(0, 255);
}

type AddressRequest = { readonly ip: string } | { readonly subnet_id: string };

const familyOf = (text: string): 4 | 6 => (text.includes(':') ? 6 : 4);

/**
 * What to ask for: the addresses wanted, and of each other family one that Weft chooses, from the subnets that are named or from the first of
 * the logical switch. Null: all as Weft chooses.
 * @throws CniError invalidConfiguration where a subnet is not there
 */
export function addressRequests(
  subnets: readonly Subnet[],
  named: readonly string[],
  wanted: readonly string[],
): readonly AddressRequest[] | null {
  if (named.length === 0 && wanted.length === 0) return null;
  const chosen = named.map(name => {
    const subnet = subnets.find(each => each.id === name.toLowerCase() || each.name === name || each.cidr === name);
    if (subnet === undefined) throw new CniError('invalidConfiguration', `the logical switch has no subnet ${name}`);
    return subnet;
  });
  const candidates = chosen.length > 0 ? chosen : subnets;
  const rest = ([4, 6] as const).flatMap(family => {
    const first = candidates.find(({ cidr }) => familyOf(cidr) === family);
    return first === undefined || wanted.some(ip => familyOf(ip) === family) ? [] : [{ subnet_id: first.id }];
  });
  return [...wanted.map(ip => ({ ip })), ...rest];
}

function egressGroup(
  identity: Identity,
  common: { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly project_id?: string },
  { egressRules }: Wishes,
): readonly Operation[] {
  if (egressRules === null) return [];
  const { project_id: project } = common;
  const id = identity.egressGroupId;
  const rules = egressRules.map((rule, index): Operation => {
    const value = {
      security_group_id: id,
      direction: 'egress',
      ethertype: rule.ethertype,
      protocol: rule.protocol,
      port_min: rule.portMin,
      port_max: rule.portMax,
      icmp_type: rule.icmpType,
      icmp_code: rule.icmpCode,
      remote_cidr: rule.remoteCidr,
      ...(project === undefined ? {} : { project_id: project }),
    } as const;
    return { op: 'create', kind: 'security-group-rules', id: identity.idOf(`egress rule ${index}`), value };
  });
  const value = { ...common, name: `${common.name} egress`.slice(0, 255), isolates: ['egress'] } as const;
  return [{ op: 'create', kind: 'security-groups', id, value }, ...rules];
}

function rateLimits({ portId, idOf }: Identity, project: string | null, wishes: Wishes): readonly Operation[] {
  return (['ingress', 'egress'] as const).flatMap((direction): readonly Operation[] => {
    const limit = wishes[direction];
    if (limit === null) return [];
    const { maxKbps, maxBurstKbps } = limit;
    const value = {
      logical_switch_port_id: portId,
      kind: 'bandwidth_limit',
      direction,
      max_kbps: maxKbps,
      ...(maxBurstKbps === null ? {} : { max_burst_kbps: maxBurstKbps }),
      ...(project === null ? {} : { project_id: project }),
    } as const;
    return [{ op: 'create', kind: 'qos-rules', id: idOf(`qos ${direction}`), value }];
  });
}

/** The only object of a name. @throws CniError invalidConfiguration */
function only<T>(kind: string, name: string, found: readonly T[]): T {
  const [first, second] = found;
  if (first === undefined) throw new CniError('invalidConfiguration', `Weft has no ${kind} named ${name}`);
  if (second !== undefined)
    throw new CniError('invalidConfiguration', `Weft has ${found.length} ${kind} named ${name}; give the id of one`);
  return first;
}

/** Whether Weft has refused something, and why. */
function isProblem(error: unknown, code: ProblemError['code']): boolean {
  return error instanceof CniError && error.cause instanceof ProblemError && error.cause.code === code;
}

/** Asks, and says what went wrong in CNI's words. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof UnreachableError)
      throw new CniError('tryAgainLater', 'Weft does not answer', error.message, { cause: error });
    if (!(error instanceof ProblemError)) throw error;
    const isForLater = error.retryAfterS !== null || error.status >= 500;
    const kind = isForLater
      ? 'tryAgainLater'
      : error.code === 'reference_not_found'
        ? 'invalidConfiguration'
        : 'refused';
    throw new CniError(kind, `${error.detail} (${error.code})`, error.help, { cause: error });
  }
}
