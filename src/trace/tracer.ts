/**
 * What would become of a packet, and who decides: the packet is walked through what the compiler has made for the hypervisors on its way,
 * flow by flow, so there is no second notion of what rules mean. What a switch holds right now may be a revision behind, or
 * changed by somebody else; what it has learned from packets is not asked.
 */
import { formatIp, isMulticastMac, parseIp, parseMac } from '../base/address.js';
import type { FragmentOwner } from '../compiler/fragment.js';
import { lsAclVerdict } from '../compiler/pipeline/acl.js';
import { tagPresent } from '../compiler/pipeline/actions.js';
import { type DropReason, dropReasonByCode } from '../compiler/pipeline/drop-reasons.js';
import { dropCount } from '../compiler/pipeline/physical.js';
import { layout } from '../compiler/pipeline/pipelines.js';
import { placeOf } from '../compiler/pipeline/registers.js';
import type { Stage } from '../compiler/pipeline/stage.js';
import { lsOutAclAction, lsOutAclDone, lsOutMirror, lsOutPreAcl } from '../compiler/pipeline/switch-egress.js';
import { lsInAclAction, lsInAclDone, lsInMirror, lsInPreAcl } from '../compiler/pipeline/switch-ingress.js';
import type { Direction } from '../model/index.js';
import { learnsMacs } from '../model/port-addresses.js';
import { isProviderOfport } from '../model/provider-ports.js';
import { TUNNEL_OFPORTS } from '../model/tunnel-ports.js';
import type { NetworkReader } from '../view/network-view.js';
import { attachmentId, type ViewRow } from '../view/rows.js';
import { oxm, type OxmField } from '../../southbound/openflow/oxm.js';
import { type PacketOutput, walk, type WalkedFlow, type WalkedTables } from './packet-walk.js';
import type { Packet, PacketFields } from './packet.js';

/** A flow with what it is for. */
export interface TracedFlow extends WalkedFlow {
  readonly priority: number;
  /** `rule name/subject id` of its fragment. */
  readonly key: string;
  readonly owner: TracedOwner;
}

/** The object that a flow, or a datapath, is. */
export type TracedOwner = FragmentOwner;

export interface TracerParts {
  readonly view: NetworkReader;
  /** What a hypervisor should hold. */
  readonly tablesOf: (hypervisorId: string) => WalkedTables<TracedFlow>;
}

/** A table that the packet came to. */
export interface Visit {
  readonly stage: string;
  /** Null: no flow fits, which is the end where the stage says nothing else. */
  readonly flow: Pick<TracedFlow, 'priority' | 'key' | 'owner'> | null;
}

/** What the security groups of a port said. `rule`: that one decided; `none`: no rule matches, and what follows is up to the isolation. */
export interface Judgement {
  readonly portId: string;
  /** Seen from the port: egress where it sends. */
  readonly direction: Direction;
  readonly by: 'rule' | 'none' | 'always_allowed';
  readonly ruleId: string | null;
  /** It is dropped there, whatever becomes of other copies of it. */
  readonly isDenied: boolean;
}

/** Where and why it ended. */
export interface TracedDrop {
  readonly reason: DropReason;
  readonly hypervisorId: string;
  readonly stage: string;
  /** Before it had left the pipeline of the port that sends it: what comes later is the business of others too. */
  readonly isAtSender: boolean;
}

export interface Trace {
  readonly hops: readonly { readonly hypervisorId: string; readonly visits: readonly Visit[] }[];
  readonly judgements: readonly Judgement[];
  readonly drops: readonly TracedDrop[];
  /** Ports that get it. */
  readonly deliveredTo: readonly string[];
  /** Physical networks that it leaves to; what becomes of it there, other than at our ports, nobody here knows. */
  readonly leavesTo: readonly string[];
  /** The network itself answers, a router for instance. */
  readonly isAnswered: boolean;
  /** A flood that goes to more hypervisors than were looked at. */
  readonly isPartial: boolean;
  /** Logical switches and routers that it came through. */
  readonly datapaths: readonly TracedOwner[];
}

