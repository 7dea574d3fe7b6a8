/**
 * The rows that one write transaction has read and changed. A row is locked when it is first read; changes stay here until they
 * are written together, in a few statements, however many operations the transaction has.
 */
import { isDeepStrictEqual } from 'node:util';
import { WeftError } from '../base/errors.js';
import { isOpenTo } from '../model/audience.js';
import { type CommonRow, type Kind, kinds, resourceOf, type RowOf } from '../model/index.js';
import { snakeCase } from '../model/letter-case.js';
import type { AllocationMemory } from './allocation-memory.js';
import { Allocator } from './allocation.js';
import { type Claim, ClaimBook } from './claims.js';
import { decodeRow, type Session, shapeOf } from './sql.js';
import type { WriteContext } from './write-operations.js';

interface Entry {
  /** As the database has it; null if it has not. */
  readonly original: CommonRow | null;
  current: CommonRow | null;
  /** The operation that last put it. */
  operation: number;
}

/** One row that the transaction creates, changes or deletes. */
export interface Change<K extends Kind = Kind> {
  readonly kind: K;
  readonly id: string;
  readonly before: RowOf<K> | null;
  readonly after: RowOf<K> | null;
  /** Position of the operation that last changed it. */
  readonly operation: number;
}

export type ClaimsOf = (kind: Kind, row: CommonRow) => readonly Claim[];

export class UnitOfWork {
  readonly session: Session;
  readonly claims: ClaimBook;
  readonly allocator: Allocator;
  /** The time that rows changed by this transaction carry, as ISO 8601. */
  readonly now: string;
  /** Set for a tenant, who sees nothing of other projects. */
  readonly projectId: string | undefined;
  /** Scopes of the token that writes; without any nothing limits it. */
  readonly scopes: readonly string[];
  /** Position of the operation at work, counted from 0; -1 before the first. */
  operation = -1;
  readonly #claimsOf: ClaimsOf;
  readonly #rows = new Map<Kind, Map<string, Entry>>(kinds.map(kind => [kind, new Map()]));
  /** Lists of children that have been read: with the parent locked nobody adds to them. */
  readonly #read = new Set<string>();
  readonly #hypervisorNames = new Map<string, number>();
  #granted: ReadonlySet<string> = new Set();
  readonly #shownOnce = new Map<string, Readonly<Record<string, unknown>>>();

  constructor(
    session: Session,
    memory: AllocationMemory,
    now: string,
    { projectId, scopes = [] }: Pick<WriteContext, 'projectId' | 'scopes'>,
    claimsOf: ClaimsOf,
  ) {
    this.session = session;
    this.claims = new ClaimBook(session, memory);
    this.allocator = new Allocator(session, this.claims, memory);
    this.now = now;
    this.projectId = projectId;
    this.scopes = scopes;
    this.#claimsOf = claimsOf;
  }

