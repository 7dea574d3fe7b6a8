/**
 * What the API takes and answers. Written by `npm run docs` from the OpenAPI document: not to be edited. Types only: nothing of it is
 * there when a program runs.
 */

/** RFC 9457 problem details. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  /** Stable; a later version may have more. See the table of errors in docs/api.md. */
  readonly code: 'malformed_body' | 'unknown_member' | 'missing_member' | 'invalid_value' | 'out_of_range' | 'duplicate_value' | 'read_only' | 'immutable' | 'unknown_kind' | 'invalid_query' | 'id_mismatch' | 'unsupported_media_type' | 'body_too_large' | 'method_not_allowed' | 'unauthenticated' | 'forbidden' | 'identity_provider_unavailable' | 'rate_limited' | 'not_found' | 'reference_not_found' | 'reference_ambiguous' | 'id_in_use' | 'in_use' | 'quota_exceeded' | 'quota_exists' | 'revision_mismatch' | 'subnet_overlap' | 'address_outside_subnet' | 'address_reserved' | 'address_in_use' | 'addresses_exhausted' | 'mac_in_use' | 'pool_overlap' | 'pool_contains_gateway' | 'family_mismatch' | 'network_overlap' | 'network_outside_subnets' | 'peer_conflict' | 'next_hop_unreachable' | 'route_in_use' | 'policy_route_in_use' | 'static_neighbour_in_use' | 'bfd_session_in_use' | 'qos_rule_in_use' | 'vlan_in_use' | 'segment_in_use' | 'dhcp_option_in_use' | 'dns_record_in_use' | 'virtual_port_in_use' | 'nat_rule_in_use' | 'rule_in_use' | 'too_many_sets' | 'contradiction' | 'mtu_too_large' | 'mtu_too_small' | 'keys_exhausted' | 'log_trimmed' | 'revision_unknown' | 'revision_not_reached' | 'not_connected' | 'invalid_option' | 'data_directory_in_use' | 'database_unsupported' | 'schema_too_new' | 'store_unavailable' | 'outcome_unknown' | 'write_conflict' | 'storage_full' | 'internal';
  readonly detail: string;
  /** What to do about it. */
  readonly help: string;
  /** JSON pointer of the member at fault. */
  readonly pointer?: string;
  /** The operation of a transaction at fault, from 0. */
  readonly operation?: number;
  readonly related?: readonly {
    readonly kind: string;
    readonly id: string;
    readonly name?: string;
  }[];
  readonly request_id: string;
}

/** How far a revision has come. */
export interface Progress {
  readonly revision: number;
  /** Connected hypervisors that lack nothing of the revision. */
  readonly applied: number;
  /** For a tenant: how many hypervisors are away, which nothing waits for. */
  readonly disconnected?: number;
  readonly pending: readonly {
    readonly name: string;
    readonly reason: string;
  }[] | number;
  readonly failed: readonly {
    readonly name: string;
    readonly error: string;
    readonly kind: string;
    readonly id: string;
  }[] | number;
  /** The object written. */
  readonly object?: unknown;
}

/** Who wrote a revision, and which hypervisors have it. */
export interface RevisionReport {
  readonly revision: number;
  /** When it was written. */
  readonly at: string;
  /** Who wrote it; null for a tenant where it was not its doing. */
  readonly by: string | null;
  readonly from?: {
    readonly subject: string;
    readonly project_id: string;
    readonly remote_address: string;
    readonly source: string;
  };
  /** How many objects it changed, of those that the caller sees. */
  readonly changes: number;
  readonly hypervisors: {
    /** Connected hypervisors that lack nothing of the revision. */
    readonly applied: number;
    /** How many, which is what a tenant is told. */
    readonly disconnected?: number;
    readonly pending: readonly {
      readonly name: string;
      readonly reason: string;
    }[] | number;
    readonly failed: readonly {
      readonly name: string;
      readonly error: string;
      readonly kind: string;
      readonly id: string;
    }[] | number;
  };
}

export interface HypervisorCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether it is to lose its duties as a gateway. */
  readonly drain?: boolean;
  /** Whether it may carry gateways. */
  readonly gateway?: boolean;
  /** Whether Weft may take over a bridge that it did not make and that is in use. */
  readonly adopt?: boolean;
  /** Whether it may join. Deletion sets this to false. */
  readonly allowed?: boolean;
  /** Whether it is a member. One that came by itself where hosts are approved (WEFT_ENROLMENT) waits until this is set to true. */
  readonly approved?: boolean;
  /** Where Weft dials its OVSDB, such as tcp:192.0.2.11:6640; null if it dials Weft. */
  readonly ovsdb_target?: string | null;
}

export interface HypervisorReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Whether it is to lose its duties as a gateway. */
  readonly drain?: boolean;
  /** Whether it may carry gateways. */
  readonly gateway?: boolean;
  /** Whether Weft may take over a bridge that it did not make and that is in use. */
  readonly adopt?: boolean;
  /** Whether it may join. Deletion sets this to false. */
  readonly allowed?: boolean;
  /** Whether it is a member. One that came by itself where hosts are approved (WEFT_ENROLMENT) waits until this is set to true. */
  readonly approved?: boolean;
  /** Where Weft dials its OVSDB, such as tcp:192.0.2.11:6640; null if it dials Weft. */
  readonly ovsdb_target?: string | null;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Its identity: external_ids:weft-hypervisor if set, else system-id. */
  readonly system_id?: string | null;
  /** The address of its end of the tunnels. */
  readonly encap_ip?: string | null;
  /** Encapsulations that it accepts, the preferred one first. */
  readonly encap_types?: readonly ('geneve' | 'vxlan')[];
  /** MTU of the network that carries its tunnels, in bytes. */
  readonly underlay_mtu?: number;
  /** The OpenFlow datapath id that Weft fixed for it: 16 hexadecimal digits, unguessable. */
  readonly datapath_id?: string;
  /** The bridge that Weft programs. */
  readonly bridge?: string;
  /** Data path in the kernel, or in user space. */
  readonly datapath_type?: 'system' | 'netdev';
  /** Its bridges that lead to physical networks: external_ids:weft-bridge-mappings. */
  readonly bridge_mappings?: readonly {
    readonly physical_network: string;
    readonly bridge: string;
  }[];
  /** The preferred encapsulation. */
  readonly encap_type?: string | null;
  /** Where it is on its way to being programmed. */
  readonly state?: string;
  /** Why it is in that state. */
  readonly reason?: string | null;
  /** Whether both connections are up. */
  readonly connected?: boolean;
  /** Whether its connection for packets that Weft answers is up. Without it they are dropped, and nothing else is different. */
  readonly punt_connected?: boolean;
  /** The revision that its switch has acknowledged. */
  readonly applied_revision?: number | null;
  /** How many revisions it is behind. */
  readonly lag?: number | null;
  /** How many flows Weft holds there. */
  readonly flows?: number | null;
  /** The version of its Open vSwitch. */
  readonly ovs_version?: string | null;
  /** The physical networks that it has a bridge for, or that ports on it need: whether the logical switches there are joined with it, and if not, why. */
  readonly physical_networks?: readonly {
    readonly physical_network: string;
    readonly bridge: string | null;
    readonly connected: boolean;
    readonly reason: string | null;
  }[];
  /** The last thing that went wrong with it. */
  readonly last_error?: string | null;
}

export interface HypervisorPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Its identity: external_ids:weft-hypervisor if set, else system-id. */
  readonly system_id?: string | null;
  /** The address of its end of the tunnels. */
  readonly encap_ip?: string | null;
  /** Encapsulations that it accepts, the preferred one first. */
  readonly encap_types?: readonly ('geneve' | 'vxlan')[];
  /** MTU of the network that carries its tunnels, in bytes. */
  readonly underlay_mtu?: number;
  /** The OpenFlow datapath id that Weft fixed for it: 16 hexadecimal digits, unguessable. */
  readonly datapath_id?: string;
  /** The bridge that Weft programs. */
  readonly bridge?: string;
  /** Data path in the kernel, or in user space. */
  readonly datapath_type?: 'system' | 'netdev';
  /** Its bridges that lead to physical networks: external_ids:weft-bridge-mappings. */
  readonly bridge_mappings?: readonly {
    readonly physical_network: string;
    readonly bridge: string;
  }[];
  /** The preferred encapsulation. */
  readonly encap_type?: string | null;
  /** Where it is on its way to being programmed. */
  readonly state?: string;
  /** Why it is in that state. */
  readonly reason?: string | null;
  /** Whether both connections are up. */
  readonly connected?: boolean;
  /** Whether its connection for packets that Weft answers is up. Without it they are dropped, and nothing else is different. */
  readonly punt_connected?: boolean;
  /** The revision that its switch has acknowledged. */
  readonly applied_revision?: number | null;
  /** How many revisions it is behind. */
  readonly lag?: number | null;
  /** How many flows Weft holds there. */
  readonly flows?: number | null;
  /** The version of its Open vSwitch. */
  readonly ovs_version?: string | null;
  /** The physical networks that it has a bridge for, or that ports on it need: whether the logical switches there are joined with it, and if not, why. */
  readonly physical_networks?: readonly {
    readonly physical_network: string;
    readonly bridge: string | null;
    readonly connected: boolean;
    readonly reason: string | null;
  }[];
  /** The last thing that went wrong with it. */
  readonly last_error?: string | null;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** Whether it is to lose its duties as a gateway. */
  readonly drain?: boolean | null;
  /** Whether it may carry gateways. */
  readonly gateway?: boolean | null;
  /** Whether Weft may take over a bridge that it did not make and that is in use. */
  readonly adopt?: boolean | null;
  /** Whether it may join. Deletion sets this to false. */
  readonly allowed?: boolean | null;
  /** Whether it is a member. One that came by itself where hosts are approved (WEFT_ENROLMENT) waits until this is set to true. */
  readonly approved?: boolean | null;
  /** Where Weft dials its OVSDB, such as tcp:192.0.2.11:6640; null if it dials Weft. */
  readonly ovsdb_target?: string | null;
}

/** A machine whose Open vSwitch Weft programs. */
export interface Hypervisor {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** Its identity: external_ids:weft-hypervisor if set, else system-id. */
  readonly system_id: string | null;
  /** The address of its end of the tunnels. */
  readonly encap_ip: string | null;
  /** Encapsulations that it accepts, the preferred one first. */
  readonly encap_types: readonly ('geneve' | 'vxlan')[];
  /** MTU of the network that carries its tunnels, in bytes. */
  readonly underlay_mtu: number;
  /** The OpenFlow datapath id that Weft fixed for it: 16 hexadecimal digits, unguessable. */
  readonly datapath_id: string;
  /** Whether it is to lose its duties as a gateway. */
  readonly drain: boolean;
  /** Whether it may carry gateways. */
  readonly gateway: boolean;
  /** Whether Weft may take over a bridge that it did not make and that is in use. */
  readonly adopt: boolean;
  /** Whether it may join. Deletion sets this to false. */
  readonly allowed: boolean;
  /** Whether it is a member. One that came by itself where hosts are approved (WEFT_ENROLMENT) waits until this is set to true. */
  readonly approved: boolean;
  /** Where Weft dials its OVSDB, such as tcp:192.0.2.11:6640; null if it dials Weft. */
  readonly ovsdb_target: string | null;
  /** The bridge that Weft programs. */
  readonly bridge: string;
  /** Data path in the kernel, or in user space. */
  readonly datapath_type: 'system' | 'netdev';
  /** Its bridges that lead to physical networks: external_ids:weft-bridge-mappings. */
  readonly bridge_mappings: readonly {
    readonly physical_network: string;
    readonly bridge: string;
  }[];
  /** The preferred encapsulation. */
  readonly encap_type: string | null;
  /** Where it is on its way to being programmed. */
  readonly state: string;
  /** Why it is in that state. */
  readonly reason: string | null;
  /** Whether both connections are up. */
  readonly connected: boolean;
  /** Whether its connection for packets that Weft answers is up. Without it they are dropped, and nothing else is different. */
  readonly punt_connected: boolean;
  /** The revision that its switch has acknowledged. */
  readonly applied_revision: number | null;
  /** How many revisions it is behind. */
  readonly lag: number | null;
  /** How many flows Weft holds there. */
  readonly flows: number | null;
  /** The version of its Open vSwitch. */
  readonly ovs_version: string | null;
  /** The physical networks that it has a bridge for, or that ports on it need: whether the logical switches there are joined with it, and if not, why. */
  readonly physical_networks: readonly {
    readonly physical_network: string;
    readonly bridge: string | null;
    readonly connected: boolean;
    readonly reason: string | null;
  }[];
  /** The last thing that went wrong with it. */
  readonly last_error: string | null;
}

export interface LogicalSwitchCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Largest IP packet in bytes. Left out: what the underlay allows, and it follows the underlay. That of a physical network is not known to Weft: what is set counts. */
  readonly mtu?: number | null;
  /** The physical network that it is part of, instead of tunnels: with vlan as that VLAN, without one untagged. Hosts name the bridge that leads there in external_ids:weft-bridge-mappings. */
  readonly provider?: {
    readonly physical_network: string;
    readonly vlan?: number | null;
  } | null;
  /** The domain of its ports: Weft then answers DNS at the gateway address, for PORT_NAME.DOMAIN and its dns-records. Null: no DNS. */
  readonly dns_domain?: string | null;
  /** Projects that see it and use it beside its own; "*" is every project. */
  readonly shared_with?: readonly string[];
  /** The subnets of the logical switch. May be given at creation, without logical_switch_id. */
  readonly subnets?: readonly {
    /** Identity; any UUID may be chosen at creation. */
    readonly id?: string;
    /** Name for people; not unique. */
    readonly name?: string;
    /** The project (tenant) that owns the object. */
    readonly project_id?: string;
    /** Key-value pairs for the use of the caller. */
    readonly labels?: Readonly<Record<string, string>>;
    /** The range; ranges of one logical switch do not overlap. */
    readonly cidr: string;
    /** The address of the router, inside the range. */
    readonly gateway_ip?: string | null;
    /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
    readonly allocation_pools?: readonly {
      readonly start: string;
      readonly end: string;
    }[];
    /** DNS servers told to workloads. */
    readonly dns_servers?: readonly string[];
    /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
    readonly dhcp?: boolean;
    /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
    readonly ipv6_address_mode?: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
    /** Routes told to workloads. */
    readonly host_routes?: readonly {
      readonly destination: string;
      readonly next_hop: string;
    }[];
  }[];
}

