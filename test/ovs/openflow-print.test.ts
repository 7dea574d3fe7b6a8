import assert from 'node:assert/strict';
import { before, describe, it } from 'mocha';
import { output } from '../../southbound/openflow/actions.js';
import { encodeBundleAdd, encodeMessage, type Message } from '../../southbound/openflow/message-codec.js';
import { bucket } from '../../southbound/openflow/messages/bucket.js';
import { bundleControl } from '../../southbound/openflow/messages/bundle.js';
import { flowMod } from '../../southbound/openflow/messages/flow-mod.js';
import { groupMod } from '../../southbound/openflow/messages/group-mod.js';
import { oxm } from '../../southbound/openflow/oxm.js';
import { Version } from '../../southbound/openflow/version.js';
import { requires } from '../fixtures/requires.js';
import { printWithOvs } from './ovs-ofctl.js';

const { openflow13, openflow14, openflow15 } = Version;
const xid = 9;

function bytesOf(message: Message, version: Version = openflow15): Uint8Array {
  return encodeMessage(message, xid, version);
}

const match = [{ field: oxm.inPort, value: 3n }];
const change = flowMod({ command: 'add', tableId: 3, cookie: 0x42n });
const dpHash = { kind: 'selectionMethod', method: 'dp_hash', parameter: 3n, fields: [] } as const;
const selectGroup = groupMod({
  command: 'add',
  type: 'select',
  groupId: 5,
  buckets: [bucket({ bucketId: 1, weight: 7, actions: [output(3)] })],
  properties: [dpHash],
});
const groupText =
  'ADD group_id=5,type=select,selection_method=dp_hash,selection_method_param=3,' +
  'bucket=bucket_id:1,weight:7,actions=output:3';
const masks = [
  { kind: 'packetInSlave', mask: 1 },
  { kind: 'packetInMaster', mask: 3 },
  { kind: 'portStatusMaster', mask: 7 },
] as const;

