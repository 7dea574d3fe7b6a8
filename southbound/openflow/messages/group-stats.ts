/** Multipart statistics, descriptions and features of groups. */
import {
  constant,
  enumOf,
  fromVersion,
  lengthOf,
  list,
  listOf,
  mapped,
  padding,
  totalLength,
  u32,
  u8,
  type Codec,
  type Infer,
} from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { Version } from '../version.js';
import { Bucket, GroupProperty, GroupType } from './bucket.js';
import { counted, Counters, duration, Wildcard } from './fields.js';
import { multipart } from './multipart-kind.js';

const GroupStats = struct({
  totalLength,
  gap: padding(2),
  groupId: u32,
  /** Flows and groups that forward to it. */
  referenceCount: u32,
  gap2: padding(4),
  ...counted,
  ...duration,
  buckets: list(Counters),
});
export type GroupStats = Infer<typeof GroupStats>;

export const GroupStatsKind = multipart('groupStats', 6, {
  request: { groupId: u32, gap: padding(4) },
  reply: { groups: list(GroupStats) },
});

const current = struct({
  totalLength,
  type: enumOf(u8, GroupType),
  gap: padding(1),
  groupId: u32,
  bucketsLength: lengthOf('buckets'),
  gap2: padding(6),
  buckets: list(Bucket),
  properties: list(GroupProperty),
});
export type GroupDescription = Infer<typeof current>;

const earlier = mapped(
  struct({ totalLength, type: enumOf(u8, GroupType), gap: padding(1), groupId: u32, buckets: list(Bucket) }),
  (wire): GroupDescription => ({ ...wire, properties: [] }),
  value => value,
);

const GroupDescription: Codec<GroupDescription> = fromVersion(Version.openflow15, current, earlier);

/** Before OpenFlow 1.5 the request always is about every group. */
const requestedGroup: Codec<number> = fromVersion<number>(
  Version.openflow15,
  mapped(
    struct({ groupId: u32, gap: padding(4) }),
    ({ groupId }) => groupId,
    groupId => ({ groupId }),
  ),
  constant<number>(Wildcard.allGroups),
);

export const GroupDescriptionKind = multipart('groupDescription', 7, {
  request: { groupId: requestedGroup },
  reply: { groups: list(GroupDescription) },
});

/** Limits by type of group, in the order of `GroupType`; actions are bitmaps of action types. */
export const GroupFeatures = multipart('groupFeatures', 8, {
  request: {},
  reply: { types: u32, capabilities: u32, maximumGroups: listOf(4, u32), actions: listOf(4, u32) },
});