export interface LogicalSwitchReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Largest IP packet in bytes. Left out: what the underlay allows, and it follows the underlay. That of a physical network is not known to Weft: what is set counts. */
  readonly mtu?: number | null;
  /** The physical network that it is part of, instead of tunnels: with vlan as that VLAN, without one untagged. Hosts name the bridge that leads there in external_ids:weft-bridge-mappings. */
  readonly provider?: {
    readonly physical_network: string;
    readonly vlan?: number | null;
  } | null;
  /** The domain of its ports: Weft then answers DNS at the gateway address, for PORT_NAME.DOMAIN and its dns-records. Null: no DNS. */
  readonly dns_domain?: string | null;
  /** Projects that see it and use it beside its own; "*" is every project. */
  readonly shared_with?: readonly string[];
  readonly subnets?: readonly {
    /** Identity; any UUID may be chosen at creation. */
    readonly id?: string;
    /** Name for people; not unique. */
    readonly name?: string;
    /** The project (tenant) that owns the object. */
    readonly project_id?: string;
    /** Key-value pairs for the use of the caller. */
    readonly labels?: Readonly<Record<string, string>>;
    /** The range; ranges of one logical switch do not overlap. */
    readonly cidr: string;
    /** The address of the router, inside the range. */
    readonly gateway_ip?: string | null;
    /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
    readonly allocation_pools?: readonly {
      readonly start: string;
      readonly end: string;
    }[];
    /** DNS servers told to workloads. */
    readonly dns_servers?: readonly string[];
    /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
    readonly dhcp?: boolean;
    /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
    readonly ipv6_address_mode?: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
    /** Routes told to workloads. */
    readonly host_routes?: readonly {
      readonly destination: string;
      readonly next_hop: string;
    }[];
  }[] | readonly {
    /** Identity; any UUID may be chosen at creation. */
    readonly id: string;
    /** Name for people; not unique. */
    readonly name: string;
    /** The project (tenant) that owns the object. */
    readonly project_id: string;
    /** Key-value pairs for the use of the caller. */
    readonly labels: Readonly<Record<string, string>>;
    /** When the object was created. */
    readonly created_at: string;
    /** When the object was last changed. */
    readonly updated_at: string;
    /** The revision that last changed the object. */
    readonly revision: number;
    /** The logical switch. */
    readonly logical_switch_id: string;
    /** The range; ranges of one logical switch do not overlap. */
    readonly cidr: string;
    /** The address of the router, inside the range. */
    readonly gateway_ip: string | null;
    /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
    readonly allocation_pools: readonly {
      readonly start: string;
      readonly end: string;
    }[];
    /** DNS servers told to workloads. */
    readonly dns_servers: readonly string[];
    /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
    readonly dhcp: boolean;
    /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
    readonly ipv6_address_mode: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
    /** Routes told to workloads. */
    readonly host_routes: readonly {
      readonly destination: string;
      readonly next_hop: string;
    }[];
  }[];
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The MTU in force, in bytes: the one set, or what the underlay allows if that is less. */
  readonly effective_mtu?: number;
}

export interface LogicalSwitchPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The MTU in force, in bytes: the one set, or what the underlay allows if that is less. */
  readonly effective_mtu?: number;
  readonly subnets?: readonly {
    /** Identity; any UUID may be chosen at creation. */
    readonly id?: string;
    /** Name for people; not unique. */
    readonly name?: string;
    /** The project (tenant) that owns the object. */
    readonly project_id?: string;
    /** Key-value pairs for the use of the caller. */
    readonly labels?: Readonly<Record<string, string>>;
    /** The range; ranges of one logical switch do not overlap. */
    readonly cidr: string;
    /** The address of the router, inside the range. */
    readonly gateway_ip?: string | null;
    /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
    readonly allocation_pools?: readonly {
      readonly start: string;
      readonly end: string;
    }[];
    /** DNS servers told to workloads. */
    readonly dns_servers?: readonly string[];
    /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
    readonly dhcp?: boolean;
    /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
    readonly ipv6_address_mode?: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
    /** Routes told to workloads. */
    readonly host_routes?: readonly {
      readonly destination: string;
      readonly next_hop: string;
    }[];
  }[] | readonly {
    /** Identity; any UUID may be chosen at creation. */
    readonly id: string;
    /** Name for people; not unique. */
    readonly name: string;
    /** The project (tenant) that owns the object. */
    readonly project_id: string;
    /** Key-value pairs for the use of the caller. */
    readonly labels: Readonly<Record<string, string>>;
    /** When the object was created. */
    readonly created_at: string;
    /** When the object was last changed. */
    readonly updated_at: string;
    /** The revision that last changed the object. */
    readonly revision: number;
    /** The logical switch. */
    readonly logical_switch_id: string;
    /** The range; ranges of one logical switch do not overlap. */
    readonly cidr: string;
    /** The address of the router, inside the range. */
    readonly gateway_ip: string | null;
    /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
    readonly allocation_pools: readonly {
      readonly start: string;
      readonly end: string;
    }[];
    /** DNS servers told to workloads. */
    readonly dns_servers: readonly string[];
    /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
    readonly dhcp: boolean;
    /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
    readonly ipv6_address_mode: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
    /** Routes told to workloads. */
    readonly host_routes: readonly {
      readonly destination: string;
      readonly next_hop: string;
    }[];
  }[];
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** Largest IP packet in bytes. Left out: what the underlay allows, and it follows the underlay. That of a physical network is not known to Weft: what is set counts. */
  readonly mtu?: number | null;
  /** The physical network that it is part of, instead of tunnels: with vlan as that VLAN, without one untagged. Hosts name the bridge that leads there in external_ids:weft-bridge-mappings. */
  readonly provider?: {
    readonly physical_network: string;
    readonly vlan?: number | null;
  } | null;
  /** The domain of its ports: Weft then answers DNS at the gateway address, for PORT_NAME.DOMAIN and its dns-records. Null: no DNS. */
  readonly dns_domain?: string | null;
  /** Projects that see it and use it beside its own; "*" is every project. */
  readonly shared_with?: readonly string[] | null;
}

/** A layer 2 network: one broadcast domain over all hypervisors. */
export interface LogicalSwitch {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** Largest IP packet in bytes. Left out: what the underlay allows, and it follows the underlay. That of a physical network is not known to Weft: what is set counts. */
  readonly mtu: number | null;
  /** The physical network that it is part of, instead of tunnels: with vlan as that VLAN, without one untagged. Hosts name the bridge that leads there in external_ids:weft-bridge-mappings. */
  readonly provider?: {
    readonly physical_network: string;
    readonly vlan?: number | null;
  } | null;
  /** The domain of its ports: Weft then answers DNS at the gateway address, for PORT_NAME.DOMAIN and its dns-records. Null: no DNS. */
  readonly dns_domain: string | null;
  /** Projects that see it and use it beside its own; "*" is every project. */
  readonly shared_with: readonly string[];
  /** The MTU in force, in bytes: the one set, or what the underlay allows if that is less. */
  readonly effective_mtu: number;
  /** The subnets of the logical switch. May be given at creation, without logical_switch_id. */
  readonly subnets: readonly {
    /** Identity; any UUID may be chosen at creation. */
    readonly id: string;
    /** Name for people; not unique. */
    readonly name: string;
    /** The project (tenant) that owns the object. */
    readonly project_id: string;
    /** Key-value pairs for the use of the caller. */
    readonly labels: Readonly<Record<string, string>>;
    /** When the object was created. */
    readonly created_at: string;
    /** When the object was last changed. */
    readonly updated_at: string;
    /** The revision that last changed the object. */
    readonly revision: number;
    /** The logical switch. */
    readonly logical_switch_id: string;
    /** The range; ranges of one logical switch do not overlap. */
    readonly cidr: string;
    /** The address of the router, inside the range. */
    readonly gateway_ip: string | null;
    /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
    readonly allocation_pools: readonly {
      readonly start: string;
      readonly end: string;
    }[];
    /** DNS servers told to workloads. */
    readonly dns_servers: readonly string[];
    /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
    readonly dhcp: boolean;
    /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
    readonly ipv6_address_mode: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
    /** Routes told to workloads. */
    readonly host_routes: readonly {
      readonly destination: string;
      readonly next_hop: string;
    }[];
  }[];
}

export interface SubnetCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The range; ranges of one logical switch do not overlap. */
  readonly cidr: string;
  /** The address of the router, inside the range. */
  readonly gateway_ip?: string | null;
  /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
  readonly allocation_pools?: readonly {
    readonly start: string;
    readonly end: string;
  }[];
  /** DNS servers told to workloads. */
  readonly dns_servers?: readonly string[];
  /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
  readonly dhcp?: boolean;
  /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
  readonly ipv6_address_mode?: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
  /** Routes told to workloads. */
  readonly host_routes?: readonly {
    readonly destination: string;
    readonly next_hop: string;
  }[];
}

export interface SubnetReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The range; ranges of one logical switch do not overlap. */
  readonly cidr: string;
  /** The address of the router, inside the range. */
  readonly gateway_ip?: string | null;
  /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
  readonly allocation_pools?: readonly {
    readonly start: string;
    readonly end: string;
  }[];
  /** DNS servers told to workloads. */
  readonly dns_servers?: readonly string[];
  /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
  readonly dhcp?: boolean;
  /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
  readonly ipv6_address_mode?: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
  /** Routes told to workloads. */
  readonly host_routes?: readonly {
    readonly destination: string;
    readonly next_hop: string;
  }[];
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface SubnetPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical switch. */
  readonly logical_switch_id?: string | null;
  /** The range; ranges of one logical switch do not overlap. */
  readonly cidr?: string | null;
  /** The address of the router, inside the range. */
  readonly gateway_ip?: string | null;
  /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
  readonly allocation_pools?: readonly {
    readonly start: string;
    readonly end: string;
  }[] | null;
  /** DNS servers told to workloads. */
  readonly dns_servers?: readonly string[] | null;
  /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
  readonly dhcp?: boolean | null;
  /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
  readonly ipv6_address_mode?: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
  /** Routes told to workloads. */
  readonly host_routes?: readonly {
    readonly destination: string;
    readonly next_hop: string;
  }[] | null;
}

/** A range of IP addresses of a logical switch, from which its ports get theirs. */
export interface Subnet {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The range; ranges of one logical switch do not overlap. */
  readonly cidr: string;
  /** The address of the router, inside the range. */
  readonly gateway_ip: string | null;
  /** Where addresses are allocated from. Empty: the whole range without the gateway, and in an IPv6 /64 the EUI-64 address of the MAC. */
  readonly allocation_pools: readonly {
    readonly start: string;
    readonly end: string;
  }[];
  /** DNS servers told to workloads. */
  readonly dns_servers: readonly string[];
  /** Whether Weft answers DHCP (of both families) and sends router advertisements (IPv6). */
  readonly dhcp: boolean;
  /** How ports get their IPv6 addresses. Null: by SLAAC where addresses are EUI-64, else by DHCPv6. */
  readonly ipv6_address_mode: 'slaac' | 'dhcpv6-stateless' | 'dhcpv6-stateful' | null;
  /** Routes told to workloads. */
  readonly host_routes: readonly {
    readonly destination: string;
    readonly next_hop: string;
  }[];
}

export interface LogicalRouterCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Administrative state; a disabled router drops everything. */
  readonly enabled?: boolean;
  /** The logical switch of a physical network on which one hypervisor at a time speaks for the router: the first of these that can; left out: of those with gateway=true. The addresses are those of the router port there. */
  readonly gateway?: {
    readonly logical_switch_id: string;
    readonly hypervisors?: readonly string[] | null;
  } | null;
}

export interface LogicalRouterReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Administrative state; a disabled router drops everything. */
  readonly enabled?: boolean;
  /** The logical switch of a physical network on which one hypervisor at a time speaks for the router: the first of these that can; left out: of those with gateway=true. The addresses are those of the router port there. */
  readonly gateway?: {
    readonly logical_switch_id: string;
    readonly hypervisors?: readonly string[] | null;
  } | null;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Which hypervisor speaks for the router outside, which others may, and why it is that one; how many hypervisors send to each, and who has lost it by BFD (ten at most). */
  readonly gateway_status?: {
    readonly hypervisor: string | null;
    readonly candidates: readonly {
      readonly hypervisor: string;
      readonly active: boolean;
      readonly reason: string;
      readonly used_by: number;
      readonly lost_by: readonly {
        readonly hypervisor: string;
        readonly reason: string;
      }[];
    }[];
  } | null;
}

export interface LogicalRouterPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Which hypervisor speaks for the router outside, which others may, and why it is that one; how many hypervisors send to each, and who has lost it by BFD (ten at most). */
  readonly gateway_status?: {
    readonly hypervisor: string | null;
    readonly candidates: readonly {
      readonly hypervisor: string;
      readonly active: boolean;
      readonly reason: string;
      readonly used_by: number;
      readonly lost_by: readonly {
        readonly hypervisor: string;
        readonly reason: string;
      }[];
    }[];
  } | null;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** Administrative state; a disabled router drops everything. */
  readonly enabled?: boolean | null;
  /** The logical switch of a physical network on which one hypervisor at a time speaks for the router: the first of these that can; left out: of those with gateway=true. The addresses are those of the router port there. */
  readonly gateway?: {
    readonly logical_switch_id: string;
    readonly hypervisors?: readonly string[] | null;
  } | null;
}

