import type { MigrationInterface, QueryRunner } from 'typeorm';
import { nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable(
    'load_balancers',
    `vip text NOT NULL,
      protocol text NOT NULL,
      port integer NOT NULL,
      backends jsonb NOT NULL,
      affinity_timeout_s integer,
      logical_switch_ids jsonb NOT NULL,
      logical_router_ids jsonb NOT NULL`,
  ),
  // The upper half of the conntrack zones is for connections to load balancers: ports with such a zone get one of the lower half.
  `WITH high AS (
      SELECT id, hypervisor_id, row_number() OVER (PARTITION BY hypervisor_id ORDER BY id) AS place
      FROM port_bindings WHERE ct_zone > 32767),
    free AS (
      SELECT h.hypervisor_id, zone, row_number() OVER (PARTITION BY h.hypervisor_id ORDER BY zone) AS place
      FROM (SELECT DISTINCT hypervisor_id FROM high) h CROSS JOIN generate_series(1, 32767) AS zone
      WHERE NOT EXISTS (SELECT 1 FROM port_bindings b WHERE b.hypervisor_id = h.hypervisor_id AND b.ct_zone = zone))
    UPDATE port_bindings b SET ct_zone = free.zone
    FROM high JOIN free ON free.hypervisor_id = high.hypervisor_id AND free.place = high.place WHERE b.id = high.id`,
];

/** Load balancers, and a second conntrack zone for every port. */
export class LoadBalancers1763766000000 implements MigrationInterface {
  readonly name = 'LoadBalancers1763766000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE load_balancers');
  }
}
