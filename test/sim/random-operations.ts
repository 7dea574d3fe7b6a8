/**
 * What people ask of the API, at random and only what the store would let in: every noun is created, changed and deleted, and
 * sometimes several in one transaction. Addresses and keys are of the network that they belong to, and taken once.
 */
import type { LogicalSwitchPort, Subnet } from '../../src/model/index.js';
import type { SeededRandom } from '../seeded-random.js';
import { detachBalancers, operateOnBalancers } from './balancer-operations.js';
import { Draft, type DraftRow } from './draft.js';
import { dropPort, operateOnPolicies, someGroups, someLabels } from './policy-operations.js';
import type { SimulatedDatabase } from './simulated-store.js';

/** So many of each there are at most; small, so that a run is quick and everything meets everything. */
const most = { switches: 4, ports: 16, routers: 2, routes: 4 } as const;
/** How often it is about who may send what, how much, and who gets a copy. */
const shareOfPolicies = 0.25;
const shareOfBalancers = 0.07;

export class RandomOperations {
  readonly #database: SimulatedDatabase;
  readonly #random: SeededRandom;
  #draft: Draft;

  constructor(database: SimulatedDatabase, random: SeededRandom) {
    this.#database = database;
    this.#random = random;
    this.#draft = new Draft(database, random);
  }

  /** One transaction; the names of what it did, none if the network lets nothing of what was chosen happen. */
  transact(): readonly string[] {
    this.#draft = new Draft(this.#database, this.#random);
    const done: string[] = [];
    const times = this.#random.chance(0.15) ? 2 + this.#random.below(3) : 1;
    for (let time = 0; time < times; time += 1) {
      const name = this.#chosen();
      if (name !== null) done.push(name);
    }
    this.#draft.commit();
    return done;
  }

  #chosen(): string | null {
    if (this.#random.chance(shareOfPolicies)) return operateOnPolicies(this.#draft);
    return this.#random.chance(shareOfBalancers) ? operateOnBalancers(this.#draft) : this.#operate();
  }

