/** What a gateway asks neighbours outside, in bytes, and whom it is believed. */
import assert from 'node:assert/strict';
import type { PuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { accountOf, answersTo, type Punted } from '../../src/slow-path/answer.js';
import { gatewayAnnouncements, gatewayAt, newGateways } from '../../src/slow-path/gateway-announcements.js';
import { checksum, pseudoHeaderSum } from '../../src/slow-path/packets/checksum.js';
import { parseFrame } from '../../src/slow-path/packets/frame.js';
import { NetworkView } from '../../src/view/network-view.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { arp, ethernet, etherType, ipv4, protocol, udp } from '../fixtures/frames.js';

const mac = '0a:00:00:00:00:02';
const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];

describe('A neighbour outside', () => {
  const view = new NetworkView();
  view.replace(
    new NetworkBuilder()
      .hypervisor('hv1', { bridgeMappings, gateway: true })
      .hypervisor('hv2', { bridgeMappings, gateway: true })
      .providerSwitch('dmz', 'physnet1', null)
      .router('edge', { gateway: { logicalSwitchId: 'dmz', hypervisors: ['hv1', 'hv2'] } })
      .attach('edge-dmz', 'edge', 'dmz', mac, ['198.51.100.1/24', '203.0.113.1/24', 'fd00:5::1/64'])
      .router('other')
      .attach('other-dmz', 'other', 'dmz', '0a:00:00:00:00:03', ['203.0.113.2/24'])
      .snapshot(),
  );
  const routerPort = (id: string) => view.get('logical-router-ports', id) ?? assert.fail(id);
  const datapath = view.get('logical-switches', 'dmz')?.datapathKey ?? assert.fail();
  const inPort = routerPort('edge-dmz').switchPortKey ?? assert.fail();
  const at: PuntedAt = {
    puntClass: 'neighbour',
    dropReason: null,
    origin: 0,
    datapath,
    inPort,
    outPort: 0,
    outHost: 0,
    ctZone: 0,
    aclGroup: 0,
    aclRule: 0,
    flood: 0,
    verdict: 'none',
    direction: 'egress',
    nextHop: { 4: 0xcb00_71fen, 6: (0xfd00_0005n << 96n) | 0xab_cdefn },
  };
  /** A packet on its way out, of which only the family matters. */
  function waiting(family: 4 | 6, where: Partial<PuntedAt> = {}, hypervisorId = 'hv1'): Punted {
    const content = ipv4({ src: '10.1.0.11', dst: '192.0.2.9' }, protocol.udp, udp(1, 2));
    const hex = ethernet({ src: mac, dst: mac }, family === 4 ? etherType.ipv4 : etherType.ipv6, content);
    return { hypervisorId, at: { ...at, ...where }, data: new Uint8Array(Buffer.from(hex, 'hex')) };
  }
  function asked(punted: Punted): Uint8Array {
    const found = answersTo(view, punted, null, 1500);
    assert.ok(typeof found !== 'string' && found.length === 1);
    assert.deepEqual(found[0]?.into, { kind: 'switch', datapath, inPort });
    return found[0]?.frame ?? assert.fail();
  }

  it('is asked for by ARP, from the address of the router in its network', () => {
    const question = arp({ operation: 1, sha: mac, spa: '203.0.113.1', tpa: '203.0.113.254' });
    const frame = ethernet({ src: mac, dst: 'ff:ff:ff:ff:ff:ff' }, etherType.arp, question);
    assert.equal(Buffer.from(asked(waiting(4))).toString('hex'), frame);
  });

  it('is asked for by neighbour solicitation, which its group hears and nobody has routed', () => {
    const frame = asked(waiting(6));
    const { ethSrc, ethDst, packet } = parseFrame(frame) ?? assert.fail();
    assert.deepEqual([ethSrc, ethDst, packet.ttl], [0x0a00_0000_0002n, 0x3333_ffab_cdefn, 255]);
    assert.deepEqual([packet.src, packet.dst & 0xffff_ffffn], [(0xfd00_0005n << 96n) | 1n, 0xffab_cdefn]);
    assert.equal(checksum(packet.payload, pseudoHeaderSum(6, packet, packet.protocol, packet.payload.length)), 0);
    const target = at.nextHop[6].toString(16).padStart(32, '0');
    assert.equal(Buffer.from(packet.payload).toString('hex').slice(8), `00000000${target}01010a0000000002`);
  });

  it('is asked for on the gateway alone, where a router has one, and in parts by its address', () => {
    const account = (punted: Punted): string => {
      const found = accountOf(view, punted);
      return typeof found === 'string' ? found : found.key;
    };
    assert.equal(account(waiting(4)), 'edge-dmz 14');
    assert.equal(account(waiting(6)), 'edge-dmz 15');
    const refused = [
      waiting(4, {}, 'hv2'),
      waiting(4, { datapath: 77 }),
      waiting(4, { inPort: 77 }),
      waiting(4, { inPort: routerPort('other-dmz').switchPortKey ?? 0 }),
      { ...waiting(4), data: new Uint8Array(3) },
    ];
    for (const punted of refused) {
      assert.equal(account(punted), 'foreign_port');
      assert.equal(answersTo(view, punted, null, 1500), 'foreign_port');
    }
  });

  it('is told by a new gateway where the addresses of the router are', () => {
    const row = view.get('gateway-places', 'edge@hv1') ?? assert.fail();
    const change = (before: number | null, after: number | null) => ({
      kind: 'gateway-places' as const,
      id: row.id,
      before: before === null ? null : { ...row, rank: before },
      after: after === null ? null : { ...row, rank: after },
    });
    const changes = [change(null, 0), change(1, 0), change(0, 0), change(0, 1), change(0, null)];
    assert.deepEqual(
      changes.map(each => newGateways({ changes: [each] }).length),
      [1, 1, 0, 0, 0],
    );
    assert.equal(gatewayAt(view, 'edge@hv2'), null);
    const found = gatewayAnnouncements(view, gatewayAt(view, row.id) ?? assert.fail());
    const [first, second, advertisement] = found.map(({ frame }) => Buffer.from(frame).toString('hex'));
    const gratuitous = (ip: string): string =>
      ethernet(
        { src: mac, dst: 'ff:ff:ff:ff:ff:ff' },
        etherType.arp,
        arp({ operation: 1, sha: mac, spa: ip, tpa: ip }),
      );
    assert.deepEqual([first, second], [gratuitous('198.51.100.1'), gratuitous('203.0.113.1')]);
    assert.match(advertisement ?? '', /^3333000000010a000000000286dd/);
    assert.match(advertisement ?? '', /8800....a0000000fd00000500000000000000000000000102010a0000000002$/);
    for (const { into } of found) assert.deepEqual(into, { kind: 'switch', datapath, inPort });
  });
});