/** A router between logical switches and other logical routers, distributed over the hypervisors. */
export interface LogicalRouter {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** Administrative state; a disabled router drops everything. */
  readonly enabled: boolean;
  /** The logical switch of a physical network on which one hypervisor at a time speaks for the router: the first of these that can; left out: of those with gateway=true. The addresses are those of the router port there. */
  readonly gateway?: {
    readonly logical_switch_id: string;
    readonly hypervisors?: readonly string[] | null;
  } | null;
  /** Which hypervisor speaks for the router outside, which others may, and why it is that one; how many hypervisors send to each, and who has lost it by BFD (ten at most). */
  readonly gateway_status?: {
    readonly hypervisor: string | null;
    readonly candidates: readonly {
      readonly hypervisor: string;
      readonly active: boolean;
      readonly reason: string;
      readonly used_by: number;
      readonly lost_by: readonly {
        readonly hypervisor: string;
        readonly reason: string;
      }[];
    }[];
  } | null;
}

export interface SecurityGroupCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Directions in which its ports are denied what no rule allows (policyTypes of a NetworkPolicy). */
  readonly isolates?: readonly ('ingress' | 'egress')[];
  /** Ports of the same project that belong to it by their labels, besides those that name it; {} selects all of them. */
  readonly port_selector?: {
    readonly match_labels?: Readonly<Record<string, string>>;
    readonly match_expressions?: readonly {
      readonly key: string;
      readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
      readonly values?: readonly string[];
    }[];
  } | null;
  /** Writes to the log what ports of the group are denied because no rule of theirs says anything about it. */
  readonly log_denied?: boolean;
}

export interface SecurityGroupReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Directions in which its ports are denied what no rule allows (policyTypes of a NetworkPolicy). */
  readonly isolates?: readonly ('ingress' | 'egress')[];
  /** Ports of the same project that belong to it by their labels, besides those that name it; {} selects all of them. */
  readonly port_selector?: {
    readonly match_labels?: Readonly<Record<string, string>>;
    readonly match_expressions?: readonly {
      readonly key: string;
      readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
      readonly values?: readonly string[];
    }[];
  } | null;
  /** Writes to the log what ports of the group are denied because no rule of theirs says anything about it. */
  readonly log_denied?: boolean;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface SecurityGroupPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** Directions in which its ports are denied what no rule allows (policyTypes of a NetworkPolicy). */
  readonly isolates?: readonly ('ingress' | 'egress')[] | null;
  /** Ports of the same project that belong to it by their labels, besides those that name it; {} selects all of them. */
  readonly port_selector?: {
    readonly match_labels?: Readonly<Record<string, string>>;
    readonly match_expressions?: readonly {
      readonly key: string;
      readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
      readonly values?: readonly string[];
    }[];
  } | null;
  /** Writes to the log what ports of the group are denied because no rule of theirs says anything about it. */
  readonly log_denied?: boolean | null;
}

/** Ports to which the same rules apply: those that name it, and those that its selector selects. */
export interface SecurityGroup {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** Directions in which its ports are denied what no rule allows (policyTypes of a NetworkPolicy). */
  readonly isolates: readonly ('ingress' | 'egress')[];
  /** Ports of the same project that belong to it by their labels, besides those that name it; {} selects all of them. */
  readonly port_selector: {
    readonly match_labels?: Readonly<Record<string, string>>;
    readonly match_expressions?: readonly {
      readonly key: string;
      readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
      readonly values?: readonly string[];
    }[];
  } | null;
  /** Writes to the log what ports of the group are denied because no rule of theirs says anything about it. */
  readonly log_denied: boolean;
}

export interface AddressSetCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** IP addresses and networks, of both families. */
  readonly addresses?: readonly string[];
}

export interface AddressSetReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** IP addresses and networks, of both families. */
  readonly addresses?: readonly string[];
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface AddressSetPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** IP addresses and networks, of both families. */
  readonly addresses?: readonly string[] | null;
}

/** Addresses and networks under one name, for rules of security groups. */
export interface AddressSet {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** IP addresses and networks, of both families. */
  readonly addresses: readonly string[];
}

export interface SecurityGroupRuleCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The security group. */
  readonly security_group_id: string;
  /** Whether the port receives (ingress) or opens (egress) the connection. */
  readonly direction: 'ingress' | 'egress';
  /** The family; left out: that of remote_cidr or of the protocol, else both. */
  readonly ethertype?: 'ipv4' | 'ipv6' | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol?: string | number | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min?: number | null;
  /** Last destination port. */
  readonly port_max?: number | null;
  /** ICMP type, for icmp and icmpv6; left out: any. */
  readonly icmp_type?: number | null;
  /** ICMP code; left out: any. */
  readonly icmp_code?: number | null;
  /** Who is on the other side: addresses of this range. */
  readonly remote_cidr?: string | null;
  /** Who is on the other side: ports of this security group, by their addresses. */
  readonly remote_group_id?: string | null;
  /** Who is on the other side: addresses of this set. */
  readonly remote_address_set_id?: string | null;
  /** What becomes of what it matches. */
  readonly action?: 'allow' | 'drop' | 'reject';
  /** The highest of those that match decides. */
  readonly priority?: number;
  /** Judges each packet by itself, before all rules that are not stateless; replies need a rule of their own. */
  readonly stateless?: boolean;
  /** Writes what it decides to the log, as far as the limits for that allow: of what it allows the beginning of each connection, of what it drops or rejects (and of a stateless rule) each packet. */
  readonly log?: boolean;
}

export interface SecurityGroupRuleReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The security group. */
  readonly security_group_id: string;
  /** Whether the port receives (ingress) or opens (egress) the connection. */
  readonly direction: 'ingress' | 'egress';
  /** The family; left out: that of remote_cidr or of the protocol, else both. */
  readonly ethertype?: 'ipv4' | 'ipv6' | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol?: string | number | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min?: number | null;
  /** Last destination port. */
  readonly port_max?: number | null;
  /** ICMP type, for icmp and icmpv6; left out: any. */
  readonly icmp_type?: number | null;
  /** ICMP code; left out: any. */
  readonly icmp_code?: number | null;
  /** Who is on the other side: addresses of this range. */
  readonly remote_cidr?: string | null;
  /** Who is on the other side: ports of this security group, by their addresses. */
  readonly remote_group_id?: string | null;
  /** Who is on the other side: addresses of this set. */
  readonly remote_address_set_id?: string | null;
  /** What becomes of what it matches. */
  readonly action?: 'allow' | 'drop' | 'reject';
  /** The highest of those that match decides. */
  readonly priority?: number;
  /** Judges each packet by itself, before all rules that are not stateless; replies need a rule of their own. */
  readonly stateless?: boolean;
  /** Writes what it decides to the log, as far as the limits for that allow: of what it allows the beginning of each connection, of what it drops or rejects (and of a stateless rule) each packet. */
  readonly log?: boolean;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface SecurityGroupRulePatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The security group. */
  readonly security_group_id?: string | null;
  /** Whether the port receives (ingress) or opens (egress) the connection. */
  readonly direction?: 'ingress' | 'egress' | null;
  /** The family; left out: that of remote_cidr or of the protocol, else both. */
  readonly ethertype?: 'ipv4' | 'ipv6' | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol?: string | number | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min?: number | null;
  /** Last destination port. */
  readonly port_max?: number | null;
  /** ICMP type, for icmp and icmpv6; left out: any. */
  readonly icmp_type?: number | null;
  /** ICMP code; left out: any. */
  readonly icmp_code?: number | null;
  /** Who is on the other side: addresses of this range. */
  readonly remote_cidr?: string | null;
  /** Who is on the other side: ports of this security group, by their addresses. */
  readonly remote_group_id?: string | null;
  /** Who is on the other side: addresses of this set. */
  readonly remote_address_set_id?: string | null;
  /** What becomes of what it matches. */
  readonly action?: 'allow' | 'drop' | 'reject' | null;
  /** The highest of those that match decides. */
  readonly priority?: number | null;
  /** Judges each packet by itself, before all rules that are not stateless; replies need a rule of their own. */
  readonly stateless?: boolean | null;
  /** Writes what it decides to the log, as far as the limits for that allow: of what it allows the beginning of each connection, of what it drops or rejects (and of a stateless rule) each packet. */
  readonly log?: boolean | null;
}

/** What becomes of connections of the ports of a security group. Of the rules of all groups of a port that match, the highest priority decides, at the same priority drop and reject before allow. */
export interface SecurityGroupRule {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The security group. */
  readonly security_group_id: string;
  /** Whether the port receives (ingress) or opens (egress) the connection. */
  readonly direction: 'ingress' | 'egress';
  /** The family; left out: that of remote_cidr or of the protocol, else both. */
  readonly ethertype: 'ipv4' | 'ipv6' | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol: string | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min: number | null;
  /** Last destination port. */
  readonly port_max: number | null;
  /** ICMP type, for icmp and icmpv6; left out: any. */
  readonly icmp_type: number | null;
  /** ICMP code; left out: any. */
  readonly icmp_code: number | null;
  /** Who is on the other side: addresses of this range. */
  readonly remote_cidr: string | null;
  /** Who is on the other side: ports of this security group, by their addresses. */
  readonly remote_group_id: string | null;
  /** Who is on the other side: addresses of this set. */
  readonly remote_address_set_id: string | null;
  /** What becomes of what it matches. */
  readonly action: 'allow' | 'drop' | 'reject';
  /** The highest of those that match decides. */
  readonly priority: number;
  /** Judges each packet by itself, before all rules that are not stateless; replies need a rule of their own. */
  readonly stateless: boolean;
  /** Writes what it decides to the log, as far as the limits for that allow: of what it allows the beginning of each connection, of what it drops or rejects (and of a stateless rule) each packet. */
  readonly log: boolean;
}

export interface LogicalSwitchPortCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The MAC address of the workload; unique on the logical switch. */
  readonly mac?: string;
  /** The IP addresses of the workload. Left out: one from a subnet of each family. */
  readonly ips?: readonly (string | {
    readonly ip?: string | null;
    readonly subnet_id?: string | null;
  })[];
  /** Whether only packets from its own MAC and IP addresses are let in. */
  readonly port_security?: boolean;
  /** Further sources that port security lets in; without mac, that of the port. */
  readonly allowed_addresses?: readonly {
    readonly mac?: string | null;
    readonly cidr: string;
  }[];
  /** Administrative state; a disabled port drops everything. */
  readonly enabled?: boolean;
  /** Whether MAC addresses that nobody owns are behind it: it gets unknown unicast, and sources are learned. */
  readonly unknown_macs?: boolean;
  /** Security groups that it belongs to, besides those that select it by its labels. */
  readonly security_groups?: readonly string[];
  /** Makes it a sub-port: it is where that port is, and its packets carry this VLAN tag between there and the workload behind that port. */
  readonly parent?: {
    readonly port_id: string;
    readonly vlan: number;
  } | null;
  /** Makes it a local port: on each hypervisor where an interface claims it, and for the workloads of that hypervisor alone. It has these link-local addresses beside its own, such as 169.254.169.254 and fe80::a9fe:a9fe for metadata. */
  readonly local?: {
    readonly addresses: readonly string[];
  } | null;
  /** Name of the hypervisor that may claim it when several do. Of a sub-port it says nothing. */
  readonly hypervisor?: string | null;
  /** Whether Weft makes its interface: an internal port of Open vSwitch on that hypervisor, named wint and the last 11 digits of the id, which can be moved into a container. */
  readonly internal_interface?: boolean;
}

export interface LogicalSwitchPortReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The MAC address of the workload; unique on the logical switch. */
  readonly mac?: string;
  /** The IP addresses of the workload. Left out: one from a subnet of each family. */
  readonly ips?: readonly (string | {
    readonly ip?: string | null;
    readonly subnet_id?: string | null;
  })[];
  /** Whether only packets from its own MAC and IP addresses are let in. */
  readonly port_security?: boolean;
  /** Further sources that port security lets in; without mac, that of the port. */
  readonly allowed_addresses?: readonly {
    readonly mac?: string | null;
    readonly cidr: string;
  }[];
  /** Administrative state; a disabled port drops everything. */
  readonly enabled?: boolean;
  /** Whether MAC addresses that nobody owns are behind it: it gets unknown unicast, and sources are learned. */
  readonly unknown_macs?: boolean;
  /** Security groups that it belongs to, besides those that select it by its labels. */
  readonly security_groups?: readonly string[];
  /** Makes it a sub-port: it is where that port is, and its packets carry this VLAN tag between there and the workload behind that port. */
  readonly parent?: {
    readonly port_id: string;
    readonly vlan: number;
  } | null;
  /** Makes it a local port: on each hypervisor where an interface claims it, and for the workloads of that hypervisor alone. It has these link-local addresses beside its own, such as 169.254.169.254 and fe80::a9fe:a9fe for metadata. */
  readonly local?: {
    readonly addresses: readonly string[];
  } | null;
  /** Name of the hypervisor that may claim it when several do. Of a sub-port it says nothing. */
  readonly hypervisor?: string | null;
  /** Whether Weft makes its interface: an internal port of Open vSwitch on that hypervisor, named wint and the last 11 digits of the id, which can be moved into a container. */
  readonly internal_interface?: boolean;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Where the port is bound, and whether its flows are in force there. */
  readonly status?: {
    readonly bound_to: string | null;
    readonly up: boolean;
    readonly applied_revision: number | null;
    readonly state: string;
    readonly reason: string | null;
  };
}

