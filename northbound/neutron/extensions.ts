/** Versions of the API, and its extensions: only what is there is named, for clients look and adapt. */
import { access, type Edge, idOf, open, selfOf } from './edge.js';
import { NeutronFault } from './faults.js';
import type { NeutronResource } from './resource.js';

/** Aliases with their names. */
const extensions: Readonly<Record<string, string>> = {
  'address-group': 'Address group',
  'address-scope': 'Address scope',
  agent: 'agent',
  'allowed-address-pairs': 'Allowed Address Pairs',
  availability_zone: 'Availability Zone',
  binding: 'Port Binding',
  'binding-extended': 'Port Bindings Extended',
  'default-subnetpools': 'Default Subnetpools',
  'dns-integration': 'DNS Integration',
  'empty-string-filtering': 'Empty String Filtering Extension',
  'ext-gw-mode': 'Neutron L3 Configurable external gateway mode',
  'external-net': 'Neutron external network',
  extra_dhcp_opt: 'Neutron Extra DHCP options',
  extraroute: 'Neutron Extra Route',
  'extraroute-atomic': 'Atomically add/remove extra routes',
  'filter-validation': 'Filter parameters validation',
  'fip-port-details': 'Floating IP Port Details Extension',
  'ip-substring-filtering': 'IP address substring filtering',
  'net-mtu': 'Network MTU',
  'net-mtu-writable': 'Network MTU (writable)',
  'network-ip-availability': 'Network IP Availability',
  network_availability_zone: 'Network Availability Zone',
  pagination: 'Pagination support',
  'port-security': 'Port Security',
  'project-id': 'project_id field enabled',
  provider: 'Provider Network',
  quota_details: 'Quota details management support',
  quotas: 'Quota management support',
  'rbac-policies': 'RBAC Policies',
  'revision-if-match': 'If-Match constraints based on revision_number',
  router: 'Neutron L3 Router',
  router_availability_zone: 'Router Availability Zone',
  'security-group': 'security-group',
  'security-groups-normalized-cidr': 'Normalized CIDR field for security group rules',
  'security-groups-remote-address-group': 'Remote address group id field for security group rules',
  'security-groups-shared-filtering': 'Security group filtering on the shared field',
  sorting: 'Sorting support',
  'standard-attr-description': 'standard-attr-description',
  'standard-attr-revisions': 'Resource revision numbers',
  'standard-attr-tag': 'Tag support for resources with standard attribute',
  'standard-attr-timestamp': 'Resource timestamps',
  'subnet-service-types': 'Subnet service types',
  subnet_allocation: 'Subnet Allocation',
  'tag-ports-during-bulk-creation': 'Tag Ports During Bulk Creation',
  trunk: 'Trunk Extension',
  'trunk-details': 'Trunk port details',
};

const updated = '2026-11-22T00:00:00-00:00';

const shownExtension = (alias: string) => ({
  alias,
  name: extensions[alias] ?? alias,
  description: extensions[alias] ?? alias,
  updated,
  links: [],
});

export function registerVersions({ app }: Edge, resources: readonly NeutronResource[]): void {
  // With the prefix of the front end this is both, with a slash at the end and without.
  app.get('/', open, async request => ({
    versions: [{ id: 'v2.0', status: 'CURRENT', links: [{ rel: 'self', href: selfOf(request, '/v2.0/') }] }],
  }));
  for (const path of ['/v2.0', '/v2.0/'])
    app.get(path, access('read'), async request => ({
      resources: resources.map(({ collection, member, path: last }) => ({
        name: member,
        collection,
        links: [{ rel: 'self', href: selfOf(request, `/v2.0/${last}`) }],
      })),
    }));
  app.get('/v2.0/extensions', access('read'), async () => ({
    extensions: Object.keys(extensions).map(shownExtension),
  }));
  app.get('/v2.0/extensions/:id', access('read'), async request => {
    const alias = idOf(request);
    if (!Object.hasOwn(extensions, alias))
      throw new NeutronFault(404, 'HTTPNotFound', `Extension with alias ${alias.slice(0, 64)} does not exist`);
    return { extension: shownExtension(alias) };
  });
}
