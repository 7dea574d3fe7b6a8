/**
 * Everything that ovs-ofctl can say to a switch, and the switch to it, recorded: what our declarations of messages are
 * held against. `record-openflow.ts` turns it into the data files of test/southbound/openflow/messages.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DummySwitch } from './dummy-switch.js';
import { RecordingProxy, type RecordedMessage } from './recording-proxy.js';

export const protocols = ['OpenFlow13', 'OpenFlow14', 'OpenFlow15'] as const;
export type Protocol = (typeof protocols)[number];

const settleMs = 120;
const packet = '50540000000a50540000000908004500002000004000400100000a0000010a00000208004d2b00010001';
const receivedPacket =
  'in_port(1),eth(src=50:54:00:00:00:05,dst=50:54:00:00:00:07),eth_type(0x0800),' +
  'ipv4(src=192.168.0.1,dst=192.168.0.2,proto=6,tos=0,ttl=64,frag=no),tcp(src=8,dst=10),tcp_flags(0x010)';

function groupCommands(protocol: Protocol): readonly (readonly string[])[] {
  const is15 = protocol === 'OpenFlow15';
  const method = 'selection_method=hash,selection_method_param=9,fields(ip_dst=255.255.255.0,nw_proto),';
  const select = 'bucket=weight:3,actions=output:1,bucket=weight:4,actions=output:2';
  const buckets = [
    ['insert-buckets', 'group_id=9,command_bucket_id=last,bucket=bucket_id:12,actions=output:1'],
    ['remove-buckets', 'group_id=9,command_bucket_id=12'],
    ['dump-groups', '7'],
  ];
  return [
    ['add-group', `group_id=7,type=select,${is15 ? method : ''}${select}`],
    ['mod-group', `group_id=7,type=select,${select}`],
    ['add-group', 'group_id=8,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_group:7,actions=output:2'],
    ['add-group', 'group_id=9,type=all,bucket=actions=output:1,bucket=actions=output:2'],
    ...(is15 ? buckets : []),
    ['dump-groups'],
    ['dump-group-stats'],
    ['dump-group-features'],
  ];
}

function flowCommands(protocol: Protocol): readonly (readonly string[])[] {
  const importance = protocol === 'OpenFlow13' ? '' : 'importance=5,';
  const head = `cookie=0x1234567890abcdef,table=3,priority=77,idle_timeout=300,hard_timeout=400,send_flow_rem,${importance}`;
  const actions = 'ct(commit,zone=5,nat(src=1.2.3.4)),resubmit(,4),group:7';
  return [
    ['add-flow', `${head}tcp,nw_src=10.0.0.0/8,tp_dst=80,actions=${actions}`],
    ['add-flow', 'table=4,in_port=1,actions=set_field:0x1234->reg0,output:2'],
    ['mod-flows', 'table=4,actions=drop'],
    ['--strict', 'mod-flows', 'table=4,in_port=1,actions=controller(reason=action,userdata=01.02,pause)'],
    ['dump-flows'],
    ['dump-aggregate'],
    ['--bundle', 'add-flow', 'table=5,actions=drop'],
    ['packet-out', `in_port=1,packet=${packet},actions=output:2`],
    ['del-flows', 'table=3'],
  ];
}

function tableCommands(protocol: Protocol): readonly (readonly string[])[] {
  if (protocol === 'OpenFlow13') return [];
  return [['mod-table', '4', 'evict'], ['mod-table', '4', 'vacancy:20,80'], ['dump-table-desc']];
}

const switchCommands: readonly (readonly string[])[] = [
  ['show'],
  ['dump-desc'],
  ['dump-tables'],
  ['dump-table-features'],
  ['dump-ports'],
  ['get-frags'],
  ['set-frags', 'nx-match'],
  ['set-frags', 'normal'],
  ['mod-port', '1', 'no-forward'],
  ['mod-port', '1', 'forward'],
  ['add-meter', 'meter=3,kbps,burst,stats,band=type=drop,rate=1000,burst_size=77'],
  ['mod-meter', 'meter=3,pktps,stats,band=type=drop,rate=5'],
  ['dump-meters'],
  ['meter-stats'],
  ['meter-features'],
  ['del-meters'],
  ['add-tlv-map', '{class=0x102,type=0x80,len=4}->tun_metadata3'],
  ['dump-tlv-map'],
  ['del-tlv-map'],
  ['ct-flush-zone', '77'],
  [
    'ct-flush',
    'zone=5',
    'ct_nw_src=10.0.0.1,ct_nw_proto=6,ct_tp_src=1',
    'ct_nw_src=10.0.0.2,ct_nw_proto=6,ct_tp_dst=2',
  ],
  ['ct-flush', 'ct_ipv6_src=fc00::1,ct_nw_proto=58,icmp_id=5,icmp_type=6,icmp_code=7'],
];

/** Commands of ovs-ofctl; the switch is put in after the command's name. */
async function runCommands(openvswitch: DummySwitch, target: string, protocol: Protocol): Promise<void> {
  const commands = [
    ...switchCommands,
    ...groupCommands(protocol),
    ...flowCommands(protocol),
    ...tableCommands(protocol),
  ];
  for (const words of commands) {
    const nameAt = words.findIndex(word => !word.startsWith('--'));
    const args = [...words.slice(0, nameAt + 1), target, ...words.slice(nameAt + 1)];
    await openvswitch.ofctl(['-O', protocol, ...args]);
  }
  await openvswitch.ofctl(['-O', protocol, 'del-groups', target]);
  await openvswitch.ofctl(['-O', protocol, 'del-flows', target]);
}

