/** `GET /v1/logical-switch-ports/{id}/verdict`: would this packet of the port pass, and by which rule? Nothing is sent. */
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { OwnedRow } from '../../src/model/audience.js';
import type { Kind, RowOf } from '../../src/model/index.js';
import { isAddressOf } from '../../src/model/port-addresses.js';
import type { Question } from '../../src/trace/question.js';
import type { TracedOwner } from '../../src/trace/tracer.js';
import type { PortVerdict, Verdict } from '../../src/trace/verdict.js';
import { ruleOf } from './access.js';
import type { Query } from './listing.js';
import type { JsonObject, NetworkState } from './network-state.js';
import { specialRoute } from './openapi.js';
import { Askers } from './askers.js';
import { PacedWork } from './paced-work.js';
import type { RestContext } from './server.js';
import type { Sight } from './sight.js';
import { verdictParameters, verdictQuestion } from './verdict-question.js';

/** What routers say by themselves, of which a tenant may know who sees all of them; whatever else ends a packet tells of ports. */
const routerReasons: ReadonlySet<string> = new Set(
  `no_route route_discard router_disabled router_multicast not_for_router ttl_exceeded martian_source martian_destination
   link_local_not_routed no_gateway answered`.split(/\s+/),
);

/** Whether nobody but the project can have a port there: it owns all of it, and shares none of it. */
function isPrivate(state: NetworkState, { kind, id }: TracedOwner, projectId: string): boolean {
  const row: OwnedRow | null = state.view.get(kind, id);
  if (row?.projectId !== projectId || (row.sharedWith ?? []).length > 0) return false;
  if (kind !== 'logical-routers') return true;
  return state.view
    .by('logical-router-ports', 'logicalRouterId', id)
    .every(
      ({ logicalSwitchId }) =>
        logicalSwitchId === null || isPrivate(state, { kind: 'logical-switches', id: logicalSwitchId }, projectId),
    );
}

/** What of a verdict the caller may know, beyond what its own port may send. */
interface Knowledge {
  /** Whom the packet is addressed to: on a shared network, that somebody has an address there, and with which MAC. */
  readonly nextHop: boolean;
  /** What becomes of it. */
  readonly end: boolean;
}

/**
 * A tenant may know everything in a network that is all its own. Elsewhere it may where it sees everything that has a part in it and knows
 * already who has the address: from an address alone it must not learn whether anybody has it, be it denied, delivered or neither.
 */
function knowledgeOf({ state }: RestContext, question: Question, verdict: Verdict, sight: Sight): Knowledge {
  if (!sight.isTenant) return { nextHop: true, end: true };
  const { trace, ports, reason, drop, nextHop } = verdict;
  const { from, destinationIp } = question;
  const sees = (kind: Kind, id: string): boolean => {
    const row = state.view.get(kind, id);
    return row !== null && sight.sees(kind, row as unknown as RowOf<Kind>);
  };
  const place: TracedOwner = { kind: 'logical-switches', id: from.logicalSwitchId };
  const isAtHome = isPrivate(state, place, from.projectId);
  const neighbour = nextHop.kind === 'neighbour' ? nextHop.owner : null;
  const isKnown =
    nextHop.kind === 'neighbour' && (isAtHome || nextHop.isItsOwn) && sees(nextHop.owner.kind, nextHop.owner.id);
  const knowing = (end: boolean): Knowledge => ({ nextHop: isKnown, end });

  if (trace === null || drop?.isAtSender === true) return knowing(true);
  const reached = [...trace.deliveredTo, ...ports.flatMap(each => (each.direction === 'ingress' ? [each.portId] : []))];
  if (![from.id, ...reached].every(portId => sees('logical-switch-ports', portId))) return knowing(false);
  if (isAtHome && trace.datapaths.every(each => isPrivate(state, each, from.projectId))) return knowing(true);
  if (!isKnown || !trace.datapaths.every(({ kind, id }) => sees(kind, id))) return knowing(false);
  const isFor = (portId: string): boolean => {
    const port = state.view.get('logical-switch-ports', portId);
    return port !== null && isAddressOf(port, destinationIp);
  };
  const isMeant = [...reached, ...(neighbour === null ? [] : [neighbour.id])].some(isFor);
  return knowing(isMeant || routerReasons.has(reason));
}

