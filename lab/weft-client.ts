/** A small REST client of Weft for the demo, the end-to-end tests and the benchmarks: JSON in and out, as a script would. */
import { request as httpsRequest } from 'node:https';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { rootCertificates } from 'node:tls';
import { eventually, PATIENCE_MS } from './processes.js';
import type { WorkloadPort } from './workload.js';

/** Any object of a collection; members beside these by the names of the API. */
export interface RestObject {
  readonly id: string;
  readonly name: string;
  readonly revision: number;
  readonly [member: string]: unknown;
}

export interface LogicalSwitchPortReply extends RestObject {
  readonly logical_switch_id: string;
  readonly mac: string;
  readonly ips: readonly { readonly ip: string; readonly subnet_id: string }[];
  readonly status: {
    readonly bound_to: string | null;
    readonly up: boolean;
    readonly applied_revision: number | null;
    readonly state: string;
    readonly reason: string | null;
  };
}

export interface HypervisorReply extends RestObject {
  readonly state: string;
  readonly reason: string | null;
  readonly connected: boolean;
  readonly applied_revision: number | null;
}

interface RevisionReply {
  readonly hypervisors: { readonly pending: readonly unknown[]; readonly failed: readonly unknown[] };
}

/** Objects before those that they refer to. */
const DELETION_ORDER = [
  'dns-records',
  'dhcp-options',
  'mirrors',
  'load-balancers',
  'nat-rules',
  'qos-rules',
  'security-group-rules',
  'policy-routes',
  'static-neighbours',
  'bfd-sessions',
  'static-routes',
  'logical-router-ports',
  'logical-routers',
  'virtual-addresses',
  'logical-switch-ports',
  'security-groups',
  'address-sets',
  'subnets',
  'logical-switches',
];

interface SubnetReply extends RestObject {
  readonly cidr: string;
  readonly gateway_ip: string | null;
}

/** One operation of a transaction. */
export interface Operation {
  readonly op: 'create' | 'replace' | 'merge' | 'delete';
  readonly kind: string;
  readonly id?: string;
  readonly value?: Readonly<Record<string, unknown>>;
}

export interface TransactionReply {
  readonly revision: number;
  readonly results: readonly (RestObject | null)[];
}

/** A reply with another status than the call allows. `body` is the problem document, when there is one. */
export class WeftReplyError extends Error {
  constructor(
    readonly method: string,
    readonly path: string,
    readonly status: number,
    readonly body: unknown,
  ) {
    super(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
    this.name = 'WeftReplyError';
  }
}

export interface WriteOptions {
  /** Hold the reply until all hypervisors concerned have acknowledged; not acknowledged in time (202) throws. Milliseconds. */
  readonly appliedWithinMs?: number;
}

export class WeftClient {
  constructor(
    /** Without a slash at the end. */
    readonly url: string,
    private readonly token: string | null = null,
    /** PEM of the authority behind an https URL, beside those that Node.js trusts; null: none. */
    private readonly authority: string | null = null,
  ) {}

  /** Any request. Throws WeftReplyError when the status is 400 or more. */
  async request(
    method: string,
    path: string,
    value?: unknown,
  ): Promise<{ status: number; headers: Headers; body: unknown }> {
    const headers: Record<string, string> = {};
    if (this.token !== null) headers['authorization'] = `Bearer ${this.token}`;
    if (value !== undefined) headers['content-type'] = 'application/json';
    const content = value === undefined ? null : JSON.stringify(value);
    const response = await this.exchange(method, `${this.url}${path}`, headers, content);
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    const body: unknown = isJson && text !== '' ? JSON.parse(text) : text;
    if (response.status >= 400) throw new WeftReplyError(method, path, response.status, body);
    return { status: response.status, headers: response.headers, body };
  }

