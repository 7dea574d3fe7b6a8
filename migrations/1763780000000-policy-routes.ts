import type { MigrationInterface, QueryRunner } from 'typeorm';
import { foreignKey, nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable(
    'policy_routes',
    `logical_router_id uuid NOT NULL,
      priority integer NOT NULL,
      source text,
      destination text,
      protocol text,
      port_min integer,
      port_max integer,
      mark jsonb,
      action text NOT NULL,
      next_hops jsonb NOT NULL`,
  ),
  ...foreignKey('policy_routes', 'logical_router_id', 'logical_routers'),
  ...nounTable(
    'static_neighbours',
    `logical_router_port_id uuid NOT NULL,
      ip text NOT NULL,
      mac text NOT NULL`,
  ),
  ...foreignKey('static_neighbours', 'logical_router_port_id', 'logical_router_ports'),
];

/** Policy routes and static neighbours of logical routers. */
export class PolicyRoutes1763780000000 implements MigrationInterface {
  readonly name = 'PolicyRoutes1763780000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE static_neighbours');
    await queryRunner.query('DROP TABLE policy_routes');
  }
}
