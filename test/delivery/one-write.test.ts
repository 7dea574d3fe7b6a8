/** Bundles that go out with their commit in one write, on a real ovs-vswitchd: what it has accepted before is not asked about again. */
import assert from 'node:assert/strict';
import net from 'node:net';
import { duplexPair, type Duplex } from 'node:stream';
import type { Fleet } from '../../src/delivery/fleet.js';
import { ct, output, resubmit, type Action } from '../../southbound/openflow/actions.js';
import { DummySwitch } from '../ovs/dummy-switch.js';
import { everywhere, flow, fragment, FragmentSource, makeFleet, openSwitch, until } from './support.js';

const host = 'h1';
const bundleAddType = 34;

/**
 * `set_field` of four bits of reg0, written by hand: Open vSwitch refuses a value with bits beyond the mask when the message is added
 * to a bundle. Our own encoder never writes one, and therefore the shape does not show the value.
 */
function setByHand(value: number): Action {
  const bytes = Buffer.from('00010108000000000000000f', 'hex');
  bytes.writeUInt32BE(value, 4);
  return { kind: 'unknown', type: 25, bytes };
}

/** A connection to a socket that ends within a bundle, after so much of it. */
function cutInBundle(path: string, takeShare: () => number | null): Duplex {
  const [ours, theirs] = duplexPair();
  const socket = net.connect(path);
  socket.on('data', chunk => theirs.write(chunk));
  socket.on('close', () => {
    theirs.destroy();
    ours.destroy();
  });
  socket.on('error', () => socket.destroy());
  theirs.on('close', () => socket.end());
  theirs.on('data', (chunk: Buffer) => {
    const share = chunk[1] === bundleAddType ? takeShare() : null;
    if (share === null) socket.write(chunk);
    else socket.end(chunk.subarray(0, Math.floor(share * (chunk.length - 1))));
  });
  return ours;
}

