/** How many flows a network costs, against what was promised. */
import assert from 'node:assert/strict';
import { NetworkBuilder } from './network-builder.js';

const budget = { perLocalPort: 15, perRemotePort: 2.4, portSecurity: 4 } as const;
/** Measured: tables 73 to 75 of a hypervisor with one such port more. */
const ovnPortSecurityFlows = 29;
const shape = { switches: 20, portsPerSwitch: 50, hypervisors: 5 } as const;

const byte = (n: number): string => n.toString(16).padStart(2, '0');

/** Dual-stack ports with port security on one router, spread evenly; IPv6 addresses as they are allocated. */
function fleet(): NetworkBuilder {
  const network = new NetworkBuilder().router('router');
  for (let h = 1; h <= shape.hypervisors; h += 1) network.hypervisor(`hv${h}`);
  let placed = 0;
  for (let s = 1; s <= shape.switches; s += 1) {
    network.logicalSwitch(`s${s}`, `10.${s}.0.0/24`, `fd00:${s}::/64`);
    const networks = [`10.${s}.0.1/24`, `fd00:${s}::1/64`];
    network.attach(`r-s${s}`, 'router', `s${s}`, `0a:00:00:00:00:${byte(s)}`, networks);
    for (let p = 1; p <= shape.portsPerSwitch; p += 1) {
      const host = placed % shape.hypervisors;
      const ofport = Math.floor(placed / shape.hypervisors) + 1;
      // 02:01 flips to 0001, so the text needs no care for runs of zeros.
      const addresses = [`10.${s}.0.${p + 1}`, `fd00:${s}::1:ff:fe${byte(s)}:${byte(p)}`];
      network.port(`s${s}p${p}`, `s${s}`, `02:01:00:${byte(s)}:00:${byte(p)}`, addresses, [`hv${host + 1}`, ofport]);
      placed += 1;
    }
  }
  return network;
}

describe('The budget of flows', function () {
  this.timeout(30_000);
  const ports = shape.switches * shape.portsPerSwitch;
  const local = ports / shape.hypervisors;
  const remote = ports - local;

  it(`holds for ${ports} ports on ${shape.switches} switches, a router and ${shape.hypervisors} hypervisors`, () => {
    const network = fleet().compile();
    for (let h = 1; h <= shape.hypervisors; h += 1) {
      const fragments = network.fragmentsOf(`hv${h}`);
      const count = (of: (key: string) => boolean): number =>
        fragments.filter(({ key }) => of(key)).reduce((sum, { flows }) => sum + flows.length, 0);
      const total = count(() => true);
      const ofLocalPort = count(key => /\/s\d+p\d+$/.test(key) && !key.startsWith('switching.port/')) / local;
      const ofEachPort = count(key => key.startsWith('switching.port/')) / ports;
      const ofPortSecurity = count(key => key.startsWith('port-security.owner/')) / local;
      const shared = total - local * ofLocalPort - ports * ofEachPort;
      if (h === 1) {
        process.stdout.write(
          `    flows: ${total} on a hypervisor; ${ofLocalPort + ofEachPort} for a local port, ${ofEachPort} for a remote ` +
            `one, ${shared} for hypervisors, switches and router\n` +
            `    port security of a dual-stack port: ${ofPortSecurity} flows (OVN 23.03: about ${ovnPortSecurityFlows})\n`,
        );
      }
      assert.ok(ofLocalPort + ofEachPort <= budget.perLocalPort, `${ofLocalPort + ofEachPort} for a local port`);
      assert.ok(ofEachPort <= budget.perRemotePort);
      assert.ok(ofPortSecurity <= budget.portSecurity, `${ofPortSecurity} for port security`);
      assert.ok(total <= budget.perLocalPort * local + budget.perRemotePort * remote, `${total} in all`);
    }
  });
});
