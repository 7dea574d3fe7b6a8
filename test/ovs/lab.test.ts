/** The lab itself: what it makes, that packets pass, and that nothing is left of it, after a crash at any moment too. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { freeControllerPorts } from '../../lab/weft-process.js';
import { Lab } from '../../lab/lab.js';
import { listNamespaces } from '../../lab/namespaces.js';
import { ping, Probe, throughput } from '../../lab/probe.js';
import { processesOfLab, run } from '../../lab/processes.js';
import { LabState, removeLeftovers } from '../../lab/state.js';
import { parseTrace } from '../../lab/trace.js';
import type { Workload } from '../../lab/workload.js';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';

/** Ofport of the hand-made tunnel port. */
const TUNNEL_OFPORT = 100;

/** A bridge and flows by hand, in place of Weft: each of two workloads reaches the other through a tunnel. */
async function connectByHand(lab: Lab, workloads: readonly Workload[]): Promise<void> {
  for (const [index, hypervisor] of lab.hypervisors.entries()) {
    const workload = workloads[index];
    const peer = lab.hypervisors[1 - index];
    assert.ok(workload !== undefined && peer !== undefined);
    const port = await hypervisor.ofport(workload.record.interfaceName);
    const tunnel = `set_field:${peer.encapAddress}->tun_dst,set_field:7->tun_id,output:${TUNNEL_OFPORT}`;
    await hypervisor.openVswitch.ofctl('add-flow', 'br-int', `in_port=${port},actions=${tunnel}`);
    await hypervisor.openVswitch.ofctl('add-flow', 'br-int', `in_port=${TUNNEL_OFPORT},actions=output:${port}`);
  }
}

function workloadPort(index: number) {
  return {
    name: `w${index}`,
    portId: `00000000-0000-4000-8000-00000000000${index}`,
    mac: `02:00:00:00:00:0${index}`,
    addresses: [`10.0.0.${index}/24`, `fd00::${index}/64`],
    gateways: ['10.0.0.254', 'fd00::fe'],
    mtu: 1450,
  };
}

function remains(name: string): readonly string[] {
  const state = new LabState(name);
  return [
    ...listNamespaces().filter(namespace => namespace.startsWith(`weft-${name}-`)),
    ...processesOfLab(state.directory).map(({ pid }) => `process ${pid}`),
    ...(existsSync(state.directory) ? [state.directory] : []),
  ];
}