const stageAt: ReadonlyMap<number, Stage> = new Map(layout.stages.map(stage => [layout.tableOf(stage), stage]));
const tunnelOfports: ReadonlySet<number> = new Set(Object.values(TUNNEL_OFPORTS));
const mirrorTables: ReadonlySet<number> = new Set([layout.tableOf(lsInMirror), layout.tableOf(lsOutMirror)]);
/** Tables up to here are about what the port sends, before anybody else is concerned. */
const lastAtSender = layout.tableOf(lsInAclDone);
/** From one hypervisor to another and no further: what came from the underlay never goes back into it. */
const mostHops = 2;
/** Hypervisors that a flood is followed to: each is walked at once, and takes its time (with that of the sender, as many as the fleet keeps tables of). */
const mostReceivers = 7;

/** What a physical network delivers to everybody is no loss where it was not meant. */
const notForHere: ReadonlySet<DropReason> = new Set(['physical_elsewhere', 'unknown_vlan']);

/** What a packet does not take along to another hypervisor. */
const notTaken = new Set<OxmField>(
  [
    [oxm.inPort, oxm.metadata, oxm.tunnelId, oxm.tunIpv4Src, oxm.tunIpv4Dst, oxm.tunIpv6Src, oxm.tunIpv6Dst],
    [oxm.ctState, oxm.ctNwSrc, oxm.ctNwDst, oxm.ctIpv6Src, oxm.ctIpv6Dst, oxm.ctNwProto, oxm.ctTpSrc, oxm.ctTpDst],
  ].flat(),
);

/** Takes notes of one walk on one hypervisor. */
class Notes {
  readonly visits: Visit[] = [];
  readonly judgements: Judgement[] = [];
  readonly drops: TracedDrop[] = [];
  readonly datapathKeys = new Set<bigint>();
  #judged: { readonly portId: string; readonly direction: Direction; ruleId: string | null } | null = null;
  #stage: Stage | null = null;
  #isAtSender: boolean;

  constructor(
    readonly hypervisorId: string,
    private readonly view: NetworkReader,
    /** The port that sends it; null: it came from another hypervisor. */
    private readonly senderId: string | null,
    private readonly isFlooded: boolean,
  ) {
    this.#isAtSender = senderId !== null;
  }

  visit(table: number, flow: TracedFlow | null, packet: Packet): void {
    const stage = stageAt.get(table);
    if (stage === undefined) return;
    this.visits.push({ stage: stage.name, flow });
    this.datapathKeys.add(packet.get(oxm.metadata));
    if (table > lastAtSender && stage.kind === 'stage') this.#isAtSender = false;
    if (stage === lsInPreAcl) this.#begin(this.senderId ?? '', 'egress');
    else if (stage === lsOutPreAcl) this.#begin(this.#portInZone(packet), 'ingress');
    else if (stage === lsAclVerdict && flow?.owner.kind === 'security-group-rules' && this.#judged !== null)
      this.#judged.ruleId = flow.owner.id;
    else if (stage === lsInAclAction || stage === lsOutAclAction) this.#end(null);
    else if (stage === lsInAclDone || stage === lsOutAclDone) this.#end('always_allowed');
    else if (stage === dropCount) this.#drop(packet);
    if (stage.kind === 'stage') this.#stage = stage;
  }

  #begin(portId: string, direction: Direction): void {
    this.#judged = { portId, direction, ruleId: null };
  }

