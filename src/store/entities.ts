/** The tables, as TypeORM sees them: those of the nouns follow from their declarations, the others are the store's own. */
import { EntitySchema, type EntitySchemaColumnOptions, type EntitySchemaOptions } from 'typeorm';
import { kinds, type Resource, resourceOf } from '../model/index.js';
import { snakeCase } from '../model/letter-case.js';
import { fieldOf } from '../model/wire.js';

type Columns = Record<string, EntitySchemaColumnOptions>;

/** The table of a noun: one column a field, keys and indexes named after table and column. */
function nounEntity(noun: Resource): EntitySchema {
  const columns: Columns = {};
  const options = {
    name: noun.typeName,
    tableName: noun.table,
    uniques: [] as NonNullable<EntitySchemaOptions<unknown>['uniques']>,
    indices: [] as NonNullable<EntitySchemaOptions<unknown>['indices']>,
    foreignKeys: [] as NonNullable<EntitySchemaOptions<unknown>['foreignKeys']>,
  };
  for (const name of noun.fieldNames) {
    const { type, unique, indexed, reference } = fieldOf(noun, name);
    const column = snakeCase(name);
    columns[column] = { type: type.column, nullable: type.nullable };
    if (name === 'id')
      Object.assign(columns[column], { primary: true, primaryKeyConstraintName: `${noun.table}_pkey` });
    if (unique) options.uniques?.push({ name: `${noun.table}_${column}_key`, columns: [column] });
    else if (indexed) options.indices?.push({ name: `${noun.table}_${column}_idx`, columns: [column] });
    if (reference !== null)
      options.foreignKeys?.push({
        name: `${noun.table}_${column}_fkey`,
        target: resourceOf(reference.kind).typeName,
        columnNames: [column],
        referencedColumnNames: ['id'],
      });
  }
  if (noun.kind === 'port-bindings')
    options.uniques.push(
      { name: 'port_bindings_hypervisor_id_ct_zone_key', columns: ['hypervisor_id', 'ct_zone'] },
      { name: 'port_bindings_place_key', columns: ['logical_switch_port_id', 'hypervisor_id'] },
    );
  return new EntitySchema({ ...options, columns });
}

