import type { MigrationInterface, QueryRunner } from 'typeorm';
import { nounTable } from './noun-table.js';

const STATEMENTS = [
  ...nounTable('security_groups', 'isolates jsonb NOT NULL, port_selector jsonb'),
  ...nounTable('address_sets', 'addresses jsonb NOT NULL'),
  ...nounTable(
    'security_group_rules',
    `security_group_id uuid NOT NULL,
      direction text NOT NULL,
      ethertype text,
      protocol text,
      port_min integer,
      port_max integer,
      icmp_type integer,
      icmp_code integer,
      remote_cidr text,
      remote_group_id uuid,
      remote_address_set_id uuid,
      action text NOT NULL,
      priority integer NOT NULL,
      stateless boolean NOT NULL,
      CONSTRAINT security_group_rules_security_group_id_fkey FOREIGN KEY (security_group_id) REFERENCES security_groups (id),
      CONSTRAINT security_group_rules_remote_group_id_fkey FOREIGN KEY (remote_group_id) REFERENCES security_groups (id),
      CONSTRAINT security_group_rules_remote_address_set_id_fkey FOREIGN KEY (remote_address_set_id) REFERENCES address_sets (id)`,
  ),
  `CREATE INDEX security_group_rules_security_group_id_idx ON security_group_rules (security_group_id)`,
  `CREATE INDEX security_group_rules_remote_group_id_idx ON security_group_rules (remote_group_id)`,
  `CREATE INDEX security_group_rules_remote_address_set_id_idx ON security_group_rules (remote_address_set_id)`,
  `ALTER TABLE logical_switch_ports ADD COLUMN security_groups jsonb NOT NULL DEFAULT '[]'`,
  `ALTER TABLE logical_switch_ports ALTER COLUMN security_groups DROP DEFAULT`,
  `ALTER TABLE port_bindings ADD COLUMN ct_zone integer`,
  `UPDATE port_bindings b SET ct_zone = z.zone
    FROM (SELECT id, row_number() OVER (PARTITION BY hypervisor_id ORDER BY id) AS zone FROM port_bindings) z WHERE z.id = b.id`,
  `ALTER TABLE port_bindings ALTER COLUMN ct_zone SET NOT NULL`,
  `ALTER TABLE port_bindings ADD CONSTRAINT port_bindings_hypervisor_id_ct_zone_key UNIQUE (hypervisor_id, ct_zone)`,
];

/** Security groups, their rules and address sets; conntrack zones of ports. */
export class SecurityGroups1763751600000 implements MigrationInterface {
  readonly name = 'SecurityGroups1763751600000';

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const statement of STATEMENTS) await queryRunner.query(statement);
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('ALTER TABLE port_bindings DROP COLUMN ct_zone');
    await queryRunner.query('ALTER TABLE logical_switch_ports DROP COLUMN security_groups');
    for (const table of ['security_group_rules', 'address_sets', 'security_groups'])
      await queryRunner.query(`DROP TABLE ${table}`);
  }
}
