/**
 * Who holds a virtual address: the port that has announced it last. The switch sends what its ports announce (compiler/switching/
 * virtual-address.ts), after port security; a port that may have the address is written down as its holder, and nothing is answered.
 */
import { formatIp, type IpAddress } from '../base/address.js';
import type { Clock } from '../base/clock.js';
import type { Logger } from '../base/log.js';
import type { HolderFinding } from '../store/nouns/virtual-address.js';
import type { NetworkReader } from '../view/network-view.js';
import { type ViewRow, virtualPlace } from '../view/rows.js';
import { parseFrame, ipProtocol } from './packets/frame.js';

export interface VirtualAddressesOptions {
  readonly view: NetworkReader;
  readonly clock: Clock;
  readonly log: Logger;
  isInCharge(this: void): boolean;
  /** Writes holders into the store. */
  record(this: void, findings: readonly HolderFinding[]): Promise<void>;
}

const arpType = 0x0806;
/** Where ARP over Ethernet has the address of the sender, and how long such a frame is at least. */
const arpPlace = { sender: 28, end: 42 } as const;
const advertisement = 136;
/** Bytes of an advertisement before its target, and up to its end. */
const advertisementPlace = { target: 8, end: 24 } as const;
/** What could not be written is tried again after so long. */
const retryMs = 1_000;

const numberOf = (bytes: Uint8Array): bigint => bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);

/** The address that the frame announces; null: it announces none. */
export function announcedAddress(frame: Uint8Array): IpAddress | null {
  if ((((frame[12] ?? 0) << 8) | (frame[13] ?? 0)) === arpType) {
    if (frame.length < arpPlace.end) return null;
    return { family: 4, value: numberOf(frame.subarray(arpPlace.sender, arpPlace.sender + 4)) };
  }
  const packet = parseFrame(frame)?.packet;
  if (packet?.family !== 6 || packet.protocol !== ipProtocol.icmpv6 || packet.isLaterFragment) return null;
  const { payload } = packet;
  if (payload[0] !== advertisement || payload.length < advertisementPlace.end) return null;
  return { family: 6, value: numberOf(payload.subarray(advertisementPlace.target, advertisementPlace.end)) };
}

export class VirtualAddresses {
  readonly #options: VirtualAddressesOptions;
  /** Holders that are to be written down, by virtual address: of several announcements the last counts. */
  readonly #found = new Map<string, string>();
  #isRecording = false;
  #cancelRetry: (() => void) | null = null;
  #isStopped = false;

  constructor(options: VirtualAddressesOptions) {
    this.#options = options;
  }

  /** A port has announced something; false: nothing that it may have. */
  hear({ id, logicalSwitchId }: ViewRow<'bound-ports'>, frame: Uint8Array): boolean {
    const address = announcedAddress(frame);
    if (address === null) return false;
    const place = virtualPlace(logicalSwitchId, formatIp(address.family, address.value));
    const [row] = this.#options.view.by('virtual-addresses', 'address', place);
    if (row === undefined || !row.logicalSwitchPortIds.includes(id)) return false;
    if (row.holderId === id && !this.#found.has(row.id) && !this.#isRecording) return true;
    this.#found.set(row.id, id);
    void this.#record();
    return true;
  }

  /** Nothing more is written. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#cancelRetry = null;
    this.#found.clear();
  }

  async #record(): Promise<void> {
    if (this.#isRecording || this.#cancelRetry !== null) return;
    const { record, isInCharge, clock, log } = this.#options;
    this.#isRecording = true;
    while (this.#found.size > 0 && this.#cancelRetry === null) {
      const findings = [...this.#found].map(([virtualAddressId, portId]) => ({ virtualAddressId, portId }));
      this.#found.clear();
      if (!isInCharge()) break;
      try {
        await record(findings);
      } catch (error) {
        if (this.#isStopped) break;
        log.warn({ err: error }, 'holders of virtual addresses are not written down');
        // Who has been heard since counts more.
        for (const { virtualAddressId, portId } of findings)
          if (!this.#found.has(virtualAddressId)) this.#found.set(virtualAddressId, portId);
        this.#cancelRetry = clock.after(retryMs, () => {
          this.#cancelRetry = null;
          void this.#record();
        });
      }
    }
    this.#isRecording = false;
  }
}
