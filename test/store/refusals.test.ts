import assert from 'node:assert/strict';
import { WeftError } from '../../src/base/errors.js';
import { kinds, resourceOf } from '../../src/model/index.js';
import { snakeCase } from '../../src/model/letter-case.js';
import { fieldOf, isGivenByCaller } from '../../src/model/wire.js';
import { isOffered, type OfferedKind } from '../../src/model/kinds.js';
import type { Store } from '../../src/store/store.js';
import { type FieldCases, type Ground, type Refusal, refusals } from '../fixtures/refusals.js';
import { context, describeOnBoth } from '../fixtures/stores.js';

type Body = Readonly<Record<string, unknown>>;

const writableKinds = kinds.filter(isOffered);

async function makeGround(store: Store): Promise<{
  ground: Ground;
  bodies: Readonly<Record<OfferedKind, Body>>;
  rows: Readonly<Record<OfferedKind, string>>;
}> {
  const create = async (kind: OfferedKind, body: Body) =>
    (await store.write(context, tx => tx.create(kind, body))).result.row;
  const takenMac = '0a:00:00:00:00:aa';
  const logicalSwitch = await create('logical-switches', { name: 's' });
  const otherSwitch = await create('logical-switches', { name: 't' });
  const subnet = await create('subnets', {
    logical_switch_id: logicalSwitch.id,
    cidr: '10.0.0.0/24',
    gateway_ip: '10.0.0.1',
  });
  const router = await create('logical-routers', { name: 'r' });
  const otherRouter = await create('logical-routers', { name: 'q' });
  const routerPort = await create('logical-router-ports', {
    name: 'rp',
    logical_router_id: router.id,
    logical_switch_id: logicalSwitch.id,
    networks: ['10.0.0.1/24'],
  });
  const onSwitch = { name: 'p', logical_switch_id: logicalSwitch.id };
  const port = await create('logical-switch-ports', { ...onSwitch, mac: takenMac, ips: ['10.0.0.5'] });
  const otherPort = await create('logical-switch-ports', { ...onSwitch, ips: [] });
  const route = { logical_router_id: router.id, destination: '192.0.2.0/24', next_hop: '10.0.0.9' };
  const staticRoute = await create('static-routes', route);
  const moves = { logical_switch_id: logicalSwitch.id, ip: '10.0.0.200', logical_switch_port_ids: [port.id] };
  const virtualAddress = await create('virtual-addresses', moves);
  const policy = { logical_router_id: router.id, priority: 100, source: '10.0.0.0/24', action: 'drop' };
  const policyRoute = await create('policy-routes', policy);
  const neighbour = { logical_router_port_id: routerPort.id, ip: '10.0.0.9', mac: '0a:00:00:00:00:09' };
  const staticNeighbour = await create('static-neighbours', neighbour);
  const watched = { logical_router_port_id: routerPort.id, ip: '10.0.0.9' };
  const bfdSession = await create('bfd-sessions', watched);
  const qosRule = await create('qos-rules', {
    logical_switch_port_id: port.id,
    kind: 'bandwidth_limit',
    max_kbps: 1000,
  });
  const mirror = await create('mirrors', { logical_switch_port_id: port.id, kind: 'gre', remote_ip: '192.0.2.9' });
  const clock = { logical_switch_port_id: port.id, protocol: 'dhcpv4', option: 'ntp-server', value: '192.0.2.1' };
  const dhcpOption = await create('dhcp-options', clock);
  const web = { logical_switch_id: logicalSwitch.id, name: 'www.example.org', type: 'A', values: ['192.0.2.1'] };
  const dnsRecord = await create('dns-records', web);
  const loadBalancer = await create('load-balancers', {
    name: 'l',
    vip: '10.96.0.1',
    port: 80,
    logical_switch_ids: [logicalSwitch.id],
    backends: [{ ip: '10.0.0.7', port: 8080 }],
  });
  const translated = { logical_router_id: router.id, kind: 'floating_ip' };
  const natRule = await create('nat-rules', { ...translated, external_ip: '203.0.113.9', logical_ip: '10.0.0.9' });
  const group = await create('security-groups', { name: 'g' });
  const otherGroup = await create('security-groups', { name: 'h' });
  const addressSet = await create('address-sets', { name: 'a', addresses: ['192.0.2.1'] });
  const ssh = { security_group_id: group.id, direction: 'ingress', protocol: 'tcp', port_min: 22, port_max: 22 };
  const groupRule = await create('security-group-rules', ssh);
  const hypervisor = await create('hypervisors', { name: `h-${router.id}`, ovsdb_target: 'tcp:192.0.2.1:6640' });
  const token = await create('tokens', { name: 't', role: 'reader', project_id: 'p' });
  const quota = await create('quotas', { project_id: router.id, limits: { subnets: 5 } });
  return {
    ground: {
      ids: {
        switch: logicalSwitch.id,
        otherSwitch: otherSwitch.id,
        subnet: subnet.id,
        router: router.id,
        otherRouter: otherRouter.id,
        routerPort: routerPort.id,
        port: port.id,
        otherPort: otherPort.id,
        group: group.id,
        otherGroup: otherGroup.id,
      },
      takenMac,
      hypervisorName: hypervisor.name,
    },
    bodies: {
      hypervisors: { ovsdb_target: 'tcp:192.0.2.2:6640' },
      'logical-switches': { name: 'x' },
      subnets: { logical_switch_id: logicalSwitch.id, cidr: '10.9.0.0/24' },
      'logical-routers': { name: 'x' },
      'security-groups': { name: 'x' },
      'address-sets': { name: 'x' },
      'security-group-rules': { security_group_id: group.id, direction: 'egress' },
      'logical-switch-ports': { ...onSwitch, ips: [] },
      'logical-router-ports': { name: 'x', logical_router_id: otherRouter.id, networks: ['10.5.0.1/24'] },
      'static-routes': { ...route, destination: '198.51.100.0/24' },
      'policy-routes': { ...policy, priority: 200 },
      'virtual-addresses': { ...moves, ip: '10.0.0.201' },
      'static-neighbours': { ...neighbour, ip: '10.0.0.8' },
      'bfd-sessions': { ...watched, ip: '10.0.0.8' },
      tokens: { name: 'x', role: 'member', project_id: 'p' },
      quotas: { project_id: `other-${router.id}` },
      'qos-rules': { logical_switch_id: otherSwitch.id, kind: 'bandwidth_limit', max_kbps: 1000 },
      mirrors: { logical_switch_port_id: port.id, kind: 'gre', remote_ip: '192.0.2.10' },
      'dhcp-options': { ...clock, logical_switch_port_id: otherPort.id },
      'dns-records': { ...web, name: 'x.example.org' },
      'load-balancers': { name: 'x', vip: '10.96.0.2', port: 80 },
      'nat-rules': { ...translated, external_ip: '203.0.113.10', logical_ip: '10.0.0.10' },
    },
    rows: {
      hypervisors: hypervisor.id,
      'logical-switches': logicalSwitch.id,
      subnets: subnet.id,
      'logical-routers': router.id,
      'security-groups': group.id,
      'address-sets': addressSet.id,
      'security-group-rules': groupRule.id,
      'logical-switch-ports': port.id,
      'logical-router-ports': routerPort.id,
      'static-routes': staticRoute.id,
      'policy-routes': policyRoute.id,
      'virtual-addresses': virtualAddress.id,
      'static-neighbours': staticNeighbour.id,
      'bfd-sessions': bfdSession.id,
      tokens: token.id,
      quotas: quota.id,
      'qos-rules': qosRule.id,
      mirrors: mirror.id,
      'dhcp-options': dhcpOption.id,
      'dns-records': dnsRecord.id,
      'load-balancers': loadBalancer.id,
      'nat-rules': natRule.id,
    },
  };
}

