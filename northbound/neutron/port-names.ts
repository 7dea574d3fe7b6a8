/**
 * Names of ports: the one for people, and the one that DNS and DHCP tell. The name of the noun is what those tell; where the port is called
 * otherwise here, that is kept beside it.
 */
import { isHostName, parseDomainName } from '../../src/base/domain-name.js';
import { nameOf } from './attributes.js';
import { type Form, refuseValue, text, textIn, type Values } from './forms.js';
import { fixedIpsOf, isRouterPort, networkOf, type PortRow } from './port-rows.js';
import type { Scene } from './scene.js';

export interface PortNames {
  readonly name: string;
  /** Empty: DNS tells the name, if hosts may have it. */
  readonly dnsName: string;
}

const noNames: PortNames = { name: '', dnsName: '' };

/** As the rows say; null: of a port to be made. */
export function namesOf(scene: Scene, row: PortRow | null): PortNames {
  if (row === null) return noNames;
  const kept = scene.said(row.id)['name'];
  if (typeof kept !== 'string') return { name: nameOf(row), dnsName: '' };
  return { name: kept, dnsName: isRouterPort(row) ? '' : row.name };
}

/** The name of the noun, and what is kept beside it, once the values are set. */
export function namesIn(
  values: Values,
  id: string,
  before: PortNames,
): { readonly noun: string; readonly said: Values } {
  const name = textIn(values, 'name', before.name);
  const dnsName = textIn(values, 'dns_name', before.dnsName);
  if (dnsName === '') return { noun: name === '' ? id : name, said: { name: undefined } };
  return { noun: dnsName, said: { name } };
}

const label = text(63);

/** The name of a host, without a domain: that is the network's. */
export const dnsNameForm: Form<string> = {
  read: (value, attribute) => {
    if (value === null || value === '') return '';
    const name = parseDomainName(label.read(value, attribute));
    if (name === null || name.includes('.') || !isHostName(name))
      return refuseValue(attribute, 'it is not the name of a host, of letters, digits and hyphens, without a domain');
    return name;
  },
};

/** What DNS answers with for the port. */
export function dnsAssignmentOf(scene: Scene, row: PortRow): readonly Values[] {
  const hostname = parseDomainName(row.name);
  if (isRouterPort(row) || hostname === null || !isHostName(hostname)) return [];
  const domain = scene.view.get('logical-switches', networkOf(row))?.dnsDomain ?? null;
  const fqdn = domain === null ? hostname : `${hostname}.${domain}.`;
  return fixedIpsOf(scene, row).map(({ ip_address }) => ({ ip_address, hostname, fqdn }));
}
