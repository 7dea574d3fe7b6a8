/**
 * What one local port may claim: a flow for its MAC alone, one for each address, one for its link-local address. The
 * same flows tell the responder when a port asks for an address of its own (duplicate address detection).
 */
import { linkLocalOf } from '../../base/address.js';
import { addressesOf } from '../../model/port-addresses.js';
import { anyOf, cidrValue, ipValue, macValue } from '../pipeline/addresses.js';
import { set } from '../pipeline/actions.js';
import { flow, type MatchValue } from '../pipeline/flow.js';
import { lsPortSecurity } from '../pipeline/switch-ingress.js';
import type { Flow } from '../fragment.js';
import { rule } from '../rule.js';
import type { NetworkRow } from '../../view/rows.js';

type Port = NetworkRow<'logical-switch-ports'>;

const claim = { macOnly: 0, 4: 1, 6: 2 } as const;
/** An address that it owns comes before a network around it. */
const priority = { address: 100, network: 90 } as const;
const addressField = { 4: 'address4', 6: 'address6' } as const;

interface Claim {
  readonly mac: bigint;
  /** Null: the MAC alone. */
  readonly address: { readonly family: 4 | 6; readonly value: bigint; readonly mask: bigint } | null;
}

const fullMask = { 4: (1n << 32n) - 1n, 6: (1n << 128n) - 1n } as const;

function host(family: 4 | 6, value: bigint): NonNullable<Claim['address']> {
  return { family, value, mask: fullMask[family] };
}

/** Its own addresses; the link-local one if it speaks IPv6 at all. */
function ownClaims(port: Port, mac: bigint): readonly Claim[] {
  const addresses = addressesOf(port).map(ipValue);
  const allowed = port.allowedAddresses.map(({ cidr }) => cidrValue(cidr));
  const speaksIpv6 = [...addresses, ...allowed].some(({ family }) => family === 6);
  return [
    { mac, address: null },
    ...addresses.map(({ family, value }) => ({ mac, address: host(family, value) })),
    ...(speaksIpv6 ? [{ mac, address: host(6, linkLocalOf(mac)) }] : []),
  ];
}

/** MACs of virtual routers, 00:00:5e:00:01:XX and, for IPv6, 00:00:5e:00:02:XX (RFC 9568, section 7.3). */
function isVirtualRouter(mac: bigint): boolean {
  return mac >> 8n === 0x00_005e_0001n || mac >> 8n === 0x00_005e_0002n;
}

/**
 * Who speaks IPv6 with a MAC also has the link-local address that follows from it. The master of a virtual router sends its
 * advertisements with the virtual MAC and its own address.
 */
function allowedClaims(port: Port, mac: bigint): readonly Claim[] {
  const own = ownClaims(port, mac);
  return port.allowedAddresses.flatMap(({ mac: otherMac, cidr }): readonly Claim[] => {
    const claimant = otherMac === null ? mac : macValue(otherMac);
    const network = cidrValue(cidr);
    const ownAddresses = isVirtualRouter(claimant) ? own.flatMap(({ address }) => address ?? []) : [];
    return [
      { mac: claimant, address: { family: network.family, ...anyOf(network) } },
      { mac: claimant, address: null },
      ...(network.family === 6 ? [{ mac: claimant, address: host(6, linkLocalOf(claimant)) }] : []),
      ...ownAddresses.filter(({ family }) => family === network.family).map(address => ({ mac: claimant, address })),
    ];
  });
}

/** One of each: an allowed address may be the port's own. */
function distinct(claims: readonly Claim[]): readonly Claim[] {
  const key = ({ mac, address }: Claim): string =>
    address === null ? `${mac}` : `${mac} ${address.family} ${address.value} ${address.mask}`;
  return [...new Map(claims.map(item => [key(item), item])).values()];
}

function claimFlow(origin: number, { mac, address }: Claim, anyMac: boolean): Flow {
  const from: { readonly origin: number; readonly ethSrc?: bigint; readonly mac?: bigint } = anyMac
    ? { origin }
    : { origin, ethSrc: mac, mac };
  if (address === null) {
    return flow(lsPortSecurity, {
      priority: priority.address,
      match: { ...from, claim: claim.macOnly },
      actions: [set({ permitted: 1 })],
    });
  }
  // Of a whole network that it may speak for it does not own every address; its own may lie within.
  const { family, value, mask } = address;
  const isAddress = mask === fullMask[family];
  const of: { readonly address4?: MatchValue; readonly address6?: MatchValue } = {
    [addressField[family]]: { value, mask },
  };
  return flow(lsPortSecurity, {
    priority: isAddress ? priority.address : priority.network,
    match: { ...from, claim: claim[family], ...of },
    actions: [set({ permitted: 1, ownsAddress: isAddress ? 1 : 0 })],
  });
}

function securedFlows(port: Port): readonly Flow[] {
  const mac = macValue(port.mac);
  // Without addresses there is nothing to hold it to but its MAC.
  if (addressesOf(port).length === 0 && port.allowedAddresses.length === 0) {
    return [
      flow(lsPortSecurity, {
        priority: priority.address,
        match: { origin: port.number, ethSrc: mac, mac },
        actions: [set({ permitted: 1 })],
      }),
    ];
  }
  const claims = distinct([...ownClaims(port, mac), ...allowedClaims(port, mac)]);
  return claims.map(item => claimFlow(port.number, item, false));
}

function unsecuredFlows(port: Port): readonly Flow[] {
  const claims = ownClaims(port, macValue(port.mac)).filter(({ address }) => address !== null);
  return distinct(claims).map(item => claimFlow(port.number, item, true));
}

function ownerFragment(port: Port | null, hypervisorId: string) {
  if (port === null) return null;
  const flows = port.portSecurity ? securedFlows(port) : unsecuredFlows(port);
  return flows.length === 0 ? null : ({ scope: { kind: 'hypervisor', hypervisorId }, flows } as const);
}

export const portSecurityOwner = rule({
  name: 'port-security.owner',
  number: 21,
  subjects: 'bound-ports',
  compile: ({ id, hypervisorId }, view) => ownerFragment(view.get('logical-switch-ports', id), hypervisorId),
});

/** The same for a local port, wherever it is. */
export const portSecurityLocal = rule({
  name: 'port-security.local',
  number: 22,
  subjects: 'local-places',
  compile: ({ portId, hypervisorId }, view) => ownerFragment(view.get('logical-switch-ports', portId), hypervisorId),
});
