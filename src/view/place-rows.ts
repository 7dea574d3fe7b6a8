/**
 * Rows that say what is where, derived from the rows of the model by placement.ts and those beside it: which hypervisor holds what, and
 * the interfaces, queues and gateways there.
 */

/** A hypervisor must hold a datapath: one of its ports can reach it through switches and routers. */
export interface Residency {
  /** `datapathId@hypervisorId` */
  readonly id: string;
  readonly datapathId: string;
  /**
   * `security-groups`: no datapath, but what rules say about ports of that hypervisor (security-rows.ts); `load-balancers`: what its ports
   * reach (balancing-rows.ts); `nat-rules`: how a router translates that it can be the gateway of (translation-rows.ts).
   */
  readonly datapathKind: 'logical-switches' | 'logical-routers' | 'security-groups' | 'load-balancers' | 'nat-rules';
  readonly hypervisorId: string;
  /** The number of the logical switch or router, or of what else it is. */
  readonly number: number;
}

/**
 * A hypervisor sends to the others of the mesh through tunnels, and they to it: they have ports of switches that are connected. One
 * mesh for each connected component of switches and routers; a switch by itself that is part of a physical network has none.
 */
export interface MeshMember {
  /** `meshId@hypervisorId` */
  readonly id: string;
  /** The id of the oldest switch or router of the component: the one with the lowest number. */
  readonly meshId: string;
  readonly hypervisorId: string;
  /** The number of that switch or router. */
  readonly number: number;
}

/** A hypervisor has at least one bound port of that very switch, or can be the gateway of a router that is outside on it. */
export interface SwitchPresence {
  /** `logicalSwitchId@hypervisorId` */
  readonly id: string;
  readonly logicalSwitchId: string;
  readonly hypervisorId: string;
  /** The number of the logical switch. */
  readonly number: number;
}

/** A logical switch port that is bound to an interface of a hypervisor: port and binding joined. */
export interface BoundPort {
  /** The id of the logical switch port. */
  readonly id: string;
  readonly logicalSwitchId: string;
  readonly hypervisorId: string;
  readonly ofport: number;
  /** Of a sub-port: the tag that its packets carry at the interface, which is that of its parent; null: they carry none. */
  readonly vlan: number | null;
  /** Conntrack zone of the port on that hypervisor. */
  readonly ctZone: number;
  /** The number of the logical switch port. */
  readonly number: number;
}

/** A local port on one of the hypervisors where an interface claims it. */
export interface LocalPlace {
  /** `portId@hypervisorId` */
  readonly id: string;
  readonly portId: string;
  readonly hypervisorId: string;
  readonly ofport: number;
  /** The number of the logical switch port. */
  readonly number: number;
}

/** A hypervisor has bound ports of logical switches that are part of a physical network: what joins the two there. */
export interface PhysicalAttachment {
  /** `physicalNetworkKey@hypervisorId` */
  readonly id: string;
  readonly hypervisorId: string;
  readonly physicalNetwork: string;
  /** The bridge of the host that leads to the physical network; null: it names none. */
  readonly bridge: string | null;
  /** The number of the physical network. */
  readonly number: number;
}

/** A bound port whose packets have a queue of their own where they leave the hypervisor (egress-queues.ts). */
export interface EgressQueue {
  /** The id of the logical switch port. */
  readonly id: string;
  readonly hypervisorId: string;
  /** 1 to 61439, unique on the hypervisor. */
  readonly queue: number;
  /** What it is guaranteed, kilobits a second. */
  readonly minKbps: number;
  /** The number of the logical switch port. */
  readonly number: number;
}

/** A hypervisor that can be the gateway of a logical router: it holds what the router reaches, and the logical switch outside. */
export interface GatewayPlace {
  /** `logicalRouterId@hypervisorId` */
  readonly id: string;
  readonly logicalRouterId: string;
  readonly logicalSwitchId: string;
  readonly hypervisorId: string;
  readonly hypervisorKey: number;
  /** 0: it is the preferred one; others are the next in order, each of which takes over when all before it are gone. */
  readonly rank: number;
  /** The number of the logical router. */
  readonly number: number;
}

/** A hypervisor watches another by BFD: one of them can be the gateway of a router that the other holds. */
export interface GatewayPair {
  readonly id: string;
  readonly hypervisorId: string;
  readonly peerId: string;
  readonly peerKey: number;
  /** The number of the other hypervisor. */
  readonly number: number;
}

/** A floating IP that the hypervisor of its workload speaks for, outside: it holds the logical switch outside, too. */
export interface FloatingPlace {
  /** The id of the NAT rule. */
  readonly id: string;
  readonly logicalRouterId: string;
  readonly externalIp: string;
  readonly logicalSwitchId: string;
  readonly hypervisorId: string;
  /** The number of the NAT rule. */
  readonly number: number;
}
