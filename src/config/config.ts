/**
 * One frozen Config from the environment and the command line; the only reader of either.
 * All faults are found at once and listed together: a person mends a deployment in one round.
 */
import { isIP } from 'node:net';
import { join } from 'node:path';
import { isLoopback } from '../base/address.js';
import { environmentName, flagName, optionDeclarations, type OptionName } from './options.js';

export type AuthMode = 'none' | 'token';
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export interface ListenTarget extends HostPort {
  readonly transport: 'tcp' | 'ssl';
  /** As it was written, for logs. */
  readonly text: string;
}

/** Where the files of the controller's certificate are. */
export interface TlsPaths {
  readonly certificate: string;
  readonly key: string;
  readonly authority: string | null;
  /** List of revoked certificates. */
  readonly revoked: string | null;
}

/** An identity provider whose tokens are accepted. */
export interface OidcConfig {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string | null;
  readonly projectClaim: string;
  readonly roleClaim: string;
}

/** Keystone, and who Weft is there. */
export interface KeystoneConfig {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly project: string;
}

/** Where what security groups have logged goes. */
const verdictLogModes = ['log', 'memory', 'off'] as const;
export type VerdictLogMode = (typeof verdictLogModes)[number];

/** What metrics tell of security groups. */
const ruleMetrics = ['off', 'group', 'rule'] as const;
export type RuleMetrics = (typeof ruleMetrics)[number];

export interface Config {
  readonly databaseUrl: string | null;
  readonly dataDirectory: string;
  readonly httpListen: HostPort;
  readonly ovsdbListen: readonly ListenTarget[];
  readonly openflowListen: readonly ListenTarget[];
  readonly puntListen: readonly ListenTarget[];
  /** Where Docker engines reach us. */
  readonly dockerListen: readonly ListenTarget[];
  readonly advertise: string | null;
  readonly underlayMtu: number;
  readonly tls: TlsPaths | null;
  readonly auth: AuthMode;
  readonly tokenFile: string;
  readonly oidc: OidcConfig | null;
  readonly keystone: KeystoneConfig | null;
  /** Requests a second that one token may send; null: no limit. */
  readonly rateLimit: number | null;
  /** Most objects of a project by collection, `*` for those not named. */
  readonly quotas: ReadonlyMap<string, number>;
  /** Addresses and networks of proxies that are believed. */
  readonly trustedProxies: readonly string[];
  /** Whether tokens cross a network that nothing encrypts. */
  readonly isRestInTheClear: boolean;
  /** Whether a host that nobody knows joins at once, or waits for approval. */
  readonly enrolment: 'open' | 'approve';
  readonly ruleMetrics: RuleMetrics;
  /** Where what security groups have logged goes. */
  readonly verdictLog: VerdictLogMode;
  readonly logLevel: LogLevel;
  /** Whether hosts elsewhere may be talked to in plain. */
  readonly allowPlainSouthbound: boolean;
  /** Plain southbound listeners that hosts elsewhere can reach; said in the log and in the status. */
  readonly plainSouthboundOffLoopback: readonly string[];
}

/** Every fault of a configuration, one line each. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(`the configuration is not usable:\n  ${faults.join('\n  ')}`);
    this.name = 'ConfigError';
  }
}

const logLevels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** Parses `host:port` or `[v6]:port`; null when it is neither. Port 0 means any free port. */
export function parseHostPort(text: string): HostPort | null {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  if (!match) return null;
  const [, bracketed, plain, portText] = match;
  const host = bracketed ?? plain ?? '';
  const port = Number(portText);
  if (port > 65535 || (bracketed !== undefined && isIP(bracketed) !== 6)) return null;
  return { host, port };
}

class Reading {
  readonly faults: string[] = [];
  constructor(private readonly values: ReadonlyMap<OptionName, string>) {}

