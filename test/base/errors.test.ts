import assert from 'node:assert/strict';
import { errorTable, pointerTo, WeftError } from '../../src/base/errors.js';

describe('The table of errors', () => {
  it('has a status, a title and help for every code', () => {
    for (const [code, entry] of Object.entries(errorTable)) {
      assert.match(code, /^[a-z][a-z_]*$/);
      assert.ok(entry.status >= 400 && entry.status < 600, code);
      assert.match(entry.title, /\.$/, code);
      assert.match(entry.help, /\.$/, code);
    }
  });

  it('moves an error outwards without losing anything', () => {
    const cause = new Error('cause');
    const inner = new WeftError('mac_in_use', {
      detail: 'taken',
      pointer: '/mac',
      cause,
      related: [{ kind: 'x', id: '1' }],
    });
    const outer = inner.within('/operations/3/value', 3);
    assert.equal(outer.pointer, '/operations/3/value/mac');
    assert.equal(outer.operation, 3);
    assert.equal(outer.cause, cause);
    assert.deepEqual(outer.related, inner.related);
    assert.equal(outer.entry.status, 409);
  });

  it('escapes members in pointers', () => {
    assert.equal(pointerTo('/labels', 'a/b~c'), '/labels/a~1b~0c');
    assert.equal(pointerTo('/ips', 2), '/ips/2');
  });
});
