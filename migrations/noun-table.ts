/**
 * What the tables of nouns have in common. Migrations share it because it is what they all said; when nouns change, a migration says the
 * new form itself, for these statements have been run.
 */

/** The statements that make the table of a noun: what every noun has, and `columns` (SQL, with its constraints). */
export function nounTable(table: string, columns: string): string[] {
  return [
    `CREATE TABLE ${table} (
      id uuid NOT NULL,
      name text NOT NULL,
      project_id text NOT NULL,
      labels jsonb NOT NULL,
      created_at timestamptz NOT NULL,
      updated_at timestamptz NOT NULL,
      revision bigint NOT NULL,
      number integer NOT NULL,
      ${columns},
      CONSTRAINT ${table}_number_key UNIQUE (number),
      CONSTRAINT ${table}_pkey PRIMARY KEY (id)
    )`,
    `CREATE INDEX ${table}_name_idx ON ${table} (name)`,
    `CREATE INDEX ${table}_project_id_idx ON ${table} (project_id)`,
  ];
}

/** A foreign key to the id of `target`, and the index that its checks need. */
export function foreignKey(table: string, column: string, target: string): string[] {
  return [
    `ALTER TABLE ${table} ADD CONSTRAINT ${table}_${column}_fkey FOREIGN KEY (${column}) REFERENCES ${target} (id)`,
    `CREATE INDEX ${table}_${column}_idx ON ${table} (${column})`,
  ];
}
