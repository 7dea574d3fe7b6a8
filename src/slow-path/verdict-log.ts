/**
 * The log of verdicts: a line for each packet that a security group wants logged and that came to Weft, and the latest of each group for
 * whoever asks. Where there are more than the limits allow, the next line of that port says how many came and were left out.
 */
import { formatIp } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { Direction } from '../model/index.js';
import type { NetworkReader } from '../view/network-view.js';
import type { ViewRow } from '../view/rows.js';
import { Shares } from './allowance.js';
import type { Punted } from './answer.js';
import { KeptVerdicts } from './kept-verdicts.js';
import { fixedHeader, type IpPacket, ipProtocol, parseFrame } from './packets/frame.js';

type BoundPort = ViewRow<'bound-ports'>;

/** Where lines go: to the log and into memory, into memory alone, nowhere. */
export type VerdictLogMode = 'log' | 'memory' | 'off';

export interface VerdictLogOptions {
  readonly view: NetworkReader;
  readonly clock: Clock;
  readonly log: Logger;
  /** Default: `log`. */
  readonly verdictLogMode?: VerdictLogMode;
}

/** What is logged of one packet. */
export interface LoggedVerdict {
  /** When Weft wrote it. */
  readonly at: Date;
  readonly hypervisorId: string;
  readonly projectId: string;
  /** The port whose security groups were asked. */
  readonly portId: string;
  readonly groupId: string;
  /** Null: no rule said anything, and so it was denied. */
  readonly ruleId: string | null;
  /** Of the connection, seen from the port. */
  readonly direction: Direction;
  readonly verdict: 'allow' | 'drop' | 'reject';
  readonly packet: LoggedPacket;
  /** So many more of this port came since its last line, and were left out. */
  readonly suppressed: number;
}

export interface LoggedPacket {
  /** IP protocol number; null: what is after the addresses is cut off, or not as IP has it, and so nothing more is said of it. */
  readonly protocol: number | null;
  readonly source: string;
  readonly destination: string;
  /** Of TCP, UDP and SCTP, of others and of later fragments null. */
  readonly sourcePort: number | null;
  readonly destinationPort: number | null;
  /** Of ICMP. */
  readonly icmpType: number | null;
  readonly icmpCode: number | null;
}

/** Lines in a second of one project, and of all: whoever reads the log shall keep up with it. */
const linesASecond = { each: 100, all: 500 } as const;
/** Lines that are kept; some 400 bytes each. */
const linesKept = { group: 100, project: 1_000, all: 10_000 } as const;
/** Ports whose suppressed lines are counted; of more, those that have had none for longest are forgotten. */
const portsCounted = 16_384;

export class VerdictLog {
  readonly #view: NetworkReader;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #shares: Shares;
  readonly #mode: VerdictLogMode;
  readonly #kept = new KeptVerdicts<LoggedVerdict>(linesKept);
  readonly #suppressed = new Map<string, number>();

  constructor({ view, clock, log, verdictLogMode = 'log' }: VerdictLogOptions) {
    this.#mode = verdictLogMode;
    this.#view = view;
    this.#clock = clock;
    this.#log = log.child({ name: 'verdicts' });
    this.#shares = new Shares(clock, linesASecond);
  }

