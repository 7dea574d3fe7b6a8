/** `POST /v1/transactions`: several writes with one revision, all or nothing. */
import type { FastifyInstance } from 'fastify';
import { pointerTo, WeftError } from '../../src/base/errors.js';
import { isKind, type Kind, type RowOf } from '../../src/model/index.js';
import { finishWrite, writeContextOf } from './collections.js';
import { transactionRoute } from './openapi.js';
import type { RestContext } from './server.js';
import { waitRequestOf } from './waiting.js';
import { isOffered, type WritableKind } from '../../src/model/kinds.js';
import type { WriteOperations } from '../../src/store/write-operations.js';

const maximumOperations = 20_000;
const verbs = ['create', 'replace', 'merge', 'delete'] as const;

export interface Operation {
  readonly op: (typeof verbs)[number];
  readonly kind: WritableKind;
  readonly id: string | null;
  readonly value: unknown;
  readonly cascade: boolean;
}

const members: ReadonlySet<string> = new Set(['op', 'kind', 'id', 'value', 'cascade']);

/** @throws WeftError pointing at the member at fault */
export function parseOperations(body: unknown): readonly Operation[] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new WeftError('invalid_value', {
      detail: 'The body must be an object with the member operations.',
      pointer: '',
    });
  }
  const { operations, ...rest } = body as { operations?: unknown };
  const [extra] = Object.keys(rest);
  if (extra !== undefined)
    throw new WeftError('unknown_member', { detail: `There is no member "${extra}".`, pointer: pointerTo('', extra) });
  if (!Array.isArray(operations)) {
    throw new WeftError(operations === undefined ? 'missing_member' : 'invalid_value', {
      detail: 'operations must be a list.',
      pointer: '/operations',
    });
  }
  if (operations.length === 0 || operations.length > maximumOperations) {
    const detail = `There are ${operations.length} operations; 1 to ${maximumOperations} are allowed.`;
    throw new WeftError('out_of_range', { detail, pointer: '/operations' });
  }
  return operations.map((operation: unknown, index) => parseOperation(operation, index));
}

function parseOperation(operation: unknown, index: number): Operation {
  const at = pointerTo('/operations', index);
  const fault = (
    code: 'invalid_value' | 'missing_member' | 'unknown_member' | 'unknown_kind',
    member: string,
    detail: string,
  ): never => {
    throw new WeftError(code, { detail, pointer: pointerTo(at, member), operation: index });
  };
  if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
    throw new WeftError('invalid_value', { detail: 'An operation must be an object.', pointer: at, operation: index });
  }
  const { op, kind, id, value, cascade } = operation as Record<string, unknown>;
  const unknown = Object.keys(operation).find(member => !members.has(member));
  if (unknown !== undefined) fault('unknown_member', unknown, `An operation has no member "${unknown}".`);
  const verb =
    verbs.find(each => each === op) ?? fault('invalid_value', 'op', `op must be one of ${verbs.join(', ')}.`);
  if (typeof kind !== 'string' || !isKind(kind) || !isOffered(kind)) {
    return fault('unknown_kind', 'kind', 'kind must be the name of a collection, such as "logical-switches".');
  }
  if (id !== undefined && typeof id !== 'string') fault('invalid_value', 'id', 'id must be text.');
  if (id === undefined && verb !== 'create') fault('missing_member', 'id', `${verb} needs the id of an object.`);
  if (value === undefined && verb !== 'delete') fault('missing_member', 'value', `${verb} needs a value.`);
  if (value !== undefined && verb === 'delete') fault('invalid_value', 'value', 'delete takes no value.');
  if (cascade !== undefined && (typeof cascade !== 'boolean' || verb !== 'delete'))
    fault('invalid_value', 'cascade', 'cascade is true or false, and goes with delete.');
  if (kind === 'hypervisors' && verb === 'delete')
    fault('invalid_value', 'op', 'A hypervisor is removed by DELETE /v1/hypervisors/{id} only.');
  return { op: verb, kind, id: (id as string | undefined) ?? null, value, cascade: cascade === true };
}

/** The row as an operation left it, and what is shown of it for the only time. */
interface Written {
  readonly row: RowOf<Kind> | null;
  readonly once: Readonly<Record<string, unknown>>;
}

async function perform(tx: WriteOperations, operation: Operation): Promise<RowOf<Kind> | null> {
  const { op, kind, value, cascade } = operation;
  const id = operation.id ?? '';
  switch (op) {
    case 'create':
      return (await tx.create(kind, value, operation.id === null ? {} : { id })).row;
    case 'replace':
      return (await tx.replace(kind, id, value)).row;
    case 'merge':
      return (await tx.merge(kind, id, value)).row;
    case 'delete':
      await tx.delete(kind, id, { cascade });
      return null;
  }
}

/** Some conflicts show only when everything is written together: both kinds of error name their operation, and are placed here. */
function pointIntoRequest(error: unknown, operations: readonly Operation[]): never {
  if (!(error instanceof WeftError) || error.operation === undefined) throw error;
  const at = pointerTo('/operations', error.operation);
  const isAboutId = (error.pointer ?? '') === '' || error.pointer === '/id';
  if (isAboutId && operations[error.operation]?.id !== null) throw error.at(`${at}/id`);
  throw error.at(`${at}/value${error.pointer ?? ''}`);
}

export function registerTransactions(app: FastifyInstance, context: RestContext): void {
  app.post('/v1/transactions', transactionRoute, async (request, reply) => {
    waitRequestOf(request.query as Record<string, string>);
    const operations = parseOperations(request.body);
    const work = async (tx: WriteOperations): Promise<Written[]> => {
      await tx.prepare(operations);
      const rows: Written[] = [];
      for (const [index, operation] of operations.entries()) {
        try {
          const row = await perform(tx, operation);
          rows.push({ row, once: row === null ? {} : tx.shownOnce(row.id) });
        } catch (error) {
          throw error instanceof WeftError ? error.within('', index) : error;
        }
      }
      return rows;
    };
    const { revision, result } = await context.store
      .write(writeContextOf(request), work, { rows: operations.length })
      .catch((error: unknown) => pointIntoRequest(error, operations));
    const results = () =>
      operations.map(({ kind }, index) => {
        const { row, once } = result[index] ?? { row: null, once: {} };
        // A later operation of the same transaction may have changed it once more, or deleted it.
        const newest = row === null || context.state.revision < revision ? row : context.state.view.get(kind, row.id);
        if (newest === null) return null;
        return { ...context.state.represent(kind, newest as RowOf<Kind>, request.sight), ...once };
      });
    return finishWrite(context, request, reply, {
      revision,
      status: 200,
      body: () => ({ revision, results: results() }),
    });
  });
}
