/** What security group rules have decided, read from the switches now: of one rule, and of all rules of a group. */
import type { FastifyInstance } from 'fastify';
import type { RowOf } from '../../src/model/index.js';
import { type Caller, ruleOf } from './access.js';
import { Askers } from './askers.js';
import { CountReadings } from './count-readings.js';
import type { HostRuleCounts } from './network-state.js';
import { specialRoute } from './openapi.js';
import type { RestContext } from './server.js';
import type { Sight } from './sight.js';

interface ItemParams {
  readonly id: string;
}

type Rule = RowOf<'security-group-rules'>;

interface Sum {
  readonly packets: number;
  readonly bytes: number;
}

const sumOf = (counts: readonly Sum[]): Sum => ({
  packets: counts.reduce((sum, { packets }) => sum + packets, 0),
  bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
});

/** The time of the oldest count, ISO 8601; null if there is none. */
const oldest = (times: readonly (string | null)[]): string | null =>
  times.reduce((first, time) => (time !== null && (first === null || time < first) ? time : first), null);

/** What is said about all hypervisors together, and to an operator about each. */
function summaryOf(hosts: readonly { readonly name: string; readonly counts: HostRuleCounts | null }[], sight: Sight) {
  const heard = hosts.flatMap(({ name, counts }) => (counts === null ? [] : [{ name, counts }]));
  const missing = hosts.filter(({ counts }) => counts === null).map(({ name }) => name);
  const each = heard.map(({ name, counts }) => ({
    name,
    ...sumOf(counts),
    since: oldest(counts.map(({ since }) => since)),
  }));
  return {
    ...sumOf(each),
    since: oldest(each.map(({ since }) => since)),
    // Where its ports are is not told to a tenant.
    ...(sight.isTenant ? { missing: missing.length } : { hypervisors: each, missing }),
  };
}

export function registerCounters(app: FastifyInstance, { state, clock, log }: RestContext): void {
  const askers = new Askers('counters');
  const readings = new CountReadings({ clock, log, ruleCounts: (id, numbers) => state.fleet.ruleCounts(id, numbers) });

  /** Asks every hypervisor where the group is for these rules of it. */
  async function readCounts(caller: Caller, about: string, groupId: string, rules: readonly Rule[]) {
    const leave = askers.enter(caller);
    try {
      const numbers = rules.map(({ number }) => number);
      return await Promise.all(
        state.view.by('residencies', 'datapathId', groupId).map(async ({ hypervisorId }) => ({
          name: state.view.get('hypervisors', hypervisorId)?.name ?? hypervisorId,
          counts: await readings.read(hypervisorId, about, numbers),
        })),
      );
    } finally {
      leave();
    }
  }

  app.get<{ Params: ItemParams }>(
    '/v1/security-group-rules/:id/counters',
    specialRoute(
      ruleOf('security-group-rules', 'read'),
      'Packets and bytes that the rule has decided, read from the switches now',
    ),
    async (request, reply) => {
      const row = state.row('security-group-rules', request.params.id.toLowerCase(), request.sight);
      const hosts = await readCounts(request.caller, row.id, row.securityGroupId, [row]);
      void reply.header('weft-revision', state.revision);
      return summaryOf(hosts, request.sight);
    },
  );

  app.get<{ Params: ItemParams }>(
    '/v1/security-groups/:id/counters',
    specialRoute(
      ruleOf('security-groups', 'read'),
      'Packets and bytes that each rule of the group has decided, read from the switches now',
    ),
    async (request, reply) => {
      const { id } = state.row('security-groups', request.params.id.toLowerCase(), request.sight);
      const rows = state.view.by('security-group-rules', 'securityGroupId', id);
      const rules = rows.map(row => state.row('security-group-rules', row.id, request.sight));
      const hosts = await readCounts(request.caller, id, id, rules);
      const counted = hosts.flatMap(({ counts }) => counts ?? []);
      const countsOf = (number: number) => counted.filter(({ ruleNumber }) => ruleNumber === number);
      void reply.header('weft-revision', state.revision);
      return {
        ...summaryOf(hosts, request.sight),
        rules: rules
          .toSorted((left, right) => left.number - right.number)
          .map(({ number, id: ruleId, direction, action, priority }) => ({
            security_group_rule_id: ruleId,
            direction,
            action,
            priority,
            ...sumOf(countsOf(number)),
          })),
      };
    },
  );
}