function named(state: NetworkState, kind: Kind, id: string): JsonObject {
  return { id, name: state.view.get(kind, id)?.name ?? '' };
}

function portVerdict(state: NetworkState, { portId, direction, outcome, decidedBy, rule }: PortVerdict, sight: Sight) {
  const isSeen = rule !== null && sight.sees('security-group-rules', rule as RowOf<Kind>);
  return {
    port: named(state, 'logical-switch-ports', portId),
    direction,
    verdict: outcome,
    decided_by: decidedBy,
    rule: isSeen
      ? {
          id: rule.id,
          priority: rule.priority,
          security_group: named(state, 'security-groups', rule.securityGroupId),
        }
      : null,
  };
}

/** Every stage on its way, by hypervisor, with what the flow is for that decides there. */
function pathOf(state: NetworkState, { trace }: Verdict): readonly JsonObject[] {
  return (trace?.hops ?? []).map(({ hypervisorId, visits }) => ({
    hypervisor: state.view.get('hypervisors', hypervisorId)?.name ?? hypervisorId,
    stages: visits.map(({ stage, flow }) => ({
      stage,
      flow: flow === null ? null : flow.key.slice(0, flow.key.indexOf('/')),
      priority: flow?.priority ?? null,
      of: flow === null ? null : { kind: flow.owner.kind, id: flow.owner.id },
    })),
  }));
}

/** Walks the packet and says of it what the caller may know. */
function answerOf(context: RestContext, portId: string, query: Query, sight: Sight, reply: FastifyReply): JsonObject {
  const { state } = context;
  const question = verdictQuestion(state, portId, query, sight);
  const verdict = context.verdict(question);
  void reply.header('weft-revision', state.revision);
  const told = verdict.ports.map(each => portVerdict(state, each, sight));
  const knows = knowledgeOf(context, question, verdict, sight);
  const { destination_mac: _, ...packetOfSender } = verdict.packet;
  const packet = knows.nextHop ? verdict.packet : packetOfSender;
  if (!knows.end) {
    return {
      verdict: 'allow',
      reason: 'beyond',
      help: 'The port may send it. What becomes of it then is not for this project alone to know.',
      packet,
      ports: told.filter(({ direction, port }) => direction === 'egress' && port['id'] === question.from.id),
      delivered_to: [],
      dropped_at: null,
    };
  }
  return {
    verdict: verdict.outcome,
    reason: verdict.reason,
    help: verdict.help,
    packet,
    ports: told,
    delivered_to: (verdict.trace?.deliveredTo ?? []).map(id => named(state, 'logical-switch-ports', id)),
    dropped_at: verdict.drop?.stage ?? null,
    ...(query['explain'] === 'true' && !sight.isTenant ? { path: pathOf(state, verdict) } : {}),
  };
}

export function registerVerdict(app: FastifyInstance, context: RestContext): void {
  const [paced, askers] = [new PacedWork(context.clock), new Askers('verdicts')];
  app.get<{ Params: { readonly id: string } }>(
    '/v1/logical-switch-ports/:id/verdict',
    specialRoute(
      ruleOf('logical-switch-ports', 'read'),
      'Would this packet of the port pass, and by which rule? Nothing is sent',
      verdictParameters,
    ),
    async (request, reply) => {
      const { sight, caller } = request;
      const query = request.query as Query;
      const leave = askers.enter(caller);
      try {
        return await paced.run(() => answerOf(context, request.params.id.toLowerCase(), query, sight, reply));
      } finally {
        leave();
      }
    },
  );
}
