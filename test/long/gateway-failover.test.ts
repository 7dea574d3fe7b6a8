/**
 * Gateway failover on real Open vSwitch under a probe of 1,000 packets a second each way: the gateway's Open vSwitch killed, its cables
 * out, its host drained; with Weft, and with Weft down. Then some of it again for a workload that has a floating IP. Prints what was lost.
 */
import assert from 'node:assert/strict';
import { LAB_TOOLS, requires } from '../fixtures/requires.js';
import { WeftLab } from '../fixtures/weft-lab.js';
import { GatewaySite, lossLine } from './gateway-site.js';

/** Time for BFD, and for whoever takes over to be found. */
const afterwardsMs = 5_000;
/** Of 1,000 a second: well above three intervals of BFD, for machines are busy. Without failover it would be all. */
const mostLost = 3_000;

const suites = [
  { title: 'gateway failover under traffic', floating: undefined, isBrief: false },
  {
    title: 'gateway failover under traffic of a floating IP',
    floating: { 4: '198.18.9.77', 6: 'fd00:f9::77' },
    isBrief: true,
  },
] as const;

for (const { title: suite, floating, isBrief } of suites)
  describe(suite, function () {
    this.timeout(240_000);
    let weftLab: WeftLab;
    let site: GatewaySite;
    let card: string;
    const lines: string[] = [];

    before(async function () {
      requires(this, { root: true, tools: [...LAB_TOOLS] });
      weftLab = await WeftLab.create({ hypervisors: 3 });
      const { lab } = weftLab;
      const network = await lab.addPhysicalNetwork('physnet1', 'br-ex');
      for (const name of ['hv2', 'hv3']) await lab.hypervisor(name).mapBridges({ physnet1: 'br-ex' });
      const outside = await network.addHost('beyond', { addresses: ['198.18.9.200/24', 'fd00:f9::200/64'] });
      card = network.device;
      const cidrs = ['198.18.9.0/24', 'fd00:f9::/64'];
      site = await GatewaySite.create(weftLab, {
        provider: { physical_network: 'physnet1' },
        outside,
        cidrs,
        ...(floating === undefined ? {} : { floating }),
      });
    });
    after(async () => {
      process.stdout.write(`\n  ${suite}\n${lines.join('')}`);
      await weftLab?.remove();
    });

    const gateway = () => weftLab.lab.hypervisor('hv2');
    const faults = [
      {
        title: 'its Open vSwitch killed',
        happens: () => gateway().openVswitch.stopDaemon('ovs-vswitchd', 0),
        ends: async () => {
          await gateway().openVswitch.startSwitch();
          await gateway().warmTunnelNeighbours();
        },
      },
      {
        title: 'its cables out',
        happens: () => cables('out'),
        ends: () => cables('in'),
      },
      {
        title: 'its cable to the physical network out',
        happens: () => gateway().cable(card, 'out'),
        ends: () => gateway().cable(card, 'in'),
        needsWeft: true,
      },
      {
        title: 'the cable of its tunnels out',
        happens: () => gateway().cable('underlay', 'out'),
        ends: () => gateway().cable('underlay', 'in'),
      },
    ] as const;

    /** Until data paths have forgotten what they made of packets that nobody sends any more: a barrier is about tables, not about these. */
    const forgotten = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 12_000));

    async function cables(state: 'in' | 'out'): Promise<void> {
      await Promise.all([gateway().cable('underlay', state), gateway().cable(card, state)]);
    }

    it('its host drained, and taken back: nothing is lost', async () => {
      for (const drain of [true, false]) {
        const lost = await site.under(() => site.drain('hv2', drain), afterwardsMs);
        lines.push(lossLine(drain ? 'its host drained' : 'its host taken back', lost));
        assert.equal((await site.status()).hypervisor, drain ? 'hv3' : 'hv2');
        assert.deepEqual([lost.out.lost, lost.in.lost], [0, 0], lines.at(-1));
        await forgotten();
      }
    });

    for (const weft of ['with Weft', 'with Weft down'] as const) {
      for (const { title, happens, ends, ...fault } of isBrief ? faults.slice(0, 1) : faults) {
        if ('needsWeft' in fault && weft === 'with Weft down') continue;
        it(`${title}, ${weft}: the next takes over`, async () => {
          if (weft === 'with Weft down') await weftLab.weft.stop('SIGKILL');
          const lost = await site.under(happens, afterwardsMs);
          lines.push(lossLine(`${title}, ${weft}`, lost));
          if (weft === 'with Weft down') {
            await weftLab.weft.start();
            await weftLab.client.hypervisorsReady(['hv1', 'hv3']);
          }
          const { hypervisor, candidates } = await site.status();
          assert.equal(hypervisor, 'hv3', JSON.stringify(candidates));
          assert.match(candidates[0]?.lost_by.map(({ reason }) => reason).join() ?? '', /BFD (down|up), \w/);
          const back = await site.under(async () => {
            await ends();
            await weftLab.client.hypervisorsReady(['hv1', 'hv2', 'hv3']);
            await site.settled();
          }, 1_000);
          lines.push(lossLine(`${title}, ${weft}: back`, back));
          await weftLab.client.converged();
          for (const each of [lost.out, lost.in]) assert.ok(each.lost < mostLost, lines.at(-2));
        });
      }
    }
  });
