#!/usr/bin/env node
/**
 * The composition root: builds the parts in order, starts them, and stops them in reverse.
 *
 *   REST ──► store ──► controller (controller.ts) ◄──► hypervisors
 *     ▲                     │
 *     └─── view, fleet ◄────┘
 */
import { Driver } from '../northbound/docker/driver.js';
import { DockerListener } from '../northbound/docker/listener.js';
import { registerDocker } from '../northbound/docker/routes.js';
import { Keystone } from '../northbound/neutron/keystone.js';
import { neutronFrontEnd } from '../northbound/neutron/neutron.js';
import { type Authenticator, openAuthenticator, readOrCreateToken } from '../northbound/rest/authentication.js';
import { fleetStatus } from '../northbound/rest/fleet-status.js';
import type { Readiness } from '../northbound/rest/health.js';
import { buildMetrics } from '../northbound/rest/metrics.js';
import { NetworkState } from '../northbound/rest/network-state.js';
import { RateLimit } from '../northbound/rest/rate-limit.js';
import { buildRestServer, type RestContext, setRestTls } from '../northbound/rest/server.js';
import { SouthboundReport } from '../northbound/rest/southbound-status.js';
import { type ForeignTokens, TokenAuthenticator } from '../northbound/rest/token-authenticator.js';
import { TrafficMetrics } from '../northbound/rest/traffic-metrics.js';
import { certificateOf, namesHost } from '../southbound/hypervisor/certificate.js';
import type { Target } from '../southbound/ovsdb/transport.js';
import { systemClock } from './base/clock.js';
import { boundHeapGrowth } from './base/heap.js';
import { createLogger, type Logger } from './base/log.js';
import { version } from './base/version.js';
import { dropReasonHelp } from './compiler/pipeline/drop-reasons.js';
import { type Config, ConfigError, type ListenTarget, readConfig, type OidcConfig } from './config/config.js';
import { optionsHelp } from './config/options.js';
import { Controller } from './controller.js';
import { claimInstance } from './store/instance.js';
import { openStore, type Store } from './store/store.js';
import { Tracer } from './trace/tracer.js';
import { verdictOf } from './trace/verdict.js';
import { TlsFiles } from './trust/tls-files.js';
import type { NetworkView } from './view/network-view.js';

const clock = systemClock;
/** How far back `watch` and a feed that was cut off can resume. */
const revisionsKept = 100_000;
const trimEveryMs = 60_000;
/** A database that is slower than this to tell its revision makes Weft not ready. */
const storeAnswersWithinMs = 2_000;

const restInTheClear = 'REST is not encrypted, and other machines can reach it: tokens can be read on the way';

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

/** The certificates, looked at regularly and at SIGHUP. */
async function followTls(config: Config, log: Logger, lifecycle: Lifecycle): Promise<TlsFiles | null> {
  if (config.tls === null) return null;
  const files = await TlsFiles.open(config.tls, clock, log);
  const look = (): void => void files.look();
  process.on('SIGHUP', look);
  lifecycle.onStop(() => {
    process.off('SIGHUP', look);
    files.stop();
  });
  return files;
}

const targetOf = ({ transport, host, port }: ListenTarget): Target => ({ kind: transport, host, port });

