import type { MigrationInterface, QueryRunner } from 'typeorm';
import { nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable(
    'tokens',
    `role text NOT NULL,
      scopes jsonb NOT NULL,
      expires_at timestamptz,
      digest text NOT NULL,
      CONSTRAINT tokens_digest_key UNIQUE (digest)`,
  ),
  ...nounTable('quotas', `limits jsonb NOT NULL`),
  `CREATE TABLE token_uses (
    token_id uuid NOT NULL,
    used_at timestamptz NOT NULL,
    CONSTRAINT token_uses_pkey PRIMARY KEY (token_id)
  )`,
  `CREATE TABLE project_usage (
    project_id text NOT NULL,
    kind text NOT NULL,
    used integer NOT NULL,
    ceiling integer NOT NULL,
    CONSTRAINT project_usage_pkey PRIMARY KEY (project_id, kind),
    CONSTRAINT project_usage_ceiling_check CHECK (used <= ceiling)
  )`,
  // Who wrote, beyond his name: the token or subject, his project, and from where.
  `ALTER TABLE revisions ADD COLUMN subject text NOT NULL DEFAULT '',
    ADD COLUMN project_id text NOT NULL DEFAULT '', ADD COLUMN remote_address text NOT NULL DEFAULT ''`,
  `ALTER TABLE logical_switches ADD COLUMN shared_with jsonb NOT NULL DEFAULT '[]'`,
  // Weft writes every column: the defaults were for rows from before.
  `ALTER TABLE revisions ALTER COLUMN subject DROP DEFAULT, ALTER COLUMN project_id DROP DEFAULT,
    ALTER COLUMN remote_address DROP DEFAULT`,
  `ALTER TABLE logical_switches ALTER COLUMN shared_with DROP DEFAULT`,
];

/** Tokens, quotas and what projects have, sharing, and who wrote a revision from where. */
export class Trust1763746200000 implements MigrationInterface {
  readonly name = 'Trust1763746200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    for (const table of ['tokens', 'quotas', 'token_uses', 'project_usage'])
      await queryRunner.query(`DROP TABLE ${table}`);
    for (const column of ['subject', 'project_id', 'remote_address'])
      await queryRunner.query(`ALTER TABLE revisions DROP COLUMN ${column}`);
    await queryRunner.query('ALTER TABLE logical_switches DROP COLUMN shared_with');
  }
}
