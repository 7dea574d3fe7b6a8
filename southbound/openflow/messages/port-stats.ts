/** Multipart statistics and descriptions of ports. */
import {
  constant,
  fromVersion,
  list,
  mapped,
  padding,
  totalLength,
  u32,
  u64,
  type Codec,
  type Infer,
} from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { Version } from '../version.js';
import { duration, Wildcard } from './fields.js';
import { multipart } from './multipart-kind.js';
import { Port } from './port.js';

const traffic = {
  rxPackets: u64,
  txPackets: u64,
  rxBytes: u64,
  txBytes: u64,
  rxDropped: u64,
  txDropped: u64,
  rxErrors: u64,
  txErrors: u64,
} as const;
const ethernet = { rxFrameErrors: u64, rxOverErrors: u64, rxCrcErrors: u64, collisions: u64 } as const;

const PortStatsProperty = tlv({ ethernet: tlvCase(0, struct({ gap: padding(4), ...ethernet })) });

/** A counter that the switch does not keep is all ones. */
const current = struct({
  totalLength,
  gap: padding(2),
  port: u32,
  ...duration,
  ...traffic,
  properties: list(PortStatsProperty),
});
export type PortStats = Infer<typeof current>;

const fixed = struct({ port: u32, gap: padding(4), ...traffic, ...ethernet, ...duration });
const noEthernet = { rxFrameErrors: 0n, rxOverErrors: 0n, rxCrcErrors: 0n, collisions: 0n };

const earlier = mapped(
  fixed,
  ({ rxFrameErrors, rxOverErrors, rxCrcErrors, collisions, ...port }): PortStats => ({
    ...port,
    properties: [{ kind: 'ethernet', rxFrameErrors, rxOverErrors, rxCrcErrors, collisions }],
  }),
  ({ properties, ...port }) => {
    return { ...port, ...noEthernet, ...properties.find(property => property.kind === 'ethernet') };
  },
);

const PortStats: Codec<PortStats> = fromVersion(Version.openflow14, current, earlier);

export const PortStatsKind = multipart('portStats', 4, {
  request: { port: u32, gap: padding(4) },
  reply: { ports: list(PortStats) },
});

/** Before OpenFlow 1.5 the request always is about every port. */
const requestedPort: Codec<number> = fromVersion<number>(
  Version.openflow15,
  mapped(
    struct({ port: u32, gap: padding(4) }),
    ({ port }) => port,
    port => ({ port }),
  ),
  constant<number>(Wildcard.port),
);

export const PortDescription = multipart('portDescription', 13, {
  request: { port: requestedPort },
  reply: { ports: list(Port) },
});
