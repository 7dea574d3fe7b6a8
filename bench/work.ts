/**
 * The work of the benchmarks: switches of so many ports joined by one router, one MAC and one IPv4 address a port, port security
 * on. Ports come in pairs, and pairs go round robin over the hypervisors: the same as in the harness that measures OVN.
 */
import { randomUUID } from 'node:crypto';
import type { Operation } from '../lab/weft-client.js';

export interface PlannedPort {
  readonly id: string;
  readonly name: string;
  readonly switchIndex: number;
  /** Hypervisor on which its interface is: 0 is the first. */
  readonly host: number;
  readonly interfaceName: string;
  readonly mac: string;
  readonly ip: string;
}

export interface WorkSize {
  readonly hosts: number;
  readonly switches: number;
  readonly portsPerSwitch: number;
  /** Switch s is on so many hypervisors only, from s times that; default: on all. */
  readonly span?: number;
  /** Whether a router joins the switches, so that every hypervisor holds them all; default true. */
  readonly isRouted?: boolean;
  /**
   * Whether the ports of each switch are in a security group with two rules: let in IPv4 from 10.0.0.0/8, and drop IPv4 otherwise. The
   * same as the ACLs of that harness. Default: no port has a group.
   */
  readonly rulesPerSwitch?: 2;
}

const create = (kind: string, value: Operation['value'], id: string = randomUUID()): Operation => ({
  op: 'create',
  kind,
  id,
  value: value ?? {},
});

const byte = (value: number): string => value.toString(16).padStart(2, '0');

export class Work {
  readonly ports: readonly PlannedPort[];
  readonly #switchIds: readonly string[];
  readonly #routerId = randomUUID();
  readonly #groupIds: readonly string[];
  #spares = 0;

  constructor(readonly size: WorkSize) {
    const { switches, portsPerSwitch } = size;
    this.#switchIds = Array.from({ length: switches }, () => randomUUID());
    this.#groupIds = size.rulesPerSwitch === undefined ? [] : this.#switchIds.map(() => randomUUID());
    this.ports = this.#switchIds.flatMap((_, index) =>
      Array.from({ length: portsPerSwitch }, (_unused, port) => this.#port(index, port, this.#hostOf(index, port))),
    );
  }

  #hostOf(switchIndex: number, port: number): number {
    const { hosts, portsPerSwitch, span } = this.size;
    if (span !== undefined && span < hosts) return (switchIndex * span + (port % span)) % hosts;
    return (switchIndex * (portsPerSwitch >> 1) + (port >> 1)) % hosts;
  }

  #port(switchIndex: number, port: number, host: number): PlannedPort {
    const number = port + 10;
    const octets = [switchIndex >> 8, switchIndex & 255, number >> 8, number & 255];
    return {
      id: randomUUID(),
      name: `p${switchIndex}-${port}`,
      switchIndex,
      host,
      interfaceName: `v${switchIndex}_${port}`,
      mac: `0a:01:${octets.map(byte).join(':')}`,
      ip: `${10 + (switchIndex >> 8)}.${switchIndex & 255}.${number >> 8}.${number & 255}`,
    };
  }

  /** A port that is not of the network yet, on a switch and a hypervisor. */
  spare(switchIndex: number, host: number): PlannedPort {
    this.#spares += 1;
    return this.#port(switchIndex, this.size.portsPerSwitch + this.#spares, host);
  }

  switchId(index: number): string {
    const id = this.#switchIds[index];
    if (id === undefined) throw new Error(`there is no switch ${index}`);
    return id;
  }

  get routerId(): string {
    return this.#routerId;
  }

  routerIp(switchIndex: number): string {
    return `${10 + (switchIndex >> 8)}.${switchIndex & 255}.0.1`;
  }

  routerMac(switchIndex: number): string {
    return `0a:ff:00:00:${byte(switchIndex >> 8)}:${byte(switchIndex & 255)}`;
  }

  /** The security groups that a port is created with. */
  groupsOf({ switchIndex }: PlannedPort): readonly string[] {
    return this.#groupIds.slice(switchIndex, switchIndex + 1);
  }

  /** The members with which a port is created. */
  portValue(port: PlannedPort): Readonly<Record<string, unknown>> {
    const { name, mac, ip } = port;
    const value = { name, logical_switch_id: this.switchId(port.switchIndex), mac, ips: [{ ip }] };
    const groups = this.groupsOf(port);
    return groups.length === 0 ? value : { ...value, security_groups: groups };
  }

  #rules(switchIndex: number): readonly Operation[] {
    return this.#groupIds.slice(switchIndex, switchIndex + 1).flatMap(groupId => {
      const rule = { security_group_id: groupId, direction: 'ingress', ethertype: 'ipv4' } as const;
      return [
        create('security-groups', { name: `group${switchIndex}`, isolates: ['ingress'] }, groupId),
        create('security-group-rules', { ...rule, remote_cidr: '10.0.0.0/8', priority: 1_001 }),
        create('security-group-rules', { ...rule, action: 'drop', priority: 1_000 }),
      ];
    });
  }

  /** What a sensible client sends: the router in one transaction, then one for each switch with its ports. */
  transactions(): readonly (readonly Operation[])[] {
    const { isRouted = true } = this.size;
    const router = [create('logical-routers', { name: 'router' }, this.#routerId)];
    const switches = this.#switchIds.map((id, index) => [
      create('logical-switches', { name: `switch${index}` }, id),
      create('subnets', {
        logical_switch_id: id,
        cidr: `${10 + (index >> 8)}.${index & 255}.0.0/16`,
        gateway_ip: this.routerIp(index),
        // As beside OVN, whose ports have no DHCP options.
        dhcp: false,
      }),
      ...(isRouted
        ? [
            create('logical-router-ports', {
              name: `router-${index}`,
              logical_router_id: this.#routerId,
              logical_switch_id: id,
              mac: this.routerMac(index),
              networks: [`${this.routerIp(index)}/16`],
            }),
          ]
        : []),
      ...this.#rules(index),
      ...this.ports
        .filter(port => port.switchIndex === index)
        .map(port => create('logical-switch-ports', this.portValue(port), port.id)),
    ]);
    return isRouted ? [router, ...switches] : switches;
  }

  portsOn(host: number): readonly PlannedPort[] {
    return this.ports.filter(port => port.host === host);
  }
}
