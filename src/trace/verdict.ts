/** The answer to "would this packet pass, and by which rule?", out of what a trace has seen. */
import { dropReasonHelp } from '../compiler/pipeline/drop-reasons.js';
import type { Direction, RowOf } from '../model/index.js';
import type { NetworkReader } from '../view/network-view.js';
import { describePacket, type NextHop, nextHopOf, packetOf, type Question } from './question.js';
import type { Trace, TracedDrop, Tracer } from './tracer.js';

export type Outcome = 'allow' | 'drop' | 'reject';

/** What decides about a port: a rule; that no rule matches (isolated or not); that it has no groups; that everybody may say this. */
export type Decider = 'rule' | 'default_deny' | 'not_isolated' | 'no_security_groups' | 'always_allowed';

/** What the security groups of one port say to it. */
export interface PortVerdict {
  readonly portId: string;
  /** Seen from the port: egress where it sends. */
  readonly direction: Direction;
  readonly outcome: Outcome;
  readonly decidedBy: Decider;
  readonly rule: RowOf<'security-group-rules'> | null;
}

/** Why a packet ends that no flow drops, and what becomes of one that arrives. */
const ownReasons = {
  delivered: 'The port gets it.',
  leaves: 'It leaves to the physical network of its logical switch. What becomes of it there is not for Weft to know.',
  answered: 'A router, or the logical switch for somebody, answers it.',
  source_not_bound: 'No interface of a hypervisor is the port that would send it; see the status of the port.',
  no_gateway:
    'The destination is not on the logical switch of the sender, and its subnet has no gateway_ip: the workload has nobody to send it to.',
  ends: 'No flow takes it further. Report this with the path (explain=true).',
} as const;

const partialHelp = 'It is flooded to more hypervisors than were looked at here: others may get it too.';

export interface Verdict {
  readonly outcome: Outcome;
  /** A reason of drops, or one of those above. */
  readonly reason: string;
  /** What it means and what to do about it. */
  readonly help: string;
  readonly ports: readonly PortVerdict[];
  readonly nextHop: NextHop;
  /** In words. */
  readonly packet: Readonly<Record<string, string | number>>;
  readonly drop: TracedDrop | null;
  /** Null: it never gets to a switch. */
  readonly trace: Trace | null;
}

export const reasonHelp = (reason: string): string =>
  Object.hasOwn(ownReasons, reason) ? ownReasons[reason as keyof typeof ownReasons] : dropReasonHelp(reason);

function portVerdicts(view: NetworkReader, question: Question, trace: Trace): readonly PortVerdict[] {
  const judged = trace.judgements.map(({ portId, direction, by, ruleId, isDenied }): PortVerdict => {
    const rule = ruleId === null ? null : view.get('security-group-rules', ruleId);
    if (by !== 'none') {
      const decidedBy = by === 'rule' ? 'rule' : 'always_allowed';
      return { portId, direction, outcome: rule?.action ?? 'allow', decidedBy, rule };
    }
    return {
      portId,
      direction,
      outcome: isDenied ? 'drop' : 'allow',
      decidedBy: isDenied ? 'default_deny' : 'not_isolated',
      rule: null,
    };
  });
  const open = (portId: string, direction: Direction): readonly PortVerdict[] =>
    view.get('port-groups', portId) !== null
      ? []
      : [{ portId, direction, outcome: 'allow', decidedBy: 'no_security_groups', rule: null }];
  const leaves = trace.drops.every(({ isAtSender }) => !isAtSender);
  return [
    ...(leaves ? open(question.from.id, 'egress') : []),
    ...judged,
    ...trace.deliveredTo.flatMap(portId => open(portId, 'ingress')),
  ];
}

/** The dry verdict. It asks nothing but the rows and what was compiled from them, and changes nothing. */
export function verdictOf(view: NetworkReader, tracer: Tracer, question: Question): Verdict {
  const nextHop = nextHopOf(view, question);
  const packetFrom = (place: Parameters<typeof packetOf>[1]) => packetOf(question, place, nextHop);
  const trace = tracer.trace(question.from.id, packetFrom, question.lengthBytes, question.to?.id ?? null);
  const end = (outcome: Outcome, reason: string, drop: TracedDrop | null = null): Verdict => ({
    outcome,
    reason,
    help: trace?.isPartial === true ? `${reasonHelp(reason)} ${partialHelp}` : reasonHelp(reason),
    ports: trace === null ? [] : portVerdicts(view, question, trace),
    nextHop,
    packet: describePacket(question, nextHop),
    drop,
    trace,
  });
  if (trace === null) return end('drop', 'source_not_bound');
  const atSender = trace.drops.find(({ isAtSender }) => isAtSender);
  // Whom it is for does not matter to what the sender may say; without an answer nothing is sent at all.
  // On a physical network somebody may answer whom nobody here knows.
  const mayBeOutside = nextHop.kind === 'unanswered' && trace.leavesTo.length > 0;
  if (nextHop.kind !== 'neighbour' && atSender === undefined && !mayBeOutside) {
    return end('drop', nextHop.kind === 'no_gateway' ? 'no_gateway' : 'unknown_neighbour');
  }
  const meant = question.to === null || trace.deliveredTo.includes(question.to.id);
  if (trace.deliveredTo.length > 0 && meant) return end('allow', 'delivered');
  if (trace.isAnswered) return end('allow', 'answered');
  const drop = atSender ?? trace.drops[0];
  if (drop === undefined) return trace.leavesTo.length > 0 ? end('allow', 'leaves') : end('drop', 'ends');
  return end(drop.reason === 'acl_reject' ? 'reject' : 'drop', drop.reason, drop);
}