  /** Past the stages without having been judged, it is what every port may say. */
  #end(by: 'always_allowed' | null): void {
    const judged = this.#judged;
    if (judged === null) return;
    this.#judged = null;
    this.judgements.push({ ...judged, by: by ?? (judged.ruleId === null ? 'none' : 'rule'), isDenied: false });
  }

  #drop(packet: Packet): void {
    const reason = dropReasonByCode(Number(packet.part(placeOf('dropReason'))));
    if (reason === undefined || (this.isFlooded && notForHere.has(reason))) return;
    const { hypervisorId } = this;
    const last = this.judgements.at(-1);
    // One who judges drops at once, before any other copy is looked at.
    if (last !== undefined && (this.#stage === lsInAclAction || this.#stage === lsOutAclAction))
      this.judgements[this.judgements.length - 1] = { ...last, isDenied: true };
    this.drops.push({ reason, hypervisorId, stage: this.#stage?.name ?? '', isAtSender: this.#isAtSender });
  }

  #portInZone(packet: Packet): string {
    const zone = Number(packet.part(placeOf('ctZone')));
    const bound = this.view.by('bound-ports', 'hypervisorId', this.hypervisorId);
    return bound.find(({ ctZone }) => ctZone === zone)?.id ?? '';
  }
}

export class Tracer {
  readonly #parts: TracerParts;

  constructor(parts: TracerParts) {
    this.#parts = parts;
  }

  /**
   * What becomes of a packet that comes out of the interface of the port; null when it is not bound.
   * @param receiverId the port that is asked about, to whose hypervisor a flood is followed before others
   */
  trace(
    portId: string,
    packetFrom: (bound: ViewRow<'bound-ports'>) => PacketFields,
    lengthBytes: number,
    receiverId: string | null = null,
  ): Trace | null {
    const { view } = this.#parts;
    const bound = view.get('bound-ports', portId);
    if (bound === null) return null;
    const deliveredTo: string[] = [];
    const leavesTo = new Set<string>();
    const walked: Notes[] = [];
    let isAnswered = false;
    let isPartial = false;
    const wanted = receiverId === null ? null : (view.get('bound-ports', receiverId)?.hypervisorId ?? null);
    let entries: readonly Entry[] = [
      { hypervisorId: bound.hypervisorId, fields: packetFrom(bound), senderId: portId, isFlooded: false },
    ];
    for (let hop = 0; hop < mostHops && entries.length > 0; hop += 1) {
      const next: Entry[] = [];
      for (const { hypervisorId, fields, senderId, isFlooded } of entries) {
        const notes = new Notes(hypervisorId, view, senderId, isFlooded);
        walked.push(notes);
        const outputs = walk(this.#parts.tablesOf(hypervisorId), fields, {
          lengthBytes,
          onVisit: (table, flow, packet) => notes.visit(table, flow, packet),
          conntrack: view.get('hypervisors', hypervisorId)?.datapathType === 'system' ? 'linux' : 'userspace',
        });
        for (const output of outputs) {
          if (mirrorTables.has(output.table)) continue;
          if (tunnelOfports.has(output.port)) next.push(...this.#throughTunnel(hypervisorId, output));
          else if (isProviderOfport(output.port)) {
            const { physicalNetwork, receivers } = this.#throughPhysicalNetwork(hypervisorId, output);
            if (physicalNetwork !== null) leavesTo.add(physicalNetwork);
            next.push(...receivers);
          } else if (senderId !== null && isAt(bound, output)) isAnswered = true;
          else deliveredTo.push(...this.#portAt(hypervisorId, output));
        }
      }
      next.sort((left, right) => Number(right.hypervisorId === wanted) - Number(left.hypervisorId === wanted));
      isPartial ||= next.length > mostReceivers;
      entries = next.slice(0, mostReceivers);
    }
    return {
      hops: walked.map(({ hypervisorId, visits }) => ({ hypervisorId, visits })),
      judgements: walked.flatMap(({ judgements }) => judgements),
      drops: walked.flatMap(({ drops }) => drops),
      deliveredTo,
      leavesTo: [...leavesTo],
      isAnswered,
      isPartial,
      datapaths: walked.flatMap(notes => this.#datapathsOf(notes)),
    };
  }

  #portAt(hypervisorId: string, output: PacketOutput): readonly string[] {
    const bound = this.#parts.view.by('bound-ports', 'hypervisorId', hypervisorId);
    const local = this.#parts.view.by('local-places', 'hypervisorId', hypervisorId);
    return [
      ...bound.filter(port => isAt(port, output)).map(({ id }) => id),
      ...local.filter(({ ofport }) => isAt({ ofport, vlan: null }, output)).map(({ portId }) => portId),
    ];
  }

  /** Where it comes in that left through a tunnel. */
  #throughTunnel(from: string, { port, fields }: PacketOutput): readonly Entry[] {
    const { view } = this.#parts;
    const family = (fields.get(oxm.tunIpv4Dst) ?? 0n) === 0n ? 6 : 4;
    const [sourceField, destinationField] =
      family === 4 ? [oxm.tunIpv4Src, oxm.tunIpv4Dst] : [oxm.tunIpv6Src, oxm.tunIpv6Dst];
    const destination = fields.get(destinationField) ?? 0n;
    const sender = view.get('hypervisors', from)?.encapIp ?? null;
    // Of two with one address, the newer one is there.
    const receiver = view
      .by('hypervisors', 'encapIp', formatIp(family, destination))
      .toSorted((left, right) => right.number - left.number)[0];
    if (receiver === undefined) return [];
    const inner = [...fields].filter(([field]) => !notTaken.has(field));
    return [
      {
        hypervisorId: receiver.id,
        senderId: null,
        isFlooded: false,
        fields: new Map<OxmField, bigint>([
          ...inner,
          [oxm.inPort, BigInt(port)],
          [oxm.tunnelId, fields.get(oxm.tunnelId) ?? 0n],
          [destinationField, destination],
          ...(sender === null ? [] : ([[sourceField, parseIp(sender)?.value ?? 0n]] as const)),
        ]),
      },
    ];
  }

  /** Where it comes in that left to a physical network: at the hypervisors with a port that may have the destination. */
  #throughPhysicalNetwork(
    from: string,
    { port, fields }: PacketOutput,
  ): { readonly physicalNetwork: string | null; readonly receivers: readonly Entry[] } {
    const { view } = this.#parts;
    const metadata = fields.get(oxm.metadata) ?? 0n;
    const here = view.by('residencies', 'hypervisorId', from).flatMap(({ datapathKind, datapathId }) => {
      const row = datapathKind === 'logical-switches' ? view.get('logical-switches', datapathId) : null;
      return row !== null && BigInt(row.datapathKey) === metadata ? [row] : [];
    });
    const [logicalSwitch] = here;
    const key = logicalSwitch?.physicalNetworkKey ?? null;
    if (logicalSwitch === undefined || logicalSwitch.provider === null || key === null) {
      return { physicalNetwork: null, receivers: [] };
    }
    const destination = fields.get(oxm.ethDst) ?? 0n;
    const hypervisorIds = new Set<string>();
    for (const { id, hypervisorId } of view.by('bound-ports', 'logicalSwitchId', logicalSwitch.id)) {
      const row = view.get('logical-switch-ports', id);
      if (row === null || hypervisorId === from) continue;
      const isMeant = isMulticastMac(destination) || parseMac(row.mac) === destination || learnsMacs(row);
      const isJoined = (view.get('physical-attachments', attachmentId(key, hypervisorId))?.bridge ?? null) !== null;
      if (isMeant && isJoined) hypervisorIds.add(hypervisorId);
    }
    const inner = [...fields].filter(([field]) => !notTaken.has(field));
    const entry = new Map<OxmField, bigint>([...inner, [oxm.inPort, BigInt(port)]]);
    const receivers = [...hypervisorIds].map(hypervisorId => ({
      hypervisorId,
      senderId: null,
      isFlooded: true,
      fields: entry,
    }));
    return { physicalNetwork: logicalSwitch.provider.physicalNetwork, receivers };
  }

  #datapathsOf({ hypervisorId, datapathKeys }: Notes): readonly TracedOwner[] {
    const { view } = this.#parts;
    return view.by('residencies', 'hypervisorId', hypervisorId).flatMap(({ datapathKind: kind, datapathId: id }) => {
      if (kind !== 'logical-switches' && kind !== 'logical-routers') return [];
      const key = view.get(kind, id)?.datapathKey;
      return key !== undefined && datapathKeys.has(BigInt(key)) ? [{ kind, id }] : [];
    });
  }
}

/** Whether what leaves there is for the port: its tag tells apart those that share an interface. */
function isAt(
  { ofport, vlan }: Pick<ViewRow<'bound-ports'>, 'ofport' | 'vlan'>,
  { port, fields }: PacketOutput,
): boolean {
  return port === ofport && (fields.get(oxm.vlanVid) ?? 0n) === (vlan === null ? 0n : BigInt(tagPresent | vlan));
}

interface Entry {
  readonly hypervisorId: string;
  readonly fields: PacketFields;
  readonly senderId: string | null;
  /** Everybody on a physical network gets it, also those whom it is not for. */
  readonly isFlooded: boolean;
}
