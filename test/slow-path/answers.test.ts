/** Which answer a punted packet gets, from whom, and where it enters the pipeline again. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { formatIp } from '../../src/base/address.js';
import { injectionActions, type PuntedAt, readPuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { set } from '../../src/compiler/pipeline/actions.js';
import { dropCount } from '../../src/compiler/pipeline/physical.js';
import { layout } from '../../src/compiler/pipeline/pipelines.js';
import { accountOf, answersTo } from '../../src/slow-path/answer.js';
import { parseFrame } from '../../src/slow-path/packets/frame.js';
import { NetworkView } from '../../src/view/network-view.js';
import { canonicalMatch, matchField } from '../../southbound/openflow/match.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { ip6, mac, twoHostNetwork } from '../compiler/two-host-network.js';
import { ethernet, etherType, ipv4, ipv6, udp } from '../fixtures/frames.js';

const syn = `03e80050${'00'.repeat(8)}5002ffff00000000`;
const web1 = { 4: '10.1.0.11', 6: ip6.web1 } as const;
const db2 = { 4: '10.2.0.22', 6: ip6.db2 } as const;
const web3 = { 4: '10.1.0.13', 6: ip6.web3 } as const;

function frame(
  ends: Readonly<{ src: string; dst: string }>,
  protocol: number,
  payload: string,
  to: string = mac.gatewayWeb,
) {
  const isFour = ends.src.includes('.');
  const packet = isFour ? ipv4(ends, protocol, payload) : ipv6(ends, protocol, payload);
  const hex = ethernet({ src: mac.web1, dst: to }, isFour ? etherType.ipv4 : etherType.ipv6, packet);
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

describe('The answer to a punted packet', () => {
  const view = new NetworkView();
  view.replace(
    twoHostNetwork()
      .peer('edge-core', 'edge', 'core-edge', '0a:00:00:00:00:03', ['172.17.0.0/31'])
      .router('core')
      .peer('core-edge', 'core', 'edge-core', '0a:00:00:00:00:04', ['172.17.0.1/31'])
      .securityGroup('servers')
      .port('guarded', 'web', '02:00:00:00:01:1a', ['10.1.0.26', 'fd00:1::1a'], ['hv1', 7], {
        securityGroups: ['servers'],
      })
      .snapshot(),
  );
  const port = (id: string) => view.get('bound-ports', id) ?? assert.fail(id);
  const keyOf = (id: string): number => view.get('logical-switch-ports', id)?.portKey ?? assert.fail(id);
  const routerPort = (id: string) => view.get('logical-router-ports', id) ?? assert.fail(id);
  const datapath = (kind: 'logical-switches' | 'logical-routers', id: string): number =>
    view.get(kind, id)?.datapathKey ?? assert.fail(id);

  const inRouter: PuntedAt = {
    puntClass: 'ttl_exceeded',
    dropReason: 'ttl_exceeded',
    origin: port('web1').number,
    datapath: datapath('logical-routers', 'edge'),
    inPort: routerPort('edge-web').portKey,
    outPort: 0,
    outHost: 0,
    ctZone: 0,
    aclGroup: 0,
    aclRule: 0,
    verdict: 'none',
    direction: 'egress',
    nextHop: { 4: 0n, 6: 0n },
    flood: 0,
  };

  function answer(at: PuntedAt, data: Uint8Array) {
    const punted = { hypervisorId: 'hv1', at, data };
    const account = accountOf(view, punted);
    if (typeof account === 'string') return account;
    const found = answersTo(view, punted, account.port, 1500);
    if (typeof found === 'string') return found;
    const [only, ...more] = found;
    assert.deepEqual(more, []);
    const { frame, into } = only ?? assert.fail('no answer');
    const { ethDst, packet } = parseFrame(frame) ?? assert.fail();
    const { family, src, dst, protocol, payload } = packet;
    return {
      into,
      ethDst,
      from: formatIp(family, src),
      to: formatIp(family, dst),
      says: [protocol, payload[0], payload[1]],
    };
  }

  for (const family of [4, 6] as const) {
    const icmp = family === 4 ? 1 : 58;
    const gateway = family === 4 ? '10.1.0.1' : 'fd00:1::1';
    const routed = { src: web1[family], dst: db2[family] };
    const intoRouter = {
      kind: 'router',
      datapath: datapath('logical-routers', 'edge'),
      inPort: inRouter.inPort,
    } as const;
    const toSender = { into: intoRouter, ethDst: 0n, from: gateway, to: web1[family] };

    it(`comes from the router's interface on the sender's switch (IPv${family})`, () => {
      assert.deepEqual(answer(inRouter, frame(routed, 17, udp(1, 2))), {
        ...toSender,
        says: [icmp, ...(family === 4 ? [11, 0] : [3, 0])],
      });
      const unreachable = { ...inRouter, puntClass: 'unreachable', dropReason: 'no_route' } as const;
      assert.deepEqual(answer(unreachable, frame(routed, 6, syn)), {
        ...toSender,
        says: [icmp, ...(family === 4 ? [3, 0] : [1, 0])],
      });
      // On the switch that the router has sent it into.
      const unresolved = {
        ...unreachable,
        dropReason: 'neighbour_unresolved',
        datapath: datapath('logical-switches', 'db'),
        inPort: routerPort('edge-db').switchPortKey ?? 0,
      } as const;
      assert.deepEqual(answer(unresolved, frame(routed, 17, udp(1, 2))), {
        ...toSender,
        says: [icmp, ...(family === 4 ? [3, 1] : [1, 3])],
      });
    });

    it(`comes from the address itself where it is a router's (IPv${family})`, () => {
      const own = { ...inRouter, puntClass: 'unreachable', dropReason: 'not_for_router' } as const;
      const toRouter = { src: web1[family], dst: family === 4 ? '10.2.0.1' : 'fd00:2::1' };
      const said = { ...toSender, from: toRouter.dst };
      assert.deepEqual(answer(own, frame(toRouter, 17, udp(1, 2))), {
        ...said,
        says: [icmp, ...(family === 4 ? [3, 3] : [1, 4])],
      });
      assert.deepEqual(answer(own, frame(toRouter, 6, syn)), { ...said, says: [6, 0, 80] });
      assert.deepEqual(answer(own, frame(toRouter, 99, '00'.repeat(8))), {
        ...said,
        says: [icmp, ...(family === 4 ? [3, 2] : [4, 1])],
      });
      const otherIcmp = family === 4 ? '0d00' : '8b00';
      assert.equal(answer(own, frame(toRouter, icmp, `${otherIcmp}${'00'.repeat(6)}`)), 'not_to_be_answered');
    });

    it(`says how much fits, in the name of the receiver where no router is between (IPv${family})`, () => {
      const tooBig = { ...inRouter, puntClass: 'too_big', dropReason: 'too_big', outHost: 2 } as const;
      const viaRouter = {
        ...tooBig,
        datapath: datapath('logical-switches', 'db'),
        inPort: routerPort('edge-db').switchPortKey ?? 0,
      };
      const says = [icmp, ...(family === 4 ? [3, 4] : [2, 0])];
      const large = udp(1, 2, '00'.repeat(1_450));
      assert.deepEqual(answer(viaRouter, frame(routed, 17, large)), { ...toSender, says });
      const web = datapath('logical-switches', 'web');
      const switched = { ...tooBig, datapath: web, inPort: keyOf('web1'), outPort: keyOf('web3') };
      assert.deepEqual(answer(switched, frame({ src: web1[family], dst: web3[family] }, 17, large, mac.web3)), {
        into: { kind: 'switch', datapath: web, inPort: keyOf('web3') },
        ethDst: 0x02_0000_0001_01n,
        from: web3[family],
        to: web1[family],
        says,
      });
    });

    it(`to what rules reject comes in the name of the receiver (IPv${family})`, () => {
      const web = datapath('logical-switches', 'web');
      const ends = { src: web1[family], dst: '10.1.0.12' };
      if (family === 6) ends.dst = ip6.web2;
      const atReceiver = {
        ...inRouter,
        puntClass: 'reject',
        dropReason: 'acl_reject',
        datapath: web,
        ctZone: port('web2').ctZone,
      } as const;
      const said = { ethDst: 0x02_0000_0001_01n, from: ends.dst, to: ends.src };
      const fromReceiver = { into: { kind: 'switch', datapath: web, inPort: keyOf('web2') } as const, ...said };
      const what = (protocol: number, payload: string) => frame(ends, protocol, payload, mac.web2);
      assert.deepEqual(answer(atReceiver, what(6, syn)), { ...fromReceiver, says: [6, 0, 80] });
      assert.deepEqual(answer(atReceiver, what(17, udp(1, 2))), {
        ...fromReceiver,
        says: [icmp, ...(family === 4 ? [3, 3] : [1, 4])],
      });
      const echo = family === 4 ? '0800000000010001' : '8000000000010001';
      const prohibited = family === 4 ? [3, 13] : [1, 1];
      assert.deepEqual(answer(atReceiver, what(icmp, echo)), { ...fromReceiver, says: [icmp, ...prohibited] });
      // It came through a tunnel.
      assert.deepEqual(answer({ ...atReceiver, origin: 0 }, what(6, syn)), { ...fromReceiver, says: [6, 0, 80] });
      // The sender's own rules have judged; a port without any is refused by a load balancer there.
      for (const id of ['guarded', 'web1']) {
        const { ctZone, number: origin } = port(id);
        assert.deepEqual(answer({ ...atReceiver, origin, ctZone }, what(6, syn)), {
          ...said,
          into: { kind: 'port', datapath: web, outPort: keyOf(id), ctZone: id === 'guarded' ? ctZone : null },
          says: [6, 0, 80],
        });
      }
    });
  }

  it('is none about errors, copies for many, later fragments, and what no host has sent', () => {
    const rejected = { ...inRouter, puntClass: 'reject', ctZone: port('web2').ctZone } as const;
    const classes = [
      inRouter,
      { ...inRouter, puntClass: 'unreachable', dropReason: 'no_route' },
      { ...inRouter, puntClass: 'too_big' },
      rejected,
      { ...rejected, origin: 0 },
    ] as const;
    const refused = (data: Uint8Array): void => {
      for (const at of classes) assert.equal(answer(at, data), 'not_to_be_answered');
    };
    const four = { src: web1[4], dst: db2[4] };
    refused(frame(four, 1, '0b00000000000000'));
    refused(frame(four, 17, udp(1, 2), 'ff:ff:ff:ff:ff:ff'));
    const manySenders = ethernet(
      { src: '03:00:00:00:00:01', dst: mac.gatewayWeb },
      etherType.ipv4,
      ipv4(four, 17, udp(1, 2)),
    );
    refused(new Uint8Array(Buffer.from(manySenders, 'hex')));
    for (const src of ['0.0.0.0', '127.0.0.1', '224.0.0.1', '255.255.255.255'])
      refused(frame({ ...four, src }, 17, udp(1, 2)));
    refused(frame({ ...four, dst: '239.1.1.1' }, 17, udp(1, 2)));
    for (const src of ['::', '::1', 'ff02::1']) refused(frame({ src, dst: db2[6] }, 17, udp(1, 2)));
    const later = ipv4(four, 17, udp(1, 2), { offset: 8, more: false });
    refused(
      new Uint8Array(Buffer.from(ethernet({ src: mac.web1, dst: mac.gatewayWeb }, etherType.ipv4, later), 'hex')),
    );
    assert.equal(answer(inRouter, new Uint8Array(20)), 'malformed');
    // A router without an address of that family says nothing.
    const core = {
      ...inRouter,
      datapath: datapath('logical-routers', 'core'),
      inPort: routerPort('core-edge').portKey,
    };
    assert.equal(answer(core, frame({ src: web1[6], dst: db2[6] }, 17, udp(1, 2))), 'no_address');
    assert.equal((answer(core, frame(four, 17, udp(1, 2))) as { from: string }).from, '172.17.0.1');
  });

  it('is for ports of that hypervisor only, and where none is known, for what rules have judged', () => {
    const data = frame({ src: web1[4], dst: db2[4] }, 17, udp(1, 2));
    const account = (at: PuntedAt, hypervisorId = 'hv1') => {
      const found = accountOf(view, { hypervisorId, at, data });
      return typeof found === 'string' ? found : found.port?.id;
    };
    assert.equal(account(inRouter), 'web1');
    assert.equal(account(inRouter, 'hv2'), 'foreign_port');
    assert.equal(account({ ...inRouter, origin: port('web3').number }), 'foreign_port');
    assert.equal(account({ ...inRouter, origin: 0 }), 'of_no_port');
    const rejected = { ...inRouter, puntClass: 'reject', ctZone: port('web2').ctZone } as const;
    assert.equal(account(rejected), 'web1', 'the sender pays');
    assert.equal(account({ ...rejected, origin: 0 }), 'web2');
    assert.equal(account({ ...rejected, origin: 0, ctZone: 0xffff }), 'foreign_port');
  });

  it('leaves senders elsewhere what others of them do not use', () => {
    const at = { ...inRouter, puntClass: 'reject', origin: 0, ctZone: port('web2').ctZone } as const;
    const keyOfSender = (src: string, dst: string): string => {
      const found = accountOf(view, { hypervisorId: 'hv1', at, data: frame({ src, dst }, 17, udp(1, 2)) });
      return typeof found === 'string' ? assert.fail(found) : found.key;
    };
    for (const [net, dst] of [
      ['192.0.2.', web1[4]],
      ['fd00:9::', web1[6]],
    ] as const) {
      assert.equal(keyOfSender(`${net}7`, dst), keyOfSender(`${net}7`, dst));
      const keys = new Set(Array.from({ length: 100 }, (_, n) => keyOfSender(`${net}${n + 1}`, dst)));
      assert.equal(keys.size, 8);
    }
  });

  it('tells no sender of IPv6 of less than every link carries, and nothing to who sends no more than that', () => {
    const narrow = new NetworkView();
    narrow.replace(twoHostNetwork({ underlayMtu: 1_000 }).snapshot());
    const told = (family: 4 | 6, payloadBytes: number): number | string => {
      const data = frame({ src: web1[family], dst: web3[family] }, 17, udp(1, 2, '00'.repeat(payloadBytes)), mac.web3);
      const web = datapath('logical-switches', 'web');
      const at = { ...inRouter, puntClass: 'too_big', datapath: web, inPort: keyOf('web1'), outHost: 2 } as const;
      const found = answersTo(narrow, { hypervisorId: 'hv1', at, data }, port('web1'), 1500);
      if (typeof found === 'string') return found;
      const { payload } = parseFrame(found[0]?.frame ?? assert.fail())?.packet ?? assert.fail();
      return Buffer.from(payload).readUInt32BE(4);
    };
    // Geneve over IPv4 takes 50 bytes of it.
    assert.deepEqual([told(4, 1_400), told(4, 1_000)], [950, 950]);
    assert.equal(told(6, 1_281 - 48), 1_280);
    assert.equal(told(6, 1_280 - 48), 'not_to_be_answered');
  });

  it('is never made of one copy of a flood, which need not be for whoever got it', () => {
    const web = datapath('logical-switches', 'web');
    const what = frame({ src: web1[4], dst: web3[4] }, 6, syn, mac.web3);
    const rejected = { ...inRouter, puntClass: 'reject', datapath: web, ctZone: port('web2').ctZone } as const;
    const tooBig = { ...inRouter, puntClass: 'too_big', datapath: web, inPort: keyOf('web1'), outHost: 2 } as const;
    for (const at of [rejected, tooBig]) {
      assert.equal(typeof answer(at, what), 'object');
      for (const flood of [1, 2]) assert.equal(answer({ ...at, flood }, what), 'not_to_be_answered');
    }
  });

  it('is in no other datapath than that of the sender, whatever the switch says', () => {
    const data = frame({ src: web1[4], dst: web3[4] }, 17, udp(1, 2), mac.web3);
    const tooBig = {
      ...inRouter,
      puntClass: 'too_big',
      dropReason: 'too_big',
      outHost: 2,
      outPort: keyOf('web3'),
    } as const;
    assert.equal(typeof answer({ ...tooBig, datapath: datapath('logical-switches', 'web') }, data), 'object');
    const edge = datapath('logical-routers', 'edge');
    for (const foreign of [datapath('logical-switches', 'db'), edge, 0, 1_000_000, Number.MAX_SAFE_INTEGER])
      assert.equal(answer({ ...tooBig, datapath: foreign, inPort: 0xfffe }, data), 'foreign_port');
  });

  it('does not tell of routers that the hypervisor does not hold', () => {
    const apart = new NetworkView();
    apart.replace(
      twoHostNetwork()
        .logicalSwitch('far', '10.7.0.0/24')
        .router('hidden')
        .attach('hidden-far', 'hidden', 'far', '0a:00:00:00:00:09', ['10.7.0.1/24'])
        .port('far1', 'far', '02:00:00:00:07:01', ['10.7.0.2'], ['hv2', 9])
        .snapshot(),
    );
    const sender = apart.get('bound-ports', 'web1') ?? assert.fail();
    const at = {
      ...inRouter,
      datapath: apart.get('logical-routers', 'hidden')?.datapathKey ?? assert.fail(),
      inPort: apart.get('logical-router-ports', 'hidden-far')?.portKey ?? assert.fail(),
    };
    const data = frame({ src: web1[4], dst: '10.7.0.9' }, 17, udp(1, 2));
    assert.equal(answersTo(apart, { hypervisorId: 'hv1', at, data }, sender, 1500), 'no_address');
    const resident = apart.get('bound-ports', 'far1') ?? assert.fail();
    assert.equal(typeof answersTo(apart, { hypervisorId: 'hv2', at, data }, resident, 1500), 'object');
  });

  it('is none where the sender or the receiver is the broadcast address of a network that is near', () => {
    const four = { src: web1[4], dst: db2[4] };
    const unresolved = {
      ...inRouter,
      puntClass: 'unreachable',
      dropReason: 'neighbour_unresolved',
      datapath: datapath('logical-switches', 'db'),
      inPort: routerPort('edge-db').switchPortKey ?? 0,
    } as const;
    for (const at of [inRouter, unresolved]) {
      assert.equal(answer(at, frame({ ...four, dst: '10.2.0.255' }, 17, udp(1, 2))), 'not_to_be_answered');
      assert.equal(answer(at, frame({ ...four, src: '10.1.0.255' }, 17, udp(1, 2))), 'not_to_be_answered');
      assert.equal(typeof answer(at, frame({ ...four, dst: '10.99.0.255' }, 17, udp(1, 2))), 'object');
    }
    // Networks of two addresses have none (RFC 3021).
    assert.equal(typeof answer(inRouter, frame({ ...four, dst: '172.17.0.1' }, 17, udp(1, 2))), 'object');
  });

  it('never throws, whatever a switch says of whatever packet', () => {
    const packets = [
      frame({ src: web1[4], dst: db2[4] }, 6, syn),
      frame({ src: web1[6], dst: db2[6] }, 17, udp(1, 2)),
      frame({ src: web1[4], dst: web3[4] }, 17, udp(1, 2), mac.web3),
    ];
    const mostly = <T>(usual: fc.Arbitrary<T>, odd: fc.Arbitrary<T>) =>
      fc.oneof({ arbitrary: usual, weight: 4 }, { arbitrary: odd, weight: 1 });
    const numbers = (...known: number[]) => mostly(fc.constantFrom(...known), fc.nat(0xffff));
    const said = fc.record({
      puntClass: mostly(fc.constantFrom(1, 2, 3, 4), fc.nat(31)),
      dropReason: mostly(fc.constantFrom(20, 25, 27, 28, 31, 37), fc.nat(255)),
      origin: numbers(port('web1').number, port('web2').number, 0),
      inPort: numbers(keyOf('web1'), routerPort('edge-web').portKey, routerPort('edge-db').switchPortKey ?? 0),
      outPort: numbers(keyOf('web3')),
      outHost: numbers(1, 2),
      ctZone: numbers(port('web1').ctZone, port('web2').ctZone),
      flood: mostly(fc.constant(0), fc.nat(3)),
    });
    const datapaths = [datapath('logical-switches', 'web'), datapath('logical-switches', 'db'), inRouter.datapath];
    const metadata = mostly(
      fc.constantFrom(...datapaths.map(BigInt)),
      fc.oneof(fc.constantFrom(0n, 2n ** 53n, 2n ** 64n - 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    );
    const data = mostly(fc.constantFrom(...packets), fc.uint8Array({ maxLength: 100 }));
    let answered = 0;
    fc.assert(
      fc.property(said, metadata, data, (registers, key, bytes) => {
        const loads = set(registers).render({ layout, stage: dropCount, drop: dropCount });
        const fields = loads.flatMap(each =>
          each.kind === 'setField' ? [matchField(each.field, each.value, each.mask)] : [],
        );
        const at = readPuntedAt(canonicalMatch([matchField(oxm.metadata, key), ...fields]));
        if (at === null) return;
        const punted = { hypervisorId: 'hv1', at, data: bytes };
        const account = accountOf(view, punted);
        if (typeof account === 'string') return;
        const found = answersTo(view, punted, account.port, 1500);
        if (typeof found === 'string') return;
        for (const { into } of found) injectionActions(into);
        answered += 1;
      }),
      { numRuns: 3_000 },
    );
    assert.ok(answered > 300, `${answered}`);
  });
});
