#!/usr/bin/env node
/**
 * The composition root: builds the parts in order, starts them, and stops them in reverse.
 *
 *   store ─► feed ─► view ─► compiler ─► fleet ◄── hosts ◄── southbound
 *     ▲                │                   │         │
 *     │                └────► REST ◄───────┘         │
 *     └──────────── inventory writer ◄───────────────┘
 */
import { readFileSync } from 'node:fs';
import { openAuthenticator, readOrCreateToken, tokenAuthenticator } from '../northbound/rest/authentication.js';
import { fleetStatus } from '../northbound/rest/fleet-status.js';
import type { Readiness } from '../northbound/rest/health.js';
import { buildMetrics } from '../northbound/rest/metrics.js';
import { NetworkState } from '../northbound/rest/network-state.js';
import { buildRestServer } from '../northbound/rest/server.js';
import { SouthboundListener } from '../southbound/hypervisor/listener.js';
import type { HypervisorRegistry, HypervisorSession } from '../southbound/hypervisor/session.js';
import { parseTarget, type Target, type TlsIdentity } from '../southbound/ovsdb/transport.js';
import { systemClock } from './base/clock.js';
import { createLogger, type Logger } from './base/log.js';
import { version } from './base/version.js';
import { Compiler } from './compiler/compiler.js';
import { dropReading } from './compiler/drops/drops.js';
import { dropReasonHelp } from './compiler/pipeline/drop-reasons.js';
import { rules } from './compiler/rules.js';
import { type Config, ConfigError, type ListenTarget, readConfig } from './config/config.js';
import { optionsHelp } from './config/options.js';
import { encodeFragment } from './delivery/encoded-fragment.js';
import { Fleet } from './delivery/fleet.js';
import type { HostGoal } from './delivery/host-database.js';
import { hostGoal, receivedEncapsulations } from './delivery/host-goal.js';
import { Hosts } from './delivery/hosts.js';
import { claimInstance } from './store/instance.js';
import { InventoryWriter } from './store/inventory-writer.js';
import { RevisionChecks } from './store/revision-checks.js';
import { openStore, type Store } from './store/store.js';
import { Feed } from './view/feed.js';
import { NetworkView, type Touched } from './view/network-view.js';
import { all } from './view/rows.js';

const clock = systemClock;
/** How long a Weft that is gone keeps another one waiting. Started again in its data directory, it has its lease back at once. */
const leaseTtlMs = 3_000;
/** How far back `watch` and a feed that was cut off can resume. */
const revisionsKept = 100_000;
const trimEveryMs = 60_000;
/** A database that is slower than this to tell its revision makes Weft not ready. */
const storeAnswersWithinMs = 2_000;

/** Whatever has not stopped by then is left: the database may be out of reach, and switches need no goodbye. */
const stopWithinMs = 5_000;