/** What the switch tells unasked: packets, ports and flows that change while `ovs-ofctl monitor` listens. */
async function runMonitor(openvswitch: DummySwitch, target: string, protocol: Protocol, format: string): Promise<void> {
  const watch = protocol === 'OpenFlow13' ? [] : ['watch:'];
  const control = `--unixctl=${path.join(openvswitch.directory, `monitor-${protocol}-${format}.ctl`)}`;
  const monitor = spawn('ovs-ofctl', ['-O', protocol, '-P', format, control, 'monitor', target, '65535', ...watch], {
    stdio: 'ignore',
  });
  const gone = once(monitor, 'exit');
  await sleep(settleMs);
  const ofctl = (...args: readonly string[]): Promise<string> => openvswitch.ofctl(['-O', protocol, ...args]);
  const punt = `controller(max_len=65535,reason=action,userdata=01.02.03${format === 'standard' ? '' : ',pause'})`;
  const actions = `set_field:0x1234->reg3,${punt},output:2`;
  await ofctl('add-flow', 'br0', `cookie=0x55,table=0,in_port=1,idle_timeout=9,send_flow_rem,actions=${actions}`);
  await ofctl('add-flow', 'br0', 'cookie=0x56,table=6,priority=5,hard_timeout=20,ip,actions=drop');
  await ofctl('mod-flows', 'br0', 'table=6,actions=output:2');
  await openvswitch.appctl('netdev-dummy/receive', 'p1', receivedPacket);
  await openvswitch.addPort('br0', 'p9', 9);
  await openvswitch.vsctl('del-port', 'br0', 'p9');
  await ofctl('del-flows', 'br0');
  await sleep(settleMs);
  monitor.kill();
  await gone;
}

/** All of it for one version, with a switch of its own. */
export async function recordSession(protocol: Protocol): Promise<readonly RecordedMessage[]> {
  const openvswitch = await DummySwitch.start();
  try {
    await openvswitch.addPort('br0', 'p1', 1);
    await openvswitch.addPort('br0', 'p2', 2);
    const proxy = await RecordingProxy.start(openvswitch);
    try {
      await runCommands(openvswitch, proxy.target, protocol);
      for (const format of ['standard', 'nxt_packet_in2']) {
        await runMonitor(openvswitch, proxy.target, protocol, format);
      }
    } finally {
      await proxy.stop();
    }
    return proxy.messages;
  } finally {
    await openvswitch.stop();
  }
}
