import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The columns and keys that every noun has. */
function noun(table: string, columns: string): string[] {
  return [
    `CREATE TABLE ${table} (
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
    )`,
    `CREATE INDEX ${table}_name_idx ON ${table} (name)`,
    `CREATE INDEX ${table}_project_id_idx ON ${table} (project_id)`,
  ];
}

function reference(table: string, column: string, target: string): string[] {
  return [
    `ALTER TABLE ${table} ADD CONSTRAINT ${table}_${column}_fkey FOREIGN KEY (${column}) REFERENCES ${target} (id)`,
    `CREATE INDEX ${table}_${column}_idx ON ${table} (${column})`,
  ];
}

const STATEMENTS = [
  'ALTER TABLE logical_switches ADD COLUMN dns_domain text',
  'ALTER TABLE subnets ADD COLUMN ipv6_address_mode text',
  ...noun(
    'dhcp_options',
    `logical_switch_port_id uuid,
      subnet_id uuid,
      protocol text NOT NULL,
      option text NOT NULL,
      value text NOT NULL`,
  ),
  ...reference('dhcp_options', 'logical_switch_port_id', 'logical_switch_ports'),
  ...reference('dhcp_options', 'subnet_id', 'subnets'),
  ...noun(
    'dns_records',
    `logical_switch_id uuid NOT NULL,
      type text NOT NULL,
      "values" jsonb NOT NULL,
      ttl integer NOT NULL`,
  ),
  ...reference('dns_records', 'logical_switch_id', 'logical_switches'),
];

/** DHCP options, DNS records, and what subnets and logical switches say about addressing. */
export class Addressing1763760600000 implements MigrationInterface {
  readonly name = 'Addressing1763760600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of ['dns_records', 'dhcp_options']) await queryRunner.query(`DROP TABLE ${table}`);
    await queryRunner.query('ALTER TABLE subnets DROP COLUMN ipv6_address_mode');
    await queryRunner.query('ALTER TABLE logical_switches DROP COLUMN dns_domain');
  }
}
