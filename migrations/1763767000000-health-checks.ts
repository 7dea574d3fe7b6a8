import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  'ALTER TABLE load_balancers ADD COLUMN health_check jsonb',
  `ALTER TABLE load_balancers ADD COLUMN failed_backends jsonb NOT NULL DEFAULT '[]'`,
  'ALTER TABLE load_balancers ALTER COLUMN failed_backends DROP DEFAULT',
];

/** Backends that are checked, and those that have failed. */
export class HealthChecks1763767000000 implements MigrationInterface {
  readonly name = 'HealthChecks1763767000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE load_balancers DROP COLUMN failed_backends');
    await queryRunner.query('ALTER TABLE load_balancers DROP COLUMN health_check');
  }
}
