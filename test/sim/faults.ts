/** The kinds of faults, each as something that a simulation can do to itself. What has to end by itself plans its end. */
import type { SeededRandom } from '../seeded-random.js';
import type { SimulatedHost } from './simulated-host.js';
import type { Link, SimulatedNetwork } from './simulated-network.js';
import type { Backup, SimulatedDatabase } from './simulated-store.js';
import type { VirtualTime } from './virtual-time.js';

/** What faults are done to. */
export interface Faulty {
  readonly time: VirtualTime;
  readonly random: SeededRandom;
  readonly network: SimulatedNetwork;
  readonly database: SimulatedDatabase;
  readonly hosts: readonly SimulatedHost[];
  backup: Backup;
  /** Some transactions of the API, without time passing between them. */
  transact(times: number): void;
  /** The id of some logical switch port; null if there is none. */
  anyPort(): string | null;
  /** Kills the controller in charge: at once, or at one of the next messages that some switch gets. Another process follows. */
  killController(afterMessages: number): void;
  /** Lets a second controller run beside the first, and ends the first a little later. */
  takeOver(): void;
  /** A second host of that name, for a while. */
  twin(name: string, forMs: number): void;
}

/** True if it could be done now. */
type Fault = (faulty: Faulty) => boolean;

const host = ({ random, hosts }: Faulty): SimulatedHost => random.pick(hosts);

function onLink(faulty: Faulty, kind: Link['kind'], act: (link: Link) => void): boolean {
  const links = faulty.network.linksOf(host(faulty).address, kind);
  if (links.length === 0) return false;
  act(faulty.random.pick(links));
  return true;
}

const anyKind = ({ random }: Faulty): Link['kind'] => (random.chance(0.3) ? 'ovsdb' : 'openflow');

/** A host that is not connected, or has no changes, refuses nothing: so long it is waited for. */
const refuseAtMostMs = 8_000;

export const faults = {
  'connection cut': faulty => onLink(faulty, anyKind(faulty), link => link.cut()),
  'cut within a bundle': faulty =>
    onLink(faulty, 'openflow', link => {
      link.cutAfterBytes = 30 + faulty.random.below(4_000);
      faulty.transact(2);
    }),
  'late barrier': faulty =>
    onLink(faulty, 'openflow', link => {
      link.lateMs = 100 + faulty.random.below(2_400);
      faulty.time.after(1_000 + faulty.random.below(4_000), () => (link.lateMs = 0));
      faulty.transact(1);
    }),
  'missing barrier': faulty =>
    onLink(faulty, anyKind(faulty), link => {
      link.isSilent = true;
      faulty.transact(1);
    }),
  'slow reader': faulty =>
    onLink(faulty, anyKind(faulty), link => {
      link.slow = { pieceBytes: 40 + faulty.random.below(400), pauseMs: 1 + faulty.random.below(4) };
      link.windowBytes = 256;
      faulty.time.after(500 + faulty.random.below(2_000), () => {
        link.slow = null;
        link.windowBytes = 1 << 20;
      });
      faulty.transact(2);
    }),
  'switch restarted empty': faulty => restartSwitch(faulty, 'empty', 'same'),
  'switch restarted with stale tables': faulty => restartSwitch(faulty, 'kept', 'same'),
  'other port numbers': faulty => restartSwitch(faulty, faulty.random.chance(0.5) ? 'kept' : 'empty', 'other'),
  'host at another address': faulty => {
    const one = host(faulty);
    one.encapIp = `198.51.100.${1 + faulty.random.below(200)}`;
    if (faulty.hosts.some(other => other !== one && other.encapIp === one.encapIp)) one.encapIp = one.address;
    one.hypervisor.setExternalIds(new Map([['weft-encap-ip', one.encapIp]]));
    for (const kind of ['ovsdb', 'openflow'] as const) {
      for (const link of faulty.network.linksOf(one.address, kind)) link.cut();
    }
    return true;
  },
  'two hosts claim one port': faulty => {
    const [one, other] = [host(faulty), host(faulty)];
    const portId = faulty.anyPort();
    if (one === other || portId === null) return false;
    const name = `twice${faulty.random.below(1_000_000)}`;
    const isDone = [one, other].map(each => each.plug(name, portId)).includes(true);
    faulty.time.after(200 + faulty.random.below(3_000), () => faulty.random.pick([one, other]).unplug(name));
    faulty.time.after(4_000, () => {
      one.unplug(name);
      other.unplug(name);
    });
    return isDone;
  },
  'two hosts claim one system-id': faulty => {
    faulty.twin(host(faulty).name, 500 + faulty.random.below(8_000));
    return true;
  },
  'change log trimmed': faulty => {
    faulty.transact(3);
    faulty.database.trim(1);
    return true;
  },
  'revision skipped in the log': faulty => {
    const first = faulty.database.revision + 1;
    faulty.transact(3);
    if (faulty.database.revision < first + 1) return false;
    faulty.database.loseFromLog(first);
    return true;
  },
  'database out': faulty => {
    faulty.database.isOut = true;
    faulty.time.after(200 + faulty.random.below(6_000), () => (faulty.database.isOut = false));
    return true;
  },
  'database restored': faulty => {
    faulty.database.restore(faulty.backup);
    return true;
  },
  'controller killed': faulty => {
    if (faulty.random.chance(0.7)) faulty.transact(1);
    faulty.killController(faulty.random.below(25));
    return true;
  },
  'second controller takes over': faulty => {
    faulty.takeOver();
    return true;
  },
  'foreign edit': faulty => {
    const one = host(faulty);
    const flows = [...one.tables.flows.keys()];
    if (flows.length === 0) return false;
    one.edit(faulty.random.pick(flows));
    return true;
  },
  'refused flows': faulty => {
    const one = host(faulty);
    if (one.refuses !== null) return false;
    const rest = faulty.random.below(4);
    if (faulty.random.chance(0.3)) one.refuses = { kind: 'at commit', fits: number => number % 4n === BigInt(rest) };
    else {
      // What a switch takes into a bundle depends on the form of the message alone, and stays the same while it is connected.
      for (const link of faulty.network.linksOf(one.address, 'openflow')) link.cut();
      one.refuses = { kind: 'when added', fits: table => table % 4 === rest };
    }
    faulty.transact(2);
    refuseUntilMet(faulty, one);
    return true;
  },
} as const satisfies Record<string, Fault>;

export type FaultKind = keyof typeof faults;
export const faultKinds = Object.keys(faults) as readonly FaultKind[];

/** Ends some time after the first refusal, which is worked for; or at last, when there was none. */
function refuseUntilMet(faulty: Faulty, one: SimulatedHost): void {
  const { time, random } = faulty;
  const [before, lastMs] = [one.refusals, time.nowMs() + refuseAtMostMs];
  const look = (): void => {
    if (one.refusals > before || time.nowMs() > lastMs) {
      time.after(300 + random.below(4_000), () => (one.refuses = null));
      faulty.transact(1);
      return;
    }
    faulty.transact(1);
    time.after(200 + random.below(600), look);
  };
  time.after(500, look);
}

function restartSwitch(faulty: Faulty, tables: 'empty' | 'kept', portNumbers: 'same' | 'other'): boolean {
  const one = host(faulty);
  one.isDisturbed = true;
  one.restarts += 1;
  one.hypervisor.stopSwitch();
  faulty.time.after(50 + faulty.random.below(1_500), () => {
    one.isDisturbed = true;
    one.restarts += 1;
    one.hypervisor.startSwitch({ tables, portNumbers });
  });
  return true;
}
