import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  'ALTER TABLE logical_routers ADD COLUMN gateway jsonb',
  'ALTER TABLE logical_routers ADD COLUMN gateway_switch_id uuid',
  'CREATE INDEX logical_routers_gateway_switch_id_idx ON logical_routers (gateway_switch_id)',
];

/** Logical routers that are outside, on a physical network. */
export class Gateways1763764200000 implements MigrationInterface {
  readonly name = 'Gateways1763764200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE logical_routers DROP COLUMN gateway_switch_id');
    await queryRunner.query('ALTER TABLE logical_routers DROP COLUMN gateway');
  }
}
