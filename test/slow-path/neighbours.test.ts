/** What a gateway asks neighbours outside, in bytes, and whom it is believed. */
import assert from 'node:assert/strict';
import type { PuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { accountOf, answersTo, type Punted } from '../../src/slow-path/answer.js';
import { GatewayAnnouncer, gatewayAnnouncements } from '../../src/slow-path/gateway-announcements.js';
import { checksum, pseudoHeaderSum } from '../../src/slow-path/packets/checksum.js';
import { parseFrame } from '../../src/slow-path/packets/frame.js';
import { NetworkView } from '../../src/view/network-view.js';
import { NetworkBuilder } from '../compiler/network-builder.js';
import { ManualClock } from '../fakes/manual-clock.js';
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

  it('is asked for by those alone that can be the gateway, where a router has one, and in parts by its address', () => {
    const account = (punted: Punted): string => {
      const found = accountOf(view, punted);
      return typeof found === 'string' ? found : found.key;
    };
    assert.equal(account(waiting(4)), 'edge-dmz 14');
    assert.equal(account(waiting(6)), 'edge-dmz 15');
    const refused = [
      waiting(4, {}, 'hv3'),
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

  it('is told by a new gateway where the addresses of the router are: made so by rows, or by the loss of those before it', () => {
    const clock = new ManualClock();
    const said: string[] = [];
    const gone = new Set<string>();
    const announcer = new GatewayAnnouncer({
      view,
      clock,
      isGone: (hypervisorId, peerKey) => gone.has(`${hypervisorId} ${peerKey}`),
      say: ({ hypervisorId }) => said.push(hypervisorId),
    });
    const row = view.get('gateway-places', 'edge@hv1') ?? assert.fail();
    const appeared = { kind: 'gateway-places', id: row.id, before: null, after: row } as const;
    const saidAfter = (ms: number): readonly string[] => {
      clock.advance(ms);
      return said.splice(0);
    };
    announcer.networkMoved({ changes: [appeared] });
    assert.deepEqual([saidAfter(299), saidAfter(4_000)], [[], ['hv1', 'hv1', 'hv1']]);
    announcer.networkMoved({ changes: [appeared] });
    announcer.watchedMoved('hv2');
    assert.deepEqual(saidAfter(4_000), [], 'the gateway is the same');
    // What hv1 says of hv2 is of no weight: hv1 comes first.
    gone.add('hv1 2');
    announcer.watchedMoved('hv1');
    assert.deepEqual(saidAfter(4_000), []);
    gone.add('hv2 1');
    announcer.watchedMoved('hv2');
    assert.deepEqual(saidAfter(0), ['hv2'], 'at once');
    gone.clear();
    announcer.watchedMoved('hv2');
    assert.deepEqual(saidAfter(4_000), ['hv1', 'hv1', 'hv1'], 'hv2 says no more');
    announcer.stop();
  });

  it('is told in the bytes of gratuitous ARP and of unsolicited advertisements', () => {
    const found = gatewayAnnouncements(view, view.get('gateway-places', 'edge@hv1') ?? assert.fail());
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
