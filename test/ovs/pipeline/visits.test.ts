/** Table lookups of real packets, by ofproto/trace, against the bounds that later features have to keep as well. */
import assert from 'node:assert/strict';
import { maxResubmits, worstCaseResubmits } from '../../../src/compiler/switching/worst-case.js';
import { NetworkBuilder } from '../../compiler/network-builder.js';
import { mac, twoHostNetwork } from '../../compiler/two-host-network.js';
import { usesTracedNetwork } from './traced-network.js';

const bound = { local: 15, routed: 40, broadcastTo13: 65 } as const;
const broadcastPorts = 13;

const portMac = (n: number): string => `02:00:00:00:05:${n.toString(16).padStart(2, '0')}`;

function crowd(ports: number, hypervisors: number): NetworkBuilder {
  const network = new NetworkBuilder().hypervisor('hv1').logicalSwitch('web', '10.1.0.0/16');
  for (let n = 1; n <= ports; n += 1) network.port(`p${n}`, 'web', portMac(n), [`10.1.0.${n}`], ['hv1', n]);
  for (let n = 2; n <= hypervisors; n += 1) {
    network.hypervisor(`hv${n}`).port(`far${n}`, 'web', portMac(100 + n), [`10.1.1.${n}`], [`hv${n}`, 1]);
  }
  return network;
}

const broadcast = `in_port=1,udp,nw_ttl=64,dl_src=${portMac(1)},dl_dst=ff:ff:ff:ff:ff:ff,nw_src=10.1.0.1,nw_dst=10.1.255.255`;

describe('Table visits on Open vSwitch', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1'], 40);

  it(`are at most ${bound.local} within a switch and ${bound.routed} through a router`, async () => {
    await network().load(twoHostNetwork().compile(), 'hv1');
    const from = `in_port=1,icmp,nw_ttl=64,dl_src=${mac.web1},nw_src=10.1.0.11`;
    const local = await network().trace('hv1', `${from},dl_dst=${mac.web2},nw_dst=10.1.0.12`);
    const routed = await network().trace('hv1', `${from},dl_dst=${mac.gatewayWeb},nw_dst=10.2.0.21`);
    const routedAway = await network().trace('hv1', `${from},dl_dst=${mac.gatewayWeb},nw_dst=10.2.0.22`);
    assert.ok(local.visits <= bound.local, `${local.visits} within a switch`);
    for (const { visits } of [routed, routedAway]) assert.ok(visits <= bound.routed, `${visits} through a router`);
    process.stdout.write(
      `    table visits: local ${local.visits}, routed ${routed.visits}, routed to another hypervisor ${routedAway.visits}\n`,
    );
  });

  it(`are at most ${bound.broadcastTo13} for a broadcast to ${broadcastPorts} ports`, async () => {
    await network().load(crowd(broadcastPorts + 1, 1).compile(), 'hv1');
    const { visits, outputs } = await network().trace('hv1', broadcast);
    assert.equal(outputs.length, broadcastPorts);
    assert.ok(visits <= bound.broadcastTo13, `${visits} table visits`);
    process.stdout.write(`    table visits: broadcast to ${broadcastPorts} ports ${visits}\n`);
  });

  it('stay below the computed worst case, also of what is too big for the tunnels', async () => {
    for (const [localPorts, hypervisors] of [
      [4, 1],
      [40, 1],
      [3, 12],
      [30, 9],
    ] as const) {
      await network().load(crowd(localPorts, hypervisors).compile(), 'hv1');
      const { visits } = await network().trace('hv1', broadcast);
      const worst = worstCaseResubmits({ localPorts, hypervisors, routers: 0, directOutputs: false });
      assert.ok(visits <= worst, `${visits} of ${worst}`);
      assert.ok(worst < maxResubmits);
    }
  });
});
