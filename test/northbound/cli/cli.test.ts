import assert from 'node:assert/strict';
import { formatTable } from '../../../northbound/cli/table.js';
import { parseValue, settableMembers } from '../../../northbound/cli/values.js';
import { kinds, resourceOf } from '../../../src/model/index.js';

const memberOf = (kind: Parameters<typeof settableMembers>[0], name: string) => {
  const member = settableMembers(kind).find(each => each.member === name);
  assert.ok(member, `${kind} has ${name}`);
  return member;
};

describe('command line', () => {
  it('offers every member that a person may set, and no other', () => {
    for (const kind of kinds.filter(each => resourceOf(each).exposed)) {
      const offered = new Set(settableMembers(kind).map(each => each.member));
      for (const internal of ['id', 'number', 'revision', 'created_at'])
        assert.ok(!offered.has(internal), `${kind} ${internal}`);
      assert.ok(offered.has('labels'));
    }
    assert.equal(memberOf('logical-switch-ports', 'logical_switch_id').flag, '--logical-switch-id');
    assert.equal(memberOf('logical-switch-ports', 'logical_switch_id').refersTo, 'logical-switches');
  });

  it('turns text into the values that the members want', () => {
    assert.equal(parseValue(memberOf('logical-switch-ports', 'enabled'), 'false'), false);
    assert.equal(parseValue(memberOf('logical-switches', 'mtu'), '1400'), 1400);
    assert.equal(parseValue(memberOf('logical-switches', 'mtu'), 'null'), null);
    assert.deepEqual(parseValue(memberOf('logical-switch-ports', 'ips'), '10.0.0.5, fd00::5'), ['10.0.0.5', 'fd00::5']);
    assert.deepEqual(parseValue(memberOf('logical-switch-ports', 'ips'), '[{"subnet_id":"x"}]'), [{ subnet_id: 'x' }]);
    assert.deepEqual(parseValue(memberOf('subnets', 'allocation_pools'), '10.0.0.5-10.0.0.9'), [
      { start: '10.0.0.5', end: '10.0.0.9' },
    ]);
    const provider = memberOf('logical-switches', 'provider');
    assert.deepEqual(parseValue(provider, 'physnet1:100'), { physical_network: 'physnet1', vlan: 100 });
    assert.deepEqual(parseValue(provider, 'physnet1'), { physical_network: 'physnet1' });
    assert.equal(parseValue(provider, 'null'), null);
    const parent = memberOf('logical-switch-ports', 'parent');
    assert.deepEqual(parseValue(parent, '0191d5a0-0000-7000-8000-000000000001:7'), {
      port_id: '0191d5a0-0000-7000-8000-000000000001',
      vlan: 7,
    });
    const local = memberOf('logical-switch-ports', 'local');
    assert.deepEqual(parseValue(local, '169.254.169.254,fe80::a9fe:a9fe'), {
      addresses: ['169.254.169.254', 'fe80::a9fe:a9fe'],
    });
    assert.deepEqual(parseValue(memberOf('subnets', 'labels'), 'tier=web,team=a=b'), { tier: 'web', team: 'a=b' });
    assert.deepEqual(parseValue(memberOf('subnets', 'dns_servers'), ''), []);
  });

  it('passes on what it cannot read, for the controller to refuse with its own words', () => {
    assert.equal(parseValue(memberOf('logical-switches', 'mtu'), 'large'), 'large');
    assert.equal(parseValue(memberOf('logical-switch-ports', 'enabled'), 'maybe'), 'maybe');
  });

  it('aligns tables without trailing blanks', () => {
    assert.equal(
      formatTable(
        ['id', 'name'],
        [
          ['1', 'a'],
          ['22', ''],
        ],
      ),
      'ID  NAME\n1   a\n22',
    );
  });
});
