/**
 * What security groups say of the first packet of a connection, as their definition says it, at every step of the database that a host may
 * still be at. What all of these steps allow at both ends must arrive, and what all of them deny at one end must not.
 */
import { cidrContains, parseCidr, parseIp, type IpAddress } from '../../src/base/address.js';
import type {
  Direction,
  Kind,
  LogicalSwitchPort,
  RowOf,
  SecurityGroup,
  SecurityGroupRule,
} from '../../src/model/index.js';
import { selects } from '../../src/model/port-selector.js';
import { familiesOf } from '../../src/model/rule-invariants.js';
import type { ChangeLogRow } from '../../src/store/change-log.js';
import type { Tables } from './simulated-store.js';

const kinds = ['security-groups', 'security-group-rules', 'address-sets', 'logical-switch-ports'] as const;
type PolicyKind = (typeof kinds)[number];
type State = { readonly [K in PolicyKind]: ReadonlyMap<string, RowOf<K>> };

/** A UDP packet between two logical switch ports. */
export interface Datagram {
  readonly fromId: string;
  readonly toId: string;
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly destinationPort: number;
}

const udpNumber = '17';
/** At the same priority the stricter decides. */
const strictness = { allow: 0, reject: 1, drop: 2 } as const;

export class Policies<Host> {
  /** Packets that there was something to say of. */
  judged = 0;
  readonly #tables: () => Tables;
  #states: State[] = [];
  /** How many states have been before the first that is kept. */
  #forgotten = 0;
  /** By host, the state that it had in force; it may be at any later one. */
  readonly #since = new Map<Host, number>();

  constructor(tables: () => Tables) {
    this.#tables = tables;
  }

  committed(changes: readonly ChangeLogRow[]): void {
    if (changes.some(({ kind }) => (kinds as readonly Kind[]).includes(kind)))
      this.#states.push(copyOf(this.#tables()));
  }

  /** These hosts have everything in force. */
  applied(hosts: readonly Host[]): void {
    if (this.#states.length === 0) this.#states.push(copyOf(this.#tables()));
    for (const host of hosts) this.#since.set(host, this.#forgotten + this.#states.length - 1);
    const oldest = Math.min(...this.#since.values());
    this.#states.splice(0, oldest - this.#forgotten);
    this.#forgotten = oldest;
  }

  /** It is not known what this host holds. */
  disturbed(host: Host): void {
    this.#since.delete(host);
  }

  unsettled(): void {
    this.#since.clear();
    this.#forgotten += this.#states.length;
    this.#states = [];
  }

  /**
   * True: it must arrive; false: it must not; null: that depends on how far the hosts are, or it is not known. Two hosts are each at a step
   * of its own: what one step lets out, and another one lets in, may pass while both are on their way, even if each of them denies it.
   */
  verdict(packet: Datagram, sender: Host, receiver: Host): boolean | null {
    const [atSender, atReceiver] = [this.#statesOf(sender), this.#statesOf(receiver)];
    if (atSender.length === 0 || atReceiver.length === 0) return null;
    const verdicts =
      sender === receiver
        ? [new Set(atSender.map(state => isAllowed(state, packet)))]
        : [
            new Set(atSender.map(state => isAllowedBy(state, packet, 'egress'))),
            new Set(atReceiver.map(state => isAllowedBy(state, packet, 'ingress'))),
          ];
    const isDenied = verdicts.some(of => !of.has(true));
    if (!isDenied && verdicts.some(of => of.has(false))) return null;
    this.judged += 1;
    return !isDenied;
  }

  /** Those that it may be at; none where that is not known. */
  #statesOf(host: Host): readonly State[] {
    const since = this.#since.get(host);
    return since === undefined ? [] : this.#states.slice(since - this.#forgotten);
  }
}

function copyOf(tables: Tables): State {
  return Object.fromEntries(kinds.map(kind => [kind, new Map<string, unknown>(tables[kind])])) as unknown as State;
}

function isAllowed(state: State, packet: Datagram): boolean {
  return isAllowedBy(state, packet, 'egress') && isAllowedBy(state, packet, 'ingress');
}

/** What the groups of its sender (egress) or of its receiver say. */
function isAllowedBy(state: State, packet: Datagram, direction: Direction): boolean {
  const port = state['logical-switch-ports'].get(direction === 'egress' ? packet.fromId : packet.toId);
  const groups = port === undefined ? [] : groupsOf(state, port);
  const own = new Set(groups.map(({ id }) => id));
  const found = [...state['security-group-rules'].values()].filter(
    rule => own.has(rule.securityGroupId) && rule.direction === direction && matches(state, rule, packet),
  );
  const decides =
    strongest(found.filter(({ stateless }) => stateless)) ?? strongest(found.filter(({ stateless }) => !stateless));
  if (decides !== null) return decides.action === 'allow';
  return !groups.some(({ isolates }) => isolates.includes(direction));
}

function strongest(rules: readonly SecurityGroupRule[]): SecurityGroupRule | null {
  const [first] = rules.toSorted((a, b) => b.priority - a.priority || strictness[b.action] - strictness[a.action]);
  return first ?? null;
}

function groupsOf(state: State, port: LogicalSwitchPort): readonly SecurityGroup[] {
  return [...state['security-groups'].values()].filter(
    ({ id, portSelector }) =>
      port.securityGroups.includes(id) || (portSelector !== null && selects(portSelector, port.labels)),
  );
}

function matches(state: State, rule: SecurityGroupRule, packet: Datagram): boolean {
  const { protocol, portMin, portMax } = rule;
  if (!familiesOf(rule).includes(packet.source.family)) return false;
  if (protocol !== null && protocol !== 'udp' && protocol !== udpNumber) return false;
  if (portMin !== null && (packet.destinationPort < portMin || packet.destinationPort > (portMax ?? portMin)))
    return false;
  const other = rule.direction === 'ingress' ? packet.source : packet.destination;
  const remotes = remotesOf(state, rule);
  return remotes === null || remotes.some(text => holds(text, other));
}

/** Addresses and networks that the other side may be in; null: it may be anybody. */
function remotesOf(state: State, rule: SecurityGroupRule): readonly string[] | null {
  const { remoteCidr, remoteGroupId, remoteAddressSetId } = rule;
  if (remoteCidr !== null) return [remoteCidr];
  if (remoteAddressSetId !== null) return state['address-sets'].get(remoteAddressSetId)?.addresses ?? [];
  if (remoteGroupId === null) return null;
  return [...state['logical-switch-ports'].values()]
    .filter(port => groupsOf(state, port).some(({ id }) => id === remoteGroupId))
    .flatMap(port => [...port.ips.map(({ ip }) => ip), ...port.allowedAddresses.map(({ cidr }) => cidr)]);
}

function holds(text: string, ip: IpAddress): boolean {
  const address = parseIp(text);
  if (address !== null) return address.family === ip.family && address.value === ip.value;
  const network = parseCidr(text);
  return network !== null && cidrContains(network, ip);
}
