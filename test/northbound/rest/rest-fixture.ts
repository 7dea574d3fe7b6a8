/**
 * The REST server over a real store, feed, view, compiler and fleet, in this process and without hypervisors. One, on PGlite in memory,
 * is shared by the suites, which make their own objects; those that need other settings have theirs on Postgres.
 */
import assert from 'node:assert/strict';
import type { FastifyInstance } from 'fastify';
import { Driver } from '../../../northbound/docker/driver.js';
import { registerDocker } from '../../../northbound/docker/routes.js';
import { type Authenticator, openAuthenticator } from '../../../northbound/rest/authentication.js';
import { fleetStatus } from '../../../northbound/rest/fleet-status.js';
import { buildMetrics } from '../../../northbound/rest/metrics.js';
import { NetworkState } from '../../../northbound/rest/network-state.js';
import type { FrontEnd } from '../../../northbound/rest/front-end.js';
import type { RateLimit } from '../../../northbound/rest/rate-limit.js';
import { buildRestServer, type RestContext } from '../../../northbound/rest/server.js';
import { systemClock } from '../../../src/base/clock.js';
import { type Logger, silentLogger } from '../../../src/base/log.js';
import { Compiler } from '../../../src/compiler/compiler.js';
import { ruleReading } from '../../../src/compiler/acl/rule-counts.js';
import { dropReading } from '../../../src/compiler/drops/drops.js';
import { dropReasonHelp } from '../../../src/compiler/pipeline/drop-reasons.js';
import { rules } from '../../../src/compiler/rules.js';
import { encodeFragment } from '../../../src/delivery/encoded-fragment.js';
import { Fleet } from '../../../src/delivery/fleet.js';
import { Hosts } from '../../../src/delivery/hosts.js';
import type { Kind } from '../../../src/model/index.js';
import { RevisionChecks } from '../../../src/store/revision-checks.js';
import type { Store, StoreSettings } from '../../../src/store/store.js';
import { Feed } from '../../../src/view/feed.js';
import { VerdictLog } from '../../../src/slow-path/verdict-log.js';
import { Tracer } from '../../../src/trace/tracer.js';
import { verdictOf } from '../../../src/trace/verdict.js';
import { NetworkView } from '../../../src/view/network-view.js';
import { anyDatabase, openTestStore } from '../../fixtures/stores.js';

export type Json = Readonly<Record<string, unknown>>;

/** A reply with its body read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Json;
  readonly text: string;
}

export interface Problem extends Json {
  readonly code: string;
  readonly pointer?: string;
  readonly operation?: number;
}

type Send = (
  method: string,
  path: string,
  body?: unknown,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answer>;

export interface RestFixture {
  readonly app: FastifyInstance;
  readonly store: Store;
  readonly fleet: Fleet;
  readonly context: RestContext;
  readonly request: Send;
  /** Creates and returns the object. */
  readonly create: (kind: Kind, value: Json) => Promise<Json & { readonly id: string }>;
  /** Where the server listens on loopback, from the first call on. */
  readonly listen: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export interface RestFixtureOptions {
  readonly authenticator?: Authenticator | ((view: NetworkView) => Authenticator);
  readonly rateLimit?: RateLimit;
  readonly trustedProxies?: readonly string[];
  readonly store?: Partial<StoreSettings>;
  readonly log?: Logger;
  readonly isActive?: () => boolean;
  readonly verdictLog?: RestContext['verdictLog'];
  /** What is beside REST. */
  readonly frontEnds?: (context: RestContext) => readonly FrontEnd[];
}

