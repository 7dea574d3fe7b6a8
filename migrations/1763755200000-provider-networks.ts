import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  `CREATE TABLE physical_networks (
    name text NOT NULL,
    key integer NOT NULL,
    CONSTRAINT physical_networks_key_key UNIQUE (key),
    CONSTRAINT physical_networks_pkey PRIMARY KEY (name)
  )`,
  'ALTER TABLE logical_switches ADD COLUMN provider jsonb',
  'ALTER TABLE logical_switches ADD COLUMN physical_network_key integer',
  `ALTER TABLE hypervisors ADD COLUMN bridge_mappings jsonb NOT NULL DEFAULT '[]'`,
  'ALTER TABLE hypervisors ALTER COLUMN bridge_mappings DROP DEFAULT',
];

/** Logical switches that are part of physical networks, and the bridges that hosts have for these. */
export class ProviderNetworks1763755200000 implements MigrationInterface {
  readonly name = 'ProviderNetworks1763755200000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE hypervisors DROP COLUMN bridge_mappings');
    await queryRunner.query('ALTER TABLE logical_switches DROP COLUMN physical_network_key');
    await queryRunner.query('ALTER TABLE logical_switches DROP COLUMN provider');
    await queryRunner.query('DROP TABLE physical_networks');
  }
}
