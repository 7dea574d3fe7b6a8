import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Hosts that wait for approval, and the tokens that approve them beforehand. Whoever is a member already stays one. */
export class Enrolment1763748000000 implements MigrationInterface {
  readonly name = 'Enrolment1763748000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE hypervisors ADD COLUMN approved boolean NOT NULL DEFAULT true');
    await queryRunner.query('ALTER TABLE hypervisors ALTER COLUMN approved DROP DEFAULT');
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

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE join_tokens');
    await queryRunner.query('ALTER TABLE hypervisors DROP COLUMN approved');
  }
}
