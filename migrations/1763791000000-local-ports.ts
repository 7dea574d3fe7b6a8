import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  'ALTER TABLE logical_switch_ports ADD COLUMN local jsonb',
  'ALTER TABLE port_bindings DROP CONSTRAINT port_bindings_logical_switch_port_id_key',
  `ALTER TABLE port_bindings ADD CONSTRAINT port_bindings_place_key UNIQUE (logical_switch_port_id, hypervisor_id)`,
  'CREATE INDEX port_bindings_logical_switch_port_id_idx ON port_bindings (logical_switch_port_id)',
];

/** Local ports, which have a binding on each of several hypervisors. */
export class LocalPorts1763791000000 implements MigrationInterface {
  readonly name = 'LocalPorts1763791000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DELETE FROM logical_switch_ports WHERE local IS NOT NULL');
    await queryRunner.query('DROP INDEX port_bindings_logical_switch_port_id_idx');
    await queryRunner.query('ALTER TABLE port_bindings DROP CONSTRAINT port_bindings_place_key');
    await queryRunner.query(
      'ALTER TABLE port_bindings ADD CONSTRAINT port_bindings_logical_switch_port_id_key UNIQUE (logical_switch_port_id)',
    );
    await queryRunner.query('ALTER TABLE logical_switch_ports DROP COLUMN local');
  }
}
