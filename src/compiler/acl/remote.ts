/** Addresses that rules have for their other side: a flow for each, on hypervisors where some rule asks. */
import { parseIp, type Cidr } from '../../base/address.js';
import { remoteScope } from '../../view/security-rows.js';
import type { Flow } from '../fragment.js';
import { call } from '../pipeline/actions.js';
import { lsAclRemote, lsAclRules } from '../pipeline/acl.js';
import { anyOf, cidrValue } from '../pipeline/addresses.js';
import { flow } from '../pipeline/flow.js';
import { rule } from '../rule.js';

const etherType = { 4: 0x0800, 6: 0x86dd } as const;
const hostLength = { 4: 32, 6: 128 } as const;

function networkOf(text: string): Pick<Cidr, 'family' | 'network' | 'prefixLength'> {
  const address = parseIp(text);
  if (address === null) return cidrValue(text);
  return { family: address.family, network: address.value, prefixLength: hostLength[address.family] };
}

function addressFlow(aclRemote: number, text: string): Flow {
  const network = networkOf(text);
  const ethType = etherType[network.family];
  const address = network.family === 4 ? { address4: anyOf(network) } : { address6: anyOf(network) };
  // Networks may lie in one another: whichever is found, the same is asked.
  return flow(lsAclRemote, {
    priority: 100,
    match: { aclRemote, ethType, ...(network.prefixLength === 0 ? {} : address) },
    actions: [call(lsAclRules)],
  });
}

export const aclRemote = rule({
  name: 'acl.remote',
  number: 63,
  subjects: 'remote-addresses',
  compile: ({ setId, setNumber, addresses }) => ({
    scope: { kind: 'datapath', datapathId: remoteScope(setId) },
    flows: addresses.map(address => addressFlow(setNumber, address)),
    // A rule may deny these addresses.
    isAskedByOthers: true,
  }),
});
