/** What the tests of delivery share: fragments and deltas made by hand, a clock, and a fleet on a connection. */
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { silentLogger } from '../../src/base/log.js';
import { systemClock, type Clock } from '../../src/base/clock.js';
import type { Delta as DeltaOf, FragmentChange } from '../../src/compiler/compiler.js';
import type { Flow, Fragment, FragmentBody, Scope } from '../../src/compiler/fragment.js';
import { fragmentCookie } from '../../src/compiler/identifiers.js';
import { encodeFragment, type EncodedFragment } from '../../src/delivery/encoded-fragment.js';
import { Fleet, type FleetOptions } from '../../src/delivery/fleet.js';
import { OpenFlowSwitch } from '../../src/delivery/openflow-switch.js';
import { resubmit, type Action } from '../../southbound/openflow/actions.js';
import type { Peer } from '../../southbound/hypervisor/endpoint.js';
import { OpenFlowChannel } from '../../southbound/hypervisor/openflow-channel.js';
import { matchField } from '../../southbound/openflow/match.js';
import { oxm } from '../../southbound/openflow/oxm.js';

export const everywhere: Scope = { kind: 'everywhere' };
export const onHypervisor = (hypervisorId: string): Scope => ({ kind: 'hypervisor', hypervisorId });
export const onPeersOf = (hypervisorId: string): Scope => ({ kind: 'peers', hypervisorId });
export const onDatapath = (datapathId: string): Scope => ({ kind: 'datapath', datapathId });

/** A flow that tells itself apart by the metadata that it matches. */
export function flow(table: number, metadata: number, actions: readonly Action[] = [resubmit(table + 1)]): Flow {
  return { table, priority: 100, match: [matchField(oxm.metadata, BigInt(metadata))], actions };
}

/** A fragment of the rule number 7 about the object `number`. */
export function fragment(number: number, body: Partial<FragmentBody> & { readonly scope: Scope }): Fragment {
  return {
    flows: [flow(10, number)],
    ...body,
    key: `test.rule/${number}`,
    cookie: fragmentCookie(7, number),
    owner: { kind: 'logical-switch-ports', id: `port-${number}` },
  };
}

export type Delta = DeltaOf<EncodedFragment>;

export const encoded = (one: Fragment): EncodedFragment => encodeFragment(one, null);

/** Keeps the newest fragments, so that a test only says what is new. */
export class FragmentSource {
  readonly current = new Map<string, Fragment>();
  readonly #encoded = new Map<string, EncodedFragment>();
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  /** One revision: these fragments appear or change, those keys go. */
  change(
    set: readonly Fragment[],
    gone: readonly string[] = [],
    residency: Delta['residency'] = [],
    meshes: Delta['meshes'] = [],
  ): Delta {
    const changes: FragmentChange<EncodedFragment>[] = [];
    for (const one of set) {
      const after = encoded(one);
      changes.push({ key: one.key, before: this.#encoded.get(one.key) ?? null, after });
      this.current.set(one.key, one);
      this.#encoded.set(one.key, after);
    }
    for (const key of gone) {
      changes.push({ key, before: this.#encoded.get(key) ?? null, after: null });
      this.current.delete(key);
      this.#encoded.delete(key);
    }
    this.#revision += 1;
    return { revision: this.#revision, changes, residency, meshes };
  }

  /** Everything as if it had just appeared: what another compiler makes of the same network. */
  afresh(residency: Delta['residency'] = [], meshes: Delta['meshes'] = []): Delta {
    const changes = [...this.current.values()].map(one => ({ key: one.key, before: null, after: encoded(one) }));
    for (const { key, after } of changes) this.#encoded.set(key, after);
    return { revision: this.#revision, changes, residency, meshes };
  }
}

export const identity: FleetOptions['identity'] = {
  databaseId: '6f2a1b04-7c1d-4f0e-9a51-0123456789ab',
  build: 'test',
  checkOf: revision => (revision * 7919) & 0xffffff,
};

export function makeFleet(options: Partial<FleetOptions> = {}): Fleet {
  const fleet = new Fleet({
    clock: systemClock,
    log: silentLogger,
    identity,
    drops: {
      tables: [],
      totalsTable: 0,
      decode: () => null,
      decodeMeter: () => ({ portNumber: null, reason: '', packets: 0n }),
      decodeUnlogged: () => null,
    },
    rules: { table: 0, cookieOf: () => 0n, anyCookie: { cookie: 0n, cookieMask: 0n }, decode: () => null },
    ...options,
  });
  fleet.setTerm(1n);
  return fleet;
}

const testPeer: Peer = {
  name: 'test',
  transport: 'unix',
  direction: 'accepted',
  localHost: null,
  localPort: null,
  target: null,
  address: '192.0.2.11',
  certificate: { names: [], revocableId: null },
};

/** Opens OpenFlow over a stream. */
export async function openSwitch(stream: Duplex, clock: Clock = systemClock): Promise<OpenFlowSwitch> {
  return new OpenFlowSwitch(await openChannel(stream, clock));
}

export async function openChannel(stream: Duplex, clock: Clock = systemClock): Promise<OpenFlowChannel> {
  const channel = new OpenFlowChannel(stream, testPeer, { clock, probeIntervalMs: 5_000 });
  // Ends with `ready`, which is waited for.
  channel.datapathId.catch(() => undefined);
  await channel.connection.ready;
  return channel;
}

/** Opens OpenFlow on a bridge's management socket. */
export function dialSwitch(socketPath: string): Promise<OpenFlowSwitch> {
  return openSwitch(net.connect(socketPath));
}

/** Waits for something that other parts bring about. */
export async function until(what: string, holds: () => boolean, timeoutMs = 30_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`timeout: ${what}`);
    await new Promise(resolve => setTimeout(resolve, 2));
  }
}
