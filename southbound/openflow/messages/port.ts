/**
 * The description of a port, as port-status and the port description multipart carry it. What OpenFlow 1.3 has in
 * fixed fields is the `ethernet` property from 1.4 on; a value always has it as a property.
 */
import {
  flagsOf,
  fromVersion,
  list,
  mapped,
  padding,
  totalLength,
  u32,
  type Codec,
  type Infer,
} from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { Version } from '../version.js';
import { macAddress, name16 } from './fields.js';

export const PortConfig = { port_down: 1 << 0, no_recv: 1 << 2, no_fwd: 1 << 5, no_packet_in: 1 << 6 } as const;
export const PortState = { link_down: 1 << 0, blocked: 1 << 1, live: 1 << 2 } as const;

const ethernet = {
  /** Bitmaps of link modes (`OFPPF_*`). */
  current: u32,
  advertised: u32,
  supported: u32,
  peer: u32,
  /** kbit/s */
  currentSpeed: u32,
  maximumSpeed: u32,
} as const;

const PortProperty = tlv({ ethernet: tlvCase(0, struct({ gap: padding(4), ...ethernet })) });
export type PortProperty = Infer<typeof PortProperty>;

const described = {
  hardwareAddress: macAddress,
  gap2: padding(2),
  name: name16,
  config: flagsOf(u32, PortConfig),
  state: flagsOf(u32, PortState),
} as const;

const current = struct({ number: u32, totalLength, gap: padding(2), ...described, properties: list(PortProperty) });
export type Port = Infer<typeof current>;

const fixed = struct({ number: u32, gap: padding(4), ...described, ...ethernet });
const noEthernet = { current: 0, advertised: 0, supported: 0, peer: 0, currentSpeed: 0, maximumSpeed: 0 };

const earlier = mapped(
  fixed,
  ({ number, hardwareAddress, name, config, state, ...link }): Port => {
    return { number, hardwareAddress, name, config, state, properties: [{ kind: 'ethernet', ...link }] };
  },
  ({ properties, ...port }) => {
    return { ...port, ...noEthernet, ...properties.find(property => property.kind === 'ethernet') };
  },
);

export const Port: Codec<Port> = fromVersion(Version.openflow14, current, earlier);
