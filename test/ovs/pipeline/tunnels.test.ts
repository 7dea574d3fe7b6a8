import assert from 'node:assert/strict';
import { dropCounterTables } from '../../../src/compiler/drops/drops.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { mac, twoHostNetwork } from '../../compiler/two-host-network.js';
import { countedDrops } from './counted-drops.js';
import { type SizedPacket, usesTracedNetwork } from './traced-network.js';

const packet = `in_port=1,icmp,nw_ttl=64,dl_src=${mac.web1},dl_dst=${mac.web3},nw_src=10.1.0.11,nw_dst=10.1.0.13`;

/** The sizes at which Open vSwitch decides, Ethernet header included. */
function limits(text: string): readonly number[] {
  const actions = /^Datapath actions: (?<actions>.*)$/m.exec(text)?.groups?.['actions'] ?? '';
  return [...actions.matchAll(/check_pkt_len\(size=(\d+)/g)].map(([, size]) => Number(size));
}

describe('Tunnels on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);

  function between(own: object, other: object): NetworkBuilder {
    return new NetworkBuilder()
      .hypervisor('hv1', own)
      .hypervisor('hv2', other)
      .logicalSwitch('web', '10.1.0.0/24')
      .port('web1', 'web', mac.web1, ['10.1.0.11'], ['hv1', 1])
      .port('web3', 'web', mac.web3, ['10.1.0.13'], ['hv2', 1]);
  }

  it('carry what fits both ends of the underlay, and count what does not', async () => {
    for (const [own, other, expected] of [
      [{}, {}, [1464]],
      [{ underlayMtu: 9000 }, { underlayMtu: 1500 }, [8964, 1464]],
      [{ underlayMtu: 1400 }, { underlayMtu: 9000 }, [1364]],
      [{}, { encapIp: '2001:db8::2' }, [1464, 1444]],
    ] as const) {
      await network().load(between(own, other).compile(), 'hv1');
      const { text, tunnels } = await network().trace('hv1', packet);
      assert.deepEqual(limits(text), expected);
      assert.equal(tunnels.length, 1);
    }
  });

  it('count as dropped what is too big, and nothing else', async () => {
    for (const other of [{}, { underlayMtu: 1400 }]) {
      const compiled = between({}, other).hypervisor('hv3').compile();
      await network().load(compiled, 'hv1');
      const words =
        `in_port(1),eth(src=${mac.web1},dst=${mac.web3}),eth_type(0x0800),` +
        'ipv4(src=10.1.0.11,dst=10.1.0.13,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)';
      const limit = 'underlayMtu' in other ? 1364 : 1464;
      const sized = (length: number): SizedPacket => ({ packet: words, length });
      await network().send('hv1', 1, sized(limit), sized(100), sized(limit), sized(limit + 1), sized(limit + 1));
      const port = compiled.view.get('logical-switch-ports', 'web1')?.number ?? 0;
      const counted = await countedDrops(network(), 'hv1', dropCounterTables.byPort, 2);
      assert.deepEqual(counted, [{ portNumber: port, reason: 'too_big', packets: 2n }]);
      assert.deepEqual(await countedDrops(network(), 'hv1', dropCounterTables.byReason, 2), [
        { portNumber: null, reason: 'too_big', packets: 2n },
      ]);
    }
  });

  it('carry a broadcast to each hypervisor that it fits, once, and count each copy that is too big', async () => {
    const fleet = [9000, 1500, 9000, 1400, 9000, 1300].reduce(
      (built, underlayMtu, i) =>
        built
          .hypervisor(`hv${i + 1}`, { underlayMtu })
          .port(`web${i}`, 'web', `02:00:00:00:01:0${i + 1}`, [`10.1.0.${11 + i}`], [`hv${i + 1}`, 1]),
      new NetworkBuilder().logicalSwitch('web', '10.1.0.0/24'),
    );
    const words =
      `in_port(1),eth(src=${mac.web1},dst=ff:ff:ff:ff:ff:ff),eth_type(0x0800),` +
      'ipv4(src=10.1.0.11,dst=10.1.0.255,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)';
    const sent = async (): Promise<number> => {
      const ports = await network().ofctl('dump-ports', 'hv1', '32001');
      return Number(/tx pkts=(\d+)/.exec(ports)?.[1]);
    };
    for (const [length, fits] of [
      [1264, 5],
      [1265, 4],
      [1400, 3],
      [1480, 2],
    ] as const) {
      await network().load(fleet.compile(), 'hv1');
      const before = await sent();
      await network().send('hv1', 1, { packet: words, length });
      const counted = await countedDrops(network(), 'hv1', dropCounterTables.byReason, 5 - fits);
      const tooBig = counted.map(({ reason, packets }) => [reason, Number(packets)]);
      assert.deepEqual(tooBig, fits === 5 ? [] : [['too_big', 5 - fits]], `${length} bytes`);
      assert.equal((await sent()) - before, fits, `${length} bytes`);
    }
  });

  it('run over IPv6', async () => {
    await network().load(between({}, { encapIp: '2001:db8::2', encapTypes: ['geneve'] }).compile(), 'hv1');
    const { tunnels, outputs } = await network().trace('hv1', packet);
    assert.deepEqual([tunnels, outputs], [['2001:db8::2'], [32_001]]);
  });

  it('do not exist to a hypervisor without an address, which is said', async () => {
    await network().load(between({}, { encapIp: null }).compile(), 'hv1');
    const { drops, outputs } = await network().trace('hv1', packet);
    assert.deepEqual([drops, outputs], [['unknown_hypervisor'], []]);
  });

  it('are not used towards a port that was here a moment ago', async () => {
    const gone = twoHostNetwork().compile();
    await network().load(gone, 'hv1');
    await network().ofctl('del-flows', 'hv1', `cookie=0x5e001e0000000000/0xffffff0000000000,in_port=2`);
    await network().ofctl('del-flows', 'hv1', 'cookie=0x5e001e0000000000/0xffffff0000000000,out_port=2');
    const toWeb2 = packet.replace(mac.web3, mac.web2);
    const { drops, outputs } = await network().trace('hv1', toWeb2);
    assert.deepEqual([drops, outputs], [['port_not_bound'], []]);
  });
});
