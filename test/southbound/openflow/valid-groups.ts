/** Random groups that Open vSwitch accepts. */
import fc from 'fast-check';
import { output, resubmit, setField } from '../../../southbound/openflow/actions.js';
import type { Action } from '../../../southbound/openflow/actions.js';
import { canonicalFieldSet, matchField } from '../../../southbound/openflow/match.js';
import { oxm } from '../../../southbound/openflow/oxm.js';
import type { BucketText, GroupText } from '../../../southbound/openflow/text.js';
import { fieldValue, positive } from './arbitraries.js';

const actions: fc.Arbitrary<readonly Action[]> = fc.oneof(
  fc.constant([]),
  positive(0xff).map(port => [output(port)]),
  positive(0xfe).map(table => [setField(oxm.reg1, BigInt(table)), resubmit(table)]),
);

/** A bucket with a number of its own and nothing else; what a kind of group needs is added. */
const buckets = fc
  .uniqueArray(positive(0xffff), { minLength: 1, maxLength: 5 })
  .chain(ids => fc.tuple(...ids.map(bucketId => actions.map((list): BucketText => ({ bucketId, actions: list })))));

const hashedFields = fc
  .uniqueArray(
    fc.constantFrom(oxm.ipv4Src, oxm.ipv4Dst, oxm.ipv6Src, oxm.ipProto, oxm.tcpSrc, oxm.udpDst, oxm.ethSrc, oxm.reg1),
    { minLength: 1 },
  )
  .chain(fields => fc.tuple(...fields.map(field => fieldValue(field).map(mask => matchField(field, mask)))))
  .map(canonicalFieldSet);

const selectionMethod = fc.oneof(
  fc
    .record({ name: fc.constant('hash'), parameter: fc.bigInt({ min: 1n, max: 0xffffn }), fields: hashedFields })
    .filter(({ fields }) => fields.every(({ field, value }) => field.maskable || value === field.allBits)),
  fc.record({ name: fc.constant('dp_hash'), parameter: fc.constantFrom(0n, 1n) }),
);

const weighted = fc
  .tuple(buckets, fc.array(fc.tuple(positive(0xffff), positive(0xff), positive(0xff)), { minLength: 5, maxLength: 5 }))
  .map(([list, extras]) =>
    list.map((bucket, i) => {
      const [weight, watchPort, watchGroup] = extras[i] ?? [1, 1, 1];
      return { ...bucket, weight, watchPort, watchGroup };
    }),
  );

const watching = fc
  .tuple(buckets, positive(0xfe00))
  .map(([list, port]) =>
    list.map((bucket, i) => (i % 2 === 0 ? { ...bucket, watchPort: port } : { ...bucket, watchGroup: port })),
  );

type Kind = GroupText['type'];
const group = <K extends Kind>(type: K, list: fc.Arbitrary<readonly BucketText[]>): fc.Arbitrary<GroupText> =>
  fc.record({ id: positive(0xffff_feff), type: fc.constant(type), buckets: list });

export const validGroup: fc.Arbitrary<GroupText> = fc.oneof(
  group('all', buckets),
  group(
    'indirect',
    buckets.map(list => list.slice(0, 1)),
  ),
  group('fast_failover', watching),
  group('select', weighted),
  fc.tuple(group('select', weighted), selectionMethod).map(([one, method]) => ({ ...one, selectionMethod: method })),
);
