import type { SecurityGroupRule } from '../../model/index.js';
import { checkRuleIsNew, checkRuleSets, checkRuleShape } from '../../model/rule-invariants.js';
import { refuse } from '../../model/value-types.js';
import type { Behaviour } from './behaviour.js';
import { requireRow } from './require.js';

export const securityGroupRuleBehaviour: Behaviour<'security-group-rules'> = {
  async complete(unit, request, _current, common) {
    const securityGroupId = request.securityGroupId ?? refuse('missing_member', '/security_group_id', 'It is missing.');
    const row: SecurityGroupRule = {
      ...common,
      securityGroupId,
      direction: request.direction ?? refuse('missing_member', '/direction', 'It is missing.'),
      ethertype: request.ethertype ?? null,
      protocol: request.protocol ?? null,
      portMin: request.portMin ?? null,
      portMax: request.portMax ?? null,
      icmpType: request.icmpType ?? null,
      icmpCode: request.icmpCode ?? null,
      remoteCidr: request.remoteCidr ?? null,
      remoteGroupId: request.remoteGroupId ?? null,
      remoteAddressSetId: request.remoteAddressSetId ?? null,
      action: request.action ?? 'allow',
      priority: request.priority ?? 0,
      stateless: request.stateless ?? false,
      log: request.log ?? false,
    };
    checkRuleShape(row);
    await requireRow(unit, 'security-groups', securityGroupId, '/security_group_id');
    const { remoteGroupId, remoteAddressSetId } = row;
    if (remoteGroupId !== null) await requireRow(unit, 'security-groups', remoteGroupId, '/remote_group_id');
    if (remoteAddressSetId !== null)
      await requireRow(unit, 'address-sets', remoteAddressSetId, '/remote_address_set_id');
    const siblings = await unit.children('security-group-rules', 'securityGroupId', securityGroupId);
    checkRuleIsNew(row, siblings);
    checkRuleSets(row, siblings);
    return row;
  },
  claims: () => [],
};
