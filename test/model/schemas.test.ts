import assert from 'node:assert/strict';
import { Compile } from 'typebox/compile';
import { kinds, resourceOf } from '../../src/model/index.js';
import { schemasOf } from '../../src/model/schemas.js';
import { fieldOf } from '../../src/model/wire.js';

describe('The schemas of the nouns', () => {
  it('are named after the noun and closed', () => {
    for (const kind of kinds) {
      const { create, replace, mergePatch, reply } = schemasOf(kind);
      const { typeName } = resourceOf(kind);
      assert.deepEqual(
        [create.$id, replace.$id, mergePatch.$id, reply.$id],
        [`${typeName}Create`, `${typeName}Replace`, `${typeName}Patch`, typeName],
      );
      for (const schema of [create, replace, mergePatch, reply]) assert.equal(schema.additionalProperties, false);
    }
  });

  it('say what is required and what has a default', () => {
    const { create, mergePatch } = schemasOf('logical-switch-ports');
    assert.deepEqual([...(create.required ?? [])].toSorted(), ['logical_switch_id', 'name']);
    assert.deepEqual(mergePatch.required ?? [], []);
    const check = Compile(create);
    const logical_switch_id = '0191d5a0-0000-7000-8000-000000000001';
    assert.equal(
      check.Check({ name: 'a', logical_switch_id, ips: ['10.0.0.1', { subnet_id: logical_switch_id }] }),
      true,
    );
    assert.equal(check.Check({ name: 'a', logical_switch_id, port_key: 1 }), false);
    assert.equal(check.Check({ name: 'a' }), false);
  });

  it('offer the subnets of a logical switch as a shorthand without its id', () => {
    const { create, reply } = schemasOf('logical-switches');
    assert.equal(Compile(create).Check({ name: 'a', subnets: [{ cidr: '10.0.0.0/24' }] }), true);
    assert.equal(
      Compile(create).Check({ name: 'a', subnets: [{ cidr: '10.0.0.0/24', logical_switch_id: 'x' }] }),
      false,
    );
    assert.ok(Object.hasOwn(reply.properties, 'subnets'));
    assert.ok(Object.hasOwn(reply.properties, 'effective_mtu'));
  });

  it('describe every field', () => {
    for (const kind of kinds) {
      const noun = resourceOf(kind);
      for (const name of noun.fieldNames) assert.match(fieldOf(noun, name).description, /\.$/, `${kind}.${name}`);
      for (const { description } of Object.values(noun.computed)) assert.match(description, /\.$/);
    }
  });
});
