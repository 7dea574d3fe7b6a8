/** One client of a churn: random operations of every noun and verb on its own networks, and on ports of a switch that all share. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Operation, type WeftClient, WeftReplyError } from '../../lab/weft-client.js';
import type { SeededRandom } from '../seeded-random.js';
import { Acknowledged, type KnownObject, type Members, type Outcome, type Settled } from './acknowledged.js';

/** A client neither grows nor shrinks beyond these, so that memory can be compared over time. */
const mostOf: Readonly<Record<string, number>> = {
  'logical-switches': 4,
  subnets: 6,
  'logical-switch-ports': 25,
  'logical-routers': 3,
  'logical-router-ports': 6,
  'static-routes': 8,
};
const kinds = Object.keys(mostOf);
const retryMs = 100;
/** Longer than any transaction goes on without its client. */
const lateCommitMs = 5_000;

/** What is asked of Weft: a request, and what it makes of the objects concerned. */
interface Write {
  readonly verb: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly outcome: Outcome;
}

export interface ChurnCounts {
  operations: number;
  acknowledged: number;
  refused: number;
  /** Without an answer that says what became of them. */
  unanswered: number;
  /** Of these, done only after Weft was there again. */
  late: number;
  /** Acknowledged, by verb and noun. */
  readonly byVerb: Map<string, number>;
}

export class ChurnClient {
  readonly known = new Acknowledged();
  #next = 0;

  constructor(
    private readonly number: number,
    private readonly client: WeftClient,
    private readonly random: SeededRandom,
    private readonly sharedSwitchId: string,
    private readonly hypervisorIds: readonly string[],
    private readonly counts: ChurnCounts,
  ) {}

  /** One operation, whatever becomes of it. */
  async operate(): Promise<void> {
    const write = this.#choose();
    if (write === null) return;
    this.counts.operations += 1;
    try {
      await this.client.request(write.method, write.path, write.body);
      this.known.take(write.outcome);
      this.counts.acknowledged += 1;
      this.counts.byVerb.set(write.verb, (this.counts.byVerb.get(write.verb) ?? 0) + 1);
    } catch (error) {
      if (error instanceof WeftReplyError && error.status < 500) {
        this.counts.refused += 1;
        return;
      }
      this.counts.unanswered += 1;
      await this.#lookAfter(write.outcome);
    }
  }

  /**
   * Finds out what became of a write whose answer was lost. A transaction that Postgres was carrying out when Weft was killed may
   * still be committed: that it is undone counts only when some time later it is still so.
   */
  async #lookAfter(outcome: Outcome): Promise<void> {
    if ((await this.#look(outcome)) === 'done') return;
    await sleep(lateCommitMs);
    if ((await this.#look(outcome)) === 'done') this.counts.late += 1;
  }

  /** Waits for somebody to ask, and asks. */
  async #look(outcome: Outcome): Promise<Settled> {
    const found = new Map<string, Members | null>();
    for (const [id, object] of outcome) {
      const kind = object?.kind ?? this.known.get(id)?.kind;
      if (kind === undefined) continue;
      for (;;) {
        try {
          found.set(id, await this.client.get(kind, id));
          break;
        } catch (error) {
          if (error instanceof WeftReplyError && error.status === 404) {
            found.set(id, null);
            break;
          }
          await sleep(retryMs);
        }
      }
    }
    return this.known.settle(outcome, found);
  }

  #choose(): Write | null {
    const { random } = this;
    const dice = random.below(100);
    if (dice < 3) return this.#patchHypervisor();
    if (dice < 13) return this.#transaction();
    const kind = dice < 55 ? 'logical-switch-ports' : random.pick(kinds);
    const own = this.known.of(kind);
    const most = mostOf[kind] ?? 0;
    const wantsMore = own.length < most / 2 || (own.length < most && random.chance(0.4));
    if (wantsMore) return this.#create(kind);
    if (own.length === 0) return null;
    const object = random.pick(own);
    return random.chance(0.45) ? this.#delete(object) : this.#change(object);
  }

  #patchHypervisor(): Write {
    const id = this.random.pick(this.hypervisorIds);
    const body = { [this.random.pick(['drain', 'gateway'])]: this.random.chance(0.5) };
    // Shared by all clients: nobody's knowledge.
    return { verb: 'PATCH hypervisors', method: 'PATCH', path: `/v1/hypervisors/${id}`, body, outcome: new Map() };
  }

