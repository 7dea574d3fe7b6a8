/** How many flows a network costs, against what was promised. */
import assert from 'node:assert/strict';
import { NetworkBuilder } from './network-builder.js';

const budget = { perLocalPort: 15, perRemotePort: 2.4, portSecurity: 4 } as const;
/** Measured: tables 73 to 75 of a hypervisor with one such port more. */
const ovnPortSecurityFlows = 29;
/** Measured: flows of its ACLs for 10 ports, a set of 100 addresses and 5 TCP ports. */
const ovnAclFlows = 295;
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

/** Each with a switch and a router on two hypervisors of its own, which are outside by one logical switch that all share. */
function tenants(count: number): NetworkBuilder {
  const bridgeMappings = [{ physicalNetwork: 'physnet1', bridge: 'br-ex' }];
  const network = new NetworkBuilder()
    .hypervisor('gateway', { gateway: true, bridgeMappings })
    .providerSwitch('public', 'physnet1', 100, '203.0.113.0/24');
  for (let t = 1; t <= count; t += 1) {
    network
      .hypervisor(`t${t} first`)
      .hypervisor(`t${t} second`)
      .logicalSwitch(`t${t}`, `10.${t}.0.0/24`)
      .router(`t${t} router`, { gateway: { logicalSwitchId: 'public', hypervisors: null } })
      .attach(`t${t} inside`, `t${t} router`, `t${t}`, `0a:00:00:00:00:${byte(t)}`, [`10.${t}.0.1/24`])
      .attach(`t${t} outside`, `t${t} router`, 'public', `0a:00:00:00:01:${byte(t)}`, [`203.0.113.${t}/24`])
      .port(`t${t} one`, `t${t}`, `02:00:00:00:01:${byte(t)}`, [`10.${t}.0.11`], [`t${t} first`, 1])
      .port(`t${t} two`, `t${t}`, `02:00:00:00:02:${byte(t)}`, [`10.${t}.0.12`], [`t${t} second`, 1]);
  }
  return network;
}

describe('The budget of flows', function () {
  this.timeout(120_000);
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

  it('holds for security groups: ports, addresses and TCP ports add up, and are never multiplied', () => {
    const flowsOf = (ports: number, addresses: number, tcpPorts: number): number => {
      const network = new NetworkBuilder().hypervisor('hv1').logicalSwitch('s', '10.0.0.0/16');
      const guarded = ports > 0 ? ['g'] : [];
      network.securityGroup('g').addressSet('set', ...Array.from({ length: addresses }, (_, n) => `192.0.2.${n + 1}`));
      for (let p = 1; p <= 10; p += 1) {
        const at = ['hv1', p] as const;
        network.port(`p${p}`, 's', `02:00:00:00:00:${byte(p)}`, [`10.0.0.${p}`], at, {
          securityGroups: p <= ports ? guarded : [],
        });
      }
      for (let n = 0; n < tcpPorts; n += 1) {
        const portMin = 1_000 + 2 * n;
        const of = {
          ethertype: 'ipv4',
          protocol: 'tcp',
          portMin,
          portMax: portMin,
          remoteAddressSetId: 'set',
        } as const;
        network.rule(`r${n}`, 'g', 'ingress', of);
      }
      return network.compile().host('hv1').flows.length;
    };
    const without = flowsOf(0, 100, 5);
    const feature = flowsOf(10, 0, 0) - 10 * (flowsOf(10, 0, 0) - flowsOf(9, 0, 0)) - without;
    const total = flowsOf(10, 100, 5) - without;
    process.stdout.write(
      `    security groups of 10 ports x 100 addresses x 5 TCP ports: ${total} flows, ${feature} of them once on a hypervisor (OVN 23.03: ${ovnAclFlows})\n`,
    );
    assert.ok(total < ovnAclFlows, `${total} flows`);
    assert.equal(flowsOf(10, 200, 5) - flowsOf(10, 100, 5), 100, 'an address');
    assert.equal(flowsOf(10, 100, 6) - flowsOf(10, 100, 5), 3, 'a rule');
    assert.ok(flowsOf(10, 100, 5) - flowsOf(9, 100, 5) <= 4, 'a port');
  });

  it('does not grow with the tenants whose routers are outside on one logical switch, nor does what a port of one touches', () => {
    const [few, many] = [tenants(2).compile(), tenants(20).compile()];
    const keysOn = (network: typeof few, host: string): string[] => network.fragmentsOf(host).map(({ key }) => key);
    assert.deepEqual(keysOn(many, 't1 first'), keysOn(few, 't1 first'));
    const ofOthers = keysOn(many, 't1 first').filter(key => /\/t(?!1\b)\d+\b/.test(key));
    assert.deepEqual(ofOthers, []);
    const { view, compiler } = many;
    const port = view.get('logical-switch-ports', 't1 one') ?? assert.fail();
    const binding = view.get('port-bindings', 'binding of t1 one') ?? assert.fail();
    const numbers = { number: 9_000, portKey: 99, mac: '02:00:00:00:03:01' };
    const { changes, residency, meshes } = compiler.update(
      view.apply(2, [
        { kind: 'logical-switch-ports', id: 't1 more', after: { ...port, ...numbers, id: 't1 more', name: 't1 more' } },
        {
          kind: 'port-bindings',
          id: 'binding of t1 more',
          after: {
            ...binding,
            id: 'binding of t1 more',
            logicalSwitchPortId: 't1 more',
            hypervisorId: 't2 first',
            ofport: 2,
            number: 9_001,
          },
        },
      ]),
    );
    // On a hypervisor that had nothing of this tenant: that holds now what the tenant has, and the tenant's others know the way there.
    assert.deepEqual(new Set([...residency, ...meshes].map(({ hypervisorId }) => hypervisorId)), new Set(['t2 first']));
    const touched = view
      .rows('hypervisors')
      .filter(({ id }) => many.fragmentsOf(id).some(({ key }) => changes.some(change => change.key === key)))
      .map(({ id }) => id);
    assert.deepEqual(touched.toSorted(), ['gateway', 't1 first', 't1 second', 't2 first']);
  });
});