  text(name: OptionName): string | null {
    return this.values.get(name) ?? null;
  }
  /** Parts between commas. */
  list(name: OptionName): string[] {
    const parts = (this.text(name) ?? '').split(',').map(part => part.trim());
    return parts.filter(part => part !== '');
  }
  fault(name: OptionName, problem: string): void {
    this.faults.push(`${environmentName(name)} ${problem}`);
  }
  listenTargets(name: OptionName): ListenTarget[] {
    const targets: ListenTarget[] = [];
    const given = this.text(name);
    if (given === null) return [];
    for (const text of given.split(',').map(part => part.trim())) {
      const separator = text.indexOf(':');
      const transport = text.slice(0, separator);
      const address = parseHostPort(text.slice(separator + 1));
      if ((transport !== 'tcp' && transport !== 'ssl') || !address) {
        this.fault(name, `has "${text}", which is not tcp:host:port or ssl:host:port`);
      } else {
        targets.push({ transport, text, ...address });
      }
    }
    return targets;
  }
}

/** `subnets=100,*=1000` */
function readQuotas(reading: Reading): ReadonlyMap<string, number> {
  const quotas = new Map<string, number>();
  for (const part of reading.list('quotas')) {
    const [, collection = '', number] = /^([a-z-]+|\*)=(\d{1,9})$/.exec(part) ?? [];
    if (number === undefined) reading.fault('quotas', `has "${part}", which is not collection=number`);
    else quotas.set(collection, Number(number));
  }
  return quotas;
}

function readTrustedProxies(reading: Reading): readonly string[] {
  const proxies = reading.list('trusted_proxies');
  for (const proxy of proxies) {
    const [address = '', length] = proxy.split('/', 2);
    const most = isIP(address) === 4 ? 32 : 128;
    if (isIP(address) === 0 || (length !== undefined && !(/^\d{1,3}$/.test(length) && Number(length) <= most)))
      reading.fault('trusted_proxies', `has "${proxy}", which is neither an address nor a network`);
  }
  return proxies;
}

/** Whoever could change what comes from there could make tokens: it is https, or on this machine. */
function checkSecureUrl(reading: Reading, name: OptionName): void {
  const text = reading.text(name);
  if (text === null) return;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isHere = url?.protocol === 'http:' && isLoopback(url.hostname.replace(/^\[|\]$/g, ''));
  if (url?.protocol !== 'https:' && !isHere) reading.fault(name, `is "${text}", which is not https://`);
}

function readOidc(reading: Reading): OidcConfig | null {
  const issuer = reading.text('oidc_issuer');
  const audience = reading.text('oidc_audience');
  checkSecureUrl(reading, 'oidc_issuer');
  checkSecureUrl(reading, 'oidc_jwks');
  if (issuer === null && audience === null) return null;
  if (issuer === null || audience === null) {
    reading.fault('oidc_issuer', 'and WEFT_OIDC_AUDIENCE belong together; one is missing');
    return null;
  }
  return {
    issuer,
    audience,
    jwksUrl: reading.text('oidc_jwks'),
    projectClaim: reading.text('oidc_project_claim') ?? '',
    roleClaim: reading.text('oidc_role_claim') ?? '',
  };
}

function readKeystone(reading: Reading): KeystoneConfig | null {
  const url = reading.text('keystone_url');
  const user = reading.text('keystone_user');
  const password = reading.text('keystone_password');
  if (url === null && user === null && password === null) return null;
  checkSecureUrl(reading, 'keystone_url');
  if (url === null || user === null || password === null) {
    reading.fault('keystone_url', 'and WEFT_KEYSTONE_USER and WEFT_KEYSTONE_PASSWORD belong together; one is missing');
    return null;
  }
  return { url, user, password, project: reading.text('keystone_project') ?? 'service' };
}

function readRateLimit(reading: Reading): number | null {
  const text = reading.text('rate_limit') ?? '';
  if (!/^\d{1,7}$/.test(text)) reading.fault('rate_limit', `is "${text}"; it is a number of requests a second`);
  return Number(text) === 0 ? null : Number(text);
}

