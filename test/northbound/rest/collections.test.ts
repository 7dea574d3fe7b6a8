import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { filtersOf } from '../../../northbound/rest/listing.js';
import { resourceOf } from '../../../src/model/index.js';
import { collections, createSamples, sampleValues, type Samples } from './every-noun.js';
import { assertProblem, describeRest, type Json } from './rest-fixture.js';

const itemsOf = (body: Json): Json[] => body['items'] as Json[];
const pathOf = (samples: Samples, kind: (typeof collections)[number]): string =>
  `/v1/${kind}/${String(samples[kind]['id'])}`;

describeRest('every collection', rest => {
  for (const kind of collections) {
    it(`${kind}: create, create again, read, replace, patch, delete`, async () => {
      const { request } = rest();
      const samples = await createSamples(rest());
      const path = pathOf(samples, kind);

      const again = await request('POST', `/v1/${kind}`, samples[kind]);
      assert.equal(again.status, 200, again.text);
      const read = await request('GET', path);
      assert.deepEqual(again.body, read.body);
      assert.equal(read.headers['etag'], `"${String(read.body['revision'])}"`);
      assert.ok(Number(read.headers['weft-revision']) >= Number(read.body['revision']));
      const other = await request('POST', `/v1/${kind}`, { ...samples[kind], name: 'another' });
      assertProblem(other, 409, 'id_in_use', '/id');

      const unchanged = await request('PUT', path, read.body);
      assert.equal(unchanged.status, 200, unchanged.text);
      assert.equal(unchanged.body['revision'], read.body['revision'], 'GET, then PUT changes nothing');
      const edited = await request('PUT', path, { ...read.body, name: 'edited' });
      assert.deepEqual([edited.status, edited.body['name']], [200, 'edited'], edited.text);
      assert.equal(Number(edited.headers['weft-revision']), edited.body['revision']);
      assert.ok(Number(edited.body['revision']) > Number(read.body['revision']));

      const patched = await request('PATCH', path, { labels: { sample: null, more: '1' } });
      assert.deepEqual([patched.status, patched.body['labels']], [200, { more: '1' }], patched.text);
      const stale = { 'if-match': String(read.headers['etag']) };
      assertProblem(await request('PATCH', path, { name: 'x' }, stale), 412, 'revision_mismatch');
      assertProblem(await request('PUT', path, edited.body, stale), 412, 'revision_mismatch');
      assertProblem(await request('DELETE', path, undefined, stale), 412, 'revision_mismatch');
      const fresh = { 'if-match': String(patched.headers['etag']) };
      assert.equal((await request('PATCH', path, { name: 'y' }, fresh)).status, 200);

      const gone = await request('DELETE', kind === 'hypervisors' ? path : `${path}?cascade=true`);
      assert.deepEqual([gone.status, gone.text], [204, '']);
      assert.ok(Number(gone.headers['weft-revision']) > Number(patched.body['revision']));
      if (kind !== 'hypervisors') {
        assertProblem(await request('GET', path), 404, 'not_found');
        assertProblem(await request('DELETE', path), 404, 'not_found');
        assertProblem(await request('PATCH', path, {}), 404, 'not_found');
      }
    });

    it(`${kind}: read-only members are taken when unchanged and refused otherwise`, async () => {
      const { request } = rest();
      const samples = await createSamples(rest());
      const path = pathOf(samples, kind);
      const { body } = await request('GET', path);
      const noun = resourceOf(kind);
      for (const name of noun.fieldNames.filter(each => noun.fields[each]?.access === 'read-only')) {
        const member = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
        assert.equal((await request('PATCH', path, { [member]: body[member] ?? null })).status, 200, member);
        const changed = await request('PUT', path, { ...body, [member]: member === 'id' ? randomUUID() : 'other' });
        assertProblem(changed, 400, member === 'id' ? 'id_mismatch' : 'read_only', `/${member}`);
      }
    });

    it(`${kind}: filters by everything that OpenAPI lists`, async () => {
      const { request } = rest();
      const samples = await createSamples(rest());
      const value = samples[kind];
      const { body } = await request('GET', pathOf(samples, kind));
      const project = `project_id=${String(value['project_id'])}`;
      for (const member of filtersOf(kind).keys()) {
        const wanted = body[member];
        if (typeof wanted !== 'string' || member === 'project_id') continue;
        const found = await request('GET', `/v1/${kind}?${project}&${member}=${encodeURIComponent(wanted)}`);
        assert.deepEqual(
          itemsOf(found.body).map(({ id }) => id),
          [value['id']],
          `${member}: ${found.text}`,
        );
        const none = await request('GET', `/v1/${kind}?${project}&${member}=${randomUUID()}`);
        assert.deepEqual(itemsOf(none.body), [], member);
      }
      for (const [label, count] of [
        ['sample=yes', 1],
        ['sample=no', 0],
        ['sample=yes&label=other=1', 0],
      ] as const) {
        const found = await request('GET', `/v1/${kind}?${project}&label=${label}`);
        assert.equal(itemsOf(found.body).length, count, label);
      }
      const listed = await request('GET', `/v1/${kind}?${project}`);
      assert.deepEqual(itemsOf(listed.body), [body], 'a list shows what a read shows');
    });

    it(`${kind}: refuses bodies that are no objects, and members that it does not have`, async () => {
      const { request } = rest();
      const value = sampleValues()[kind];
      for (const body of ['[]', 'null', '"text"', '1', 'true'])
        assertProblem(await request('POST', `/v1/${kind}`, body), 400, 'invalid_value');
      assertProblem(await request('POST', `/v1/${kind}`, '{'), 400, 'malformed_body');
      assertProblem(await request('POST', `/v1/${kind}`, ''), 400, 'malformed_body');
      const odd = await request('POST', `/v1/${kind}`, { ...value, 'a/b~c': 1 });
      assertProblem(odd, 400, 'unknown_member', '/a~1b~0c');
      assertProblem(await request('POST', `/v1/${kind}`, { ...value, number: 7 }), 400, 'unknown_member', '/number');
      const polluted = `${JSON.stringify(value).slice(0, -1)},"__proto__":{"admin":true}}`;
      assertProblem(await request('POST', `/v1/${kind}`, polluted), 400, 'unknown_member', '/__proto__');
      const deep = `${JSON.stringify(value).slice(0, -1)},"labels":{"__proto__":"x"}}`;
      assertProblem(await request('POST', `/v1/${kind}`, deep), 400, 'unknown_member', '/labels/__proto__');
    });

    it(`${kind}: ids are UUIDs in any case, and nothing else`, async () => {
      const { request } = rest();
      const samples = await createSamples(rest());
      const upper = `/v1/${kind}/${String(samples[kind]['id']).toUpperCase()}`;
      assert.equal((await request('GET', upper)).status, 200);
      assert.equal((await request('PATCH', upper, { name: 'upper' })).status, 200);
      for (const odd of ['not-a-uuid', '1', 'null', "'%20or%201=1", '%00', `${'a'.repeat(300)}`]) {
        for (const method of ['GET', 'PATCH', 'DELETE']) {
          const answer = await request(method, `/v1/${kind}/${odd}`, method === 'PATCH' ? {} : undefined);
          assert.ok([400, 404].includes(answer.status), `${method} ${odd}: ${answer.text}`);
        }
        const put = await request('PUT', `/v1/${kind}/${odd}`, { ...samples[kind], id: undefined });
        assert.ok([400, 404].includes(put.status), `PUT ${odd}: ${put.text}`);
      }
      const mismatch = await request('PUT', upper, { ...samples[kind], id: randomUUID() });
      assertProblem(mismatch, 400, 'id_mismatch', '/id');
    });
  }

  it('PUT creates what is not there', async () => {
    const id = randomUUID();
    const made = await rest().request('PUT', `/v1/logical-routers/${id}`, { name: 'r' });
    assert.deepEqual([made.status, made.body['id']], [201, id], made.text);
    assert.equal((await rest().request('PUT', `/v1/logical-routers/${id}`, { name: 'r' })).status, 200);
  });

  it('a create says where the object is', async () => {
    const { status, headers, body } = await rest().request('POST', '/v1/logical-switches', { name: 's' });
    assert.deepEqual([status, headers['location']], [201, `/v1/logical-switches/${String(body['id'])}`]);
    assert.match(String(body['id']), /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.deepEqual([body['project_id'], body['labels'], body['mtu'], body['subnets']], ['', {}, 1450, []]);
  });

  it('subnets may be given with their logical switch, and are shown there', async () => {
    const { request, create } = rest();
    const made = await create('logical-switches', {
      name: 's',
      subnets: [{ cidr: '10.0.0.0/24' }, { cidr: 'fd00::/64', name: 'six' }],
    });
    const shown = made['subnets'] as Json[];
    assert.deepEqual(
      shown.map(({ cidr }) => cidr),
      ['10.0.0.0/24', 'fd00::/64'],
    );
    const path = `/v1/logical-switches/${made.id}`;
    assert.equal((await request('PUT', path, { ...made, name: 't' })).status, 200);
    assertProblem(await request('PATCH', path, { subnets: shown.slice(1) }), 400, 'read_only', '/subnets');
    const bad = { name: 's', subnets: [{ cidr: '10.0.0.0/24' }, { cidr: '10.0.0.0/25' }] };
    assertProblem(await request('POST', '/v1/logical-switches', bad), 409, 'subnet_overlap', '/subnets/1/cidr');
  });

  it('deletion names who still uses the object, and cascades when asked to', async () => {
    const { request } = rest();
    const samples = await createSamples(rest());
    const path = pathOf(samples, 'logical-switches');
    const used = assertProblem(await request('DELETE', path), 409, 'in_use');
    const related = used['related'] as { kind: string; id: string }[];
    assert.ok(related.length > 0 && related.every(each => each.kind !== '' && each.id !== ''));
    assertProblem(await request('DELETE', `${path}?cascade=maybe`), 400, 'invalid_query');
    assert.equal((await request('GET', path)).status, 200);
    assert.equal((await request('DELETE', `${path}?cascade=true`)).status, 204);
    for (const kind of ['subnets', 'logical-switch-ports', 'logical-router-ports', 'static-routes'] as const)
      assertProblem(await request('GET', pathOf(samples, kind)), 404, 'not_found');
    assert.equal((await request('GET', pathOf(samples, 'logical-routers'))).status, 200);
  });
});

describeRest('lists', rest => {
  it('are cut into pages that survive creations and deletions between them', async () => {
    const { request, create } = rest();
    const project = randomUUID();
    const ids: string[] = [];
    for (let index = 0; index < 7; index += 1)
      ids.push((await create('logical-routers', { name: `r${index}`, project_id: project })).id);
    const sorted = ids.toSorted();
    const first = await request('GET', `/v1/logical-routers?project_id=${project}&limit=3`);
    const seen = itemsOf(first.body).map(({ id }) => String(id));
    assert.deepEqual(seen, sorted.slice(0, 3));
    // What the cursor names is deleted, and something is created before and after it.
    await request('DELETE', `/v1/logical-routers/${sorted[2] ?? ''}`);
    await create('logical-routers', { id: '00000000-0000-4000-8000-00000000000a', name: 'early', project_id: project });
    const late = await create('logical-routers', { name: 'late', project_id: project });
    for (let next = first.body['next']; typeof next === 'string'; ) {
      const page = await request('GET', `/v1/logical-routers?project_id=${project}&limit=3&after=${next}`);
      seen.push(...itemsOf(page.body).map(({ id }) => String(id)));
      next = page.body['next'];
    }
    assert.deepEqual(seen, [...sorted, late.id].toSorted());
    await request('DELETE', '/v1/logical-routers/00000000-0000-4000-8000-00000000000a');
  });

  it('refuse parameters that they do not have', async () => {
    const { request } = rest();
    const queries = ['colour=red', 'limit=0', 'limit=x', 'limit=10001', 'label=x', 'min_revision=-1', 'name=a&name=b'];
    for (const query of queries) assertProblem(await request('GET', `/v1/subnets?${query}`), 400, 'invalid_query');
  });

  it('reflect the revision asked for, or say that it is not here', async () => {
    const { request } = rest();
    const made = await request('POST', '/v1/logical-switches', { name: 'fresh' });
    const revision = Number(made.headers['weft-revision']);
    const read = await request('GET', `/v1/logical-switches?min_revision=${revision}`);
    assert.ok(Number(read.headers['weft-revision']) >= revision);
    assertProblem(await request('GET', '/v1/logical-switches?min_revision=x'), 400, 'invalid_query');
  });

  it('show every write that was acknowledged before', async () => {
    const { request, create } = rest();
    const project = randomUUID();
    for (let count = 1; count <= 20; count += 1) {
      await create('logical-switches', { name: 's', project_id: project });
      const { body } = await request('GET', `/v1/logical-switches?project_id=${project}`);
      assert.equal(itemsOf(body).length, count);
    }
  });
});