async function run(config: Config, log: Logger, lifecycle: Lifecycle): Promise<void> {
  const instance = await claimInstance(config.dataDirectory);
  lifecycle.onStop(() => instance.release());
  const store = await openStore(config, log, clock);
  lifecycle.onStop(() => store.close());
  log.info({ durability: store.durability, database: store.databaseId }, 'store open');

  const tlsFiles = await followTls(config, log, lifecycle);
  const tls = tlsFiles?.material ?? null;
  const onStop = (stop: () => Promise<void> | void): void => lifecycle.onStop(stop);
  const controller = new Controller({
    store,
    clock,
    log,
    build: version,
    holder: instance.holder,
    ovsdbListen: config.ovsdbListen.map(targetOf),
    openflowListen: config.openflowListen.map(targetOf),
    puntListen: config.puntListen.map(targetOf),
    tls,
    allowPlainSouthbound: config.allowPlainSouthbound,
    advertise: config.advertise,
    underlayMtu: config.underlayMtu,
    verdictLogMode: config.verdictLog,
  });
  const { view, compiler, fleet, hosts, southbound, lease } = controller;
  const tokenUses = store.tokenUses();
  const state = new NetworkState(
    view,
    fleetStatus({ view, fleet, hosts, acceptNames: config.auth === 'none', dropHelp: dropReasonHelp, clock }),
    clock,
    config.underlayMtu,
    tokenId => tokenUses.lastUsed(tokenId),
  );
  controller.onMoved(() => state.viewMoved());
  await controller.follow(onStop);

  const southboundReport = new SouthboundReport({
    southbound,
    clock,
    tls: () => tlsFiles?.status ?? null,
    plainTargets: config.plainSouthboundOffLoopback,
  });
  const isActive = (): boolean => lease.term !== null;
  const readiness = async (): Promise<Readiness> => {
    const problems = await storeProblems(store);
    return { ready: problems.length === 0, problems, ...circumstances() };
  };
  const circumstances = (): Omit<Readiness, 'ready' | 'problems'> => ({
    warnings: [
      ...store.warnings,
      ...(config.isRestInTheClear ? [restInTheClear] : []),
      ...(controller.storeRewinds === 0
        ? []
        : [
            'the database went back to an older state since this Weft was started: what was acknowledged after it is lost',
          ]),
      ...southboundReport.warnings(),
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
    rowsTaken: () => controller.rowsTaken.values(),
    databaseWork: () => hosts.databaseWork(),
    storeWork: () => store.databaseWork(),
    storeRewinds: () => controller.storeRewinds,
    slowPath: controller.slowPath,
  });
  southboundReport.register(metrics);
  new TrafficMetrics({ view, fleet, clock, log, ruleMetrics: config.ruleMetrics }).register(metrics);
  if (config.auth === 'token') onStop(await tokenUses.start());
  const tracer = new Tracer({ view, tablesOf: hypervisorId => fleet.tablesOf(hypervisorId) });
  const authenticator = await authenticatorOf(config, log, view, id => tokenUses.note(id));
  const context: RestContext = {
    store,
    state,
    convergence: fleet.convergence,
    authenticator,
    rateLimit: config.auth === 'none' || config.rateLimit === null ? null : new RateLimit(clock, config.rateLimit),
    trustedProxies: config.trustedProxies,
    clock,
    log,
    metrics,
    readiness,
    isActive,
    southbound: () => southboundReport.status(),
    verdict: question => verdictOf(view, tracer, question),
    verdictLog: controller.slowPath.verdictLog,
    version,
  };
  const keystone = config.keystone === null ? null : new Keystone(config.keystone, clock);
  const isOpen = config.auth === 'none';
  const keystoneUrl = config.keystone?.url ?? null;
  const frontEnds = [neutronFrontEnd({ context, keystone, keystoneUrl, isOpen })];
  const docker = new Driver({ store, state, clock, log, isActive });
  const rest = await buildRestServer(context, tls, frontEnds, [app => registerDocker(app, context, docker)]);
  const dockerListener = dockerListenerOf(docker, controller, log);
  tlsFiles?.onChange(material => {
    southbound.setTls(material, material.revokedIds);
    setRestTls(rest, material);
    dockerListener.setTls(material);
  });
  tlsFiles?.watch();
  // It compiles its routes for some hundred milliseconds: before the lease is taken and hypervisors are let in, who would wait for it.
  await rest.ready();

  await controller.letIn(onStop);
  for (const target of config.plainSouthboundOffLoopback) {
    log.warn({ target }, 'this listener is neither encrypted nor authenticated, and other machines can reach it');
  }
  if (config.isRestInTheClear) log.warn(restInTheClear);
  trimRegularly(store, log, lifecycle);

  lifecycle.onStop(() => dockerListener.close());
  for (const target of config.dockerListen) await dockerListener.listen(target, tls);
  lifecycle.onStop(() => rest.close());
  const { host, port } = config.httpListen;
  const address = (await rest.listen({ host, port })).replace(/^http:/, tls === null ? 'http:' : 'https:');
  log.info({ address, role: circumstances().role }, `Weft ${version} is ready`);
}

/** Where Docker engines ask us straight. */
function dockerListenerOf(driver: Driver, { view, southbound }: Controller, log: Logger): DockerListener {
  const systemIdsAt = (address: string): readonly string[] =>
    [...southbound.sessions.values()]
      .filter(({ report }) => report.peer.address === address)
      .map(({ systemId }) => systemId);
  return new DockerListener({
    driver,
    known: () => ({ hypervisors: view.rows('hypervisors'), at: systemIdsAt, names: namesHost }),
    certificateNames: socket => certificateOf(socket).names,
    log,
  });
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

async function authenticatorOf(
  config: Config,
  log: Logger,
  view: NetworkView,
  onUse: (tokenId: string) => void,
): Promise<Authenticator> {
  if (config.auth === 'none') return openAuthenticator;
  const { token, created } = await readOrCreateToken(config.tokenFile);
  log.info({ file: config.tokenFile, created }, 'the admin token is in this file');
  const foreign = config.oidc === null ? null : await identityProvider(config.oidc);
  return new TokenAuthenticator({ view, clock, firstToken: token, onUse, foreign });
}

/** Loaded where it is used: a start does not wait for what it does not need. */
async function identityProvider(oidc: OidcConfig): Promise<ForeignTokens> {
  const { IdentityProvider } = await import('../northbound/rest/identity-provider.js');
  return new IdentityProvider(oidc, clock);
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
  boundHeapGrowth();
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