export async function startRest(options: RestFixtureOptions = {}): Promise<RestFixture> {
  const { authenticator = openAuthenticator, log = silentLogger, isActive = () => true } = options;
  const { rateLimit = null, trustedProxies = [] } = options;
  const store = await openTestStore({ ...(await anyDatabase()), ...options.store });
  const clock = systemClock;
  const view = new NetworkView();
  const compiler = new Compiler(rules, view, encodeFragment);
  const checks = new RevisionChecks(store);
  const fleet = new Fleet({
    clock,
    log: silentLogger,
    identity: { databaseId: store.databaseId, build: 'test', checkOf: revision => checks.checkOf(revision) },
    drops: dropReading,
    rules: ruleReading,
  });
  const hosts = new Hosts({
    fleet,
    clock,
    log: silentLogger,
    goalOf: () => null,
    bindingsOf: () => [],
    onInventory: () => {},
  });
  const status = fleetStatus({ view, fleet, hosts, acceptNames: true, dropHelp: dropReasonHelp, clock });
  const state = new NetworkState(view, status, clock, 1500);
  const feed = new Feed({
    source: checks,
    view,
    clock,
    log: silentLogger,
    onTouched: touched => {
      fleet.apply(compiler.update(touched));
      state.viewMoved();
    },
  });
  const stopFollowing = store.onCommit(committed => (committed === null ? feed.nudge() : feed.offer(committed)));
  await feed.start();
  const tracer = new Tracer({ view, tablesOf: hypervisorId => fleet.tablesOf(hypervisorId) });
  const verdictLog = options.verdictLog ?? new VerdictLog({ view, clock, log: silentLogger });
  const context: RestContext = {
    store,
    state,
    convergence: fleet.convergence,
    authenticator: typeof authenticator === 'function' ? authenticator(view) : authenticator,
    rateLimit,
    trustedProxies,
    clock,
    log,
    metrics: buildMetrics({
      revision: () => view.revision,
      appliedRevision: () => fleet.convergence.appliedRevision,
      compiler: () => compiler.stats,
      rowsTaken: () => [{ kind: 'subnets', operation: 'create', rows: 3 }],
      databaseWork: () => [{ name: 'hv1', transactions: 2, operations: 7 }],
      storeWork: () => store.databaseWork(),
      storeRewinds: () => feed.rewinds,
      slowPath: {
        counters: [],
        drops: new Map(),
        waiting: 0,
        announced: 0,
        healthChecks: { size: 0, counters: { up: 0, down: 0, skipped: 0 } },
        bfd: { states: new Map(), counters: { sent: 0, received: 0, up: 0, down: 0 } },
      },
      hypervisors: () => fleet.statuses(),
      isActive,
    }),
    isActive,
    readiness: async () => ({
      ready: true,
      problems: [],
      warnings: [],
      durability: store.durability,
      role: isActive() ? 'active' : 'standby',
      revision: view.revision,
    }),
    verdict: question => verdictOf(view, tracer, question),
    verdictLog,
    southbound: () => ({ listeners: [], certificates: [], certificate_fault: null, refused: [], waiting: [] }),
    version: '0.0.0-test',
  };
  const docker = new Driver({ store, state, clock, log: silentLogger, isActive });
  const app = await buildRestServer(context, null, options.frontEnds?.(context) ?? [], [
    (server, parts) => registerDocker(server, parts, docker),
  ]);
  let origin: Promise<string> | null = null;
  const listen = (): Promise<string> => (origin ??= app.listen({ host: '127.0.0.1', port: 0 }));
  return { app, store, fleet, context, ...requestsTo(app), listen, close };

  async function close(): Promise<void> {
    await app.close();
    stopFollowing();
    await feed.stop();
    fleet.close();
    await store.close();
  }
}

function requestsTo(app: FastifyInstance): Pick<RestFixture, 'request' | 'create'> {
  const request: RestFixture['request'] = async (method, path, body, headers = {}) => {
    const reply = await app.inject({
      method: method as 'GET',
      url: path,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const isJson = /json/.test(String(reply.headers['content-type']));
    return {
      status: reply.statusCode,
      headers: reply.headers,
      text: reply.payload,
      body: isJson && reply.payload !== '' ? (JSON.parse(reply.payload) as Json) : {},
    };
  };
  return {
    request,
    create: async (kind, value) => {
      const { status, body, text } = await request('POST', `/v1/${kind}`, value);
      assert.equal(status, 201, text);
      return body as Json & { id: string };
    },
  };
}

let shared: Promise<RestFixture> | null = null;

/** Declares a suite over the shared server. `rest()` is there from the first test on. */
export function describeRest(title: string, suite: (rest: () => RestFixture) => void): void {
  describe(`REST: ${title}`, () => {
    let rest: RestFixture | null = null;
    before(async function () {
      this.timeout(180_000);
      rest = await (shared ??= startRest({ store: { databaseUrl: null } }));
    });
    suite(() => {
      if (rest === null) throw new Error('the server is not there');
      return rest;
    });
  });
}

// Outside any suite: a root hook, run once after all tests of the process.
after(async () => {
  const rest = await shared;
  shared = null;
  await rest?.close();
});

/** A refusal with its status, code and, where given, pointer. */
export function assertProblem(answer: Answer, status: number, code: string, pointer?: string): Problem {
  const problem = answer.body as Problem;
  assert.deepEqual([answer.status, problem.code], [status, code], answer.text);
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/);
  if (pointer !== undefined) assert.equal(problem.pointer, pointer, answer.text);
  for (const member of ['type', 'title', 'detail', 'help', 'request_id'])
    assert.ok(typeof problem[member] === 'string' && problem[member] !== '', `${code} has ${member}`);
  assert.equal(problem['status'], status);
  return problem;
}
