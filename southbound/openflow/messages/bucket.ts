/**
 * Buckets and properties of groups. OpenFlow 1.5 names buckets and moves their weight and watches into properties;
 * values look the same at every version: null stands for "not given".
 */
import {
  fromVersion,
  lengthOf,
  list,
  mapped,
  padding,
  fixedString,
  totalLength,
  u16,
  u32,
  u64,
  type Codec,
  type Infer,
} from '../../wire/codec.js';
import { struct } from '../../wire/struct.js';
import { experimenterCase, tlv, tlvCase, type UnknownTlv } from '../../wire/tlv.js';
import { actionsCodec } from '../action-codec.js';
import type { Action } from '../actions.js';
import { fieldSetCodec } from '../match-codec.js';
import { Version } from '../version.js';
import { Wildcard } from './fields.js';
import { Experimenter } from './message.js';

export interface Bucket {
  /** Unique within its group; before OpenFlow 1.5 it does not exist and reads as 0. */
  readonly bucketId: number;
  /** Select groups only. */
  readonly weight: number | null;
  /** The bucket is live while this port, or that group, is. Fast-failover groups need one of them. */
  readonly watchPort: number | null;
  readonly watchGroup: number | null;
  readonly actions: readonly Action[];
  readonly otherProperties: readonly UnknownTlv[];
}

const BucketProperty = tlv({
  weight: tlvCase(0, struct({ weight: u16, gap: padding(2) })),
  watchPort: tlvCase(1, struct({ port: u32 })),
  watchGroup: tlvCase(2, struct({ group: u32 })),
});
type BucketProperty = Infer<typeof BucketProperty>;

const withProperties = struct({
  totalLength,
  actionsLength: lengthOf('actions'),
  bucketId: u32,
  actions: actionsCodec,
  properties: list(BucketProperty),
});

function bucketProperties(bucket: Bucket): readonly BucketProperty[] {
  const { weight, watchPort, watchGroup } = bucket;
  const properties: BucketProperty[] = [];
  if (weight !== null) properties.push({ kind: 'weight', weight });
  if (watchPort !== null) properties.push({ kind: 'watchPort', port: watchPort });
  if (watchGroup !== null) properties.push({ kind: 'watchGroup', group: watchGroup });
  return [...properties, ...bucket.otherProperties];
}

const current = mapped(
  withProperties,
  ({ bucketId, actions, properties }): Bucket => ({
    bucketId,
    actions,
    weight: properties.find(property => property.kind === 'weight')?.weight ?? null,
    watchPort: properties.find(property => property.kind === 'watchPort')?.port ?? null,
    watchGroup: properties.find(property => property.kind === 'watchGroup')?.group ?? null,
    otherProperties: properties.filter(property => property.kind === 'unknown'),
  }),
  bucket => ({ bucketId: bucket.bucketId, actions: bucket.actions, properties: bucketProperties(bucket) }),
);

const fixed = struct({
  totalLength,
  weight: u16,
  watchPort: u32,
  watchGroup: u32,
  gap: padding(4),
  actions: actionsCodec,
});

const earlier = mapped(
  fixed,
  ({ weight, watchPort, watchGroup, actions }): Bucket => ({
    bucketId: 0,
    weight: weight === 0 ? null : weight,
    watchPort: watchPort === Wildcard.port ? null : watchPort,
    watchGroup: watchGroup === Wildcard.group ? null : watchGroup,
    actions,
    otherProperties: [],
  }),
  ({ weight, watchPort, watchGroup, actions }) => ({
    weight: weight ?? 0,
    watchPort: watchPort ?? Wildcard.port,
    watchGroup: watchGroup ?? Wildcard.group,
    actions,
  }),
);

export const Bucket: Codec<Bucket> = fromVersion(Version.openflow15, current, earlier);

/** A bucket of which only what is given is asked. */
export function bucket(given: Partial<Bucket> & Pick<Bucket, 'bucketId' | 'actions'>): Bucket {
  return { weight: null, watchPort: null, watchGroup: null, otherProperties: [], ...given };
}

/**
 * How a select group chooses a bucket (Netronome's extension, which Open vSwitch has from OpenFlow 1.5 on): `hash` over
 * `fields`, whose values are masks, or `dp_hash`; the parameter is the hash's basis or algorithm.
 */
export const GroupProperty = tlv({
  selectionMethod: experimenterCase(
    Experimenter.netronome,
    1,
    struct({ gap: padding(4), method: fixedString(16), parameter: u64, fields: fieldSetCodec }),
  ),
});
export type GroupProperty = Infer<typeof GroupProperty>;

export const GroupType = { all: 0, select: 1, indirect: 2, fast_failover: 3 } as const;
