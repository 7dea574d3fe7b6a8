import type { MigrationInterface, QueryRunner } from 'typeorm';
import { foreignKey, nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable(
    'virtual_addresses',
    `logical_switch_id uuid NOT NULL,
      ip text NOT NULL,
      logical_switch_port_ids jsonb NOT NULL,
      holder_id uuid`,
  ),
  ...foreignKey('virtual_addresses', 'logical_switch_id', 'logical_switches'),
];

/** Addresses that move between ports. */
export class VirtualAddresses1763781000000 implements MigrationInterface {
  readonly name = 'VirtualAddresses1763781000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE virtual_addresses');
  }
}
