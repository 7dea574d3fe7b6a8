/** The verbs of a write transaction: create, replace, merge and delete, for every noun alike. */
import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { pointerTo, WeftError } from '../base/errors.js';
import { type CommonRow, type InputOf, type Kind, kinds, resourceOf, type RowOf } from '../model/index.js';
import { isWritable, type WritableKind } from '../model/kinds.js';
import { snakeCase } from '../model/letter-case.js';
import { isObject, looksLikeUuid, quoted, refuse } from '../model/value-types.js';
import { mergePatch, parseId, parseRequest, patchTarget, toWire, type WireObject } from '../model/wire.js';
import type { Behaviour } from './nouns/behaviour.js';
import type { Behaviours } from './nouns/index.js';
import { prefetchDependents, prefetchForDeletions } from './dependents.js';
import { companionsOf, inUse, referencesOf, referrersOf } from './references.js';
import { Tenancy } from './tenancy.js';
import type { UnitOfWork } from './unit-of-work.js';

/** Who writes, and for whom. */
export interface WriteContext {
  /** Who: shown as `by` in the revision. */
  readonly actor: string;
  /** By which way: `rest`, `inventory`, `neutron`; and what was done, where no row of a noun says it. */
  readonly source: string;
  /** The id of the token that writes, or the subject that an identity provider names. */
  readonly subject?: string;
  /** From where: the address of the client. */
  readonly remoteAddress?: string;
  /** Set for a tenant: it sees and makes objects of this project only. */
  readonly projectId?: string;
  /** Scopes of the token that writes; without any nothing limits it. */
  readonly scopes?: readonly string[];
}

export interface OperationOptions {
  /** The operation fails with `revision_mismatch` unless the object has this revision. */
  readonly ifRevision?: number;
}

/** What an operation did, with the row as it is afterwards (before, if it was deleted). */
export interface Outcome<K extends Kind = Kind> {
  readonly outcome: 'created' | 'replaced' | 'unchanged' | 'deleted';
  readonly row: RowOf<K>;
}

/** What an operation is about. */
export interface Target {
  readonly kind: WritableKind;
  readonly id: string | null;
  /** The body, of whatever form; undefined for a deletion. */
  readonly value: unknown;
}

const MAX_SHORTHAND_ROWS = 64;

export class WriteOperations {
  readonly #unit: UnitOfWork;
  readonly #behaviours: Behaviours;
  readonly #context: WriteContext;
  readonly #tenancy: Tenancy;
  #isPrepared = false;

  constructor(unit: UnitOfWork, behaviours: Behaviours, context: WriteContext) {
    this.#unit = unit;
    this.#behaviours = behaviours;
    this.#context = context;
    this.#tenancy = new Tenancy(unit, context);
  }