  #operate(): string | null {
    const dice = this.#random.below(100);
    if (dice < 24) return this.#createPort();
    if (dice < 46) return this.#changePort();
    if (dice < 54) return this.#deletePort();
    if (dice < 60) return this.#createSwitch();
    if (dice < 64) return this.#changeSwitch();
    if (dice < 66) return this.#deleteSwitch();
    if (dice < 70) return this.#changeSubnet();
    if (dice < 74) return this.#createRouter();
    if (dice < 78) return this.#changeRouter();
    if (dice < 80) return this.#deleteRouter();
    if (dice < 86) return this.#attach();
    if (dice < 89) return this.#detach();
    if (dice < 95) return this.#route();
    if (dice < 97) return this.#unroute();
    return this.#changeHypervisor();
  }

  #createSwitch(): string | null {
    if (this.#draft.rows('logical-switches').length >= most.switches) return null;
    const common = this.#draft.common(`ls${this.#random.below(100)}`);
    const row: DraftRow<'logical-switches'> = {
      ...common,
      mtu: null,
      provider: null,
      physicalNetworkKey: null,
      dnsDomain: null,
      sharedWith: [],
      datapathKey: common.number,
    };
    this.#draft.put('logical-switches', { ...row });
    this.#createSubnet(row.id, 4);
    if (this.#random.chance(0.4)) this.#createSubnet(row.id, 6);
    return 'create logical switch';
  }

  #createSubnet(logicalSwitchId: string, family: 4 | 6): void {
    const common = this.#draft.common('');
    const net = common.number % 250;
    const row: DraftRow<'subnets'> = {
      ...common,
      logicalSwitchId,
      cidr: family === 4 ? `10.${net}.0.0/24` : `fd00:${net.toString(16)}::/64`,
      gatewayIp: family === 4 ? `10.${net}.0.1` : `fd00:${net.toString(16)}::1`,
      allocationPools: [],
      dnsServers: [],
      dhcp: true,
      ipv6AddressMode: null,
      hostRoutes: [],
    };
    this.#draft.put('subnets', { ...row });
  }

  #changeSwitch(): string | null {
    const row = this.#draft.pick(this.#draft.rows('logical-switches'));
    if (row === null) return null;
    this.#draft.put('logical-switches', {
      ...row,
      mtu: this.#random.chance(0.5) ? null : 1280 + this.#random.below(100),
    });
    return 'change logical switch';
  }

  #deleteSwitch(): string | null {
    const row = this.#draft.pick(this.#draft.rows('logical-switches'));
    if (row === null) return null;
    for (const port of this.#portsOf(row.id)) dropPort(this.#draft, port.id);
    for (const rule of this.#draft.rows('qos-rules')) {
      if (rule.logicalSwitchId === row.id) this.#draft.drop('qos-rules', rule.id);
    }
    for (const port of this.#draft.rows('logical-router-ports')) {
      if (port.logicalSwitchId === row.id) this.#draft.drop('logical-router-ports', port.id);
    }
    for (const subnet of this.#subnetsOf(row.id)) this.#draft.drop('subnets', subnet.id);
    detachBalancers(this.#draft, 'logicalSwitchIds', row.id);
    this.#draft.drop('logical-switches', row.id);
    return 'delete logical switch';
  }

  #changeSubnet(): string | null {
    const row = this.#draft.pick(this.#draft.rows('subnets'));
    if (row === null) return null;
    if (this.#random.chance(0.7)) {
      this.#draft.put('subnets', { ...row, dhcp: !row.dhcp });
      return 'change subnet';
    }
    const isUsed = this.#draft
      .rows('logical-switch-ports')
      .some(port => port.ips.some(({ subnetId }) => subnetId === row.id));
    if (isUsed) return null;
    this.#draft.drop('subnets', row.id);
    return 'delete subnet';
  }

  #createPort(): string | null {
    const logicalSwitch = this.#draft.pick(this.#draft.rows('logical-switches'));
    if (logicalSwitch === null || this.#draft.rows('logical-switch-ports').length >= most.ports) return null;
    const common = this.#draft.common(`lsp${this.#random.below(100)}`);
    const row: DraftRow<'logical-switch-ports'> = {
      ...common,
      logicalSwitchId: logicalSwitch.id,
      mac: macOf(common.number),
      ips: this.#addresses(logicalSwitch.id),
      portSecurity: this.#random.chance(0.7),
      allowedAddresses: [],
      enabled: this.#random.chance(0.95),
      unknownMacs: this.#random.chance(0.1),
      securityGroups: this.#random.chance(0.35) ? someGroups(this.#draft) : [],
      labels: this.#random.chance(0.5) ? someLabels(this.#draft) : {},
      parent: null,
      parentId: null,
      local: null,
      hypervisor: null,
      internalInterface: false,
      portKey: common.number,
    };
    this.#draft.put('logical-switch-ports', row);
    return 'create logical switch port';
  }

  #addresses(logicalSwitchId: string): LogicalSwitchPort['ips'] {
    return this.#subnetsOf(logicalSwitchId).flatMap(subnet => {
      if (this.#random.chance(0.1)) return [];
      const prefix = subnet.cidr.slice(0, subnet.cidr.indexOf('/')).replace(/0$/, '');
      const taken = new Set(this.#portsOf(logicalSwitchId).flatMap(port => port.ips.map(({ ip }) => ip)));
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const host = 10 + this.#random.below(80);
        const ip = `${prefix}${subnet.cidr.includes(':') ? host.toString(16) : host}`;
        if (!taken.has(ip)) return [{ ip, subnetId: subnet.id }];
      }
      return [];
    });
  }

  #changePort(): string | null {
    const row = this.#draft.pick(this.#draft.rows('logical-switch-ports'));
    if (row === null) return null;
    const change = this.#random.pick([
      (): Partial<LogicalSwitchPort> => ({ enabled: !row.enabled }),
      (): Partial<LogicalSwitchPort> => ({ portSecurity: !row.portSecurity }),
      (): Partial<LogicalSwitchPort> => ({ unknownMacs: !row.unknownMacs }),
      (): Partial<LogicalSwitchPort> => ({ ips: this.#addresses(row.logicalSwitchId) }),
      (): Partial<LogicalSwitchPort> => ({ mac: macOf(this.#draft.number()) }),
      (): Partial<LogicalSwitchPort> => ({ name: `renamed${this.#random.below(100)}` }),
      (): Partial<LogicalSwitchPort> => ({ hypervisor: this.#random.chance(0.5) ? null : this.#hypervisorName() }),
      (): Partial<LogicalSwitchPort> => ({
        allowedAddresses: this.#random.chance(0.4) ? [] : [{ cidr: `10.200.${this.#random.below(9)}.0/24`, mac: null }],
      }),
    ]);
    this.#draft.put('logical-switch-ports', { ...row, ...change() });
    return 'change logical switch port';
  }

  #hypervisorName(): string | null {
    return this.#draft.pick(this.#draft.rows('hypervisors'))?.name ?? null;
  }

  #deletePort(): string | null {
    const row = this.#draft.pick(this.#draft.rows('logical-switch-ports'));
    if (row === null) return null;
    dropPort(this.#draft, row.id);
    return 'delete logical switch port';
  }

  #createRouter(): string | null {
    if (this.#draft.rows('logical-routers').length >= most.routers) return null;
    const common = this.#draft.common(`lr${this.#random.below(100)}`);
    const own = { gateway: null, gatewaySwitchId: null, natZone: null, datapathKey: common.number };
    const row: DraftRow<'logical-routers'> = { ...common, enabled: true, ...own };
    this.#draft.put('logical-routers', row);
    return 'create logical router';
  }

  #changeRouter(): string | null {
    const row = this.#draft.pick(this.#draft.rows('logical-routers'));
    if (row === null) return null;
    this.#draft.put('logical-routers', { ...row, enabled: !row.enabled });
    return 'change logical router';
  }

  #deleteRouter(): string | null {
    const row = this.#draft.pick(this.#draft.rows('logical-routers'));
    if (row === null) return null;
    for (const port of this.#draft.rows('logical-router-ports')) {
      if (port.logicalRouterId === row.id) this.#draft.drop('logical-router-ports', port.id);
    }
    for (const route of this.#draft.rows('static-routes')) {
      if (route.logicalRouterId === row.id) this.#draft.drop('static-routes', route.id);
    }
    detachBalancers(this.#draft, 'logicalRouterIds', row.id);
    this.#draft.drop('logical-routers', row.id);
    return 'delete logical router';
  }

  /** A port of a router on a switch that it is not on yet, as the gateway of its subnets. */
  #attach(): string | null {
    const router = this.#draft.pick(this.#draft.rows('logical-routers'));
    const logicalSwitch = this.#draft.pick(this.#draft.rows('logical-switches'));
    if (router === null || logicalSwitch === null) return null;
    const present = this.#draft.rows('logical-router-ports');
    if (present.some(port => port.logicalSwitchId === logicalSwitch.id)) return null;
    const networks = this.#subnetsOf(logicalSwitch.id).map(
      ({ cidr, gatewayIp }) => `${gatewayIp}${cidr.slice(cidr.indexOf('/'))}`,
    );
    if (networks.length === 0) return null;
    const common = this.#draft.common('');
    const row: DraftRow<'logical-router-ports'> = {
      ...common,
      logicalRouterId: router.id,
      logicalSwitchId: logicalSwitch.id,
      peerId: null,
      mac: macOf(common.number),
      networks,
      portKey: common.number,
      switchPortKey: this.#draft.number(),
    };
    this.#draft.put('logical-router-ports', row);
    return 'create logical router port';
  }

  #detach(): string | null {
    const row = this.#draft.pick(this.#draft.rows('logical-router-ports'));
    if (row === null) return null;
    if (this.#random.chance(0.5)) {
      this.#draft.put('logical-router-ports', { ...row, mac: macOf(this.#draft.number()) });
      return 'change logical router port';
    }
    this.#draft.drop('logical-router-ports', row.id);
    return 'delete logical router port';
  }

  #route(): string | null {
    const router = this.#draft.pick(this.#draft.rows('logical-routers'));
    if (router === null || this.#draft.rows('static-routes').length >= most.routes) return null;
    const port = this.#draft.pick(
      this.#draft.rows('logical-router-ports').filter(each => each.logicalRouterId === router.id),
    );
    const discard = port === null || this.#random.chance(0.2);
    const network = port?.networks[0] ?? '';
    const isSix = network.includes(':');
    const prefix = network.slice(0, network.indexOf('/')).replace(/1$/, '');
    const destination = this.#random.pick(isSix ? ['fd99::/64', '::/0'] : ['172.16.0.0/16', '0.0.0.0/0']);
    const isThere = this.#draft
      .rows('static-routes')
      .some(row => row.logicalRouterId === router.id && row.destination === destination);
    if (isThere) return null;
    const row: DraftRow<'static-routes'> = {
      ...this.#draft.common(''),
      logicalRouterId: router.id,
      destination,
      nextHop: discard ? null : `${prefix}${isSix ? '50' : '80'}`,
      discard,
    };
    this.#draft.put('static-routes', row);
    return 'create static route';
  }

  #unroute(): string | null {
    const row = this.#draft.pick(this.#draft.rows('static-routes'));
    if (row === null) return null;
    if (this.#random.chance(0.4)) {
      this.#draft.put('static-routes', { ...row, nextHop: null, discard: true });
      return 'change static route';
    }
    this.#draft.drop('static-routes', row.id);
    return 'delete static route';
  }

  #changeHypervisor(): string | null {
    const row = this.#draft.pick(this.#draft.rows('hypervisors'));
    if (row === null) return null;
    this.#draft.put('hypervisors', { ...row, gateway: !row.gateway });
    return 'change hypervisor';
  }

  #portsOf(logicalSwitchId: string): readonly LogicalSwitchPort[] {
    return this.#draft.rows('logical-switch-ports').filter(row => row.logicalSwitchId === logicalSwitchId);
  }

  #subnetsOf(logicalSwitchId: string): readonly Subnet[] {
    return this.#draft.rows('subnets').filter(row => row.logicalSwitchId === logicalSwitchId);
  }
}

function macOf(number: number): string {
  const hex = (value: number): string => (value & 0xff).toString(16).padStart(2, '0');
  return `02:00:00:00:${hex(number >> 8)}:${hex(number)}`;
}
