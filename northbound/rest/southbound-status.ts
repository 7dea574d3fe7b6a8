/** How the listeners for hypervisors fare: who is connected, who is refused and why, how long certificates last. */
import type { FastifyInstance } from 'fastify';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { SouthboundListener } from '../../southbound/hypervisor/listener.js';
import type { Clock } from '../../src/base/clock.js';
import type { TlsStatus } from '../../src/trust/tls-files.js';
import { ruleOf } from './access.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';

export interface SouthboundParts {
  readonly southbound: Pick<SouthboundListener, 'dialWarnings' | 'load' | 'refusals' | 'unadmitted'>;
  readonly clock: Clock;
  /** Null without TLS. */
  readonly tls: () => TlsStatus | null;
  /** Plain listeners that other machines can reach. */
  readonly plainTargets: readonly string[];
}

/** What an operator is shown; also what metrics and warnings are made of. */
export interface SouthboundStatus {
  readonly listeners: readonly {
    readonly use: string;
    readonly target: string;
    readonly encrypted: boolean;
    readonly connections: number;
  }[];
  readonly certificates: readonly { readonly what: string; readonly path: string; readonly expires_at: string }[];
  /** Why what is in the files is not in use; null if it is. */
  readonly certificate_fault: string | null;
  /** Peers that were refused in the last ten minutes. */
  readonly refused: readonly {
    readonly listener: string;
    readonly address: string;
    readonly certificate_names: readonly string[];
    readonly code: string;
    readonly reason: string;
    readonly count: number;
    readonly first_at: string;
    readonly last_at: string;
  }[];
  /** Hosts that are connected and not admitted. */
  readonly waiting: readonly { readonly peer: string; readonly system_id: string | null; readonly reason: string }[];
}

const warnBeforeMs = 30 * 86_400_000;

export class SouthboundReport {
  readonly #parts: SouthboundParts;

  constructor(parts: SouthboundParts) {
    this.#parts = parts;
  }

  status(): SouthboundStatus {
    const { southbound, tls } = this.#parts;
    const files = tls();
    return {
      listeners: southbound.load.map(({ use, target, connections }) => ({
        use,
        target,
        encrypted: target.startsWith('ssl:'),
        connections,
      })),
      certificates: (files?.expiries ?? []).map(({ what, path, at }) => ({ what, path, expires_at: at.toISOString() })),
      certificate_fault: files?.fault ?? null,
      refused: southbound.refusals.recent.map(({ listener, address, names, code, reason, count, firstAt, lastAt }) => ({
        listener,
        address,
        certificate_names: names,
        code,
        reason,
        count,
        first_at: firstAt.toISOString(),
        last_at: lastAt.toISOString(),
      })),
      waiting: southbound.unadmitted.map(({ peer, systemId, reason }) => ({ peer, system_id: systemId, reason })),
    };
  }

  /** What an operator should know, in words. */
  warnings(): readonly string[] {
    const { southbound, clock, tls, plainTargets } = this.#parts;
    const files = tls();
    const fault = files?.fault ?? null;
    const soonMs = clock.wallTime().getTime() + warnBeforeMs;
    const refused = southbound.refusals.recent.filter(({ code }) => code !== 'not_admitted').length;
    return [
      ...plainTargets.map(target => `${target} is neither encrypted nor authenticated`),
      ...southbound.dialWarnings,
      ...(files?.expiries ?? [])
        .filter(({ at }) => at.getTime() < soonMs)
        .map(({ path, at }) => `${path} expires at ${at.toISOString()}`),
      ...(fault === null ? [] : [`the certificates in the files are not in use: ${fault}`]),
      ...southbound.unadmitted.map(host => `${host.systemId ?? host.peer} is not admitted: ${host.reason}`),
      ...(refused === 0 ? [] : [`${refused} peers are refused by the listeners for hypervisors: see /v1/southbound`]),
    ];
  }

  register(registry: Registry): void {
    const { southbound, tls } = this.#parts;
    new Counter({
      name: 'weft_southbound_refused_total',
      help: 'Connections that were refused, by listener and reason.',
      labelNames: ['listener', 'code'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { listener, code, count } of southbound.refusals.totals) this.inc({ listener, code }, count);
      },
    });
    new Gauge({
      name: 'weft_southbound_connections',
      help: 'Connections at each listener for hypervisors.',
      labelNames: ['listener', 'target'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { use, target, connections } of southbound.load) this.set({ listener: use, target }, connections);
      },
    });
    new Gauge({
      name: 'weft_certificate_expiry_timestamp_seconds',
      help: "When the controller's certificate, the authority of hosts, and the list of revocations end to be good.",
      labelNames: ['file'],
      registers: [registry],
      collect() {
        this.reset();
        for (const { what, at } of tls()?.expiries ?? []) this.set({ file: what }, Math.floor(at.getTime() / 1000));
      },
    });
    new Counter({
      name: 'weft_certificate_reloads_total',
      help: 'Changes of the certificate files, by what became of them.',
      labelNames: ['result'],
      registers: [registry],
      collect() {
        this.reset();
        const files = tls();
        this.inc({ result: 'taken' }, files?.reloads ?? 0);
        this.inc({ result: 'failed' }, files?.failures ?? 0);
      },
    });
  }
}

export function registerSouthbound(app: FastifyInstance, context: RestContext): void {
  app.get(
    '/v1/southbound',
    specialRoute(
      ruleOf('hypervisors', 'read'),
      'The listeners for hypervisors: connections, certificates, who is refused and why',
    ),
    async () => context.southbound(),
  );
}