export interface LogicalSwitchPortPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Where the port is bound, and whether its flows are in force there. */
  readonly status?: {
    readonly bound_to: string | null;
    readonly up: boolean;
    readonly applied_revision: number | null;
    readonly state: string;
    readonly reason: string | null;
  };
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical switch. */
  readonly logical_switch_id?: string | null;
  /** The MAC address of the workload; unique on the logical switch. */
  readonly mac?: string | null;
  /** The IP addresses of the workload. Left out: one from a subnet of each family. */
  readonly ips?: readonly (string | {
    readonly ip?: string | null;
    readonly subnet_id?: string | null;
  })[] | null;
  /** Whether only packets from its own MAC and IP addresses are let in. */
  readonly port_security?: boolean | null;
  /** Further sources that port security lets in; without mac, that of the port. */
  readonly allowed_addresses?: readonly {
    readonly mac?: string | null;
    readonly cidr: string;
  }[] | null;
  /** Administrative state; a disabled port drops everything. */
  readonly enabled?: boolean | null;
  /** Whether MAC addresses that nobody owns are behind it: it gets unknown unicast, and sources are learned. */
  readonly unknown_macs?: boolean | null;
  /** Security groups that it belongs to, besides those that select it by its labels. */
  readonly security_groups?: readonly string[] | null;
  /** Makes it a sub-port: it is where that port is, and its packets carry this VLAN tag between there and the workload behind that port. */
  readonly parent?: {
    readonly port_id: string;
    readonly vlan: number;
  } | null;
  /** Makes it a local port: on each hypervisor where an interface claims it, and for the workloads of that hypervisor alone. It has these link-local addresses beside its own, such as 169.254.169.254 and fe80::a9fe:a9fe for metadata. */
  readonly local?: {
    readonly addresses: readonly string[];
  } | null;
  /** Name of the hypervisor that may claim it when several do. Of a sub-port it says nothing. */
  readonly hypervisor?: string | null;
  /** Whether Weft makes its interface: an internal port of Open vSwitch on that hypervisor, named wint and the last 11 digits of the id, which can be moved into a container. */
  readonly internal_interface?: boolean | null;
}

/** Where a workload (a VM or container) is attached to a logical switch. */
export interface LogicalSwitchPort {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The MAC address of the workload; unique on the logical switch. */
  readonly mac: string;
  /** The IP addresses of the workload. Left out: one from a subnet of each family. */
  readonly ips: readonly {
    readonly ip: string;
    readonly subnet_id: string;
  }[];
  /** Whether only packets from its own MAC and IP addresses are let in. */
  readonly port_security: boolean;
  /** Further sources that port security lets in; without mac, that of the port. */
  readonly allowed_addresses: readonly {
    readonly mac?: string | null;
    readonly cidr: string;
  }[];
  /** Administrative state; a disabled port drops everything. */
  readonly enabled: boolean;
  /** Whether MAC addresses that nobody owns are behind it: it gets unknown unicast, and sources are learned. */
  readonly unknown_macs: boolean;
  /** Security groups that it belongs to, besides those that select it by its labels. */
  readonly security_groups: readonly string[];
  /** Makes it a sub-port: it is where that port is, and its packets carry this VLAN tag between there and the workload behind that port. */
  readonly parent: {
    readonly port_id: string;
    readonly vlan: number;
  } | null;
  /** Makes it a local port: on each hypervisor where an interface claims it, and for the workloads of that hypervisor alone. It has these link-local addresses beside its own, such as 169.254.169.254 and fe80::a9fe:a9fe for metadata. */
  readonly local?: {
    readonly addresses: readonly string[];
  } | null;
  /** Name of the hypervisor that may claim it when several do. Of a sub-port it says nothing. */
  readonly hypervisor?: string | null;
  /** Whether Weft makes its interface: an internal port of Open vSwitch on that hypervisor, named wint and the last 11 digits of the id, which can be moved into a container. */
  readonly internal_interface?: boolean;
  /** Where the port is bound, and whether its flows are in force there. */
  readonly status: {
    readonly bound_to: string | null;
    readonly up: boolean;
    readonly applied_revision: number | null;
    readonly state: string;
    readonly reason: string | null;
  };
}

export interface VirtualAddressCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The address, which no port and no router has. */
  readonly ip: string;
  /** Ports of the logical switch that may have it. The allowed_addresses of each must let it through. */
  readonly logical_switch_port_ids: readonly string[];
}

export interface VirtualAddressReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The address, which no port and no router has. */
  readonly ip: string;
  /** Ports of the logical switch that may have it. The allowed_addresses of each must let it through. */
  readonly logical_switch_port_ids: readonly string[];
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The port that has announced it last; null: none has yet. */
  readonly holder_id?: string | null;
}

export interface VirtualAddressPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The port that has announced it last; null: none has yet. */
  readonly holder_id?: string | null;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical switch. */
  readonly logical_switch_id?: string | null;
  /** The address, which no port and no router has. */
  readonly ip?: string | null;
  /** Ports of the logical switch that may have it. The allowed_addresses of each must let it through. */
  readonly logical_switch_port_ids?: readonly string[] | null;
}

/** An address that moves between ports (VRRP, keepalived): routers send it to the port that has announced it last, by gratuitous ARP or an unsolicited neighbour advertisement. */
export interface VirtualAddress {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical switch. */
  readonly logical_switch_id: string;
  /** The address, which no port and no router has. */
  readonly ip: string;
  /** Ports of the logical switch that may have it. The allowed_addresses of each must let it through. */
  readonly logical_switch_port_ids: readonly string[];
  /** The port that has announced it last; null: none has yet. */
  readonly holder_id: string | null;
}

export interface LogicalRouterPortCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The logical switch that it is on, unless it has a peer. */
  readonly logical_switch_id?: string | null;
  /** The port of another logical router that it is joined with. Setting it joins both; null or deletion parts them. */
  readonly peer_id?: string | null;
  /** The MAC address of the router port; unique on the logical switch. */
  readonly mac?: string;
  /** Its addresses with the length of their network, such as 192.0.2.1/24. */
  readonly networks: readonly string[];
}

export interface LogicalRouterPortReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The logical switch that it is on, unless it has a peer. */
  readonly logical_switch_id?: string | null;
  /** The port of another logical router that it is joined with. Setting it joins both; null or deletion parts them. */
  readonly peer_id?: string | null;
  /** The MAC address of the router port; unique on the logical switch. */
  readonly mac?: string;
  /** Its addresses with the length of their network, such as 192.0.2.1/24. */
  readonly networks: readonly string[];
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface LogicalRouterPortPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical router. */
  readonly logical_router_id?: string | null;
  /** The logical switch that it is on, unless it has a peer. */
  readonly logical_switch_id?: string | null;
  /** The port of another logical router that it is joined with. Setting it joins both; null or deletion parts them. */
  readonly peer_id?: string | null;
  /** The MAC address of the router port; unique on the logical switch. */
  readonly mac?: string | null;
  /** Its addresses with the length of their network, such as 192.0.2.1/24. */
  readonly networks?: readonly string[] | null;
}

/** An interface of a logical router: on a logical switch, or joined with a port of another logical router. */
export interface LogicalRouterPort {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The logical switch that it is on, unless it has a peer. */
  readonly logical_switch_id: string | null;
  /** The port of another logical router that it is joined with. Setting it joins both; null or deletion parts them. */
  readonly peer_id: string | null;
  /** The MAC address of the router port; unique on the logical switch. */
  readonly mac: string;
  /** Its addresses with the length of their network, such as 192.0.2.1/24. */
  readonly networks: readonly string[];
}

export interface StaticRouteCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The destination; of several that match the longest prefix wins. */
  readonly destination: string;
  /** Where to send it: an address in a network of a port of the router. */
  readonly next_hop?: string | null;
  /** Drop what matches, instead of a next hop. */
  readonly discard?: boolean;
}

export interface StaticRouteReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The destination; of several that match the longest prefix wins. */
  readonly destination: string;
  /** Where to send it: an address in a network of a port of the router. */
  readonly next_hop?: string | null;
  /** Drop what matches, instead of a next hop. */
  readonly discard?: boolean;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface StaticRoutePatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical router. */
  readonly logical_router_id?: string | null;
  /** The destination; of several that match the longest prefix wins. */
  readonly destination?: string | null;
  /** Where to send it: an address in a network of a port of the router. */
  readonly next_hop?: string | null;
  /** Drop what matches, instead of a next hop. */
  readonly discard?: boolean | null;
}

/** A route of a logical router. Several next hops for one destination share its traffic (ECMP). */
export interface StaticRoute {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The destination; of several that match the longest prefix wins. */
  readonly destination: string;
  /** Where to send it: an address in a network of a port of the router. */
  readonly next_hop: string | null;
  /** Drop what matches, instead of a next hop. */
  readonly discard: boolean;
}

export interface PolicyRouteCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The highest of those that match decides. */
  readonly priority: number;
  /** Where packets come from; left out: from anywhere. */
  readonly source?: string | null;
  /** Where they go; left out: anywhere. */
  readonly destination?: string | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol?: string | number | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min?: number | null;
  /** Last destination port. */
  readonly port_max?: number | null;
  /** The mark that the Linux kernel has given to packets of the host (skb mark), in the bits of mask; mask left out: in all. */
  readonly mark?: {
    readonly value: number;
    readonly mask?: number | null;
  } | null;
  /** allow: the routes decide; drop; reroute: to a next hop, whatever the routes say. */
  readonly action: 'allow' | 'drop' | 'reroute';
  /** For reroute: addresses in networks of ports of the router. Several share the traffic (ECMP). */
  readonly next_hops?: readonly string[];
}

export interface PolicyRouteReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The highest of those that match decides. */
  readonly priority: number;
  /** Where packets come from; left out: from anywhere. */
  readonly source?: string | null;
  /** Where they go; left out: anywhere. */
  readonly destination?: string | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol?: string | number | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min?: number | null;
  /** Last destination port. */
  readonly port_max?: number | null;
  /** The mark that the Linux kernel has given to packets of the host (skb mark), in the bits of mask; mask left out: in all. */
  readonly mark?: {
    readonly value: number;
    readonly mask?: number | null;
  } | null;
  /** allow: the routes decide; drop; reroute: to a next hop, whatever the routes say. */
  readonly action: 'allow' | 'drop' | 'reroute';
  /** For reroute: addresses in networks of ports of the router. Several share the traffic (ECMP). */
  readonly next_hops?: readonly string[];
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether it does what it says, and if not, why. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface PolicyRoutePatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether it does what it says, and if not, why. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical router. */
  readonly logical_router_id?: string | null;
  /** The highest of those that match decides. */
  readonly priority?: number | null;
  /** Where packets come from; left out: from anywhere. */
  readonly source?: string | null;
  /** Where they go; left out: anywhere. */
  readonly destination?: string | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol?: string | number | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min?: number | null;
  /** Last destination port. */
  readonly port_max?: number | null;
  /** The mark that the Linux kernel has given to packets of the host (skb mark), in the bits of mask; mask left out: in all. */
  readonly mark?: {
    readonly value: number;
    readonly mask?: number | null;
  } | null;
  /** allow: the routes decide; drop; reroute: to a next hop, whatever the routes say. */
  readonly action?: 'allow' | 'drop' | 'reroute' | null;
  /** For reroute: addresses in networks of ports of the router. Several share the traffic (ECMP). */
  readonly next_hops?: readonly string[] | null;
}

/** What a logical router does with packets for another reason than where they go: by source, protocol or mark. Asked before the routes; of those that match the highest priority decides. */
export interface PolicyRoute {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical router. */
  readonly logical_router_id: string;
  /** The highest of those that match decides. */
  readonly priority: number;
  /** Where packets come from; left out: from anywhere. */
  readonly source: string | null;
  /** Where they go; left out: anywhere. */
  readonly destination: string | null;
  /** Name or number of the protocol; left out: any. */
  readonly protocol: string | null;
  /** First destination port, for tcp, udp and sctp; left out with port_max: any. */
  readonly port_min: number | null;
  /** Last destination port. */
  readonly port_max: number | null;
  /** The mark that the Linux kernel has given to packets of the host (skb mark), in the bits of mask; mask left out: in all. */
  readonly mark: {
    readonly value: number;
    readonly mask?: number | null;
  } | null;
  /** allow: the routes decide; drop; reroute: to a next hop, whatever the routes say. */
  readonly action: 'allow' | 'drop' | 'reroute';
  /** For reroute: addresses in networks of ports of the router. Several share the traffic (ECMP). */
  readonly next_hops: readonly string[];
  /** Whether it does what it says, and if not, why. */
  readonly status: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface StaticNeighbourCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id: string;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip: string;
  /** Its MAC address. */
  readonly mac: string;
}

export interface StaticNeighbourReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id: string;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip: string;
  /** Its MAC address. */
  readonly mac: string;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface StaticNeighbourPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id?: string | null;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip?: string | null;
  /** Its MAC address. */
  readonly mac?: string | null;
}

/** The MAC address of a neighbour of a router port, which the router then neither asks for nor learns, and which wins over what a port with that address has. */
export interface StaticNeighbour {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id: string;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip: string;
  /** Its MAC address. */
  readonly mac: string;
}

export interface BfdSessionCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id: string;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip: string;
  /** The router sends no more often than every so many milliseconds. */
  readonly min_tx_ms?: number;
  /** The neighbour is to send no more often. */
  readonly min_rx_ms?: number;
  /** So many packets in a row that are missing say that the other end is gone. */
  readonly detect_multiplier?: number;
  /** Administrative state; of one that is disabled the neighbour is told so, and it counts as alive. */
  readonly enabled?: boolean;
}

export interface BfdSessionReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id: string;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip: string;
  /** The router sends no more often than every so many milliseconds. */
  readonly min_tx_ms?: number;
  /** The neighbour is to send no more often. */
  readonly min_rx_ms?: number;
  /** So many packets in a row that are missing say that the other end is gone. */
  readonly detect_multiplier?: number;
  /** Administrative state; of one that is disabled the neighbour is told so, and it counts as alive. */
  readonly enabled?: boolean;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The session: admin_down, unknown (not found out yet), down or up; why it went down and since when it is as it is; the hypervisor on which it runs, and if on none, why. */
  readonly status?: {
    readonly state: 'admin_down' | 'unknown' | 'down' | 'up';
    readonly diagnostic: string | null;
    readonly since: string | null;
    readonly hypervisor: string | null;
    readonly reason: string | null;
  };
}

