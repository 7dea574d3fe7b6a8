/**
 * Which asynchronous messages a controller gets, by kind and role: a bit for each reason. OpenFlow 1.4 made the six
 * fixed masks of 1.3 into properties; a value always has properties.
 */
import { fromVersion, list, mapped, u32, type Infer } from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { tlv, tlvCase } from '../../wire/tlv.js';
import { Version } from '../version.js';
import { message, type ValueOf } from './message.js';

const mask = struct({ mask: u32 });

const cases = {
  packetInSlave: tlvCase(0, mask),
  packetInMaster: tlvCase(1, mask),
  portStatusSlave: tlvCase(2, mask),
  portStatusMaster: tlvCase(3, mask),
  flowRemovedSlave: tlvCase(4, mask),
  flowRemovedMaster: tlvCase(5, mask),
  roleStatusSlave: tlvCase(6, mask),
  roleStatusMaster: tlvCase(7, mask),
  tableStatusSlave: tlvCase(8, mask),
  tableStatusMaster: tlvCase(9, mask),
  requestForwardSlave: tlvCase(10, mask),
  requestForwardMaster: tlvCase(11, mask),
};
const AsyncProperty = tlv(cases);
export type AsyncProperty = Infer<typeof AsyncProperty>;

/** Every kind of message that comes unasked, as slave and otherwise. */
export const asyncKinds = Object.keys(cases) as readonly (keyof typeof cases)[];

/** OpenFlow 1.3: the mask for master and equal, then the one for slave, of each kind. */
const fixed = struct({
  packetInMaster: u32,
  packetInSlave: u32,
  portStatusMaster: u32,
  portStatusSlave: u32,
  flowRemovedMaster: u32,
  flowRemovedSlave: u32,
});
const none: Infer<typeof fixed> = {
  packetInMaster: 0,
  packetInSlave: 0,
  portStatusMaster: 0,
  portStatusSlave: 0,
  flowRemovedMaster: 0,
  flowRemovedSlave: 0,
};

function propertiesOf(masks: Infer<typeof fixed>): readonly AsyncProperty[] {
  return [
    { kind: 'packetInSlave', mask: masks.packetInSlave },
    { kind: 'packetInMaster', mask: masks.packetInMaster },
    { kind: 'portStatusSlave', mask: masks.portStatusSlave },
    { kind: 'portStatusMaster', mask: masks.portStatusMaster },
    { kind: 'flowRemovedSlave', mask: masks.flowRemovedSlave },
    { kind: 'flowRemovedMaster', mask: masks.flowRemovedMaster },
  ];
}

function masksOf(properties: readonly AsyncProperty[]): Infer<typeof fixed> {
  const given = properties.flatMap(property => (property.kind === 'unknown' ? [] : [[property.kind, property.mask]]));
  return { ...none, ...Object.fromEntries(given) };
}

const properties = fromVersion<readonly AsyncProperty[]>(
  Version.openflow14,
  list(AsyncProperty),
  mapped(fixed, propertiesOf, masksOf),
);

export const GetAsyncRequest = message('getAsyncRequest', 26, {});
export type GetAsyncRequest = ValueOf<typeof GetAsyncRequest>;

export const GetAsyncReply = message('getAsyncReply', 27, { properties });
export type GetAsyncReply = ValueOf<typeof GetAsyncReply>;

export const SetAsync = message('setAsync', 28, { properties });
export type SetAsync = ValueOf<typeof SetAsync>;
