import type { MigrationInterface, QueryRunner } from 'typeorm';
import { foreignKey, nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable(
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
  ...foreignKey('qos_rules', 'logical_switch_port_id', 'logical_switch_ports'),
  ...foreignKey('qos_rules', 'logical_switch_id', 'logical_switches'),
  ...nounTable(
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
  ...foreignKey('mirrors', 'logical_switch_port_id', 'logical_switch_ports'),
  ...foreignKey('mirrors', 'collector_port_id', 'logical_switch_ports'),
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
