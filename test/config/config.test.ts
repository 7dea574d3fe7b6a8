import assert from 'node:assert/strict';
import { ConfigError, parseHostPort, readConfig } from '../../src/config/config.js';
import { environmentName, flagName, optionDeclarations } from '../../src/config/options.js';

const faultsOf = (environment: NodeJS.ProcessEnv, args: string[] = []): readonly string[] => {
  try {
    readConfig(environment, args);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
};

describe('config', () => {
  it('has a usable default for everything', () => {
    const config = readConfig({}, []);
    assert.deepEqual(config.httpListen, { host: '127.0.0.1', port: 8080 });
    assert.equal(config.databaseUrl, null);
    assert.equal(config.auth, 'none');
    assert.deepEqual(config.plainSouthboundOffLoopback, []);
  });

  it('lets the command line win over the environment', () => {
    const config = readConfig({ WEFT_UNDERLAY_MTU: '9000', WEFT_LOG_LEVEL: 'warn' }, [
      '--underlay-mtu',
      '1400',
      '--data-dir=/tmp/x',
    ]);
    assert.equal(config.underlayMtu, 1400);
    assert.equal(config.logLevel, 'warn');
    assert.equal(config.dataDirectory, '/tmp/x');
  });

  it('lists every fault at once, naming the option', () => {
    const faults = faultsOf({
      WEFT_UNDERLAY_MTU: 'big',
      WEFT_LOG_LEVEL: 'loud',
      WEFT_OVSDB_LISTEN: 'udp:1.2.3.4:1',
      WEFT_DATABASE_URL: 'mysql://x',
      WEFT_TLS_CERT: '/cert.pem',
    });
    for (const name of [
      'WEFT_UNDERLAY_MTU',
      'WEFT_LOG_LEVEL',
      'WEFT_OVSDB_LISTEN',
      'WEFT_DATABASE_URL',
      'WEFT_TLS_CERT',
    ]) {
      assert.ok(
        faults.some(fault => fault.startsWith(name)),
        `${name} in ${faults.join('; ')}`,
      );
    }
  });

  it('refuses a REST listener off loopback without authentication', () => {
    assert.match(faultsOf({ WEFT_HTTP_LISTEN: '0.0.0.0:8080' })[0] ?? '', /WEFT_AUTH must be token/);
    const elsewhere = { WEFT_HTTP_LISTEN: '0.0.0.0:8080', WEFT_AUTH: 'token' };
    const certificate = { WEFT_TLS_CERT: 'cert.pem', WEFT_TLS_KEY: 'key.pem' };
    const inTheClear = [elsewhere, { ...elsewhere, ...certificate }, {}].map(
      each => readConfig(each, []).isRestInTheClear,
    );
    assert.deepEqual(inTheClear, [true, false, false]);
  });

  it('reads who may ask how much, and whom it believes', () => {
    const { quotas, rateLimit, trustedProxies, oidc } = readConfig(
      {
        WEFT_QUOTAS: 'subnets=5, *=7',
        WEFT_RATE_LIMIT: '0',
        WEFT_TRUSTED_PROXIES: '192.0.2.1,fd00::/8',
        WEFT_OIDC_ISSUER: 'https://sso.example/realm',
        WEFT_OIDC_AUDIENCE: 'weft',
      },
      [],
    );
    assert.deepEqual(
      [...quotas],
      [
        ['subnets', 5],
        ['*', 7],
      ],
    );
    assert.deepEqual([rateLimit, trustedProxies], [null, ['192.0.2.1', 'fd00::/8']]);
    assert.deepEqual(oidc, {
      issuer: 'https://sso.example/realm',
      audience: 'weft',
      jwksUrl: null,
      projectClaim: 'project',
      roleClaim: 'role',
    });
    for (const [name, value] of [
      ['WEFT_QUOTAS', 'subnets'],
      ['WEFT_RATE_LIMIT', 'fast'],
      ['WEFT_TRUSTED_PROXIES', 'proxy.example'],
      ['WEFT_TRUSTED_PROXIES', '192.0.2.0/33'],
      ['WEFT_OIDC_ISSUER', 'https://sso.example'],
      ['WEFT_OIDC_JWKS', 'http://sso.example/keys'],
    ] as const)
      assert.ok(faultsOf({ [name]: value })[0]?.startsWith(name), `${name}=${value}`);
  });

  it('refuses ssl: listeners without certificate and authority', () => {
    const listeners = Object.fromEntries(
      ['OVSDB', 'OPENFLOW', 'PUNT'].map(name => [`WEFT_${name}_LISTEN`, 'ssl:127.0.0.1:6640']),
    );
    assert.equal(faultsOf(listeners).length, 2);
  });

  it('names plain southbound listeners that other machines can reach', () => {
    const environment = { WEFT_OVSDB_LISTEN: 'tcp:0.0.0.0:6640,tcp:127.0.0.1:6641' };
    assert.match(
      faultsOf(environment)[0] ?? '',
      /WEFT_ALLOW_PLAIN_SOUTHBOUND must be 1 to listen at tcp:0\.0\.0\.0:6640:/,
    );
    const config = readConfig({ ...environment, WEFT_ALLOW_PLAIN_SOUTHBOUND: '1' }, []);
    assert.deepEqual(config.plainSouthboundOffLoopback, ['tcp:0.0.0.0:6640']);
    assert.match(faultsOf({ WEFT_ALLOW_PLAIN_SOUTHBOUND: 'yes' })[0] ?? '', /1 or unset/);
  });

  it('asks for a certificate on every listener of a host that joins with one', () => {
    const tls = { WEFT_TLS_CERT: 'c', WEFT_TLS_KEY: 'k', WEFT_TLS_CA: 'a', WEFT_OVSDB_LISTEN: 'ssl:127.0.0.1:6640' };
    const faults = faultsOf(tls);
    assert.deepEqual(
      faults.map(fault => fault.split(' ')[0]),
      ['WEFT_OPENFLOW_LISTEN', 'WEFT_PUNT_LISTEN'],
    );
    assert.deepEqual(faultsOf({ WEFT_TLS_CRL: 'x' }).length, 1);
  });

  it('refuses unknown flags and flags without a value', () => {
    assert.match(faultsOf({}, ['--frobnicate'])[0] ?? '', /--frobnicate is not an option/);
    assert.match(faultsOf({}, ['--data-dir'])[0] ?? '', /needs a value/);
  });

  it('parses IPv6 hosts only in brackets', () => {
    assert.deepEqual(parseHostPort('[::1]:80'), { host: '::1', port: 80 });
    assert.equal(parseHostPort('::1:80'), null);
    assert.equal(parseHostPort('[zz]:80'), null);
    assert.equal(parseHostPort('host:99999'), null);
  });

  it('names every option once', () => {
    const names = optionDeclarations.flatMap(option => [environmentName(option.name), flagName(option.name)]);
    assert.equal(new Set(names).size, names.length);
  });
});
