/**
 * The network driver and the IPAM driver of Docker (libnetwork's remote protocol), for both front ends: one that Docker engines ask straight,
 * and one that a process on their host passes on.
 *
 *   dockerd ── .spec ──► listener.ts ──┐
 *                                      ├──► Driver ──► pools, networks, endpoints ──► store
 *   dockerd ── socket ─► host process ─┘ routes.ts
 */
import { WeftError } from '../../src/base/errors.js';
import { Endpoints } from './endpoints.js';
import { Networks } from './networks.js';
import { Pools } from './pools.js';
import type { Body } from './requests.js';
import { type Engine, Scene, type SceneParts } from './scene.js';

/** What a method answers; null: there is no such method, which Docker takes for one that is not needed. */
export type Answer = Body | null;

export interface DriverParts extends SceneParts {
  /** Whether this Weft programs the hypervisors. */
  readonly isActive: () => boolean;
}

type Handler = (engine: Engine, body: Body) => Body | Promise<Body>;

const ipamPrefix = 'IpamDriver.';
const nothing: Handler = () => ({});

/** The methods that connect containers: one that stands by cannot say when that has happened. */
const connecting: ReadonlySet<string> = new Set(['NetworkDriver.Join']);

/** What gives something new each time: asked again after an answer that got lost, it would be given twice. */
const unrepeatable: ReadonlySet<string> = new Set(['IpamDriver.RequestPool', 'IpamDriver.RequestAddress']);

/**
 * How long Docker is kept waiting while the database does not answer, and how often that is tried. Docker has no limit of its own, and would
 * not ask again for what takes away.
 */
const patienceMs = 20_000;
const againAfterMs = 250;

function mayTryAgain(method: string, fault: unknown): boolean {
  if (!(fault instanceof WeftError)) return false;
  return fault.code === 'store_unavailable' || (fault.code === 'outcome_unknown' && !unrepeatable.has(method));
}

export class Driver {
  readonly #parts: DriverParts;
  readonly #handlers: ReadonlyMap<string, Handler>;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    const scene = new Scene(parts);
    const [pools, networks, endpoints] = [new Pools(scene), new Networks(scene), new Endpoints(scene)];
    this.#handlers = new Map<string, Handler>([
      ['Plugin.Activate', () => ({ Implements: ['NetworkDriver', 'IpamDriver'] })],
      ['NetworkDriver.GetCapabilities', ({ scope }) => ({ Scope: scope, ConnectivityScope: 'global' })],
      ['NetworkDriver.AllocateNetwork', (engine, body) => networks.allocate(engine, body)],
      ['NetworkDriver.FreeNetwork', (engine, body) => networks.free(engine, body)],
      ['NetworkDriver.CreateNetwork', (engine, body) => networks.create(engine, body)],
      ['NetworkDriver.DeleteNetwork', (engine, body) => networks.delete(engine, body)],
      ['NetworkDriver.CreateEndpoint', (engine, body) => endpoints.create(engine, body)],
      ['NetworkDriver.DeleteEndpoint', (engine, body) => endpoints.delete(engine, body)],
      ['NetworkDriver.EndpointOperInfo', (_engine, body) => endpoints.operationalInfo(body)],
      ['NetworkDriver.Join', (engine, body) => endpoints.join(engine, body)],
      // The device goes with the endpoint, and ports are published by Docker itself.
      ['NetworkDriver.Leave', nothing],
      ['NetworkDriver.ProgramExternalConnectivity', nothing],
      ['NetworkDriver.RevokeExternalConnectivity', nothing],
      ['NetworkDriver.DiscoverNew', nothing],
      ['NetworkDriver.DiscoverDelete', nothing],
      // Not Docker's: a person's, for an engine that asks no more.
      ['Weft.Forget', engine => networks.forget(engine)],
      ['IpamDriver.GetCapabilities', () => pools.capabilities()],
      ['IpamDriver.GetDefaultAddressSpaces', () => pools.addressSpaces()],
      ['IpamDriver.RequestPool', (engine, body) => pools.requestPool(engine, body)],
      ['IpamDriver.ReleasePool', (engine, body) => pools.releasePool(engine, body)],
      ['IpamDriver.RequestAddress', (engine, body) => pools.requestAddress(engine, body)],
      ['IpamDriver.ReleaseAddress', (engine, body) => pools.releaseAddress(engine, body)],
    ]);
  }

  /** Answers a request; what is refused is in the answer, under the name that the protocol has for it. */
  async answer(engine: Engine, method: string, body: Body): Promise<Answer> {
    const handler = this.#handlers.get(method);
    if (handler === undefined) return null;
    const { log, state, isActive } = this.#parts;
    const error = method.startsWith(ipamPrefix) ? 'Error' : 'Err';
    try {
      if (connecting.has(method) && !isActive())
        throw new WeftError('not_connected', { detail: 'This Weft stands by: ask the one in charge.' });
      await state.reach(0);
      return await this.#patiently(method, async () => handler(engine, body));
    } catch (fault) {
      const entry = { hypervisor: engine.hypervisor.name, method, err: fault };
      if (fault instanceof WeftError) log.info(entry, 'refused a request of Docker');
      else log.error(entry, 'a request of Docker failed');
      return {
        [error]: fault instanceof WeftError ? `${fault.entry.title} ${fault.detail}` : 'Weft has failed: see its log.',
      };
    }
  }

  async #patiently(method: string, work: () => Promise<Body>): Promise<Body> {
    const { clock } = this.#parts;
    const deadlineMs = clock.nowMs() + patienceMs;
    for (;;) {
      try {
        return await work();
      } catch (fault) {
        if (!mayTryAgain(method, fault) || clock.nowMs() >= deadlineMs) throw fault;
        await new Promise<void>(resolve => clock.after(againAfterMs, resolve));
      }
    }
  }
}
