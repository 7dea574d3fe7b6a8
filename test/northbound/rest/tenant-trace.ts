/**
 * A random sequence of requests by a tenant, from a seed, and its replies without what api.md accepts to differ: revisions, times,
 * and the values of ids and MACs (not which is the same as which). It is made from the declarations of the nouns, so that a new one is
 * in it by itself.
 */
import { resourceOf } from '../../../src/model/index.js';
import type { OfferedKind } from '../../../src/model/kinds.js';
import { snakeCase } from '../../../src/model/letter-case.js';
import { referencesOf } from '../../../src/store/references.js';
import { newId } from '../../../src/store/write-operations.js';
import { SeededRandom } from '../../seeded-random.js';
import type { Ask } from './callers.js';
import { collections, sampleValues, tenantCollections, tenantValue } from './every-noun.js';
import type { Answer, Json } from './rest-fixture.js';

const uuidText = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const macText = /\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/g;

/** What a request was and what came back. */
export interface Exchange {
  readonly asked: string;
  readonly told: string;
}

/** What is made first, so that there is something to refer to: one of each, and two ports. */
const beginning = tenantCollections.flatMap(kind => (kind === 'logical-switch-ports' ? [kind, kind] : [kind]));

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: Json;
  readonly headers?: Readonly<Record<string, string>>;
  /** What it makes if all goes well. */
  readonly made?: OfferedKind;
}

export class TenantTrace {
  readonly exchanges: Exchange[] = [];
  /** Revisions of its own writes. */
  readonly revisions: number[] = [];
  /** Those that it has made: a write that changes nothing tells the revision of now. */
  readonly #created: number[] = [];
  readonly #random: SeededRandom;
  readonly #ask: Ask;
  readonly #project: string;
  readonly #neighbour: string;
  readonly #strangers = new Set<string>();
  readonly #names = new Map<string, string>();
  /** Ids of what it has made, and of what it has deleted. */
  readonly #made = new Map<OfferedKind, string[]>();
  readonly #gone = new Map<OfferedKind, string[]>();
  #steps = 0;

  /** @param neighbour a project that it shares with, whether or not somebody works there */
  constructor(seed: number, project: string, ask: Ask, neighbour = 'nobody') {
    this.#random = new SeededRandom(seed);
    this.#ask = ask;
    this.#project = project;
    this.#neighbour = neighbour;
  }

