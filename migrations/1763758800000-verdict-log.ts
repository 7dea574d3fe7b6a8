import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rules and security groups say what is to be logged; those that there are log nothing. */
export class VerdictLog1763758800000 implements MigrationInterface {
  readonly name = 'VerdictLog1763758800000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const [table, column] of COLUMNS) {
      await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN ${column} boolean NOT NULL DEFAULT false`);
      await queryRunner.query(`ALTER TABLE ${table} ALTER COLUMN ${column} DROP DEFAULT`);
    }
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const [table, column] of COLUMNS) await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN ${column}`);
  }
}

const COLUMNS = [
  ['security_group_rules', 'log'],
  ['security_groups', 'log_denied'],
] as const;