  /** The row as this transaction sees it, locked; null if there is none, or none for this tenant. */
  async get<K extends Kind>(kind: K, id: string): Promise<RowOf<K> | null> {
    const row = await this.#unit.get(kind, id);
    return row !== null && (await this.#tenancy.sees(kind, row)) ? row : null;
  }

  /** What the reply to the creation of the object shows besides, for the only time. */
  shownOnce(id: string): Readonly<Record<string, unknown>> {
    return this.#unit.shownOnce(id);
  }

  /** The error as the caller may know it. */
  censored(error: unknown): Promise<unknown> {
    return this.#tenancy.censored(error);
  }

  /**
   * Reads and locks at once what operations are about to need, parents first and each kind in the order of its ids: one round
   * trip, and no deadlock between two such transactions. A hint: an operation reads by itself what was not.
   */
  async prepare(targets: readonly Target[]): Promise<void> {
    this.#isPrepared = true;
    const wanted = new Map<Kind, Set<string>>();
    const created = new Map<WritableKind, WireObject[]>();
    for (const { kind, id, value } of targets) {
      const body = isObject(value) ? value : {};
      want(wanted, kind, id ?? body['id']);
      for (const { kind: other, wire } of referencesOf(kind)) want(wanted, other, body[wire]);
      if (!isObject(value)) continue;
      const bodies = created.get(kind);
      if (bodies === undefined) created.set(kind, [value]);
      else bodies.push(value);
    }
    const reading = kinds.map(kind => this.#unit.prefetch(kind, [...(wanted.get(kind) ?? [])].toSorted()));
    for (const [kind, bodies] of created) {
      const prefetching = this.#behaviours[kind].prefetch?.(this.#unit, bodies);
      if (prefetching !== undefined) reading.push(prefetching.then(() => undefined));
    }
    await Promise.all(reading);
    await prefetchForDeletions(this.#unit, this.#behaviours, targets);
  }

  /**
   * Creates an object from its JSON form. With the id of an existing object it is the same request again if all members sent
   * are as they are, and `id_in_use` otherwise.
   */
  async create<K extends WritableKind>(kind: K, body: unknown, options: { id?: string } = {}): Promise<Outcome<K>> {
    this.#unit.operation += 1;
    const id = options.id === undefined ? parseId(body) : idNamedBy(options.id, body);
    await this.#prepareOne(kind, id, body);
    const existing = id === null ? null : await this.#unit.get(kind, id);
    if (existing === null) return { outcome: 'created', row: await this.#insert(kind, id ?? newId(), body) };
    this.#tenancy.admit(kind);
    this.#tenancy.withOperatorMembers(kind, body, null);
    if (this.#unit.owns(existing) && (await this.#isSameAsSent(kind, body, existing)))
      return { outcome: 'unchanged', row: existing };
    throw new WeftError('id_in_use', { detail: `${kind} ${existing.id} exists and is different.`, pointer: '/id' });
  }

  /** Creates the object with this id or gives it exactly this content. */
  async replace<K extends WritableKind>(
    kind: K,
    asked: string,
    body: unknown,
    options: OperationOptions = {},
  ): Promise<Outcome<K>> {
    this.#unit.operation += 1;
    const id = idNamedBy(asked, body);
    await this.#prepareOne(kind, id, body);
    const current = await this.#unit.get(kind, id);
    if (current !== null && !(await this.#tenancy.sees(kind, current)))
      throw new WeftError('id_in_use', { detail: `The id ${id} is taken.`, pointer: '/id' });
    checkRevision(current, options);
    if (current === null) return { outcome: 'created', row: await this.#insert(kind, id, body) };
    this.#tenancy.requireOwn(kind, current);
    return this.#update(kind, current, this.#tenancy.withOperatorMembers(kind, body, current));
  }

  /** Changes the members named in the patch (RFC 7396). */
  async merge<K extends WritableKind>(
    kind: K,
    id: string,
    patch: unknown,
    options: OperationOptions = {},
  ): Promise<Outcome<K>> {
    this.#unit.operation += 1;
    const current = await this.#existing(kind, id, options);
    this.#tenancy.withOperatorMembers(kind, patch, null);
    const target = patchTarget(kind, current);
    const merged = mergePatch(target, patch);
    idNamedBy(current.id, merged);
    return this.#update(kind, current, merged);
  }

  /** Deletes the object; `cascade` deletes what depends on it as well. A hypervisor stays, refused, until it is allowed again. */
  async delete<K extends WritableKind>(
    kind: K,
    id: string,
    options: OperationOptions & { cascade?: boolean } = {},
  ): Promise<Outcome<K>> {
    this.#unit.operation += 1;
    const row = await this.#existing(kind, id, options);
    if (kind === 'hypervisors')
      this.#unit.put('hypervisors', row.id, {
        ...(row as RowOf<'hypervisors'>),
        allowed: false,
        updatedAt: this.#unit.now,
      });
    else await this.#remove(kind, row.id, options.cascade ?? false);
    return { outcome: 'deleted', row };
  }

  /** A transaction of one operation has one round trip for all that it reads, like one that is prepared. */
  async #prepareOne(kind: WritableKind, id: string | null, value: unknown): Promise<void> {
    if (this.#isPrepared) return;
    await this.prepare([{ kind, id, value }]);
  }

  async #existing<K extends WritableKind>(kind: K, id: string, options: OperationOptions): Promise<RowOf<K>> {
    this.#tenancy.admit(kind);
    const row = looksLikeUuid(id) ? await this.get(kind, id.toLowerCase()) : null;
    if (row === null) {
      const { singular } = resourceOf(kind);
      throw new WeftError('not_found', { detail: `There is no ${singular} with the id ${id.slice(0, 64)}.` });
    }
    this.#tenancy.requireOwn(kind, row);
    checkRevision(row, options);
    return row;
  }

  async #insert<K extends WritableKind>(kind: K, id: string, asked: unknown): Promise<RowOf<K>> {
    this.#tenancy.admit(kind);
    const body = this.#tenancy.withOperatorMembers(kind, asked, null);
    const { input, shorthands } = parseRequest(kind, body, null);
    const projectId = this.#projectOf(input.projectId);
    await this.#tenancy.checkReferences(kind, input, null);
    const common: CommonRow = {
      id,
      name: input.name,
      projectId,
      labels: input.labels,
      createdAt: this.#unit.now,
      updatedAt: this.#unit.now,
      revision: 0,
      number: await this.#unit.allocator.number(),
    };
    const row = await this.#behaviour(kind).complete(this.#unit, input, null, common);
    this.#unit.put(kind, id, row);
    for (const [member, value] of Object.entries(shorthands)) await this.#insertShorthand(kind, row, member, value);
    return row;
  }

  async #update<K extends WritableKind>(kind: K, current: RowOf<K>, body: unknown): Promise<Outcome<K>> {
    this.#tenancy.admit(kind);
    const { input, shorthands } = parseRequest(kind, body, current);
    const projectId = this.#projectOf(input.projectId);
    await this.#tenancy.checkReferences(kind, input, { ...current });
    for (const [member, value] of Object.entries(shorthands)) {
      const view = await this.#shorthandView(kind, current, member);
      if (!isDeepStrictEqual(value, view))
        refuse('read_only', pointerTo('', member), `${member} is set at creation; change the ${member} themselves.`);
    }
    const common: CommonRow = {
      id: current.id,
      name: input.name,
      projectId,
      labels: input.labels,
      createdAt: current.createdAt,
      updatedAt: current.updatedAt,
      revision: current.revision,
      number: current.number,
    };
    const row = await this.#behaviour(kind).complete(this.#unit, input, current, common);
    if (isDeepStrictEqual(row, current)) return { outcome: 'unchanged', row: current };
    await this.#tenancy.keepSharing(kind, current, row);
    const changed = { ...row, updatedAt: this.#unit.now };
    this.#unit.put(kind, current.id, changed);
    return { outcome: 'replaced', row: changed };
  }

  #projectOf(asked: string): string {
    const own = this.#context.projectId;
    if (own === undefined || asked === own) return asked;
    if (asked !== '') refuse('forbidden', '/project_id', `The token is of project ${quoted(own)}.`);
    return own;
  }

  /** The behaviour of a kind; the table has the right one for each. */
  #behaviour<K extends WritableKind>(kind: K): Behaviour<K> {
    return this.#behaviours[kind] as unknown as Behaviour<K>;
  }

  async #insertShorthand<K extends WritableKind>(
    kind: K,
    row: RowOf<K>,
    member: string,
    value: unknown,
  ): Promise<void> {
    const shorthand = resourceOf(kind).shorthands[member];
    if (shorthand === undefined || !isWritable(shorthand.kind)) throw new Error(`${kind} has no shorthand ${member}`);
    const pointer = pointerTo('', member);
    if (!Array.isArray(value)) return refuse('invalid_value', pointer, `${quoted(value)} is not a list.`);
    if (value.length > MAX_SHORTHAND_ROWS)
      refuse(
        'out_of_range',
        pointer,
        `The list has ${value.length} elements; at most ${MAX_SHORTHAND_ROWS} are allowed.`,
      );
    for (const [index, element] of value.entries()) {
      const at = pointerTo(pointer, index);
      if (!isObject(element)) return refuse('invalid_value', at, `${quoted(element)} is not an object.`);
      const via = snakeCase(shorthand.via);
      if (element[via] !== undefined) refuse('unknown_member', pointerTo(at, via), `${via} is given by the place.`);
      const body = { ...element, [via]: row.id, project_id: element['project_id'] ?? row.projectId };
      try {
        const id = parseId(element);
        if (id !== null && (await this.#unit.get(shorthand.kind, id)) !== null)
          refuse('id_in_use', '/id', `The id ${id} is taken.`);
        await this.#insert(shorthand.kind, id ?? newId(), body);
      } catch (error) {
        throw error instanceof WeftError ? error.within(at) : error;
      }
    }
  }

  async #shorthandView<K extends WritableKind>(kind: K, row: RowOf<K>, member: string): Promise<WireObject[]> {
    const shorthand = resourceOf(kind).shorthands[member];
    if (shorthand === undefined) throw new Error(`${kind} has no shorthand ${member}`);
    const rows = await this.#unit.children(shorthand.kind, shorthand.via as 'id', row.id);
    return rows.map(each => toWire(shorthand.kind, each));
  }

  /** Whether every member of the body is as the object has it. */
  async #isSameAsSent<K extends WritableKind>(kind: K, body: unknown, existing: RowOf<K>): Promise<boolean> {
    const noun = resourceOf(kind);
    const { input, shorthands } = parseRequest(kind, body, null);
    for (const name of noun.fieldNames) {
      const wire = snakeCase(name);
      if (!isObject(body) || !Object.hasOwn(body, wire) || wire === 'id') continue;
      const asked: unknown = input[name as keyof InputOf<K>];
      if (!isSatisfied(asked, existing[name as keyof RowOf<K>])) return false;
    }
    for (const [member, value] of Object.entries(shorthands)) {
      const view = await this.#shorthandView(kind, existing, member);
      const sent = Array.isArray(value) ? (value as unknown[]) : [];
      if (sent.length !== view.length) return false;
      if (!sent.every(element => view.some(each => isObject(element) && containsSent(each, element)))) return false;
    }
    return true;
  }

  async #remove(kind: Kind, id: string, cascade: boolean): Promise<void> {
    const row = await this.#unit.get(kind, id);
    if (row === null || !isWritable(kind)) return;
    this.#tenancy.admit(kind);
    await prefetchDependents(this.#unit, this.#behaviours, kind, [id]);
    // First, because they may refer to it in another way as well.
    for (const companion of companionsOf(kind)) {
      const rows = await this.#unit.children(companion.kind, companion.field as 'id', id);
      for (const each of rows) this.#unit.drop(companion.kind, each.id);
    }
    for (const referrer of referrersOf(kind)) {
      const children = await this.#unit.children(referrer.kind, referrer.field as 'id', id);
      if (children.length === 0) continue;
      if (!cascade || !children.every(child => this.#unit.owns(child))) throw inUse(kind, id, referrer.kind, children);
      const ids = children.map(child => child.id);
      if (isWritable(referrer.kind)) await prefetchDependents(this.#unit, this.#behaviours, referrer.kind, ids);
      for (const child of children) await this.#remove(referrer.kind, child.id, true);
    }
    const remove = (other: Kind, otherId: string): Promise<void> => this.#remove(other, otherId, cascade);
    await this.#behaviour(kind).release?.(this.#unit, row as RowOf<WritableKind> & RowOf<never>, cascade, remove);
    this.#unit.put(kind, id, null);
  }
}

function want(wanted: Map<Kind, Set<string>>, kind: Kind, id: unknown): void {
  if (typeof id !== 'string' || !looksLikeUuid(id)) return;
  const ids = wanted.get(kind);
  if (ids === undefined) wanted.set(kind, new Set([id.toLowerCase()]));
  else ids.add(id.toLowerCase());
}

/** The id that a request names outside of the body, in its canonical form; the body may repeat it. */
function idNamedBy(asked: string, body: unknown): string {
  const id = parseId({ id: asked });
  const bodyId = parseId(body);
  if (id === null || (bodyId !== null && bodyId !== id))
    throw new WeftError('id_mismatch', {
      detail: `The body has the id ${bodyId}, the request ${asked}.`,
      pointer: '/id',
    });
  return id;
}

function checkRevision(row: CommonRow | null, { ifRevision }: OperationOptions): void {
  if (ifRevision === undefined || row?.revision === ifRevision) return;
  const has = row === null ? 'There is no such object' : `The object has revision ${row.revision}`;
  throw new WeftError('revision_mismatch', { detail: `${has}; the request is for revision ${ifRevision}.` });
}

/** Whether what was asked for is what is there; a null within a list element left the choice to the store. */
function isSatisfied(asked: unknown, present: unknown): boolean {
  if (!Array.isArray(asked) || !Array.isArray(present)) return isDeepStrictEqual(asked, present);
  if (asked.length !== present.length) return false;
  return asked.every((element: unknown, index) => {
    const there: unknown = present[index];
    if (!isObject(element) || !isObject(there)) return isDeepStrictEqual(element, there);
    return Object.entries(element).every(([name, value]) => value === null || isDeepStrictEqual(value, there[name]));
  });
}

function containsSent(shown: WireObject, sent: WireObject): boolean {
  return Object.entries(sent).every(([member, value]) => isDeepStrictEqual(value, shown[member]));
}

/** A new id: UUID version 7, so that ids sort by the time they were made. */
export function newId(): string {
  const random = randomBytes(10).toString('hex');
  const time = Date.now().toString(16).padStart(12, '0');
  const variant = ((Number.parseInt(random.slice(3, 4), 16) & 0x3) | 0x8).toString(16);
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(0, 3)}-${variant}${random.slice(4, 7)}-${random.slice(7, 19)}`;
}
