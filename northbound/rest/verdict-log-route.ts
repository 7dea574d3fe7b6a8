/** `GET /v1/security-groups/{id}/log`: the latest that was logged of the verdicts of a group. */
import type { FastifyInstance } from 'fastify';
import type { LoggedVerdict } from '../../src/slow-path/verdict-log.js';
import { ruleOf } from './access.js';
import type { JsonObject, NetworkState } from './network-state.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';
import type { Sight } from './sight.js';

/** Of ports that the caller sees: an operator may have put ports of others into the group. */
function isSeen(state: NetworkState, { portId }: LoggedVerdict, sight: Sight): boolean {
  const port = state.view.get('logical-switch-ports', portId);
  return port !== null && sight.sees('logical-switch-ports', port);
}

function representation(state: NetworkState, line: LoggedVerdict, sight: Sight): JsonObject {
  const { packet } = line;
  const hypervisor = state.view.get('hypervisors', line.hypervisorId)?.name ?? line.hypervisorId;
  return {
    at: line.at.toISOString(),
    verdict: line.verdict,
    direction: line.direction,
    security_group_rule_id: line.ruleId,
    logical_switch_port_id: line.portId,
    // Where its ports are is not told to a tenant.
    ...(sight.isTenant ? {} : { hypervisor }),
    protocol: packet.protocol,
    source: packet.source,
    destination: packet.destination,
    source_port: packet.sourcePort,
    destination_port: packet.destinationPort,
    icmp_type: packet.icmpType,
    icmp_code: packet.icmpCode,
    suppressed: line.suppressed,
  };
}

export function registerVerdictLog(app: FastifyInstance, { state, verdictLog, isActive }: RestContext): void {
  app.get<{ Params: { readonly id: string } }>(
    '/v1/security-groups/:id/log',
    specialRoute(ruleOf('security-groups', 'read'), 'The latest that was logged of the group, the newest first'),
    async (request, reply) => {
      const { sight } = request;
      const { id } = state.row('security-groups', request.params.id.toLowerCase(), sight);
      const lines = verdictLog.latest(id).filter(line => isSeen(state, line, sight));
      void reply.header('weft-revision', state.revision);
      return { items: lines.map(line => representation(state, line, sight)), is_active: isActive() };
    },
  );
}