/** The value of each option: the command line wins over the environment, the default comes last. */
function collect(
  environment: NodeJS.ProcessEnv,
  args: readonly string[],
): { values: Map<OptionName, string>; faults: string[] } {
  const values = new Map<OptionName, string>();
  const faults: string[] = [];
  for (const option of optionDeclarations) {
    const value = environment[environmentName(option.name)] || option.default;
    if (value !== null && value !== undefined) values.set(option.name, value);
  }
  for (let index = 0; index < args.length; index += 1) {
    const argument = args[index] ?? '';
    const [flag = '', inline] = argument.split(/=(.*)/s, 2);
    const option = optionDeclarations.find(candidate => flagName(candidate.name) === flag);
    if (!option) {
      faults.push(`${argument} is not an option; --help lists them`);
      continue;
    }
    const value = inline ?? args[(index += 1)];
    if (value === undefined) faults.push(`${flag} needs a value: ${option.shape}`);
    else values.set(option.name, value);
  }
  return { values, faults };
}

function readTls(reading: Reading, listeners: readonly ListenTarget[]): TlsPaths | null {
  const certificate = reading.text('tls_cert');
  const key = reading.text('tls_key');
  const authority = reading.text('tls_ca');
  const revoked = reading.text('tls_crl');
  if ((certificate === null) !== (key === null))
    reading.fault('tls_cert', 'and WEFT_TLS_KEY belong together; one is missing');
  if (listeners.some(listener => listener.transport === 'ssl')) {
    if (certificate === null || key === null)
      reading.fault('tls_cert', 'and WEFT_TLS_KEY are needed by the ssl: listeners');
    if (authority === null)
      reading.fault('tls_ca', 'is needed by the ssl: listeners: without it any certificate would be believed');
  }
  if (revoked !== null && authority === null)
    reading.fault('tls_crl', 'needs WEFT_TLS_CA: the authority whose list it is');
  return certificate === null || key === null ? null : { certificate, key, authority, revoked };
}

interface SouthboundListeners {
  readonly ovsdb: readonly ListenTarget[];
  readonly openflow: readonly ListenTarget[];
  readonly punt: readonly ListenTarget[];
  readonly docker: readonly ListenTarget[];
}

/** What hypervisors dial must not be weaker than whoever set it up believes. Gives the plain listeners that others can reach. */
function checkSouthbound(reading: Reading, { ovsdb, openflow, punt, docker }: SouthboundListeners): readonly string[] {
  const allow = reading.text('allow_plain_southbound');
  if (allow !== null && allow !== '1') reading.fault('allow_plain_southbound', `is "${allow}"; it is 1 or unset`);
  const isSecure = (targets: readonly ListenTarget[]) => targets.some(target => target.transport === 'ssl');
  for (const [name, targets] of [
    ['openflow_listen', openflow],
    ['punt_listen', punt],
  ] as const) {
    if (isSecure(ovsdb) && !isSecure(targets))
      reading.fault(name, 'needs an ssl: listener, because a host that joins with a certificate shows it everywhere');
  }
  const plain = [...ovsdb, ...openflow, ...punt, ...docker]
    .filter(target => target.transport === 'tcp' && !isLoopback(target.host))
    .map(target => target.text);
  if (plain.length > 0 && allow !== '1')
    reading.fault(
      'allow_plain_southbound',
      `must be 1 to listen at ${plain.join(', ')}: other machines can reach it, and nothing there is encrypted or authenticated`,
    );
  return plain;
}

function readRuleMetrics(reading: Reading): RuleMetrics {
  const text = reading.text('rule_metrics');
  const found = ruleMetrics.find(kind => kind === text);
  if (found === undefined) reading.fault('rule_metrics', `is "${text}"; it is one of ${ruleMetrics.join(', ')}`);
  return found ?? 'group';
}

/**
 * Reads and checks the whole configuration.
 * @throws ConfigError listing every fault
 */
