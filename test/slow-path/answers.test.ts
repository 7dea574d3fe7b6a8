/** Which answer a punted packet gets, from whom, and where it enters the pipeline again. */
import assert from 'node:assert/strict';
import { formatIp } from '../../src/base/address.js';
import { type PuntedAt, readPuntedAt } from '../../src/compiler/punts/punted-packet.js';
import { set } from '../../src/compiler/pipeline/actions.js';
import { dropCount } from '../../src/compiler/pipeline/physical.js';
import { layout } from '../../src/compiler/pipeline/pipelines.js';
import { answerTo } from '../../src/slow-path/answer.js';
import { portOf } from '../../src/slow-path/location.js';
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
    datapath: BigInt(datapath('logical-routers', 'edge')),
    inPort: routerPort('edge-web').portKey,
    outPort: 0,
    outHost: 0,
    ctZone: 0,
  };

  function answer(at: PuntedAt, data: Uint8Array) {
    const account = portOf(view, 'hv1', at) ?? assert.fail('nobody accounts for it');
    const found = answerTo(view, { hypervisorId: 'hv1', at, data }, account);
    if (typeof found === 'string') return found;
    const { ethDst, packet } = parseFrame(found.frame) ?? assert.fail();
    const { family, src, dst, protocol, payload } = packet;
    return {
      into: found.into,
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
        datapath: BigInt(datapath('logical-switches', 'db')),
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
      assert.equal(answer(own, frame(toRouter, 99, '00'.repeat(8))), 'not_to_be_answered');
    });

    it(`says how much fits, in the name of the receiver where no router is between (IPv${family})`, () => {
      const tooBig = { ...inRouter, puntClass: 'too_big', dropReason: 'too_big', outHost: 2 } as const;
      const viaRouter = {
        ...tooBig,
        datapath: BigInt(datapath('logical-switches', 'db')),
        inPort: routerPort('edge-db').switchPortKey ?? 0,
      };
      const says = [icmp, ...(family === 4 ? [3, 4] : [2, 0])];
      assert.deepEqual(answer(viaRouter, frame(routed, 17, udp(1, 2))), { ...toSender, says });
      const web = datapath('logical-switches', 'web');
      const switched = { ...tooBig, datapath: BigInt(web), inPort: keyOf('web1'), outPort: keyOf('web3') };
      assert.deepEqual(answer(switched, frame({ src: web1[family], dst: web3[family] }, 17, udp(1, 2), mac.web3)), {
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
        datapath: BigInt(web),
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
      const { ctZone } = port('web1');
      assert.deepEqual(answer({ ...atReceiver, ctZone }, what(6, syn)), {
        ...said,
        into: { kind: 'port', datapath: web, outPort: keyOf('web1'), ctZone },
        says: [6, 0, 80],
      });
    });
  }

  it('is none about errors, copies for many, later fragments, and what no host has sent', () => {
    const refused = (data: Uint8Array): void => assert.equal(answer(inRouter, data), 'not_to_be_answered');
    const four = { src: web1[4], dst: db2[4] };
    refused(frame(four, 1, '0b00000000000000'));
    refused(frame(four, 17, udp(1, 2), 'ff:ff:ff:ff:ff:ff'));
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
      datapath: BigInt(datapath('logical-routers', 'core')),
      inPort: routerPort('core-edge').portKey,
    };
    assert.equal(answer(core, frame({ src: web1[6], dst: db2[6] }, 17, udp(1, 2))), 'no_address');
    assert.equal((answer(core, frame(four, 17, udp(1, 2))) as { from: string }).from, '172.17.0.1');
  });

  it('is for ports of that hypervisor only', () => {
    assert.equal(portOf(view, 'hv2', inRouter), null);
    assert.equal(portOf(view, 'hv1', { ...inRouter, origin: 0 }), null);
    assert.equal(portOf(view, 'hv1', { ...inRouter, origin: port('web3').number }), null);
  });
});

describe('What a switch says with a packet', () => {
  it('are the registers, in whatever words it has them', () => {
    const values = {
      puntClass: 3,
      dropReason: 28,
      origin: 0xdead_beef,
      inPort: 0xfffe,
      outPort: 7,
      outHost: 0x8001,
      ctZone: 0xabcd,
      mac: 0xffff_ffff_ffffn,
    };
    const loads = set(values).render({ layout, stage: dropCount, drop: dropCount });
    const metadata = canonicalMatch([
      matchField(oxm.metadata, 5n),
      ...loads.flatMap(action =>
        action.kind === 'setField' ? [matchField(action.field, action.value, action.mask)] : [],
      ),
    ]);
    const { puntClass: _class, dropReason: _reason, mac: _mac, ...numbers } = values;
    assert.deepEqual(readPuntedAt(metadata), {
      ...numbers,
      puntClass: 'unreachable',
      dropReason: 'no_route',
      datapath: 5n,
    });
    const wide = loads.flatMap(action => (action.kind === 'setField' ? [matchField(action.field, action.value)] : []));
    assert.deepEqual(readPuntedAt([matchField(oxm.metadata, 5n), ...wide]), readPuntedAt(metadata));
    assert.equal(readPuntedAt([]), null);
  });
});
