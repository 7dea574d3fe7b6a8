import type { MigrationInterface, QueryRunner } from 'typeorm';

const STATEMENTS = [
  'ALTER TABLE logical_switch_ports ADD COLUMN parent jsonb',
  'ALTER TABLE logical_switch_ports ADD COLUMN parent_id uuid',
  'CREATE INDEX logical_switch_ports_parent_id_idx ON logical_switch_ports (parent_id)',
];

/** Ports that are behind another port, under a VLAN tag. */
export class SubPorts1763790000000 implements MigrationInterface {
  readonly name = 'SubPorts1763790000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE logical_switch_ports DROP COLUMN parent_id');
    await queryRunner.query('ALTER TABLE logical_switch_ports DROP COLUMN parent');
  }
}