  #create(kind: string): Write | null {
    const members = this.#membersOf(kind);
    if (members === null) return null;
    const id = randomUUID();
    const outcome = new Map([[id, { kind, id, members }]]);
    if (this.random.chance(0.2)) {
      return { verb: `PUT ${kind}`, method: 'PUT', path: `/v1/${kind}/${id}`, body: members, outcome };
    }
    return { verb: `POST ${kind}`, method: 'POST', path: `/v1/${kind}`, body: { id, ...members }, outcome };
  }

  #change({ kind, id, members }: KnownObject): Write {
    const patch = this.#patchOf(kind);
    const outcome = new Map([[id, { kind, id, members: { ...members, ...patch } }]]);
    const path = `/v1/${kind}/${id}`;
    return { verb: `PATCH ${kind}`, method: 'PATCH', path, body: patch, outcome };
  }

  #delete({ kind, id }: KnownObject): Write {
    const gone = this.random.chance(0.5) ? this.#dependentsOf(id) : [];
    const outcome = new Map([id, ...gone].map((each): [string, null] => [each, null]));
    const query = gone.length === 0 ? '' : '?cascade=true';
    return {
      verb: `DELETE ${kind}${query}`,
      method: 'DELETE',
      path: `/v1/${kind}/${id}${query}`,
      outcome,
    };
  }

  /** Ids of all objects that refer to one, directly or not. All are this client's. */
  #dependentsOf(id: string): readonly string[] {
    const found = new Set([id]);
    for (let before = 0; before !== found.size; ) {
      before = found.size;
      for (const object of this.known.objects) {
        const { logical_switch_id, logical_router_id } = object.members;
        if ([logical_switch_id, logical_router_id].some(reference => found.has(String(reference))))
          found.add(object.id);
      }
    }
    found.delete(id);
    return [...found];
  }

  /** Several objects at once, or a change and a deletion: all or nothing. */
  #transaction(): Write | null {
    const operations: Operation[] = [];
    const outcome = new Map<string, KnownObject | null>();
    const ports = this.known.of('logical-switch-ports');
    const room = (mostOf['logical-switch-ports'] ?? 0) - ports.length;
    for (let count = Math.min(room, 1 + this.random.below(4)); count > 0; count -= 1) {
      const members = this.#membersOf('logical-switch-ports');
      if (members === null) break;
      const id = randomUUID();
      operations.push({ op: 'create', kind: 'logical-switch-ports', id, value: members });
      outcome.set(id, { kind: 'logical-switch-ports', id, members });
    }
    const [changed, deleted] = ports;
    if (changed !== undefined && this.random.chance(0.6)) {
      const patch = this.#patchOf(changed.kind);
      operations.push({ op: 'merge', kind: changed.kind, id: changed.id, value: patch });
      outcome.set(changed.id, { ...changed, members: { ...changed.members, ...patch } });
    }
    if (deleted !== undefined && this.random.chance(0.6)) {
      operations.push({ op: 'delete', kind: deleted.kind, id: deleted.id });
      outcome.set(deleted.id, null);
    }
    if (operations.length === 0) return null;
    const path = '/v1/transactions';
    return { verb: 'POST transactions', method: 'POST', path, body: { operations }, outcome };
  }

  #name(): string {
    this.#next += 1;
    return `c${this.number}-${this.#next}`;
  }

  #pickId(kind: string): string | null {
    const own = this.known.of(kind);
    return own.length === 0 ? null : this.random.pick(own).id;
  }

  /** Members of a new object; null when what it needs is not there. Some of them will be refused: they overlap. */
  #membersOf(kind: string): Members | null {
    const { random } = this;
    const logical_switch_id = this.#pickId('logical-switches');
    const logical_router_id = this.#pickId('logical-routers');
    switch (kind) {
      case 'logical-switches':
      case 'logical-routers':
        return { name: this.#name(), ...this.#patchOf(kind) };
      case 'subnets':
        return logical_switch_id === null ? null : { logical_switch_id, cidr: this.#cidr() };
      case 'logical-switch-ports': {
        const isShared = logical_switch_id === null || random.chance(0.3);
        return { name: this.#name(), logical_switch_id: isShared ? this.sharedSwitchId : logical_switch_id };
      }
      case 'logical-router-ports': {
        if (logical_router_id === null || logical_switch_id === null) return null;
        const subnet = this.known
          .of('subnets')
          .find(({ members }) => members['logical_switch_id'] === logical_switch_id);
        const known = subnet?.members['cidr'];
        const cidr = typeof known === 'string' ? known : this.#cidr();
        const networks = [cidr.includes(':') ? cidr.replace('::/', '::1/') : cidr.replace('.0/', '.1/')];
        return { name: this.#name(), logical_router_id, logical_switch_id, networks };
      }
      default:
        return logical_router_id === null ? null : { logical_router_id, destination: this.#cidr(), discard: true };
    }
  }

  /** A network of this client's own. */
  #cidr(): string {
    const third = this.random.below(30);
    return this.random.chance(0.7)
      ? `10.${this.number + 1}.${third}.0/24`
      : `fd00:${this.number + 1}:${third + 1}::/64`;
  }

  #patchOf(kind: string): Members {
    const { random } = this;
    const patches: Readonly<Record<string, readonly Members[]>> = {
      'logical-switches': [{ mtu: 1300 + random.below(100) }],
      'logical-routers': [{ enabled: random.chance(0.7) }],
      'logical-switch-ports': [
        { enabled: random.chance(0.7) },
        { port_security: random.chance(0.5) },
        { unknown_macs: random.chance(0.3) },
        { hypervisor: random.pick(['hv1', 'hv2', 'hv3', null]) },
        { mac: `02:00:00:00:${(this.number + 16).toString(16)}:${(random.below(200) + 16).toString(16)}` },
      ],
      'static-routes': [{ discard: true }],
      subnets: [{ dhcp: random.chance(0.5) }],
    };
    return random.pick([...(patches[kind] ?? []), { labels: { turn: String(random.below(100)) } }]);
  }
}
