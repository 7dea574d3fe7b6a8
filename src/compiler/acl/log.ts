/**
 * Verdicts that are to be logged: a copy of the packet goes to Weft, as many as a meter of the security group lets through on each
 * hypervisor, so what floods one group takes nothing from another, and all groups together as many as one meter of the hypervisor does, so
 * however many they are they take nothing from those who wait for an answer. Groups that log nothing have neither flows nor a meter.
 */
import { meterId, meterSlot, sharedMeterId } from '../identifiers.js';
import { meter, onCopy, set, toController, type Step } from '../pipeline/actions.js';
import { flow } from '../pipeline/flow.js';
import { punt } from '../pipeline/physical.js';
import { noLane, puntClasses, puntControllerId } from '../pipeline/punt-classes.js';
import { meteredPuntSteps } from '../pipeline/punting.js';
import { rule } from '../rule.js';
import { verdicts } from './rule-kind.js';

/** So many copies a second, and at once, of one group on one hypervisor. */
export const loggedPackets = { rate: 50, burst: 50 } as const;
/** Headers are all that a line of the log says. */
const headerBytes = 256;

const trackedKind = { value: 0n, mask: 2n } as const;
/** Of a connection that conntrack knew before this packet. */
const notNew = { value: 0x20n, mask: 0x21n } as const;

/** Has Weft log what was decided, for the group of that number. The registers say the rest: rule, verdict, zone of the port. */
export function logSteps(aclGroup: number): readonly Step<never, 'aclGroup' | 'puntClass' | 'puntLane'>[] {
  return [set({ aclGroup }), ...meteredPuntSteps('verdict')];
}

/** A switch without meters has no log, and everything else. */
export const aclLog = rule({
  name: 'acl.log',
  number: 65,
  subjects: 'security-groups',
  compile: (group, view) => {
    if (view.get('group-traits', group.id)?.logs !== true) return null;
    const limit = { id: meterId(group.number, meterSlot.verdictLog), unit: 'pktps', ...loggedPackets } as const;
    const own = { puntClass: puntClasses.verdict.code, aclGroup: group.number };
    return {
      scope: { kind: 'datapath', datapathId: group.id },
      flows: [
        flow(punt, {
          priority: 120,
          match: { ...own, verdict: verdicts.allow, ruleKind: trackedKind, ctState: notNew },
          actions: [],
        }),
        flow(punt, {
          priority: 110,
          match: own,
          actions: [
            onCopy(
              meter(limit.id),
              toController(puntControllerId, { meterId: sharedMeterId(noLane), maxBytes: headerBytes }),
            ),
          ],
        }),
      ],
      meters: [limit],
      isOptional: true,
    };
  },
});
