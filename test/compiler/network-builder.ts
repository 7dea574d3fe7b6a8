/** Networks for the tests of rooms, said in few words. Names are ids; numbers and keys are given in order. */
import { rules } from '../../src/compiler/rules.js';
import type { Rule } from '../../src/compiler/rule.js';
import { type Direction, kinds, type Kind, type RowOf } from '../../src/model/index.js';
import type { NatKind } from '../../src/model/nat-rule.js';
import type { Snapshot } from '../../src/view/network-view.js';
import { CompiledNetwork } from './compiled-network.js';

type Rows = { readonly [K in Kind]: RowOf<K>[] };
type Given<K extends Kind> = Partial<RowOf<K>>;

const epoch = '2026-01-01T00:00:00.000Z';

export class NetworkBuilder {
  readonly #rows = Object.fromEntries(kinds.map(kind => [kind, []])) as unknown as Rows;
  readonly #portKeys = new Map<string, number>();
  #number = 0;
  #datapathKey = 0;

  hypervisor(id: string, given: Given<'hypervisors'> = {}): this {
    const hypervisorKey = this.#rows.hypervisors.length + 1;
    return this.#add('hypervisors', id, {
      systemId: id,
      encapIp: `192.0.2.${hypervisorKey}`,
      encapTypes: ['geneve'],
      underlayMtu: 1500,
      datapathId: `${hypervisorKey}`.padStart(16, '0'),
      hypervisorKey,
      drain: false,
      gateway: false,
      adopt: false,
      allowed: true,
      approved: true,
      ovsdbTarget: null,
      bridge: 'br-int',
      datapathType: 'netdev',
      bridgeMappings: [],
      ...given,
    });
  }

  logicalSwitch(id: string, ...cidrs: readonly string[]): this {
    return this.#logicalSwitch(id, cidrs, null, null);
  }

  /** A switch that is part of a physical network; the digit at the end of the network's name is its number. */
  providerSwitch(id: string, physicalNetwork: string, vlan: number | null, ...cidrs: readonly string[]): this {
    return this.#logicalSwitch(id, cidrs, { physicalNetwork, vlan }, Number(physicalNetwork.slice(-1)));
  }

  #logicalSwitch(
    id: string,
    cidrs: readonly string[],
    provider: RowOf<'logical-switches'>['provider'],
    physicalNetworkKey: number | null,
  ): this {
    const datapathKey = ++this.#datapathKey;
    const own = { mtu: null, provider, physicalNetworkKey, dnsDomain: null, sharedWith: [], datapathKey };
    this.#add('logical-switches', id, own);
    for (const cidr of cidrs) {
      this.#add('subnets', `${id} ${cidr}`, {
        logicalSwitchId: id,
        cidr,
        gatewayIp: null,
        allocationPools: [],
        dnsServers: [],
        dhcp: false,
        ipv6AddressMode: null,
        hostRoutes: [],
      });
    }
    return this;
  }

  /** A port of a switch; `at` is hypervisor and ofport, left out: not bound. Addresses are of the subnets that hold them. */
  port(
    id: string,
    logicalSwitchId: string,
    mac: string,
    ips: readonly string[],
    at?: readonly [hypervisorId: string, ofport: number],
    given: Given<'logical-switch-ports'> = {},
  ): this {
    const subnetOf = (ip: string): string => {
      const isSix = ip.includes(':');
      const subnet = this.#rows.subnets.find(
        row => row.logicalSwitchId === logicalSwitchId && row.cidr.includes(':') === isSix,
      );
      return subnet?.id ?? 'none';
    };
    this.#add('logical-switch-ports', id, {
      logicalSwitchId,
      mac,
      ips: ips.map(ip => ({
        ip,
        subnetId: subnetOf(ip),
      })),
      portSecurity: true,
      allowedAddresses: [],
      enabled: true,
      unknownMacs: false,
      securityGroups: [],
      parent: null,
      parentId: given.parent?.portId ?? null,
      local: null,
      hypervisor: null,
      internalInterface: false,
      portKey: this.#nextKey(logicalSwitchId),
      ...given,
    });
    return at === undefined ? this : this.bind(id, ...at);
  }

  bind(logicalSwitchPortId: string, hypervisorId: string, ofport: number): this {
    // A local port has several.
    const isFirst = !this.#rows['port-bindings'].some(row => row.logicalSwitchPortId === logicalSwitchPortId);
    const id = `binding of ${logicalSwitchPortId}${isFirst ? '' : ` on ${hypervisorId}`}`;
    return this.#add('port-bindings', id, {
      logicalSwitchPortId,
      hypervisorId,
      interfaceName: `tap${ofport}`,
      ofport,
      ctZone: 1000 + this.#number,
      reason: null,
      interfaceUuid: '00000000-0000-7000-8000-000000000000',
    });
  }

  router(id: string, given: Given<'logical-routers'> = {}): this {
    return this.#add('logical-routers', id, {
      enabled: true,
      gateway: null,
      gatewaySwitchId: given.gateway?.logicalSwitchId ?? null,
      natZone: (given.gateway ?? null) === null ? null : 0x6000 + this.#rows['logical-routers'].length,
      datapathKey: ++this.#datapathKey,
      ...given,
    });
  }

  /** A router port on a switch. */
  attach(id: string, logicalRouterId: string, logicalSwitchId: string, mac: string, networks: readonly string[]): this {
    return this.#add('logical-router-ports', id, {
      logicalRouterId,
      logicalSwitchId,
      peerId: null,
      mac,
      networks: [...networks],
      portKey: this.#nextKey(logicalRouterId),
      switchPortKey: this.#nextKey(logicalSwitchId),
    });
  }

  /** A router port that is joined with one of another router. */
  peer(id: string, logicalRouterId: string, peerId: string, mac: string, networks: readonly string[]): this {
    return this.#add('logical-router-ports', id, {
      logicalRouterId,
      logicalSwitchId: null,
      peerId,
      mac,
      networks: [...networks],
      portKey: this.#nextKey(logicalRouterId),
      switchPortKey: null,
    });
  }

  route(id: string, logicalRouterId: string, destination: string, nextHop: string | null): this {
    return this.#add('static-routes', id, {
      logicalRouterId,
      destination,
      nextHop,
      discard: nextHop === null,
    });
  }

  /** With these next hops; without, what is given says. */
  policy(
    id: string,
    logicalRouterId: string,
    priority: number,
    nextHops: readonly string[],
    given: Given<'policy-routes'> = {},
  ): this {
    return this.#add('policy-routes', id, {
      logicalRouterId,
      priority,
      source: null,
      destination: null,
      protocol: null,
      portMin: null,
      portMax: given.portMin ?? null,
      mark: null,
      action: nextHops.length > 0 ? 'reroute' : 'allow',
      nextHops,
      ...given,
    });
  }

  staticNeighbour(id: string, logicalRouterPortId: string, ip: string, mac: string): this {
    return this.#add('static-neighbours', id, { logicalRouterPortId, ip, mac });
  }

  /** Nothing is known of the neighbour yet, unless it is given. */
  bfd(id: string, logicalRouterPortId: string, ip: string, given: Given<'bfd-sessions'> = {}): this {
    const timing = { minTxMs: 1_000, minRxMs: 1_000, detectMultiplier: 3 };
    return this.#add('bfd-sessions', id, {
      ...{ logicalRouterPortId, ip, ...timing, enabled: true, finding: null },
      ...given,
    });
  }

  /** Held by the port, where one is given. */
  virtualAddress(
    id: string,
    logicalSwitchId: string,
    ip: string,
    logicalSwitchPortIds: readonly string[],
    holderId: string | null = null,
  ): this {
    return this.#add('virtual-addresses', id, { logicalSwitchId, ip, logicalSwitchPortIds, holderId });
  }

  /** One of each of the rows that say who may do what, which no rule reads. */
  trust(): this {
    this.#add('tokens', 'token', { role: 'reader', scopes: [], expiresAt: null, digest: '0'.repeat(64) });
    const expiresAt = '2026-12-01T00:00:00.000Z';
    this.#add('join-tokens', 'join', { systemId: null, usesLeft: 1, expiresAt, digest: '1'.repeat(64) });
    this.#add('neutron-objects', 'neutron', { collection: 'networks', attributes: { description: 'text' } });
    return this.#add('quotas', 'quota', { limits: {} });
  }

  qos(id: string, given: Given<'qos-rules'>): this {
    return this.#add('qos-rules', id, {
      logicalSwitchPortId: null,
      logicalSwitchId: null,
      kind: 'bandwidth_limit',
      direction: 'egress',
      maxKbps: null,
      maxBurstKbps: null,
      maxKpps: null,
      maxBurstKpps: null,
      dscpMark: null,
      minKbps: null,
      ...given,
    });
  }

  /** DHCP and router advertisements on a subnet, which has these members besides. */
  dhcp(logicalSwitchId: string, cidr: string, given: Given<'subnets'> = {}): this {
    const { subnets } = this.#rows;
    for (const [place, row] of subnets.entries())
      if (row.id === `${logicalSwitchId} ${cidr}`) subnets[place] = { ...row, dhcp: true, ...given };
    return this;
  }

  /** The switch has DNS. */
  domain(logicalSwitchId: string, dnsDomain: string): this {
    const switches = this.#rows['logical-switches'];
    for (const [place, row] of switches.entries())
      if (row.id === logicalSwitchId) switches[place] = { ...row, dnsDomain };
    return this;
  }

  dhcpOption(id: string, given: Given<'dhcp-options'>): this {
    return this.#add('dhcp-options', id, {
      logicalSwitchPortId: null,
      subnetId: null,
      protocol: 'dhcpv4',
      option: 'mtu',
      value: '1400',
      ...given,
    });
  }

  dnsRecord(id: string, logicalSwitchId: string, given: Given<'dns-records'>): this {
    return this.#add('dns-records', id, { logicalSwitchId, type: 'A', values: ['192.0.2.1'], ttl: 300, ...given });
  }

  /** On port 80, with backends `address:port`. */
  loadBalancer(id: string, vip: string, backends: readonly string[], given: Given<'load-balancers'>): this {
    return this.#add('load-balancers', id, {
      vip,
      protocol: 'tcp',
      port: 80,
      backends: backends.map(text => {
        const at = text.lastIndexOf(':');
        return { ip: text.slice(0, at), port: Number(text.slice(at + 1)), weight: 1, state: 'active' };
      }),
      healthCheck: null,
      failedBackends: [],
      affinityTimeoutS: null,
      logicalSwitchIds: [],
      logicalRouterIds: [],
      ...given,
    });
  }

  natRule(
    id: string,
    logicalRouterId: string,
    kind: NatKind,
    externalIp: string,
    logicalIp: string,
    given: Given<'nat-rules'> = {},
  ): this {
    return this.#add('nat-rules', id, {
      logicalRouterId,
      kind,
      externalIp,
      logicalIp,
      exemptedDestinations: [],
      portMap: null,
      logicalSwitchPortId: null,
      externalMac: null,
      outsideSwitchId: null,
      ...given,
    });
  }

  /** Copies of what a port sends and gets: to a port by default. */
  mirror(id: string, logicalSwitchPortId: string, given: Given<'mirrors'>): this {
    return this.#add('mirrors', id, {
      logicalSwitchPortId,
      direction: 'both',
      kind: 'local',
      collectorPortId: null,
      remoteIp: null,
      key: 0,
      datapathKey: ++this.#datapathKey,
      ...given,
    });
  }

  securityGroup(id: string, given: Given<'security-groups'> = {}): this {
    return this.#add('security-groups', id, {
      isolates: ['ingress', 'egress'],
      portSelector: null,
      logDenied: false,
      ...given,
    });
  }

  addressSet(id: string, ...addresses: readonly string[]): this {
    return this.#add('address-sets', id, { addresses });
  }

  /** A rule that allows everything in the direction, but for what is given. */
  rule(id: string, securityGroupId: string, direction: Direction, given: Given<'security-group-rules'> = {}): this {
    return this.#add('security-group-rules', id, {
      securityGroupId,
      direction,
      ethertype: null,
      protocol: null,
      portMin: null,
      portMax: given.portMin ?? null,
      icmpType: null,
      icmpCode: null,
      remoteCidr: null,
      remoteGroupId: null,
      remoteAddressSetId: null,
      action: 'allow',
      priority: 1000,
      stateless: false,
      log: false,
      ...given,
    });
  }

  /** The rows as they are, for a view. */
  snapshot(revision = 1): Snapshot {
    const rows = Object.fromEntries(kinds.map(kind => [kind, [...this.#rows[kind]]]));
    return { revision, rows: rows as unknown as Snapshot['rows'] };
  }

  compile(rooms: readonly Rule[] = rules): CompiledNetwork {
    return new CompiledNetwork(this.snapshot(), rooms);
  }

  #nextKey(datapathId: string): number {
    const key = (this.#portKeys.get(datapathId) ?? 0) + 1;
    this.#portKeys.set(datapathId, key);
    return key;
  }

  #add<K extends Kind>(kind: K, id: string, own: Given<K>): this {
    const row = {
      id,
      name: id,
      projectId: null,
      labels: {},
      createdAt: epoch,
      updatedAt: epoch,
      revision: 1,
      number: ++this.#number,
      ...own,
    };
    this.#rows[kind].push(row as unknown as RowOf<K>);
    return this;
  }
}
