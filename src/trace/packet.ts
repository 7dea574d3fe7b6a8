/** A packet on its way through a switch: its fields, and the registers, which are parts of each other. */
import type { Match, OxmField, Subfield } from '../../southbound/openflow/oxm.js';
import { oxm } from '../../southbound/openflow/oxm.js';

/** Fields of a packet, registers left out; what is not set is zero. */
export type PacketFields = ReadonlyMap<OxmField, bigint>;

/** The place of a register in the 512 bits that all registers share, from the right. */
const registerPlaces: ReadonlyMap<OxmField, bigint> = new Map(
  [
    { name: 'reg', bits: 32, count: 16 },
    { name: 'xreg', bits: 64, count: 8 },
    { name: 'xxreg', bits: 128, count: 4 },
  ].flatMap(({ name, bits, count }) =>
    Array.from({ length: count }, (_, index): [OxmField, bigint] => [
      oxm[`${name}${index}` as 'reg0'],
      BigInt(512 - bits * (index + 1)),
    ]),
  ),
);

export class Packet {
  #fields: Map<OxmField, bigint>;
  #registers = 0n;
  /** Ethernet header included. */
  readonly lengthBytes: number;

  constructor(fields: PacketFields, lengthBytes: number) {
    this.#fields = new Map(fields);
    this.lengthBytes = lengthBytes;
  }

  get fields(): PacketFields {
    return new Map(this.#fields);
  }

  get(field: OxmField): bigint {
    const place = registerPlaces.get(field);
    if (place !== undefined) return (this.#registers >> place) & field.allBits;
    return this.#fields.get(field === oxm.inPort16 ? oxm.inPort : field) ?? 0n;
  }

  set(field: OxmField, value: bigint, mask: bigint = field.allBits): void {
    const now = (this.get(field) & ~mask) | (value & mask);
    const place = registerPlaces.get(field);
    if (place === undefined) this.#fields.set(field === oxm.inPort16 ? oxm.inPort : field, now);
    else this.#registers = (this.#registers & ~(field.allBits << place)) | (now << place);
  }

  part({ field, offset, bits }: Subfield): bigint {
    return (this.get(field) >> BigInt(offset)) & ((1n << BigInt(bits)) - 1n);
  }

  setPart({ field, offset, bits }: Subfield, value: bigint): void {
    const mask = (1n << BigInt(bits)) - 1n;
    this.set(field, (value & mask) << BigInt(offset), mask << BigInt(offset));
  }

  fits(match: Match): boolean {
    return match.every(({ field, value, mask = field.allBits }) => (this.get(field) & mask) === (value & mask));
  }

  /** The packet as it is now, which nothing changes any more. */
  copy(): Packet {
    const now = new Packet(this.#fields, this.lengthBytes);
    now.#registers = this.#registers;
    return now;
  }

  /** Does something whose changes of the packet nobody else sees. */
  apart(act: () => void): void {
    const [fields, registers] = [new Map(this.#fields), this.#registers];
    act();
    this.#fields = fields;
    this.#registers = registers;
  }
}