/** Whether the JSON schema bounds a length or a value. */
function isBounded(schema: unknown): boolean {
  const { anyOf = [], ...rest } = schema as { anyOf?: unknown[] } & Record<string, unknown>;
  const bounds = ['maximum', 'maxLength', 'maxItems', 'maxProperties'];
  // Addresses are bounded by their form.
  if (rest['examples'] !== undefined) return false;
  return bounds.some(bound => rest[bound] !== undefined) || anyOf.some(isBounded);
}

async function expectRefusal(work: Promise<unknown>, code: string, pointer: string, what: string): Promise<void> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof WeftError, `${what}: ${String(error)}`);
    assert.deepEqual([error.code, error.pointer], [code, pointer], what);
    assert.ok(error.detail.length > 0);
    return;
  }
  assert.fail(`${what} was accepted`);
}

describeOnBoth('Refusals', store => {
  let made: Awaited<ReturnType<typeof makeGround>>;
  before(async () => {
    made = await makeGround(store());
  });
  const create = (kind: OfferedKind, body: unknown) => store().write(context, tx => tx.create(kind, body));

  for (const kind of writableKinds) {
    const noun = resourceOf(kind);
    const fields = noun.fieldNames.map(name => ({ member: snakeCase(name), field: fieldOf(noun, name) }));

    it(`of ${kind}: every field has its cases, and each is refused with its code and pointer`, async () => {
      const table = refusals(made.ground)[kind];
      const given = fields.filter(({ field }) => isGivenByCaller(field));
      assert.deepEqual(Object.keys(table).toSorted(), given.map(({ member }) => member).toSorted());
      for (const { member, field } of given) {
        const cases = table[member] ?? assert.fail(member);
        assert.ok(cases.malformed.length > 0, member);
        if (isBounded(field.type.inputSchema)) assert.ok((cases.outOfRange?.length ?? 0) > 0, `${member} has a bound`);
        if (field.reference !== null) assert.ok((cases.dangling?.length ?? 0) > 0, `${member} is a reference`);
        if (field.access === 'immutable') assert.ok(cases.other !== undefined, `${member} is immutable`);
        for (const refusal of allOf(cases)) await tryOne(kind, member, refusal);
        if (field.presence === 'required') {
          const { [member]: _, ...without } = made.bodies[kind];
          await expectRefusal(create(kind, without), 'missing_member', `/${member}`, `${kind} without ${member}`);
        }
        if (cases.other !== undefined) {
          const patch = store().write(context, tx => tx.merge(kind, made.rows[kind], { [member]: cases.other }));
          await expectRefusal(patch, 'immutable', `/${member}`, `${kind}.${member} changed`);
        }
      }
    });

    it(`of ${kind}: what Weft alone sets cannot be set, what is unknown is named`, async () => {
      const body = made.bodies[kind];
      for (const { member, field } of fields.filter(each => !isGivenByCaller(each.field) && each.member !== 'id')) {
        const code = field.access === 'internal' ? 'unknown_member' : 'read_only';
        await expectRefusal(create(kind, { ...body, [member]: 1 }), code, `/${member}`, `${kind}.${member}`);
        const patch = store().write(context, tx => tx.merge(kind, made.rows[kind], { [member]: 'changed' }));
        await expectRefusal(patch, code, `/${member}`, `${kind}.${member} patched`);
      }
      for (const member of Object.keys(noun.computed))
        await expectRefusal(create(kind, { ...body, [member]: 1 }), 'read_only', `/${member}`, `${kind}.${member}`);
      const poisoned: unknown = JSON.parse(`{"__proto__": {"a": 1}, ${JSON.stringify(body).slice(1)}`);
      await expectRefusal(create(kind, poisoned), 'unknown_member', '/__proto__', `${kind}.__proto__`);
      await expectRefusal(create(kind, { ...body, id: 'x' }), 'invalid_value', '/id', `${kind}.id`);
      await expectRefusal(create(kind, { ...body, id: made.rows[kind] }), 'id_in_use', '/id', `${kind}.id taken`);
      for (const wrong of [null, [], 'text', 7])
        await expectRefusal(create(kind, wrong), 'invalid_value', '', `${kind}`);
    });
  }

  it('change nothing', async () => {
    const revision = await store().currentRevision();
    await expectRefusal(create('logical-switches', { name: '' }), 'out_of_range', '/name', 'empty name');
    assert.equal(await store().currentRevision(), revision);
  });

  async function tryOne(kind: OfferedKind, member: string, refusal: Refusal): Promise<void> {
    const { value, code, at = '', pointer } = refusal;
    const body = { ...made.bodies[kind], ...refusal.with, [member]: value };
    const what = `${kind}.${member} = ${JSON.stringify(value)?.slice(0, 80)}`;
    await expectRefusal(create(kind, body), code, pointer ?? `/${member}${at}`, what);
  }
});

function allOf({
  malformed,
  outOfRange = [],
  dangling = [],
  duplicate = [],
  contradictory = [],
}: FieldCases): Refusal[] {
  return [...malformed, ...outOfRange, ...dangling, ...duplicate, ...contradictory];
}