  #entries(kind: Kind): Map<string, Entry> {
    const entries = this.#rows.get(kind);
    if (entries === undefined) throw new Error(`unknown kind ${kind}`);
    return entries;
  }

  /** Whether the row belongs to the tenant for whom the transaction is, if it is for one. */
  owns(row: CommonRow): boolean {
    return this.projectId === undefined || row.projectId === this.projectId;
  }

  /** Whether the row is that tenant's own, or shared with it. */
  isOpen(row: CommonRow): boolean {
    return this.projectId === undefined || isOpenTo(row, this.projectId);
  }

  /** Whether that tenant's object at work may refer to the row: one that is open to it, or that it refers to already. */
  mayUse(row: CommonRow): boolean {
    return this.isOpen(row) || this.#granted.has(row.id);
  }

  /** Members that are in the reply to the creation of the object and nowhere else, such as the secret of a token. */
  showOnce(id: string, members: Readonly<Record<string, unknown>>): void {
    this.#shownOnce.set(id, members);
  }

  shownOnce(id: string): Readonly<Record<string, unknown>> {
    return this.#shownOnce.get(id) ?? {};
  }

  /** Lets the object at work, and none after it, go on to refer to these, to which an admin has let it refer. */
  grantOnly(ids: readonly string[]): void {
    this.#granted = new Set(ids);
  }

  /** The row as this transaction sees it, locked against other writers; null if there is none. */
  async get<K extends Kind>(kind: K, id: string): Promise<RowOf<K> | null> {
    await this.prefetch(kind, [id]);
    return this.known(kind, id);
  }

  /** The row as this transaction sees it, of those that it has read; null: there is none, or it was not read. */
  known<K extends Kind>(kind: K, id: string): RowOf<K> | null {
    return (this.#entries(kind).get(id)?.current ?? null) as RowOf<K> | null;
  }

  /** Reads and locks several rows in one statement, in the order of their ids. Absent ones are remembered as absent. */
  async prefetch(kind: Kind, ids: readonly string[]): Promise<void> {
    const entries = this.#entries(kind);
    const missing = [...new Set(ids)].filter(id => !entries.has(id));
    if (missing.length === 0) return;
    await this.#select(kind, 't.id = ANY($1)', [missing]);
    for (const id of missing) if (!entries.has(id)) entries.set(id, { original: null, current: null, operation: -1 });
  }

  /**
   * Reads and locks the children of several rows in one statement, for `children` to find. The caller has locked these rows, in
   * an earlier query of this session at the latest.
   */
  async prefetchChildren<K extends Kind>(
    kind: K,
    field: string & keyof RowOf<K>,
    values: readonly string[],
  ): Promise<void> {
    const missing = [...new Set(values)].filter(value => !this.#read.has(`${kind}|${field}|${value}`));
    if (missing.length === 0) return;
    await this.#select(kind, `t.${snakeCase(field)} = ANY($1)`, [missing]);
    for (const value of missing) this.#read.add(`${kind}|${field}|${value}`);
  }

  /** Takes in rows that were read, and locked where that matters, by a query of this session. */
  adopt<K extends Kind>(kind: K, rows: readonly RowOf<K>[]): void {
    const entries = this.#entries(kind);
    for (const row of rows)
      if (!entries.has(row.id)) entries.set(row.id, { original: row, current: row, operation: -1 });
  }

  /** All rows of a kind that this transaction knows of, as it sees them. */
  rowsOf<K extends Kind>(kind: K): RowOf<K>[] {
    return [...this.#entries(kind).values()].flatMap(({ current }) => (current === null ? [] : [current as RowOf<K>]));
  }

  /** The rows whose field has the value, locked. The caller has locked the row that the field refers to. */
  async children<K extends Kind>(kind: K, field: string & keyof RowOf<K>, value: string): Promise<RowOf<K>[]> {
    const key = `${kind}|${field}|${value}`;
    if (!this.#read.has(key)) {
      await this.#select(kind, `t.${snakeCase(field)} = $1`, [value]);
      this.#read.add(key);
    }
    const rows: RowOf<K>[] = [];
    for (const { current } of this.#entries(kind).values()) {
      const row = current as RowOf<K> | null;
      if (row !== null && row[field] === value) rows.push(row);
    }
    return rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #select(kind: Kind, condition: string, values: unknown[]): Promise<void> {
    const { selection } = shapeOf(kind);
    const text = `SELECT ${selection} FROM ${resourceOf(kind).table} t WHERE ${condition} ORDER BY t.id FOR NO KEY UPDATE`;
    const { rows } = await this.session.query({ text, values, rowMode: 'array' });
    this.adopt(
      kind,
      rows.map(each => decodeRow(kind, each)),
    );
  }

  /**
   * Which of the rows exist and are the tenant's own. They are held against deletion until the transaction ends, but not against other
   * changes, nor against others who hold them: many refer to one of them at a time.
   */
  async hold(kind: Kind, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const entries = this.#entries(kind);
    const found = new Set<string>();
    const unknown: string[] = [];
    for (const id of ids) {
      const entry = entries.get(id);
      if (entry === undefined) unknown.push(id);
      else if (entry.current !== null && this.owns(entry.current)) found.add(id);
    }
    if (unknown.length === 0) return found;
    const text = `SELECT id, project_id FROM ${resourceOf(kind).table} WHERE id = ANY($1::uuid[]) ORDER BY id FOR KEY SHARE`;
    const { rows } = await this.session.query(text, [unknown]);
    for (const row of rows) {
      if (this.projectId === undefined || row['project_id'] === this.projectId) found.add(String(row['id']));
    }
    return found;
  }

  /** How many hypervisors have each of the names in the database, asked for once in a transaction. */
  async hypervisorNames(names: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const unknown = [...new Set(names)].filter(name => !this.#hypervisorNames.has(name));
    if (unknown.length === 0) return this.#hypervisorNames;
    const { rows } = await this.session.query(
      'SELECT name, count(*)::integer AS found FROM hypervisors WHERE name = ANY($1::text[]) GROUP BY name',
      [unknown],
    );
    for (const name of unknown) this.#hypervisorNames.set(name, 0);
    for (const row of rows) this.#hypervisorNames.set(String(row['name']), Number(row['found']));
    return this.#hypervisorNames;
  }

  /** Sets a row (null deletes it) and moves its claims. The row must have been read by `get` or `children`, or be new. */
  put<K extends Kind>(kind: K, id: string, row: RowOf<K> | null): void {
    this.#refuseForeign(kind, this.#entries(kind).get(id)?.original ?? null);
    this.#set(kind, id, row);
  }

  /**
   * Deletes what is said of an object that goes, whoever said it: it would else keep a tenant's object alive, and tell the tenant
   * of itself. The row must have been read by `children`.
   */
  drop(kind: Kind, id: string): void {
    this.#set(kind, id, null);
  }

  #set<K extends Kind>(kind: K, id: string, row: RowOf<K> | null): void {
    const entries = this.#entries(kind);
    const entry = entries.get(id) ?? { original: null, current: null, operation: -1 };
    entries.set(id, entry);
    const before = entry.current === null ? [] : this.#claimsOf(kind, entry.current);
    const after = row === null ? [] : this.#claimsOf(kind, row);
    this.claims.move({ kind, id }, before, after, this.operation);
    entry.current = row;
    entry.operation = this.operation;
  }

  /** Whatever a behaviour does on behalf of a tenant: nothing of another project changes. Bindings follow from what hosts report. */
  #refuseForeign(kind: Kind, original: CommonRow | null): void {
    if (original === null || kind === 'port-bindings' || this.owns(original)) return;
    const related = [{ kind, id: original.id }];
    throw new WeftError('in_use', { detail: `${kind} ${original.id} would change, and belongs to others.`, related });
  }

  /** What differs from the database, parents before children. Rows that ended as they began are not in it. */
  changes(): Change[] {
    return kinds.flatMap(kind => this.changesOf(kind) as Change[]);
  }

  /** Changed rows of one kind, with the row before. */
  changesOf<K extends Kind>(kind: K): Change<K>[] {
    const changes: Change<K>[] = [];
    for (const [id, { original, current, operation }] of this.#entries(kind)) {
      if (original === current) continue;
      if (original !== null && current !== null && sameContent(original, current)) continue;
      changes.push({ kind, id, before: original as RowOf<K> | null, after: current as RowOf<K> | null, operation });
    }
    return changes;
  }
}

function sameContent(a: CommonRow, b: CommonRow): boolean {
  return isDeepStrictEqual({ ...a, updatedAt: '', revision: 0 }, { ...b, updatedAt: '', revision: 0 });
}
