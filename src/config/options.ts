/**
 * Every option of the controller, declared once. The environment variable is `WEFT_` and the name in capitals;
 * the command line flag is `--` and the name with dashes. docs/operations.md's table is made of this list.
 */
export type OptionName =
  | 'database_url'
  | 'data_dir'
  | 'http_listen'
  | 'ovsdb_listen'
  | 'openflow_listen'
  | 'punt_listen'
  | 'docker_listen'
  | 'advertise'
  | 'underlay_mtu'
  | 'tls_cert'
  | 'tls_key'
  | 'tls_ca'
  | 'tls_crl'
  | 'allow_plain_southbound'
  | 'enrolment'
  | 'auth'
  | 'token_file'
  | 'oidc_issuer'
  | 'oidc_audience'
  | 'oidc_jwks'
  | 'oidc_project_claim'
  | 'oidc_role_claim'
  | 'keystone_url'
  | 'keystone_user'
  | 'keystone_password'
  | 'keystone_project'
  | 'rate_limit'
  | 'quotas'
  | 'trusted_proxies'
  | 'rule_metrics'
  | 'verdict_log'
  | 'log_level';

export interface OptionDeclaration {
  readonly name: OptionName;
  readonly default: string | null;
  /** What the value looks like, for help texts and messages about faults. */
  readonly shape: string;
  readonly help: string;
  /** Values that must not be shown in logs or in the process's status. */
  readonly secret?: boolean;
}

