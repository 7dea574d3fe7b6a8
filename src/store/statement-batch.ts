/**
 * Statements that are sent in one piece and answered in one piece. The driver ends each statement by itself, so that the server wakes
 * up, answers and writes to its socket once for each; here only the last is ended (`Sync`). What the columns of an answer are is asked
 * once for each prepared statement and not with each answer.
 *
 * Where one fails, the server skips those behind it, and the whole batch fails with its error.
 */
import pg from 'pg';

export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly rowMode: 'array' | 'object';
  /** Prepared once on a connection and kept there; else the server forgets it at once. */
  readonly isKept: boolean;
}

export interface StatementResult {
  /** The first word of what was done. */
  readonly command: string;
  readonly rows: unknown[];
  readonly rowCount: number | null;
}

type ColumnParser = (text: string) => unknown;

/** The columns of an answer. */
interface Shape {
  readonly names: readonly string[];
  readonly parsers: readonly ColumnParser[];
}

interface Prepared {
  readonly name: string;
  /** Not known before the first answer. */
  shape: Shape | null;
  /** A batch with it has failed: the server may have it or not, or what it has may be of no use any more. */
  isDoubtful: boolean;
}

const noColumns: Shape = { names: [], parsers: [] };

/** The statements that one connection keeps, by text. */
export class PreparedStatements {
  readonly #byText = new Map<string, Prepared>();
  readonly #suffix: string;
  #made = 0;

  /** The suffix tells names of this connection from those of others with the same session. */
  constructor(suffix: string) {
    this.#suffix = suffix;
  }

  get(text: string): Prepared | undefined {
    return this.#byText.get(text);
  }

  add(text: string): Prepared {
    this.#made += 1;
    const prepared = { name: `weft_${this.#made}${this.#suffix}`, shape: null, isDoubtful: false };
    this.#byText.set(text, prepared);
    return prepared;
  }

  /** It is prepared again before it is used: under its name, so that none is left behind at the server. */
  doubt(text: string): void {
    const prepared = this.#byText.get(text);
    if (prepared !== undefined) [prepared.isDoubtful, prepared.shape] = [true, null];
  }
}

interface Entry {
  readonly statement: Statement;
  readonly values: readonly (string | null)[];
  readonly resolve: (result: StatementResult) => void;
  readonly reject: (error: unknown) => void;
  prepared: Prepared | null;
  isParsing: boolean;
  shape: Shape | null;
  readonly rows: unknown[];
  /** Set when it is complete. */
  tag: string | null;
}

/** What the driver hands to its query. */
interface Field {
  readonly name: string;
  readonly dataTypeID: number;
}

/** The members of the driver's connection that are used; its types ask for arguments that it does not take. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  parse(statement: { text: string; name: string }): void;
  bind(binding: { statement: string; values: readonly unknown[] }): void;
  /** No error where there is none of this name. */
  close(what: { type: 'S'; name: string }): void;
  describe(what: { type: 'P' }): void;
  execute(what: object): void;
  sync(): void;
}

/** One query to the driver, which gives each of its messages to the query that is at work. */
export class StatementBatch extends pg.Query {
  readonly #prepared: PreparedStatements;
  readonly #entries: Entry[] = [];
  #answered = 0;
  #failure: unknown = null;

  constructor(prepared: PreparedStatements) {
    super('');
    this.#prepared = prepared;
  }

  /** @throws TypeError for a value that is no parameter: nothing of it is sent then */
  add(statement: Statement): Promise<StatementResult> {
    const values = statement.values.map(parameterText);
    return new Promise((resolve, reject) => {
      const blank = { prepared: null, isParsing: false, shape: null, rows: [], tag: null };
      this.#entries.push({ statement, values, resolve, reject, ...blank });
    });
  }

  /** Called by the driver. */
  override submit = (connection: pg.Connection): void => {
    const wire = connection as unknown as Wire;
    wire.stream.cork();
    try {
      for (const entry of this.#entries) this.#send(wire, entry);
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
  };

  #send(wire: Wire, entry: Entry): void {
    const { text, isKept } = entry.statement;
    let prepared = isKept ? this.#prepared.get(text) : undefined;
    if (prepared === undefined || prepared.isDoubtful) {
      if (prepared !== undefined) wire.close({ type: 'S', name: prepared.name });
      prepared ??= isKept ? this.#prepared.add(text) : { name: '', shape: null, isDoubtful: false };
      prepared.isDoubtful = false;
      entry.isParsing = true;
      wire.parse({ text, name: prepared.name });
    }
    entry.prepared = prepared;
    entry.shape = prepared.shape;
    wire.bind({ statement: prepared.name, values: entry.values });
    if (entry.shape === null) wire.describe({ type: 'P' });
    wire.execute({});
  }

  handleRowDescription({ fields }: { readonly fields: readonly Field[] }): void {
    const entry = this.#current();
    entry.shape = {
      names: fields.map(({ name }) => name),
      parsers: fields.map(({ dataTypeID }) => pg.types.getTypeParser(dataTypeID, 'text') as ColumnParser),
    };
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    const { statement, shape, rows } = this.#current();
    try {
      rows.push(statement.rowMode === 'array' ? asArray(shape, fields) : asObject(shape, fields));
    } catch (error) {
      this.#failure ??= error;
    }
  }

  handleCommandComplete({ text }: { readonly text: string }): void {
    const entry = this.#current();
    entry.tag = text;
    entry.shape ??= noColumns;
    if (entry.prepared !== null) entry.prepared.shape = entry.shape;
    this.#answered += 1;
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  /** All of it is done. A statement outside of a transaction can fail as late as this. */
  handleReadyForQuery(): void {
    if (this.#failure !== null) return this.#fail(this.#failure);
    for (const { resolve, rows, tag } of this.#entries) resolve({ rows, ...readTag(tag ?? '') });
  }

  /** The server has refused one and skips those behind it, or the connection is gone: nothing of the batch can be relied upon. */
  handleError(error: unknown): void {
    // The first of these has failed itself, perhaps because of what was prepared of it; those behind it were skipped.
    for (const [index, { isParsing, statement }] of this.#entries.slice(this.#answered).entries())
      if (statement.isKept && (isParsing || index === 0)) this.#prepared.doubt(statement.text);
    this.#fail(error);
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#entries) reject(error);
  }

  #current(): Entry {
    const entry = this.#entries[this.#answered];
    if (entry === undefined) throw new Error('the database answers what was not asked');
    return entry;
  }
}

function asArray(shape: Shape | null, fields: readonly (string | null)[]): unknown[] {
  return fields.map((field, index) => (field === null ? null : shape?.parsers[index]?.(field)));
}

function asObject(shape: Shape | null, fields: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {};
  for (const [index, field] of fields.entries())
    row[shape?.names[index] ?? ''] = field === null ? null : shape?.parsers[index]?.(field);
  return row;
}

/** `INSERT 0 3`, `SELECT 3`, `COMMIT`. */
function readTag(tag: string): { readonly command: string; readonly rowCount: number | null } {
  const words = tag.split(' ');
  const last = words.at(-1) ?? '';
  return { command: words[0] ?? '', rowCount: /^\d+$/.test(last) ? Number(last) : null };
}

/** A value as Postgres reads it, in its text form. */
function parameterText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `{${value.map(element).join(',')}}`;
  throw new TypeError(`a ${typeof value} is no parameter of a statement`);
}

function element(value: unknown): string {
  const text = parameterText(value);
  return text === null ? 'NULL' : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}
