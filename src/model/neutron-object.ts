import { optional, required } from './fields.js';
import { Type } from './json-schema.js';
import type { Kind } from './kinds.js';
import { resource } from './resource.js';
import { isObject, oneOf, quoted, refuse, type ValueType } from './value-types.js';

/** Collections of the OpenStack API whose objects are made of other nouns: these have the id of theirs, and go with them. */
const companions = [
  'networks',
  'subnets',
  'ports',
  'routers',
  'security_groups',
  'security_group_rules',
  'address_groups',
  'floatingips',
] as const;

/** Those that no other noun knows. */
const alone = ['subnetpools', 'address_scopes', 'rbac_policies', 'trunks'] as const;

export const neutronCollections = [...companions, ...alone] as const;
export type NeutronCollection = (typeof neutronCollections)[number];

/** Whether objects of the collection are found by what is said of them: those that no other noun knows, and those whose noun changes. */
export function isListed(collection: NeutronCollection): boolean {
  return collection === 'floatingips' || (alone as readonly string[]).includes(collection);
}

export type NeutronAttributes = Readonly<Record<string, unknown>>;

/** Members of any form: the front end that writes them has read them by their own types. */
function attributes(): ValueType<NeutronAttributes> {
  const schema = Type.Record(Type.String(), Type.Unknown());
  return {
    schema,
    inputSchema: schema,
    column: 'jsonb',
    nullable: false,
    parse: (value, pointer) =>
      isObject(value) ? inOrder(value) : refuse('invalid_value', pointer, `${quoted(value)} is not an object.`),
    toWire: value => value,
    // The database has an order of its own.
    fromWire: wire => inOrder(wire as NeutronAttributes),
  };
}

function inOrder(value: NeutronAttributes): NeutronAttributes {
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * What the OpenStack Networking API says of an object and no other noun does (decision 0047). It has the id of the object of which it
 * speaks, and that object's project; what an object is in the network is never here.
 */
export const neutronObjects = resource({
  kind: 'neutron-objects',
  singular: 'neutron-object',
  description: 'What the OpenStack Networking API keeps of an object beside what other nouns say of it.',
  named: false,
  exposed: false,
  fields: {
    collection: required(oneOf(...neutronCollections), 'The collection that shows it.', { access: 'immutable' }),
    attributes: optional(attributes(), 'Attributes by their names there.', { default: {} }),
  },
  columns: ['collection'],
});

/** The nouns of which it speaks. */
export const accompanied = [
  'logical-switches',
  'subnets',
  'logical-routers',
  'security-groups',
  'address-sets',
  'security-group-rules',
  'logical-switch-ports',
  'logical-router-ports',
  'nat-rules',
] as const satisfies readonly Kind[];
