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
  'logical-router-ports',
  'static-routes',
  'qos-rules',
  'mirrors',
  'port-bindings',
  'tokens',
  'quotas',
] as const;

export type Kind = (typeof kinds)[number];

export function isKind(text: string): text is Kind {
  return (kinds as readonly string[]).includes(text);
}
