import assert from 'node:assert/strict';
import * as act from '../../../southbound/openflow/actions.js';
import type { Action } from '../../../southbound/openflow/actions.js';
import {
  applyActions,
  clearActions,
  gotoTable,
  writeActions,
  writeMetadata,
} from '../../../southbound/openflow/instructions.js';
import { matchField } from '../../../southbound/openflow/match.js';
import type { Match } from '../../../southbound/openflow/oxm.js';
import { oxm, unknownField } from '../../../southbound/openflow/oxm.js';
import {
  formatActions,
  formatFlow,
  formatGroup,
  formatInstructions,
  formatMatch,
} from '../../../southbound/openflow/text.js';

const { subfield } = act;
const reg = (offset: number, bits: number) => subfield(oxm.reg0, offset, bits);

/** As `ovs-ofctl dump-flows` of Open vSwitch 3.1 prints them; test/ovs compares at random. */
const actionTexts: readonly (readonly [Action, string])[] = [
  [act.output(5), 'output:5'],
  [act.output(act.Port.local), 'LOCAL'],
  [act.output(act.Port.controller, 128), 'CONTROLLER:128'],
  [act.outputReg(subfield(oxm.reg5, 4, 17)), 'output:NXM_NX_REG5[4..20]'],
  [act.outputTruncated(5, 100), 'output(port=5,max_len=100)'],
  [act.setField(oxm.reg1, 0x5n), 'set_field:0x5->reg1'],
  [act.setField(oxm.reg1, 0n), 'set_field:0->reg1'],
  [act.load(subfield(oxm.reg1, 4, 4), 5n), 'set_field:0x50/0xf0->reg1'],
  [act.setField(oxm.ipv4Src, 0x01020304n), 'set_field:1.2.3.4->ip_src'],
  [act.setField(oxm.ethSrc, 0x00112233_4455n), 'set_field:00:11:22:33:44:55->eth_src'],
  [act.setField(oxm.ipv6Dst, 0xfe80n << 112n), 'set_field:fe80::->ipv6_dst'],
  [act.setField(oxm.tunMetadata0, 1n, 1n), 'set_field:0x1/0x1->tun_metadata0'],
  [act.move(oxm.ethSrc, oxm.ethDst), 'move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]'],
  [act.move(reg(0, 16), subfield(oxm.metadata, 16, 16)), 'move:NXM_NX_REG0[0..15]->OXM_OF_METADATA[16..31]'],
  [act.resubmit(8), 'resubmit(,8)'],
  [act.resubmit(8, 5), 'resubmit(5,8)'],
  [act.resubmit(null, 5), 'resubmit:5'],
  [act.resubmit(9, act.Port.inPort, { conntrackTuple: true }), 'resubmit(,9,ct)'],
  [act.note(Uint8Array.of(1, 2)), 'note:01.02.00.00.00.00'],
  [act.controller(), 'CONTROLLER:65535'],
  [
    act.controller({
      reason: 2,
      maxLength: 44,
      controllerId: 3,
      userdata: Uint8Array.of(1, 2),
      meterId: 5,
      pause: true,
    }),
    'controller(reason=invalid_ttl,max_len=44,id=3,userdata=01.02,pause,meter_id=5)',
  ],
  [act.conjunction(0x1234, 1, 5), 'conjunction(4660,2/5)'],
  [act.checkPacketLarger(1500, reg(3, 1)), 'check_pkt_larger(1500)->NXM_NX_REG0[3]'],
  [act.clone([act.pushVlan(), act.output(5)]), 'clone(push_vlan:0x8100,output:5)'],
  [act.ct(), 'ct()'],
  [
    act.ct({
      commit: true,
      zone: subfield(oxm.reg13, 0, 16),
      table: 8,
      actions: [act.nat({ direction: 'source', addresses: { family: 4, first: 0x01020304n, last: 0x01020304n } })],
    }),
    'ct(commit,table=8,zone=NXM_NX_REG13[0..15],nat(src=1.2.3.4))',
  ],
  [
    act.ct({
      commit: true,
      force: true,
      zone: 5,
      alg: 21,
      actions: [
        act.nat({
          direction: 'destination',
          addresses: { family: 6, first: 1n, last: 5n },
          ports: { first: 5, last: 9 },
          persistent: true,
          selection: 'hash',
        }),
        act.setField(oxm.ctMark, 5n),
      ],
    }),
    'ct(commit,force,zone=5,nat(dst=[::1]-[::5]:5-9,persistent,hash),exec(set_field:0x5->ct_mark),alg=ftp)',
  ],
  [
    act.learn({
      table: 7,
      idleTimeout: 10,
      priority: 77,
      cookie: 0x1234n,
      deleteLearned: true,
      specs: [
        act.learnMatch(oxm.ethSrc),
        act.learnMatch(oxm.ethDst, oxm.ethSrc),
        act.learnMatch(oxm.ethType, 0x800n),
        act.learnMatch(reg(3, 3), 5n),
        act.learnLoad(reg(0, 16), oxm.inPort16),
        act.learnOutput(oxm.inPort16),
      ],
    }),
    'learn(table=7,idle_timeout=10,priority=77,delete_learned,cookie=0x1234,NXM_OF_ETH_SRC[],' +
      'NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],eth_type=0x800,NXM_NX_REG0[3..5]=0x5,' +
      'load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],output:NXM_OF_IN_PORT[])',
  ],
  [
    act.multipath({ fields: 'symmetric_l4', basis: 50, links: 4, destination: reg(0, 16) }),
    'multipath(symmetric_l4,50,hrw,4,0,NXM_NX_REG0[0..15])',
  ],
  [act.bundle({ fields: 'eth_src', members: [1, 2] }), 'bundle(eth_src,0,hrw,ofport,members:1,2)'],
];

