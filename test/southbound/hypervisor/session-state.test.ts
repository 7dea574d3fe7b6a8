import assert from 'node:assert/strict';
import {
  SessionStateMachine,
  sessionMoves,
  stateOf,
  type SessionFacts,
  type SessionState,
} from '../../../southbound/hypervisor/session-state.js';
import { silentLogger } from '../../../src/base/log.js';

const booleans = [false, true];
const everyFact: readonly SessionFacts[] = booleans.flatMap(hasOvsdb =>
  booleans.flatMap(isFollowing =>
    booleans.flatMap(hasOpenFlow =>
      [null, 'refused'].map(refusal => ({ hasOvsdb, isFollowing: hasOvsdb && isFollowing, hasOpenFlow, refusal })),
    ),
  ),
);

/** Do the facts differ in exactly one? */
function isOneStep(a: SessionFacts, b: SessionFacts): boolean {
  const names = ['hasOvsdb', 'isFollowing', 'hasOpenFlow', 'refusal'] as const;
  const differing = names.filter(name => a[name] !== b[name]);
  // Losing OVSDB is losing what follows it.
  return differing.length === 1 || (differing.join() === 'hasOvsdb,isFollowing' && !b.hasOvsdb);
}

describe('session state', () => {
  it('has a move for every single change of the facts', () => {
    for (const before of everyFact) {
      for (const after of everyFact.filter(facts => isOneStep(before, facts))) {
        const [from, to] = [stateOf(before), stateOf(after)];
        assert.ok(from === to || sessionMoves[from].includes(to), `${from} to ${to}`);
      }
    }
  });

  it('reaches every state', () => {
    const reached = new Set<SessionState>(everyFact.map(stateOf));
    assert.deepEqual(reached, new Set(Object.keys(sessionMoves)));
  });

  it('tells each move with its reason once, and takes a move that is not in the table for a bug', () => {
    const states = new SessionStateMachine(silentLogger);
    const told: string[] = [];
    states.onMove((state, reason) => told.push(`${state}: ${reason}`));
    states.move('following', 'connected');
    states.move('following', 'connected');
    states.move('following', 'connected again');
    assert.deepEqual(told, ['following: connected', 'following: connected again']);
    states.move('disconnected', 'gone');
    assert.throws(() => states.move('connected', 'from nowhere'), /no session moves from disconnected to connected/);
  });
});
