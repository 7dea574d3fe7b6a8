/** Port-mod: changes the administrative configuration of a port. */
import { flagsOf, fromVersion, list, mapped, padding, u32, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { Version } from '../version.js';
import { macAddress } from './fields.js';
import { kindStruct, type MessageDeclaration } from './message.js';
import { PortConfig } from './port.js';

const PortModProperty = tlv({ ethernet: tlvCase(0, struct({ advertise: u32 })) });

const common = {
  port: u32,
  gap: padding(4),
  /** Must be the address that the switch reports; a check against acting on another port. */
  hardwareAddress: macAddress,
  gap2: padding(2),
  config: flagsOf(u32, PortConfig),
  /** The bits of `config` that are to change. */
  mask: flagsOf(u32, PortConfig),
} as const;

const current = kindStruct('portMod', { ...common, properties: list(PortModProperty) });
export type PortMod = Infer<typeof current>;

const fixed = struct({ ...common, advertise: u32, gap3: padding(4) });

const earlier = mapped(
  fixed,
  ({ advertise, ...port }): PortMod => {
    return { kind: 'portMod', ...port, properties: advertise === 0 ? [] : [{ kind: 'ethernet', advertise }] };
  },
  ({ properties, ...port }) => {
    const link = properties.find(property => property.kind === 'ethernet');
    return { ...port, advertise: link?.advertise ?? 0 };
  },
);

export const PortMod: MessageDeclaration<PortMod> = {
  kind: 'portMod',
  tag: { type: 16 },
  body: fromVersion<PortMod>(Version.openflow14, current, earlier),
};
