/**
 * A resource of the OpenStack API, declared once: where its objects come from, its attributes (attributes.ts), and what making, changing and
 * removing one means in nouns. Routes, lists, errors, tags and revisions are the same for all (edge.ts).
 */
import { isDeepStrictEqual } from 'node:util';
import type { CommonRow, Kind } from '../../src/model/index.js';
import type { NeutronCollection } from '../../src/model/neutron-object.js';
import { isObject } from '../../src/model/value-types.js';
import type { Act } from './act.js';
import type { Attributes } from './attributes.js';
import { badRequest, forbidden, NeutronFault } from './faults.js';
import type { Values } from './forms.js';
import type { Identity } from './identity.js';
import type { Scene } from './scene.js';

export interface Verbs<R extends CommonRow> {
  /** Makes the object and returns its id. What is kept beside it is written by the caller. */
  readonly create?: (act: Act, values: Values, projectId: string) => Promise<string>;
  /** Changes what lives in nouns; `values` has only what the body says. */
  readonly update?: (act: Act, row: R, values: Values) => Promise<void>;
  readonly remove?: (act: Act, row: R) => Promise<void>;
}

export interface ResourceDeclaration<R extends CommonRow> extends Verbs<R> {
  /** The key of lists, `security_groups`. */
  readonly collection: string;
  /** The key of one, `security_group`. */
  readonly member: string;
  /** The last part of its path, where that is not the collection with dashes. */
  readonly path?: string;
  /** What the types of its errors begin with: `SecurityGroup`. */
  readonly title: string;
  /** Under which name that is kept which is said of it; null: nothing is. */
  readonly said: NeutronCollection | null;
  readonly kindOf: (row: R) => Kind;
  /** All that the caller may know of. `wanted` is what filters ask for: a resource may leave out what does not match it. */
  readonly rows: (scene: Scene, wanted: ReadonlyMap<string, readonly string[]>) => readonly R[];
  readonly find: (scene: Scene, id: string) => R | null;
  readonly attributes: Attributes<R>;
  /** Filters beside those of attributes: which rows match the values. */
  readonly filters?: Readonly<Record<string, (scene: Scene, row: R, values: readonly string[]) => boolean>>;
  readonly hasTags?: boolean;
  /** Who makes, changes and removes them; default: whoever owns them. */
  readonly writers?: 'project' | 'admin';
  /**
   * Whether the write (`values` null: a removal; `row` null: a creation) is done in the name of the operator, once it is known to be the
   * caller's to do.
   */
  readonly asOperator?: (values: Values | null, row: R | null, scene: Scene) => boolean;
  /** Before a list (`values` null) or a creation: makes what is there from the first use on, in a write of its own; null: it is there. */
  readonly prepare?: (scene: Scene, values: Values | null) => ((act: Act) => Promise<unknown>) | null;
}

export type NeutronResource = ResourceDeclaration<CommonRow> & { readonly path: string };

/** Types are checked where the resource is declared; what serves all alike knows rows only as such. */
export function neutronResource<R extends CommonRow>(declaration: ResourceDeclaration<R>): NeutronResource {
  const path = declaration.path ?? declaration.collection.replaceAll('_', '-');
  return { ...declaration, path } as unknown as NeutronResource;
}

/** The values of a body for the resource: as sent in an update, completed with what is there when left out in a creation. */
export function readBody(
  resource: NeutronResource,
  body: unknown,
  verb: 'create' | 'update',
  identity: Identity,
): Values {
  if (!isObject(body)) throw badRequest(`Resource body required: '${resource.member}' is not a dictionary`);
  const { attributes, member } = resource;
  const values: Record<string, unknown> = {};
  const unknown = Object.keys(body).filter(name => attributes[name] === undefined);
  if (unknown.length > 0) throw badRequest(`Unrecognized attribute(s) '${unknown.join("', '")}'`);
  for (const [name, value] of Object.entries(body)) {
    const attribute = attributes[name];
    if (attribute === undefined) continue;
    if (attribute.form === null || !(verb === 'create' ? attribute.inCreation : attribute.inUpdate)) {
      throw badRequest(
        verb === 'create' ? `Attribute '${name}' not allowed in POST` : `Cannot update read-only attribute ${name}`,
      );
    }
    values[name] = attribute.form.read(value, name);
    if (attribute.adminSets && !identity.isAdmin && !isDeepStrictEqual(values[name], attribute.initial))
      throw forbidden(`(rule:${verb}_${member} and rule:${verb}_${member}:${name})`);
  }
  const project = values['project_id'] ?? values['tenant_id'];
  if (project !== undefined) {
    if (values['tenant_id'] !== undefined && values['tenant_id'] !== project)
      throw badRequest("'project_id' and 'tenant_id' do not match");
    if (!identity.isAdmin && project !== identity.projectId)
      throw badRequest(
        "Specifying 'project_id' or 'tenant_id' other than authenticated project in request requires admin privileges",
      );
    values['project_id'] = values['tenant_id'] = project;
  }
  return verb === 'update' ? values : completed(resource, values);
}

function completed({ attributes }: NeutronResource, values: Record<string, unknown>): Values {
  for (const [name, { isRequired, inCreation, initial }] of Object.entries(attributes)) {
    if (values[name] !== undefined || !inCreation) continue;
    if (isRequired) throw badRequest(`Failed to parse request. Required attribute '${name}' not specified`);
    if (initial !== undefined) values[name] = initial;
  }
  return values;
}

/** What of the values is kept beside the object: in a creation only what differs from what is there without it. */
export function keptOf({ attributes }: NeutronResource, values: Values): Values {
  return Object.fromEntries(
    Object.entries(values)
      .filter(([name]) => attributes[name]?.isKept === true)
      .map(([name, value]) => [name, isDeepStrictEqual(value, attributes[name]?.initial) ? undefined : value]),
  );
}

/** The object as the caller sees it; `fields` narrows that. */
export function represent(
  resource: NeutronResource,
  scene: Scene,
  row: CommonRow,
  fields: ReadonlySet<string> = new Set(),
): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  for (const [name, attribute] of Object.entries(resource.attributes)) {
    if (attribute.adminSees && !scene.identity.isAdmin) continue;
    if (fields.size > 0 && !fields.has(name)) continue;
    const value = attribute.read(scene, row);
    if (value !== undefined) shown[name] = value;
  }
  return shown;
}

/** Refuses to change what the caller sees and does not own. */
export function requireWriter(
  resource: NeutronResource,
  verb: string,
  identity: Identity,
  row: CommonRow | null,
): void {
  const { writers = 'project', member } = resource;
  if (identity.caller.role === 'reader') throw forbidden(`${verb}_${member}`);
  if (identity.isAdmin) return;
  if (writers === 'admin' || (row !== null && row.projectId !== identity.projectId))
    throw forbidden(`${verb}_${member}`);
}

/** A verb that the resource does not have. */
export function notAllowed(): NeutronFault {
  return new NeutronFault(405, 'HTTPMethodNotAllowed', 'The method is not allowed for this resource.');
}
