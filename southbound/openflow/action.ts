/**
 * Actions of OpenFlow and of Open vSwitch's (Nicira's) extensions, as plain frozen data told apart by `kind`; built with
 * the functions of actions.ts.
 *
 * Numbers mean the same at every protocol version: ports are the 32-bit numbers of OpenFlow 1.1 and later, also where a
 * Nicira action carries 16 bits. What a version cannot say is a typed error when encoded (action-codec.ts).
 * The text form is in text.ts. Source: ovs-actions(7), OpenFlow 1.5.1 section 7.2.6.
 */
import type { OxmField, Subfield } from './oxm.js';

/** Which packet fields a hash covers. */
export const HashFields = {
  eth_src: 0,
  symmetric_l4: 1,
  symmetric_l3l4: 2,
  'symmetric_l3l4+udp': 3,
  nw_src: 4,
  nw_dst: 5,
  symmetric_l3: 6,
} as const;
export type HashFields = keyof typeof HashFields;

export const MultipathAlgorithm = { modulo_n: 0, hash_threshold: 1, hrw: 2, iter_hash: 3 } as const;
export type MultipathAlgorithm = keyof typeof MultipathAlgorithm;

export const BundleAlgorithm = { active_backup: 0, hrw: 1 } as const;
export type BundleAlgorithm = keyof typeof BundleAlgorithm;

/** `maxLength` (bytes) counts only when the port is the controller. */
export interface Output {
  readonly kind: 'output';
  readonly port: number;
  readonly maxLength: number;
}
/** To the port whose number the subfield holds. */
export interface OutputRegister {
  readonly kind: 'outputRegister';
  readonly source: Subfield;
  readonly maxLength: number;
}
/** At most `maxLength` bytes of the packet to the port. */
export interface OutputTruncated {
  readonly kind: 'outputTruncated';
  readonly port: number;
  readonly maxLength: number;
}
export interface Group {
  readonly kind: 'group';
  readonly groupId: number;
}
export interface SetQueue {
  readonly kind: 'setQueue';
  readonly queueId: number;
}
/** Back to the queue that the packet came with. */
export interface PopQueue {
  readonly kind: 'popQueue';
}
/** Meters what follows. OpenFlow 1.3 and 1.4 know it only as an instruction: it then must come first. */
export interface Meter {
  readonly kind: 'meter';
  readonly meterId: number;
}
/** `mask` absent sets the whole field. Bits of `value` outside the mask must be zero. */
export interface SetField {
  readonly kind: 'setField';
  readonly field: OxmField;
  readonly value: bigint;
  readonly mask?: bigint;
}
/** Copies bits from one field to another (`move`; copy_field in OpenFlow 1.5). */
export interface Move {
  readonly kind: 'move';
  readonly source: Subfield;
  readonly destination: Subfield;
}
export interface PushVlan {
  readonly kind: 'pushVlan';
  readonly ethertype: number;
}
export interface PopVlan {
  readonly kind: 'popVlan';
}
export interface PushMpls {
  readonly kind: 'pushMpls';
  readonly ethertype: number;
}
export interface PopMpls {
  readonly kind: 'popMpls';
  readonly ethertype: number;
}
export interface SetMplsTtl {
  readonly kind: 'setMplsTtl';
  readonly ttl: number;
}
export interface DecMplsTtl {
  readonly kind: 'decMplsTtl';
}
export interface SetIpTtl {
  readonly kind: 'setIpTtl';
  readonly ttl: number;
}
/** Expired packets go to the controllers with id 0; processing of the packet stops. */
export interface DecTtl {
  readonly kind: 'decTtl';
}
/** Expired packets go to the controllers with these ids. */
export interface DecTtlControllerIds {
  readonly kind: 'decTtlControllerIds';
  readonly controllerIds: readonly number[];
}
/** Looks the packet up again. `table` null means the current one. */
export interface Resubmit {
  readonly kind: 'resubmit';
  readonly table: number | null;
  /** Seen as in_port by that lookup; Port.inPort leaves it as it is. */
  readonly port: number;
  /** Swap source and destination for the lookup as the original direction of the connection had them. */
  readonly conntrackTuple: boolean;
}
/** Bytes that the switch keeps and does nothing with. */
export interface Note {
  readonly kind: 'note';
  readonly bytes: Uint8Array;
}
export interface Multipath {
  readonly kind: 'multipath';
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: MultipathAlgorithm;
  /** How many links there are; the result is 0 to `links - 1`. */
  readonly links: number;
  readonly argument: number;
  readonly destination: Subfield;
}
/** Outputs to the chosen member. */
export interface Bundle {
  readonly kind: 'bundle';
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: BundleAlgorithm;
  readonly members: readonly number[];
}
/** Writes the port number of the chosen member into a field. */
export interface BundleLoad {
  readonly kind: 'bundleLoad';
  readonly fields: HashFields;
  readonly basis: number;
  readonly algorithm: BundleAlgorithm;
  readonly members: readonly number[];
  readonly destination: Subfield;
}
/** One piece of a learned flow; `source` is a constant or bits of the packet being processed. */
export type LearnSpec =
  | { readonly kind: 'match'; readonly destination: Subfield; readonly source: Subfield | bigint }
  | { readonly kind: 'load'; readonly destination: Subfield; readonly source: Subfield | bigint }
  | { readonly kind: 'output'; readonly source: Subfield };