  /** Names of what it has made, which others may try. */
  get ids(): readonly string[] {
    return [...this.#made.values()].flat();
  }

  /** What it has made something of. */
  get kinds(): readonly OfferedKind[] {
    return [...this.#made.keys(), ...this.#gone.keys()];
  }

  /** One more request. `strangers` are ids of others: where nobody else is, of nothing. */
  async step(strangers: readonly string[]): Promise<void> {
    for (const id of strangers) this.#strangers.add(id);
    const { method, path, body, headers, made } = this.#next(strangers);
    const answer = await this.#ask(method, path, body, headers);
    const { id } = (answer.body['object'] ?? answer.body) as Json;
    if (made !== undefined && [201, 202].includes(answer.status)) this.#note(this.#made, made, String(id));
    if (method === 'DELETE' && answer.status === 204) this.#lose(path);
    if (method !== 'GET' && answer.status < 300) this.revisions.push(Number(answer.headers['weft-revision']));
    if (answer.status === 201) this.#created.push(Number(answer.headers['weft-revision']));
    this.exchanges.push({
      asked: this.#plain(`${method} ${path} ${JSON.stringify(body ?? null)}`),
      told: this.told(answer),
    });
  }

  #note(where: Map<OfferedKind, string[]>, kind: OfferedKind, id: string): void {
    const ids = where.get(kind) ?? [];
    where.set(kind, ids.includes(id) ? ids : [...ids, id]);
  }

  #lose(path: string): void {
    const [, , collection, id = ''] = (path.split('?')[0] ?? '').split('/');
    const kind = collections.find(each => each === collection);
    if (kind === undefined) return;
    this.#note(this.#gone, kind, id);
    this.#made.set(
      kind,
      (this.#made.get(kind) ?? []).filter(each => each !== id),
    );
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
      .replaceAll(this.#neighbour, 'NEIGHBOUR')
      .replace(uuidText, alias)
      .replace(macText, alias)
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replace(/(revision\\?":|revision )\d+/g, '$1N')
      .replace(/(\/revisions\/)\d+/g, '$1N')
      .replace(/req-\w+/g, 'REQ')
      .replace(/(^|\n)id: \d+/g, '$1id: N');
  }

  #next(strangers: readonly string[]): Request {
    const random = this.#random;
    const first = beginning[this.#steps++];
    if (first !== undefined) return this.#begin(first);
    const kind = random.pick(collections);
    const path = `/v1/${kind}`;
    return random.pick<() => Request>([
      () => this.#create(random.pick(tenantCollections), strangers),
      () => this.#create(kind, strangers),
      () => this.#awaited(kind, strangers),
      () => this.#verdict(strangers),
      () => this.#counters(strangers),
      // How a write of its own has fared, whoever has written since.
      () => ({ method: 'GET', path: `/v1/revisions/${random.pick(this.#created)}` }),
      () => this.#again(strangers),
      () => this.#replace(strangers),
      () => this.#patch(strangers),
      () => this.#patch(strangers),
      () => ({
        method: 'DELETE',
        path: `${path}/${this.#idOf(kind, strangers)}${random.chance(0.3) ? '?cascade=true' : ''}`,
      }),
      () => ({ method: 'GET', path: `${path}/${this.#idOf(kind, strangers)}` }),
      () => ({ method: 'GET', path: `${path}?${this.#filter(kind, strangers)}` }),
      () => ({ method: 'GET', path: `${path}?limit=${1 + random.below(5)}` }),
      () => ({ method: 'GET', path: '/v1/usage' }),
      () => this.#transaction(strangers),
    ])();
  }

  /** An id of one's own, or of a stranger. */
  #idOf(kind: OfferedKind, strangers: readonly string[]): string {
    const own = this.#made.get(kind) ?? [];
    return own.length === 0 || this.#random.chance(0.2) ? this.#random.pick(strangers) : this.#random.pick(own);
  }

  /**
   * A value of the noun: the sample, with what it refers to replaced (whatever member it is in), in one of a few networks, without
   * some of the members that may be left out.
   */
  #value(kind: OfferedKind, strangers: readonly string[]): Json {
    const random = this.#random;
    const samples = sampleValues();
    const sample = tenantValue(kind, samples[kind], String(samples['logical-switch-ports']['id']));
    const { id: _, project_id: __, ...members } = sample;
    let text = JSON.stringify({
      ...members,
      name: `n${random.below(6)}`,
      labels: { tier: random.pick(['web', 'db']) },
    });
    for (const other of collections) {
      const sampled = String(samples[other]['id']);
      while (text.includes(sampled)) text = text.replace(sampled, this.#idOf(other, strangers));
    }
    const value = JSON.parse(text.replaceAll('10.0.0.', `10.${random.below(3)}.0.`)) as Record<string, unknown>;
    const { fields } = resourceOf(kind);
    for (const [name, field] of Object.entries(fields))
      if (field.presence === 'default' && random.chance(0.2)) delete value[snakeCase(name)];
    // With somebody who is not here, or who may be.
    if (fields['sharedWith'] !== undefined && random.chance(0.4))
      value['shared_with'] = [random.pick(['somebody-else', this.#neighbour])];
    return value;
  }

  /** One of each, which refers to what there is, in one network. */
  #begin(kind: OfferedKind): Request {
    const samples = sampleValues();
    const sample = tenantValue(kind, samples[kind], String(samples['logical-switch-ports']['id']));
    const { id: _, project_id: __, ips, ...members } = sample;
    // The other port cannot have the same address.
    const isSecond = this.#made.has(kind) || ips === undefined;
    let text = JSON.stringify(isSecond ? members : { ...members, ips });
    for (const other of collections) {
      const own = this.#made.get(other) ?? [];
      const sampled = String(samples[other]['id']);
      // Each in turn: what refers to two, refers to different ones.
      for (let turn = 0; text.includes(sampled); turn += 1)
        text = text.replace(sampled, own[turn % own.length] ?? 'none');
    }
    return { method: 'POST', path: `/v1/${kind}`, body: JSON.parse(text) as Json, made: kind };
  }

  #create(kind: OfferedKind, strangers: readonly string[]): Request {
    return { method: 'POST', path: `/v1/${kind}`, body: this.#value(kind, strangers), made: kind };
  }

  #awaited(kind: OfferedKind, strangers: readonly string[]): Request {
    const { method, path, body, made } = this.#create(kind, strangers);
    return { method, path: `${path}?wait=applied&timeout_ms=0`, body: body ?? {}, made: made ?? kind };
  }

  /** About an address that others may have too, or a port of others. */
  #verdict(strangers: readonly string[]): Request {
    const random = this.#random;
    const to = random.pick([
      `to_ip=10.${random.below(3)}.0.${1 + random.below(9)}`,
      `to_port_id=${this.#idOf('logical-switch-ports', strangers)}`,
    ]);
    const port = this.#idOf('logical-switch-ports', strangers);
    return { method: 'GET', path: `/v1/logical-switch-ports/${port}/verdict?${to}&protocol=tcp&port=80` };
  }

  #counters(strangers: readonly string[]): Request {
    const kind = this.#random.pick(['security-groups', 'security-group-rules'] as const);
    return { method: 'GET', path: `/v1/${kind}/${this.#idOf(kind, strangers)}/counters` };
  }

  /** An object with an id that is taken, or that one had which is gone. */
  #again(strangers: readonly string[]): Request {
    const kind = this.#random.pick(tenantCollections);
    const ids = [...(this.#gone.get(kind) ?? []), ...(this.#made.get(kind) ?? [])];
    if (ids.length === 0) return this.#create(kind, strangers);
    const body = { ...this.#value(kind, strangers), id: this.#random.pick(ids) };
    return { method: 'POST', path: `/v1/${kind}`, body, made: kind };
  }

  #replace(strangers: readonly string[]): Request {
    const kind = this.#random.pick(tenantCollections);
    const own = this.#made.get(kind) ?? [];
    // That an id of others is taken is told, so only one's own are tried.
    if (own.length === 0) return this.#create(kind, strangers);
    // A revision that no object has: the first object of an empty database has the first.
    const match = this.#random.chance(0.3) ? { 'if-match': '"1000000"' } : {};
    return {
      method: 'PUT',
      path: `/v1/${kind}/${this.#random.pick(own)}`,
      body: this.#value(kind, strangers),
      headers: match,
    };
  }

  #patch(strangers: readonly string[]): Request {
    const kind = this.#random.pick(collections);
    const members = Object.entries(this.#value(kind, strangers));
    const body = Object.fromEntries(members.filter(() => this.#random.chance(0.3)));
    return { method: 'PATCH', path: `/v1/${kind}/${this.#idOf(kind, strangers)}`, body };
  }

  #filter(kind: OfferedKind, strangers: readonly string[]): string {
    const filters = referencesOf(kind).map(
      ({ wire, kind: other }) => `${wire}=${this.#idOf(other as OfferedKind, strangers)}`,
    );
    return this.#random.pick([
      `name=n${this.#random.below(6)}`,
      'label=tier=web',
      `project_id=${this.#project}`,
      ...filters,
    ]);
  }

  /** Two objects, the second of which refers to what it can of the first, and a change of any object. */
  #transaction(strangers: readonly string[]): Request {
    const random = this.#random;
    const [first, second] = [random.pick(tenantCollections), random.pick(tenantCollections)];
    const id = newId();
    const value = { ...this.#value(second, strangers) } as Record<string, unknown>;
    for (const { wire, kind } of referencesOf(second)) if (kind === first && wire in value) value[wire] = id;
    const kind = random.pick(collections);
    const changed = { op: random.chance(0.3) ? 'delete' : 'merge', kind, id: this.#idOf(kind, strangers) };
    const operations = [
      { op: 'create', kind: first, value: { ...this.#value(first, strangers), id } },
      { op: 'create', kind: second, value },
      ...(random.chance(0.5) ? [] : [changed.op === 'delete' ? changed : { ...changed, value: { name: 'merged' } }]),
    ];
    return { method: 'POST', path: '/v1/transactions', body: { operations } };
  }
}
