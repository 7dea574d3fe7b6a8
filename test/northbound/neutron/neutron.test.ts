/** The OpenStack API: what it answers, what it refuses and how, and that REST sees the same objects. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  assertFault,
  idsOf,
  listed,
  type Made,
  type NeutronFixture,
  sharedNeutron,
  verbsOf,
} from './neutron-fixture.js';

const NOBODY = '00000000-0000-4000-8000-00000000dead';

describe('Neutron', function () {
  this.timeout(120_000);
  let neutron: NeutronFixture;
  const { send, make, rest, put, subnetOn } = verbsOf(() => neutron);
  const get = async (path: string, member: string): Promise<Made> => {
    const { status, body, text } = await send('GET', path);
    assert.equal(status, 200, text);
    return body[member] as Made;
  };
  before(async () => {
    neutron = await sharedNeutron();
  });

  describe('versions and extensions', () => {
    it('are told without a token, with the address that the client used', async () => {
      for (const path of ['/neutron', '/neutron/']) {
        const { status, body, headers } = await neutron.rest.request('GET', path, undefined, { host: 'cloud:9696' });
        assert.equal(status, 200);
        const [version] = body['versions'] as readonly Made[];
        assert.deepEqual(version, {
          id: 'v2.0',
          status: 'CURRENT',
          links: [{ rel: 'self', href: 'http://cloud:9696/neutron/v2.0/' }],
        });
        assert.match(String(headers['x-openstack-request-id']), /^req-[0-9a-f-]{36}$/);
      }
    });
    it('list the resources, and name only extensions that are there', async () => {
      const resources = listed(await send('GET', ''), 'resources');
      assert.ok(resources.some(each => each['collection'] === 'networks'));
      const aliases = listed(await send('GET', '/extensions'), 'extensions').map(each => each['alias']);
      for (const alias of ['subnet_allocation', 'standard-attr-tag', 'security-group', 'quota_details'])
        assert.ok(aliases.includes(alias), alias);
      assert.ok(!aliases.includes('dns-domain-ports'));
      assert.equal((await send('GET', '/extensions/subnet_allocation')).status, 200);
      assertFault(await send('GET', '/extensions/segment'), 404, 'HTTPNotFound');
    });
    it('answer what there is not in the same form', async () => {
      assertFault(await send('GET', '/nothing'), 404, 'HTTPNotFound');
      assertFault(await send('GET', `/networks/${NOBODY}`), 404, 'NetworkNotFound', /could not be found/);
      assertFault(await send('PUT', '/availability_zones/x', { availability_zone: {} }), 405, 'HTTPMethodNotAllowed');
    });
  });

  describe('networks', () => {
    it('have what the wire contract says, and are logical switches', async () => {
      const network = await make('/networks', 'network', {
        name: 'blue',
        description: 'one\nof many',
        tenant_id: 'p1',
        shared: 'True',
      });
      const [row] = [await get(`/networks/${network.id}`, 'network')];
      assert.deepEqual(row, network);
      for (const [name, value] of Object.entries({
        name: 'blue',
        description: 'one\nof many',
        project_id: 'p1',
        tenant_id: 'p1',
        admin_state_up: true,
        status: 'ACTIVE',
        shared: true,
        subnets: [],
        'router:external': false,
        port_security_enabled: true,
        tags: [],
        'provider:network_type': 'geneve',
        'provider:physical_network': null,
      }))
        assert.deepEqual(row[name], value, name);
      assert.match(String(row['created_at']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
      const { body } = await rest('GET', `/logical-switches/${network.id}`);
      assert.deepEqual([body['name'], body['project_id'], body['shared_with']], ['blue', 'p1', ['*']]);
      assert.equal(row['mtu'], body['effective_mtu']);
    });
    it('have names that are empty or not their own', async () => {
      const [a, b] = [await make('/networks', 'network', {}), await make('/networks', 'network', { name: '' })];
      assert.deepEqual([a['name'], b['name']], ['', '']);
      const renamed = await put(`/networks/${a.id}`, 'network', { name: 'same' });
      assert.equal(renamed['name'], 'same');
      assert.equal((await put(`/networks/${a.id}`, 'network', { name: '' }))['name'], '');
    });
    it('change, and their revision grows', async () => {
      const network = await make('/networks', 'network', { name: 'n' });
      const after = await put(`/networks/${network.id}`, 'network', {
        description: 'd',
        port_security_enabled: false,
        mtu: 1300,
      });
      assert.deepEqual([after['description'], after['port_security_enabled'], after['mtu']], ['d', false, 1300]);
      assert.ok(Number(after['revision_number']) > Number(network['revision_number']));
      assert.equal((await put(`/networks/${network.id}`, 'network', { description: '' }))['description'], '');
    });
    it('are part of a physical network where an admin says so', async () => {
      const vlan = await make('/networks', 'network', {
        name: 'v',
        'provider:network_type': 'vlan',
        'provider:physical_network': 'physnet1',
        'provider:segmentation_id': 77,
        'router:external': true,
      });
      assert.deepEqual([vlan['provider:segmentation_id'], vlan['router:external']], [77, true]);
      const { body } = await rest('GET', `/logical-switches/${vlan.id}`);
      assert.deepEqual(body['provider'], { physical_network: 'physnet1', vlan: 77 });
      const again = {
        'provider:network_type': 'vlan',
        'provider:physical_network': 'physnet1',
        'provider:segmentation_id': 77,
      };
      assertFault(await send('POST', '/networks', { network: again }), 409, 'VlanIdInUse');
      assertFault(
        await send('POST', '/networks', { network: { 'provider:network_type': 'flat' } }),
        400,
        'InvalidInput',
      );
    });
    it('made by REST are right, and what is said of them goes with them', async () => {
      const { body } = await rest('POST', '/logical-switches', { name: 'of-rest', project_id: 'p2' });
      const id = String(body['id']);
      assert.equal((await get(`/networks/${id}`, 'network'))['name'], 'of-rest');
      await put(`/networks/${id}`, 'network', { description: 'said' });
      assert.equal((await rest('DELETE', `/logical-switches/${id}`)).status, 204);
      await rest('POST', '/logical-switches', { id, name: 'anew' });
      assert.equal((await get(`/networks/${id}`, 'network'))['description'], '');
    });
    it('refuse bodies that mean nothing', async () => {
      const refuse = async (value: unknown, type: string, message: RegExp) =>
        assertFault(await send('POST', '/networks', { network: value }), 400, type, message);
      await refuse({ foo: 1 }, 'HTTPBadRequest', /Unrecognized attribute\(s\) 'foo'/);
      await refuse({ status: 'UP' }, 'HTTPBadRequest', /not allowed in POST/);
      await refuse({ admin_state_up: 'maybe' }, 'InvalidInput', /Invalid input for admin_state_up/);
      await refuse({ mtu: 'x' }, 'InvalidInput', /Invalid input for mtu/);
      await refuse({ mtu: 65_000 }, 'InvalidInput', /MTU|underlay/i);
      await refuse({ name: 'x'.repeat(256) }, 'InvalidInput', /maximum length/);
      await refuse({ description: 'a\u0000b' }, 'InvalidInput', /stored/);
      await refuse(7, 'HTTPBadRequest', /dictionary/);
      assertFault(await send('POST', '/networks', {}), 400, 'HTTPBadRequest');
      assertFault(await send('POST', '/networks', '{'), 400, 'HTTPBadRequest');
      const { id } = await make('/networks', 'network', {});
      assertFault(
        await send('PUT', `/networks/${id}`, { network: { id: NOBODY } }),
        400,
        'HTTPBadRequest',
        /read-only attribute id/,
      );
    });
    it('are deleted with their subnets, and not with ports', async () => {
      const network = await make('/networks', 'network', {});
      const subnet = await subnetOn(network, '10.1.0.0/24');
      const port = await make('/ports', 'port', { network_id: network.id });
      assertFault(await send('DELETE', `/networks/${network.id}`), 409, 'NetworkInUse');
      assertFault(await send('DELETE', `/subnets/${subnet.id}`), 409, 'SubnetInUse');
      assert.equal((await send('DELETE', `/ports/${port.id}`)).status, 204);
      assert.equal((await send('DELETE', `/networks/${network.id}`)).status, 204);
      assertFault(await send('GET', `/subnets/${subnet.id}`), 404, 'SubnetNotFound');
    });
  });

  describe('lists', () => {
    const mark = randomUUID();
    let made: readonly Made[];
    before(async () => {
      const networks = ['c', 'a', 'b', 'a'].map((name, place) => ({
        name,
        description: mark,
        admin_state_up: place !== 2,
      }));
      const answer = await send('POST', '/networks', { networks });
      assert.equal(answer.status, 201, answer.text);
      made = answer.body['networks'] as readonly Made[];
    });
    const find = async (query: string) =>
      listed(await send('GET', `/networks?description=${mark}&${query}`), 'networks');

    it('filter by any attribute; repeated parameters are alternatives', async () => {
      assert.equal((await find('')).length, 4);
      assert.equal((await find('name=a')).length, 2);
      assert.equal((await find('name=a&name=b')).length, 3);
      assert.equal((await find('admin_state_up=False')).length, 1);
      assert.deepEqual(idsOf(await find(`id=${made[0]?.id}&id=${made[1]?.id}`)), idsOf(made.slice(0, 2)));
      assertFault(
        await send('GET', '/networks?foo=1'),
        400,
        'HTTPBadRequest',
        /'foo'\] is invalid attribute for filtering/,
      );
    });
    it('show the fields that are asked for', async () => {
      const [row] = await find('name=b&fields=id&fields=name');
      assert.deepEqual(row, { id: made[2]?.id, name: 'b' });
      const { body } = await send('GET', `/networks/${made[0]?.id}?fields=mtu`);
      assert.deepEqual(Object.keys(body['network'] as object), ['mtu']);
    });
    it('are sorted', async () => {
      const names = async (query: string) => (await find(query)).map(each => each['name']);
      assert.deepEqual(await names('sort_key=name&sort_dir=asc'), ['a', 'a', 'b', 'c']);
      assert.deepEqual(await names('sort_key=name&sort_dir=desc'), ['c', 'b', 'a', 'a']);
      assert.deepEqual(idsOf(await find('sort_key=name&sort_dir=asc&sort_key=id&sort_dir=desc')), idsOf(made));
      assertFault(await send('GET', '/networks?sort_key=nothing'), 400, 'InvalidInput');
    });
    it('come in pages with links that lead through all of them, and back', async () => {
      let path = `/networks?description=${mark}&limit=3&sort_key=name`;
      const seen: string[] = [];
      const pages: number[] = [];
      let before: string | undefined;
      for (;;) {
        const { body } = await send('GET', path);
        const rows = body['networks'] as readonly Made[];
        pages.push(rows.length);
        seen.push(...rows.map(({ id }) => id));
        const links = (body['networks_links'] ?? []) as readonly { rel: string; href: string }[];
        before = links.find(({ rel }) => rel === 'previous')?.href;
        const next = links.find(({ rel }) => rel === 'next')?.href;
        if (next === undefined) break;
        path = next.replace(/^.*\/v2\.0/, '');
      }
      assert.deepEqual(pages, [3, 1]);
      assert.deepEqual(seen.toSorted(), idsOf(made));
      const { body } = await send('GET', (before ?? '').replace(/^.*\/v2\.0/, ''));
      assert.deepEqual(
        (body['networks'] as readonly Made[]).map(({ id }) => id),
        seen.slice(0, 3),
      );
      assertFault(await send('GET', `/networks?marker=${NOBODY}&limit=1`), 404, 'NetworkNotFound');
      assertFault(await send('GET', '/networks?limit=x'), 400, 'HTTPBadRequest');
    });
    it('make all of several objects or none', async () => {
      const network = await make('/networks', 'network', {});
      const before = listed(await send('GET', '/subnets'), 'subnets').length;
      const subnets = ['10.0.0.0/24', '10.0.0.0/16'].map(cidr => ({ network_id: network.id, ip_version: 4, cidr }));
      assertFault(await send('POST', '/subnets', { subnets }), 400, 'InvalidInput', /overlap/i);
      assert.equal(listed(await send('GET', '/subnets'), 'subnets').length, before);
    });
    it('filter by tags, which are set, added and taken away', async () => {
      const [a, b] = made;
      const path = `/networks/${a?.id}/tags`;
      assert.equal((await send('PUT', path, { tags: ['red', 'blue', 'red'] })).status, 200);
      assert.equal((await send('PUT', `/networks/${b?.id}/tags/red`)).status, 201);
      assert.equal((await send('PUT', `/networks/${b?.id}/tags/red`)).status, 201);
      assert.deepEqual((await send('GET', path)).body, { tags: ['blue', 'red'] });
      assert.deepEqual(idsOf(await find('tags=red,blue')), [a?.id]);
      assert.deepEqual(idsOf(await find('tags-any=red,blue')), idsOf(made.slice(0, 2)));
      assert.equal((await find('not-tags=red,blue')).length, 3);
      assert.equal((await find('not-tags-any=red')).length, 2);
      assert.equal((await send('GET', `${path}/red`)).status, 204);
      assert.equal((await send('DELETE', `${path}/red`)).status, 204);
      assertFault(await send('DELETE', `${path}/red`), 404, 'TagNotFound');
      assertFault(await send('GET', `${path}/red`), 404, 'TagNotFound');
      assert.equal((await send('DELETE', path)).status, 204);
      assert.deepEqual((await get(`/networks/${a?.id}`, 'network'))['tags'], []);
    });
    it('change what is as the caller believes, and nothing else', async () => {
      const network = await make('/networks', 'network', {});
      const path = `/networks/${network.id}`;
      const match = { 'if-match': `revision_number=${String(network['revision_number'])}` };
      assert.equal((await send('PUT', path, { network: { description: 'x' } }, match)).status, 200);
      assertFault(
        await send('PUT', path, { network: { description: 'y' } }, match),
        412,
        'RevisionNumberConstraintFailed',
      );
      assertFault(await send('DELETE', path, undefined, match), 412, 'RevisionNumberConstraintFailed');
    });
  });
});