export interface BfdSessionPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The session: admin_down, unknown (not found out yet), down or up; why it went down and since when it is as it is; the hypervisor on which it runs, and if on none, why. */
  readonly status?: {
    readonly state: 'admin_down' | 'unknown' | 'down' | 'up';
    readonly diagnostic: string | null;
    readonly since: string | null;
    readonly hypervisor: string | null;
    readonly reason: string | null;
  };
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id?: string | null;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip?: string | null;
  /** The router sends no more often than every so many milliseconds. */
  readonly min_tx_ms?: number | null;
  /** The neighbour is to send no more often. */
  readonly min_rx_ms?: number | null;
  /** So many packets in a row that are missing say that the other end is gone. */
  readonly detect_multiplier?: number | null;
  /** Administrative state; of one that is disabled the neighbour is told so, and it counts as alive. */
  readonly enabled?: boolean | null;
}

/** Liveness of a neighbour of a router port, by BFD (RFC 5880, 5881): while it is down, static and policy routes of the router do not use it as their next hop. */
export interface BfdSession {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The router port, which is on a logical switch. */
  readonly logical_router_port_id: string;
  /** The address of the neighbour, in a network of the router port. */
  readonly ip: string;
  /** The router sends no more often than every so many milliseconds. */
  readonly min_tx_ms: number;
  /** The neighbour is to send no more often. */
  readonly min_rx_ms: number;
  /** So many packets in a row that are missing say that the other end is gone. */
  readonly detect_multiplier: number;
  /** Administrative state; of one that is disabled the neighbour is told so, and it counts as alive. */
  readonly enabled: boolean;
  /** The session: admin_down, unknown (not found out yet), down or up; why it went down and since when it is as it is; the hypervisor on which it runs, and if on none, why. */
  readonly status: {
    readonly state: 'admin_down' | 'unknown' | 'down' | 'up';
    readonly diagnostic: string | null;
    readonly since: string | null;
    readonly hypervisor: string | null;
    readonly reason: string | null;
  };
}

export interface QosRuleCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The port; or else logical_switch_id. */
  readonly logical_switch_port_id?: string | null;
  /** The logical switch, for each of its ports. */
  readonly logical_switch_id?: string | null;
  /** What the rule does. */
  readonly kind: 'bandwidth_limit' | 'packet_rate_limit' | 'dscp_marking' | 'minimum_bandwidth';
  /** egress: what the workload sends; ingress: what it gets. Marking is for egress. */
  readonly direction?: 'egress' | 'ingress';
  /** bandwidth_limit: kilobits a second. */
  readonly max_kbps?: number | null;
  /** bandwidth_limit: kilobits that may come at once; left out, 80 % of max_kbps. */
  readonly max_burst_kbps?: number | null;
  /** packet_rate_limit: thousands of packets a second. */
  readonly max_kpps?: number | null;
  /** packet_rate_limit: thousands of packets that may come at once; left out, 80 % of max_kpps. */
  readonly max_burst_kpps?: number | null;
  /** dscp_marking: the differentiated services code point. */
  readonly dscp_mark?: number | null;
  /** minimum_bandwidth: kilobits a second that are kept for the port where what it sends leaves its hypervisor, if that can. */
  readonly min_kbps?: number | null;
}

export interface QosRuleReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The port; or else logical_switch_id. */
  readonly logical_switch_port_id?: string | null;
  /** The logical switch, for each of its ports. */
  readonly logical_switch_id?: string | null;
  /** What the rule does. */
  readonly kind: 'bandwidth_limit' | 'packet_rate_limit' | 'dscp_marking' | 'minimum_bandwidth';
  /** egress: what the workload sends; ingress: what it gets. Marking is for egress. */
  readonly direction?: 'egress' | 'ingress';
  /** bandwidth_limit: kilobits a second. */
  readonly max_kbps?: number | null;
  /** bandwidth_limit: kilobits that may come at once; left out, 80 % of max_kbps. */
  readonly max_burst_kbps?: number | null;
  /** packet_rate_limit: thousands of packets a second. */
  readonly max_kpps?: number | null;
  /** packet_rate_limit: thousands of packets that may come at once; left out, 80 % of max_kpps. */
  readonly max_burst_kpps?: number | null;
  /** dscp_marking: the differentiated services code point. */
  readonly dscp_mark?: number | null;
  /** minimum_bandwidth: kilobits a second that are kept for the port where what it sends leaves its hypervisor, if that can. */
  readonly min_kbps?: number | null;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether the data path does what the rule says, and if not, why. */
  readonly status?: {
    readonly enforced: boolean;
    readonly reason: string | null;
  };
  /** minimum_bandwidth: the hypervisors that have ports of it, whether the bandwidth is kept there, and if not, why. Empty for other kinds. */
  readonly guarantees?: readonly {
    readonly hypervisor: string;
    readonly enforced: boolean;
    readonly reason: string | null;
  }[];
}

export interface QosRulePatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether the data path does what the rule says, and if not, why. */
  readonly status?: {
    readonly enforced: boolean;
    readonly reason: string | null;
  };
  /** minimum_bandwidth: the hypervisors that have ports of it, whether the bandwidth is kept there, and if not, why. Empty for other kinds. */
  readonly guarantees?: readonly {
    readonly hypervisor: string;
    readonly enforced: boolean;
    readonly reason: string | null;
  }[];
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The port; or else logical_switch_id. */
  readonly logical_switch_port_id?: string | null;
  /** The logical switch, for each of its ports. */
  readonly logical_switch_id?: string | null;
  /** What the rule does. */
  readonly kind?: 'bandwidth_limit' | 'packet_rate_limit' | 'dscp_marking' | 'minimum_bandwidth' | null;
  /** egress: what the workload sends; ingress: what it gets. Marking is for egress. */
  readonly direction?: 'egress' | 'ingress' | null;
  /** bandwidth_limit: kilobits a second. */
  readonly max_kbps?: number | null;
  /** bandwidth_limit: kilobits that may come at once; left out, 80 % of max_kbps. */
  readonly max_burst_kbps?: number | null;
  /** packet_rate_limit: thousands of packets a second. */
  readonly max_kpps?: number | null;
  /** packet_rate_limit: thousands of packets that may come at once; left out, 80 % of max_kpps. */
  readonly max_burst_kpps?: number | null;
  /** dscp_marking: the differentiated services code point. */
  readonly dscp_mark?: number | null;
  /** minimum_bandwidth: kilobits a second that are kept for the port where what it sends leaves its hypervisor, if that can. */
  readonly min_kbps?: number | null;
}

/** How much, and how marked, the traffic of a port may be; of a logical switch: of each of its ports that has no such rule of its own. */
export interface QosRule {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The port; or else logical_switch_id. */
  readonly logical_switch_port_id: string | null;
  /** The logical switch, for each of its ports. */
  readonly logical_switch_id: string | null;
  /** What the rule does. */
  readonly kind: 'bandwidth_limit' | 'packet_rate_limit' | 'dscp_marking' | 'minimum_bandwidth';
  /** egress: what the workload sends; ingress: what it gets. Marking is for egress. */
  readonly direction: 'egress' | 'ingress';
  /** bandwidth_limit: kilobits a second. */
  readonly max_kbps: number | null;
  /** bandwidth_limit: kilobits that may come at once; left out, 80 % of max_kbps. */
  readonly max_burst_kbps: number | null;
  /** packet_rate_limit: thousands of packets a second. */
  readonly max_kpps: number | null;
  /** packet_rate_limit: thousands of packets that may come at once; left out, 80 % of max_kpps. */
  readonly max_burst_kpps: number | null;
  /** dscp_marking: the differentiated services code point. */
  readonly dscp_mark: number | null;
  /** minimum_bandwidth: kilobits a second that are kept for the port where what it sends leaves its hypervisor, if that can. */
  readonly min_kbps: number | null;
  /** Whether the data path does what the rule says, and if not, why. */
  readonly status: {
    readonly enforced: boolean;
    readonly reason: string | null;
  };
  /** minimum_bandwidth: the hypervisors that have ports of it, whether the bandwidth is kept there, and if not, why. Empty for other kinds. */
  readonly guarantees?: readonly {
    readonly hypervisor: string;
    readonly enforced: boolean;
    readonly reason: string | null;
  }[];
}

export interface MirrorCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The port whose traffic is copied. */
  readonly logical_switch_port_id: string;
  /** in: what its workload gets; out: what it sends. */
  readonly direction?: 'both' | 'in' | 'out';
  /** local: to collector_port_id; gre or erspan: to remote_ip. */
  readonly kind: 'local' | 'gre' | 'erspan';
  /** local: the port that gets the copies, on any host. */
  readonly collector_port_id?: string | null;
  /** gre, erspan: where the tunnel ends, as the hypervisors reach it. */
  readonly remote_ip?: string | null;
  /** gre: the key; erspan: the session id (0 to 1023). */
  readonly key?: number;
}

export interface MirrorReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The port whose traffic is copied. */
  readonly logical_switch_port_id: string;
  /** in: what its workload gets; out: what it sends. */
  readonly direction?: 'both' | 'in' | 'out';
  /** local: to collector_port_id; gre or erspan: to remote_ip. */
  readonly kind: 'local' | 'gre' | 'erspan';
  /** local: the port that gets the copies, on any host. */
  readonly collector_port_id?: string | null;
  /** gre, erspan: where the tunnel ends, as the hypervisors reach it. */
  readonly remote_ip?: string | null;
  /** gre: the key; erspan: the session id (0 to 1023). */
  readonly key?: number;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether copies are made, and if not, what is missing. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface MirrorPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether copies are made, and if not, what is missing. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The port whose traffic is copied. */
  readonly logical_switch_port_id?: string | null;
  /** in: what its workload gets; out: what it sends. */
  readonly direction?: 'both' | 'in' | 'out' | null;
  /** local: to collector_port_id; gre or erspan: to remote_ip. */
  readonly kind?: 'local' | 'gre' | 'erspan' | null;
  /** local: the port that gets the copies, on any host. */
  readonly collector_port_id?: string | null;
  /** gre, erspan: where the tunnel ends, as the hypervisors reach it. */
  readonly remote_ip?: string | null;
  /** gre: the key; erspan: the session id (0 to 1023). */
  readonly key?: number | null;
}

/** Copies of what a port sends and gets, for a collector. */
export interface Mirror {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The port whose traffic is copied. */
  readonly logical_switch_port_id: string;
  /** in: what its workload gets; out: what it sends. */
  readonly direction: 'both' | 'in' | 'out';
  /** local: to collector_port_id; gre or erspan: to remote_ip. */
  readonly kind: 'local' | 'gre' | 'erspan';
  /** local: the port that gets the copies, on any host. */
  readonly collector_port_id: string | null;
  /** gre, erspan: where the tunnel ends, as the hypervisors reach it. */
  readonly remote_ip?: string | null;
  /** gre: the key; erspan: the session id (0 to 1023). */
  readonly key: number;
  /** Whether copies are made, and if not, what is missing. */
  readonly status: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface DhcpOptionCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The port; or else subnet_id. */
  readonly logical_switch_port_id?: string | null;
  /** The subnet, for each of its ports. */
  readonly subnet_id?: string | null;
  /** Which of the two tells it. */
  readonly protocol: 'dhcpv4' | 'dhcpv6';
  /** Name of the option, such as ntp-server, or its number (its value is then hexadecimal). */
  readonly option: string;
  /** The value, in the form that the option has. */
  readonly value: string;
}

export interface DhcpOptionReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The port; or else subnet_id. */
  readonly logical_switch_port_id?: string | null;
  /** The subnet, for each of its ports. */
  readonly subnet_id?: string | null;
  /** Which of the two tells it. */
  readonly protocol: 'dhcpv4' | 'dhcpv6';
  /** Name of the option, such as ntp-server, or its number (its value is then hexadecimal). */
  readonly option: string;
  /** The value, in the form that the option has. */
  readonly value: string;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether somebody is told it, and if not, what is missing. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface DhcpOptionPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether somebody is told it, and if not, what is missing. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The port; or else subnet_id. */
  readonly logical_switch_port_id?: string | null;
  /** The subnet, for each of its ports. */
  readonly subnet_id?: string | null;
  /** Which of the two tells it. */
  readonly protocol?: 'dhcpv4' | 'dhcpv6' | null;
  /** Name of the option, such as ntp-server, or its number (its value is then hexadecimal). */
  readonly option?: string | null;
  /** The value, in the form that the option has. */
  readonly value?: string | null;
}

/** An option that DHCP tells a port besides what follows from its subnet, or in its place; of a subnet: tells each of its ports that has none of its own. */
export interface DhcpOption {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The port; or else subnet_id. */
  readonly logical_switch_port_id: string | null;
  /** The subnet, for each of its ports. */
  readonly subnet_id: string | null;
  /** Which of the two tells it. */
  readonly protocol: 'dhcpv4' | 'dhcpv6';
  /** Name of the option, such as ntp-server, or its number (its value is then hexadecimal). */
  readonly option: string;
  /** The value, in the form that the option has. */
  readonly value: string;
  /** Whether somebody is told it, and if not, what is missing. */
  readonly status: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface DnsRecordCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch; it has a dns_domain. */
  readonly logical_switch_id: string;
  /** What kind of answer it is. */
  readonly type: 'A' | 'AAAA' | 'PTR' | 'SRV';
  /** A, AAAA: addresses; PTR: domain names; SRV: texts such as "10 5 5060 sip.example.org" (priority, weight, port, host). */
  readonly values: readonly string[];
  /** How long the answer may be kept, in seconds. */
  readonly ttl?: number;
}

export interface DnsRecordReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical switch; it has a dns_domain. */
  readonly logical_switch_id: string;
  /** What kind of answer it is. */
  readonly type: 'A' | 'AAAA' | 'PTR' | 'SRV';
  /** A, AAAA: addresses; PTR: domain names; SRV: texts such as "10 5 5060 sip.example.org" (priority, weight, port, host). */
  readonly values: readonly string[];
  /** How long the answer may be kept, in seconds. */
  readonly ttl?: number;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether ports are answered with it, and if not, what is missing. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface DnsRecordPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Whether ports are answered with it, and if not, what is missing. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical switch; it has a dns_domain. */
  readonly logical_switch_id?: string | null;
  /** What kind of answer it is. */
  readonly type?: 'A' | 'AAAA' | 'PTR' | 'SRV' | null;
  /** A, AAAA: addresses; PTR: domain names; SRV: texts such as "10 5 5060 sip.example.org" (priority, weight, port, host). */
  readonly values?: readonly string[] | null;
  /** How long the answer may be kept, in seconds. */
  readonly ttl?: number | null;
}