describe('lab', function () {
  this.timeout(60_000);
  const name = `lab-${process.pid}`;

  before(async function () {
    requires(this, { root: true, tools: [...LAB_TOOLS, 'tcpdump', 'iperf3'] });
    await removeLeftovers();
  });

  afterEach(() => new LabState(name).remove());

  it('carries packets between workloads of two hypervisors, and counts them', async () => {
    const lab = await Lab.create({ name, hypervisors: 2, controller: await freeControllerPorts(), ephemeral: true });
    for (const { openVswitch } of lab.hypervisors) {
      await openVswitch.ovsctl(
        'add-br',
        'br-int',
        '--',
        'set',
        'Bridge',
        'br-int',
        'datapath_type=netdev',
        'fail_mode=secure',
      );
      await openVswitch.ovsctl(
        ...['add-port', 'br-int', 'tunnel', '--', 'set', 'Interface', 'tunnel', 'type=geneve'].concat([
          'options:remote_ip=flow',
          'options:key=flow',
          `ofport_request=${TUNNEL_OFPORT}`,
        ]),
      );
    }
    const first = await lab.addWorkload(1, workloadPort(1));
    const second = await lab.addWorkload(2, workloadPort(2));
    await connectByHand(lab, [first, second]);
    const capture = await lab.capture('udp port 6081');
    for (const family of [4, 6] as const) {
      const { sent, received, text } = await ping(first, second.address(family));
      assert.equal(received, sent, text);
    }
    const packets = await capture.stop();
    assert.equal(packets.filter(packet => packet.includes('ICMP echo request')).length, 3);
    assert.equal((await ping(first, second.address(4), { packetBytes: 1450 })).received, 3);

    const probe = await Probe.start({ from: first, to: second });
    await sleep(1000);
    const result = await probe.stop();
    assert.ok(result.sent > 800, `sent ${result.sent}`);
    assert.equal(result.lost, 0);
    assert.equal(result.duplicates, 0);

    const { bitsPerSecond, retransmits } = await throughput(first, second, { seconds: 1, limitBitsPerSecond: 20e6 });
    assert.ok(bitsPerSecond > 15e6, `${bitsPerSecond} bits per second`);
    assert.ok(Number.isInteger(retransmits));

    const inPort = await lab.hypervisor(1).ofport(first.record.interfaceName);
    assert.equal((await lab.hypervisor(1).trace(`in_port=${inPort}`)).tableVisits, 1);
  });

  it('lives beside another lab, and each removes only its own', async () => {
    const other = `beside-${process.pid}`;
    const lab = await Lab.create({ name, hypervisors: 1, controller: await freeControllerPorts(), ephemeral: true });
    const second = await Lab.create({
      name: other,
      hypervisors: 1,
      controller: await freeControllerPorts(),
      ephemeral: true,
    });
    try {
      await assert.rejects(Lab.create({ name, hypervisors: 1 }), /there is a lab named/);
      await lab.remove();
      assert.deepEqual(remains(name), []);
      assert.match(await second.hypervisor(1).openVswitch.ovsctl('list-br'), /br-phy/);
    } finally {
      await second.remove();
    }
    assert.deepEqual(remains(other), []);
  });

  it('is removed whole after its maker was killed at any moment', async () => {
    const program = new URL('../../lab/lab.js', import.meta.url).href;
    const ports = JSON.stringify(await freeControllerPorts());
    const script = `const { Lab } = await import('${program}');
      await Lab.create({ name: '${name}', hypervisors: 2, controller: ${ports} }); process.stdout.write('up');`;
    const run = async (killAfterMs: number): Promise<void> => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
      await ended;
      clearTimeout(timer);
      await new LabState(name).remove();
      // What was being started when its maker died comes to its end by itself within moments.
      await sleep(50);
      await new LabState(name).remove();
      assert.deepEqual(remains(name), [], `killed after ${killAfterMs} ms`);
    };
    for (let killAfterMs = 60; killAfterMs <= 700; killAfterMs += 80) await run(killAfterMs);
  });

  it('runs hypervisors without namespaces or packets for measurements', async () => {
    const lab = await Lab.create({
      name,
      hypervisors: 3,
      mode: 'dummy',
      controller: await freeControllerPorts(),
      ephemeral: true,
    });
    const { openVswitch } = lab.hypervisor(2);
    await openVswitch.ovsctl('add-br', 'br-int');
    await lab.hypervisor(2).plug([
      { interfaceName: 'p1', portId: 'one' },
      { interfaceName: 'p2', portId: 'two' },
    ]);
    assert.ok((await lab.hypervisor(2).ofport('p2')) > 0);
    const before = await openVswitch.configuration();
    await lab.hypervisor(2).unplug(['p1', 'p2']);
    assert.notEqual(await openVswitch.configuration(), before);
    assert.deepEqual(
      listNamespaces().filter(namespace => namespace.startsWith(`weft-${name}-`)),
      [],
    );
  });

  it('leaves the machine without a device or address of its own', async () => {
    const before = (await run(['ip', '-o', 'address'])).stdout;
    const lab = await Lab.create({ name, hypervisors: 1, controller: await freeControllerPorts(), ephemeral: true });
    assert.equal((await run(['ip', '-o', 'address'])).stdout, before);
    await lab.remove();
  });
});

describe('trace', () => {
  it('counts the lookups of the bridge asked for, not of others on the way', () => {
    const text = [
      'Flow: in_port=1',
      '',
      'bridge("br-int")',
      '----------------',
      ' 0. in_port=1, priority 100',
      '    resubmit(,7)',
      ' 7. No match.',
      '        drop',
      '',
      'bridge("br-phy")',
      '----------------',
      ' 0. priority 0',
      '    NORMAL',
      '',
      'Datapath actions: drop',
    ].join('\n');
    assert.deepEqual(parseTrace(text, 'br-int'), { text, tableVisits: 2, datapathActions: 'drop' });
  });
});
