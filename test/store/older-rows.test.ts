/** Rows in the change log are older than what migrations have added since: they can be read all the same. */
import assert from 'node:assert/strict';
import { PGlite } from '@electric-sql/pglite';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { migrations } from '../../migrations/index.js';
import { kinds, resourceOf } from '../../src/model/index.js';
import { snakeCase } from '../../src/model/letter-case.js';
import { fieldOf, fromRecord } from '../../src/model/wire.js';

/** Columns by table. */
type Columns = ReadonlyMap<string, ReadonlySet<string>>;

/** What a migration needs of TypeORM to go up: statements, several in one text too. */
function runnerOn(database: PGlite): QueryRunner {
  return {
    query: async (text: string, values: unknown[] = []) =>
      values.length === 0 ? (await database.exec(text)).at(-1)?.rows : (await database.query(text, values)).rows,
  } as unknown as QueryRunner;
}

async function columnsOf(database: PGlite): Promise<Columns> {
  const { rows } = await database.query<{ table_name: string; column_name: string }>(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'",
  );
  const columns = new Map<string, Set<string>>();
  for (const { table_name: table, column_name: column } of rows)
    columns.set(table, (columns.get(table) ?? new Set()).add(column));
  return columns;
}

describe('Rows of the change log', function () {
  this.timeout(60_000);

  it('are read also where the noun has members that they never had', async () => {
    const database = new PGlite();
    const atFirst = new Map<string, ReadonlySet<string>>();
    for (const migration of migrations) {
      await (new migration() as MigrationInterface).up(runnerOn(database));
      // A table with numbers is that of a noun: before it had them its rows were not in the log.
      for (const [table, columns] of await columnsOf(database))
        if (columns.has('number') && !atFirst.has(table)) atFirst.set(table, columns);
    }
    await database.close();
    const added: string[] = [];
    for (const kind of kinds) {
      const noun = resourceOf(kind);
      const columns = atFirst.get(noun.table);
      assert.ok(columns, `there is no table of ${kind}`);
      const later = noun.fieldNames.filter(name => !columns.has(snakeCase(name)));
      if (later.length === 0) continue;
      // Of the members that were there always it does not matter what they say: null is read by none but the nullable.
      const known = noun.fieldNames.filter(name => !later.includes(name) && fieldOf(noun, name).type.nullable);
      const read = (): Record<string, unknown> =>
        fromRecord(kind, Object.fromEntries(known.map(name => [snakeCase(name), null]))) as unknown as Record<
          string,
          unknown
        >;
      for (const name of later) {
        const { type } = fieldOf(noun, name);
        const value = read()[name];
        assert.ok(value !== null || type.nullable, `${kind} had no ${name} once, and nothing says what it was`);
        assert.deepEqual(type.fromWire(type.toWire(value)), value);
        added.push(`${kind}.${name}`);
      }
    }
    for (const one of [
      'hypervisors.bridgeMappings',
      'hypervisors.approved',
      'logical-switches.sharedWith',
      'security-group-rules.log',
    ])
      assert.ok(added.includes(one), one);
  });
});
