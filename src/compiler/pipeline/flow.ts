/** Makes a flow of a stage, and the actions of a group's bucket, out of what the pipeline's types allow. */
import type { Action } from '../../../southbound/openflow/actions.js';
import { canonicalMatch, matchField } from '../../../southbound/openflow/match.js';
import {
  oxm,
  type Match,
  type MatchField,
  type OxmField,
  type Prerequisite,
} from '../../../southbound/openflow/oxm.js';
import type { Flow } from '../fragment.js';
import type { Position, Step } from './actions.js';
import { dropCount } from './physical.js';
import { layout } from './pipelines.js';
import { bitsOf, type FieldName } from './registers.js';
import type { Stage } from './stage.js';

/** A value of which only the bits of the mask count. */
export interface Masked {
  readonly value: bigint;
  readonly mask: bigint;
}

export type MatchValue = number | bigint | Masked;

/** What a flow of a stage may match: the fields that the stage reads. None, for a stage that reads none. */
export type MatchOf<Reads extends FieldName> = [Reads] extends [never]
  ? { readonly [field: string]: never }
  : { readonly [P in Reads]?: MatchValue };

export interface FlowDeclaration<Reads extends FieldName, Writes extends FieldName> {
  readonly priority: number;
  readonly match: MatchOf<Reads>;
  /** In order. Empty: the packet ends here, which only subroutines may say. */
  readonly actions: readonly Step<Reads | Writes, Writes>[];
}

const positions = new Map<Stage, Position>();

function position(stage: Stage): Position {
  let at = positions.get(stage);
  if (at === undefined) positions.set(stage, (at = { layout, stage, drop: dropCount }));
  return at;
}

/** A flow of the stage. Its types say whether it is allowed; what they cannot see is checked again here. */
export function flow<Reads extends FieldName, Writes extends FieldName>(
  stage: Stage<Reads, Writes>,
  { priority, match, actions }: FlowDeclaration<NoInfer<Reads>, NoInfer<Writes>>,
): Flow {
  const fields = Object.entries(match) as [FieldName, MatchValue | undefined][];
  const declared: readonly FieldName[] = stage.reads;
  for (const [name] of fields) {
    if (!declared.includes(name)) throw new Error(`stage ${stage.name} does not read ${name}`);
  }
  return {
    table: layout.tableOf(stage),
    priority,
    match: matchOf(fields),
    actions: actionsOf(stage, actions),
  };
}

/** The actions of a bucket of a group that flows of the stage use. */
export function bucketActions<Reads extends FieldName, Writes extends FieldName>(
  stage: Stage<Reads, Writes>,
  actions: readonly Step<NoInfer<Reads | Writes>, NoInfer<Writes>>[],
): readonly Action[] {
  return actionsOf(stage, actions);
}

function actionsOf(stage: Stage, actions: readonly Step[]): readonly Action[] {
  const at = position(stage);
  const rendered: Action[] = [];
  for (const step of actions) rendered.push(...step.render(at));
  return rendered;
}

function matchOf(fields: readonly (readonly [FieldName, MatchValue | undefined])[]): Match {
  const wanted: MatchField[] = [];
  for (const [name, value] of fields) {
    if (value === undefined) continue;
    const { field, shift, ones } = bitsOf(name);
    const masked = typeof value === 'object' ? value : { value: BigInt(value), mask: field.allBits & ones };
    if (masked.value > field.allBits || masked.mask > field.allBits) throw new RangeError(`${name} is too wide`);
    wanted.push(matchField(field, masked.value << shift, masked.mask << shift));
    for (const [required, requiredValue, requiredMask] of implied[field.prerequisite] ?? []) {
      wanted.push(matchField(required, requiredValue, requiredMask));
    }
  }
  return canonicalMatch(wanted);
}

const ethernetType = { ipv4: 0x0800n, arp: 0x0806n, ipv6: 0x86ddn } as const;
const icmpv6: readonly (readonly [OxmField, bigint])[] = [
  [oxm.ethType, ethernetType.ipv6],
  [oxm.ipProto, 58n],
];

/** +trk-inv: the packet has been through conntrack, which knows its connection. */
export const trackedAndValid: Masked = { value: 0x20n, mask: 0x30n };

/** What OpenFlow wants matched before a field may be: said by the field, so that no room has to repeat it. */
const implied: { readonly [P in Prerequisite]?: readonly (readonly [OxmField, bigint, bigint?])[] } = {
  ipv4: [[oxm.ethType, ethernetType.ipv4]],
  ipv6: [[oxm.ethType, ethernetType.ipv6]],
  arp: [[oxm.ethType, ethernetType.arp]],
  icmpv4: [
    [oxm.ethType, ethernetType.ipv4],
    [oxm.ipProto, 1n],
  ],
  icmpv6,
  nd: icmpv6,
  ndSolicit: [...icmpv6, [oxm.icmpv6Type, 135n]],
  conntrack: [[oxm.ctState, trackedAndValid.value, trackedAndValid.mask]],
  ndAdvert: [...icmpv6, [oxm.icmpv6Type, 136n]],
};
