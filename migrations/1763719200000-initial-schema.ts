import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The columns and keys that every noun has. */
function noun(table: string, columns: string): string {
  return `
    CREATE TABLE ${table} (
      id uuid NOT NULL,
      name text NOT NULL,
      project_id text NOT NULL,
      labels jsonb NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      revision bigint NOT NULL,
      number integer NOT NULL,
      ${columns},
      CONSTRAINT ${table}_number_key UNIQUE (number),
      CONSTRAINT ${table}_pkey PRIMARY KEY (id)
    );
    CREATE INDEX ${table}_name_idx ON ${table} (name);
    CREATE INDEX ${table}_project_id_idx ON ${table} (project_id);`;
}

const NOUNS = [
  noun(
    'hypervisors',
    `system_id text,
      encap_ip text,
      encap_types jsonb NOT NULL,
      underlay_mtu integer NOT NULL,
      datapath_id text NOT NULL,
      hypervisor_key integer NOT NULL,
      drain boolean NOT NULL,
      gateway boolean NOT NULL,
      adopt boolean NOT NULL,
      allowed boolean NOT NULL,
      ovsdb_target text,
      bridge text NOT NULL,
      datapath_type text NOT NULL,
      CONSTRAINT hypervisors_system_id_key UNIQUE (system_id),
      CONSTRAINT hypervisors_datapath_id_key UNIQUE (datapath_id),
      CONSTRAINT hypervisors_hypervisor_key_key UNIQUE (hypervisor_key)`,
  ),
  noun(
    'logical_switches',
    `mtu integer,
      datapath_key integer NOT NULL,
      CONSTRAINT logical_switches_datapath_key_key UNIQUE (datapath_key)`,
  ),
  noun(
    'subnets',
    `logical_switch_id uuid NOT NULL,
      cidr text NOT NULL,
      gateway_ip text,
      allocation_pools jsonb NOT NULL,
      dns_servers jsonb NOT NULL,
      dhcp boolean NOT NULL,
      host_routes jsonb NOT NULL,
      CONSTRAINT subnets_logical_switch_id_fkey FOREIGN KEY (logical_switch_id) REFERENCES logical_switches (id)`,
  ),
  `CREATE INDEX subnets_logical_switch_id_idx ON subnets (logical_switch_id)`,
  noun(
    'logical_routers',
    `enabled boolean NOT NULL,
      datapath_key integer NOT NULL,
      CONSTRAINT logical_routers_datapath_key_key UNIQUE (datapath_key)`,
  ),
  noun(
    'logical_switch_ports',
    `logical_switch_id uuid NOT NULL,
      mac text NOT NULL,
      ips jsonb NOT NULL,
      port_security boolean NOT NULL,
      allowed_addresses jsonb NOT NULL,
      enabled boolean NOT NULL,
      unknown_macs boolean NOT NULL,
      hypervisor text,
      port_key integer NOT NULL,
      CONSTRAINT logical_switch_ports_logical_switch_id_fkey FOREIGN KEY (logical_switch_id) REFERENCES logical_switches (id)`,
  ),
  `CREATE INDEX logical_switch_ports_logical_switch_id_idx ON logical_switch_ports (logical_switch_id)`,
  `CREATE INDEX logical_switch_ports_hypervisor_idx ON logical_switch_ports (hypervisor)`,
  noun(
    'logical_router_ports',
    `logical_router_id uuid NOT NULL,
      logical_switch_id uuid,
      peer_id uuid,
      mac text NOT NULL,
      networks jsonb NOT NULL,
      port_key integer NOT NULL,
      switch_port_key integer,
      CONSTRAINT logical_router_ports_logical_router_id_fkey FOREIGN KEY (logical_router_id) REFERENCES logical_routers (id),
      CONSTRAINT logical_router_ports_logical_switch_id_fkey FOREIGN KEY (logical_switch_id) REFERENCES logical_switches (id),
      CONSTRAINT logical_router_ports_peer_id_fkey FOREIGN KEY (peer_id) REFERENCES logical_router_ports (id)`,
  ),
  `CREATE INDEX logical_router_ports_logical_router_id_idx ON logical_router_ports (logical_router_id)`,
  `CREATE INDEX logical_router_ports_logical_switch_id_idx ON logical_router_ports (logical_switch_id)`,
  `CREATE INDEX logical_router_ports_peer_id_idx ON logical_router_ports (peer_id)`,
  noun(
    'static_routes',
    `logical_router_id uuid NOT NULL,
      destination text NOT NULL,
      next_hop text,
      discard boolean NOT NULL,
      CONSTRAINT static_routes_logical_router_id_fkey FOREIGN KEY (logical_router_id) REFERENCES logical_routers (id)`,
  ),
  `CREATE INDEX static_routes_logical_router_id_idx ON static_routes (logical_router_id)`,
  noun(
    'port_bindings',
    `logical_switch_port_id uuid NOT NULL,
      hypervisor_id uuid NOT NULL,
      interface_name text NOT NULL,
      interface_uuid uuid NOT NULL,
      ofport integer NOT NULL,
      reason text,
      CONSTRAINT port_bindings_logical_switch_port_id_key UNIQUE (logical_switch_port_id),
      CONSTRAINT port_bindings_logical_switch_port_id_fkey FOREIGN KEY (logical_switch_port_id) REFERENCES logical_switch_ports (id),
      CONSTRAINT port_bindings_hypervisor_id_fkey FOREIGN KEY (hypervisor_id) REFERENCES hypervisors (id)`,
  ),
  `CREATE INDEX port_bindings_hypervisor_id_idx ON port_bindings (hypervisor_id)`,
];

