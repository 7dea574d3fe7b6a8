/** What the handlers stand on: the network as the view has it, and writes in the name of an engine. */
import { WeftError } from '../../src/base/errors.js';
import type { Clock } from '../../src/base/clock.js';
import type { Logger } from '../../src/base/log.js';
import {
  type Hypervisor,
  type Kind,
  type LogicalSwitch,
  type LogicalSwitchPort,
  resourceOf,
  type RowOf,
  type Subnet,
} from '../../src/model/index.js';
import { looksLikeUuid } from '../../src/model/value-types.js';
import type { Store, Transaction } from '../../src/store/store.js';
import type { NetworkState } from '../rest/network-state.js';
import { labelOf, networkPortId, roleOf, swarmPortId } from './names.js';

/** Who makes the devices of containers: Weft, as internal ports of Open vSwitch, or a process on the host. */
export type Attach = 'internal' | 'veth';

/** Of whom Docker says that a network is known: one engine, or all of a swarm. */
export type Scope = 'local' | 'global';

/** A Docker engine that asks. */
export interface Engine {
  /** The hypervisor on which it runs. */
  readonly hypervisor: Hypervisor;
  readonly attach: Attach;
  readonly scope: Scope;
}

export interface SceneParts {
  readonly store: Pick<Store, 'write'>;
  readonly state: Pick<NetworkState, 'view' | 'reach' | 'acknowledged' | 'effectiveMtu' | 'fleet'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Networks that an engine is about to make; more than any makes at once. */
const mostExpected = 1_000;

export class Scene {
  readonly #parts: SceneParts;
  /** Logical switches by engine and range: what `docker network create` said with --ipam-opt, until it comes to the network. */
  readonly #expected = new Map<string, string>();

  constructor(parts: SceneParts) {
    this.#parts = parts;
  }

  /**
   * Docker asks for a range first, and then for a network of it, without a word of how the range was chosen. A Weft that is started again
   * between the two has forgotten; -o weft.network says it for good.
   */
  expectNetwork(hypervisorId: string, cidr: string, logicalSwitchId: string): void {
    if (this.#expected.size >= mostExpected) this.#expected.clear();
    this.#expected.set(`${hypervisorId} ${cidr}`, logicalSwitchId);
  }

  /** The logical switch of a range that was asked for by its name; null: it was not. */
  expectedNetwork(hypervisorId: string, cidr: string): LogicalSwitch | null {
    const id = this.#expected.get(`${hypervisorId} ${cidr}`);
    return id === undefined ? null : this.view.get('logical-switches', id);
  }

  forgetNetwork(hypervisorId: string, cidr: string): void {
    this.#expected.delete(`${hypervisorId} ${cidr}`);
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get log(): Logger {
    return this.#parts.log;
  }

  get state(): SceneParts['state'] {
    return this.#parts.state;
  }

  get view(): SceneParts['state']['view'] {
    return this.#parts.state.view;
  }

  /** One transaction, in the name of the engine; what is read afterwards includes it. */
  async write<T>({ hypervisor }: Engine, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const { store, state } = this.#parts;
    const { revision, result } = await store.write({ actor: `docker on ${hypervisor.name}`, source: 'docker' }, work);
    state.acknowledged(revision);
    await state.reach(revision);
    return result;
  }

  port(id: string): LogicalSwitchPort | null {
    return this.view.get('logical-switch-ports', id);
  }

  portsOn(logicalSwitchId: string): readonly LogicalSwitchPort[] {
    return this.view.by('logical-switch-ports', 'logicalSwitchId', logicalSwitchId);
  }

  subnetsOf(logicalSwitchId: string): readonly Subnet[] {
    return this.view.by('subnets', 'logicalSwitchId', logicalSwitchId);
  }

  /** Who has the address on the logical switch. */
  portWith(logicalSwitchId: string, ip: string): LogicalSwitchPort | null {
    return this.portsOn(logicalSwitchId).find(port => port.ips.some(each => each.ip === ip)) ?? null;
  }

  /** The port that stands for the network of the engine; of a swarm also where the engine has not met it yet. */
  networkPort({ hypervisor, scope }: Engine, networkId: string): LogicalSwitchPort | null {
    const own = this.port(networkPortId(hypervisor.id, networkId));
    return own ?? (scope === 'global' ? this.port(swarmPortId(networkId)) : null);
  }

  /** The ports that stand for networks of the engine; in a swarm also those of the swarm, whichever engine it was that made them. */
  networkPorts({ hypervisor, scope }: Engine): readonly LogicalSwitchPort[] {
    const own = this.#networkPortsOn(hypervisor);
    if (scope === 'local') return own;
    const others = this.view.rows('hypervisors').filter(({ id }) => id !== hypervisor.id);
    const isOfSwarm = ({ id, labels }: LogicalSwitchPort): boolean => id === swarmPortId(labels[labelOf.network] ?? '');
    return [...own, ...others.flatMap(each => this.#networkPortsOn(each)).filter(isOfSwarm)];
  }

  #networkPortsOn({ name }: Hypervisor): readonly LogicalSwitchPort[] {
    const ports = this.view.by('logical-switch-ports', 'hypervisor', name);
    return ports.filter(port => roleOf(port) === 'network');
  }

  /** The subnet of the range on that network of the engine which was made with the range as it is: there is one at most. */
  subnetOfRange(engine: Engine, cidr: string): Subnet | null {
    for (const { labels, logicalSwitchId } of this.networkPorts(engine)) {
      if (labels[labelOf.named] !== undefined) continue;
      const subnet = this.subnetsOf(logicalSwitchId).find(each => each.cidr === cidr);
      if (subnet !== undefined) return subnet;
    }
    return null;
  }

  logicalSwitch(id: string): LogicalSwitch {
    const row = this.view.get('logical-switches', id);
    if (row === null) throw new WeftError('not_found', { detail: `There is no logical switch ${id}.` });
    return row;
  }

  /** The object of this id or name; null: there is none. @throws WeftError reference_ambiguous */
  find<K extends Kind>(kind: K, idOrName: string): RowOf<K> | null {
    const rows: readonly RowOf<Kind>[] = looksLikeUuid(idOrName)
      ? [this.view.get(kind, idOrName.toLowerCase()) as RowOf<Kind> | null].filter(row => row !== null)
      : (this.view.rows(kind) as readonly RowOf<Kind>[]).filter(({ name }) => name === idOrName);
    if (rows.length > 1)
      throw new WeftError('reference_ambiguous', {
        detail: `${rows.length} objects of ${kind} are named ${idOrName}: say the id.`,
      });
    return (rows[0] as unknown as RowOf<K> | undefined) ?? null;
  }

  /** @throws WeftError reference_not_found, reference_ambiguous */
  require<K extends Kind>(kind: K, idOrName: string): RowOf<K> {
    const row = this.find(kind, idOrName);
    if (row === null)
      throw new WeftError('reference_not_found', {
        detail: `There is no ${resourceOf(kind).singular} with the id or name ${idOrName.slice(0, 255)}.`,
      });
    return row;
  }
}