/** A name, and what Weft answers when ports of the logical switch ask for it. `name` is the whole domain name. */
export interface DnsRecord {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical switch; it has a dns_domain. */
  readonly logical_switch_id: string;
  /** What kind of answer it is. */
  readonly type: 'A' | 'AAAA' | 'PTR' | 'SRV';
  /** A, AAAA: addresses; PTR: domain names; SRV: texts such as "10 5 5060 sip.example.org" (priority, weight, port, host). */
  readonly values: readonly string[];
  /** How long the answer may be kept, in seconds. */
  readonly ttl: number;
  /** Whether ports are answered with it, and if not, what is missing. */
  readonly status: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface LoadBalancerCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The virtual address. Several load balancers may have it, with other ports or protocols. */
  readonly vip: string;
  /** The protocol of its connections. */
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  /** The port at the virtual address. From the highest 256 backends are checked. */
  readonly port: number;
  /** Where connections go: addresses that the switch, or a router of it, reaches. weight: share of new connections (default 1); state: active (default), draining (keeps what it has) or down. */
  readonly backends?: readonly {
    readonly ip: string;
    readonly port: number;
    readonly weight?: number;
    readonly state?: 'active' | 'draining' | 'down';
  }[];
  /** How Weft checks the backends: protocol tcp (default), udp or http, port (default: that of the backend), path (http), interval_s (5), timeout_s (2), rise (2) and fall (2). Null: it does not. */
  readonly health_check?: {
    readonly protocol?: 'tcp' | 'udp' | 'http';
    readonly port?: number | null;
    readonly path?: string;
    readonly interval_s?: number;
    readonly timeout_s?: number;
    readonly rise?: number;
    readonly fall?: number;
  } | null;
  /** All connections of one client address go to one backend, for so many seconds at least, unless backends come or go. */
  readonly affinity_timeout_s?: number | null;
  /** Logical switches whose ports reach the virtual address. It is answered for there. */
  readonly logical_switch_ids?: readonly string[];
  /** Logical routers: ports of every logical switch with a port of one of them reach the virtual address. */
  readonly logical_router_ids?: readonly string[];
}

export interface LoadBalancerReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The virtual address. Several load balancers may have it, with other ports or protocols. */
  readonly vip: string;
  /** The protocol of its connections. */
  readonly protocol?: 'tcp' | 'udp' | 'sctp';
  /** The port at the virtual address. From the highest 256 backends are checked. */
  readonly port: number;
  /** Where connections go: addresses that the switch, or a router of it, reaches. weight: share of new connections (default 1); state: active (default), draining (keeps what it has) or down. */
  readonly backends?: readonly {
    readonly ip: string;
    readonly port: number;
    readonly weight?: number;
    readonly state?: 'active' | 'draining' | 'down';
  }[];
  /** How Weft checks the backends: protocol tcp (default), udp or http, port (default: that of the backend), path (http), interval_s (5), timeout_s (2), rise (2) and fall (2). Null: it does not. */
  readonly health_check?: {
    readonly protocol?: 'tcp' | 'udp' | 'http';
    readonly port?: number | null;
    readonly path?: string;
    readonly interval_s?: number;
    readonly timeout_s?: number;
    readonly rise?: number;
    readonly fall?: number;
  } | null;
  /** All connections of one client address go to one backend, for so many seconds at least, unless backends come or go. */
  readonly affinity_timeout_s?: number | null;
  /** Logical switches whose ports reach the virtual address. It is answered for there. */
  readonly logical_switch_ids?: readonly string[];
  /** Logical routers: ports of every logical switch with a port of one of them reach the virtual address. */
  readonly logical_router_ids?: readonly string[];
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** What the checks of each backend have said, and why one is not checked. One that fails gets no connections. */
  readonly backend_status?: readonly {
    readonly ip: string;
    readonly port: number;
    readonly health: 'unchecked' | 'passing' | 'failing';
    readonly reason: string | null;
  }[];
}

export interface LoadBalancerPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** What the checks of each backend have said, and why one is not checked. One that fails gets no connections. */
  readonly backend_status?: readonly {
    readonly ip: string;
    readonly port: number;
    readonly health: 'unchecked' | 'passing' | 'failing';
    readonly reason: string | null;
  }[];
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The virtual address. Several load balancers may have it, with other ports or protocols. */
  readonly vip?: string | null;
  /** The protocol of its connections. */
  readonly protocol?: 'tcp' | 'udp' | 'sctp' | null;
  /** The port at the virtual address. From the highest 256 backends are checked. */
  readonly port?: number | null;
  /** Where connections go: addresses that the switch, or a router of it, reaches. weight: share of new connections (default 1); state: active (default), draining (keeps what it has) or down. */
  readonly backends?: readonly {
    readonly ip: string;
    readonly port: number;
    readonly weight?: number;
    readonly state?: 'active' | 'draining' | 'down';
  }[] | null;
  /** How Weft checks the backends: protocol tcp (default), udp or http, port (default: that of the backend), path (http), interval_s (5), timeout_s (2), rise (2) and fall (2). Null: it does not. */
  readonly health_check?: {
    readonly protocol?: 'tcp' | 'udp' | 'http';
    readonly port?: number | null;
    readonly path?: string;
    readonly interval_s?: number;
    readonly timeout_s?: number;
    readonly rise?: number;
    readonly fall?: number;
  } | null;
  /** All connections of one client address go to one backend, for so many seconds at least, unless backends come or go. */
  readonly affinity_timeout_s?: number | null;
  /** Logical switches whose ports reach the virtual address. It is answered for there. */
  readonly logical_switch_ids?: readonly string[] | null;
  /** Logical routers: ports of every logical switch with a port of one of them reach the virtual address. */
  readonly logical_router_ids?: readonly string[] | null;
}

/** A virtual address and port whose connections go to backends, for the ports of logical switches and of those behind logical routers. */
export interface LoadBalancer {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The virtual address. Several load balancers may have it, with other ports or protocols. */
  readonly vip: string;
  /** The protocol of its connections. */
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** The port at the virtual address. From the highest 256 backends are checked. */
  readonly port: number;
  /** Where connections go: addresses that the switch, or a router of it, reaches. weight: share of new connections (default 1); state: active (default), draining (keeps what it has) or down. */
  readonly backends: readonly {
    readonly ip: string;
    readonly port: number;
    readonly weight: number;
    readonly state: 'active' | 'draining' | 'down';
  }[];
  /** How Weft checks the backends: protocol tcp (default), udp or http, port (default: that of the backend), path (http), interval_s (5), timeout_s (2), rise (2) and fall (2). Null: it does not. */
  readonly health_check: {
    readonly protocol: 'tcp' | 'udp' | 'http';
    readonly port?: number | null;
    readonly path: string;
    readonly interval_s: number;
    readonly timeout_s: number;
    readonly rise: number;
    readonly fall: number;
  } | null;
  /** All connections of one client address go to one backend, for so many seconds at least, unless backends come or go. */
  readonly affinity_timeout_s: number | null;
  /** Logical switches whose ports reach the virtual address. It is answered for there. */
  readonly logical_switch_ids: readonly string[];
  /** Logical routers: ports of every logical switch with a port of one of them reach the virtual address. */
  readonly logical_router_ids: readonly string[];
  /** What the checks of each backend have said, and why one is not checked. One that fails gets no connections. */
  readonly backend_status?: readonly {
    readonly ip: string;
    readonly port: number;
    readonly health: 'unchecked' | 'passing' | 'failing';
    readonly reason: string | null;
  }[];
}

export interface NatRuleCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** snat: connections that begin inside; dnat: those that begin outside; floating_ip: both, one address for one workload. */
  readonly kind: 'snat' | 'dnat' | 'floating_ip';
  /** The address outside. snat, dnat: one of the router port there; floating_ip: a free one of a subnet there, allocated when left out. */
  readonly external_ip?: string;
  /** The address inside; for snat also a network, of which the longest prefix wins. One floating IP for each address. */
  readonly logical_ip: string;
  /** snat, floating_ip: what begins inside and goes to these keeps its own address. */
  readonly exempted_destinations?: readonly string[];
  /** dnat: only these ports, from external_port to external_port_max (left out: one port; at most 256), to as many from logical_port on (left out: the same). */
  readonly port_map?: {
    readonly protocol: 'tcp' | 'udp' | 'sctp';
    readonly external_port: number;
    readonly external_port_max?: number | null;
    readonly logical_port?: number | null;
  } | null;
  /** floating_ip: the port of the workload. Then its own hypervisor speaks for the address outside, where it has a bridge for the physical network; else, and left out, the gateway does. */
  readonly logical_switch_port_id?: string | null;
}

export interface NatRuleReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** The logical router. */
  readonly logical_router_id: string;
  /** snat: connections that begin inside; dnat: those that begin outside; floating_ip: both, one address for one workload. */
  readonly kind: 'snat' | 'dnat' | 'floating_ip';
  /** The address outside. snat, dnat: one of the router port there; floating_ip: a free one of a subnet there, allocated when left out. */
  readonly external_ip?: string;
  /** The address inside; for snat also a network, of which the longest prefix wins. One floating IP for each address. */
  readonly logical_ip: string;
  /** snat, floating_ip: what begins inside and goes to these keeps its own address. */
  readonly exempted_destinations?: readonly string[];
  /** dnat: only these ports, from external_port to external_port_max (left out: one port; at most 256), to as many from logical_port on (left out: the same). */
  readonly port_map?: {
    readonly protocol: 'tcp' | 'udp' | 'sctp';
    readonly external_port: number;
    readonly external_port_max?: number | null;
    readonly logical_port?: number | null;
  } | null;
  /** floating_ip: the port of the workload. Then its own hypervisor speaks for the address outside, where it has a bridge for the physical network; else, and left out, the gateway does. */
  readonly logical_switch_port_id?: string | null;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The MAC address of a floating IP with a port, outside. */
  readonly external_mac?: string | null;
  /** Whether it is in force, and why not. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface NatRulePatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** The MAC address of a floating IP with a port, outside. */
  readonly external_mac?: string | null;
  /** Whether it is in force, and why not. */
  readonly status?: {
    readonly active: boolean;
    readonly reason: string | null;
  };
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** The logical router. */
  readonly logical_router_id?: string | null;
  /** snat: connections that begin inside; dnat: those that begin outside; floating_ip: both, one address for one workload. */
  readonly kind?: 'snat' | 'dnat' | 'floating_ip' | null;
  /** The address outside. snat, dnat: one of the router port there; floating_ip: a free one of a subnet there, allocated when left out. */
  readonly external_ip?: string | null;
  /** The address inside; for snat also a network, of which the longest prefix wins. One floating IP for each address. */
  readonly logical_ip?: string | null;
  /** snat, floating_ip: what begins inside and goes to these keeps its own address. */
  readonly exempted_destinations?: readonly string[] | null;
  /** dnat: only these ports, from external_port to external_port_max (left out: one port; at most 256), to as many from logical_port on (left out: the same). */
  readonly port_map?: {
    readonly protocol: 'tcp' | 'udp' | 'sctp';
    readonly external_port: number;
    readonly external_port_max?: number | null;
    readonly logical_port?: number | null;
  } | null;
  /** floating_ip: the port of the workload. Then its own hypervisor speaks for the address outside, where it has a bridge for the physical network; else, and left out, the gateway does. */
  readonly logical_switch_port_id?: string | null;
}

/** Translation of addresses where a logical router reaches the outside by its gateway. */
export interface NatRule {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** The logical router. */
  readonly logical_router_id: string;
  /** snat: connections that begin inside; dnat: those that begin outside; floating_ip: both, one address for one workload. */
  readonly kind: 'snat' | 'dnat' | 'floating_ip';
  /** The address outside. snat, dnat: one of the router port there; floating_ip: a free one of a subnet there, allocated when left out. */
  readonly external_ip: string;
  /** The address inside; for snat also a network, of which the longest prefix wins. One floating IP for each address. */
  readonly logical_ip: string;
  /** snat, floating_ip: what begins inside and goes to these keeps its own address. */
  readonly exempted_destinations: readonly string[];
  /** dnat: only these ports, from external_port to external_port_max (left out: one port; at most 256), to as many from logical_port on (left out: the same). */
  readonly port_map: {
    readonly protocol: 'tcp' | 'udp' | 'sctp';
    readonly external_port: number;
    readonly external_port_max?: number | null;
    readonly logical_port?: number | null;
  } | null;
  /** floating_ip: the port of the workload. Then its own hypervisor speaks for the address outside, where it has a bridge for the physical network; else, and left out, the gateway does. */
  readonly logical_switch_port_id: string | null;
  /** The MAC address of a floating IP with a port, outside. */
  readonly external_mac: string | null;
  /** Whether it is in force, and why not. */
  readonly status: {
    readonly active: boolean;
    readonly reason: string | null;
  };
}

export interface TokenCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** admin: everything, of all projects; member: reads and writes what its project owns; reader: reads, what its project owns or, without one, everything. */
  readonly role: 'admin' | 'member' | 'reader';
  /** Collections (and metrics) that it is for, each alone or with `:read`; empty: all that its role allows. */
  readonly scopes?: readonly string[];
  /** From when on it is not accepted; null: never. */
  readonly expires_at?: string | null;
}

export interface TokenReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** admin: everything, of all projects; member: reads and writes what its project owns; reader: reads, what its project owns or, without one, everything. */
  readonly role: 'admin' | 'member' | 'reader';
  /** Collections (and metrics) that it is for, each alone or with `:read`; empty: all that its role allows. */
  readonly scopes?: readonly string[];
  /** From when on it is not accepted; null: never. */
  readonly expires_at?: string | null;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** What the caller sends as Bearer; only in the reply to the creation. */
  readonly secret?: string;
  /** When it was last used, to about a minute. */
  readonly last_used_at?: string | null;
}

