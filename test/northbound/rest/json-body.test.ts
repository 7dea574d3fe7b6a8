import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isAcceptedContentType, parseJsonBody } from '../../../northbound/rest/json-body.js';
import { WeftError } from '../../../src/base/errors.js';

const codeOf = (text: string): string | undefined => {
  try {
    parseJsonBody(text);
  } catch (error) {
    if (error instanceof WeftError) return error.code;
    throw error;
  }
  return undefined;
};

describe('the request body', () => {
  it('has one content type, compared as a whole', () => {
    for (const good of [
      'application/json',
      'Application/JSON',
      'application/json; charset=utf-8',
      'application/json;charset="UTF-8"',
    ]) {
      assert.ok(isAcceptedContentType(good, 'POST'), good);
    }
    const odd = [
      undefined,
      '',
      'text/plain',
      'application/json; charset=latin1',
      'application/jsonx',
      ' ;application/json',
      'application/json\ttext/plain',
      'application/json,text/plain',
      'application/x-www-form-urlencoded',
    ];
    for (const bad of odd) assert.ok(!isAcceptedContentType(bad, 'POST'), String(bad));
    assert.ok(isAcceptedContentType('application/merge-patch+json', 'PATCH'));
    assert.ok(!isAcceptedContentType('application/merge-patch+json', 'POST'));
  });

  it('refuses members that could reach a prototype, at any depth', () => {
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      assert.equal(codeOf(`{"labels":{"${name}":{"x":1}}}`), 'unknown_member');
      assert.equal(codeOf(`[[{"${name}":1}]]`), 'unknown_member');
    }
  });

  it('refuses what is nested too deep without walking down recursively', () => {
    assert.equal(codeOf('['.repeat(400_000) + ']'.repeat(400_000)), 'malformed_body');
    assert.equal(codeOf('['.repeat(31) + ']'.repeat(31)), undefined);
  });

  it('never fails in any other way', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), text => {
        const code = codeOf(text);
        assert.ok(code === undefined || code === 'malformed_body' || code === 'unknown_member');
      }),
    );
  });
});
