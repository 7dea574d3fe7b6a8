import { parseDomainName } from '../../base/domain-name.js';
import { pointerTo } from '../../base/errors.js';
import { parseDnsValue } from '../../model/dns-record.js';
import type { DnsRecord } from '../../model/index.js';
import { quoted, refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const dnsRecordBehaviour: Behaviour<'dns-records'> = {
  async complete(unit, request, _current, common) {
    const logicalSwitchId = request.logicalSwitchId ?? refuse('missing_member', '/logical_switch_id', 'It is missing.');
    const type = request.type ?? refuse('missing_member', '/type', 'It is missing.');
    const name = parseDomainName(common.name);
    if (name === null) refuse('invalid_value', '/name', `${quoted(common.name)} is not a domain name.`);
    const values = request.values ?? refuse('missing_member', '/values', 'It is missing.');
    for (const [index, value] of values.entries())
      if (parseDnsValue(type, value) === null)
        refuse('invalid_value', pointerTo('/values', index), `${quoted(value)} is no value of a ${type} record.`);
    const row: DnsRecord = { ...common, logicalSwitchId, type, values, ttl: request.ttl ?? 300 };
    await requireRow(unit, 'logical-switches', logicalSwitchId, '/logical_switch_id');
    return row;
  },
  claims: row => [
    {
      scope: row.logicalSwitchId,
      class: 'dns_record',
      value: `${row.type} ${parseDomainName(row.name) ?? row.name}`,
      pointer: '/name',
      subnetId: null,
    },
  ],
};
