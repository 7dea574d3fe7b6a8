/** Next hops that share the traffic of a route or of a policy: all inside, or all behind the gateway. */
import assert from 'node:assert/strict';
import { layout } from '../../src/compiler/pipeline/pipelines.js';
import { lrInIpRouting, lrInPolicy } from '../../src/compiler/pipeline/router-ingress.js';
import type { Stage } from '../../src/compiler/pipeline/stage.js';
import { formatGroup } from '../../southbound/openflow/text.js';
import { flowLines } from './host-text.js';
import { NetworkBuilder } from './network-builder.js';

/** A router between a switch and a physical network, with two neighbours on either side. */
function border(): NetworkBuilder {
  return new NetworkBuilder()
    .hypervisor('hv1', { bridgeMappings: [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }], gateway: true })
    .providerSwitch('outside', 'physnet1', null, '198.51.100.0/24')
    .logicalSwitch('inside', '10.0.0.0/24')
    .router('border', { gateway: { logicalSwitchId: 'outside', hypervisors: ['hv1'] } })
    .attach('border-outside', 'border', 'outside', '0a:00:00:00:00:01', ['198.51.100.1/24'])
    .attach('border-inside', 'border', 'inside', '0a:00:00:00:00:02', ['10.0.0.1/24'])
    .port('a', 'inside', '02:00:00:00:00:01', ['10.0.0.11'], ['hv1', 1]);
}

const inHex = (address: string): string =>
  `0x${address
    .split('.')
    .map(byte => Number(byte).toString(16).padStart(2, '0'))
    .join('')
    .replace(/^0+/, '')}`;

/** Which of these next hops some flow of the stage, or some group, sends to. */
function nextHopsIn(network: NetworkBuilder, stage: Stage): readonly string[] {
  const { flows, groups } = network.compile().host('hv1');
  const table = layout.tableOf(stage);
  const lines = [...flowLines(flows.filter(each => each.table === table)), ...groups.map(each => formatGroup(each))];
  const known = ['10.0.0.21', '10.0.0.22', '198.51.100.21', '198.51.100.22'];
  return known.filter(address => lines.some(line => line.includes(`set_field:${inHex(address)}->reg7`)));
}

describe('Next hops that share traffic', () => {
  const outside = ['198.51.100.21', '198.51.100.22'];
  const inside = ['10.0.0.21', '10.0.0.22'];

  for (const [what, hops, expected] of [
    ['all inside', inside, inside],
    ['all behind the gateway', outside, outside],
    // The gateway would choose once more, and no tunnel leads from it to one inside.
    ['those inside, where some are behind the gateway', [...outside, ...inside], inside],
  ] as const) {
    it(`of a policy are ${what}`, () => {
      const network = border().policy('p', 'border', 1, hops, { source: '10.0.0.0/24' });
      assert.deepEqual(nextHopsIn(network, lrInPolicy), expected);
    });

    it(`of a policy, or of a route, are only those that BFD has not found dead: ${what}`, () => {
      const port = (hop: string): string => (hop.startsWith('10.') ? 'border-inside' : 'border-outside');
      const found = (isUp: boolean) => ({ finding: { isUp, diagnostic: 1, since: '2026-11-22T08:00:00.000Z' } });
      const watched = (dead: readonly string[]): NetworkBuilder => {
        const network = border().policy('p', 'border', 1, hops, { source: '10.0.0.0/24' });
        for (const hop of hops) {
          network.route(`to ${hop}`, 'border', '203.0.113.0/24', hop);
          network.bfd(`watch ${hop}`, port(hop), hop, found(!dead.includes(hop)));
        }
        return network;
      };
      const [first = '', ...others] = expected;
      for (const stage of [lrInPolicy, lrInIpRouting]) {
        assert.deepEqual(nextHopsIn(watched([]), stage), expected);
        assert.deepEqual(nextHopsIn(watched([first]), stage), others);
        // Those behind the gateway come after those inside.
        const left = hops.filter(hop => !expected.includes(hop));
        assert.deepEqual(nextHopsIn(watched(expected), stage), left);
      }
      const flowsOf = (network: NetworkBuilder): readonly string[] => flowLines(network.compile().host('hv1').flows);
      const to = (line: string): boolean => line.includes('nw_dst=203.0.113.0/24');
      // Without any alive there is no such route, and the policy drops.
      assert.ok(flowsOf(watched([])).some(to));
      assert.ok(!flowsOf(watched(hops)).some(to));
      const policies = flowsOf(watched(hops)).filter(line => line.includes(`table=${layout.tableOf(lrInPolicy)},`));
      assert.ok(policies.some(line => line.includes('nw_src=10.0.0.0/24') && !line.includes('group:')));
    });

    it(`of a route are ${what}`, () => {
      const network = border();
      for (const hop of hops) network.route(`to ${hop}`, 'border', '203.0.113.0/24', hop);
      assert.deepEqual(nextHopsIn(network, lrInIpRouting), expected);
    });
  }
});
