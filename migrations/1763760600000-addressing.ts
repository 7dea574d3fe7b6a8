import type { MigrationInterface, QueryRunner } from 'typeorm';
import { foreignKey, nounTable } from './noun-table.js';

const STATEMENTS = [
  'ALTER TABLE logical_switches ADD COLUMN dns_domain text',
  'ALTER TABLE subnets ADD COLUMN ipv6_address_mode text',
  ...nounTable(
    'dhcp_options',
    `logical_switch_port_id uuid,
      subnet_id uuid,
      protocol text NOT NULL,
      option text NOT NULL,
      value text NOT NULL`,
  ),
  ...foreignKey('dhcp_options', 'logical_switch_port_id', 'logical_switch_ports'),
  ...foreignKey('dhcp_options', 'subnet_id', 'subnets'),
  ...nounTable(
    'dns_records',
    `logical_switch_id uuid NOT NULL,
      type text NOT NULL,
      "values" jsonb NOT NULL,
      ttl integer NOT NULL`,
  ),
  ...foreignKey('dns_records', 'logical_switch_id', 'logical_switches'),
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