/** Stopped in reverse order of being started. */
class Lifecycle {
  readonly #stops: (() => Promise<void> | void)[] = [];
  onStop(stop: () => Promise<void> | void): void {
    this.#stops.push(stop);
  }
  /** What cannot be stopped does not keep the rest from it. Resolves in bounded time. */
  async stop(log: Logger): Promise<void> {
    let cancel = (): void => {};
    const late = new Promise<void>(resolve => {
      cancel = clock.after(stopWithinMs, () => {
        log.warn({ waitedMs: stopWithinMs }, 'not everything has stopped in time');
        resolve();
      });
    });
    await Promise.race([this.#stopAll(log), late]);
    cancel();
  }
  async #stopAll(log: Logger): Promise<void> {
    for (let stop = this.#stops.pop(); stop !== undefined; stop = this.#stops.pop()) {
      try {
        await stop();
      } catch (error) {
        log.warn({ err: error }, 'a part did not stop as it should');
      }
    }
  }
}

function readTls(config: Config): TlsIdentity | null {
  if (config.tls === null) return null;
  const { certificate, key, authority } = config.tls;
  return {
    key: readFileSync(key, 'utf8'),
    cert: readFileSync(certificate, 'utf8'),
    ca: readFileSync(authority ?? certificate, 'utf8'),
  };
}

const targetOf = ({ transport, host, port }: ListenTarget): Target => ({ kind: transport, host, port });

/** Hosts report themselves; the store knows who they are. */
function registryOn(store: Store, view: NetworkView): HypervisorRegistry {
  return {
    async identify(report) {
      const { systemId, encapIp, encapTypes, encapMtuBytes, bridge, datapathType, peer } = report;
      const dialled = view
        .by('hypervisors', 'all', all)
        .find(row => peer.target !== null && row.ovsdbTarget === peer.target);
      const registration = await store.registerHypervisor({
        systemId,
        ...(dialled === undefined ? {} : { hypervisorId: dialled.id }),
        encapIp,
        encapTypes,
        underlayMtu: encapMtuBytes,
        bridge,
        datapathType: datapathType === 'netdev' ? 'netdev' : 'system',
      });
      if (registration.kind === 'refused') return registration;
      const { id, number, datapathId } = registration.hypervisor;
      return { kind: 'accepted', id, number, datapathId, isLeaving: registration.kind === 'leaving' };
    },
  };
}

async function run(config: Config, log: Logger, lifecycle: Lifecycle): Promise<void> {
  const instance = await claimInstance(config.dataDirectory);
  lifecycle.onStop(() => instance.release());
  const store = await openStore(config, log, clock);
  lifecycle.onStop(() => store.close());
  log.info({ durability: store.durability, database: store.databaseId }, 'store open');

  const view = new NetworkView();
  const compiler = new Compiler(rules, view, encodeFragment);
  const checks = new RevisionChecks(store);
  const lease = store.lease(
    { name: 'fleet', holder: instance.holder, ttlMs: leaseTtlMs },
    {
      acquired: term => {
        fleet.setTerm(BigInt(term));
        hosts.takeCharge();
      },
      lost: () => {
        fleet.setTerm(null);
        hosts.goalsChanged();
      },
    },
  );
  const fleet = new Fleet({
    clock,
    log,
    identity: { databaseId: store.databaseId, build: version, checkOf: revision => checks.checkOf(revision) },
    drops: dropReading,
    portsInstalled: (hypervisorId, portIds) => hosts.portsInstalled(hypervisorId, portIds),
    fenced: (hypervisorId, currentTerm) => {
      log.warn({ hypervisorId, currentTerm: String(currentTerm) }, 'a switch has seen a newer term than the lease');
      lease
        .raiseTermAbove(Number(currentTerm ?? 0n))
        .catch((error: unknown) => log.warn({ err: error }, 'the term could not be raised'));
    },
  });
  const tls = readTls(config);
  const southbound = new SouthboundListener({
    ovsdb: config.ovsdbListen.map(targetOf),
    openflow: config.openflowListen.map(targetOf),
    punt: config.puntListen.map(targetOf),
    tls,
    registry: registryOn(store, view),
    clock,
    log,
    onSession: session => hosts.add(session),
  });
  const inventory = new InventoryWriter(store, clock, log);
  lifecycle.onStop(() => inventory.stop());

  const goalOf = (session: HypervisorSession): HostGoal | null => {
    const row = view.get('hypervisors', session.hypervisor.id);
    // One whose row is not here yet is looked at again when it is.
    if (row === null) return null;
    return hostGoal(session, row, receivedEncapsulations(view.by('hypervisors', 'all', all)), {
      databaseId: store.databaseId,
      isInCharge: lease.term !== null,
      advertise: config.advertise,
      openflow: southbound.endpoints('flows'),
      punt: southbound.endpoints('punt'),
    });
  };
  const hosts = new Hosts({
    fleet,
    clock,
    log,
    goalOf,
    bindingOf: portId => view.by('port-bindings', 'logicalSwitchPortId', portId)[0] ?? null,
    onInventory: (hypervisorId, interfaces) => {
      if (lease.term !== null) inventory.report(hypervisorId, interfaces);
    },
  });
  lifecycle.onStop(() => hosts.stop());

  const state = new NetworkState(
    view,
    fleetStatus({ view, fleet, hosts, acceptNames: config.auth === 'none', dropHelp: dropReasonHelp }),
    clock,
    config.underlayMtu,
  );
  /** Everything that follows from a batch of revisions, in the order of dependence. */
  const takeIn = (touched: Touched): void => {
    const changed = touched.changes.filter(change => change.kind === 'hypervisors');
    for (const { id, after } of changed) {
      if (after?.allowed === true) fleet.addHypervisor(id, after.name);
    }
    fleet.apply(compiler.update(touched));
    for (const { id, after } of changed) if (after?.allowed !== true) fleet.removeHypervisor(id);
    state.viewMoved();
    if (changed.length > 0) {
      const rows = view.by('hypervisors', 'all', all);
      southbound.setDialled(
        rows.flatMap(row => (row.allowed && row.ovsdbTarget !== null ? (parseTarget(row.ovsdbTarget) ?? []) : [])),
      );
      for (const { after, before } of changed) {
        const systemId = (after ?? before)?.systemId;
        if (typeof systemId === 'string') southbound.reconsider(systemId);
      }
      hosts.goalsChanged();
    }
    const rebound = touched.changes.flatMap(change =>
      change.kind === 'port-bindings' ? [change.before?.hypervisorId, change.after?.hypervisorId] : [],
    );
    hosts.bindingsChanged(new Set(rebound.filter(id => id !== undefined)));
  };
  const feed = new Feed({ source: checks, view, clock, log, onTouched: takeIn });
  lifecycle.onStop(store.onCommit(() => feed.nudge()));
  lifecycle.onStop(() => feed.stop());
  await feed.start();

  const isActive = (): boolean => lease.term !== null;
  const readiness = async (): Promise<Readiness> => {
    const problems = await storeProblems(store);
    return { ready: problems.length === 0, problems, ...circumstances() };
  };
  const circumstances = (): Omit<Readiness, 'ready' | 'problems'> => ({
    warnings: [
      ...config.plainSouthboundOffLoopback.map(target => `${target} is neither encrypted nor authenticated`),
      ...southbound.unadmitted.map(host => `${host.systemId ?? host.peer} is not admitted: ${host.reason}`),
    ],
    durability: store.durability,
    role: isActive() ? 'active' : 'standby',
    revision: view.revision,
  });
  const metrics = buildMetrics({
    revision: () => view.revision,
    appliedRevision: () => fleet.convergence.appliedRevision,
    compiler: () => compiler.stats,
    hypervisors: () => fleet.statuses(),
    isActive,
  });
  const authenticator = await authenticatorOf(config, log);
  const rest = await buildRestServer(
    {
      store,
      state,
      convergence: fleet.convergence,
      authenticator,
      clock,
      log,
      metrics,
      readiness,
      isActive,
      version,
    },
    tls,
  );
  // It compiles its routes for some hundred milliseconds: before the lease is taken and hypervisors are let in, who would wait for it.
  await rest.ready();

  lifecycle.onStop(() => lease.stop());
  await lease.start();
  lifecycle.onStop(() => {
    southbound.stop();
    fleet.close();
  });
  await southbound.start();
  for (const target of config.plainSouthboundOffLoopback) {
    log.warn({ target }, 'this listener is neither encrypted nor authenticated, and other machines can reach it');
  }
  trimRegularly(store, log, lifecycle);

  lifecycle.onStop(() => rest.close());
  const { host, port } = config.httpListen;
  const address = (await rest.listen({ host, port })).replace(/^http:/, tls === null ? 'http:' : 'https:');
  log.info({ address, role: circumstances().role }, `Weft ${version} is ready`);
}

/** Whether the database answers, in words for people; none if it does. */
async function storeProblems(store: Store): Promise<readonly string[]> {
  let cancel = (): void => {};
  const late = new Promise<string>(resolve => {
    cancel = clock.after(storeAnswersWithinMs, () => resolve(`no answer within ${storeAnswersWithinMs} ms`));
  });
  const answer = store.currentRevision().then(
    () => null,
    (error: unknown) => (error as Error).message,
  );
  const problem = await Promise.race([answer, late]);
  cancel();
  return problem === null ? [] : [`the database cannot be reached: ${problem}`];
}

async function authenticatorOf(config: Config, log: Logger) {
  if (config.auth === 'none') return openAuthenticator;
  const { token, created } = await readOrCreateToken(config.tokenFile);
  log.info({ file: config.tokenFile, created }, 'the admin token is in this file');
  return tokenAuthenticator(token);
}

function trimRegularly(store: Store, log: Logger, lifecycle: Lifecycle): void {
  let cancel = (): void => {};
  const next = (): void => {
    cancel = clock.after(trimEveryMs, () => {
      store
        .trimChangeLog(revisionsKept)
        .catch((error: unknown) => log.warn({ err: error }, 'the change log could not be trimmed'));
      next();
    });
  };
  next();
  lifecycle.onStop(() => cancel());
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    process.stdout.write(`${optionsHelp()}\n`);
    return;
  }
  let config: Config;
  try {
    config = readConfig(process.env, args);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 2;
    return;
  }
  const log = createLogger(config.logLevel);
  const lifecycle = new Lifecycle();
  const end = async (status: number): Promise<never> => {
    await lifecycle.stop(log);
    process.exit(status);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      log.info({ signal }, 'stopping');
      void end(0);
    });
  }
  try {
    await run(config, log, lifecycle);
  } catch (error) {
    log.fatal({ err: error }, 'Weft cannot start');
    await end(1);
  }
}

await main();