describe('a bundle in one write', function () {
  this.timeout(60_000);
  let ovs: DummySwitch;
  let fleet: Fleet;
  let source: FragmentSource;
  let cutAtShare: number | null;

  async function connect(): Promise<void> {
    const takeShare = (): number | null => {
      const share = cutAtShare;
      cutAtShare = null;
      return share;
    };
    const target = await openSwitch(cutInBundle(ovs.managementSocket(), takeShare));
    fleet.connect(host, { target, database: () => ({ kind: 'ready' }), openVswitchVersion: '3.1.0' });
  }

  async function settled(): Promise<void> {
    const progress = await fleet.convergence.waitFor(source.revision, 30_000);
    assert.deepEqual(progress.pending, []);
    await until('the loop is idle', () => fleet.status(host)?.state === 'idle');
  }

  const counters = () => fleet.status(host)?.counters ?? assert.fail('no status');

  const dump = async (): Promise<string[]> =>
    (await ovs.dumpFlows())
      .filter(line => line.startsWith('cookie=') && !line.includes('table=253'))
      .map(line => /metadata=(\S+) (.*)/.exec(line)?.slice(1).join(' ') ?? line);

  const one = (number: number, actions: readonly Action[] = [output(number)]) =>
    fragment(number, { scope: everywhere, flows: [flow(10, number, actions)] });

  before(async () => (ovs = await DummySwitch.start()));
  after(() => ovs.stop());

  beforeEach(async () => {
    cutAtShare = null;
    fleet = makeFleet();
    source = new FragmentSource();
    fleet.addHypervisor(host, 'hv1');
    await connect();
    await settled();
  });

  afterEach(() => fleet.close());

  it('follows the first of its shape, whatever the values, and not the first on another connection', async () => {
    const unasked = async (): Promise<number> => {
      const before = counters().unaskedBundles;
      await settled();
      return counters().unaskedBundles - before;
    };
    fleet.apply(source.change([one(1)]));
    assert.equal(await unasked(), 0);
    fleet.apply(source.change([one(2)]));
    assert.equal(await unasked(), 1);
    fleet.apply(source.change([one(3, [resubmit(11)])]));
    assert.equal(await unasked(), 0, 'another action');
    fleet.apply(source.change([one(4, [resubmit(11)]), one(1, [output(5)])]));
    assert.equal(await unasked(), 1);
    fleet.apply(source.change([], ['test.rule/1']));
    assert.equal(await unasked(), 0, 'another command');
    fleet.apply(source.change([], ['test.rule/2', 'test.rule/3']));
    assert.equal(await unasked(), 1);
    fleet.apply(source.change([one(5, [resubmit(12)])]));
    assert.equal(await unasked(), 0, 'another table');
    assert.deepEqual(await dump(), ['0x4 actions=resubmit(,11)', '0x5 actions=resubmit(,12)']);
    await connect();
    await settled();
    fleet.apply(source.change([one(6, [resubmit(12)])]));
    assert.equal(await unasked(), 0, 'the switch may be another one');
    assert.deepEqual([counters().tornBundles, counters().resyncs], [0, 1]);
  });

  it('is not sent for a shape that the switch refused when it was asked', async () => {
    const refused: Action[] = [ct({ zone: 1, actions: [output(1)] })];
    fleet.apply(source.change([one(1)]));
    await settled();
    for (const number of [2, 4]) {
      fleet.apply(source.change([one(number, refused), one(number + 1)]));
      await settled();
    }
    assert.equal(fleet.convergence.failures().length, 2);
    assert.deepEqual(await dump(), ['0x1 actions=output:1', '0x3 actions=output:3', '0x5 actions=output:5']);
    assert.deepEqual([counters().tornBundles, counters().resyncs], [0, 1]);
  });

  it('is repaired and reported when the switch refuses all the same', async () => {
    fleet.apply(source.change([one(1), one(2, [setByHand(15)])]));
    await settled();
    const { resyncs } = counters();
    fleet.apply(source.change([one(3, [setByHand(16)]), one(4)]));
    await settled();
    const [failure] = fleet.convergence.failures();
    assert.equal(failure?.key, 'test.rule/3');
    assert.match(failure.error, /OFPB.C_BAD_/);
    assert.deepEqual([counters().tornBundles, counters().resyncs - resyncs], [1, 1], 'looked at at once');
    assert.deepEqual(await dump(), [
      '0x1 actions=output:1',
      '0x2 actions=set_field:0xf/0xf->reg0',
      '0x4 actions=output:4',
    ]);
    fleet.apply(source.change([one(3, [setByHand(14)]), one(5)]));
    await settled();
    assert.deepEqual(fleet.convergence.failures(), []);
    assert.equal((await dump()).length, 5);
    assert.equal(counters().tornBundles, 1);
  });

  it('is there wholly or not at all, wherever the connection ends', async () => {
    const version = (actions: readonly Action[]) => [1, 2, 3].map(number => one(number, actions));
    for (const [index, share] of [0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 1].entries()) {
      fleet.apply(source.change(version([output(1)])));
      await settled();
      fleet.apply(source.change(version([output(2)])));
      await settled();
      const before = { ...counters() };
      const expected = (port: number) => [1, 2, 3].map(number => `0x${number} actions=output:${port}`);
      cutAtShare = share;
      fleet.apply(source.change(version([output(3 + index)])));
      await until('cut', () => fleet.status(host)?.connected === false);
      const found = await dump();
      assert.ok(
        [2, 3 + index].some(port => found.join() === expected(port).join()),
        `${share}: ${found.join()}`,
      );
      await connect();
      await settled();
      assert.deepEqual(await dump(), expected(3 + index));
      assert.equal(counters().unaskedBundles, before.unaskedBundles, 'asked on the new connection');
      assert.equal(counters().resyncs, before.resyncs, 'the sentinel said what was there');
    }
  });
});
