/**
 * The names of the nouns: the collection's name in REST is the kind everywhere else. The order is that of dependence: a kind
 * refers only to kinds before it (or to itself), so rows are inserted in this order and deleted in the reverse one.
 */
export const kinds = [
  'hypervisors',
  'logical-switches',
  'subnets',
  'logical-routers',
  'security-groups',
  'address-sets',
  'security-group-rules',
  'logical-switch-ports',
  'virtual-addresses',
  'logical-router-ports',
  'static-routes',
  'policy-routes',
  'static-neighbours',
  'bfd-sessions',
  'qos-rules',
  'mirrors',
  'dhcp-options',
  'dns-records',
  'load-balancers',
  'nat-rules',
  'port-bindings',
  'tokens',
  'quotas',
  'join-tokens',
  'neutron-objects',
] as const;

export type Kind = (typeof kinds)[number];

/** Kinds that only Weft itself writes: they are in no collection of REST. */
const internalKinds = ['port-bindings', 'join-tokens'] as const satisfies readonly Kind[];

/** Kinds whose objects callers write. */
export type WritableKind = Exclude<Kind, (typeof internalKinds)[number]>;

export function isWritable(kind: Kind): kind is WritableKind {
  return !internalKinds.some(internal => internal === kind);
}

/** Kinds that callers of REST write, too: all but what another front end says of objects. */
export type OfferedKind = Exclude<WritableKind, 'neutron-objects'>;

export function isOffered(kind: Kind): kind is OfferedKind {
  return isWritable(kind) && kind !== 'neutron-objects';
}

export function isKind(text: string): text is Kind {
  return (kinds as readonly string[]).includes(text);
}
