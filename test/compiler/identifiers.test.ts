import assert from 'node:assert/strict';
import {
  decodeCookie,
  decodeGroupId,
  fragmentCookie,
  groupId,
  learnedCookie,
  namespaceCookie,
  namespaceMask,
  ruleMask,
  sentinelCookie,
} from '../../src/compiler/identifiers.js';

describe('Identifiers', () => {
  it('say in 64 bits which rule and object a flow belongs to', () => {
    assert.equal(fragmentCookie(12, 0x1234), 0x5e_000c_0000001234n);
    assert.equal(learnedCookie(0xffff, 2 ** 40 - 1), 0x5d_ffff_ffffffffffn);
    assert.equal(sentinelCookie(0xdead_beef, 0xabcdef), 0x5f_deadbeef_abcdefn);
  });

  it('can be taken apart again', () => {
    assert.deepEqual(decodeCookie(fragmentCookie(12, 77)), { kind: 'fragment', ruleNumber: 12, objectNumber: 77 });
    assert.deepEqual(decodeCookie(learnedCookie(1, 2 ** 33)), {
      kind: 'learned',
      ruleNumber: 1,
      objectNumber: 2 ** 33,
    });
    assert.deepEqual(decodeCookie(sentinelCookie(2 ** 32 - 1, 5)), {
      kind: 'sentinel',
      revision: 2 ** 32 - 1,
      check: 5,
    });
    for (const foreign of [0n, 1n, 0x60n << 56n, 2n ** 64n - 1n]) {
      assert.deepEqual(decodeCookie(foreign), { kind: 'foreign' });
    }
    assert.deepEqual(decodeGroupId(groupId(1234, 7)), { objectNumber: 1234, slot: 7 });
  });

  it('are matched by namespace and by rule with the masks', () => {
    const cookie = fragmentCookie(12, 77);
    assert.equal(cookie & namespaceMask, namespaceCookie('fragment'));
    assert.equal(cookie & ruleMask, fragmentCookie(12, 0));
  });

  it('refuse numbers that do not fit, rather than name another object', () => {
    assert.throws(() => fragmentCookie(0x1_0000, 1), RangeError);
    assert.throws(() => fragmentCookie(1, 2 ** 40), RangeError);
    assert.throws(() => fragmentCookie(1, -1), RangeError);
    assert.throws(() => fragmentCookie(1, 1.5), RangeError);
    assert.throws(() => sentinelCookie(2 ** 32, 1), RangeError);
    assert.throws(() => sentinelCookie(1, 2 ** 24), RangeError);
    assert.throws(() => groupId(1, 8), RangeError);
    assert.throws(() => groupId(2 ** 29, 0), RangeError);
  });
});
