/** Bounds on how many flow tables a packet visits, by ofproto/trace. Later features have to stay within them too. */
import assert from 'node:assert/strict';
import { echoRequestOf, tracePing } from '../../lab/workload-trace.js';
import { planRouter, planSwitch } from '../fixtures/topology.js';
import { usesSharedWeftLab } from '../fixtures/weft-lab.js';

/** OVN visits 45, 124 and 194 for the same packets. */
const MOST_LOCAL = 15;
const MOST_ROUTED = 40;
const MOST_BROADCAST = 65;
const BROADCAST_PORTS = 13;

describe('table visits', function () {
  this.timeout(60_000);
  const weftLab = usesSharedWeftLab();

  it(`are at most ${MOST_LOCAL} switched and ${MOST_ROUTED} routed`, async () => {
    const web = planSwitch({ name: 'web', ports: { a: {}, b: {} } });
    const db = planSwitch({ name: 'db', ports: { c: {}, d: {} } });
    await weftLab().build([...web.operations, ...db.operations, ...planRouter('r', [web, db]).operations]);
    const [a, b, c, d] = await weftLab().plug({ a: 'hv1', b: 'hv1', c: 'hv1', d: 'hv2' });
    assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    for (const family of [4, 6] as const) {
      for (const [to, most] of [
        [b, MOST_LOCAL],
        [c, MOST_ROUTED],
        [d, MOST_ROUTED],
      ] as const) {
        const { tableVisits, datapathActions, text } = await tracePing(weftLab().lab, a, to.address(family));
        assert.notEqual(datapathActions, 'drop', text);
        assert.ok(tableVisits <= most, `${to.name} over IPv${family}: ${tableVisits} table visits\n${text}`);
      }
    }
  });

  it(`are at most ${MOST_BROADCAST} for a broadcast to ${BROADCAST_PORTS} ports`, async () => {
    const names = Array.from({ length: BROADCAST_PORTS + 1 }, (_, index) => `p${index}`);
    const { operations } = planSwitch({ name: 's', ports: Object.fromEntries(names.map(name => [name, {}])) });
    await weftLab().build(operations);
    const [sender, other] = await weftLab().plug(Object.fromEntries(names.map(name => [name, 'hv1'])));
    assert.ok(sender !== undefined && other !== undefined);
    const unicast = await echoRequestOf(weftLab().lab, sender, other.address(4));
    const broadcast = unicast
      .replace(/dl_dst=[0-9a-f:]+/, 'dl_dst=ff:ff:ff:ff:ff:ff')
      .replace(/nw_dst=[0-9.]+/, 'nw_dst=255.255.255.255');
    const { tableVisits, datapathActions, text } = await weftLab().lab.hypervisor('hv1').trace(broadcast);
    const outputs = datapathActions.split(',').filter(action => /^\d+$/.test(action));
    assert.equal(outputs.length, BROADCAST_PORTS, text);
    assert.ok(tableVisits <= MOST_BROADCAST, `${tableVisits} table visits\n${text}`);
  });
});
