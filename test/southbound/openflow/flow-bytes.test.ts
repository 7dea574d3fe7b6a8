/** What is told from the bytes of a reply without decoding it. */
import assert from 'node:assert/strict';
import { output } from '../../../southbound/openflow/actions.js';
import { instructionsFor } from '../../../southbound/openflow/instructions.js';
import { matchField } from '../../../southbound/openflow/match.js';
import { encodeMessage } from '../../../southbound/openflow/message-codec.js';
import { type FlowUpdate, isOwnChangeNote } from '../../../southbound/openflow/messages/flow-monitor.js';
import {
  decodeFlow,
  flowFingerprint,
  flowsIn,
  type FlowStats,
} from '../../../southbound/openflow/messages/flow-stats.js';
import { oxm } from '../../../southbound/openflow/oxm.js';
import { Version } from '../../../southbound/openflow/version.js';
import { WireError } from '../../../southbound/wire/wire-error.js';

const version = Version.openflow15;
const one = {
  tableId: 3,
  priority: 7,
  idleTimeout: 0,
  hardTimeout: 0,
  flags: [],
  importance: 0,
  cookie: 9n,
  match: [matchField(oxm.metadata, 5n)],
  statistics: { durationSeconds: 4, durationNanoseconds: 8, packetCount: 1n, byteCount: 60n },
  instructions: instructionsFor([output(1)]),
} as const satisfies FlowStats;

const bodyOf = (flows: readonly FlowStats[]): Uint8Array =>
  encodeMessage({ kind: 'multipartReply', more: false, body: { kind: 'flow', flows } }, 1, version).subarray(16);
const fingerprint = (stats: FlowStats): number => {
  const [bytes] = flowsIn(bodyOf([stats]));
  return flowFingerprint(bytes ?? assert.fail());
};

describe('flows of a reply as bytes', () => {
  it('are the flows that decoding gives', () => {
    const flows = [one, { ...one, tableId: 4, match: [] }, { ...one, instructions: [] }];
    assert.deepEqual(Array.from(flowsIn(bodyOf(flows)), decodeFlow), flows);
  });

  it('have one fingerprint whatever they have counted, and another for everything else', () => {
    const counted = { ...one, statistics: { durationSeconds: 99, packetCount: 12n } };
    assert.equal(fingerprint(counted), fingerprint(one));
    const others: FlowStats[] = [
      one,
      { ...one, tableId: 4 },
      { ...one, priority: 8 },
      { ...one, idleTimeout: 1 },
      { ...one, hardTimeout: 1 },
      { ...one, cookie: 10n },
      { ...one, match: [matchField(oxm.metadata, 6n)] },
      { ...one, match: [matchField(oxm.metadata, 5n, 5n)] },
      { ...one, match: [] },
      { ...one, instructions: instructionsFor([output(2)]) },
      { ...one, instructions: [] },
    ];
    const found = others.map(fingerprint);
    assert.equal(new Set(found).size, others.length);
    assert.ok(found.every(Number.isSafeInteger));
  });

  it('are refused where a length passes the end', () => {
    const bytes = bodyOf([one]);
    for (const [at, value] of [
      [0, 0xff],
      [1, 8],
      [26, 0xff],
      [42, 0xff],
    ] as const) {
      const broken = bytes.slice();
      broken[at] = value;
      assert.throws(() => Array.from(flowsIn(broken), flowFingerprint), WireError, `byte ${at}`);
    }
  });
});

describe('the note of an own change', () => {
  const noteOf = (updates: readonly FlowUpdate[], xid = 0): Uint8Array =>
    encodeMessage({ kind: 'multipartReply', more: false, body: { kind: 'flowMonitor', updates } }, xid, version);
  const own: FlowUpdate = { event: 'abbreviated', xid: 77 } as FlowUpdate;

  it('is known by its bytes', () => assert.equal(isOwnChangeNote(noteOf([own])), true));

  it('is nothing else', () => {
    const paused = { event: 'paused', xid: 0 } as FlowUpdate;
    for (const other of [noteOf([]), noteOf([paused]), noteOf([own, paused]), noteOf([own], 5), bodyOf([one])])
      assert.equal(isOwnChangeNote(other), false);
  });
});
