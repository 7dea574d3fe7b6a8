/** What a router tells who is outside of packets that go no further: at its gateway, and nowhere else. */
import assert from 'node:assert/strict';
import { formatIp } from '../../src/base/address.js';
import type { PuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { accountOf, answersTo } from '../../src/slow-path/answer.js';
import { parseFrame } from '../../src/slow-path/packets/frame.js';
import { NetworkView } from '../../src/view/network-view.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { ethernet, etherType, ipv4, ipv6, protocol, udp } from '../fixtures/frames.js';

const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];
const macs = { src: '02:aa:00:00:00:01', dst: '0a:00:00:00:00:02' } as const;

describe('Who is outside', () => {
  const view = new NetworkView();
  view.replace(
    new NetworkBuilder()
      .hypervisor('hv1', { bridgeMappings, gateway: true })
      .hypervisor('hv2')
      .providerSwitch('dmz', 'physnet1', null)
      .logicalSwitch('web', '10.1.0.0/24')
      .router('edge', { gateway: { logicalSwitchId: 'dmz', hypervisors: ['hv1'] } })
      .attach('edge-dmz', 'edge', 'dmz', macs.dst, ['203.0.113.1/24', 'fd00:5::1/64'])
      .attach('edge-web', 'edge', 'web', '0a:00:00:00:00:03', ['10.1.0.1/24', 'fd00:1::1/64'])
      .port('web1', 'web', '02:00:00:00:01:01', ['10.1.0.11', 'fd00:1::11'], ['hv2', 1])
      .snapshot(),
  );
  const routerPort = (id: string) => view.get('logical-router-ports', id) ?? assert.fail(id);
  const datapath = view.get('logical-routers', 'edge')?.datapathKey ?? assert.fail();
  const used: PuntedAt = {
    puntClass: 'ttl_exceeded',
    dropReason: 'ttl_exceeded',
    origin: 0,
    datapath,
    inPort: routerPort('edge-dmz').portKey,
    outPort: 0,
    outHost: 0,
    ctZone: 0,
    aclGroup: 0,
    aclRule: 0,
    flood: 0,
    verdict: 'none',
    direction: 'egress',
    nextHop: { 4: 0n, 6: 0n },
  };
  const large: PuntedAt = {
    ...used,
    puntClass: 'too_big',
    dropReason: 'too_big',
    datapath: view.get('logical-switches', 'web')?.datapathKey ?? assert.fail(),
    inPort: routerPort('edge-web').switchPortKey ?? assert.fail(),
    outHost: view.get('hypervisors', 'hv2')?.hypervisorKey ?? assert.fail(),
  };
  const ends = {
    4: { src: '192.0.2.9', dst: '10.1.0.11' },
    6: { src: '2001:db8::9', dst: 'fd00:1::11' },
  } as const;

  function frame(family: 4 | 6, { src, dst }: { readonly src: string; readonly dst: string }): Uint8Array {
    const payload = udp(1, 2, '00'.repeat(1_450));
    const [type, content] =
      family === 4
        ? [etherType.ipv4, ipv4({ src, dst }, protocol.udp, payload)]
        : [etherType.ipv6, ipv6({ src, dst }, protocol.udp, payload)];
    return new Uint8Array(Buffer.from(ethernet(macs, type, content), 'hex'));
  }

  function told(at: PuntedAt, data: Uint8Array, hypervisorId = 'hv1') {
    const punted = { hypervisorId, at, data };
    const account = accountOf(view, punted);
    if (typeof account === 'string') return account;
    const found = answersTo(view, punted, account.port, 1500);
    if (typeof found === 'string') return found;
    assert.deepEqual([account.port, found.length], [null, 1]);
    const [answer = assert.fail()] = found;
    assert.deepEqual(answer.into, { kind: 'router', datapath, inPort: routerPort('edge-dmz').portKey });
    const { packet } = parseFrame(answer.frame) ?? assert.fail();
    const { src, dst, payload } = packet;
    return { from: formatIp(packet.family, src), to: formatIp(packet.family, dst), says: [payload[0], payload[1]] };
  }

  for (const family of [4, 6] as const) {
    it(`is told by the router's address there of a TTL that is used up, and what fits the tunnel (IPv${family})`, () => {
      const said = { from: family === 4 ? '203.0.113.1' : 'fd00:5::1', to: ends[family].src };
      const data = frame(family, ends[family]);
      assert.deepEqual(told(used, data), { ...said, says: family === 4 ? [11, 0] : [3, 0] });
      assert.deepEqual(told(large, data), { ...said, says: family === 4 ? [3, 4] : [2, 0] });
      const noRoute = { ...used, puntClass: 'unreachable', dropReason: 'no_route' } as const;
      assert.deepEqual(told(noRoute, data), { ...said, says: family === 4 ? [3, 0] : [1, 0] });
    });
  }

  it('hears nothing by a hypervisor that cannot be the gateway, nor where no router is, nor of a broadcast', () => {
    const data = frame(4, ends[4]);
    assert.equal(told(used, data, 'hv2'), 'of_no_port');
    assert.equal(told({ ...used, datapath: 77 }, data), 'of_no_port');
    assert.equal(told({ ...large, inPort: 77 }, data), 'of_no_port');
    assert.equal(told({ ...used, puntClass: 'dns' }, data), 'of_no_port');
    assert.equal(told(used, frame(4, { ...ends[4], src: '203.0.113.255' })), 'not_to_be_answered');
    assert.equal(told(used, new Uint8Array(20)), 'malformed');
    // It may be of a connection that moves from one gateway to another.
    const own = { ...used, puntClass: 'unreachable', dropReason: 'not_for_router' } as const;
    assert.equal(told(own, frame(4, { ...ends[4], dst: '203.0.113.1' })), 'not_to_be_answered');
  });

  it('is limited in parts, by the sender', () => {
    const keyOf = (src: string): string => {
      const found = accountOf(view, { hypervisorId: 'hv1', at: used, data: frame(4, { ...ends[4], src }) });
      return typeof found === 'string' ? assert.fail(found) : found.key;
    };
    const keys = new Set(Array.from({ length: 64 }, (_, place) => keyOf(`192.0.2.${place + 1}`)));
    assert.equal(keys.size, 8);
    assert.ok([...keys].every(key => key.startsWith('edge-dmz ')));
  });
});
