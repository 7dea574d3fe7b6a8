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
  ...noun(
    'qos_rules',
    `logical_switch_port_id uuid,
      logical_switch_id uuid,
      kind text NOT NULL,
      direction text NOT NULL,
      max_kbps integer,
      max_burst_kbps integer,
      max_kpps integer,
      max_burst_kpps integer,
      dscp_mark integer,
      min_kbps integer`,
  ),
  ...reference('qos_rules', 'logical_switch_port_id', 'logical_switch_ports'),
  ...reference('qos_rules', 'logical_switch_id', 'logical_switches'),
  ...noun(
    'mirrors',
    `logical_switch_port_id uuid NOT NULL,
      direction text NOT NULL,
      kind text NOT NULL,
      collector_port_id uuid,
      remote_ip text,
      key bigint NOT NULL,
      datapath_key integer NOT NULL,
      CONSTRAINT mirrors_datapath_key_key UNIQUE (datapath_key)`,
  ),
  ...reference('mirrors', 'logical_switch_port_id', 'logical_switch_ports'),
  ...reference('mirrors', 'collector_port_id', 'logical_switch_ports'),
];

/** QoS rules and mirrors. */
export class QosAndMirrors1763749800000 implements MigrationInterface {
  readonly name = 'QosAndMirrors1763749800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of ['mirrors', 'qos_rules']) await queryRunner.query(`DROP TABLE ${table}`);
  }
}
