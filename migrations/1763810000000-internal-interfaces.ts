import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  'ALTER TABLE logical_switch_ports ADD COLUMN internal_interface boolean NOT NULL DEFAULT false',
  'ALTER TABLE logical_switch_ports ALTER COLUMN internal_interface DROP DEFAULT',
];

/** Ports whose interface Weft makes itself. */
export class InternalInterfaces1763810000000 implements MigrationInterface {
  readonly name = 'InternalInterfaces1763810000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE logical_switch_ports DROP COLUMN internal_interface');
  }
}
