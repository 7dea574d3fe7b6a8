/**
 * What one tenant does, another cannot tell: the same random sequence of requests gets the same replies, and the same watch, whether
 * or not somebody else works on the same database.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { get } from 'node:http';
import { as, callersByName } from './callers.js';
import { tenantCollections } from './every-noun.js';
import { type RestFixture, startRest } from './rest-fixture.js';
import { TenantTrace } from './tenant-trace.js';

const steps = 190;

/** All that a watch says until it is ended. */
async function watch(
  origin: string,
  caller: string,
): Promise<{ readonly text: () => string; readonly end: () => void }> {
  let text = '';
  const request = get(`${origin}/v1/watch`, { headers: { authorization: `Bearer ${caller}` } });
  await new Promise<void>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', response => {
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      // It is ended by us.
      response.on('error', () => undefined);
      resolve();
    });
  });
  return { text: () => text, end: () => request.destroy() };
}

/**
 * Events without the lines that only say how far the log is, which advance by the writes of others too. Updates in a row are sorted: those
 * of one revision come in the order of ids, which are random.
 */
function eventsOf(text: string): readonly string[] {
  const runs: { readonly event: string; readonly data: string[] }[] = [];
  let event = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('event:')) event = line;
    if (!line.startsWith('data:')) continue;
    const run = runs.at(-1);
    if (run?.event === event && event === 'event: updated') run.data.push(line);
    else runs.push({ event, data: [line] });
  }
  return runs.flatMap(run => run.data.toSorted().map(data => `${run.event} ${data}`));
}

describe('REST: tenants beside each other', function () {
  this.timeout(120_000);
  let rest: RestFixture;
  before(async () => {
    rest = await startRest({ authenticator: callersByName, store: { auth: 'token', quotas: new Map([['*', 9]]) } });
  });
  after(() => rest.close());

  const answered: string[] = [];

  for (const seed of [1, 2]) {
    it(`learn nothing of each other: sequence ${seed}`, async () => {
      const origin = await rest.listen();
      const run = async (project: string, neighbour: string, other: TenantTrace | null) => {
        const trace = new TenantTrace(seed, project, as(rest, project), neighbour);
        const watching = await watch(origin, project);
        const nobody = Array.from({ length: 5 }, () => randomUUID());
        for (let step = 0; step < steps; step += 1) {
          const strangers = other === null || other.ids.length === 0 ? nobody : other.ids;
          // The same number of choices, whoever is there.
          const five = Array.from({ length: 5 }, (_, place) => strangers[(place + step) % strangers.length] ?? '');
          await trace.step(five);
          if (other !== null) await other.step(nobody);
        }
        const last = trace.revisions.at(-1) ?? 0;
        const deadline = Date.now() + 20_000;
        while (!new RegExp(`^id: ${last}$|: revision (\\d+)`, 'm').test(watching.text()) && Date.now() < deadline)
          await new Promise(resolve => setTimeout(resolve, 20));
        await new Promise(resolve => setTimeout(resolve, 100));
        watching.end();
        return { trace, events: eventsOf(trace.plain(watching.text())) };
      };
      const alone = await run(`alone${seed}`, `absent${seed}`, null);
      const other = new TenantTrace(seed + 100, `other${seed}`, as(rest, `other${seed}`));
      for (let step = 0; step < 10; step += 1) await other.step([randomUUID()]);
      const beside = await run(`beside${seed}`, `other${seed}`, other);
      assert.deepEqual(new Set(alone.trace.kinds), new Set(tenantCollections));
      assert.ok(alone.trace.exchanges.filter(({ told }) => told.startsWith('[201')).length > 10);
      assert.ok(other.exchanges.filter(({ told }) => told.startsWith('[201')).length > 5);
      assert.deepEqual(beside.trace.exchanges, alone.trace.exchanges);
      assert.deepEqual(beside.events, alone.events);
      assert.ok(alone.events.length > 20);
      answered.push(...alone.trace.exchanges.filter(({ told }) => /^\[20[012]/.test(told)).map(({ asked }) => asked));
      // A write that changes nothing tells the revision of now, which may be the other's.
      const own = new Set(beside.trace.revisions);
      for (const revision of other.revisions.filter(each => !own.has(each)))
        assert.equal((await as(rest, `beside${seed}`)('GET', `/v1/revisions/${revision}`)).status, 404);
      for (const revision of beside.trace.revisions.slice(-5))
        assert.notEqual((await as(rest, `beside${seed}`)('GET', `/v1/revisions/${revision}`)).status, 500);
    });
  }

  it('had answers of all that is asked for beside the collections', () => {
    for (const asked of [/verdict/, /counters/, /revisions/, /wait=applied/])
      assert.ok(
        answered.some(each => asked.test(each)),
        String(asked),
      );
  });
});