/** Timeouts are in seconds, 0 for none. */
export interface Learn {
  readonly kind: 'learn';
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly finIdleTimeout: number;
  readonly finHardTimeout: number;
  readonly sendFlowRemoved: boolean;
  /** The learned flows go when the flow with this action goes. */
  readonly deleteLearned: boolean;
  /** Most flows that may be learned under this cookie and table; 0 for no limit. */
  readonly limit: number;
  /** One bit that becomes 1 when a flow was learned or refreshed, 0 when the limit forbade it. */
  readonly resultDestination: Subfield | null;
  readonly specs: readonly LearnSpec[];
}
export interface Exit {
  readonly kind: 'exit';
}
/** Seconds; 0 leaves the timeout of the flow as it is. */
export interface FinTimeout {
  readonly kind: 'finTimeout';
  readonly idleTimeout: number;
  readonly hardTimeout: number;
}
/** Sends the packet to the controllers with this id. */
export interface Controller {
  readonly kind: 'controller';
  readonly maxLength: number;
  readonly controllerId: number;
  readonly reason: number;
  /** Comes back in the packet-in; null for none. */
  readonly userdata: Uint8Array | null;
  readonly meterId: number | null;
  /** The packet-in carries a continuation with which the controller may resume the pipeline. */
  readonly pause: boolean;
}
export interface StackPush {
  readonly kind: 'stackPush';
  readonly source: Subfield;
}
export interface StackPop {
  readonly kind: 'stackPop';
  readonly destination: Subfield;
}
/** `probability` is of 65535. `samplingPort` Port.any means the port of ingress. */
export interface Sample {
  readonly kind: 'sample';
  readonly probability: number;
  readonly collectorSetId: number;
  readonly observationDomainId: number;
  readonly observationPointId: number;
  readonly samplingPort: number;
  readonly direction: 'default' | 'ingress' | 'egress';
}
/** Clause `clause` (0-based) of `clauses` of the conjunction `id`. */
export interface Conjunction {
  readonly kind: 'conjunction';
  readonly id: number;
  readonly clause: number;
  readonly clauses: number;
}
/** Sends the packet through connection tracking. */
export interface Conntrack {
  readonly kind: 'ct';
  readonly commit: boolean;
  /** With commit: replaces a connection that was committed in the other direction. */
  readonly force: boolean;
  readonly zone: number | Subfield;
  /** Where processing goes on with the connection's state; null for nowhere. */
  readonly table: number | null;
  /** Application layer gateway by its well-known port (21 FTP, 69 TFTP); 0 for none. */
  readonly alg: number;
  /** nat, setField of ctMark and ctLabel, move to them: what is done when committing. */
  readonly actions: readonly Action[];
}
/** Both ends belong to the range; a single address has them equal. */
export interface NatAddressRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}
export interface NatPortRange {
  readonly first: number;
  readonly last: number;
}
/** Only inside `ct`. `direction` null: as the connection was committed. */
export interface Nat {
  readonly kind: 'nat';
  readonly direction: 'source' | 'destination' | null;
  readonly persistent: boolean;
  readonly selection: 'hash' | 'random' | null;
  readonly addresses: NatAddressRange | null;
  readonly ports: NatPortRange | null;
}
export interface ConntrackClear {
  readonly kind: 'ctClear';
}
/** The nested actions work on a copy: packet, metadata and action set are as before afterwards. */
export interface Clone {
  readonly kind: 'clone';
  readonly actions: readonly Action[];
}
/** Sets the bit to whether the packet's layer-3 length exceeds `length` bytes of packet. */
export interface CheckPacketLarger {
  readonly kind: 'checkPacketLarger';
  readonly length: number;
  readonly destination: Subfield;
}
/** Removes a tunnel option. */
export interface DeleteField {
  readonly kind: 'deleteField';
  readonly field: OxmField;
}
/** An action that we do not know. `bytes` is what follows its type and length. */
export interface UnknownAction {
  readonly kind: 'unknown';
  readonly type: number;
  readonly bytes: Uint8Array;
}

export type Action =
  | (Output | OutputRegister | OutputTruncated | Group | SetQueue | PopQueue | Meter | SetField | Move)
  | (PushVlan | PopVlan | PushMpls | PopMpls | SetMplsTtl | DecMplsTtl | SetIpTtl | DecTtl | DecTtlControllerIds)
  | (Resubmit | Note | Multipath | Bundle | BundleLoad | Learn | Exit | FinTimeout | Controller | StackPush | StackPop)
  | (Sample | Conjunction | Conntrack | Nat | ConntrackClear | Clone | CheckPacketLarger | DeleteField | UnknownAction);

export type ActionKind = Action['kind'];
export type ActionOf<K extends ActionKind> = Extract<Action, { readonly kind: K }>;
