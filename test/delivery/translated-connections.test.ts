/** Connections that a switch of unknown content has translated by flows that are not wanted: they end with these flows. */
import assert from 'node:assert/strict';
import type { Flow } from '../../src/compiler/fragment.js';
import { SwitchComparison } from '../../src/delivery/comparison.js';
import { contentOf } from '../../src/delivery/encoding.js';
import { ct, nat } from '../../southbound/openflow/actions.js';
import { matchField } from '../../southbound/openflow/match.js';
import { decodeMessage } from '../../southbound/openflow/message-codec.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { encoded, everywhere, flow, fragment } from './support.js';

const zone = 24_577;
const [outside, inside, other] = [0xcb00_7101n, 0x0a01_0007n, 0x0a01_0008n];
const ipv4 = [matchField(oxm.ethType, 0x0800n)];
const mapped = (address: bigint): bigint => (0xffffn << 32n) | address;

const translated = (direction: 'source' | 'destination', address: bigint, port?: number) => [
  ct({
    commit: true,
    zone,
    table: 30,
    actions: [
      nat({
        direction,
        addresses: { family: 4, first: address, last: address },
        ports: port === undefined ? null : { first: port, last: port },
      }),
    ],
  }),
];

/** A UDP port outside that leads to a workload. */
function called(to: bigint): Flow {
  const match = [
    ...ipv4,
    matchField(oxm.ipv4Dst, outside),
    matchField(oxm.ipProto, 17n),
    matchField(oxm.udpDst, 8_053n),
  ];
  return { table: 20, priority: 300, match, actions: translated('destination', to, 53) };
}

/** A network that leaves with one address. */
const callers: Flow = {
  table: 25,
  priority: 292,
  match: [...ipv4, { ...matchField(oxm.ipv4Src, 0x0a01_0000n), mask: 0xffff_ff00n }],
  actions: translated('source', outside),
};

/** What a switch with these flows is told to forget, where one flow is wanted. */
async function forgotten(held: readonly { readonly flow: Flow; readonly of: number }[], wanted: Flow) {
  const comparison = new SwitchComparison();
  comparison.want(encoded(fragment(1, { scope: everywhere, flows: [wanted] })), true);
  for (const each of held) comparison.addFlow(contentOf(each.flow, fragment(each.of, { scope: everywhere }).cookie));
  return (await comparison.finish()).flatMap(({ zonesAfter }) =>
    zonesAfter.map(bytes => {
      const { message } = decodeMessage(bytes);
      assert.equal(message.kind, 'ctFlush');
      const { ipProto, properties } = message;
      return { ipProto, properties };
    }),
  );
}

const ofPort = {
  ipProto: 17,
  properties: [
    {
      kind: 'original',
      tuple: [
        { kind: 'destination', address: mapped(outside) },
        { kind: 'destinationPort', port: 8_053 },
      ],
    },
    {
      kind: 'reply',
      tuple: [
        { kind: 'source', address: mapped(inside) },
        { kind: 'sourcePort', port: 53 },
      ],
    },
    { kind: 'zone', zone },
  ],
};

describe('translated connections of a switch of unknown content', () => {
  const plain = flow(10, 1);

  it('end with a flow that belongs to nobody', async () => {
    assert.deepEqual(await forgotten([{ flow: called(inside), of: 2 }], plain), [ofPort]);
    const left = await forgotten([{ flow: callers, of: 2 }], plain);
    assert.deepEqual(
      left.map(({ ipProto }) => ipProto),
      [6, 17, 132],
    );
    assert.deepEqual(left[0]?.properties, [
      { kind: 'reply', tuple: [{ kind: 'destination', address: mapped(outside) }] },
      { kind: 'zone', zone },
    ]);
  });

  it('end where they would go elsewhere now, by the same rule or by another', async () => {
    for (const of of [1, 2]) assert.deepEqual(await forgotten([{ flow: called(inside), of }], called(other)), [ofPort]);
    assert.deepEqual(await forgotten([{ flow: called(inside), of: 1 }], plain), [ofPort]);
  });

  it('go on where the flow is as it should be', async () => {
    assert.deepEqual(await forgotten([{ flow: called(inside), of: 1 }], called(inside)), []);
    assert.deepEqual(await forgotten([{ flow: plain, of: 1 }], plain), []);
  });
});
