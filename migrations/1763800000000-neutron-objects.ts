import type { MigrationInterface, QueryRunner } from 'typeorm';
import { nounTable } from './noun-table.js';

const STATEMENTS = nounTable('neutron_objects', 'collection text NOT NULL, attributes jsonb NOT NULL');

/** What the OpenStack Networking API keeps beside the nouns. */
export class NeutronObjects1763800000000 implements MigrationInterface {
  readonly name = 'NeutronObjects1763800000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE neutron_objects');
  }
}
