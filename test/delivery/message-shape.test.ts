import assert from 'node:assert/strict';
import { Compiler } from '../../src/compiler/compiler.js';
import { rules } from '../../src/compiler/rules.js';
import { fragmentDifference } from '../../src/delivery/difference.js';
import { encodeFragment, type EncodedFragment } from '../../src/delivery/encoded-fragment.js';
import { AcceptedShapes } from '../../src/delivery/message-shape.js';
import { NetworkView } from '../../src/view/network-view.js';
import {
  clone,
  conjunction,
  ct,
  group,
  learn,
  learnLoad,
  learnMatch,
  nat,
  output,
  Port,
  resubmit,
  setField,
  subfield,
  type Action,
} from '../../southbound/openflow/actions.js';
import { matchField } from '../../southbound/openflow/match.js';
import { oxm, type Match } from '../../southbound/openflow/oxm.js';
import { workNetwork } from '../work/work-network.js';
import { encoded, everywhere, fragment } from './support.js';

/** The only shape of a fragment with this one flow. */
function shapeOf(match: Match, actions: readonly Action[], table = 10): number {
  const flows = [{ table, priority: 7, match, actions }];
  const { shapes } = fragmentDifference(null, encoded(fragment(1, { scope: everywhere, flows })));
  assert.equal(shapes?.length, 1);
  return shapes[0] ?? assert.fail();
}

const ethType = (value: bigint) => matchField(oxm.ethType, value);
const ipv4 = [ethType(0x0800n)];
const learns = (bits: number, value: bigint) =>
  learn({
    table: 20,
    cookie: value,
    specs: [learnMatch(subfield(oxm.reg1), value), learnLoad(subfield(oxm.reg2, 0, bits), 1n)],
  });

const natTo = (address: bigint): Action =>
  ct({
    commit: true,
    zone: 1,
    actions: [nat({ direction: 'source', addresses: { family: 4, first: address, last: address } })],
  });

