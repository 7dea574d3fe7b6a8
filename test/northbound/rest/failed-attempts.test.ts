/** Tokens that are refused, many of them: who presents them is answered without a check, and nobody else notices. */
import assert from 'node:assert/strict';
import { identify, openAuthenticator, TooManyRefused } from '../../../northbound/rest/authentication.js';
import { FailedAttempts } from '../../../northbound/rest/failed-attempts.js';
import { TokenAuthenticator } from '../../../northbound/rest/token-authenticator.js';
import { systemClock } from '../../../src/base/clock.js';
import { WeftError } from '../../../src/base/errors.js';
import { NetworkView } from '../../../src/view/network-view.js';
import { ManualClock } from '../../fakes/manual-clock.js';
import { startRest } from './rest-fixture.js';

const own = 'the-first-token-of-all';
const forged = 'aaaa.bbbb.cccc';

describe('Refused tokens', () => {
  let checked: number;
  let clock: ManualClock;
  let failed: FailedAttempts;

  beforeEach(() => {
    checked = 0;
    clock = new ManualClock();
    failed = new FailedAttempts(clock);
  });

  const foreign = {
    recognizes: (text: string): boolean => text.split('.').length === 3,
    verify: async (_text: string, beforeCheck: () => void): Promise<never> => {
      beforeCheck();
      checked += 1;
      throw new WeftError('unauthenticated', { detail: 'The token is not valid.' });
    },
  };
  const authenticator = new TokenAuthenticator({
    view: new NetworkView(),
    clock: systemClock,
    firstToken: own,
    onUse: () => {},
    foreign,
  });

  /** The code of the refusal, or the caller's name; null: whoever it is. */
  async function ask(token: string | null, ip: string, isRequired = true): Promise<string | null> {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    try {
      return (await identify(authenticator, failed, { headers, ip }, isRequired))?.name ?? null;
    } catch (error) {
      assert.ok(error instanceof WeftError);
      return error.code;
    }
  }

  it('are checked as many times as a burst has, then as often as the rate says, for that address alone', async () => {
    const address = '198.51.100.7';
    for (let turn = 0; turn < 20; turn += 1) assert.equal(await ask(forged, address), 'unauthenticated');
    for (let turn = 0; turn < 5; turn += 1) assert.equal(await ask(forged, address), 'rate_limited');
    assert.equal(checked, 20);
    assert.equal(await ask(own, address), 'admin', 'a token of ours needs no check');
    assert.equal(await ask(forged, address, false), null, 'where anyone may ask, no token is needed');
    assert.equal(await ask(forged, '198.51.100.8'), 'unauthenticated', 'others are not concerned');
    clock.advance(1_000);
    for (let turn = 0; turn < 10; turn += 1) assert.equal(await ask(forged, address), 'unauthenticated');
    assert.equal(await ask(forged, address), 'rate_limited');
  });

  it('are counted for a whole network of IPv6, and requests without a token for nobody', async () => {
    for (let turn = 0; turn < 60; turn += 1) assert.equal(await ask(null, '2001:db8::1'), 'unauthenticated');
    for (let host = 1; host <= 20; host += 1) await ask(forged, `2001:db8::${host.toString(16)}`);
    assert.equal(await ask(forged, '2001:db8::ff'), 'rate_limited');
    assert.equal(await ask(forged, '2001:db8:0:1::1'), 'unauthenticated');
  });

  it('are answered with when to come again', async () => {
    const refusing = {
      ...openAuthenticator,
      authenticate: (): never => {
        throw new TooManyRefused(3);
      },
    };
    const rest = await startRest({ authenticator: refusing });
    try {
      const { status, headers } = await rest.request('GET', '/v1/logical-switches');
      assert.deepEqual([status, headers['retry-after']], [429, '3']);
      assert.equal((await rest.request('GET', '/healthz')).status, 200);
    } finally {
      await rest.close();
    }
  });
});
