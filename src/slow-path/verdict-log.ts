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
import { type IpPacket, ipProtocol, parseFrame } from './packets/frame.js';

type BoundPort = ViewRow<'bound-ports'>;

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
  /** IP protocol number. */
  readonly protocol: number;
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
/** Lines that are kept for each group, and groups that have some: those with the oldest are forgotten first. */
const linesKept = 100;
const groupsKept = 1_000;
/** Ports whose suppressed lines are counted; of more, nobody says how many they were. */
const portsCounted = 16_384;

export class VerdictLog {
  readonly #view: NetworkReader;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #shares: Shares;
  /** In the order of their latest lines. */
  readonly #kept = new Map<string, LoggedVerdict[]>();
  readonly #suppressed = new Map<string, number>();

  constructor({ view, clock, log }: { readonly view: NetworkReader; readonly clock: Clock; readonly log: Logger }) {
    this.#view = view;
    this.#clock = clock;
    this.#log = log.child({ name: 'verdicts' });
    this.#shares = new Shares(clock, linesASecond);
  }

  /** Writes what was decided about the packet of a port; null: it did. */
  take(punted: Punted, port: BoundPort): 'unknown_rule' | 'malformed' | 'log_limit' | null {
    const decided = this.#decided(punted, port);
    if (typeof decided === 'string') return decided;
    if (!this.#shares.take(decided.projectId)) {
      this.pass(port);
      return 'log_limit';
    }
    const line = { ...decided, at: this.#clock.wallTime(), suppressed: this.#suppressed.get(port.id) ?? 0 };
    this.#suppressed.delete(port.id);
    this.#keep(line);
    this.#write(line);
    return null;
  }

  /** One of the port came and is left out. */
  pass({ id }: BoundPort): void {
    const count = this.#suppressed.get(id) ?? 0;
    if (count > 0 || this.#suppressed.size < portsCounted) this.#suppressed.set(id, count + 1);
  }

  /** The latest lines of a group, the newest first. */
  latest(groupId: string): readonly LoggedVerdict[] {
    return this.#kept.get(groupId)?.toReversed() ?? [];
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
        : view.by('security-group-rules', 'securityGroupId', group.id).find(({ number }) => number === at.aclRule);
    // It may have gone meanwhile.
    if (rule === undefined) return 'unknown_rule';
    const frame = parseFrame(data);
    if (frame === null) return 'malformed';
    return {
      hypervisorId,
      projectId: owner.projectId,
      portId: port.id,
      groupId: group.id,
      ruleId: rule?.id ?? null,
      direction: at.direction,
      verdict: at.verdict === 'none' ? 'drop' : at.verdict,
      packet: loggedPacket(frame.packet),
    };
  }

  #keep(line: LoggedVerdict): void {
    const lines = this.#kept.get(line.groupId) ?? [];
    lines.push(line);
    if (lines.length > linesKept) lines.shift();
    this.#kept.delete(line.groupId);
    this.#kept.set(line.groupId, lines);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > groupsKept && oldest !== undefined) this.#kept.delete(oldest);
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