export const optionDeclarations: readonly OptionDeclaration[] = [
  {
    name: 'database_url',
    default: null,
    shape: 'postgres://user:password@host:5432/database',
    help: 'Postgres 15 or later. Unset: embedded PGlite in the data directory.',
    secret: true,
  },
  { name: 'data_dir', default: './data', shape: 'a directory', help: 'Where the embedded store and local files live.' },
  { name: 'http_listen', default: '127.0.0.1:8080', shape: 'host:port', help: 'The REST listener.' },
  {
    name: 'ovsdb_listen',
    default: 'tcp:127.0.0.1:6640',
    shape: 'tcp:host:port or ssl:host:port, comma separated',
    help: 'Where hypervisors reach us with OVSDB (their manager target).',
  },
  {
    name: 'openflow_listen',
    default: 'tcp:127.0.0.1:6653',
    shape: 'tcp:host:port or ssl:host:port, comma separated',
    help: 'Where their bridges send OpenFlow for flow updates.',
  },
  {
    name: 'punt_listen',
    default: 'tcp:127.0.0.1:6654',
    shape: 'tcp:host:port or ssl:host:port, comma separated',
    help: 'Where their bridges send packets that we answer.',
  },
  {
    name: 'docker_listen',
    default: null,
    shape: 'tcp:host:port or ssl:host:port, comma separated',
    help: 'Where Docker engines reach us as their network plugin, without any process on their hosts. Unset: nowhere.',
  },
  {
    name: 'advertise',
    default: null,
    shape: 'a host name or address',
    help: 'The host that hypervisors are told to dial for OpenFlow. Unset: the host of the manager target that they dialled.',
  },
  {
    name: 'underlay_mtu',
    default: '1500',
    shape: '1280 to 65535',
    help: 'MTU of the network between hypervisors, bytes.',
  },
  {
    name: 'tls_cert',
    default: null,
    shape: 'a PEM file',
    help: 'Certificate of every ssl: listener and, when set, of REST.',
  },
  { name: 'tls_key', default: null, shape: 'a PEM file', help: 'Its private key.' },
  {
    name: 'tls_ca',
    default: null,
    shape: 'a PEM file',
    help: 'The authority that signs the certificates of hypervisors.',
  },
  {
    name: 'tls_crl',
    default: null,
    shape: 'a PEM file',
    help: 'The certificates of hypervisors that the authority has revoked.',
  },
  {
    name: 'allow_plain_southbound',
    default: null,
    shape: '1',
    help: 'Set to 1 to let tcp: listeners for hypervisors be reached from other machines: nothing there is encrypted, and anyone can say to be a hypervisor.',
  },
  {
    name: 'enrolment',
    default: null,
    shape: 'open or approve',
    help: 'Whether a host that nobody knows joins at once, or waits for approval or a join token. Unset: approve with WEFT_AUTH=token, else open.',
  },
  { name: 'auth', default: 'none', shape: 'none or token', help: 'Who may use REST. Off loopback it must be token.' },
  {
    name: 'token_file',
    default: null,
    shape: 'a file',
    help: 'The first admin token; made with mode 0600 if missing. Unset: admin-token in the data directory.',
  },
  {
    name: 'oidc_issuer',
    default: null,
    shape: 'https://host/path',
    help: 'An identity provider (OpenID Connect) whose JWTs are accepted beside the tokens of Weft, with WEFT_AUTH=token.',
  },
  { name: 'oidc_audience', default: null, shape: 'text', help: 'The audience that its JWTs must name.' },
  {
    name: 'oidc_jwks',
    default: null,
    shape: 'https://host/path',
    help: 'Where its keys are. Unset: where its discovery document says.',
  },
  {
    name: 'oidc_project_claim',
    default: 'project',
    shape: 'a claim, or a.b for one in another',
    help: 'The claim that names the project of the caller; "*" is none, for operators.',
  },
  {
    name: 'oidc_role_claim',
    default: 'role',
    shape: 'a claim, or a.b for one in another',
    help: 'The claim that names the role, or a list with it: admin, member or reader.',
  },
  {
    name: 'keystone_url',
    default: null,
    shape: 'https://host/path',
    help: 'Keystone v3 that validates tokens of the OpenStack API (/neutron). With WEFT_AUTH=token those of Weft are accepted there as well.',
  },
  {
    name: 'keystone_user',
    default: null,
    shape: 'a name',
    help: 'The account with which Weft asks Keystone, in the domain "default".',
  },
  { name: 'keystone_password', default: null, shape: 'text', help: 'Its password.', secret: true },
  { name: 'keystone_project', default: 'service', shape: 'a name', help: 'The project that its token is for.' },
  {
    name: 'rate_limit',
    default: '1000',
    shape: 'a number',
    help: 'Requests a second that one token may send, and twice as many at once; 0: no limit.',
  },
  {
    name: 'quotas',
    default: '*=10000',
    shape: 'collection=number, comma separated; * for the others',
    help: 'Most objects of each collection that a project may have, unless it has a quota of its own. Counts with WEFT_AUTH=token.',
  },
  {
    name: 'trusted_proxies',
    default: null,
    shape: 'addresses or networks, comma separated',
    help: 'Proxies before REST whose X-Forwarded-For is believed, for who wrote from where. Unset: none.',
  },
  {
    name: 'rule_metrics',
    default: 'group',
    shape: 'off, group or rule',
    help: 'What /metrics tells of security groups: nothing, packets of each group by direction and action, or of each rule.',
  },
  {
    name: 'verdict_log',
    default: 'log',
    shape: 'log, memory or off',
    help: 'What security groups have logged: written to the log and kept for `weft log`, only kept, or neither. At most 1,000 lines a second are written, of some 450 bytes.',
  },
  {
    name: 'log_level',
    default: 'info',
    shape: 'trace, debug, info, warn, error or fatal',
    help: 'The least severe line that is logged.',
  },
];

export const environmentName = (name: OptionName): string => `WEFT_${name.toUpperCase()}`;
export const flagName = (name: OptionName): string => `--${name.replaceAll('_', '-')}`;

/** What `--help` prints. */
export function optionsHelp(): string {
  const lines = optionDeclarations.map(option => {
    const usage = `  ${flagName(option.name)} <${option.shape}>`;
    const fallback = option.default === null ? '' : ` Default: ${option.default}.`;
    return `${usage}\n      ${option.help}${fallback} Environment: ${environmentName(option.name)}.`;
  });
  return ['Usage: npm start -- [options]', '', ...lines].join('\n');
}