/** Messages that ovs-ofctl itself never says, and what it reads in our bytes; lines are joined by " / ". */
const cases: readonly (readonly [Uint8Array, RegExp])[] = [
  [
    bytesOf({ kind: 'hello', elements: [{ kind: 'versionBitmap', bitmaps: [0x70] }] }),
    /^OFPT_HELLO \(OF1.5\).* version bitmap: 0x04, 0x05, 0x06$/,
  ],
  [
    bytesOf({ kind: 'roleRequest', role: 'master', generationId: 7n }),
    /^OFPT_ROLE_REQUEST .*: role=primary generation_id=7$/,
  ],
  [
    bytesOf({ kind: 'roleReply', role: 'slave', generationId: 8n }, openflow13),
    /^OFPT_ROLE_REPLY \(OF1.3\).*: role=secondary generation_id=8$/,
  ],
  [
    bytesOf({ kind: 'roleStatus', role: 'slave', reason: 'config', generationId: 9n, properties: [] }),
    /^OFPT_ROLE_STATUS .*: role=secondary generation_id=9 reason=configuration_changed$/,
  ],
  [bytesOf({ kind: 'getAsyncRequest' }, openflow14), /^OFPT_GET_ASYNC_REQUEST \(OF1.4\)/],
  [
    bytesOf({ kind: 'setAsync', properties: masks }),
    /^OFPT_SET_ASYNC .*primary: \/ +PACKET_IN: no_match action \/ +PORT_STATUS: add delete modify .*secondary: \/ +PACKET_IN: no_match \//,
  ],
  [
    bytesOf({ kind: 'getAsyncReply', properties: masks }, openflow13),
    /^OFPT_GET_ASYNC_REPLY \(OF1.3\).*primary: \/ +PACKET_IN: no_match action \/ +PORT_STATUS: add delete modify .*secondary: \/ +PACKET_IN: no_match \//,
  ],
  [
    bytesOf({ kind: 'error', type: 4, code: 9, experimenter: null, data: bytesOf(change) }),
    /^OFPT_ERROR .*: OFPBMC_BAD_PREREQ \/ OFPT_FLOW_MOD .*ADD table:3 cookie:0x42/,
  ],
  [
    bytesOf({ kind: 'error', type: 0xffff, code: 15, experimenter: 0x2320, data: bytesOf({ kind: 'barrierRequest' }) }),
    /^OFPT_ERROR .*: NXBAC_BAD_CONJUNCTION \/ OFPT_BARRIER_REQUEST/,
  ],
  [
    bytesOf({ kind: 'echoRequest', data: Uint8Array.of(1, 2, 3) }),
    /^OFPT_ECHO_REQUEST .*: 3 bytes of payload.* 01 02 03 /,
  ],
  [bytesOf({ kind: 'echoReply', data: Uint8Array.of(1, 2, 3) }), /^OFPT_ECHO_REPLY .*: 3 bytes of payload.* 01 02 03 /],
  [bytesOf({ kind: 'setControllerId', controllerId: 77 }), /^NXT_SET_CONTROLLER_ID .*: id=77$/],
  [
    bytesOf({ kind: 'requestForward', request: bytesOf(selectGroup) }),
    new RegExp(`^OFPT_REQUESTFORWARD .*: reason=group_mod / +${groupText}$`),
  ],
  [
    bytesOf(bundleControl('commit_request', 77), openflow13),
    /^ONFT_BUNDLE_CONTROL \(OF1.3\).* bundle_id=0x4d type=COMMIT_REQUEST flags=atomic ordered$/,
  ],
  [
    bytesOf(bundleControl('discard_request', 77)),
    /^OFPT_BUNDLE_CONTROL .* bundle_id=0x4d type=DISCARD_REQUEST flags=atomic ordered$/,
  ],
  [
    encodeBundleAdd(77, ['atomic', 'ordered'], selectGroup, xid, openflow15),
    new RegExp(`^OFPT_BUNDLE_ADD_MESSAGE .* bundle_id=0x4d flags=atomic ordered / OFPT_GROUP_MOD .* ${groupText}$`),
  ],
  [
    encodeBundleAdd(77, ['atomic'], change, xid, openflow13),
    /^ONFT_BUNDLE_ADD_MESSAGE \(OF1.3\).* flags=atomic \/ OFPT_FLOW_MOD \(OF1.3\).*ADD table:3 cookie:0x42/,
  ],
  [
    bytesOf({
      kind: 'resume',
      properties: [
        { kind: 'packet', data: new Uint8Array(20) },
        { kind: 'cookie', cookie: 5n },
      ],
    }),
    /^NXT_RESUME .*: cookie=0x5 total_len=20/,
  ],
  [
    bytesOf({
      kind: 'meterMod',
      command: 'add',
      flags: ['kbps', 'burst'],
      meterId: 9,
      bands: [{ kind: 'dscpRemark', rate: 4, burstSize: 5, precedenceLevel: 6 }],
    }),
    /^OFPT_METER_MOD .*: ADD meter=9 kbps burst bands= \/ type=dscp_remark rate=4 burst_size=5 prec_level=6$/,
  ],
  [
    bytesOf({
      kind: 'flowRemoved',
      tableId: 3,
      reason: 'idle_timeout',
      priority: 7,
      idleTimeout: 8,
      hardTimeout: 9,
      cookie: 10n,
      match,
      statistics: { durationSeconds: 11, durationNanoseconds: 12, packetCount: 13n, byteCount: 14n },
    }),
    /priority=7,in_port=3 reason=idle table_id=3 cookie:0xa duration11.000000012s idle8 hard9 pkts13 bytes14$/,
  ],
  [
    bytesOf({
      kind: 'multipartRequest',
      more: false,
      body: {
        kind: 'flowMonitor',
        monitors: [
          {
            monitorId: 4,
            outPort: 5,
            outGroup: 6,
            flags: ['initial', 'add', 'removed', 'modify', 'instructions', 'only_own'],
            tableId: 7,
            command: 'add',
            match,
          },
        ],
      },
    }),
    / id=4 flags=initial,add,delete,modify,actions,own out_port=5 out_group=6 table=7 in_port=3$/,
  ],
  [
    bytesOf({
      kind: 'multipartReply',
      more: true,
      body: {
        kind: 'flowMonitor',
        updates: [
          { event: 'abbreviated', xid: 77 },
          { event: 'paused', xid: 0 },
        ],
      },
    }),
    /^OFPST_FLOW_MONITOR reply .*: flags=\[more\] \/ +event=ABBREV xid=0x4d \/ +event=PAUSED$/,
  ],
];

describe('messages that ovs-ofctl never sends', function () {
  this.timeout(30_000);
  before(function () {
    requires(this, { tools: ['ovs-ofctl'] });
  });

  it('mean to ovs-ofctl what we meant', async () => {
    for (const [bytes, expected] of cases) assert.match((await printWithOvs([bytes])).join(' / '), expected);
  });
});