/** Names of the store's own tables. */
const ownTables: readonly EntitySchemaOptions<unknown>[] = [
  {
    // One row: what the database is, and how far it has come. Its lock is what makes revisions gap-free and in commit order.
    name: 'StoreHead',
    tableName: 'store_head',
    columns: {
      id: { type: 'integer', primary: true, primaryKeyConstraintName: 'store_head_pkey' },
      database_id: { type: 'uuid' },
      revision: { type: 'bigint' },
      log_floor: { type: 'bigint' },
    },
    checks: [{ name: 'store_head_single_check', expression: 'id = 1' }],
  },
  {
    name: 'Revision',
    tableName: 'revisions',
    columns: {
      revision: { type: 'bigint', primary: true, primaryKeyConstraintName: 'revisions_pkey' },
      at: { type: 'timestamptz' },
      actor: { type: 'text' },
      // The token or subject that wrote, its project, and from where.
      subject: { type: 'text' },
      project_id: { type: 'text' },
      remote_address: { type: 'text' },
      source: { type: 'text' },
      changes: { type: 'integer' },
      // 24 random bits: a restored database that counts anew is not taken for the old one.
      check_value: { type: 'integer' },
    },
  },
  {
    name: 'ChangeLog',
    tableName: 'change_log',
    columns: {
      revision: { type: 'bigint', primary: true, primaryKeyConstraintName: 'change_log_pkey' },
      seq: { type: 'integer', primary: true, primaryKeyConstraintName: 'change_log_pkey' },
      kind: { type: 'text' },
      object_id: { type: 'uuid' },
      operation: { type: 'text' },
      before: { type: 'jsonb', nullable: true },
      after: { type: 'jsonb', nullable: true },
    },
  },
  {
    // What belongs to one owner within a scope, across nouns: addresses, MACs, keys. Its primary key is the invariant.
    name: 'Claim',
    tableName: 'claims',
    columns: {
      scope: { type: 'uuid', primary: true, primaryKeyConstraintName: 'claims_pkey' },
      class: { type: 'text', primary: true, primaryKeyConstraintName: 'claims_pkey' },
      value: { type: 'text', primary: true, primaryKeyConstraintName: 'claims_pkey' },
      owner_kind: { type: 'text' },
      owner_id: { type: 'uuid' },
      subnet_id: { type: 'uuid', nullable: true },
    },
    indices: [{ name: 'claims_subnet_id_idx', columns: ['subnet_id'], where: 'subnet_id IS NOT NULL' }],
  },
  {
    // Where allocation goes on, so that what was freed is not given out again at once.
    name: 'AllocationCursor',
    tableName: 'allocation_cursors',
    columns: {
      scope: { type: 'uuid', primary: true, primaryKeyConstraintName: 'allocation_cursors_pkey' },
      class: { type: 'text', primary: true, primaryKeyConstraintName: 'allocation_cursors_pkey' },
      next: { type: 'text' },
    },
  },
  {
    // The physical networks that logical switches were ever part of: a number for each, which switches know it by.
    name: 'PhysicalNetwork',
    tableName: 'physical_networks',
    columns: {
      name: { type: 'text', primary: true, primaryKeyConstraintName: 'physical_networks_pkey' },
      key: { type: 'integer' },
    },
    uniques: [{ name: 'physical_networks_key_key', columns: ['key'] }],
  },
  {
    // What hypervisors report: interfaces that carry an iface-id.
    name: 'InterfaceClaim',
    tableName: 'interface_claims',
    columns: {
      hypervisor_id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'interface_claims_pkey' },
      interface_uuid: { type: 'uuid', primary: true, primaryKeyConstraintName: 'interface_claims_pkey' },
      interface_name: { type: 'text' },
      iface_id: { type: 'text' },
      ofport: { type: 'integer' },
      // Larger is newer.
      claim_order: { type: 'bigint' },
    },
    indices: [{ name: 'interface_claims_iface_id_idx', columns: ['iface_id'] }],
    foreignKeys: [
      {
        name: 'interface_claims_hypervisor_id_fkey',
        target: 'Hypervisor',
        columnNames: ['hypervisor_id'],
        referencedColumnNames: ['id'],
      },
    ],
  },
  {
    // When tokens were last used: not in the log, and never exact.
    name: 'TokenUse',
    tableName: 'token_uses',
    columns: {
      token_id: { type: 'uuid', primary: true, primaryKeyConstraintName: 'token_uses_pkey' },
      used_at: { type: 'timestamptz' },
    },
  },
  {
    // How many objects a project has of each kind. The check is the quota: the ceiling is it, or what was there when it was lowered.
    name: 'ProjectUsage',
    tableName: 'project_usage',
    columns: {
      project_id: { type: 'text', primary: true, primaryKeyConstraintName: 'project_usage_pkey' },
      kind: { type: 'text', primary: true, primaryKeyConstraintName: 'project_usage_pkey' },
      used: { type: 'integer' },
      ceiling: { type: 'integer' },
    },
    checks: [{ name: 'project_usage_ceiling_check', expression: 'used <= ceiling' }],
  },
  {
    name: 'Lease',
    tableName: 'leases',
    columns: {
      name: { type: 'text', primary: true, primaryKeyConstraintName: 'leases_pkey' },
      holder: { type: 'text' },
      term: { type: 'bigint' },
      expires_at: { type: 'timestamptz' },
    },
  },
];

/** Every table. */
export const entities: readonly EntitySchema[] = [
  ...kinds.map(kind => nounEntity(resourceOf(kind))),
  ...ownTables.map(options => new EntitySchema(options)),
];
