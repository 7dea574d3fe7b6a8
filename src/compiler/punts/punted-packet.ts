/** What a packet that was sent to Weft says about where it was in the pipeline, and how an answer gets into it. */
import { resubmit, type Action } from '../../../southbound/openflow/actions.js';
import { oxm, type Match, type OxmField } from '../../../southbound/openflow/oxm.js';
import type { IpAddress, IpFamily } from '../../base/address.js';
import type { Direction } from '../../model/index.js';
import { LAST_BALANCED_PORT } from '../../model/load-balancer.js';
import { set } from '../pipeline/actions.js';
import { type DropReason, dropReasonByCode } from '../pipeline/drop-reasons.js';
import { dropCount } from '../pipeline/physical.js';
import { layout } from '../pipeline/pipelines.js';
import { type PuntClass, puntClassByCode } from '../pipeline/punt-classes.js';
import { placeOf, type RegisterName } from '../pipeline/registers.js';
import { lrOutDelivery } from '../pipeline/router-egress.js';
import { lrInIpRouting } from '../pipeline/router-ingress.js';
import type { Stage } from '../pipeline/stage.js';
import { lsOutAclDone, lsOutDelivery } from '../pipeline/switch-egress.js';
import { lsInL2Lkup, lsNeighbour, lsNeighbourLearned } from '../pipeline/switch-ingress.js';

/** Where a packet was when it was sent to Weft, in numbers of the pipeline. */
export interface PuntedAt {
  readonly puntClass: PuntClass;
  /** Why it was dropped; null if it was not. */
  readonly dropReason: DropReason | null;
  /** Number of the logical switch port where it entered the hypervisor; 0: a tunnel, or an answer of Weft. */
  readonly origin: number;
  /** As the switch says it: whether there is such a datapath, and the packet can have been in it, is for the reader to look up. */
  readonly datapath: number;
  readonly inPort: number;
  readonly outPort: number;
  /** Key of the hypervisor that it was to go to. */
  readonly outHost: number;
  /** Conntrack zone of the port whose security groups were asked last. */
  readonly ctZone: number;
  /** Numbers of the security group that wants the packet logged, and of its rule that has decided; 0: none has. */
  readonly aclGroup: number;
  readonly aclRule: number;
  readonly verdict: Verdict;
  /** Of the connection, seen from the port whose security groups were asked. */
  readonly direction: Direction;
  /** The next hop of a router, by family; what else the lookups were asked last otherwise. */
  readonly nextHop: Readonly<Record<IpFamily, bigint>>;
  /** Not 0: one of several copies, so whoever has this one need not be whom it is for. */
  readonly flood: number;
}

/** By the value of the register. */
const verdictsByValue = ['none', 'allow', 'drop', 'reject'] as const;
export type Verdict = (typeof verdictsByValue)[number];

const fileBits = 512n;

/** Where a register, of whichever width, has its bits in the file that all share: from the right. Null: it is none. */
function placeInFile({ name, bits }: OxmField): bigint | null {
  const index = /^x{0,2}reg(\d+)$/.exec(name)?.[1];
  return index === undefined ? null : fileBits - (BigInt(index) + 1n) * BigInt(bits);
}

/** The registers as one number; a switch names them in the widths that it likes. */
function registerFile(metadata: Match): bigint {
  let file = 0n;
  for (const { field, value } of metadata) {
    const place = placeInFile(field);
    if (place !== null) file |= value << place;
  }
  return file;
}

/** Reads what a switch says with a packet; null where it is of no class that this build knows, or in what can be no datapath. */
export function readPuntedAt(metadata: Match): PuntedAt | null {
  const file = registerFile(metadata);
  const wide = (name: RegisterName): bigint => {
    const { field, offset, bits } = placeOf(name);
    const place = (placeInFile(field) ?? 0n) + BigInt(offset);
    return (file >> place) & ((1n << BigInt(bits)) - 1n);
  };
  const register = (name: RegisterName): number => Number(wide(name));
  const puntClass = puntClassByCode(register('puntClass'));
  const datapath = metadata.find(({ field }) => field === oxm.metadata)?.value ?? 0n;
  if (puntClass === undefined || datapath > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return {
    puntClass,
    dropReason: dropReasonByCode(register('dropReason')) ?? null,
    origin: register('origin'),
    datapath: Number(datapath),
    inPort: register('inPort'),
    outPort: register('outPort'),
    outHost: register('outHost'),
    ctZone: register('ctZone'),
    aclGroup: register('aclGroup'),
    aclRule: register('aclRule'),
    verdict: verdictsByValue[register('verdict')] ?? 'none',
    direction: (register('ruleKind') & 1) === 0 ? 'egress' : 'ingress',
    nextHop: { 4: wide('address4'), 6: wide('address6') },
    flood: register('flood'),
  };
}

/**
 * Where an answer enters the pipeline of a hypervisor. Its `origin` is 0, as that of what comes from a tunnel, so it is not answered
 * again.
 */
export type Injection =
  /** From a port of the switch, as if its security groups had let it through: to whoever has the destination MAC. */
  | { readonly kind: 'switch'; readonly datapath: number; readonly inPort: number }
  /** From the router itself: routed, with a TTL that is one less when it leaves. */
  | { readonly kind: 'router'; readonly datapath: number; readonly inPort: number }
  /** Out of a router by its port on the switch, as it is, to a neighbour whose MAC the switch knows. On a gateway it is asked for. */
  | { readonly kind: 'neighbour'; readonly datapath: number; readonly inPort: number; readonly neighbour: IpAddress }
  /** Out of a port's interface on this hypervisor, past its security groups where it has some. */
  | { readonly kind: 'port'; readonly datapath: number; readonly outPort: number; readonly ctZone: number | null };

/** What a packet-out does with the answer. */
export function injectionActions(into: Injection): readonly Action[] {
  const [registers, ...entrances] = ((): readonly [ReturnType<typeof registersOf>, ...Stage[]] => {
    switch (into.kind) {
      case 'neighbour': {
        const { datapath, inPort, neighbour } = into;
        const wanted = neighbour.family === 4 ? { address4: neighbour.value } : { address6: neighbour.value };
        return [registersOf({ datapath, inPort, ...wanted }), lsNeighbour, lsNeighbourLearned, lrOutDelivery];
      }
      case 'switch':
        return [registersOf({ datapath: into.datapath, inPort: into.inPort }), lsInL2Lkup];
      case 'router':
        return [registersOf({ datapath: into.datapath, inPort: into.inPort }), lrInIpRouting];
      case 'port': {
        const { datapath, outPort, ctZone } = into;
        if (ctZone === null) return [registersOf({ datapath, outPort }), lsOutDelivery];
        return [registersOf({ datapath, outPort, ctZone }), lsOutAclDone];
      }
    }
  })();
  return [...registers, ...entrances.map(entrance => resubmit(layout.tableOf(entrance)))];
}

function registersOf(values: { readonly [P in RegisterName]?: number | bigint }): readonly Action[] {
  return set(values).render({ layout, stage: dropCount, drop: dropCount });
}

/** The ports of a virtual address from which backends are checked. */
export const checkPorts = { first: LAST_BALANCED_PORT + 1, count: 0xffff - LAST_BALANCED_PORT } as const;

export { virtualMac } from '../pipeline/balancing.js';
export { type DropReason } from '../pipeline/drop-reasons.js';
export {
  mostLogged,
  mostPunts,
  type PuntClass,
  type PuntClassEntry,
  puntClassEntries,
  puntControllerId,
} from '../pipeline/punt-classes.js';
