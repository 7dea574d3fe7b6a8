import type { MigrationInterface, QueryRunner } from 'typeorm';

const COMMON = `project_id text NOT NULL,
      labels jsonb NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      revision bigint NOT NULL,
      number integer NOT NULL,`;

/** Join tokens become rows of a noun, so that the change log has them. Those that there were are gone: they live for an hour. */
export class AuditedJoinTokens1763753400000 implements MigrationInterface {
  readonly name = 'AuditedJoinTokens1763753400000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE join_tokens');
    await queryRunner.query(`CREATE TABLE join_tokens (
      id uuid NOT NULL,
      name text NOT NULL,
      ${COMMON}
      system_id text,
      uses_left integer NOT NULL,
      expires_at timestamptz NOT NULL,
      digest text NOT NULL,
      CONSTRAINT join_tokens_digest_key UNIQUE (digest),
      CONSTRAINT join_tokens_number_key UNIQUE (number),
      CONSTRAINT join_tokens_pkey PRIMARY KEY (id)
    )`);
    await queryRunner.query('CREATE INDEX join_tokens_name_idx ON join_tokens (name)');
    await queryRunner.query('CREATE INDEX join_tokens_project_id_idx ON join_tokens (project_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE join_tokens');
    await queryRunner.query(`CREATE TABLE join_tokens (
      id uuid NOT NULL,
      name text NOT NULL,
      hash text NOT NULL,
      system_id text,
      uses_left integer NOT NULL,
      created_at timestamptz NOT NULL,
      expires_at timestamptz NOT NULL,
      CONSTRAINT join_tokens_hash_key UNIQUE (hash),
      CONSTRAINT join_tokens_pkey PRIMARY KEY (id)
    )`);
  }
}
