import assert from 'node:assert/strict';
import { errorTable } from '../../../src/base/errors.js';
import { resourceOf } from '../../../src/model/index.js';
import { snakeCase } from '../../../src/model/letter-case.js';
import { fieldOf, isGivenByCaller } from '../../../src/model/wire.js';
import { collections, createSamples, sampleValues, type Samples } from './every-noun.js';
import { refusalsOf } from './refusals.js';
import { assertProblem, describeRest, type Json } from './rest-fixture.js';

/** The sample as the body of another object, with other members where given; undefined leaves one out. */
const bodyWith = (sample: Json, members: Json): Json => ({ ...sample, id: undefined, ...members });

/** Other valid values of immutable fields that are no ids. */
const otherValues: Readonly<Record<string, unknown>> = {
  cidr: '10.77.0.0/24',
  role: 'admin',
  scopes: ['other'],
  kind: 'snat',
  ip: '10.0.0.77',
  local: { addresses: ['169.254.0.77'] },
};

describeRest('every field of every noun', rest => {
  let samples: Samples;
  before(async () => {
    samples = await createSamples(rest());
  });

  for (const kind of collections) {
    it(`${kind}: each is refused with its code and pointer when it is wrong`, async () => {
      const before = await rest().store.currentRevision();
      for (const { members, code, pointer } of refusalsOf(samples)[kind]) {
        const answer = await rest().request('POST', `/v1/${kind}`, bodyWith(samples[kind], members));
        assert.ok(answer.status >= 400, `${JSON.stringify(members)}: ${answer.text}`);
        const { body } = answer;
        assert.deepEqual(
          [body['code'], body['pointer']],
          [code, pointer],
          `${JSON.stringify(members)}: ${answer.text}`,
        );
        assertProblem(answer, errorTable[code].status, code);
      }
      assert.equal(await rest().store.currentRevision(), before, 'a refused request changes nothing');
    });

    it(`${kind}: no field that a caller may set is left out of that`, () => {
      const tried = new Set(refusalsOf(sampleValues())[kind].flatMap(({ members }) => Object.keys(members)));
      const noun = resourceOf(kind);
      const settable = noun.fieldNames.filter(name => isGivenByCaller(fieldOf(noun, name)));
      assert.deepEqual(
        settable.map(snakeCase).filter(member => !tried.has(member)),
        [],
      );
    });

    it(`${kind}: a patch is held to the same, and immutable members to what they are`, async () => {
      const path = `/v1/${kind}/${String(samples[kind]['id'])}`;
      const noun = resourceOf(kind);
      for (const { members, code, pointer } of refusalsOf(samples)[kind]) {
        const [first, ...others] = Object.entries(members);
        if (first === undefined) continue;
        const [member, value] = first;
        const isShape = ['invalid_value', 'out_of_range', 'duplicate_value'].includes(code);
        // In a patch null removes, and what is not there stays.
        if (!isShape || others.length > 0 || value === null || value === undefined) continue;
        if (member === 'id' || Object.hasOwn(noun.shorthands, member)) continue;
        if (JSON.stringify(value).includes('{}')) continue;
        const answer = await rest().request('PATCH', path, members);
        assertProblem(answer, errorTable[code].status, code, pointer);
      }
      for (const name of noun.fieldNames.filter(each => fieldOf(noun, each).access === 'immutable')) {
        const value = otherValues[name] ?? '00000000-0000-4000-8000-000000000000';
        const answer = await rest().request('PATCH', path, { [snakeCase(name)]: value });
        assertProblem(answer, 400, 'immutable', `/${snakeCase(name)}`);
      }
    });
  }
});
