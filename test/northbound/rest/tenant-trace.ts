/**
 * A random sequence of requests by a tenant, from a seed, and its replies without what api.md accepts to differ: revisions, times,
 * and the values of ids and MACs (not which is the same as which).
 */
import { SeededRandom } from '../../seeded-random.js';
import type { Ask } from './callers.js';
import type { Answer, Json } from './rest-fixture.js';

const uuidText = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const macText = /\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/g;

/** What a request was and what came back. */
export interface Exchange {
  readonly asked: string;
  readonly told: string;
}

export class TenantTrace {
  readonly exchanges: Exchange[] = [];
  /** Revisions of its own writes. */
  readonly revisions: number[] = [];
  readonly #random: SeededRandom;
  readonly #ask: Ask;
  readonly #project: string;
  readonly #strangers = new Set<string>();
  readonly #names = new Map<string, string>();
  readonly #made: Record<'switch' | 'port' | 'router' | 'leg', string[]> = {
    switch: [],
    port: [],
    router: [],
    leg: [],
  };

  constructor(seed: number, project: string, ask: Ask) {
    this.#random = new SeededRandom(seed);
    this.#ask = ask;
    this.#project = project;
  }

  /** Names of what it has made, which others may try. */
  get ids(): readonly string[] {
    return Object.values(this.#made).flat();
  }

  /** One more request. `strangers` are ids of others: where nobody else is, of nothing. */
  async step(strangers: readonly string[]): Promise<void> {
    for (const id of strangers) this.#strangers.add(id);
    const { method, path, body, made } = this.#next(strangers);
    const answer = await this.#ask(method, path, body);
    if (made !== undefined && answer.status === 201) this.#made[made].push(String(answer.body['id']));
    if (method !== 'GET' && answer.status < 300) this.revisions.push(Number(answer.headers['weft-revision']));
    this.exchanges.push({
      asked: this.#plain(`${method} ${path} ${JSON.stringify(body ?? null)}`),
      told: this.told(answer),
    });
  }

  told({ status, headers, text }: Answer): string {
    const kept = ['content-type', 'location', 'allow', 'retry-after', 'www-authenticate'].map(name => headers[name]);
    return this.#plain(JSON.stringify([status, kept, text]));
  }

  plain(text: string): string {
    return this.#plain(text);
  }

  #plain(text: string): string {
    const alias = (found: string): string => {
      if (this.#strangers.has(found)) return 'STRANGER';
      const known = this.#names.get(found) ?? `#${this.#names.size}`;
      this.#names.set(found, known);
      return known;
    };
    return text
      .replaceAll(this.#project, 'PROJECT')
      .replace(uuidText, alias)
      .replace(macText, alias)
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/(revision\\?":|revision )\d+/g, '$1N')
      .replace(/req-\w+/g, 'REQ')
      .replace(/(^|\n)id: \d+/g, '$1id: N');
  }

  #next(strangers: readonly string[]): {
    readonly method: string;
    readonly path: string;
    readonly body?: Json;
    readonly made?: 'switch' | 'port' | 'router' | 'leg';
  } {
    const random = this.#random;
    const pick = (ids: readonly string[]): string => (ids.length === 0 ? strangerOf() : random.pick(ids));
    const strangerOf = (): string => random.pick(strangers);
    const either = (ids: readonly string[]): string => (random.chance(0.2) ? strangerOf() : pick(ids));
    const { switch: switches, port: ports, router: routers, leg: legs } = this.#made;
    const name = `n${random.below(6)}`;
    const collection = random.pick([
      'logical-switches',
      'subnets',
      'logical-switch-ports',
      'logical-routers',
      'logical-router-ports',
      'static-routes',
      'quotas',
      'tokens',
      'hypervisors',
    ]);
    const anyId = either(this.ids);
    return random.pick([
      () => {
        const subnets = [{ cidr: `10.${random.below(3)}.0.0/24`, gateway_ip: null }];
        return { method: 'POST', path: '/v1/logical-switches', body: { name, subnets }, made: 'switch' as const };
      },
      () => {
        const ips = random.chance(0.5) ? { ips: [`10.${random.below(3)}.0.${2 + random.below(9)}`] } : {};
        const body = { name, logical_switch_id: either(switches), ...ips };
        return { method: 'POST', path: '/v1/logical-switch-ports', body, made: 'port' as const };
      },
      () => ({ method: 'POST', path: '/v1/logical-routers', body: { name }, made: 'router' as const }),
      () => {
        const networks = [`10.${random.below(3)}.0.1/24`];
        const body = { name, logical_router_id: either(routers), logical_switch_id: either(switches), networks };
        return { method: 'POST', path: '/v1/logical-router-ports', body, made: 'leg' as const };
      },
      () => {
        const body = { logical_router_id: either(routers), destination: '192.0.2.0/24', next_hop: '10.0.0.9' };
        return { method: 'POST', path: '/v1/static-routes', body };
      },
      () => ({
        method: 'PATCH',
        path: `/v1/logical-switch-ports/${either(ports)}`,
        body: { name, enabled: random.chance(0.5) },
      }),
      () => ({ method: 'PATCH', path: `/v1/logical-router-ports/${either(legs)}`, body: { peer_id: either(legs) } }),
      () => ({
        method: 'DELETE',
        path: `/v1/logical-switches/${either(switches)}${random.chance(0.3) ? '?cascade=true' : ''}`,
      }),
      () => ({ method: 'DELETE', path: `/v1/${collection}/${anyId}` }),
      () => ({ method: 'GET', path: `/v1/${collection}/${anyId}` }),
      () => ({ method: 'GET', path: `/v1/${collection}?limit=${1 + random.below(5)}` }),
      () => ({ method: 'GET', path: `/v1/${collection}?name=${name}` }),
      () => ({ method: 'GET', path: `/v1/logical-switch-ports?logical_switch_id=${either(switches)}` }),
      () => ({ method: 'GET', path: '/v1/usage' }),
      () => {
        const operations = [
          { op: 'create', kind: 'logical-routers', value: { name } },
          { op: 'merge', kind: collection, id: anyId, value: { name } },
        ];
        return { method: 'POST', path: '/v1/transactions', body: { operations } };
      },
    ])();
  }
}