const OWN_TABLES = [
  `CREATE TABLE store_head (
    id integer NOT NULL,
    database_id uuid NOT NULL,
    revision bigint NOT NULL,
    log_floor bigint NOT NULL,
    CONSTRAINT store_head_pkey PRIMARY KEY (id),
    CONSTRAINT store_head_single_check CHECK (id = 1)
  )`,
  `INSERT INTO store_head (id, database_id, revision, log_floor) VALUES (1, gen_random_uuid(), 0, 0)`,
  `CREATE TABLE revisions (
    revision bigint NOT NULL,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    source text NOT NULL,
    changes integer NOT NULL,
    check_value integer NOT NULL,
    CONSTRAINT revisions_pkey PRIMARY KEY (revision)
  )`,
  `CREATE TABLE change_log (
    revision bigint NOT NULL,
    seq integer NOT NULL,
    kind text NOT NULL,
    object_id uuid NOT NULL,
    operation text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT change_log_pkey PRIMARY KEY (revision, seq)
  )`,
  `CREATE TABLE claims (
    scope uuid NOT NULL,
    class text NOT NULL,
    value text NOT NULL,
    owner_kind text NOT NULL,
    owner_id uuid NOT NULL,
    subnet_id uuid,
    CONSTRAINT claims_pkey PRIMARY KEY (scope, class, value)
  )`,
  `CREATE INDEX claims_subnet_id_idx ON claims (subnet_id) WHERE subnet_id IS NOT NULL`,
  `CREATE TABLE allocation_cursors (
    scope uuid NOT NULL,
    class text NOT NULL,
    next text NOT NULL,
    CONSTRAINT allocation_cursors_pkey PRIMARY KEY (scope, class)
  )`,
  `CREATE TABLE interface_claims (
    hypervisor_id uuid NOT NULL,
    interface_uuid uuid NOT NULL,
    interface_name text NOT NULL,
    iface_id text NOT NULL,
    ofport integer NOT NULL,
    claim_order bigint NOT NULL,
    CONSTRAINT interface_claims_pkey PRIMARY KEY (hypervisor_id, interface_uuid),
    CONSTRAINT interface_claims_hypervisor_id_fkey FOREIGN KEY (hypervisor_id) REFERENCES hypervisors (id)
  )`,
  `CREATE INDEX interface_claims_iface_id_idx ON interface_claims (iface_id)`,
  `CREATE TABLE leases (
    name text NOT NULL,
    holder text NOT NULL,
    term bigint NOT NULL,
    expires_at timestamptz NOT NULL,
    CONSTRAINT leases_pkey PRIMARY KEY (name)
  )`,
];

const SEQUENCES = [
  // Handed out in blocks of 64, so that most writes need no round trip for a number; what a stopped process leaves is lost.
  `CREATE SEQUENCE object_numbers AS integer MINVALUE 1 MAXVALUE 536870848 INCREMENT BY 64 NO CYCLE`,
  `CREATE SEQUENCE claim_order AS bigint`,
];

/** Layer 2 and layer 3 networks, the change log, what hypervisors claim, leases. */
export class InitialSchema1763719200000 implements MigrationInterface {
  readonly name = 'InitialSchema1763719200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of [...NOUNS, ...OWN_TABLES, ...SEQUENCES]) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    const tables = [
      'port_bindings',
      'static_routes',
      'logical_router_ports',
      'logical_switch_ports',
      'logical_routers',
    ];
    tables.push(
      'subnets',
      'logical_switches',
      'interface_claims',
      'hypervisors',
      'store_head',
      'revisions',
      'change_log',
    );
    tables.push('claims', 'allocation_cursors', 'leases');
    for (const table of tables) await queryRunner.query(`DROP TABLE ${table}`);
    await queryRunner.query('DROP SEQUENCE object_numbers');
    await queryRunner.query('DROP SEQUENCE claim_order');
  }
}