  private exchange(
    method: string,
    url: string,
    headers: Readonly<Record<string, string>>,
    content: string | null,
  ): Promise<Response> {
    const { authority } = this;
    if (authority === null) return fetch(url, { method, headers, ...(content === null ? {} : { body: content }) });
    // fetch takes no authority of its own.
    return new Promise((resolve, reject) => {
      const ca = [...rootCertificates, authority];
      const outgoing = httpsRequest(url, { method, headers, ca }, incoming => {
        buffer(incoming).then(bytes => {
          const status = incoming.statusCode ?? 0;
          const received = new Headers();
          for (const [name, values] of Object.entries(incoming.headersDistinct)) {
            for (const each of values ?? []) received.append(name, each);
          }
          resolve(new Response(status === 204 ? null : bytes, { status, headers: received }));
        }, reject);
      });
      outgoing.on('error', reject);
      outgoing.end(content ?? undefined);
    });
  }

  private async write(method: string, path: string, value: unknown, options: WriteOptions): Promise<unknown> {
    const wait = options.appliedWithinMs;
    const query = wait === undefined ? '' : `${path.includes('?') ? '&' : '?'}wait=applied&timeout_ms=${wait}`;
    const { status, body } = await this.request(method, `${path}${query}`, value);
    if (status === 202) throw new WeftReplyError(method, path, status, body);
    return body;
  }

  async create<T extends RestObject = RestObject>(
    collection: string,
    value: Readonly<Record<string, unknown>>,
    options: WriteOptions = {},
  ): Promise<T> {
    return (await this.write('POST', `/v1/${collection}`, value, options)) as T;
  }

  async patch<T extends RestObject = RestObject>(
    collection: string,
    id: string,
    value: Readonly<Record<string, unknown>>,
    options: WriteOptions = {},
  ): Promise<T> {
    return (await this.write('PATCH', `/v1/${collection}/${id}`, value, options)) as T;
  }

  async delete(
    collection: string,
    id: string,
    options: WriteOptions & { readonly cascade?: boolean } = {},
  ): Promise<void> {
    await this.write(
      'DELETE',
      `/v1/${collection}/${id}${options.cascade === true ? '?cascade=true' : ''}`,
      undefined,
      options,
    );
  }

  async transaction(operations: readonly Operation[], options: WriteOptions = {}): Promise<TransactionReply> {
    return (await this.write('POST', '/v1/transactions', { operations }, options)) as TransactionReply;
  }

  async get<T extends RestObject = RestObject>(collection: string, id: string): Promise<T> {
    return (await this.request('GET', `/v1/${collection}/${id}`)).body as T;
  }

  /** All objects of a collection that pass the filter (`{name: 'web'}`), over all pages. */
  async list<T extends RestObject = RestObject>(
    collection: string,
    filter: Readonly<Record<string, string>> = {},
  ): Promise<readonly T[]> {
    const items: T[] = [];
    for (let after: string | undefined; ; ) {
      const query = new URLSearchParams({ ...filter, limit: '500', ...(after === undefined ? {} : { after }) });
      const page = (await this.request('GET', `/v1/${collection}?${query.toString()}`)).body as {
        items: T[];
        next?: string;
      };
      items.push(...page.items);
      if (page.next === undefined || page.next === null) return items;
      after = page.next;
    }
  }

  /** An object by id, or by name when exactly one has it. */
  async find<T extends RestObject = RestObject>(collection: string, idOrName: string): Promise<T> {
    if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(idOrName)) return this.get<T>(collection, idOrName);
    const found = await this.list<T>(collection, { name: idOrName });
    const [first] = found;
    if (first === undefined || found.length > 1) throw new Error(`${found.length} ${collection} are named ${idOrName}`);
    return first;
  }