const matchTexts: readonly (readonly [Match, string])[] = [
  [[], ''],
  [[matchField(oxm.inPort, 5n), matchField(oxm.reg0, 5n)], 'reg0=0x5,in_port=5'],
  [[matchField(oxm.inPort, BigInt(act.Port.local))], 'in_port=LOCAL'],
  [[matchField(oxm.ipProto, 6n), matchField(oxm.ethType, 0x86ddn), matchField(oxm.tcpDst, 80n)], 'tcp6,tp_dst=80'],
  [
    [matchField(oxm.ethType, 0x86ddn), matchField(oxm.ipProto, 58n), matchField(oxm.icmpv6Type, 135n)],
    'icmp6,icmp_type=135',
  ],
  [[matchField(oxm.ethType, 0x0806n), matchField(oxm.arpOp, 1n)], 'arp,arp_op=1'],
  [[matchField(oxm.ethType, 0x0800n), matchField(oxm.ipProto, 77n)], 'ip,nw_proto=77'],
  [[matchField(oxm.ethType, 0x1234n), matchField(oxm.ethSrc, 1n)], 'dl_src=00:00:00:00:00:01,dl_type=0x1234'],
  [[matchField(oxm.ethType, 0x0800n), matchField(oxm.ipv4Src, 0x0a000000n, 0xff000000n)], 'ip,nw_src=10.0.0.0/8'],
  [[matchField(oxm.ethType, 0x86ddn), matchField(oxm.ipv6Src, 1n)], 'ipv6,ipv6_src=::1'],
  [[matchField(oxm.ctState, 0x22n, 0x2an)], 'ct_state=+est-rpl+trk'],
  [[matchField(oxm.vlanVid, 0x1005n), matchField(oxm.vlanPcp, 3n)], 'dl_vlan=5,dl_vlan_pcp=3'],
  [[matchField(oxm.vlanVid, 0x1000n, 0x1000n)], 'vlan_tci=0x1000/0x1000'],
  [[matchField(oxm.vlanVid, 0n)], 'vlan_tci=0x0000/0x1fff'],
  [[matchField(unknownField(0x7777, 9, null, 2), 5n, 7n)], 'oxm_7777_9=0x5/0x7'],
];

describe('the text of the OpenFlow vocabulary', () => {
  for (const [action, text] of actionTexts) {
    it(`of an action: ${text}`, () => assert.equal(formatActions([action]), text));
  }

  for (const [match, text] of matchTexts) {
    it(`of a match: ${text || 'everything'}`, () => assert.equal(formatMatch(match), text));
  }

  it('of no action is drop', () => {
    assert.equal(formatActions(act.drop), 'drop');
    assert.equal(formatInstructions([]), 'drop');
  });

  it('of instructions is one list in the order of execution', () => {
    const list = [
      gotoTable(9),
      writeMetadata(0x12n, 0xffn),
      applyActions([act.output(5)]),
      writeActions([act.group(4)]),
      clearActions(),
    ];
    const text = 'output:5,clear_actions,write_actions(group:4),write_metadata:0x12/0xff,goto_table:9';
    assert.equal(formatInstructions(list), text);
  });

  it('of a flow has its head, its match and what it does', () => {
    const flow = { table: 3, priority: 100, cookie: 0x5en, match: [matchField(oxm.ethType, 0x0800n)] };
    assert.equal(
      formatFlow({ ...flow, actions: [act.resubmit(4)], idleTimeout: 5, flags: ['send_flow_rem'] }),
      'cookie=0x5e, table=3, idle_timeout=5, send_flow_rem priority=100,ip actions=resubmit(,4)',
    );
    assert.equal(formatFlow({ table: 0, priority: 32768, match: [] }), 'cookie=0x0, table=0, actions=drop');
  });

  it('names tables and ports where it is told their names', () => {
    const options = {
      tableName: (table: number) => ['admission', 'forwarding'][table],
      portName: (port: number) => (port === 7 ? 'tap7' : undefined),
    };
    const flow = { table: 0, priority: 1, match: [matchField(oxm.inPort, 7n)] };
    const actions = [act.resubmit(1), act.output(7), act.output(8), act.ct({ table: 1 }), act.resubmit(77)];
    assert.equal(
      formatFlow({ ...flow, actions }, options),
      'cookie=0x0, table=admission, priority=1,in_port=tap7 ' +
        'actions=resubmit(,forwarding),tap7,output:8,ct(table=forwarding),resubmit(,77)',
    );
  });

  it('of a group has its buckets', () => {
    const buckets = [
      { bucketId: 1, weight: 100, watchPort: 5, watchGroup: null, actions: [act.output(1)] },
      { bucketId: 2, weight: 1, actions: [] },
    ];
    const fields = [matchField(oxm.ipv4Src, 0xffff0000n), matchField(oxm.reg0, 0xffffffffn)];
    assert.equal(
      formatGroup({ id: 2, type: 'select', buckets, selectionMethod: { name: 'hash', parameter: 7n, fields } }),
      'group_id=2,type=select,selection_method=hash,selection_method_param=7,fields(reg0,ip_src=255.255.0.0),' +
        'bucket=bucket_id:1,weight:100,watch_port:5,actions=output:1,bucket=bucket_id:2,actions=drop',
    );
    assert.equal(formatGroup({ id: 3, type: 'fast_failover', buckets: [] }), 'group_id=3,type=ff');
  });
});
