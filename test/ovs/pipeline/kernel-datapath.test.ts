/** The flows of a hypervisor with the kernel's datapath, on an Open vSwitch that can do no more than that. */
import assert from 'node:assert/strict';
import { kernelFeatures } from '../../fixtures/kernel-features.js';
import { ip6, mac, twoHostNetwork } from '../../compiler/two-host-network.js';
import { usesTracedNetwork } from './traced-network.js';

const solicit = (target: string, options: { source?: string; destination?: string; option?: string } = {}): string => {
  const { source = ip6.web1, destination = '33:33:ff:00:00:01', option = `,nd_sll=${mac.web1}` } = options;
  return (
    `in_port=1,icmp6,icmpv6_type=135,icmpv6_code=0,nw_ttl=255,dl_src=${mac.web1},dl_dst=${destination},` +
    `ipv6_src=${source},ipv6_dst=ff02::1:ff00:1,nd_target=${target}${option}`
  );
};

describe('A hypervisor with the kernel datapath', function () {
  this.timeout(30_000);
  const network = usesTracedNetwork(['hv1']);

  before(async () => {
    for (const { name, value } of kernelFeatures) await network().appctl('dpif/set-dp-features', 'hv1', name, value);
  });

  it('is refused the flows of one with the datapath in user space', async () => {
    await assert.rejects(network().load(twoHostNetwork().compile(), 'hv1'), /OFPBAC_BAD_SET_ARGUMENT/);
  });

  describe('with flows of its own', () => {
    const gatewayLinkLocal = 'fe80::800:ff:fe00:1';

    before(() => network().load(twoHostNetwork({ datapathType: 'system' }).compile(), 'hv1'));

    it('returns a solicitation to whoever sent it, as one of the owner of the address', async () => {
      for (const [address, owner] of [
        [ip6.web3, mac.web3],
        ['fe80::ff:fe00:103', mac.web3],
        ['fd00:1::1', mac.gatewayWeb],
        [gatewayLinkLocal, mac.gatewayWeb],
      ] as const) {
        const { outputs, final } = await network().trace('hv1', solicit(address));
        assert.deepEqual(outputs, ['back'], address);
        const names = ['dl_src', 'dl_dst', 'icmp_type', 'nw_ttl', 'ipv6_src', 'ipv6_dst', 'nd_target', 'nd_sll'];
        assert.deepEqual(Object.fromEntries(names.map(name => [name, final.get(name)])), {
          dl_src: owner,
          dl_dst: mac.web1,
          icmp_type: '135',
          nw_ttl: '255',
          ipv6_src: address,
          ipv6_dst: ip6.web1,
          nd_target: ip6.web1,
          nd_sll: owner,
        });
      }
    });

    it('lets the owner answer what a solicitation cannot: whether it is alive, and duplicate addresses', async () => {
      const probe = await network().trace('hv1', solicit(ip6.web2, { destination: mac.web2 }));
      assert.deepEqual([probe.outputs, probe.drops], [[2], []]);
      const duplicate = await network().trace('hv1', solicit(ip6.web2, { source: '::', option: '' }));
      assert.deepEqual([duplicate.outputs, duplicate.drops], [[2, 32_002], []]);
    });

    it('takes the answer that a router port gets to its solicitation, and does not call it a drop', async () => {
      const advertisement =
        `in_port=1,icmp6,icmpv6_type=136,icmpv6_code=0,nw_ttl=255,dl_src=${mac.web1},dl_dst=${mac.gatewayWeb},` +
        `ipv6_src=${ip6.web1},nd_target=${ip6.web1},nd_tll=${mac.web1}`;
      for (const address of ['fd00:1::1', gatewayLinkLocal]) {
        const { outputs, drops } = await network().trace('hv1', `${advertisement},ipv6_dst=${address}`);
        assert.deepEqual([outputs, drops], [[], []], address);
      }
    });
  });
});