  /** Waits until the hypervisors of these names are connected and in state `ready`. */
  async hypervisorsReady(
    names: readonly string[],
    timeoutMs = PATIENCE_MS,
  ): Promise<ReadonlyMap<string, HypervisorReply>> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const all = await this.list<HypervisorReply>('hypervisors');
      const byName = new Map(all.map(hypervisor => [hypervisor.name, hypervisor]));
      const missing = names.filter(name => {
        const hypervisor = byName.get(name);
        return hypervisor?.connected !== true || hypervisor.state !== 'ready';
      });
      if (missing.length === 0) return byName;
      if (performance.now() > end) {
        const seen = missing.map(
          name => `${name}: ${byName.get(name)?.state ?? 'unknown'} ${byName.get(name)?.reason ?? ''}`,
        );
        throw new Error(`hypervisors are not ready within ${timeoutMs} ms: ${seen.join(', ')}`);
      }
      await sleep(100);
    }
  }

  /** What a workload has to be told of its port: addresses with prefix lengths, default routers, MTU. */
  async workloadPort(idOrName: string): Promise<WorkloadPort> {
    const port = await this.find<LogicalSwitchPortReply>('logical-switch-ports', idOrName);
    const logicalSwitch = await this.get('logical-switches', port.logical_switch_id);
    const subnets = await this.list<SubnetReply>('subnets', { logical_switch_id: port.logical_switch_id });
    const byId = new Map(subnets.map(subnet => [subnet.id, subnet]));
    const addresses: string[] = [];
    const gateways: string[] = [];
    for (const { ip, subnet_id } of port.ips) {
      const subnet = byId.get(subnet_id);
      if (subnet === undefined) throw new Error(`port ${port.id} has an address of an unknown subnet ${subnet_id}`);
      addresses.push(`${ip}/${subnet.cidr.split('/')[1] ?? ''}`);
      const gateway = subnet.gateway_ip;
      if (gateway !== null && !gateways.some(known => known.includes(':') === gateway.includes(':')))
        gateways.push(gateway);
    }
    return {
      name: port.name,
      portId: port.id,
      mac: port.mac,
      addresses,
      gateways,
      mtu: Number(logicalSwitch['effective_mtu']),
    };
  }

  /** Waits until Weft knows that a hypervisor wants packets in this encapsulation. */
  async hypervisorEncapsulates(name: string, encapType: string, timeoutMs = PATIENCE_MS): Promise<void> {
    await eventually(
      `${name} wants ${encapType}`,
      async () => (await this.find('hypervisors', name))['encap_type'] === encapType,
      timeoutMs,
      100,
    );
  }

  /** Waits until no connected hypervisor is behind the newest revision. Throws, naming those that are, after `timeoutMs`. */
  async converged(timeoutMs = PATIENCE_MS): Promise<number> {
    const end = performance.now() + timeoutMs;
    const { headers } = await this.request('GET', '/v1/hypervisors?limit=1');
    const revision = Number(headers.get('weft-revision'));
    for (;;) {
      const { body } = await this.request('GET', `/v1/revisions/${revision}`);
      const { pending, failed } = (body as RevisionReply).hypervisors;
      if (pending.length === 0 && failed.length === 0) return revision;
      if (performance.now() > end) {
        throw new Error(
          `revision ${revision} is not in force within ${timeoutMs} ms: ${JSON.stringify({ pending, failed })}`,
        );
      }
      await sleep(50);
    }
  }

  /** Deletes all logical objects, in one transaction. Hypervisors stay. */
  async deleteNetworks(options: WriteOptions = {}): Promise<void> {
    // Sub-ports before their parents.
    const isSubPort = (row: RestObject): number => Number((row['parent'] ?? null) !== null);
    const all = await Promise.all(DELETION_ORDER.map(async kind => ({ kind, objects: await this.list(kind) })));
    const operations = all.flatMap(({ kind, objects }) =>
      objects.toSorted((a, b) => isSubPort(b) - isSubPort(a)).map(({ id }): Operation => ({ op: 'delete', kind, id })),
    );
    if (operations.length > 0) await this.transaction(operations, options);
  }

  /** Waits until a port is bound to a hypervisor and up. */
  async portUp(id: string, hypervisor: string, timeoutMs = PATIENCE_MS): Promise<LogicalSwitchPortReply> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const port = await this.get<LogicalSwitchPortReply>('logical-switch-ports', id);
      if (port.status.up && port.status.bound_to === hypervisor) return port;
      if (performance.now() > end) {
        throw new Error(
          `port ${port.name} is not up on ${hypervisor} within ${timeoutMs} ms: ${JSON.stringify(port.status)}`,
        );
      }
      await sleep(50);
    }
  }
}
