/** What can happen to Postgres and to the way there. Switches must not notice any of it. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../lab/processes.js';
import { WeftReplyError } from '../../lab/weft-client.js';
import type { WireMessage } from '../../lab/wire-framing.js';
import type { PostgresCluster } from '../fixtures/postgres.js';
import type { FaultRow } from './fault-row.js';
import type { FaultSite } from './fault-site.js';

/** However long the database is silent, a request has its answer by then. */
const answeredWithinMs = 15_000;
const outageMs = 3_000;

/** Nothing southbound notices a database that is away. */
const unnoticed = { mostLost: 0, mostFlowMods: 0 } as const;
/** The row writes, which sends flows; nothing else may be noticed. */
const onlyWrites = { mostLost: 0, mostFlowMods: null } as const;

/** A write is answered, as one that may be tried again; what is read from memory is answered too. */
async function refusesPolitely(site: FaultSite): Promise<void> {
  const port = { id: randomUUID(), name: 'refused', logical_switch_id: site.nearSwitchId };
  const late = sleep(answeredWithinMs, null, { ref: false }).then(() => assert.fail('a write got no answer'));
  const answer = site.client.create('logical-switch-ports', port).then(
    () => assert.fail('a write was acknowledged without a database'),
    (error: unknown) => error,
  );
  const error = await Promise.race([answer, late]);
  assert.ok(error instanceof WeftReplyError && error.status === 503, String(error));
  assert.equal((await site.client.list('logical-switches')).length, 2);
}

/** Whether the refused write is there or not: nothing of it may stay for the rows after this one. */
async function withoutTheRefused(site: FaultSite): Promise<void> {
  await eventually(
    'it can be tidied up',
    async () => {
      try {
        for (const { id } of await site.client.list('logical-switch-ports', { name: 'refused' })) {
          await site.client.delete('logical-switch-ports', id);
        }
        return true;
      } catch {
        return false;
      }
    },
    30_000,
    100,
  );
}

async function failOver(site: FaultSite, to: PostgresCluster): Promise<void> {
  const former = site.cluster;
  await former.shutDown('immediate');
  site.cluster = to;
  site.databaseProxy.target = { port: to.port };
  site.databaseProxy.resetAll();
  await former.stop();
}

const isCommitted = ({ name, detail }: WireMessage): boolean => name === 'CommandComplete' && detail === 'COMMIT';

const outages: readonly FaultRow[] = [
  {
    name: 'kill -9 of Postgres (immediate), away for 3 s',
    ...unnoticed,
    inject: async site => {
      await site.cluster.shutDown('immediate');
      await refusesPolitely(site);
    },
    lastsMs: outageMs,
    heal: ({ cluster }) => cluster.start(),
    isQuick: true,
  },
  {
    name: 'fast restart of Postgres',
    ...unnoticed,
    inject: ({ cluster }) => cluster.shutDown('fast'),
    heal: ({ cluster }) => cluster.start(),
  },
  {
    name: 'SIGSTOP of Postgres',
    ...unnoticed,
    inject: async site => {
      const thaw = site.cluster.freeze();
      try {
        await refusesPolitely(site);
        await sleep(outageMs);
      } finally {
        thaw();
      }
    },
    heal: withoutTheRefused,
  },
  {
    name: 'Postgres 500 ms away, for 5 s',
    ...onlyWrites,
    inject: async site => {
      site.databaseProxy.shape({ latencyMs: 250 });
      const port = { name: 'slow', logical_switch_id: site.nearSwitchId };
      const { id } = await site.client.create('logical-switch-ports', port);
      await site.client.delete('logical-switch-ports', id);
    },
    lastsMs: 5_000,
    heal: ({ databaseProxy }) => databaseProxy.heal(),
  },
  {
    name: 'Postgres refuses connections, those that exist reset',
    ...unnoticed,
    inject: async site => {
      await site.databaseProxy.refuse();
      site.databaseProxy.resetAll();
      await refusesPolitely(site);
    },
    lastsMs: outageMs,
    heal: ({ databaseProxy }) => databaseProxy.heal(),
  },
  {
    name: 'black hole before Postgres',
    ...unnoticed,
    inject: async site => {
      site.databaseProxy.blackHole();
      await refusesPolitely(site);
    },
    lastsMs: outageMs,
    heal: ({ databaseProxy }) => databaseProxy.heal(),
  },
  {
    name: 'Postgres one byte at a time',
    ...unnoticed,
    inject: async site => {
      site.databaseProxy.shape({ sliceBytes: 1 });
      site.databaseProxy.resetAll();
    },
    lastsMs: outageMs,
    heal: ({ databaseProxy }) => databaseProxy.heal(),
  },
];

/** A write whose answer from the database is lost, `times` over, is there once and can be asked for again. */
async function answersLost(site: FaultSite, place: 'before' | 'after', times: number): Promise<void> {
  for (let round = 0; round < times; round += 1) {
    const port = { id: randomUUID(), name: `answer-lost-${round}`, logical_switch_id: site.nearSwitchId };
    const fired = site.databaseProxy.cut({ direction: 'toClient', matches: isCommitted, place, how: 'reset' });
    await site.client.create('logical-switch-ports', port).catch((error: unknown) => {
      if (!(error instanceof WeftReplyError) || error.status < 500) throw error;
    });
    await fired;
    // The same once more: it is there, or it is made.
    await eventually('the write is taken', () =>
      site.client.create('logical-switch-ports', port).catch((error: unknown) => {
        if (error instanceof WeftReplyError && error.status < 500) throw error;
        return false as const;
      }),
    );
    const found = await site.client.list('logical-switch-ports', { name: port.name });
    assert.deepEqual(
      found.map(({ id }) => id),
      [port.id],
    );
    await site.client.delete('logical-switch-ports', port.id);
  }
}

const lostAnswers: readonly FaultRow[] = [
  {
    name: 'committed, and the answer of Postgres lost (10 times)',
    ...onlyWrites,
    inject: site => answersLost(site, 'before', 10),
  },
  {
    name: 'connection to Postgres reset right after a commit was answered (10 times)',
    ...onlyWrites,
    inject: site => answersLost(site, 'after', 10),
  },
];

const failovers: readonly FaultRow[] = [
  {
    name: 'Postgres fails over to a standby that has everything',
    ...onlyWrites,
    inject: async site => {
      const standby = await site.cluster.copy('streaming');
      const port = { name: 'before-failover', logical_switch_id: site.nearSwitchId };
      const { id } = await site.client.create('logical-switch-ports', port);
      await sleep(1_000); // it streams
      await standby.promote();
      await failOver(site, standby);
      await eventually('it is there', () => site.client.get('logical-switch-ports', id).catch(() => false as const));
      await eventually(
        'it can be deleted',
        () =>
          site.client.delete('logical-switch-ports', id).then(
            () => true,
            () => false,
          ),
        30_000,
        100,
      );
    },
  },
  {
    name: 'Postgres replaced by an older copy of itself',
    ...onlyWrites,
    inject: async site => {
      const older = await site.cluster.copy('detached');
      const [{ id: routerId } = { id: '' }] = await site.client.list('logical-routers');
      // What the older copy does not know: it must disappear from the switches.
      for (const third of [1, 2, 3]) {
        const route = { logical_router_id: routerId, destination: `203.0.${third}.0/24`, discard: true };
        await site.client.create('static-routes', route, { appliedWithinMs: 10_000 });
      }
      await failOver(site, older);
    },
    check: async site => assert.equal((await site.client.list('static-routes')).length, 0),
  },
];

export const databaseRows: readonly FaultRow[] = [...outages, ...lostAnswers, ...failovers];