  /** Writes what was decided about the packet of a port; null: it did. */
  take(punted: Punted, port: BoundPort): 'unknown_rule' | 'malformed' | 'log_limit' | 'log_off' | null {
    if (this.#mode === 'off') return 'log_off';
    const decided = this.#decided(punted, port);
    if (typeof decided === 'string') return decided;
    if (!this.#shares.take(decided.projectId)) {
      this.pass(port);
      return 'log_limit';
    }
    const line = { ...decided, at: this.#clock.wallTime(), suppressed: this.#suppressed.get(port.id) ?? 0 };
    this.#suppressed.delete(port.id);
    this.#kept.keep(this.#keeperOf(line.groupId), line.groupId, line);
    if (this.#mode === 'log') this.#write(line);
    return null;
  }

  /** One of the port came and is left out. */
  pass({ id }: BoundPort): void {
    const count = this.#suppressed.get(id) ?? 0;
    this.#suppressed.delete(id);
    this.#suppressed.set(id, count + 1);
    const [longestWithout] = this.#suppressed.keys();
    if (this.#suppressed.size > portsCounted && longestWithout !== undefined) this.#suppressed.delete(longestWithout);
  }

  /** The latest lines of a group, the newest first. */
  latest(groupId: string): readonly LoggedVerdict[] {
    return this.#kept.latest(this.#keeperOf(groupId), groupId);
  }

  /** The project whose memory the lines of a group take: the one that has made the group. */
  #keeperOf(groupId: string): string {
    return this.#view.get('security-groups', groupId)?.projectId ?? '';
  }

  /** The switch says numbers: believed where they are those of the port. */
  #decided(
    { hypervisorId, at, data }: Punted,
    port: BoundPort,
  ): Omit<LoggedVerdict, 'at' | 'suppressed'> | 'unknown_rule' | 'malformed' {
    const view = this.#view;
    const groups = (view.get('port-groups', port.id)?.groupIds ?? []).flatMap(
      id => view.get('security-groups', id) ?? [],
    );
    const group = groups.find(({ number }) => number === at.aclGroup);
    const owner = view.get('logical-switch-ports', port.id);
    if (group === undefined || owner === null) return 'unknown_rule';
    const rule =
      at.aclRule === 0
        ? null
        : view.by('security-group-rules', 'number', at.aclRule).find(each => each.securityGroupId === group.id);
    // It may have gone meanwhile.
    if (rule === undefined) return 'unknown_rule';
    const packet = packetOf(data);
    if (packet === null) return 'malformed';
    return {
      hypervisorId,
      projectId: owner.projectId,
      portId: port.id,
      groupId: group.id,
      ruleId: rule?.id ?? null,
      direction: at.direction,
      verdict: at.verdict === 'none' ? 'drop' : at.verdict,
      packet,
    };
  }

  #write({ packet, ...line }: LoggedVerdict): void {
    const hypervisor = this.#view.get('hypervisors', line.hypervisorId)?.name ?? line.hypervisorId;
    this.#log.info(
      {
        verdict: line.verdict,
        direction: line.direction,
        project: line.projectId,
        port: line.portId,
        securityGroup: line.groupId,
        rule: line.ruleId,
        hypervisor,
        ...packet,
        suppressed: line.suppressed,
      },
      'verdict',
    );
  }
}

const sctp = 132;
const withPorts: ReadonlySet<number> = new Set([ipProtocol.tcp, ipProtocol.udp, sctp]);

/** A sender that writes headers nobody can read is logged all the same: its addresses are certain, and the switch has decided. */
function packetOf(data: Uint8Array): LoggedPacket | null {
  const frame = parseFrame(data);
  if (frame !== null) return loggedPacket(frame.packet);
  const header = fixedHeader(data);
  if (header === null) return null;
  const { family, src, dst } = header;
  const nothing = { protocol: null, sourcePort: null, destinationPort: null, icmpType: null, icmpCode: null };
  return { ...nothing, source: formatIp(family, src), destination: formatIp(family, dst) };
}

function loggedPacket({ family, src, dst, protocol, payload, isLaterFragment }: IpPacket): LoggedPacket {
  const hasPorts = withPorts.has(protocol) && !isLaterFragment;
  const isIcmp = protocol === (family === 4 ? ipProtocol.icmp : ipProtocol.icmpv6) && !isLaterFragment;
  return {
    protocol,
    source: formatIp(family, src),
    destination: formatIp(family, dst),
    sourcePort: hasPorts ? wordAt(payload, 0) : null,
    destinationPort: hasPorts ? wordAt(payload, 2) : null,
    icmpType: isIcmp ? (payload[0] ?? null) : null,
    icmpCode: isIcmp ? (payload[1] ?? null) : null,
  };
}

/** Null where the packet was cut off before. */
function wordAt(bytes: Uint8Array, offset: number): number | null {
  const [high, low] = [bytes[offset], bytes[offset + 1]];
  return high === undefined || low === undefined ? null : high * 0x100 + low;
}