export interface TokenPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** What the caller sends as Bearer; only in the reply to the creation. */
  readonly secret?: string;
  /** When it was last used, to about a minute. */
  readonly last_used_at?: string | null;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** admin: everything, of all projects; member: reads and writes what its project owns; reader: reads, what its project owns or, without one, everything. */
  readonly role?: 'admin' | 'member' | 'reader' | null;
  /** Collections (and metrics) that it is for, each alone or with `:read`; empty: all that its role allows. */
  readonly scopes?: readonly string[] | null;
  /** From when on it is not accepted; null: never. */
  readonly expires_at?: string | null;
}

/** What a caller shows to be let in. Its secret is in the reply to its creation and nowhere else: Weft keeps a hash. Deletion revokes it. */
export interface Token {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** admin: everything, of all projects; member: reads and writes what its project owns; reader: reads, what its project owns or, without one, everything. */
  readonly role: 'admin' | 'member' | 'reader';
  /** Collections (and metrics) that it is for, each alone or with `:read`; empty: all that its role allows. */
  readonly scopes: readonly string[];
  /** From when on it is not accepted; null: never. */
  readonly expires_at: string | null;
  /** What the caller sends as Bearer; only in the reply to the creation. */
  readonly secret?: string;
  /** When it was last used, to about a minute. */
  readonly last_used_at: string | null;
}

export interface QuotaCreate {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Most objects by collection; collections left out have the default (WEFT_QUOTAS). */
  readonly limits?: Readonly<Record<string, number>>;
}

export interface QuotaReplace {
  /** Identity; any UUID may be chosen at creation. */
  readonly id?: string;
  /** Name for people; not unique. */
  readonly name?: string;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Most objects by collection; collections left out have the default (WEFT_QUOTAS). */
  readonly limits?: Readonly<Record<string, number>>;
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
}

export interface QuotaPatch {
  /** When the object was created. */
  readonly created_at?: string;
  /** When the object was last changed. */
  readonly updated_at?: string;
  /** The revision that last changed the object. */
  readonly revision?: number;
  /** Name for people; not unique. */
  readonly name?: string | null;
  /** The project (tenant) that owns the object. */
  readonly project_id?: string | null;
  /** Key-value pairs for the use of the caller. */
  readonly labels?: Readonly<Record<string, string>> | null;
  /** Most objects by collection; collections left out have the default (WEFT_QUOTAS). */
  readonly limits?: Readonly<Record<string, number>> | null;
}

/** How many objects a project may have, where that is not the default. One for each project. */
export interface Quota {
  /** Identity; any UUID may be chosen at creation. */
  readonly id: string;
  /** Name for people; not unique. */
  readonly name: string;
  /** The project (tenant) that owns the object. */
  readonly project_id: string;
  /** Key-value pairs for the use of the caller. */
  readonly labels: Readonly<Record<string, string>>;
  /** When the object was created. */
  readonly created_at: string;
  /** When the object was last changed. */
  readonly updated_at: string;
  /** The revision that last changed the object. */
  readonly revision: number;
  /** Most objects by collection; collections left out have the default (WEFT_QUOTAS). */
  readonly limits: Readonly<Record<string, number>>;
}

/** Why the controller refuses. */
export type ErrorCode = Problem['code'];

/** What each route takes and answers; `never` is a body that there is not, null an answer without one. */
export interface Routes {
  /** List hypervisors */
  readonly 'GET /v1/hypervisors': { readonly query: { readonly name?: string; readonly project_id?: string; readonly system_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly Hypervisor[]; readonly next?: string; } };
  /** Create a hypervisor */
  readonly 'POST /v1/hypervisors': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: HypervisorCreate; readonly reply: Hypervisor };
  /** Read one hypervisor */
  readonly 'GET /v1/hypervisors/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: Hypervisor };
  /** Create or replace a hypervisor */
  readonly 'PUT /v1/hypervisors/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: HypervisorReplace; readonly reply: Hypervisor };
  /** Change a hypervisor (RFC 7396) */
  readonly 'PATCH /v1/hypervisors/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: HypervisorPatch; readonly reply: Hypervisor };
  /** Delete a hypervisor */
  readonly 'DELETE /v1/hypervisors/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List logical-switches */
  readonly 'GET /v1/logical-switches': { readonly query: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly LogicalSwitch[]; readonly next?: string; } };
  /** Create a logical-switch */
  readonly 'POST /v1/logical-switches': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalSwitchCreate; readonly reply: LogicalSwitch };
  /** Read one logical-switch */
  readonly 'GET /v1/logical-switches/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: LogicalSwitch };
  /** Create or replace a logical-switch */
  readonly 'PUT /v1/logical-switches/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalSwitchReplace; readonly reply: LogicalSwitch };
  /** Change a logical-switch (RFC 7396) */
  readonly 'PATCH /v1/logical-switches/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalSwitchPatch; readonly reply: LogicalSwitch };
  /** Delete a logical-switch */
  readonly 'DELETE /v1/logical-switches/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List subnets */
  readonly 'GET /v1/subnets': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly Subnet[]; readonly next?: string; } };
  /** Create a subnet */
  readonly 'POST /v1/subnets': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SubnetCreate; readonly reply: Subnet };
  /** Read one subnet */
  readonly 'GET /v1/subnets/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: Subnet };
  /** Create or replace a subnet */
  readonly 'PUT /v1/subnets/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SubnetReplace; readonly reply: Subnet };
  /** Change a subnet (RFC 7396) */
  readonly 'PATCH /v1/subnets/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SubnetPatch; readonly reply: Subnet };
  /** Delete a subnet */
  readonly 'DELETE /v1/subnets/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List logical-routers */
  readonly 'GET /v1/logical-routers': { readonly query: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly LogicalRouter[]; readonly next?: string; } };
  /** Create a logical-router */
  readonly 'POST /v1/logical-routers': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalRouterCreate; readonly reply: LogicalRouter };
  /** Read one logical-router */
  readonly 'GET /v1/logical-routers/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: LogicalRouter };
  /** Create or replace a logical-router */
  readonly 'PUT /v1/logical-routers/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalRouterReplace; readonly reply: LogicalRouter };
  /** Change a logical-router (RFC 7396) */
  readonly 'PATCH /v1/logical-routers/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalRouterPatch; readonly reply: LogicalRouter };
  /** Delete a logical-router */
  readonly 'DELETE /v1/logical-routers/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List security-groups */
  readonly 'GET /v1/security-groups': { readonly query: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly SecurityGroup[]; readonly next?: string; } };
  /** Create a security-group */
  readonly 'POST /v1/security-groups': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SecurityGroupCreate; readonly reply: SecurityGroup };
  /** Read one security-group */
  readonly 'GET /v1/security-groups/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: SecurityGroup };
  /** Create or replace a security-group */
  readonly 'PUT /v1/security-groups/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SecurityGroupReplace; readonly reply: SecurityGroup };
  /** Change a security-group (RFC 7396) */
  readonly 'PATCH /v1/security-groups/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SecurityGroupPatch; readonly reply: SecurityGroup };
  /** Delete a security-group */
  readonly 'DELETE /v1/security-groups/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List address-sets */
  readonly 'GET /v1/address-sets': { readonly query: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly AddressSet[]; readonly next?: string; } };
  /** Create a address-set */
  readonly 'POST /v1/address-sets': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: AddressSetCreate; readonly reply: AddressSet };
  /** Read one address-set */
  readonly 'GET /v1/address-sets/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: AddressSet };
  /** Create or replace a address-set */
  readonly 'PUT /v1/address-sets/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: AddressSetReplace; readonly reply: AddressSet };
  /** Change a address-set (RFC 7396) */
  readonly 'PATCH /v1/address-sets/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: AddressSetPatch; readonly reply: AddressSet };
  /** Delete a address-set */
  readonly 'DELETE /v1/address-sets/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List security-group-rules */
  readonly 'GET /v1/security-group-rules': { readonly query: { readonly name?: string; readonly project_id?: string; readonly security_group_id?: string; readonly remote_group_id?: string; readonly remote_address_set_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly SecurityGroupRule[]; readonly next?: string; } };
  /** Create a security-group-rule */
  readonly 'POST /v1/security-group-rules': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SecurityGroupRuleCreate; readonly reply: SecurityGroupRule };
  /** Read one security-group-rule */
  readonly 'GET /v1/security-group-rules/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: SecurityGroupRule };
  /** Create or replace a security-group-rule */
  readonly 'PUT /v1/security-group-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SecurityGroupRuleReplace; readonly reply: SecurityGroupRule };
  /** Change a security-group-rule (RFC 7396) */
  readonly 'PATCH /v1/security-group-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: SecurityGroupRulePatch; readonly reply: SecurityGroupRule };
  /** Delete a security-group-rule */
  readonly 'DELETE /v1/security-group-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List logical-switch-ports */
  readonly 'GET /v1/logical-switch-ports': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly hypervisor?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly LogicalSwitchPort[]; readonly next?: string; } };
  /** Create a logical-switch-port */
  readonly 'POST /v1/logical-switch-ports': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalSwitchPortCreate; readonly reply: LogicalSwitchPort };
  /** Read one logical-switch-port */
  readonly 'GET /v1/logical-switch-ports/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: LogicalSwitchPort };
  /** Create or replace a logical-switch-port */
  readonly 'PUT /v1/logical-switch-ports/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalSwitchPortReplace; readonly reply: LogicalSwitchPort };
  /** Change a logical-switch-port (RFC 7396) */
  readonly 'PATCH /v1/logical-switch-ports/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalSwitchPortPatch; readonly reply: LogicalSwitchPort };
  /** Delete a logical-switch-port */
  readonly 'DELETE /v1/logical-switch-ports/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List virtual-addresses */
  readonly 'GET /v1/virtual-addresses': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly VirtualAddress[]; readonly next?: string; } };
  /** Create a virtual-address */
  readonly 'POST /v1/virtual-addresses': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: VirtualAddressCreate; readonly reply: VirtualAddress };
  /** Read one virtual-address */
  readonly 'GET /v1/virtual-addresses/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: VirtualAddress };
  /** Create or replace a virtual-address */
  readonly 'PUT /v1/virtual-addresses/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: VirtualAddressReplace; readonly reply: VirtualAddress };
  /** Change a virtual-address (RFC 7396) */
  readonly 'PATCH /v1/virtual-addresses/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: VirtualAddressPatch; readonly reply: VirtualAddress };
  /** Delete a virtual-address */
  readonly 'DELETE /v1/virtual-addresses/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List logical-router-ports */
  readonly 'GET /v1/logical-router-ports': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly logical_switch_id?: string; readonly peer_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly LogicalRouterPort[]; readonly next?: string; } };
  /** Create a logical-router-port */
  readonly 'POST /v1/logical-router-ports': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalRouterPortCreate; readonly reply: LogicalRouterPort };
  /** Read one logical-router-port */
  readonly 'GET /v1/logical-router-ports/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: LogicalRouterPort };
  /** Create or replace a logical-router-port */
  readonly 'PUT /v1/logical-router-ports/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalRouterPortReplace; readonly reply: LogicalRouterPort };
  /** Change a logical-router-port (RFC 7396) */
  readonly 'PATCH /v1/logical-router-ports/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LogicalRouterPortPatch; readonly reply: LogicalRouterPort };
  /** Delete a logical-router-port */
  readonly 'DELETE /v1/logical-router-ports/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List static-routes */
  readonly 'GET /v1/static-routes': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly StaticRoute[]; readonly next?: string; } };
  /** Create a static-route */
  readonly 'POST /v1/static-routes': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: StaticRouteCreate; readonly reply: StaticRoute };
  /** Read one static-route */
  readonly 'GET /v1/static-routes/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: StaticRoute };
  /** Create or replace a static-route */
  readonly 'PUT /v1/static-routes/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: StaticRouteReplace; readonly reply: StaticRoute };
  /** Change a static-route (RFC 7396) */
  readonly 'PATCH /v1/static-routes/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: StaticRoutePatch; readonly reply: StaticRoute };
  /** Delete a static-route */
  readonly 'DELETE /v1/static-routes/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List policy-routes */
  readonly 'GET /v1/policy-routes': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly PolicyRoute[]; readonly next?: string; } };
  /** Create a policy-route */
  readonly 'POST /v1/policy-routes': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: PolicyRouteCreate; readonly reply: PolicyRoute };
  /** Read one policy-route */
  readonly 'GET /v1/policy-routes/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: PolicyRoute };
  /** Create or replace a policy-route */
  readonly 'PUT /v1/policy-routes/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: PolicyRouteReplace; readonly reply: PolicyRoute };
  /** Change a policy-route (RFC 7396) */
  readonly 'PATCH /v1/policy-routes/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: PolicyRoutePatch; readonly reply: PolicyRoute };
  /** Delete a policy-route */
  readonly 'DELETE /v1/policy-routes/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List static-neighbours */
  readonly 'GET /v1/static-neighbours': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_router_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly StaticNeighbour[]; readonly next?: string; } };
  /** Create a static-neighbour */
  readonly 'POST /v1/static-neighbours': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: StaticNeighbourCreate; readonly reply: StaticNeighbour };
  /** Read one static-neighbour */
  readonly 'GET /v1/static-neighbours/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: StaticNeighbour };
  /** Create or replace a static-neighbour */
  readonly 'PUT /v1/static-neighbours/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: StaticNeighbourReplace; readonly reply: StaticNeighbour };
  /** Change a static-neighbour (RFC 7396) */
  readonly 'PATCH /v1/static-neighbours/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: StaticNeighbourPatch; readonly reply: StaticNeighbour };
  /** Delete a static-neighbour */
  readonly 'DELETE /v1/static-neighbours/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List bfd-sessions */
  readonly 'GET /v1/bfd-sessions': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_router_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly BfdSession[]; readonly next?: string; } };
  /** Create a bfd-session */
  readonly 'POST /v1/bfd-sessions': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: BfdSessionCreate; readonly reply: BfdSession };
  /** Read one bfd-session */
  readonly 'GET /v1/bfd-sessions/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: BfdSession };
  /** Create or replace a bfd-session */
  readonly 'PUT /v1/bfd-sessions/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: BfdSessionReplace; readonly reply: BfdSession };
  /** Change a bfd-session (RFC 7396) */
  readonly 'PATCH /v1/bfd-sessions/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: BfdSessionPatch; readonly reply: BfdSession };
  /** Delete a bfd-session */
  readonly 'DELETE /v1/bfd-sessions/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List qos-rules */
  readonly 'GET /v1/qos-rules': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_switch_port_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly QosRule[]; readonly next?: string; } };
  /** Create a qos-rule */
  readonly 'POST /v1/qos-rules': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: QosRuleCreate; readonly reply: QosRule };
  /** Read one qos-rule */
  readonly 'GET /v1/qos-rules/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: QosRule };
  /** Create or replace a qos-rule */
  readonly 'PUT /v1/qos-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: QosRuleReplace; readonly reply: QosRule };
  /** Change a qos-rule (RFC 7396) */
  readonly 'PATCH /v1/qos-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: QosRulePatch; readonly reply: QosRule };
  /** Delete a qos-rule */
  readonly 'DELETE /v1/qos-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List mirrors */
  readonly 'GET /v1/mirrors': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_switch_port_id?: string; readonly collector_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly Mirror[]; readonly next?: string; } };
  /** Create a mirror */
  readonly 'POST /v1/mirrors': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: MirrorCreate; readonly reply: Mirror };
  /** Read one mirror */
  readonly 'GET /v1/mirrors/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: Mirror };
  /** Create or replace a mirror */
  readonly 'PUT /v1/mirrors/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: MirrorReplace; readonly reply: Mirror };
  /** Change a mirror (RFC 7396) */
  readonly 'PATCH /v1/mirrors/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: MirrorPatch; readonly reply: Mirror };
  /** Delete a mirror */
  readonly 'DELETE /v1/mirrors/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List dhcp-options */
  readonly 'GET /v1/dhcp-options': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_switch_port_id?: string; readonly subnet_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly DhcpOption[]; readonly next?: string; } };
  /** Create a dhcp-option */
  readonly 'POST /v1/dhcp-options': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: DhcpOptionCreate; readonly reply: DhcpOption };
  /** Read one dhcp-option */
  readonly 'GET /v1/dhcp-options/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: DhcpOption };
  /** Create or replace a dhcp-option */
  readonly 'PUT /v1/dhcp-options/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: DhcpOptionReplace; readonly reply: DhcpOption };
  /** Change a dhcp-option (RFC 7396) */
  readonly 'PATCH /v1/dhcp-options/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: DhcpOptionPatch; readonly reply: DhcpOption };
  /** Delete a dhcp-option */
  readonly 'DELETE /v1/dhcp-options/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List dns-records */
  readonly 'GET /v1/dns-records': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly DnsRecord[]; readonly next?: string; } };
  /** Create a dns-record */
  readonly 'POST /v1/dns-records': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: DnsRecordCreate; readonly reply: DnsRecord };
  /** Read one dns-record */
  readonly 'GET /v1/dns-records/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: DnsRecord };
  /** Create or replace a dns-record */
  readonly 'PUT /v1/dns-records/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: DnsRecordReplace; readonly reply: DnsRecord };
  /** Change a dns-record (RFC 7396) */
  readonly 'PATCH /v1/dns-records/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: DnsRecordPatch; readonly reply: DnsRecord };
  /** Delete a dns-record */
  readonly 'DELETE /v1/dns-records/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List load-balancers */
  readonly 'GET /v1/load-balancers': { readonly query: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly LoadBalancer[]; readonly next?: string; } };
  /** Create a load-balancer */
  readonly 'POST /v1/load-balancers': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LoadBalancerCreate; readonly reply: LoadBalancer };
  /** Read one load-balancer */
  readonly 'GET /v1/load-balancers/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: LoadBalancer };
  /** Create or replace a load-balancer */
  readonly 'PUT /v1/load-balancers/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LoadBalancerReplace; readonly reply: LoadBalancer };
  /** Change a load-balancer (RFC 7396) */
  readonly 'PATCH /v1/load-balancers/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: LoadBalancerPatch; readonly reply: LoadBalancer };
  /** Delete a load-balancer */
  readonly 'DELETE /v1/load-balancers/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List nat-rules */
  readonly 'GET /v1/nat-rules': { readonly query: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly logical_switch_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly NatRule[]; readonly next?: string; } };
  /** Create a nat-rule */
  readonly 'POST /v1/nat-rules': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: NatRuleCreate; readonly reply: NatRule };
  /** Read one nat-rule */
  readonly 'GET /v1/nat-rules/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: NatRule };
  /** Create or replace a nat-rule */
  readonly 'PUT /v1/nat-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: NatRuleReplace; readonly reply: NatRule };
  /** Change a nat-rule (RFC 7396) */
  readonly 'PATCH /v1/nat-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: NatRulePatch; readonly reply: NatRule };
  /** Delete a nat-rule */
  readonly 'DELETE /v1/nat-rules/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List tokens */
  readonly 'GET /v1/tokens': { readonly query: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly Token[]; readonly next?: string; } };
  /** Create a token */
  readonly 'POST /v1/tokens': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: TokenCreate; readonly reply: Token };
  /** Read one token */
  readonly 'GET /v1/tokens/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: Token };
  /** Create or replace a token */
  readonly 'PUT /v1/tokens/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: TokenReplace; readonly reply: Token };
  /** Change a token (RFC 7396) */
  readonly 'PATCH /v1/tokens/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: TokenPatch; readonly reply: Token };
  /** Delete a token */
  readonly 'DELETE /v1/tokens/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** List quotas */
  readonly 'GET /v1/quotas': { readonly query: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; }; readonly body: never; readonly reply: { readonly items: readonly Quota[]; readonly next?: string; } };
  /** Create a quota */
  readonly 'POST /v1/quotas': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: QuotaCreate; readonly reply: Quota };
  /** Read one quota */
  readonly 'GET /v1/quotas/{id}': { readonly query: { readonly min_revision?: string; }; readonly body: never; readonly reply: Quota };
  /** Create or replace a quota */
  readonly 'PUT /v1/quotas/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: QuotaReplace; readonly reply: Quota };
  /** Change a quota (RFC 7396) */
  readonly 'PATCH /v1/quotas/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: QuotaPatch; readonly reply: Quota };
  /** Delete a quota */
  readonly 'DELETE /v1/quotas/{id}': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; readonly cascade?: string; }; readonly body: never; readonly reply: null };
  /** Packets dropped there, by reason and port, read from the switch now */
  readonly 'GET /v1/hypervisors/{id}/drops': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Packets and bytes that the rule has decided, read from the switches now */
  readonly 'GET /v1/security-group-rules/{id}/counters': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Packets and bytes that each rule of the group has decided, read from the switches now */
  readonly 'GET /v1/security-groups/{id}/counters': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Would this packet of the port pass, and by which rule? Nothing is sent */
  readonly 'GET /v1/logical-switch-ports/{id}/verdict': { readonly query: { readonly to_port_id?: string; readonly to_ip?: string; readonly protocol?: string; readonly port?: string; readonly source_port?: string; readonly icmp_type?: string; readonly icmp_code?: string; readonly source_ip?: string; readonly source_mac?: string; readonly length?: string; readonly explain?: string; }; readonly body: never; readonly reply: unknown };
  /** The latest that was logged of the group, the newest first */
  readonly 'GET /v1/security-groups/{id}/log': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** The listeners for hypervisors: connections, certificates, who is refused and why */
  readonly 'GET /v1/southbound': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Make a token that approves new hosts; its value is shown this once */
  readonly 'POST /v1/join-tokens': { readonly query: Readonly<Record<never, never>>; readonly body: { readonly name?: string; readonly system_id?: string | null; readonly uses?: number; readonly lifetime_s?: number; }; readonly reply: unknown };
  /** Tokens that can still be used, without their values */
  readonly 'GET /v1/join-tokens': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Take a join token back */
  readonly 'DELETE /v1/join-tokens/{id}': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Several writes, all or nothing, one revision */
  readonly 'POST /v1/transactions': { readonly query: { readonly wait?: 'applied'; readonly timeout_ms?: string; }; readonly body: { readonly operations: readonly { readonly op: 'create' | 'replace' | 'merge' | 'delete'; readonly kind: string; readonly id?: string; readonly value?: unknown; readonly cascade?: boolean; }[]; }; readonly reply: { readonly revision: number; readonly results: readonly unknown[]; } };
  /** How far a revision has come */
  readonly 'GET /v1/revisions/{n}': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: RevisionReport };
  /** How many objects a project has, and may have; nothing is counted with WEFT_AUTH=none */
  readonly 'GET /v1/usage': { readonly query: { readonly project_id?: string; }; readonly body: never; readonly reply: unknown };
  /** Changes as server-sent events, resumable by revision */
  readonly 'GET /v1/watch': { readonly query: { readonly since?: string; readonly kinds?: string; }; readonly body: never; readonly reply: unknown };
  /** Is the process alive? */
  readonly 'GET /healthz': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Can it do its work, and how durable is its store? */
  readonly 'GET /readyz': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
  /** Prometheus metrics */
  readonly 'GET /metrics': { readonly query: Readonly<Record<never, never>>; readonly body: never; readonly reply: unknown };
}