export function readConfig(environment: NodeJS.ProcessEnv, args: readonly string[]): Config {
  const { values, faults } = collect(environment, args);
  const reading = new Reading(values);
  reading.faults.push(...faults);

  const databaseUrl = reading.text('database_url');
  if (databaseUrl !== null && !/^postgres(ql)?:\/\//.test(databaseUrl)) {
    reading.fault('database_url', 'must begin with postgres://');
  }
  const httpText = reading.text('http_listen') ?? '';
  const httpListen = parseHostPort(httpText) ?? { host: '', port: 0 };
  if (httpListen.host === '') reading.fault('http_listen', `is "${httpText}", which is not host:port`);

  const ovsdbListen = reading.listenTargets('ovsdb_listen');
  const openflowListen = reading.listenTargets('openflow_listen');
  const puntListen = reading.listenTargets('punt_listen');
  const dockerListen = reading.listenTargets('docker_listen');
  const southbound = [...ovsdbListen, ...openflowListen, ...puntListen, ...dockerListen];

  const underlayMtu = Number(reading.text('underlay_mtu'));
  if (!Number.isInteger(underlayMtu) || underlayMtu < 1280 || underlayMtu > 65535) {
    reading.fault('underlay_mtu', 'must be a whole number from 1280 to 65535');
  }
  const auth = reading.text('auth');
  if (auth !== 'none' && auth !== 'token') reading.fault('auth', `is "${auth}"; it is none or token`);
  if (auth === 'none' && httpListen.host !== '' && !isLoopback(httpListen.host)) {
    reading.fault('auth', `must be token, because WEFT_HTTP_LISTEN (${httpText}) can be reached from other machines`);
  }
  const enrolment = reading.text('enrolment') ?? (auth === 'token' ? 'approve' : 'open');
  if (enrolment !== 'open' && enrolment !== 'approve')
    reading.fault('enrolment', `is "${enrolment}"; it is open or approve`);
  const verdictLog = verdictLogModes.find(mode => mode === reading.text('verdict_log'));
  if (!verdictLog)
    reading.fault('verdict_log', `is "${reading.text('verdict_log')}"; it is one of ${verdictLogModes.join(', ')}`);
  const logLevel = logLevels.find(level => level === reading.text('log_level'));
  if (!logLevel) reading.fault('log_level', `is "${reading.text('log_level')}"; it is one of ${logLevels.join(', ')}`);

  const oidc = readOidc(reading);
  const keystone = readKeystone(reading);
  const rateLimit = readRateLimit(reading);
  const quotas = readQuotas(reading);
  const trustedProxies = readTrustedProxies(reading);
  const ruleDetail = readRuleMetrics(reading);
  const tls = readTls(reading, southbound);
  const plainSouthboundOffLoopback = checkSouthbound(reading, {
    ovsdb: ovsdbListen,
    openflow: openflowListen,
    punt: puntListen,
    docker: dockerListen,
  });
  if (reading.faults.length > 0) throw new ConfigError(reading.faults);
  const dataDirectory = reading.text('data_dir') ?? './data';
  return Object.freeze({
    databaseUrl,
    dataDirectory,
    httpListen,
    ovsdbListen,
    openflowListen,
    puntListen,
    dockerListen,
    advertise: reading.text('advertise'),
    underlayMtu,
    tls,
    auth: auth === 'token' ? 'token' : 'none',
    tokenFile: reading.text('token_file') ?? join(dataDirectory, 'admin-token'),
    oidc,
    keystone,
    rateLimit,
    quotas,
    trustedProxies,
    isRestInTheClear: tls === null && !isLoopback(httpListen.host),
    enrolment: enrolment === 'approve' ? 'approve' : 'open',
    ruleMetrics: ruleDetail,
    verdictLog: verdictLog ?? 'log',
    logLevel: logLevel ?? 'info',
    allowPlainSouthbound: reading.text('allow_plain_southbound') === '1',
    plainSouthboundOffLoopback,
  });
}
