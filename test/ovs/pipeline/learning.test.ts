import assert from 'node:assert/strict';
import { layout } from '../../../src/compiler/pipeline/pipelines.js';
import { lsFdbLearned } from '../../../src/compiler/pipeline/switch-ingress.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { usesTracedNetwork } from './traced-network.js';

const table = layout.tableOf(lsFdbLearned);
const stranger = '02:aa:00:00:00:01';
const other = '02:aa:00:00:00:02';
const known = '02:00:00:00:01:02';
const open = { portSecurity: false, unknownMacs: true } as const;

/** One bridge stands for both hypervisors in turn: what matters is which ports are on it. */
function learningNetwork(): NetworkBuilder {
  return new NetworkBuilder()
    .hypervisor('hv1')
    .hypervisor('hv2')
    .logicalSwitch('lan')
    .port('bridge1', 'lan', '02:00:00:00:01:01', [], ['hv1', 1], open)
    .port('plain', 'lan', known, ['10.0.0.2'], ['hv1', 2], { ips: [{ ip: '10.0.0.2', subnetId: 'none' }] })
    .port('bridge2', 'lan', '02:00:00:00:01:03', [], ['hv1', 3], open)
    .port('far', 'lan', '02:00:00:00:01:04', [], ['hv2', 1], open);
}

const packet = (inPort: number, source: string, destination: string): string =>
  `in_port(${inPort}),eth(src=${source},dst=${destination}),eth_type(0x0800),` +
  'ipv4(src=10.0.0.77,dst=10.0.0.78,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)';
const trace = (inPort: string, source: string, destination: string): string =>
  `in_port=${inPort},ip,dl_src=${source},dl_dst=${destination},nw_src=10.0.0.77,nw_dst=10.0.0.78`;

describe('MAC learning on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);
  const learned = async (): Promise<readonly string[]> => {
    const text = await network().dump('hv1', `table=${table}`);
    return text.split('\n').filter(line => line.includes(`table=${table}`));
  };
  beforeEach(() => network().load(learningNetwork().compile(), 'hv1'));

  it('floods unicast to an unknown MAC to the ports that may have it, here and elsewhere', async () => {
    const { outputs, drops } = await network().trace('hv1', trace('1', stranger, other));
    assert.deepEqual([outputs, drops], [[3, 32_001], []]);
    const received = await network().trace('hv1', trace('32001,tun_id=1,tun_src=192.0.2.2', stranger, other));
    assert.deepEqual([received.outputs, received.drops], [[1, 3], []]);
  });

  it('learns a source at its port, delivers there, and follows it when it moves', async () => {
    await network().send('hv1', 1, packet(1, stranger, other));
    const [flow, ...more] = await learned();
    assert.equal(more.length, 0);
    assert.match(flow ?? '', /hard_timeout=300/);
    assert.deepEqual((await network().trace('hv1', trace('3', other, stranger))).outputs, [1]);
    await network().send('hv1', 3, packet(3, stranger, other));
    assert.equal((await learned()).length, 1);
    assert.deepEqual((await network().trace('hv1', trace('1', other, stranger))).outputs, [3]);
  });

  it('learns behind which hypervisor a source is, from the tunnels of hypervisors that it knows', async () => {
    const receive = (tunnelSource: string): Promise<string> => {
      const bytes = `02aa00000002${stranger.replaceAll(':', '')}88b5${'00'.repeat(46)}`;
      const tunnel = `in_port=32001,tun_id=1,tun_src=${tunnelSource}`;
      return network().ofctl('packet-out', 'hv1', `${tunnel},packet=${bytes},actions=table`);
    };
    await receive('192.0.2.9');
    assert.deepEqual(await learned(), []);
    await receive('192.0.2.2');
    assert.equal((await learned()).length, 1);
    const { tunnels, outputs } = await network().trace('hv1', trace('1', other, stranger));
    assert.deepEqual([tunnels, outputs], [['192.0.2.2'], [32_001]]);
    const back = await network().trace('hv1', trace('32001,tun_id=1,tun_src=192.0.2.2', other, stranger));
    assert.deepEqual([back.outputs, back.drops], [[], ['stale_location']]);
  });

  it('never learns a MAC that a port owns, nor from ports that do not ask for it', async () => {
    await network().send('hv1', 1, packet(1, known, other));
    await network().send('hv1', 2, packet(2, known, other));
    assert.deepEqual(await learned(), []);
    assert.deepEqual((await network().trace('hv1', trace('1', stranger, known))).outputs, [2]);
  });

  it('leaves nothing behind when the port is gone', async () => {
    await network().send('hv1', 1, packet(1, stranger, other));
    assert.equal((await learned()).length, 1);
    await network().ofctl('del-flows', 'hv1', 'cookie=0x5e00000000000000/0xff00000000000000');
    assert.equal((await network().dump('hv1')).split('\n').filter(line => line.includes('cookie')).length, 0);
  });
});
