/**
 * Quotas: how many objects of each kind a project may have. Every transaction moves the counters of the projects concerned, under
 * the lock of the store's head and together with its commit; that the counter stays within the quota is a constraint of its table,
 * so no two writers can pass it together. Where nobody is authenticated nothing is counted.
 */
import { WeftError } from '../base/errors.js';
import { isKind, type Kind, kinds, resourceOf } from '../model/index.js';
import { MAX_QUOTA } from '../model/quota.js';
import type { Session } from './sql.js';
import { errorCode } from './sql-errors.js';
import type { Change } from './unit-of-work.js';

/** Most objects by kind; `*` for those not named. */
export type DefaultQuotas = ReadonlyMap<string, number>;

const CHECK_VIOLATION = '23514';

/** Kinds that count: those of projects. */
const counted = kinds.filter(kind => resourceOf(kind).exposed && resourceOf(kind).audience.write === 'project');

export interface Move {
  readonly projectId: string;
  readonly kind: Kind;
  readonly by: number;
}

export interface Usage {
  readonly projectId: string;
  readonly kind: string;
  readonly used: number;
  readonly limit: number;
}

export class Quotas {
  readonly #defaults: DefaultQuotas;

  /** @throws WeftError invalid_option for a default of what is no collection */
  constructor(defaults: DefaultQuotas) {
    const unknown = [...defaults.keys()].find(kind => kind !== '*' && !isKind(kind));
    if (unknown !== undefined)
      throw new WeftError('invalid_option', { detail: `WEFT_QUOTAS has "${unknown}", which is no collection.` });
    this.#defaults = defaults;
  }

  #defaultOf(kind: Kind): number {
    return this.#defaults.get(kind) ?? this.#defaults.get('*') ?? MAX_QUOTA;
  }

  /** What the changes move: by project and kind, nothing that comes to zero. Objects of no project are not counted. */
  movesOf(changes: readonly Change[]): readonly Move[] {
    const moves = new Map<string, Move>();
    const move = (projectId: string, kind: Kind, by: number): void => {
      if (projectId === '' || !counted.includes(kind)) return;
      const key = `${kind} ${projectId}`;
      moves.set(key, { projectId, kind, by: (moves.get(key)?.by ?? 0) + by });
    };
    for (const { kind, before, after } of changes) {
      if (before?.projectId === after?.projectId) continue;
      if (before !== null) move(before.projectId, kind, -1);
      if (after !== null) move(after.projectId, kind, 1);
    }
    return [...moves.values()].filter(({ by }) => by !== 0);
  }

  /** Moves the counters, in queries that are sent at once; the constraint fails the transaction if a quota is passed. */
  count(session: Session, moves: readonly Move[]): readonly Promise<unknown>[] {
    if (moves.length === 0) return [];
    const [projects, names] = [moves.map(({ projectId }) => projectId), moves.map(({ kind }) => kind)];
    const fallbacks = moves.map(({ kind }) => this.#defaultOf(kind));
    return [
      session.query(MAKE, [projects, names]),
      session.query(MOVE, [projects, names, moves.map(({ by }) => by), fallbacks]),
    ];
  }

  /** Counts anew what there is: the counters stood still while nobody was authenticated. */
  async recount(session: Session): Promise<void> {
    const rows = counted
      .map(
        kind =>
          `SELECT project_id, '${kind}' AS kind, count(*)::integer AS used FROM ${resourceOf(kind).table} GROUP BY 1`,
      )
      .join(' UNION ALL ');
    const statements = [
      'BEGIN',
      'SELECT revision FROM store_head WHERE id = 1 FOR UPDATE',
      'DELETE FROM project_usage',
      `INSERT INTO project_usage (project_id, kind, used, ceiling)
       SELECT project_id, kind, used, used FROM (${rows}) r WHERE project_id <> ''`,
      'COMMIT',
    ];
    try {
      await Promise.all(statements.map(statement => session.query(statement)));
    } catch (error) {
      await session.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  /** What the project has, and may have, of every kind that counts. */
  async usage(session: Session, projectId: string): Promise<readonly Usage[]> {
    const { rows } = await session.query(USAGE, [projectId]);
    const limits = (rows[0]?.['limits'] ?? {}) as Readonly<Record<string, number>>;
    const used = new Map(rows.map(row => [String(row['kind']), Number(row['used'])]));
    return counted.map(kind => ({
      projectId,
      kind,
      used: used.get(kind) ?? 0,
      limit: limits[kind] ?? this.#defaultOf(kind),
    }));
  }
}

/** The error of a commit, in our words if it is that a quota was passed. */
export function asQuotaError(moves: readonly Move[], cause: unknown): unknown {
  if (errorCode(cause) !== CHECK_VIOLATION || moves.length === 0) return cause;
  const growing = moves.filter(({ by }) => by > 0);
  const kindsOf = [...new Set(growing.map(({ kind }) => kind))].join(', ');
  const projects = [...new Set(growing.map(({ projectId }) => projectId))].join(', ');
  return new WeftError('quota_exceeded', { detail: `Project ${projects} is at its quota of ${kindsOf}.`, cause });
}

const MAKE = `INSERT INTO project_usage (project_id, kind, used, ceiling)
  SELECT project_id, kind, 0, 0 FROM unnest($1::text[], $2::text[]) AS r(project_id, kind) ON CONFLICT DO NOTHING`;

/** The ceiling is the quota, or what there was before if that was more already: then it may shrink, and not grow. */
const MOVE = `UPDATE project_usage u
  SET ceiling = greatest(coalesce((q.limits ->> r.kind)::integer, r.fallback), u.used), used = u.used + r.moved
  FROM unnest($1::text[], $2::text[], $3::integer[], $4::integer[]) AS r(project_id, kind, moved, fallback)
    LEFT JOIN quotas q ON q.project_id = r.project_id
  WHERE u.project_id = r.project_id AND u.kind = r.kind`;

const USAGE = `SELECT u.kind, u.used, q.limits FROM (SELECT $1::text AS project_id) p
  LEFT JOIN project_usage u ON u.project_id = p.project_id LEFT JOIN quotas q ON q.project_id = p.project_id`;