describe('shape of a message', () => {
  it('is the same whatever the values are', () => {
    const same: readonly (readonly [Match, readonly Action[], Match, readonly Action[]])[] = [
      [[matchField(oxm.metadata, 1n)], [output(3)], [matchField(oxm.metadata, 99n)], [output(0xfeff)]],
      [[...ipv4, matchField(oxm.ipv4Dst, 7n)], [], [...ipv4, matchField(oxm.ipv4Dst, 8n)], []],
      [[], [setField(oxm.ethSrc, 1n), group(8)], [], [setField(oxm.ethSrc, 2n), group(9)]],
      [[], [learns(16, 5n)], [], [learns(16, 6n)]],
      [[], [conjunction(5, 1, 2)], [], [conjunction(6, 1, 2)]],
      [[], [clone([setField(oxm.reg0, 1n)])], [], [clone([setField(oxm.reg0, 2n)])]],
      [ipv4, [natTo(1n)], ipv4, [natTo(2n)]],
    ];
    for (const [match, actions, otherMatch, otherActions] of same) {
      assert.equal(shapeOf(match, actions), shapeOf(otherMatch, otherActions));
    }
  });

  it('is another where a switch may think otherwise of it', () => {
    const shapes = [
      shapeOf([], []),
      shapeOf([], [], 11),
      shapeOf([], [output(1)]),
      shapeOf([], [output(Port.inPort)]),
      shapeOf([], [output(1), output(2)]),
      shapeOf([], [resubmit(11)]),
      shapeOf([], [resubmit(12)]),
      shapeOf([], [group(1)]),
      shapeOf([], [setField(oxm.reg0, 1n)]),
      shapeOf([], [setField(oxm.reg1, 1n)]),
      shapeOf([], [setField(oxm.reg0, 1n, 1n)]),
      shapeOf([], [clone([setField(oxm.reg0, 1n)])]),
      shapeOf([], [learns(16, 5n)]),
      shapeOf([], [learns(15, 5n)]),
      shapeOf([], [conjunction(5, 1, 2)]),
      shapeOf([], [conjunction(5, 1, 3)]),
      shapeOf(ipv4, []),
      shapeOf([ethType(0x86ddn)], []),
      shapeOf([...ipv4, matchField(oxm.ipProto, 6n)], []),
      shapeOf([...ipv4, matchField(oxm.ipProto, 17n)], []),
      shapeOf([...ipv4, matchField(oxm.ipv4Dst, 7n)], []),
      shapeOf([...ipv4, matchField(oxm.ipv4Dst, 0n, 0xff00_0000n)], []),
      shapeOf([...ipv4, matchField(oxm.ctState, 1n, 1n)], []),
      shapeOf([...ipv4, matchField(oxm.ctState, 2n, 2n)], []),
      shapeOf([matchField(oxm.vlanVid, 0x1005n)], []),
      shapeOf([matchField(oxm.vlanVid, 0n)], []),
    ];
    assert.deepEqual([...new Set(shapes)], shapes);
  });

  it('cannot be used up by a tenant who tries all protocols, ICMP types and VLANs', () => {
    const shapes = new Set<number>();
    for (let value = 0n; value < 256n; value += 1n) {
      const protocol = [...ipv4, matchField(oxm.ipProto, value)];
      const icmp = [
        ...ipv4,
        matchField(oxm.ipProto, 1n),
        matchField(oxm.icmpv4Type, value),
        matchField(oxm.icmpv4Code, value),
      ];
      const icmp6 = [ethType(0x86ddn), matchField(oxm.ipProto, 58n), matchField(oxm.icmpv6Type, value)];
      const vlan = [matchField(oxm.vlanVid, 0x1000n + value)];
      for (const match of [protocol, icmp, icmp6, vlan]) shapes.add(shapeOf(match, []));
    }
    assert.ok(shapes.size <= 14, `${shapes.size} shapes`);
  });

  it('does not tell how many buckets a group has, nor which flow is removed', () => {
    const flood = (...ports: number[]) =>
      encoded(
        fragment(1, {
          scope: everywhere,
          groups: [{ id: 8, type: 'all', buckets: ports.map(port => ({ bucketId: port, actions: [output(port)] })) }],
          flows: ports.map(port => ({
            table: 1,
            priority: 1,
            match: [matchField(oxm.reg1, BigInt(port))],
            actions: [],
          })),
        }),
      );
    const shapes = (...ports: number[]) => fragmentDifference(null, flood(...ports)).shapes;
    assert.deepEqual(shapes(1, 2, 3), shapes(7));
    assert.notDeepEqual(shapes(1), shapes());
    const removal = (port: number) => fragmentDifference(flood(port, 9), flood(9)).shapes;
    assert.deepEqual(removal(1), removal(2));
  });

  it('is one of few, however large the network is', () => {
    const shapesOf = (unrelatedPorts: number): readonly number[] => {
      const view = new NetworkView();
      const compiler = new Compiler<EncodedFragment>(rules, view, encodeFragment);
      const { changes } = compiler.update(view.replace(workNetwork(unrelatedPorts)));
      const found = new Set<number>();
      for (const { after } of changes) {
        if (after === null) continue;
        for (const shape of fragmentDifference(null, after).shapes ?? assert.fail('has none')) found.add(shape);
      }
      return [...found].toSorted((left, right) => left - right);
    };
    const few = shapesOf(20);
    assert.deepEqual(shapesOf(200), few);
    assert.ok(few.length < 500, `${few.length} shapes`);
  });
});

describe('accepted shapes', () => {
  it('are known until they are forgotten', () => {
    const accepted = new AcceptedShapes();
    assert.equal(accepted.covers([]), true);
    assert.equal(accepted.covers(null), false);
    accepted.accept([3, 4_000]);
    accepted.accept(null);
    assert.deepEqual(
      [[3], [4_000], [3, 4_000], [3, 4], [3_999], [70_000]].map(shapes => accepted.covers(shapes)),
      [true, true, true, false, false, false],
    );
    accepted.forget([3, 70_000]);
    accepted.forget(null);
    assert.deepEqual([accepted.covers([3]), accepted.covers([4_000])], [false, true]);
  });
});