/** The objects of each collection, and what is asked of them. */
export interface Collections {
  readonly 'hypervisors': {
    readonly object: Hypervisor;
    readonly create: HypervisorCreate;
    readonly replace: HypervisorReplace;
    readonly patch: HypervisorPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly system_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'logical-switches': {
    readonly object: LogicalSwitch;
    readonly create: LogicalSwitchCreate;
    readonly replace: LogicalSwitchReplace;
    readonly patch: LogicalSwitchPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'subnets': {
    readonly object: Subnet;
    readonly create: SubnetCreate;
    readonly replace: SubnetReplace;
    readonly patch: SubnetPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'logical-routers': {
    readonly object: LogicalRouter;
    readonly create: LogicalRouterCreate;
    readonly replace: LogicalRouterReplace;
    readonly patch: LogicalRouterPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'security-groups': {
    readonly object: SecurityGroup;
    readonly create: SecurityGroupCreate;
    readonly replace: SecurityGroupReplace;
    readonly patch: SecurityGroupPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'address-sets': {
    readonly object: AddressSet;
    readonly create: AddressSetCreate;
    readonly replace: AddressSetReplace;
    readonly patch: AddressSetPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'security-group-rules': {
    readonly object: SecurityGroupRule;
    readonly create: SecurityGroupRuleCreate;
    readonly replace: SecurityGroupRuleReplace;
    readonly patch: SecurityGroupRulePatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly security_group_id?: string; readonly remote_group_id?: string; readonly remote_address_set_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'logical-switch-ports': {
    readonly object: LogicalSwitchPort;
    readonly create: LogicalSwitchPortCreate;
    readonly replace: LogicalSwitchPortReplace;
    readonly patch: LogicalSwitchPortPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly hypervisor?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'virtual-addresses': {
    readonly object: VirtualAddress;
    readonly create: VirtualAddressCreate;
    readonly replace: VirtualAddressReplace;
    readonly patch: VirtualAddressPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'logical-router-ports': {
    readonly object: LogicalRouterPort;
    readonly create: LogicalRouterPortCreate;
    readonly replace: LogicalRouterPortReplace;
    readonly patch: LogicalRouterPortPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly logical_switch_id?: string; readonly peer_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'static-routes': {
    readonly object: StaticRoute;
    readonly create: StaticRouteCreate;
    readonly replace: StaticRouteReplace;
    readonly patch: StaticRoutePatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'policy-routes': {
    readonly object: PolicyRoute;
    readonly create: PolicyRouteCreate;
    readonly replace: PolicyRouteReplace;
    readonly patch: PolicyRoutePatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'static-neighbours': {
    readonly object: StaticNeighbour;
    readonly create: StaticNeighbourCreate;
    readonly replace: StaticNeighbourReplace;
    readonly patch: StaticNeighbourPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_router_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'bfd-sessions': {
    readonly object: BfdSession;
    readonly create: BfdSessionCreate;
    readonly replace: BfdSessionReplace;
    readonly patch: BfdSessionPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_router_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'qos-rules': {
    readonly object: QosRule;
    readonly create: QosRuleCreate;
    readonly replace: QosRuleReplace;
    readonly patch: QosRulePatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_switch_port_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'mirrors': {
    readonly object: Mirror;
    readonly create: MirrorCreate;
    readonly replace: MirrorReplace;
    readonly patch: MirrorPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_switch_port_id?: string; readonly collector_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'dhcp-options': {
    readonly object: DhcpOption;
    readonly create: DhcpOptionCreate;
    readonly replace: DhcpOptionReplace;
    readonly patch: DhcpOptionPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_switch_port_id?: string; readonly subnet_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'dns-records': {
    readonly object: DnsRecord;
    readonly create: DnsRecordCreate;
    readonly replace: DnsRecordReplace;
    readonly patch: DnsRecordPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_switch_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'load-balancers': {
    readonly object: LoadBalancer;
    readonly create: LoadBalancerCreate;
    readonly replace: LoadBalancerReplace;
    readonly patch: LoadBalancerPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'nat-rules': {
    readonly object: NatRule;
    readonly create: NatRuleCreate;
    readonly replace: NatRuleReplace;
    readonly patch: NatRulePatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly logical_router_id?: string; readonly logical_switch_port_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'tokens': {
    readonly object: Token;
    readonly create: TokenCreate;
    readonly replace: TokenReplace;
    readonly patch: TokenPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
  readonly 'quotas': {
    readonly object: Quota;
    readonly create: QuotaCreate;
    readonly replace: QuotaReplace;
    readonly patch: QuotaPatch;
    readonly filter: { readonly name?: string; readonly project_id?: string; readonly label?: string; readonly limit?: string; readonly after?: string; readonly min_revision?: string; };
  };
}
