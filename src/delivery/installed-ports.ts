/**
 * The ports of one hypervisor whose physical flows it has acknowledged. After one look at everything, each further look is
 * at the ports of what moved in the ledger, and at no others.
 */
import type { DesiredState } from './desired-state.js';
import type { EncodedFragment } from './encoded-fragment.js';
import type { HostLedger } from './host-ledger.js';

/** What a look needs of the reconciler. */
export interface InstalledPortsSource {
  readonly ledger: HostLedger;
  /** The switch is known to hold what the ledger does not list. */
  readonly isStockKnown: boolean;
}

export class InstalledPorts {
  readonly #hypervisorId: string;
  readonly #desired: DesiredState;
  readonly #ports = new Set<string>();
  /** The port of each key that the ledger lists: of a fragment that is gone, nothing else tells. */
  readonly #portOf = new Map<string, string>();
  /** `#ports` was right at the last look. */
  #isWhole = false;

  constructor(hypervisorId: string, desired: DesiredState) {
    this.#hypervisorId = hypervisorId;
    this.#desired = desired;
  }

  /** Ids of the ports, live. A port counts while nothing of its own is unacknowledged: a new interface of it when its flows do. */
  get ports(): ReadonlySet<string> {
    return this.#ports;
  }

  /** Ids of the ports that came or went since the last look; null while the switch's content is not known. */
  look({ ledger, isStockKnown }: InstalledPortsSource): readonly string[] | null {
    const moved = ledger.takeMoved();
    if (!isStockKnown) {
      this.#isWhole = false;
      return null;
    }
    const looked = new Set<string>();
    if (this.#isWhole) {
      for (const key of moved) {
        const portId = this.#ownerOf(key, ledger);
        if (portId !== null) looked.add(portId);
      }
    } else {
      this.#portOf.clear();
      for (const portId of this.#ports) looked.add(portId);
      for (const fragment of this.#desired.fragmentsOnlyOn(this.#hypervisorId)) {
        const portId = portOwning(fragment);
        if (portId !== null) looked.add(portId);
      }
      for (const key of [...ledger.dirty.keys(), ...ledger.inFlight.keys()]) this.#ownerOf(key, ledger);
      this.#isWhole = true;
    }
    return [...looked].filter(portId => this.#set(portId, this.#isInstalled(portId, ledger)));
  }

  /** The port whose fragment this key is, if it concerns this hypervisor alone. */
  #ownerOf(key: string, ledger: HostLedger): string | null {
    const flight = ledger.inFlight.get(key);
    const entry = ledger.dirty.get(key);
    const portId =
      portOwning(this.#desired.get(key)?.fragment) ??
      portOwning(entry?.installed) ??
      portOwning(flight?.target) ??
      portOwning(flight?.entry.installed) ??
      this.#portOf.get(key) ??
      null;
    if (portId !== null && (entry !== undefined || flight !== undefined)) this.#portOf.set(key, portId);
    else this.#portOf.delete(key);
    return portId;
  }

  #isInstalled(portId: string, ledger: HostLedger): boolean {
    const keys = this.#desired.keysOnlyOn(this.#hypervisorId, portId);
    return keys.length > 0 && keys.every(key => !ledger.dirty.has(key) && !ledger.isInFlight(key));
  }

  /** Says whether that is news. */
  #set(portId: string, isInstalled: boolean): boolean {
    if (this.#ports.has(portId) === isInstalled) return false;
    if (isInstalled) this.#ports.add(portId);
    else this.#ports.delete(portId);
    return true;
  }
}

function portOwning(fragment: EncodedFragment | null | 'unknown' | undefined): string | null {
  if (fragment === null || fragment === undefined || fragment === 'unknown') return null;
  return fragment.scope.kind === 'hypervisor' && fragment.owner.kind === 'logical-switch-ports'
    ? fragment.owner.id
    : null;
}
