import assert from 'node:assert/strict';
import { resourceOf } from '../../../src/model/index.js';
import { collections } from './every-noun.js';
import { describeRest, type Json } from './rest-fixture.js';

/** Every object within a JSON value, with the path to it. */
function* objectsIn(value: unknown, path = '#'): Generator<[string, Json]> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield [path, value as Json];
  for (const [member, each] of Object.entries(value)) yield* objectsIn(each, `${path}/${member}`);
}

function lookUp(document: Json, pointer: string): unknown {
  const steps = pointer.split('/').slice(1);
  return steps.reduce<unknown>(
    (at, step) => (at as Json | undefined)?.[step.replaceAll('~1', '/').replaceAll('~0', '~')],
    document,
  );
}

describeRest('OpenAPI', rest => {
  let document: Json;
  before(async () => {
    document = (await rest().request('GET', '/openapi.json')).body;
  });
  const paths = (): Readonly<Record<string, Json>> => document['paths'] as Record<string, Json>;

  it('is a 3.1 document in which every reference leads somewhere', () => {
    assert.equal(document['openapi'], '3.1.0');
    const { title, version } = document['info'] as Json;
    assert.deepEqual([title, version], ['Weft', '0.0.0-test']);
    for (const [path, object] of objectsIn(document)) {
      const reference = object['$ref'];
      if (typeof reference !== 'string' || path.endsWith('/properties')) continue;
      assert.match(reference, /^#\//, `${path} refers outside`);
      assert.equal(typeof lookUp(document, reference), 'object', `${path}: ${reference} leads nowhere`);
    }
  });

  it('has every operation of every collection, with named bodies and replies', () => {
    for (const kind of collections) {
      const { typeName } = resourceOf(kind);
      assert.deepEqual(Object.keys(paths()[`/v1/${kind}`] ?? {}).toSorted(), ['get', 'post'], kind);
      assert.deepEqual(Object.keys(paths()[`/v1/${kind}/{id}`] ?? {}).toSorted(), ['delete', 'get', 'patch', 'put']);
      const bodies = [
        [`/paths/~1v1~1${kind}/post`, `${typeName}Create`],
        [`/paths/~1v1~1${kind}~1{id}/put`, `${typeName}Replace`],
        [`/paths/~1v1~1${kind}~1{id}/patch`, `${typeName}Patch`],
      ] as const;
      for (const [operation, name] of bodies) {
        const body = lookUp(document, `#${operation}/requestBody/content/application~1json/schema`) as Json;
        assert.deepEqual(body, { $ref: `#/components/schemas/${name}` });
      }
      const reply = lookUp(document, `#/paths/~1v1~1${kind}~1{id}/get/responses/200/content/application~1json/schema`);
      assert.deepEqual(reply, { $ref: `#/components/schemas/${typeName}` });
    }
  });

  it('has what is special, and describes every operation, response and parameter', () => {
    for (const path of [
      '/v1/transactions',
      '/v1/watch',
      '/v1/revisions/{n}',
      '/v1/hypervisors/{id}/drops',
      '/v1/security-groups/{id}/counters',
      '/v1/security-groups/{id}/log',
      '/v1/security-group-rules/{id}/counters',
      '/healthz',
    ])
      assert.ok(paths()[path], path);
    const ids = new Set<string>();
    for (const [path, item] of Object.entries(paths())) {
      for (const [method, operation] of Object.entries(item) as [string, Json][]) {
        const place = `${method} ${path}`;
        assert.ok(operation['summary'], place);
        const responses = operation['responses'] as Readonly<Record<string, Json>>;
        assert.ok(Object.keys(responses).length > 0, place);
        for (const [status, response] of Object.entries(responses)) {
          assert.match(status, /^([1-5]\d\d|[1-5]XX|default)$/, place);
          assert.equal(typeof response['description'], 'string', `${place} ${status}`);
        }
        const declared = ((operation['parameters'] ?? []) as Json[]).filter(each => each['in'] === 'path');
        const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        assert.deepEqual(
          declared.map(({ name }) => name),
          inPath,
          place,
        );
        const id = operation['operationId'];
        if (typeof id === 'string') assert.ok(!ids.has(id), `${id} twice`);
      }
    }
  });

  it('names its components by their nouns', () => {
    const schemas = Object.keys((document['components'] as { schemas: Json }).schemas);
    assert.deepEqual(
      schemas.filter(name => /def-\d+/.test(name)),
      [],
    );
    assert.ok(schemas.includes('Problem') && schemas.includes('Progress'));
  });

  it('can be read offline: no page or asset is from elsewhere', async () => {
    const { request } = rest();
    const page = await request('GET', '/docs/');
    assert.equal(page.status, 200);
    const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
    assert.ok(assets.length > 0);
    for (const asset of assets) {
      assert.doesNotMatch(asset, /^(https?:)?\/\//, asset);
      const path = new URL(asset, 'http://weft/docs/').pathname;
      assert.equal((await request('GET', path)).status, 200, path);
    }
    const start = await request('GET', '/docs/static/swagger-initializer.js');
    assert.doesNotMatch(start.text.replace(/^\s*\/\/.*$/gm, ''), /https?:\/\//);
  });
});
