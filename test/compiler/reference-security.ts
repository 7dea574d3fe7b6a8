/** What security groups come to, as its definition says it: from all rows, with no memory of what was before. */
import { hostOrNetwork } from '../../src/model/address-set.js';
import { directions } from '../../src/model/index.js';
import { selects } from '../../src/model/port-selector.js';
import type { DerivedKind, ViewKind, ViewRow } from '../../src/view/rows.js';
import { groupLookups, guardScope, remoteNumber, remotePart, remoteScope } from '../../src/view/security-rows.js';

type AnyRow = ViewRow<ViewKind>;
type Rows = Map<string, AnyRow>;

/** All rows of a kind. */
export type RowsOf = <K extends ViewKind>(kind: K) => readonly ViewRow<K>[];

const texts = new Map<string, string>();

/** As the model writes an address or prefix; asked some million times for some thousand texts. */
function canonicalText(cidr: string): string {
  let text = texts.get(cidr);
  if (text === undefined) texts.set(cidr, (text = hostOrNetwork(cidr)));
  return text;
}

/** The derived rows, given where ports are bound: by port, the hypervisor. */
export function securityOf(rowsOf: RowsOf, hosts: ReadonlyMap<string, string>): ReadonlyMap<DerivedKind, Rows> {
  const byNumber = rowsOf('security-groups').toSorted((a, b) => a.number - b.number || (a.id < b.id ? -1 : 1));
  const groups = new Map(byNumber.map(row => [row.id, row]));
  const sets = new Map(rowsOf('address-sets').map(row => [row.id, row]));
  const rules = rowsOf('security-group-rules');
  const portGroups: Rows = new Map();
  const traits: Rows = new Map();
  const remotes: Rows = new Map();
  const residencies: Rows = new Map();
  const reside = (scope: string, hypervisorId: string, number: number): void => {
    const id = `${scope}@${hypervisorId}`;
    residencies.set(id, { id, datapathId: scope, datapathKind: 'security-groups', hypervisorId, number });
  };
  const hostsOfGroup = new Map<string, Set<string>>();
  const addressesOf = new Map<string, Set<string>>();
  for (const port of rowsOf('logical-switch-ports')) {
    const own = byNumber.filter(
      ({ id, projectId, portSelector }) =>
        port.securityGroups.includes(id) ||
        (portSelector !== null && projectId === port.projectId && selects(portSelector, port.labels)),
    );
    if (own.length === 0) continue;
    portGroups.set(port.id, { id: port.id, groupIds: own.map(({ id }) => id), number: port.number });
    const host = hosts.get(port.id);
    if (host !== undefined) reside(guardScope, host, 0);
    for (const { id, number } of own) {
      const addresses = addressesOf.get(id) ?? new Set();
      for (const { ip } of port.ips) addresses.add(ip);
      for (const { cidr } of port.allowedAddresses) addresses.add(canonicalText(cidr));
      addressesOf.set(id, addresses);
      if (host === undefined) continue;
      reside(id, host, number);
      hostsOfGroup.set(id, (hostsOfGroup.get(id) ?? new Set()).add(host));
    }
  }
  for (const { id, number, isolates, logDenied: logsDenied } of groups.values()) {
    const own = rules.filter(rule => rule.securityGroupId === id);
    const stateless = directions.filter(each => own.some(rule => rule.stateless && rule.direction === each));
    const named = new Set(own.map(rule => rule.remoteGroupId ?? rule.remoteAddressSetId ?? ''));
    named.delete('');
    const lookups = groupLookups(named.size);
    const tracked = own.some(rule => !rule.stateless);
    const logs = logsDenied || own.some(rule => rule.log);
    traits.set(id, { id, number, tracked, stateless, isolates, logs, logsDenied, lookups });
  }
  for (const rule of rules) {
    const setId = rule.remoteGroupId ?? rule.remoteAddressSetId ?? '';
    const setKind = rule.remoteGroupId === null ? 'address-sets' : 'security-groups';
    const set = setKind === 'address-sets' ? sets.get(setId) : groups.get(setId);
    if (set === undefined) continue;
    for (const host of hostsOfGroup.get(rule.securityGroupId) ?? []) reside(remoteScope(setId), host, set.number);
    const addresses = setKind === 'address-sets' ? (sets.get(setId)?.addresses ?? []) : (addressesOf.get(setId) ?? []);
    const parts = new Map<number, string[]>();
    for (const address of [...addresses].sort()) {
      const part = remotePart(address);
      const held = parts.get(part);
      if (held === undefined) parts.set(part, [address]);
      else held.push(address);
    }
    for (const [part, of] of parts) {
      const id = `${setId}/${part}`;
      const number = remoteNumber(set.number, part);
      remotes.set(id, { id, setId, setKind, setNumber: set.number, addresses: of, number });
    }
  }
  return new Map<DerivedKind, Rows>([
    ['port-groups', portGroups],
    ['group-traits', traits],
    ['remote-addresses', remotes],
    ['residencies', residencies],
  ]);
}
