import type { MigrationInterface, QueryRunner } from 'typeorm';
import { foreignKey, nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable(
    'bfd_sessions',
    `logical_router_port_id uuid NOT NULL,
      ip text NOT NULL,
      min_tx_ms integer NOT NULL,
      min_rx_ms integer NOT NULL,
      detect_multiplier integer NOT NULL,
      enabled boolean NOT NULL,
      finding jsonb`,
  ),
  ...foreignKey('bfd_sessions', 'logical_router_port_id', 'logical_router_ports'),
];

/** Neighbours of router ports whose liveness is watched, and what was found. */
export class BfdSessions1763820000000 implements MigrationInterface {
  readonly name = 'BfdSessions1763820000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE bfd_sessions');
  }
}
