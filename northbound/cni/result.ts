/** What the plugin prints: results in the form of each version, and errors. */
import { CniError, cniErrorCodes } from './cni-error.js';
import { isObject, type JsonObject, listOf, objectOf } from './json.js';
import { isAtLeast, type Version, versions } from './request.js';

/** What ADD has made. */
export interface Made {
  readonly hostDevice: string;
  readonly hostMac: string;
  readonly ifname: string;
  readonly mac: string;
  /** Bytes. */
  readonly mtu: number;
  readonly netns: string;
  readonly ips: readonly { readonly address: string; readonly gateway: string | null }[];
  readonly routes: readonly { readonly dst: string; readonly gw: string }[];
  /** As the specification has it: nameservers, domain, search, options. */
  readonly dns: JsonObject;
}

/** The result of ADD, appended to that of the plugins before it. */
export function resultOf(version: Version, made: Made, previous: JsonObject | null): JsonObject {
  const before = previous ?? {};
  const interfaces = listOf(before['interfaces']);
  const place = interfaces.length + 1;
  const withMtu = isAtLeast(version, '1.1.0') ? { mtu: made.mtu } : {};
  const ips = made.ips.map(({ address, gateway }) => ({
    ...(isAtLeast(version, '1.0.0') ? {} : { version: address.includes(':') ? '6' : '4' }),
    address,
    ...(gateway === null ? {} : { gateway }),
    interface: place,
  }));
  const dns = { ...made.dns, ...objectOf(before['dns']) };
  return {
    ...before,
    cniVersion: version,
    interfaces: [
      ...interfaces,
      { name: made.hostDevice, mac: made.hostMac, ...withMtu },
      { name: made.ifname, mac: made.mac, ...withMtu, sandbox: made.netns },
    ],
    ips: [...listOf(before['ips']), ...ips],
    routes: [...listOf(before['routes']), ...made.routes],
    dns,
  };
}

/** What a previous result says of an interface of the container: null where it has none of that name. */
export function interfaceIn(
  previous: JsonObject,
  ifname: string,
): { readonly mac: string | null; readonly addresses: readonly string[] } | null {
  const interfaces = listOf(previous['interfaces']).filter(isObject);
  const place = interfaces.findIndex(
    ({ name, sandbox }) => name === ifname && typeof sandbox === 'string' && sandbox !== '',
  );
  if (place < 0) return null;
  const { mac } = interfaces[place] ?? {};
  const addresses = listOf(previous['ips'])
    .filter(isObject)
    .filter(ip => ip['interface'] === place && typeof ip['address'] === 'string')
    .map(ip => String(ip['address']));
  return { mac: typeof mac === 'string' && mac !== '' ? mac : null, addresses };
}

/** The answer to VERSION. */
export function versionResult(asked: unknown): JsonObject {
  const newest = versions.at(-1) ?? versions[0];
  return { cniVersion: typeof asked === 'string' && asked !== '' ? asked : newest, supportedVersions: versions };
}

/** The error as JSON, in the version of the request where that is known. */
export function errorResult(error: unknown, version: string): JsonObject {
  if (error instanceof CniError) {
    const { code, message, details } = error;
    return { cniVersion: version, code, msg: message, ...(details === '' ? {} : { details }) };
  }
  const { message, stack } = error as Error;
  return { cniVersion: version, code: cniErrorCodes.commandFailed, msg: message, details: stack ?? '' };
}
