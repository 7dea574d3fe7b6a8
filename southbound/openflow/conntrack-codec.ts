/** The ct and nat actions on the wire. Source: nicira-ext, NXAST_CT and NXAST_NAT. */
import type { Codec } from '../wire/codec.js';
import { flagsOf, padding, u16, u8 } from '../wire/codec.js';
import { struct } from '../wire/struct.js';
import { WireError } from '../wire/wire-error.js';
import type { Action, NatAddressRange, NatPortRange } from './action.js';
import type { ActionBody } from './action-form.js';
import { packRange, seenAs, unpackRange } from './action-form.js';
import { shortField } from './match-codec.js';

const NO_TABLE = 0xff;

/** `nested` is what follows the head: actions done when the connection is committed. */
export function conntrackBody(nested: Codec<readonly Action[]>): Codec<ActionBody<'ct'>> {
  const wire = struct({
    flags: flagsOf(u16, { commit: 1, force: 2 }),
    zoneField: shortField,
    zoneOrRange: u16,
    table: u8,
    gap: padding(3),
    alg: u16,
    actions: nested,
  });
  return seenAs(
    wire,
    ({ flags, zoneField, zoneOrRange, table, alg, actions }, at) => ({
      commit: flags.includes('commit'),
      force: flags.includes('force'),
      zone: zoneField === null ? zoneOrRange : unpackRange(zoneField, zoneOrRange, at),
      table: table === NO_TABLE ? null : table,
      alg,
      actions,
    }),
    ({ commit, force, zone, table, alg, actions }, at) => ({
      flags: [...(commit ? (['commit'] as const) : []), ...(force ? (['force'] as const) : [])],
      zoneField: typeof zone === 'number' ? null : zone.field,
      zoneOrRange: typeof zone === 'number' ? zone : packRange(zone, at),
      table: table ?? NO_TABLE,
      alg,
      actions,
    }),
  );
}

const NatFlag = { source: 1, destination: 2, persistent: 4, hash: 8, random: 16 } as const;
const natFlags = flagsOf(u16, NatFlag);
const present = flagsOf(u16, {
  ipv4First: 0x01,
  ipv4Last: 0x02,
  ipv6First: 0x04,
  ipv6Last: 0x08,
  portFirst: 0x10,
  portLast: 0x20,
});
const natHead = struct({ gap: padding(2), flags: natFlags, present });

function flagsOfNat({ direction, persistent, selection }: ActionBody<'nat'>): readonly (keyof typeof NatFlag)[] {
  const direct = direction === null ? [] : [direction];
  const select = selection === null ? [] : [selection];
  return [...direct, ...(persistent ? (['persistent'] as const) : []), ...select];
}

function presentInNat({ addresses, ports }: ActionBody<'nat'>) {
  const family = addresses?.family === 4 ? (['ipv4First', 'ipv4Last'] as const) : (['ipv6First', 'ipv6Last'] as const);
  const address = addresses === null ? [] : addresses.first === addresses.last ? family.slice(0, 1) : family;
  const port =
    ports === null ? [] : ports.first === ports.last ? (['portFirst'] as const) : (['portFirst', 'portLast'] as const);
  return [...address, ...port];
}

/** A range whose end is left out when it is its beginning. Only one address family may be there. */
export const natCodec: Codec<ActionBody<'nat'>> = {
  minimumBytes: natHead.minimumBytes,
  encode: (writer, value) => {
    const { addresses, ports } = value;
    natHead.encode(writer, { flags: flagsOfNat(value), present: presentInNat(value) });
    if (addresses !== null) {
      const bytes = addresses.family === 4 ? 4 : 16;
      writer.unsigned(addresses.first, bytes);
      if (addresses.last !== addresses.first) writer.unsigned(addresses.last, bytes);
    }
    if (ports !== null) {
      writer.u16(ports.first);
      if (ports.last !== ports.first) writer.u16(ports.last);
    }
  },
  decode: reader => {
    const at = reader.offset;
    const { flags, present: parts } = natHead.decode(reader);
    const has = (part: (typeof parts)[number]) => parts.includes(part);
    const ends = <T>(first: boolean, last: boolean, read: () => T): { first: T; last: T } | null => {
      if (!first && !last) return null;
      if (!first) throw new WireError('bad_value', 'NAT range with an end and no beginning', at);
      const from = read();
      return { first: from, last: last ? read() : from };
    };
    const ipv4 = ends(has('ipv4First'), has('ipv4Last'), () => BigInt(reader.u32()));
    const ipv6 = ends(has('ipv6First'), has('ipv6Last'), () => reader.unsigned(16));
    if (ipv4 !== null && ipv6 !== null) throw new WireError('bad_value', 'NAT range of both address families', at);
    const addresses: NatAddressRange | null =
      ipv4 !== null ? { family: 4, ...ipv4 } : ipv6 !== null ? { family: 6, ...ipv6 } : null;
    const ports: NatPortRange | null = ends(has('portFirst'), has('portLast'), () => reader.u16());
    return {
      direction: flags.includes('source') ? 'source' : flags.includes('destination') ? 'destination' : null,
      persistent: flags.includes('persistent'),
      selection: flags.includes('hash') ? 'hash' : flags.includes('random') ? 'random' : null,
      addresses,
      ports,
    };
  },
};
