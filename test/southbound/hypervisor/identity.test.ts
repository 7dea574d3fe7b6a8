import assert from 'node:assert/strict';
import type { Peer } from '../../../southbound/hypervisor/endpoint.js';
import { readIdentity } from '../../../southbound/hypervisor/identity.js';
import type { Row } from '../../../southbound/ovsdb/schema.js';

const peer: Peer = {
  name: 'tcp:192.0.2.11:40000',
  transport: 'tcp',
  direction: 'accepted',
  localHost: '192.0.2.1',
  localPort: 6640,
  target: null,
  address: '192.0.2.11',
  certificate: { names: [], revocableId: null },
};

function root(externalIds: Readonly<Record<string, string>>, ovsVersion: string | null = '3.1.0'): Row<'Open_vSwitch'> {
  return {
    _uuid: '0190c0de-0000-7000-8000-00000000c0de',
    bridges: [],
    manager_options: [],
    ssl: null,
    next_cfg: 0,
    cur_cfg: 0,
    ovs_version: ovsVersion,
    db_version: null,
    datapath_types: ['netdev', 'system'],
    iface_types: [],
    other_config: new Map(),
    external_ids: new Map(Object.entries(externalIds)),
  };
}

const least = { 'system-id': 'hv1', 'weft-encap-ip': '192.0.2.11' };

function reportOf(externalIds: Readonly<Record<string, string>>) {
  const identity = readIdentity(root(externalIds), peer);
  assert.equal(identity.kind, 'complete', identity.kind === 'incomplete' ? identity.reason : '');
  return identity.kind === 'complete' ? identity.report : assert.fail();
}

function reasonOf(externalIds: Readonly<Record<string, string>>, ovsVersion?: string): string {
  const identity = readIdentity(root(externalIds, ovsVersion), peer);
  return identity.kind === 'incomplete' ? identity.reason : assert.fail('is complete');
}

describe('identity of a hypervisor', () => {
  it('has an address of tunnels that one host can have', () => {
    const nobodys = ['0.0.0.0', '127.0.0.1', '224.0.0.1', '239.1.2.3', '255.255.255.255', '::', '::1', 'ff02::1'];
    for (const address of [...nobodys, '::ffff:192.0.2.1'])
      assert.match(reasonOf({ ...least, 'weft-encap-ip': address }), /is not the address of one host/, address);
    for (const address of ['10.0.0.1', '192.0.2.255', '2001:db8::1'])
      assert.equal(reportOf({ ...least, 'weft-encap-ip': address }).encapIp, address);
  });

  it('needs a system-id and an encapsulation address, and has defaults for the rest', () => {
    const { systemId, encapIp, encapTypes, encapMtuBytes, bridge, datapathType, bridgeMappings } = reportOf(least);
    assert.deepEqual(
      { systemId, encapIp, encapTypes, encapMtuBytes, bridge, datapathType, bridgeMappings },
      {
        systemId: 'hv1',
        encapIp: '192.0.2.11',
        encapTypes: ['geneve'],
        encapMtuBytes: null,
        bridge: 'br-int',
        datapathType: null,
        bridgeMappings: [],
      },
    );
  });

  it('takes weft-hypervisor before system-id, and every weft key before its ovn key', () => {
    const ovn = {
      'system-id': 'chassis',
      'ovn-encap-ip': '2001:DB8:0:0::1',
      'ovn-encap-type': 'vxlan,geneve,stt',
      'ovn-bridge': 'br-ovn',
      'ovn-bridge-mappings': 'physnet1:br-ex,physnet2:br-two',
    };
    const fromOvn = reportOf(ovn);
    assert.deepEqual(
      [fromOvn.systemId, fromOvn.encapIp, fromOvn.encapTypes, fromOvn.bridge],
      ['chassis', '2001:db8::1', ['vxlan', 'geneve'], 'br-ovn'],
    );
    assert.deepEqual(fromOvn.bridgeMappings, [
      { physicalNetwork: 'physnet1', bridge: 'br-ex' },
      { physicalNetwork: 'physnet2', bridge: 'br-two' },
    ]);
    const both = reportOf({
      ...ovn,
      'weft-hypervisor': 'hv7',
      'weft-encap-ip': '192.0.2.7',
      'weft-encap-type': 'geneve',
      'weft-encap-mtu': '9000',
      'weft-bridge': 'br-weft',
      'weft-datapath-type': 'netdev',
      'weft-bridge-mappings': 'physnet3:br3',
    });
    assert.deepEqual(
      [both.systemId, both.encapIp, both.encapTypes, both.encapMtuBytes, both.bridge, both.datapathType],
      ['hv7', '192.0.2.7', ['geneve'], 9000, 'br-weft', 'netdev'],
    );
    assert.deepEqual(both.bridgeMappings, [{ physicalNetwork: 'physnet3', bridge: 'br3' }]);
  });

  it('reads the bridge mappings that it can, and keeps what is none', () => {
    const { bridgeMappings, unreadMappings } = reportOf({
      ...least,
      'weft-bridge-mappings': 'physnet1, physnet2: br-two ,a:b:c,:br-ex',
    });
    assert.deepEqual(bridgeMappings, [{ physicalNetwork: 'physnet2', bridge: 'br-two' }]);
    assert.deepEqual(unreadMappings, ['physnet1', 'a:b:c', ':br-ex']);
  });

  it('says what is missing or wrong, and where', () => {
    assert.equal(reasonOf({ 'weft-encap-ip': '192.0.2.11' }), 'external_ids:system-id is not set');
    assert.equal(reasonOf({ 'system-id': 'hv1' }), 'external_ids:weft-encap-ip is not set');
    assert.match(reasonOf({ ...least, 'system-id': 'h\nv' }), /system-id is not 1 to 253 printable/);
    assert.match(reasonOf({ ...least, 'weft-encap-ip': '10.1' }), /weft-encap-ip: "10\.1" is not an IP address/);
    assert.match(reasonOf({ ...least, 'weft-encap-type': 'stt' }), /weft-encap-type: none of "stt" is geneve or vxlan/);
    assert.match(reasonOf({ ...least, 'weft-encap-mtu': '100' }), /weft-encap-mtu: "100" is not an MTU/);
    assert.match(reasonOf({ ...least, 'weft-bridge': 'a/b' }), /weft-bridge: "a\/b" cannot be the name/);
    assert.match(reasonOf({ ...least, 'weft-datapath-type': 'dpdk' }), /has no "dpdk", only netdev, system/);
    assert.match(readIdentity(null, peer).kind === 'incomplete' ? 'no row' : '', /no row/);
  });

  it('takes over TLS only the name that the certificate has', () => {
    const named = (...names: string[]) =>
      readIdentity(root(least), { ...peer, transport: 'ssl', certificate: { names, revocableId: '01' } });
    assert.equal(named('hv1').kind, 'complete');
    assert.equal(named('other', 'hv1').kind, 'complete');
    assert.equal(named('hv1 id:5a4b').kind, 'complete');
    const reason = 'its certificate is for hv10, not for hv1';
    assert.deepEqual(named('hv10'), { kind: 'incomplete', code: 'wrong_name', reason });
    assert.equal(named().kind, 'incomplete');
  });

  it('refuses Open vSwitch before 2.17 by name', () => {
    assert.equal(reasonOf(least, '2.16.9'), 'Open vSwitch 2.16.9 is too old: 2.17 or later is needed');
    for (const version of ['2.17.0', '3.0.0', '4.1', 'unknown']) {
      assert.equal(readIdentity(root(least, version), peer).kind, 'complete', version);
    }
  });
});
