import type { MigrationInterface, QueryRunner } from 'typeorm';
import { foreignKey, nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable(
    'nat_rules',
    `logical_router_id uuid NOT NULL,
      kind text NOT NULL,
      external_ip text NOT NULL,
      logical_ip text NOT NULL,
      exempted_destinations jsonb NOT NULL,
      port_map jsonb,
      logical_switch_port_id uuid,
      external_mac text,
      outside_switch_id uuid`,
  ),
  ...foreignKey('nat_rules', 'logical_router_id', 'logical_routers'),
  ...foreignKey('nat_rules', 'logical_switch_port_id', 'logical_switch_ports'),
  'ALTER TABLE logical_routers ADD COLUMN nat_zone integer',
  'ALTER TABLE logical_routers ADD CONSTRAINT logical_routers_nat_zone_key UNIQUE (nat_zone)',
  // Zones from 24576 to 32767, and those 32768 above, are for logical routers: ports with such a zone get a lower one.
  `WITH high AS (
      SELECT id, hypervisor_id, row_number() OVER (PARTITION BY hypervisor_id ORDER BY id) AS place
      FROM port_bindings WHERE ct_zone > 24575),
    free AS (
      SELECT h.hypervisor_id, zone, row_number() OVER (PARTITION BY h.hypervisor_id ORDER BY zone) AS place
      FROM (SELECT DISTINCT hypervisor_id FROM high) h CROSS JOIN generate_series(1, 24575) AS zone
      WHERE NOT EXISTS (SELECT 1 FROM port_bindings b WHERE b.hypervisor_id = h.hypervisor_id AND b.ct_zone = zone))
    UPDATE port_bindings b SET ct_zone = free.zone
    FROM high JOIN free ON free.hypervisor_id = high.hypervisor_id AND free.place = high.place WHERE b.id = high.id`,
  `UPDATE logical_routers r SET nat_zone = numbered.zone
    FROM (SELECT id, 24575 + row_number() OVER (ORDER BY id) AS zone FROM logical_routers WHERE gateway_switch_id IS NOT NULL) numbered
    WHERE numbered.id = r.id`,
  `INSERT INTO claims (scope, class, value, owner_kind, owner_id)
    SELECT '00000000-0000-0000-0000-000000000000', 'ct_zone', nat_zone::text, 'logical-routers', id
    FROM logical_routers WHERE nat_zone IS NOT NULL`,
];

/** Translation of addresses at gateways, and a conntrack zone for every router that has one. */
export class Nat1763768000000 implements MigrationInterface {
  readonly name = 'Nat1763768000000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query("DELETE FROM claims WHERE class = 'ct_zone'");
    await queryRunner.query('ALTER TABLE logical_routers DROP COLUMN nat_zone');
    await queryRunner.query('DROP TABLE nat_rules');
  }
}
